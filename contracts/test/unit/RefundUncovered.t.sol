// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {EscrowBase} from "../base/EscrowBase.sol";

/// @notice An attestation lowered below what was sold: the demander has its payment back at once, the penalty after a
/// hearing. Eight units are in escrow, in two trades of four.
contract RefundUncoveredTest is EscrowBase {
    function setUp() public override {
        super.setUp();
        _escrowed(_second(), _escrow());
        _escrowed();
    }

    function test_paysAtOnceAndWaitsForAHearing() public {
        _lower(4);
        vm.expectEmit(address(exchange));
        emit IResourceVerification.CommitmentReduced(supplier, "m1", 0, 4);
        vm.expectEmit(address(exchange));
        emit IResourceEscrow.Uncovered(held, uint40(NOW));
        vm.expectEmit(address(exchange));
        emit IResourceEscrow.Released(held, IResourceEscrow.Cause.Uncovered, 0, 100, false);
        _as(demander, _call(_trade()));
        _assertHeld(0, IResourceEscrow.State.Disputed);
        vm.assertTrue(exchange.heldOf(held).uncovered);
        vm.assertEq(_balance(demander), FUNDS - 105 - 5);
        _assertSlot(4, 4);
    }

    /// @dev 8 are sold and 6 attested: all four of the trade come off, and the two of them that were attested are no longer.
    function test_givesNothingBackThatCouldBeSold() public {
        _lower(6);
        _as(demander, _call(_trade()));
        _assertSlot(4, 4);
        vm.assertEq(_listing("m1").available, 0);
        _refuses(
            supplier,
            abi.encodeCall(exchange.list, (_reports(_report("m1", 1)))),
            abi.encodeWithSelector(IResourceVerification.OverReported.selector, bytes32("m1"), 0, 1, 4, 4)
        );
    }

    function test_endsWhereTheSumFits() public {
        _lower(7);
        _as(demander, _call(_second()));
        _assertSlot(4, 4);
        _refuses(demander, _call(_trade()), _covered(4, 4));
        _lower(0);
        _as(demander, _call(_trade()));
        _assertSlot(0, 0);
    }

    /// @dev Units of the trade refunded once stayed committed: what operators then attested to be enough for the other
    /// trade was not, and could not be listed either.
    function test_leavesNoUnitsThatUncoverAnother() public {
        _lower(7);
        _as(demander, _call(_second()));
        _lower(5);
        _assertSlot(5, 4);
        _refuses(demander, _call(_trade()), _covered(5, 4));
        _list("m1", 1);
        _as(supplier, abi.encodeCall(exchange.refund, (_trade(), _escrow())));
        _list("m1", 4);
        vm.assertEq(_listing("m1").available, 5);
    }

    /// @dev Where more is still sold than attested, the attested quantity is what operators said.
    function test_whatIsStillUncoveredKeepsItsAttestation() public {
        _lower(3);
        _as(demander, _call(_second()));
        _assertSlot(3, 4);
        _as(demander, _call(_trade()));
        _assertSlot(0, 0);
    }

    /// @dev It takes no unit off, so the sum would never come to fit by it.
    function test_refusesWhatIsLessThanAUnit() public {
        _release(76);
        _lower(4);
        _refuses(demander, _call(_trade()), abi.encodeWithSelector(IResourceEscrow.BadQuantity.selector, 0, 4));
    }

    function test_milestonesPaidStayCommitted() public {
        _release(30);
        _lower(0);
        _as(demander, _call(_trade()));
        // 70 of 100 are two units of 25, rounded down.
        _assertSlot(0, 6);
        vm.assertEq(_balance(demander), FUNDS - 105 - 105 + 70);
    }

    function test_theHearingOverThePenaltyIsPaid() public {
        _lower(4);
        _as(demander, _call(_trade()));
        uint256 deadline = NOW + _parameters().hearing + _parameters().decisionWindow;
        vm.warp(deadline - 1);
        _refuses(stranger, _expireCall(), _ahead(deadline));
        vm.warp(deadline);
        _as(stranger, _expireCall());
        _waitGrace();
        _expectReleased(IResourceEscrow.Cause.Undecided, 20 + 5, 20 + 5);
        _as(stranger, _expireCall());
        _assertSlot(4, 4);
        vm.assertEq(_balance(demander), FUNDS - 105 + 20);
    }

    function test_operatorsMayAcquitTheSupplier() public {
        _lower(4);
        _as(demander, _call(_trade()));
        IResourceEscrow.Ruling memory acquitted = IResourceEscrow.Ruling(1, 0, 10_000, 5000, DEADLINE);
        vm.warp(NOW + _parameters().hearing - 1);
        _refuses(stranger, _ruleCall(acquitted), _tooEarly(NOW + _parameters().hearing));
        _ruled(acquitted);
        vm.assertEq(_balance(supplier), FUNDS - BOND - DEPOSIT);
        vm.assertEq(_balance(demander), FUNDS - 105);
        _assertHeld(0, IResourceEscrow.State.Closed);
    }

    /// @dev It disputes nothing, so its deposit is its own.
    function test_theSupplierMayPayThePenaltyAtOnce() public {
        _lower(4);
        _as(demander, _call(_trade()));
        _expectReleased(IResourceEscrow.Cause.Refunded, 20 + 5, 20 + 5);
        _as(supplier, abi.encodeCall(exchange.refund, (_trade(), _escrow())));
        _assertSlot(4, 4);
    }

    /// @dev What counts is when the payment went back. Once giving in cost what it cost at that moment, and an expiry always
    /// the exit.
    function test_lateItCostsWhatLatenessCosts() public {
        uint256 settled = vm.snapshotState();
        _uncoveredCosts(DELIVER_BY - 1, 10);
        vm.assertTrue(vm.revertToState(settled));
        _uncoveredCosts(DELIVER_BY, 30);
    }

    /// @dev A trade that lateness costs 30 of its bond and an exit 10, refunded then: by whatever act it ends.
    function _uncoveredCosts(uint64 time, uint128 penalty) private {
        (IResourceTrading.Trade memory trade, IResourceEscrow.Escrow memory escrow) = (_trade(), _escrow());
        (trade.nonce, trade.quantity) = (2, 1);
        (escrow.latePenalty, escrow.exitPenalty) = (7500, 2500);
        _escrowed(trade, escrow);
        _lower(0);
        vm.warp(time);
        _as(demander, abi.encodeCall(exchange.refundUncovered, (trade, escrow)));
        uint256 refunded = vm.snapshotState();
        vm.warp(DELIVER_BY);
        _expectReleased(IResourceEscrow.Cause.Refunded, BOND - penalty + 1, penalty + 1);
        _as(supplier, abi.encodeCall(exchange.refund, (trade, escrow)));
        vm.assertTrue(vm.revertToState(refunded));
        vm.warp(time + _parameters().hearing + _parameters().decisionWindow);
        _as(stranger, abi.encodeCall(exchange.expire, (trade, escrow)));
        _waitGrace();
        _expectReleased(IResourceEscrow.Cause.Undecided, BOND - penalty + 1, penalty + 1);
        _as(stranger, abi.encodeCall(exchange.expire, (trade, escrow)));
    }

    function test_nothingIsLeftToRelease() public {
        _lower(4);
        _as(demander, _call(_trade()));
        _refuses(
            demander,
            abi.encodeCall(exchange.release, (_trade(), _escrow(), 1)),
            abi.encodeWithSelector(IResourceEscrow.InsufficientEscrow.selector, held, 0, 1)
        );
        _refuses(
            demander,
            abi.encodeCall(exchange.release, (_trade(), _escrow(), 0)),
            abi.encodeWithSelector(IAccounts.ZeroAmount.selector)
        );
    }

    function test_refusesWhatIsCovered() public {
        _refuses(demander, _call(_trade()), _covered(LISTED, LISTED));
        _lower(8);
        _refuses(demander, _call(_trade()), _covered(8, 8));
    }

    /// @dev What a seal hides may cover it.
    function test_refusesUnderASealUntilItIsOpened() public {
        bytes32 commitment = exchange.commitmentOf(supplier, "m1", 0, 4, "salt");
        _attest(_sealedAttestation(commitment, 2));
        _refuses(demander, _call(_trade()), _covered(0, 8));
    }

    function test_refusesWhatIsDelivered() public {
        _deliver(1);
        _lower(0);
        _refuses(demander, _call(_trade()), _wrongState(IResourceEscrow.State.Delivered));
    }

    function test_refusesTwiceAndByAnother() public {
        _lower(0);
        _refuses(supplier, _call(_trade()), _notParty(supplier));
        _refuses(stranger, _call(_trade()), _notParty(stranger));
        _as(demander, _call(_trade()));
        _refuses(demander, _call(_trade()), _wrongState(IResourceEscrow.State.Disputed));
    }

    function _second() private view returns (IResourceTrading.Trade memory trade) {
        trade = _trade();
        trade.nonce = 1;
    }

    function _lower(uint64 quantity) private {
        _attest(_attestation("m1", _quantities(quantity), _slot("m1").version + 1));
    }

    function _call(IResourceTrading.Trade memory trade) private view returns (bytes memory) {
        return abi.encodeCall(exchange.refundUncovered, (trade, _escrow()));
    }

    function _covered(uint64 attested, uint64 committed) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IResourceEscrow.Covered.selector, attested, committed);
    }

    function _assertSlot(uint64 attested, uint64 committed) private view {
        vm.assertEq(_slot("m1").attested, attested);
        vm.assertEq(_slot("m1").committed, committed);
    }
}
