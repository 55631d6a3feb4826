// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {EscrowBase} from "../base/EscrowBase.sol";

/// @notice A trade that ends undelivered before its slot does gives back the capacity that is not paid for. Ten units are
/// listed, four in escrow, so that all ten are committed.
contract GiveBackTest is EscrowBase {
    function setUp() public override {
        super.setUp();
        _escrowed();
    }

    function test_aRefundDuringTheSlotGivesAllBack() public {
        vm.warp(NOW + HOUR - 1);
        _expectReduced("m1", 0, 4);
        _as(supplier, _refundCall());
        vm.assertEq(_slot("m1").committed, LISTED - 4);
        _list("m1", 4);
        _refuses(
            supplier,
            abi.encodeCall(exchange.list, (_reports(_report("m1", 1)))),
            abi.encodeWithSelector(IResourceVerification.OverReported.selector, bytes32("m1"), 0, 1, LISTED, LISTED)
        );
    }

    function test_aRefundBeforeTheSlotGivesAllBack() public {
        _listLater(2);
        _escrowed(_laterTrade(2), _laterEscrow(2));
        _expectReduced("m2", 2, 4);
        _as(supplier, abi.encodeCall(exchange.refund, (_laterTrade(2), _laterEscrow(2))));
        vm.assertEq(exchange.slotOf(supplier, "m2", 2).committed, LISTED - 4);
    }

    function test_afterTheSlotNothingIsGivenBack() public {
        vm.warp(NOW + HOUR);
        vm.recordLogs();
        _as(supplier, _refundCall());
        vm.assertEq(vm.getRecordedLogs().length, 1);
        vm.assertEq(_slot("m1").committed, LISTED);
    }

    function test_anAgreementBeforeDeliveryGivesBack() public {
        _expectReduced("m1", 0, 4);
        _as(stranger, _splitCall(0, 150));
        vm.assertEq(_slot("m1").committed, LISTED - 4);
    }

    /// @dev An agreement that paid in full once gave all back: the same units were sold and paid for twice.
    function test_anAgreementGivesBackWhatItDoesNotPayFor() public {
        // The supplier's own are 40 and 5. Above them all 100; 51, which leave one unit of 25; 50, which leave two.
        uint128[4] memory toSupplier = [uint128(145), 96, 95, 45];
        uint64[4] memory back = [uint64(0), 1, 2, 4];
        uint256 snapshot = vm.snapshotState();
        for (uint256 i = 0; i < 4; ++i) {
            _as(stranger, _splitCall(toSupplier[i], 150 - toSupplier[i]));
            vm.assertEq(_slot("m1").committed, LISTED - back[i]);
            vm.assertTrue(vm.revertToState(snapshot));
        }
    }

    /// @dev And no more than was held: the supplier's bond and deposit are no capacity, nor what milestones paid.
    function test_anAgreementAfterMilestonesGivesBackOfTheRest() public {
        _release(30);
        uint256 snapshot = vm.snapshotState();
        _as(stranger, _splitCall(0, 120));
        vm.assertEq(_slot("m1").committed, LISTED - 2);
        vm.assertTrue(vm.revertToState(snapshot));
        _as(stranger, _splitCall(45 + 21, 120 - 66));
        vm.assertEq(_slot("m1").committed, LISTED - 1);
        vm.assertTrue(vm.revertToState(snapshot));
        // All of it, with both deposits and the bond.
        _as(stranger, _splitCall(120, 0));
        vm.assertEq(_slot("m1").committed, LISTED);
    }

    /// @dev The late share is 5 of 100, so that three whole units are left unpaid.
    function test_latenessDuringTheSlotGivesBackWhatIsNotPaid() public {
        _lateInTheSlot(500, 3);
    }

    function test_unpaidLatenessGivesAllBack() public {
        _lateInTheSlot(0, 4);
    }

    /// @dev It once gave all back, whatever was paid for it.
    function test_latenessPaidInFullGivesNothingBack() public {
        _lateInTheSlot(10_000, 0);
    }

    function test_latenessAfterTheSlotGivesNothingBack() public {
        _expire(DELIVER_BY);
        vm.assertEq(_slot("m1").committed, LISTED);
    }

    function test_whatIsAcceptedOrDeliveredGivesNothingBack() public {
        uint256 snapshot = vm.snapshotState();
        _release(100);
        vm.assertEq(_slot("m1").committed, LISTED);
        vm.assertTrue(vm.revertToState(snapshot));
        _deliver(1);
        _as(supplier, _refundCall());
        vm.assertEq(_slot("m1").committed, LISTED);
        vm.assertTrue(vm.revertToState(snapshot));
        _deliver(1);
        _as(stranger, _splitCall(0, 150));
        vm.assertEq(_slot("m1").committed, LISTED);
        vm.assertTrue(vm.revertToState(snapshot));
        _deliver(1);
        _dispute();
        _as(supplier, _refundCall());
        vm.assertEq(_slot("m1").committed, LISTED);
    }

    /// @dev Of 100 paid 26: two units and 24 of 25 are left, of which two are given back.
    function test_unitsPaidForAsMilestonesStayCommitted() public {
        _release(26);
        _expectReduced("m1", 0, 2);
        _as(supplier, _refundCall());
        vm.assertEq(_slot("m1").committed, LISTED - 2);
    }

    function test_lessThanAUnitLeftGivesNothingBack() public {
        _release(76);
        vm.recordLogs();
        _as(supplier, _refundCall());
        vm.assertEq(vm.getRecordedLogs().length, 1);
        vm.assertEq(_slot("m1").committed, LISTED);
    }

    /// @dev What was lowered meanwhile is not for sale again by it.
    function test_underALoweredAttestationNothingCanBeListed() public {
        _attest(_attestation("m1", _quantities(3), 2));
        _as(supplier, _refundCall());
        vm.assertEq(_slot("m1").committed, 0);
        _refuses(
            supplier,
            abi.encodeCall(exchange.list, (_reports(_report("m1", 4)))),
            abi.encodeWithSelector(IResourceVerification.OverReported.selector, bytes32("m1"), 0, 4, 3, 0)
        );
        _list("m1", 3);
    }

    /// @dev Two escrows, any milestones and ends: what is for sale and sold is never above what is attested.
    function testFuzz_whatIsForSaleIsAttested(uint128[2] memory released, uint8[2] memory ends, uint64 lowered) public {
        IResourceTrading.Trade[2] memory trades = [_trade(), _trade()];
        trades[1].nonce = 1;
        _escrowed(trades[1], _escrow());
        lowered %= LISTED + 1;
        _attest(_attestation("m1", _quantities(lowered), 2));
        for (uint256 i = 0; i < 2; ++i) {
            // A unit of 25 at least is left to refund.
            uint128 amount = released[i] % 76;
            if (amount != 0) _as(demander, abi.encodeCall(exchange.release, (trades[i], _escrow(), amount)));
            if (ends[i] % 3 == 0) _as(supplier, abi.encodeCall(exchange.refund, (trades[i], _escrow())));
            if (ends[i] % 3 != 1) continue;
            vm.prank(demander);
            (bool ok,) = address(exchange).call(abi.encodeCall(exchange.refundUncovered, (trades[i], _escrow())));
            vm.assertTrue(ok || _slot("m1").committed <= lowered);
        }
        uint64 committed = _slot("m1").committed;
        uint64 attested = _slot("m1").attested;
        vm.assertLe(attested, lowered);
        if (committed < attested) _list("m1", attested - committed);
        committed = _slot("m1").committed;
        vm.assertTrue(_listing("m1").available == 0 || committed <= attested);
        vm.assertLe(_listing("m1").available, committed);
    }

    /// @dev A second trade, with `deliverBy` 600 seconds into the slot, gives back so many units.
    function _lateInTheSlot(uint16 lateShare, uint64 back) private {
        IResourceTrading.Trade memory trade = _trade();
        trade.nonce = 1;
        IResourceEscrow.Escrow memory escrow = _escrow();
        (escrow.deliverBy, escrow.lateShare) = (NOW + 600, lateShare);
        _escrowed(trade, escrow);
        vm.warp(NOW + 600);
        exchange.expire(trade, escrow);
        _waitGrace();
        if (back != 0) _expectReduced("m1", 0, back);
        exchange.expire(trade, escrow);
        vm.assertEq(_slot("m1").committed, LISTED - back);
    }

    function _refundCall() private view returns (bytes memory) {
        return abi.encodeCall(exchange.refund, (_trade(), _escrow()));
    }

    function _expectReduced(bytes32 resource, uint64 slot, uint64 quantity) private {
        vm.expectEmit(address(exchange));
        emit IResourceVerification.CommitmentReduced(supplier, resource, slot, quantity);
    }
}
