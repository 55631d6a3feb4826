// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {EscrowBase} from "../base/EscrowBase.sol";

/// @notice What a deadline pays that passed without an act, and when it has passed. Of 150 held.
contract ExpireTest is EscrowBase {
    function setUp() public override {
        super.setUp();
        _escrowed();
    }

    /// @dev 5 of 100; the bond less a quarter; its deposit.
    function test_notDeliveredPaysTheLateShare() public {
        _refusesBefore(DELIVER_BY);
        _opensGrace(IResourceEscrow.State.Funded);
        _expectReleased(IResourceEscrow.Cause.Late, 5 + 30 + 5, 95 + 10 + 5);
        _as(stranger, _expireCall());
        _assertClosed(40);
    }

    /// @dev 90 of 100; the whole bond; its deposit.
    function test_deliveredAndNoWordPaysTheSilenceShare() public {
        _deliver();
        _refusesBefore(DISPUTE_BY);
        _opensGrace(IResourceEscrow.State.Delivered);
        _expectReleased(IResourceEscrow.Cause.Silent, 90 + 40 + 5, 10 + 5);
        _as(stranger, _expireCall());
        _assertClosed(135);
    }

    /// @dev Three of four: 67.5 of 75 and 1.25 of 25; a quarter of the late penalty of 10.
    function test_partialDeliveryPaysItsPart() public {
        _deliver(3);
        vm.warp(DISPUTE_BY);
        _opensGrace(IResourceEscrow.State.Delivered);
        _expectReleased(IResourceEscrow.Cause.Silent, 67 + 1 + 38 + 5, 32 + 2 + 5);
        _as(stranger, _expireCall());
        _assertClosed(111);
    }

    /// @dev What was paid as milestones counts for the part delivered: of 75 due 50 were paid.
    function test_milestonesCountForThePartDelivered() public {
        _release(50);
        _deliver(3);
        vm.warp(DISPUTE_BY);
        _opensGrace(IResourceEscrow.State.Delivered);
        // 22.5 of 25 due and 1.25 of the 25 for what is missing.
        _expectReleased(IResourceEscrow.Cause.Silent, 22 + 1 + 38 + 5, 27 + 2 + 5);
        _as(stranger, _expireCall());
        _assertClosed(50 + 66);
    }

    /// @dev More was paid than is due: the rest is late.
    function test_milestonesAboveThePartDelivered() public {
        _release(60);
        _deliver(1);
        vm.warp(DISPUTE_BY);
        _opensGrace(IResourceEscrow.State.Delivered);
        _expectReleased(IResourceEscrow.Cause.Silent, 2 + 33 + 5, 38 + 7 + 5);
        _as(stranger, _expireCall());
        _assertClosed(60 + 40);
    }

    /// @dev 33.33 of 100; the whole bond; to each its deposit.
    function test_undecidedPaysTheUndecidedShareRoundedDown() public {
        _deliver();
        _dispute();
        _refusesBefore(DECIDE_BY);
        _opensGrace(IResourceEscrow.State.Disputed);
        _expectReleased(IResourceEscrow.Cause.Undecided, 33 + 40 + 5, 67 + 5);
        _as(stranger, _expireCall());
        _assertClosed(78);
    }

    /// @dev Delivered in the last second and later, the dispute window counts from then.
    function test_theDisputeWindowCountsFromTheStatement() public {
        vm.warp(DISPUTE_BY - 10);
        _deliver();
        _refusesBefore(DISPUTE_BY - 10 + _parameters().disputeWindow);
        _opensGrace(IResourceEscrow.State.Delivered);
    }

    function test_hearingAndDecisionCountFromTheDispute() public {
        _deliver();
        vm.warp(DECIDE_BY - 10);
        _dispute();
        _refusesBefore(DECIDE_BY - 10 + _parameters().hearing + _parameters().decisionWindow);
        _opensGrace(IResourceEscrow.State.Disputed);
    }

    function test_refusesTwice() public {
        _expire(DELIVER_BY);
        _refuses(stranger, _expireCall(), _wrongState(IResourceEscrow.State.Closed));
    }

    function test_refusesWhatWasNeverEscrowed() public {
        IResourceEscrow.Escrow memory other = _escrow();
        other.lateShare = 10_000;
        vm.warp(DELIVER_BY);
        held = exchange.escrowDigestOf(_trade(), other);
        _refuses(stranger, abi.encodeCall(exchange.expire, (_trade(), other)), _wrongState(IResourceEscrow.State.None));
    }

    function test_worksAfterUnlistingRaisedEpochsAndInAPause() public {
        _as(supplier, abi.encodeCall(exchange.unlist, ("m1", 0, 6)));
        _as(supplier, abi.encodeCall(exchange.raiseListingEpoch, ("m1", 0)));
        _raiseEpoch(demander);
        _raiseEpoch(supplier);
        _setToken(address(token), false);
        _pause(DELIVER_BY + 30 * 24 * HOUR - HOUR);
        _expire(DELIVER_BY);
        _assertClosed(40);
    }

    /// @dev Any terms, any milestone, any part: what is paid is what was held, and the supplier's parts are rounded down.
    function testFuzz_paysAllThatIsHeld(
        uint128 bond,
        uint16[4] memory shares,
        uint16 penalty,
        uint64 delivered,
        uint128 released,
        uint8 state
    ) public {
        IResourceEscrow.Escrow memory escrow = _escrow();
        escrow.bond = bond % uint128(_balance(supplier) - DEPOSIT);
        (escrow.lateShare, escrow.silenceShare) = (shares[0] % 10_001, shares[1] % 10_001);
        (escrow.undecidedShare, escrow.latePenalty) = (shares[2] % 10_001, shares[3] % 10_001);
        escrow.exitPenalty = penalty % 10_001;
        IResourceTrading.Trade memory trade = _trade();
        trade.nonce = 1;
        uint256 before = _balance(supplier) + _balance(demander);
        _escrowed(trade, escrow);
        released %= 100;
        if (released != 0) _as(demander, abi.encodeCall(exchange.release, (trade, escrow, released)));
        if (state % 3 > 0) _as(supplier, abi.encodeCall(exchange.deliver, (trade, escrow, delivered % 4 + 1)));
        if (state % 3 > 1) _as(demander, abi.encodeCall(exchange.dispute, (trade, escrow, "")));
        uint256 had = _balance(supplier);
        vm.warp(DECIDE_BY);
        exchange.expire(trade, escrow);
        _waitGrace();
        exchange.expire(trade, escrow);
        vm.assertEq(_balance(supplier) + _balance(demander), before);
        _assertHeld(0, IResourceEscrow.State.Closed);
        vm.assertEq(_balance(supplier) - had, _expected(escrow, 100 - released, delivered % 4 + 1, state % 3));
    }

    /// @dev The supplier's part by the words of the terms.
    function _expected(IResourceEscrow.Escrow memory escrow, uint256 payment, uint256 delivered, uint256 state)
        private
        pure
        returns (uint256)
    {
        uint256 bond = escrow.bond;
        uint256 late = bond * escrow.latePenalty / 10_000;
        if (state == 0) return payment * escrow.lateShare / 10_000 + bond - late + DEPOSIT;
        if (state == 2) return payment * escrow.undecidedShare / 10_000 + bond + DEPOSIT;
        uint256 paid = 100 - payment;
        uint256 due = 25 * delivered > paid ? 25 * delivered - paid : 0;
        uint256 part = due * escrow.silenceShare / 10_000 + (payment - due) * escrow.lateShare / 10_000;
        return part + bond - late * (4 - delivered) / 4 + DEPOSIT;
    }

    function _refusesBefore(uint256 deadline) private {
        vm.warp(deadline - 1);
        _refuses(stranger, _expireCall(), _ahead(deadline));
        vm.warp(deadline);
    }

    function _opensGrace(IResourceEscrow.State state) private {
        (uint40 until, uint40 untilBlock) = (uint40(block.timestamp) + 300, uint40(block.number) + 5);
        vm.expectEmit(address(exchange));
        emit IResourceEscrow.GraceOpened(held, state, until, untilBlock);
        _as(stranger, _expireCall());
        vm.assertEq(exchange.heldOf(held).graceUntil, until);
        vm.assertEq(exchange.heldOf(held).graceBlock, untilBlock);
        _waitGrace();
    }
}
