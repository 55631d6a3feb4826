// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {EscrowBase} from "../base/EscrowBase.sol";

/// @notice Harms of an audit of the second version, by its numbers: deadlines that decided unfairly.
contract AuditDeadlinesTest is EscrowBase {
    /// @dev F13: terms were accepted by which delivery was stated, and paid for, before the slot began.
    function test_noPayForDeliveryBeforeTheSlotBegins() public {
        _listLater(5);
        IResourceEscrow.Escrow memory escrow = _escrow();
        (escrow.resource, escrow.slot) = ("m2", 5);
        uint64 begins = NOW + 5 * HOUR;
        _refuses(stranger, _escrowCall(_laterTrade(5), escrow), _badTerm("deliverFrom", NOW, begins));
        _escrowed(_laterTrade(5), _laterEscrow(5));
        vm.warp(begins - 1);
        bytes memory call = abi.encodeCall(exchange.deliver, (_laterTrade(5), _laterEscrow(5), 4));
        _refuses(supplier, call, _tooEarly(begins));
    }

    /// @dev F14: terms were accepted that left no block in which to dispute; so did a statement in the last second.
    function test_demanderHasTimeToDispute() public {
        IResourceEscrow.Escrow memory escrow = _escrow();
        escrow.disputeBy = escrow.deliverBy + 1;
        uint64 least = escrow.deliverBy + _parameters().disputeWindow;
        _refuses(stranger, _escrowCall(_trade(), escrow), _badTerm("disputeBy", escrow.disputeBy, least));
        _escrowed();
        vm.warp(DISPUTE_BY + HOUR);
        _deliver();
        vm.warp(DISPUTE_BY + HOUR + _parameters().disputeWindow - 1);
        _refuses(supplier, _expireCall(), _ahead(DISPUTE_BY + HOUR + _parameters().disputeWindow));
        _dispute();
    }

    /// @dev F15: whoever held the signed trade settled it a second before `deliverBy`.
    function test_supplierHasTimeToDeliver() public {
        IResourceEscrow.Escrow memory escrow = _escrow();
        (escrow.deliverBy, escrow.lateShare) = (NOW + 700, 0);
        bytes memory call = _escrowCall(_trade(), escrow);
        vm.warp(NOW + 101);
        _refuses(stranger, call, _badTerm("deliverBy", NOW + 700, NOW + 101 + _parameters().deliveryWindow));
        vm.warp(NOW + 100);
        _as(stranger, call);
    }

    /// @dev F18: a trade was disputed and ruled in one block, the other side unheard.
    function test_supplierIsHeard() public {
        _escrowed();
        _deliver();
        _dispute();
        _refuses(demander, _ruleCall(_ruling(0)), _tooEarly(NOW + _parameters().hearing));
    }

    /// @dev F19: walking away, stating a false delivery and disputing a true one cost nothing.
    function test_walkingAwayAndStallingCost() public {
        _escrowed();
        uint256 snapshot = vm.snapshotState();
        vm.warp(DELIVER_BY - 1);
        _as(supplier, abi.encodeCall(exchange.refund, (_trade(), _escrow())));
        vm.assertEq(_balance(supplier), FUNDS - 20);
        vm.assertTrue(vm.revertToState(snapshot));
        _expire(DELIVER_BY);
        vm.assertEq(_balance(supplier), FUNDS - 10 + 5);
        vm.assertTrue(vm.revertToState(snapshot));
        _deliver();
        _dispute();
        uint256 disputed = vm.snapshotState();
        _release(100);
        vm.assertEq(_balance(demander), FUNDS - 100 - DEPOSIT);
        vm.assertTrue(vm.revertToState(disputed));
        _as(supplier, abi.encodeCall(exchange.refund, (_trade(), _escrow())));
        vm.assertEq(_balance(supplier), FUNDS - 20 - DEPOSIT);
    }

    /// @dev F27: `decideBy` had no bound, so that with silent operators money was held for ever.
    function test_disputeEndsWithinTheLongestLife() public {
        IResourceEscrow.Escrow memory escrow = _escrow();
        escrow.decideBy = type(uint64).max;
        uint64 longest = NOW + _parameters().longestLife;
        _refuses(stranger, _escrowCall(_trade(), escrow), _badTerm("longestLife", type(uint64).max, longest));
        escrow.decideBy = longest;
        _escrowed(_trade(), escrow);
        _as(supplier, abi.encodeCall(exchange.deliver, (_trade(), escrow, 4)));
        _as(demander, abi.encodeCall(exchange.dispute, (_trade(), escrow, "")));
        vm.warp(longest);
        exchange.expire(_trade(), escrow);
        _waitGrace();
        exchange.expire(_trade(), escrow);
        _assertClosed(78);
    }

    /// @dev A chain that stood still past a deadline decided against whoever could not act in it, in its first block.
    function test_standstillDecidesAgainstNobody() public {
        _escrowed();
        vm.warp(DELIVER_BY + 24 * HOUR);
        _as(demander, _expireCall());
        _refuses(demander, _expireCall(), _graceRunning());
        vm.warp(DELIVER_BY + 48 * HOUR);
        _refuses(demander, _expireCall(), _graceRunning());
        _deliver();
        _assertHeld(100, IResourceEscrow.State.Delivered);
    }

    function _badTerm(bytes32 term, uint256 given, uint256 bound) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IResourceEscrow.BadTerm.selector, term, given, bound);
    }
}
