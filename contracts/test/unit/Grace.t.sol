// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {EscrowBase} from "../base/EscrowBase.sol";

/// @notice The grace period between a deadline and its consequence: 300 seconds and 5 blocks in which whoever had the
/// word may still act.
contract GraceTest is EscrowBase {
    function setUp() public override {
        super.setUp();
        _escrowed();
    }

    function test_lastsItsTimeAndItsBlocks() public {
        vm.warp(DELIVER_BY);
        uint256 number = block.number;
        _as(stranger, _expireCall());
        vm.warp(DELIVER_BY + 299);
        vm.roll(number + 5);
        _refuses(stranger, _expireCall(), _graceRunning());
        vm.warp(DELIVER_BY + 300);
        vm.roll(number + 4);
        _refuses(stranger, _expireCall(), _graceRunning());
        vm.roll(number + 5);
        _as(stranger, _expireCall());
        _assertClosed(40);
    }

    /// @dev A chain that stood still for a week past every deadline decides against nobody.
    function test_aStandstillDecidesAgainstNobody() public {
        vm.warp(DECIDE_BY + 7 * 24 * HOUR);
        _as(demander, _expireCall());
        vm.roll(block.number + 1);
        _deliver();
        _assertHeld(100, IResourceEscrow.State.Delivered);
        vm.warp(block.timestamp + 7 * 24 * HOUR);
        _as(supplier, _expireCall());
        vm.roll(block.number + 1);
        _dispute();
        vm.warp(block.timestamp + 7 * 24 * HOUR);
        _as(supplier, _expireCall());
        vm.roll(block.number + 1);
        _as(stranger, _ruleCall(_ruling(0)));
        _waitRuling();
        _as(stranger, _executeCall());
        _assertClosed(0);
    }

    function test_theSupplierActsUpToItsEnd() public {
        vm.warp(DELIVER_BY);
        _as(stranger, _expireCall());
        vm.warp(DELIVER_BY + 299);
        vm.roll(block.number + 100);
        _deliver();
        IResourceEscrow.Held memory now_ = exchange.heldOf(held);
        vm.assertEq(now_.graceUntil, 0);
        vm.assertEq(now_.graceBlock, 0);
    }

    /// @dev Its time over, the blocks missing, the party may still act.
    function test_theSupplierActsAsLongAsBlocksAreMissing() public {
        vm.warp(DELIVER_BY);
        _as(stranger, _expireCall());
        vm.warp(DELIVER_BY + 24 * HOUR);
        vm.roll(block.number + 4);
        _deliver();
    }

    function test_refusesDeliveryAfterIt() public {
        vm.warp(DELIVER_BY);
        _as(stranger, _expireCall());
        _waitGrace();
        _refuses(supplier, abi.encodeCall(exchange.deliver, (_trade(), _escrow(), 4)), _passed(DELIVER_BY + 300));
        vm.warp(DELIVER_BY + 301);
        _refuses(supplier, abi.encodeCall(exchange.deliver, (_trade(), _escrow(), 4)), _passed(DELIVER_BY + 300));
    }

    function test_refusesDisputeAfterIt() public {
        _deliver();
        vm.warp(DISPUTE_BY);
        _as(stranger, _expireCall());
        vm.warp(DISPUTE_BY + 299);
        uint256 snapshot = vm.snapshotState();
        _dispute();
        vm.assertTrue(vm.revertToState(snapshot));
        vm.warp(DISPUTE_BY + 300);
        vm.roll(block.number + 5);
        _refuses(demander, abi.encodeCall(exchange.dispute, (_trade(), _escrow(), "")), _passed(DISPUTE_BY + 300));
    }

    function test_refusesARulingAfterIt() public {
        _deliver();
        _dispute();
        vm.warp(DECIDE_BY);
        _as(stranger, _expireCall());
        vm.warp(DECIDE_BY + 299);
        uint256 snapshot = vm.snapshotState();
        _as(stranger, _ruleCall(_ruling(5000)));
        vm.assertTrue(vm.revertToState(snapshot));
        vm.warp(DECIDE_BY + 300);
        vm.roll(block.number + 5);
        _refuses(stranger, _ruleCall(_ruling(5000)), _passed(DECIDE_BY + 300));
    }

    function test_refusesRefundUncoveredAfterIt() public {
        vm.warp(DELIVER_BY);
        _as(stranger, _expireCall());
        _attest(_attestation("m1", _quantities(0), 2));
        bytes memory call = abi.encodeCall(exchange.refundUncovered, (_trade(), _escrow()));
        uint256 snapshot = vm.snapshotState();
        _as(demander, call);
        vm.assertEq(exchange.heldOf(held).graceUntil, 0);
        vm.assertTrue(vm.revertToState(snapshot));
        _waitGrace();
        _refuses(demander, call, _passed(DELIVER_BY + 300));
    }

    /// @dev What a party gives away of its own needs no time.
    function test_giftsAreMadeAfterItToo() public {
        vm.warp(DELIVER_BY);
        _as(stranger, _expireCall());
        _waitGrace();
        uint256 snapshot = vm.snapshotState();
        _release(100);
        _assertClosed(145);
        vm.assertTrue(vm.revertToState(snapshot));
        _as(supplier, abi.encodeCall(exchange.refund, (_trade(), _escrow())));
        _assertClosed(25);
        vm.assertTrue(vm.revertToState(snapshot));
        _as(stranger, _splitCall(75, 75));
        _assertClosed(75);
    }

    function test_isNotOpenedTwice() public {
        vm.warp(DELIVER_BY);
        _as(stranger, _expireCall());
        vm.warp(DELIVER_BY + 200);
        vm.roll(block.number + 3);
        _refuses(stranger, _expireCall(), _graceRunning());
        vm.assertEq(exchange.heldOf(held).graceUntil, DELIVER_BY + 300);
    }

    /// @dev The grace period of one state is none of the next.
    function test_everyStateHasItsOwn() public {
        vm.warp(DELIVER_BY);
        _as(stranger, _expireCall());
        _deliver();
        _waitGrace();
        _refuses(stranger, _expireCall(), _ahead(DISPUTE_BY));
        vm.warp(DISPUTE_BY);
        _as(stranger, _expireCall());
        _dispute();
        _waitGrace();
        _refuses(stranger, _expireCall(), _ahead(DECIDE_BY));
    }
}
