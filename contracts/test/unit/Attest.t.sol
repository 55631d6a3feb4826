// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IOperators} from "../../src/interfaces/IOperators.sol";
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
        IOperators.OperatorSignature[] memory signatures = _decided(this.hashOf(attestation));
        for (uint64 i = 0; i < 3; ++i) {
            vm.expectEmit(address(exchange));
            emit IResourceVerification.SlotAttested(supplier, "m1", 5 + i, quantities[i], 7, EXPIRY);
        }
        _as(stranger, abi.encodeCall(exchange.attest, (attestation, signatures)));
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
        exchange.attest(attestation, _operatorSignatures(this.hashOf(attestation), 3));
        vm.assertEq(_slot("m1").attested, 10);
    }

    function test_replacesASealedAttestation() public {
        _attest(_sealedAttestation("commitment", 1));
        _attest(_attestation("m1", _quantities(10), 2));
        vm.assertEq(_slot("m1").attested, 10);
        vm.assertEq(exchange.sealOf(supplier, "m1", 0), bytes32(0));
    }

    function test_refusesUnregisteredResource() public {
        _refusesAttestation(
            _attestation("m2", _quantities(10), 1),
            abi.encodeWithSelector(IResourceVerification.NotRegistered.selector, supplier, bytes32("m2"))
        );
    }

    function test_refusesResourceRegisteredByAnother() public {
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(10), 1);
        attestation.supplier = stranger;
        _refusesAttestation(
            attestation, abi.encodeWithSelector(IResourceVerification.NotRegistered.selector, stranger, bytes32("m1"))
        );
    }

    function test_refusesAnotherUnit() public {
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(10), 1);
        attestation.unit = "piece";
        _refusesAttestation(
            attestation,
            abi.encodeWithSelector(IResourceVerification.WrongUnit.selector, bytes32("m1"), bytes32("piece"), UNIT)
        );
    }

    function test_refusesAnotherCalendar() public {
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(10), 1);
        attestation.origin = NOW - 1;
        _refusesAttestation(attestation, _wrongCalendar(NOW - 1, HOUR));
        (attestation.origin, attestation.slotLength) = (NOW, HOUR + 1);
        _refusesAttestation(attestation, _wrongCalendar(NOW, HOUR + 1));
    }

    function test_refusesAnyOperatorSetButTheCurrent() public {
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(10), 1);
        uint32[3] memory wrong = [uint32(0), 2, type(uint32).max];
        for (uint256 i = 0; i < wrong.length; ++i) {
            attestation.operatorSet = wrong[i];
            _refusesAttestation(attestation, abi.encodeWithSelector(IOperators.WrongOperatorSet.selector, wrong[i], 1));
        }
    }

    function test_refusesExpired() public {
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(10), 1);
        attestation.firstSlot = 3;
        attestation.expiry = NOW;
        _refusesAttestation(
            attestation,
            abi.encodeWithSelector(IResourceVerification.AttestationExpired.selector, bytes32("m1"), 3, NOW)
        );
        attestation.expiry = NOW + 1;
        _attest(attestation);
    }

    function test_refusesSameOrOlderVersion() public {
        _attest(_attestation("m1", _quantities(10), 5));
        for (uint64 version = 4; version < 6; ++version) {
            _refusesAttestation(_attestation("m1", _quantities(20), version), _stale(0, version, 5));
        }
    }

    function test_refusesVersionZero() public {
        _refusesAttestation(_attestation("m1", _quantities(10), 0), _stale(0, 0, 0));
    }

    function test_oneStaleSlotRefusesAll() public {
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(10), 2);
        attestation.firstSlot = 1;
        _attest(attestation);
        _refusesAttestation(_attestation("m1", new uint64[](2), 2), _stale(1, 2, 2));
    }

    function test_versionsAreCountedPerSlot() public {
        _attest(_attestation("m1", _quantities(10), 9));
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(4), 1);
        attestation.firstSlot = 1;
        _attest(attestation);
        vm.assertEq(exchange.slotOf(supplier, "m1", 1).attested, 4);
        vm.assertEq(_slot("m1").attested, 10);
    }

    function test_refusesSlotThatEndsPast40Bits() public {
        IResourceVerification.Attestation memory attestation = _attestation("m1", new uint64[](2), 1);
        attestation.firstSlot = type(uint64).max;
        _refusesAttestation(attestation, _outOfRange(type(uint64).max));
        attestation.firstSlot = (2 ** 40 - 1 - NOW) / HOUR - 1;
        _refusesAttestation(attestation, _outOfRange(attestation.firstSlot + 1));
        attestation.quantities = _quantities(1);
        _attest(attestation);
        vm.assertEq(exchange.slotOf(supplier, "m1", attestation.firstSlot).attested, 1);
    }

    function test_refusesTooFewSignatures() public {
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(10), 1);
        _refuses(
            stranger,
            abi.encodeCall(exchange.attest, (attestation, _operatorSignatures(this.hashOf(attestation), 1))),
            abi.encodeWithSelector(IOperators.TooFewSignatures.selector, 1, 2)
        );
    }

    function test_refusesDescendingSigners() public {
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(10), 1);
        IOperators.OperatorSignature[] memory signatures = _decided(this.hashOf(attestation));
        (signatures[0], signatures[1]) = (signatures[1], signatures[0]);
        _refusesSignature(attestation, signatures, 1, operatorAccounts[0]);
    }

    function test_refusesTheSameSignerTwice() public {
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(10), 1);
        IOperators.OperatorSignature[] memory signatures = _decided(this.hashOf(attestation));
        signatures[1] = signatures[0];
        _refusesSignature(attestation, signatures, 1, operatorAccounts[0]);
    }

    function test_refusesStrangersSignature() public {
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(10), 1);
        IOperators.OperatorSignature[] memory signatures = _decided(this.hashOf(attestation));
        bytes memory strangers = _sign(STRANGER_KEY, _typed(this.hashOf(attestation)));
        // Under its own name, and under an operator's.
        signatures[0] = IOperators.OperatorSignature(stranger, strangers);
        _refusesSignature(attestation, signatures, 0, stranger);
        signatures[0] = IOperators.OperatorSignature(operatorAccounts[0], strangers);
        _refusesSignature(attestation, signatures, 0, operatorAccounts[0]);
        signatures[0] = IOperators.OperatorSignature(address(0), new bytes(65));
        _refusesSignature(attestation, signatures, 0, address(0));
    }

    function test_refusesBadSignatureBeyondThreshold() public {
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(10), 1);
        IOperators.OperatorSignature[] memory signatures = _operatorSignatures(this.hashOf(attestation), 3);
        signatures[2].signature = "";
        _refusesSignature(attestation, signatures, 2, operatorAccounts[2]);
    }

    /// @dev Every member is signed; those that are compared with what is registered are refused before the signatures.
    function test_refusesAnyMemberChanged() public {
        IResourceVerification.Attestation memory signed = _attestation("m1", _quantities(10), 1);
        IOperators.OperatorSignature[] memory signatures = _decided(this.hashOf(signed));
        _as(stranger, abi.encodeCall(exchange.registerResource, ("m1", UNIT, NOW, HOUR)));
        _register("m2");
        IResourceVerification.Attestation[6] memory changed;
        for (uint256 i = 0; i < changed.length; ++i) {
            changed[i] = _attestation("m1", _quantities(10), 1);
        }
        changed[0].supplier = stranger;
        changed[1].resource = "m2";
        changed[2].firstSlot = 1;
        changed[3].quantities[0] = 11;
        changed[4].version = 2;
        changed[5].expiry += 1;
        for (uint256 i = 0; i < changed.length; ++i) {
            _refusesSignature(changed[i], signatures, 0, operatorAccounts[0]);
        }
    }

    function _refusesAttestation(IResourceVerification.Attestation memory attestation, bytes memory reason) private {
        IOperators.OperatorSignature[] memory signatures = _decided(this.hashOf(attestation));
        _refuses(stranger, abi.encodeCall(exchange.attest, (attestation, signatures)), reason);
    }

    function _refusesSignature(
        IResourceVerification.Attestation memory attestation,
        IOperators.OperatorSignature[] memory signatures,
        uint256 index,
        address operator
    ) private {
        _refuses(
            stranger,
            abi.encodeCall(exchange.attest, (attestation, signatures)),
            abi.encodeWithSelector(IOperators.BadOperatorSignature.selector, index, operator)
        );
    }

    function _wrongCalendar(uint64 origin, uint64 slotLength) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IResourceVerification.WrongCalendar.selector, bytes32("m1"), origin, slotLength);
    }

    function _stale(uint64 slot, uint64 version, uint64 stored) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IResourceVerification.StaleVersion.selector, bytes32("m1"), slot, version, stored);
    }

    function _outOfRange(uint256 slot) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IResourceVerification.SlotOutOfRange.selector, bytes32("m1"), slot);
    }
}
