// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {EscrowBase} from "../base/EscrowBase.sol";

/// @notice A trade that ends undelivered before its slot does gives its capacity back. Ten units are listed, four in
/// escrow, so that all ten are committed.
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

    /// @dev `deliverBy` 600 seconds into the slot.
    function test_latenessDuringTheSlotGivesBack() public {
        IResourceTrading.Trade memory trade = _trade();
        trade.nonce = 1;
        IResourceEscrow.Escrow memory escrow = _escrow();
        escrow.deliverBy = NOW + 600;
        _escrowed(trade, escrow);
        vm.warp(NOW + 600);
        exchange.expire(trade, escrow);
        _waitGrace();
        _expectReduced("m1", 0, 4);
        exchange.expire(trade, escrow);
        vm.assertEq(_slot("m1").committed, LISTED - 4);
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
        if (committed < lowered) _list("m1", lowered - committed);
        committed = _slot("m1").committed;
        vm.assertTrue(_listing("m1").available == 0 || committed <= lowered);
        vm.assertLe(_listing("m1").available, committed);
    }

    function _refundCall() private view returns (bytes memory) {
        return abi.encodeCall(exchange.refund, (_trade(), _escrow()));
    }

    function _expectReduced(bytes32 resource, uint64 slot, uint64 quantity) private {
        vm.expectEmit(address(exchange));
        emit IResourceVerification.CommitmentReduced(supplier, resource, slot, quantity);
    }
}
