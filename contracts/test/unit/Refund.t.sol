// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {EscrowBase} from "../base/EscrowBase.sol";

/// @notice The supplier gives the payment back, and the exit penalty: half of its bond of 40.
contract RefundTest is EscrowBase {
    function setUp() public override {
        super.setUp();
        _escrowed();
    }

    function test_costsTheExitPenalty() public {
        _expectReleased(IResourceEscrow.Cause.Refunded, 20 + 5, 100 + 20 + 5);
        _as(supplier, _refundCall());
        _assertClosed(25);
    }

    /// @dev Where the exit is cheaper than lateness, going late is not.
    function test_afterTheTimeToDeliverItCostsWhatLatenessCosts() public {
        (IResourceTrading.Trade memory trade, IResourceEscrow.Escrow memory escrow) = _cheapExit();
        vm.warp(DELIVER_BY);
        _expectReleased(IResourceEscrow.Cause.Refunded, 10 + 5, 100 + 30 + 5);
        _as(supplier, abi.encodeCall(exchange.refund, (trade, escrow)));
    }

    function test_beforeItTheExitAlone() public {
        (IResourceTrading.Trade memory trade, IResourceEscrow.Escrow memory escrow) = _cheapExit();
        vm.warp(DELIVER_BY - 1);
        _expectReleased(IResourceEscrow.Cause.Refunded, 30 + 5, 100 + 10 + 5);
        _as(supplier, abi.encodeCall(exchange.refund, (trade, escrow)));
    }

    /// @dev The exit from a dispute too: the deposit is the price of the false statement.
    function test_inALateDisputeItCostsBoth() public {
        (IResourceTrading.Trade memory trade, IResourceEscrow.Escrow memory escrow) = _cheapExit();
        _as(supplier, abi.encodeCall(exchange.deliver, (trade, escrow, 4)));
        _as(demander, abi.encodeCall(exchange.dispute, (trade, escrow, "")));
        vm.warp(DELIVER_BY);
        _expectReleased(IResourceEscrow.Cause.Refunded, 10, 100 + 30 + 10);
        _as(supplier, abi.encodeCall(exchange.refund, (trade, escrow)));
    }

    /// @dev A late supplier that stated one unit in the grace period once left for the exit's price.
    function test_aLateStatementMakesNoLateExitCheaper() public {
        (IResourceTrading.Trade memory trade, IResourceEscrow.Escrow memory escrow) = _cheapExit();
        vm.warp(DELIVER_BY);
        _as(demander, abi.encodeCall(exchange.expire, (trade, escrow)));
        _as(supplier, abi.encodeCall(exchange.deliver, (trade, escrow, 1)));
        _expectReleased(IResourceEscrow.Cause.Refunded, 10 + 5, 100 + 30 + 5);
        _as(supplier, abi.encodeCall(exchange.refund, (trade, escrow)));
    }

    /// @dev Nor does a statement in time, of which nothing came.
    function test_aStatementInTimeMakesNoLateExitCheaper() public {
        (IResourceTrading.Trade memory trade, IResourceEscrow.Escrow memory escrow) = _cheapExit();
        _as(supplier, abi.encodeCall(exchange.deliver, (trade, escrow, 1)));
        uint256 snapshot = vm.snapshotState();
        vm.warp(DELIVER_BY - 1);
        _expectReleased(IResourceEscrow.Cause.Refunded, 30 + 5, 100 + 10 + 5);
        _as(supplier, abi.encodeCall(exchange.refund, (trade, escrow)));
        vm.assertTrue(vm.revertToState(snapshot));
        vm.warp(DISPUTE_BY + 1);
        _expectReleased(IResourceEscrow.Cause.Refunded, 10 + 5, 100 + 30 + 5);
        _as(supplier, abi.encodeCall(exchange.refund, (trade, escrow)));
    }

    function test_afterDeliveryToo() public {
        _deliver();
        _expectReleased(IResourceEscrow.Cause.Refunded, 25, 125);
        _as(supplier, _refundCall());
        _assertClosed(25);
    }

    /// @dev A false statement of delivery is not free.
    function test_inADisputeTheDepositAsWell() public {
        _deliver();
        _dispute();
        _expectReleased(IResourceEscrow.Cause.Refunded, 20, 130);
        _as(supplier, _refundCall());
        _assertClosed(20);
    }

    function test_givesBackWhatMilestonesLeft() public {
        _release(30);
        _expectReleased(IResourceEscrow.Cause.Refunded, 25, 95);
        _as(supplier, _refundCall());
        _assertClosed(30 + 25);
    }

    function test_thePenaltyIsRoundedDown() public {
        IResourceTrading.Trade memory trade = _trade();
        trade.nonce = 1;
        IResourceEscrow.Escrow memory escrow = _escrow();
        (escrow.bond, escrow.exitPenalty) = (33, 9999);
        _escrowed(trade, escrow);
        _expectReleased(IResourceEscrow.Cause.Refunded, 1 + 5, 100 + 32 + 5);
        _as(supplier, abi.encodeCall(exchange.refund, (trade, escrow)));
    }

    function test_withoutABondItCostsNothing() public {
        IResourceTrading.Trade memory trade = _trade();
        trade.nonce = 1;
        IResourceEscrow.Escrow memory escrow = _escrow();
        escrow.bond = 0;
        _escrowed(trade, escrow);
        _expectReleased(IResourceEscrow.Cause.Refunded, 5, 105);
        _as(supplier, abi.encodeCall(exchange.refund, (trade, escrow)));
    }

    function test_refusesOnceARulingStands() public {
        _deliver();
        _dispute();
        vm.warp(block.timestamp + _parameters().hearing);
        _as(stranger, _ruleCall(_ruling(0)));
        _refuses(supplier, _refundCall(), _stands(1));
        _waitRuling();
        _refuses(supplier, _refundCall(), _stands(1));
    }

    function test_refusesRefundByAnother() public {
        _refuses(demander, _refundCall(), _notParty(demander));
        _refuses(stranger, _refundCall(), _notParty(stranger));
    }

    /// @dev A second trade, of which lateness costs 30 of the bond of 40 and the exit 10.
    function _cheapExit() private returns (IResourceTrading.Trade memory trade, IResourceEscrow.Escrow memory escrow) {
        (trade, escrow) = (_trade(), _escrow());
        trade.nonce = 1;
        (escrow.latePenalty, escrow.exitPenalty) = (7500, 2500);
        _escrowed(trade, escrow);
    }

    function _refundCall() private view returns (bytes memory) {
        return abi.encodeCall(exchange.refund, (_trade(), _escrow()));
    }
}
