// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {ExchangeBase} from "../base/ExchangeBase.sol";

contract OpenTest is ExchangeBase {
    bytes32 private constant SALT = keccak256("salt");

    function setUp() public override {
        super.setUp();
        _register("m1");
    }

    function test_listsAllThatIsAttestedAndSaysSo() public {
        _seal(10, 1);
        vm.expectEmit(address(exchange));
        emit IResourceVerification.SlotAttested(supplier, "m1", 0, 10, 1, EXPIRY);
        vm.expectEmit(address(exchange));
        emit IResourceVerification.Listed(_id("m1", 0), supplier, "m1", 0, 10, 10);
        _as(stranger, _open(10, SALT));
        vm.assertEq(_slot("m1").attested, 10);
        vm.assertEq(_slot("m1").committed, 10);
        vm.assertEq(_listing("m1").supplier, supplier);
        vm.assertEq(_listing("m1").available, 10);
        vm.assertEq(exchange.sealOf(supplier, "m1", 0), bytes32(0));
    }

    function test_refusesAnotherQuantityOrSalt() public {
        bytes32 commitment = _seal(10, 1);
        _refuses(stranger, _open(11, SALT), _wrongOpening(commitment));
        _refuses(stranger, _open(10, "another salt"), _wrongOpening(commitment));
    }

    function test_refusesWithoutSalt() public {
        _attest(_sealedAttestation(exchange.commitmentOf(supplier, "m1", 0, 10, 0), 1));
        _refuses(stranger, _open(10, 0), abi.encodeWithSelector(IResourceVerification.Unsalted.selector));
    }

    function test_refusesWhereNothingIsSealed() public {
        _refuses(stranger, _open(10, SALT), _wrongOpening(0));
        _seal(10, 1);
        _as(stranger, _open(10, SALT));
        _refuses(stranger, _open(10, SALT), _wrongOpening(0));
    }

    function test_refusesAtExpiryOfTheAttestation() public {
        IResourceVerification.SealedAttestation memory attestation =
            _sealedAttestation(exchange.commitmentOf(supplier, "m1", 0, 10, SALT), 1);
        attestation.expiry = NOW + 10;
        _attest(attestation);
        vm.warp(NOW + 10);
        _refuses(
            stranger,
            _open(10, SALT),
            abi.encodeWithSelector(IResourceVerification.AttestationExpired.selector, bytes32("m1"), 0, NOW + 10)
        );
    }

    function test_refusesAtEndOfTheSlot() public {
        _seal(10, 1);
        vm.warp(NOW + HOUR);
        _refuses(
            stranger,
            _open(10, SALT),
            abi.encodeWithSelector(IResourceVerification.SlotEnded.selector, bytes32("m1"), 0, NOW + HOUR)
        );
    }

    function test_theCommitmentIsWhatTheManualSays() public view {
        vm.assertEq(
            exchange.commitmentOf(supplier, "m1", 7, 10, SALT),
            keccak256(abi.encode(supplier, bytes32("m1"), uint64(7), uint64(10), SALT))
        );
    }

    function _seal(uint64 quantity, uint64 version) private returns (bytes32 commitment) {
        commitment = exchange.commitmentOf(supplier, "m1", 0, quantity, SALT);
        _attest(_sealedAttestation(commitment, version));
    }

    function _open(uint64 quantity, bytes32 salt) private view returns (bytes memory) {
        return abi.encodeCall(exchange.open, (supplier, "m1", 0, quantity, salt));
    }

    function _wrongOpening(bytes32 commitment) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IResourceVerification.WrongOpening.selector, bytes32("m1"), 0, commitment);
    }
}
