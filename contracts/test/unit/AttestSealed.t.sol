// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IOperators} from "../../src/interfaces/IOperators.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {ExchangeBase} from "../base/ExchangeBase.sol";

contract AttestSealedTest is ExchangeBase {
    function setUp() public override {
        super.setUp();
        _register("m1");
    }

    function test_storesTheSealAndSaysSo() public {
        IResourceVerification.SealedAttestation memory attestation = _sealedAttestation("commitment", 3);
        IOperators.OperatorSignature[] memory signatures = _decided(this.hashOf(attestation));
        vm.expectEmit(address(exchange));
        emit IResourceVerification.SlotSealed(supplier, "m1", 0, "commitment", 3, EXPIRY);
        _as(stranger, abi.encodeCall(exchange.attestSealed, (attestation, signatures)));
        vm.assertEq(exchange.sealOf(supplier, "m1", 0), bytes32("commitment"));
        vm.assertEq(_slot("m1").attested, 0);
        vm.assertEq(_slot("m1").version, 3);
        vm.assertEq(_slot("m1").expiry, EXPIRY);
    }

    function test_nothingCanBeListedBeforeItIsOpened() public {
        _attest(_sealedAttestation("commitment", 1));
        _refuses(
            supplier,
            abi.encodeCall(exchange.list, (_reports(_report("m1", 1)))),
            abi.encodeWithSelector(IResourceVerification.OverReported.selector, bytes32("m1"), 0, 1, 0, 0)
        );
    }

    function test_takesOffTheMarketWhatWasListed() public {
        _attest(_attestation("m1", _quantities(10), 1));
        _list("m1", 4);
        _attest(_sealedAttestation("commitment", 2));
        vm.assertEq(_slot("m1").committed, 0);
        vm.assertEq(_listing("m1").available, 0);
    }

    function test_takesTheLastUnitOffTheMarketToo() public {
        _attest(_attestation("m1", _quantities(10), 1));
        _list("m1", 1);
        _attest(_sealedAttestation("commitment", 2));
        vm.assertEq(_slot("m1").committed, 0);
        vm.assertEq(_listing("m1").available, 0);
    }

    function test_replacesAnOlderSeal() public {
        _attest(_sealedAttestation("first", 1));
        _attest(_sealedAttestation("second", 2));
        vm.assertEq(exchange.sealOf(supplier, "m1", 0), bytes32("second"));
    }

    function test_refusesSameVersion() public {
        _attest(_sealedAttestation("first", 1));
        _refusesSeal(
            _sealedAttestation("second", 1),
            abi.encodeWithSelector(IResourceVerification.StaleVersion.selector, bytes32("m1"), 0, 1, 1)
        );
    }

    function test_refusesUnregisteredResource() public {
        IResourceVerification.SealedAttestation memory attestation = _sealedAttestation("commitment", 1);
        attestation.resource = "m2";
        _refusesSeal(
            attestation, abi.encodeWithSelector(IResourceVerification.NotRegistered.selector, supplier, bytes32("m2"))
        );
    }

    function test_refusesAnotherUnit() public {
        IResourceVerification.SealedAttestation memory attestation = _sealedAttestation("commitment", 1);
        attestation.unit = "piece";
        _refusesSeal(
            attestation,
            abi.encodeWithSelector(IResourceVerification.WrongUnit.selector, bytes32("m1"), bytes32("piece"), UNIT)
        );
    }

    function test_refusesAnotherCalendar() public {
        IResourceVerification.SealedAttestation memory attestation = _sealedAttestation("commitment", 1);
        attestation.origin = NOW + 1;
        _refusesSeal(attestation, _wrongCalendar(NOW + 1, HOUR));
        (attestation.origin, attestation.slotLength) = (NOW, HOUR - 1);
        _refusesSeal(attestation, _wrongCalendar(NOW, HOUR - 1));
    }

    function test_refusesAnyOperatorSetButTheCurrent() public {
        IResourceVerification.SealedAttestation memory attestation = _sealedAttestation("commitment", 1);
        attestation.operatorSet = 2;
        _refusesSeal(attestation, abi.encodeWithSelector(IOperators.WrongOperatorSet.selector, 2, 1));
        attestation.operatorSet = 0;
        _refusesSeal(attestation, abi.encodeWithSelector(IOperators.WrongOperatorSet.selector, 0, 1));
    }

    /// @dev What is put off the market by a seal is not withdrawn by its supplier: nothing signed is voided.
    function test_keepsTheListingsEpoch() public {
        _attest(_attestation("m1", _quantities(10), 1));
        _list("m1", 10);
        _attest(_sealedAttestation("commitment", 2));
        vm.assertEq(_listing("m1").epoch, 0);
    }

    function test_refusesExpired() public {
        IResourceVerification.SealedAttestation memory attestation = _sealedAttestation("commitment", 1);
        attestation.expiry = NOW;
        _refusesSeal(
            attestation,
            abi.encodeWithSelector(IResourceVerification.AttestationExpired.selector, bytes32("m1"), 0, NOW)
        );
    }

    function test_refusesSlotThatEndsPast40Bits() public {
        IResourceVerification.SealedAttestation memory attestation = _sealedAttestation("commitment", 1);
        attestation.slot = (2 ** 40 - 1 - NOW) / HOUR;
        _refusesSeal(
            attestation,
            abi.encodeWithSelector(IResourceVerification.SlotOutOfRange.selector, bytes32("m1"), attestation.slot)
        );
        attestation.slot -= 1;
        _attest(attestation);
    }

    function test_refusesTooFewSignatures() public {
        IResourceVerification.SealedAttestation memory attestation = _sealedAttestation("commitment", 1);
        IOperators.OperatorSignature[] memory one = _operatorSignatures(this.hashOf(attestation), 1);
        _refuses(
            stranger,
            abi.encodeCall(exchange.attestSealed, (attestation, one)),
            abi.encodeWithSelector(IOperators.TooFewSignatures.selector, 1, 2)
        );
    }

    function test_refusesAnyMemberChanged() public {
        IOperators.OperatorSignature[] memory signatures = _decided(this.hashOf(_sealedAttestation("commitment", 1)));
        _as(stranger, abi.encodeCall(exchange.registerResource, ("m1", UNIT, NOW, HOUR)));
        _register("m2");
        IResourceVerification.SealedAttestation[6] memory changed;
        for (uint256 i = 0; i < changed.length; ++i) {
            changed[i] = _sealedAttestation("commitment", 1);
        }
        changed[0].supplier = stranger;
        changed[1].resource = "m2";
        changed[2].slot = 1;
        changed[3].commitment = "another";
        changed[4].version = 2;
        changed[5].expiry += 1;
        for (uint256 i = 0; i < changed.length; ++i) {
            _refuses(
                stranger,
                abi.encodeCall(exchange.attestSealed, (changed[i], signatures)),
                abi.encodeWithSelector(IOperators.BadOperatorSignature.selector, 0, operatorAccounts[0])
            );
        }
    }

    function _refusesSeal(IResourceVerification.SealedAttestation memory attestation, bytes memory reason) private {
        IOperators.OperatorSignature[] memory signatures = _decided(this.hashOf(attestation));
        _refuses(stranger, abi.encodeCall(exchange.attestSealed, (attestation, signatures)), reason);
    }

    function _wrongCalendar(uint64 origin, uint64 slotLength) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IResourceVerification.WrongCalendar.selector, bytes32("m1"), origin, slotLength);
    }
}
