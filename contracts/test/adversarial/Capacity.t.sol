// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IOperators} from "../../src/interfaces/IOperators.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {SettleBase} from "../base/SettleBase.sol";

/// @notice Adversarial cases 9 to 12, 25 to 27 and 30: what is attested, listed and sold, and who says so.
/// @dev Case 25's second-preimage Merkle leaf cannot exist: a commitment is one hash of five words, in no tree.
contract AdversarialCapacityTest is SettleBase {
    bytes32 private constant SALT = keccak256("salt");

    function test_case09_fills_that_sum_past_a_listing() public {
        IResourceTrading.Trade memory trade = _trade();
        (trade.quantity, trade.unitPrice) = (7, 1);
        _settle(trade);
        (trade.quantity, trade.nonce) = (4, 1);
        _refusesTrade(trade, _insufficientListing(trade, 3));
        trade.quantity = 3;
        _settle(trade);
        (trade.quantity, trade.nonce) = (1, 2);
        _refusesTrade(trade, _insufficientListing(trade, 0));
    }

    function test_case10_listed_above_attested() public {
        _refusesList(1, _overReported(1, LISTED, LISTED));
        _refusesList(type(uint64).max, _overReported(type(uint64).max, LISTED, LISTED));
    }

    function test_case11_lowered_below_what_is_committed() public {
        _settle(_trade());
        _attest(_attestation("m1", _quantities(3), 2));
        // The four units sold stay sold and paid; the six listed are off the market.
        vm.assertEq(_slot("m1").committed, 4);
        vm.assertEq(_balance(supplier), 100);
        IResourceTrading.Trade memory trade = _trade();
        trade.nonce = 1;
        _refusesTrade(trade, _insufficientListing(trade, 0));
        _refusesList(1, _overReported(1, 3, 4));
        _attest(_attestation("m1", _quantities(5), 3));
        _list("m1", 1);
        _refusesList(1, _overReported(1, 5, 5));
    }

    function test_case12_stale_expired_revoked_or_superseded_attestation() public {
        _refusesAttestation(
            _attestation("m1", _quantities(99), 1),
            abi.encodeWithSelector(IResourceVerification.StaleVersion.selector, bytes32("m1"), 0, 1, 1)
        );
        IResourceVerification.Attestation memory superseded = _attestation("m1", _quantities(99), 2);
        bytes memory late = abi.encodeCall(exchange.attest, (superseded, _decided(this.hashOf(superseded))));
        _attest(_attestation("m1", _quantities(20), 3));
        _refuses(
            supplier, late, abi.encodeWithSelector(IResourceVerification.StaleVersion.selector, bytes32("m1"), 0, 2, 3)
        );
        _attest(_attestation("m1", _quantities(0), 4));
        _refusesList(1, _overReported(1, 0, 0));
        IResourceVerification.Attestation memory expired = _attestation("m1", _quantities(20), 5);
        expired.expiry = NOW;
        bytes memory reason =
            abi.encodeWithSelector(IResourceVerification.AttestationExpired.selector, bytes32("m1"), 0, NOW);
        _refusesAttestation(expired, reason);
        expired.expiry = NOW + 1;
        _attest(expired);
        vm.warp(NOW + 1);
        reason = abi.encodeWithSelector(IResourceVerification.AttestationExpired.selector, bytes32("m1"), 0, NOW + 1);
        _refusesList(1, reason);
    }

    function test_case25_unsalted_commitment() public {
        _attest(_sealedAttestation(exchange.commitmentOf(supplier, "m1", 0, 20, 0), 2));
        _refusesOpening(supplier, 0, 20, 0, abi.encodeWithSelector(IResourceVerification.Unsalted.selector));
    }

    function test_case25_reused_commitment() public {
        bytes32 commitment = exchange.commitmentOf(supplier, "m1", 0, 20, SALT);
        // Sealed for another slot and for another supplier's slot: it opens neither.
        IResourceVerification.SealedAttestation memory copy = _sealedAttestation(commitment, 2);
        copy.slot = 1;
        _attest(copy);
        _refusesOpening(supplier, 1, 20, SALT, _wrongOpening(1, commitment));
        _as(stranger, abi.encodeCall(exchange.registerResource, ("m1", UNIT, NOW, HOUR)));
        (copy.supplier, copy.slot) = (stranger, 0);
        _attest(copy);
        _refusesOpening(stranger, 0, 20, SALT, _wrongOpening(0, commitment));
        // Opened once, it opens nothing more.
        _attest(_sealedAttestation(commitment, 2));
        exchange.open(supplier, "m1", 0, 20, SALT);
        _refusesOpening(supplier, 0, 20, SALT, _wrongOpening(0, 0));
    }

    function test_case26_one_operator_counted_twice() public {
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(20), 2);
        bytes[] memory signatures = _decided(this.hashOf(attestation));
        signatures[1] = signatures[0];
        _refusesSignatures(attestation, signatures, 1, operatorAccounts[0]);
    }

    function test_case27_operators_since_removed() public {
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(20), 2);
        bytes[] memory signatures = _decided(this.hashOf(attestation));
        address[] memory next = new address[](2);
        (next[0], next[1]) = (operatorAccounts[1], operatorAccounts[2]);
        exchange.setOperators(next, 2, _decided(_operatorsHash(next, 2)));
        _refusesSignatures(attestation, signatures, 0, operatorAccounts[0]);
    }

    function test_case30_threshold_above_the_operators_or_zero() public {
        uint256[2] memory bad = [uint256(0), 4];
        for (uint256 i = 0; i < bad.length; ++i) {
            bytes memory reason = abi.encodeWithSelector(IOperators.BadThreshold.selector, bad[i], 3);
            bytes[] memory signatures = _decided(_operatorsHash(operatorAccounts, bad[i]));
            _refuses(stranger, abi.encodeCall(exchange.setOperators, (operatorAccounts, bad[i], signatures)), reason);
            vm.expectRevert(reason);
            _deploy(operatorAccounts, bad[i], address(token));
        }
    }

    function _refusesList(uint64 quantity, bytes memory reason) private {
        _refuses(supplier, abi.encodeCall(exchange.list, (_reports(_report("m1", quantity)))), reason);
    }

    function _refusesAttestation(IResourceVerification.Attestation memory attestation, bytes memory reason) private {
        _refuses(supplier, abi.encodeCall(exchange.attest, (attestation, _decided(this.hashOf(attestation)))), reason);
    }

    function _refusesSignatures(
        IResourceVerification.Attestation memory attestation,
        bytes[] memory signatures,
        uint256 index,
        address recovered
    ) private {
        _refuses(
            supplier,
            abi.encodeCall(exchange.attest, (attestation, signatures)),
            abi.encodeWithSelector(IOperators.BadOperatorSignature.selector, index, recovered)
        );
    }

    function _refusesOpening(address owner, uint64 slot, uint64 quantity, bytes32 salt, bytes memory reason) private {
        _refuses(stranger, abi.encodeCall(exchange.open, (owner, "m1", slot, quantity, salt)), reason);
    }

    function _overReported(uint64 reported, uint64 attested, uint64 committed) private pure returns (bytes memory) {
        return abi.encodeWithSelector(
            IResourceVerification.OverReported.selector, bytes32("m1"), 0, reported, attested, committed
        );
    }

    function _wrongOpening(uint64 slot, bytes32 commitment) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IResourceVerification.WrongOpening.selector, bytes32("m1"), slot, commitment);
    }
}
