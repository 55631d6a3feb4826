// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {ExchangeBase} from "../base/ExchangeBase.sol";

contract AttestTest is ExchangeBase {
    function setUp() public override {
        super.setUp();
        _register("m1");
    }

    function test_storesEverySlotAndSaysSo() public {
        uint64[] memory quantities = new uint64[](3);
        (quantities[0], quantities[1], quantities[2]) = (10, 0, 30);
        IResourceVerification.Attestation memory attestation = _attestation("m1", quantities, 7);
        attestation.firstSlot = 5;
        bytes[] memory signatures = _operatorSignatures(attestation, 2);
        for (uint64 i = 0; i < 3; ++i) {
            vm.expectEmit(address(exchange));
            emit IResourceVerification.SlotAttested(supplier, "m1", 5 + i, quantities[i], 7, EXPIRY);
        }
        vm.prank(stranger);
        exchange.attest(attestation, signatures);
        for (uint64 i = 0; i < 3; ++i) {
            IResourceVerification.Slot memory slot = exchange.slotOf(supplier, "m1", 5 + i);
            vm.assertEq(slot.attested, quantities[i]);
            vm.assertEq(slot.committed, 0);
            vm.assertEq(slot.version, 7);
            vm.assertEq(slot.expiry, EXPIRY);
        }
        vm.assertEq(exchange.slotOf(supplier, "m1", 4).version, 0);
        vm.assertEq(exchange.slotOf(supplier, "m1", 8).version, 0);
    }

    function test_acceptsMoreThanThreshold() public {
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(10), 1);
        exchange.attest(attestation, _operatorSignatures(attestation, 3));
        vm.assertEq(_slot("m1").attested, 10);
    }

    function test_refusesUnregisteredResource() public {
        _refuses(
            _attestation("m2", _quantities(10), 1),
            abi.encodeWithSelector(IResourceVerification.NotRegistered.selector, supplier, bytes32("m2"))
        );
    }

    function test_refusesResourceRegisteredByAnother() public {
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(10), 1);
        attestation.supplier = stranger;
        _refuses(
            attestation, abi.encodeWithSelector(IResourceVerification.NotRegistered.selector, stranger, bytes32("m1"))
        );
    }

    function test_refusesAnotherUnit() public {
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(10), 1);
        attestation.unit = "piece";
        _refuses(
            attestation,
            abi.encodeWithSelector(IResourceVerification.WrongUnit.selector, bytes32("m1"), bytes32("piece"), UNIT)
        );
    }

    function test_refusesExpired() public {
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(10), 1);
        attestation.firstSlot = 3;
        attestation.expiry = NOW;
        _refuses(
            attestation,
            abi.encodeWithSelector(IResourceVerification.AttestationExpired.selector, bytes32("m1"), 3, NOW)
        );
        attestation.expiry = NOW + 1;
        _attest(attestation);
    }

    function test_refusesSameOrOlderVersion() public {
        _attest(_attestation("m1", _quantities(10), 5));
        for (uint64 version = 4; version < 6; ++version) {
            _refuses(
                _attestation("m1", _quantities(20), version),
                abi.encodeWithSelector(IResourceVerification.StaleVersion.selector, bytes32("m1"), 0, version, 5)
            );
        }
        vm.assertEq(_slot("m1").attested, 10);
    }

    function test_refusesVersionZero() public {
        _refuses(
            _attestation("m1", _quantities(10), 0),
            abi.encodeWithSelector(IResourceVerification.StaleVersion.selector, bytes32("m1"), 0, 0, 0)
        );
    }

    function test_oneStaleSlotRefusesAll() public {
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(10), 2);
        attestation.firstSlot = 1;
        _attest(attestation);
        _refuses(
            _attestation("m1", new uint64[](2), 2),
            abi.encodeWithSelector(IResourceVerification.StaleVersion.selector, bytes32("m1"), 1, 2, 2)
        );
        vm.assertEq(_slot("m1").version, 0);
    }

    function test_versionsAreCountedPerSlot() public {
        _attest(_attestation("m1", _quantities(10), 9));
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(4), 1);
        attestation.firstSlot = 1;
        _attest(attestation);
        vm.assertEq(exchange.slotOf(supplier, "m1", 1).attested, 4);
        vm.assertEq(_slot("m1").attested, 10);
    }

    function test_refusesSlotThatEndsPast64Bits() public {
        IResourceVerification.Attestation memory attestation = _attestation("m1", new uint64[](2), 1);
        attestation.firstSlot = type(uint64).max;
        _refuses(
            attestation,
            abi.encodeWithSelector(
                IResourceVerification.SlotOutOfRange.selector, bytes32("m1"), uint256(type(uint64).max)
            )
        );
        attestation.firstSlot = (type(uint64).max - NOW) / HOUR - 1;
        _refuses(
            attestation,
            abi.encodeWithSelector(
                IResourceVerification.SlotOutOfRange.selector, bytes32("m1"), uint256(attestation.firstSlot) + 1
            )
        );
        attestation.quantities = _quantities(1);
        _attest(attestation);
        vm.assertEq(exchange.slotOf(supplier, "m1", attestation.firstSlot).attested, 1);
    }

    function test_refusesTooFewSignatures() public {
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(10), 1);
        bytes[] memory signatures = _operatorSignatures(attestation, 1);
        vm.expectRevert(abi.encodeWithSelector(IResourceVerification.TooFewSignatures.selector, 1, 2));
        exchange.attest(attestation, signatures);
    }

    function test_refusesOneOperatorCountedTwice() public {
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(10), 1);
        bytes[] memory signatures = _operatorSignatures(attestation, 2);
        signatures[1] = signatures[0];
        _refusesSignature(attestation, signatures, 1, operatorAccounts[0]);
    }

    function test_refusesDescendingSigners() public {
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(10), 1);
        bytes[] memory signatures = _operatorSignatures(attestation, 2);
        (signatures[0], signatures[1]) = (signatures[1], signatures[0]);
        _refusesSignature(attestation, signatures, 1, operatorAccounts[0]);
    }

    function test_refusesStrangersSignature() public {
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(10), 1);
        bytes[] memory signatures = _operatorSignatures(attestation, 2);
        signatures[0] = _sign(STRANGER_KEY, _digest(attestation));
        _refusesSignature(attestation, signatures, 0, stranger);
    }

    function test_refusesBadSignatureBeyondThreshold() public {
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(10), 1);
        bytes[] memory signatures = _operatorSignatures(attestation, 3);
        signatures[2] = "";
        _refusesSignature(attestation, signatures, 2, address(0));
    }

    function test_refusesChangedQuantity() public {
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(10), 1);
        bytes[] memory signatures = _operatorSignatures(attestation, 2);
        attestation.quantities[0] = 11;
        _refusesSignature(attestation, signatures, 0, _recovered(_digest(attestation), signatures[0]));
        vm.assertEq(_slot("m1").version, 0);
        attestation.quantities[0] = 10;
        exchange.attest(attestation, signatures);
        vm.assertEq(_slot("m1").attested, 10);
    }

    function test_lowersBelowCommittedWithoutTouchingIt() public {
        _attest(_attestation("m1", _quantities(10), 1));
        _list("m1", 8);
        _attest(_attestation("m1", _quantities(3), 2));
        vm.assertEq(_slot("m1").attested, 3);
        vm.assertEq(_slot("m1").committed, 8);
        vm.assertEq(_listing("m1").available, 8);
    }

    function _refuses(IResourceVerification.Attestation memory attestation, bytes memory reason) private {
        bytes[] memory signatures = _operatorSignatures(attestation, 2);
        vm.expectRevert(reason);
        exchange.attest(attestation, signatures);
    }

    function _refusesSignature(
        IResourceVerification.Attestation memory attestation,
        bytes[] memory signatures,
        uint256 index,
        address recovered
    ) private {
        vm.expectRevert(abi.encodeWithSelector(IResourceVerification.BadOperatorSignature.selector, index, recovered));
        exchange.attest(attestation, signatures);
    }
}
