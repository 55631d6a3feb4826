// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {IOperators} from "../../src/interfaces/IOperators.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {SettleBase} from "../base/SettleBase.sol";

/// @notice Adversarial cases 9 to 12, 25 to 27, 30 to 35 and 42: what is attested, listed and sold, and who says so.
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
        _as(supplier, _openCall(supplier, 0, 20, SALT));
        _refusesOpening(supplier, 0, 20, SALT, _wrongOpening(0, 0));
    }

    function test_case26_one_operator_counted_twice() public {
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(20), 2);
        IOperators.OperatorSignature[] memory signatures = _decided(this.hashOf(attestation));
        signatures[1] = signatures[0];
        _refusesSignatures(attestation, signatures, 1, operatorAccounts[0]);
    }

    function test_case27_operators_since_removed() public {
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(20), 2);
        IOperators.OperatorSignature[] memory signatures = _decided(this.hashOf(attestation));
        _replaceOperators(_firstLeaves());
        _refusesAttestation(attestation, abi.encodeWithSelector(IOperators.WrongOperatorSet.selector, 1, 2));
        // Under the new set's number it is another attestation, and the removed operator is of no use to it.
        attestation.operatorSet = 2;
        _refusesSignatures(attestation, signatures, 0, operatorAccounts[0]);
        _refusesSignatures(attestation, _decided(this.hashOf(attestation)), 0, operatorAccounts[0]);
    }

    function test_case30_threshold_above_the_operators_or_no_majority() public {
        uint256[3] memory bad = [uint256(0), 1, 4];
        for (uint256 i = 0; i < bad.length; ++i) {
            bytes memory reason = abi.encodeWithSelector(IOperators.BadThreshold.selector, bad[i], 3);
            IOperators.OperatorSignature[] memory signatures =
                _decided(_operatorsHash(operatorAccounts, bad[i], DEADLINE));
            _refuses(
                stranger,
                abi.encodeCall(exchange.setOperators, (operatorAccounts, bad[i], DEADLINE, signatures)),
                reason
            );
        }
    }

    /// @dev Until the change it counts; from then on nothing brings it back, not even the same members.
    function test_case31_signatures_of_an_old_set_when_its_operators_return() public {
        IResourceVerification.Attestation memory attestation = _attestation("m1", _quantities(20), 2);
        IResourceVerification.SealedAttestation memory sealed_ = _sealedAttestation("commitment", 3);
        bytes memory call = abi.encodeCall(exchange.attest, (attestation, _decided(this.hashOf(attestation))));
        bytes memory seal = abi.encodeCall(exchange.attestSealed, (sealed_, _decided(this.hashOf(sealed_))));
        _setOperators(_firstLeaves(), 2);
        vm.warp(NOW + _parameters().operatorDelay - 1);
        _as(stranger, call);
        vm.assertEq(_slot("m1").attested, 20);
        attestation.version = 3;
        call = abi.encodeCall(exchange.attest, (attestation, _decided(this.hashOf(attestation))));
        vm.warp(NOW + _parameters().operatorDelay);
        _refuses(stranger, call, abi.encodeWithSelector(IOperators.WrongOperatorSet.selector, 1, 2));
        _operatorsReturn();
        vm.assertEq(exchange.operators(), operatorAccounts);
        bytes memory reason = abi.encodeWithSelector(IOperators.WrongOperatorSet.selector, 1, 3);
        _refuses(stranger, call, reason);
        _refuses(stranger, seal, reason);
        // The set is signed: with another number it is another attestation.
        IOperators.OperatorSignature[] memory old = _decided(this.hashOf(attestation));
        attestation.operatorSet = 3;
        _refusesSignatures(attestation, old, 0, operatorAccounts[0]);
        old = _decided(this.hashOf(sealed_));
        sealed_.operatorSet = 3;
        _refuses(
            stranger,
            abi.encodeCall(exchange.attestSealed, (sealed_, old)),
            abi.encodeWithSelector(IOperators.BadOperatorSignature.selector, 0, operatorAccounts[0])
        );
    }

    /// @dev A decision is signed for a set too: with the nonce it names still to come, it is void all the same.
    function test_case31_decisions_of_an_old_set_when_its_operators_return() public {
        bytes32 typeHash = keccak256("Pause(uint64 until,uint32 set,uint256 nonce,uint64 deadline)");
        IOperators.OperatorSignature[] memory ahead =
            _decided(keccak256(abi.encode(typeHash, NOW + 30 * 24 * HOUR, 1, 2, DEADLINE)));
        _replaceOperators(_firstLeaves());
        _operatorsReturn();
        vm.assertEq(exchange.decisionNonce(), 2);
        _refuses(
            stranger,
            abi.encodeCall(exchange.pause, (NOW + 30 * 24 * HOUR, DEADLINE, ahead)),
            abi.encodeWithSelector(IOperators.BadOperatorSignature.selector, 0, operatorAccounts[0])
        );
    }

    function test_case32_listing_withdrawn_and_listed_anew() public {
        IResourceTrading.SignedTrade memory old = _signed(_trade());
        _as(supplier, abi.encodeCall(exchange.unlist, ("m1", 0, LISTED)));
        _list("m1", LISTED);
        _refusesTrade(old, abi.encodeWithSelector(IResourceTrading.WrongListingEpoch.selector, 0, NOW));
    }

    /// @dev Nothing is listed yet, and the supplier voids what it signed all the same: the trade and its consent to open.
    function test_case33_trade_and_consent_for_a_slot_still_sealed() public {
        bytes32 commitment = exchange.commitmentOf(supplier, "m1", 0, 20, SALT);
        _attest(_sealedAttestation(commitment, 2));
        IResourceTrading.SignedTrade memory signed = _signed(_trade());
        bytes memory consent = _consent(commitment, 0);
        _as(supplier, abi.encodeCall(exchange.raiseListingEpoch, ("m1", 0)));
        IResourceVerification.Opening memory opening = IResourceVerification.Opening(supplier, "m1", 0, 20, SALT);
        bytes memory call = abi.encodeCall(exchange.open, (opening, NOW + 60, consent));
        bytes32 now_ = _consentDigest(commitment, NOW);
        _refuses(demander, call, _badSignature(supplier, ECDSA.recover(now_, consent)));
        _as(supplier, _openCall(supplier, 0, 20, SALT));
        _refusesTrade(signed, abi.encodeWithSelector(IResourceTrading.WrongListingEpoch.selector, 0, NOW));
    }

    /// @dev A demander that was told quantity and salt cannot make them public alone.
    function test_case34_sealed_slot_opened_by_another() public {
        bytes32 commitment = exchange.commitmentOf(supplier, "m1", 0, 20, SALT);
        _attest(_sealedAttestation(commitment, 2));
        IResourceVerification.Opening memory opening = IResourceVerification.Opening(supplier, "m1", 0, 20, SALT);
        bytes memory none = abi.encodeCall(exchange.open, (opening, NOW + 60, ""));
        _refuses(demander, none, _badSignature(supplier, address(0)));
        _refuses(stranger, none, _badSignature(supplier, address(0)));
        // Nor by naming itself as the supplier of what it never sealed.
        opening.supplier = demander;
        _refuses(demander, abi.encodeCall(exchange.open, (opening, 0, "")), _wrongOpening(0, 0));
    }

    /// @dev Operators count for a supplier and a name; whoever registers it first chooses the calendar.
    function test_case35_attestation_moved_to_another_calendar() public {
        IResourceVerification.Attestation memory attestation = _attestation("m2", _quantities(20), 1);
        IOperators.OperatorSignature[] memory signatures = _decided(this.hashOf(attestation));
        _as(supplier, abi.encodeCall(exchange.registerResource, ("m2", UNIT, NOW, 24 * HOUR)));
        bytes memory reason =
            abi.encodeWithSelector(IResourceVerification.WrongCalendar.selector, bytes32("m2"), NOW, HOUR);
        _refuses(supplier, abi.encodeCall(exchange.attest, (attestation, signatures)), reason);
        attestation.slotLength = 24 * HOUR;
        _refusesSignatures(attestation, signatures, 0, operatorAccounts[0]);
    }

    function test_case42_decision_held_back_past_its_deadline() public {
        uint64 deadline = NOW + 60;
        bytes[] memory calls = new bytes[](3);
        calls[0] = abi.encodeCall(
            exchange.pause, (NOW + 24 * HOUR, deadline, _decided(_pauseHash(NOW + 24 * HOUR, deadline)))
        );
        calls[1] = abi.encodeCall(
            exchange.setToken, (address(token), false, deadline, _decided(_tokenHash(address(token), false, deadline)))
        );
        calls[2] = abi.encodeCall(
            exchange.setOperators,
            (operatorAccounts, 3, deadline, _decided(_operatorsHash(operatorAccounts, 3, deadline)))
        );
        vm.warp(deadline);
        for (uint256 i = 0; i < calls.length; ++i) {
            _refuses(
                stranger, calls[i], abi.encodeWithSelector(IOperators.DecisionExpired.selector, deadline, deadline)
            );
        }
    }

    /// @dev The first operator leaves, a stranger comes.
    function _firstLeaves() private view returns (address[] memory next) {
        next = new address[](3);
        (next[0], next[1], next[2]) = (operatorAccounts[1], operatorAccounts[2], stranger);
    }

    /// @dev Decided by the first set, and in effect.
    function _replaceOperators(address[] memory next) private {
        _setOperators(next, 2);
        vm.warp(block.timestamp + _parameters().operatorDelay);
    }

    /// @dev Decided by the two that stayed, and in effect.
    function _operatorsReturn() private {
        bytes32 structHash = _operatorsHash(operatorAccounts, 2, DEADLINE);
        IOperators.OperatorSignature[] memory signatures = new IOperators.OperatorSignature[](2);
        signatures[0] = _operatorSignature(operatorKeys[1], structHash);
        signatures[1] = _operatorSignature(operatorKeys[2], structHash);
        exchange.setOperators(operatorAccounts, 2, DEADLINE, signatures);
        vm.warp(block.timestamp + _parameters().operatorDelay);
    }

    function _consent(bytes32 commitment, uint64 listingEpoch) private view returns (bytes memory) {
        return _sign(SUPPLIER_KEY, _consentDigest(commitment, listingEpoch));
    }

    /// @dev To open slot 0 of m1, for a minute.
    function _consentDigest(bytes32 commitment, uint64 listingEpoch) private view returns (bytes32) {
        return _openDigest(_id("m1", 0), commitment, _slot("m1").version, listingEpoch, NOW + 60);
    }

    function _openCall(address owner, uint64 slot, uint64 quantity, bytes32 salt) private view returns (bytes memory) {
        IResourceVerification.Opening memory opening = IResourceVerification.Opening(owner, "m1", slot, quantity, salt);
        return abi.encodeCall(exchange.open, (opening, 0, ""));
    }

    function _refusesList(uint64 quantity, bytes memory reason) private {
        _refuses(supplier, abi.encodeCall(exchange.list, (_reports(_report("m1", quantity)))), reason);
    }

    function _refusesAttestation(IResourceVerification.Attestation memory attestation, bytes memory reason) private {
        _refuses(supplier, abi.encodeCall(exchange.attest, (attestation, _decided(this.hashOf(attestation)))), reason);
    }

    function _refusesSignatures(
        IResourceVerification.Attestation memory attestation,
        IOperators.OperatorSignature[] memory signatures,
        uint256 index,
        address operator
    ) private {
        _refuses(
            supplier,
            abi.encodeCall(exchange.attest, (attestation, signatures)),
            abi.encodeWithSelector(IOperators.BadOperatorSignature.selector, index, operator)
        );
    }

    function _refusesOpening(address owner, uint64 slot, uint64 quantity, bytes32 salt, bytes memory reason) private {
        _refuses(owner, _openCall(owner, slot, quantity, salt), reason);
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
