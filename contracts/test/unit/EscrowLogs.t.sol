// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {EscrowBundleBase} from "../base/EscrowBundleBase.sol";
import {Vm} from "../base/Vm.sol";

/// @notice Whoever reads the logs alone can make every call that anyone may make, and tell why money moved.
contract EscrowLogsTest is EscrowBundleBase {
    function test_expiryNeedsTheLogsAlone() public {
        vm.recordLogs();
        _escrowed();
        (bytes32 digest, IResourceTrading.Trade memory trade, IResourceEscrow.Escrow memory escrow) = _fromLogs();
        vm.assertEq(digest, held);
        vm.assertEq(exchange.escrowDigestOf(trade, escrow), held);
        vm.warp(escrow.deliverBy);
        vm.prank(stranger);
        exchange.expire(trade, escrow);
        _waitGrace();
        vm.prank(stranger);
        exchange.expire(trade, escrow);
        _assertClosed(40);
    }

    function test_executionNeedsTheLogsAlone() public {
        vm.recordLogs();
        _escrowed();
        (, IResourceTrading.Trade memory trade, IResourceEscrow.Escrow memory escrow) = _fromLogs();
        _deliver();
        _dispute();
        vm.warp(block.timestamp + _parameters().hearing);
        vm.recordLogs();
        _as(stranger, _ruleCall(_ruling(5000)));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        (,,,, uint64 executableAt) = abi.decode(logs[0].data, (uint32, uint16, uint16, uint16, uint64));
        vm.warp(executableAt);
        vm.roll(block.number + exchange.parameters().graceBlocks);
        vm.prank(stranger);
        exchange.execute(trade, escrow);
        _assertClosed(75);
    }

    function test_batchesAndBundlesLogTheSame() public {
        uint256 snapshot = vm.snapshotState();
        for (uint256 way = 0; way < 2; ++way) {
            IResourceEscrow.EscrowedTrade[] memory tasks = way == 0 ? _bundled(_tasks(), 0) : _product();
            bytes memory call = way == 0 ? _batchCall(tasks) : _bundleCall(tasks);
            vm.recordLogs();
            _as(stranger, call);
            (bytes32 digest, IResourceTrading.Trade memory trade, IResourceEscrow.Escrow memory escrow) = _fromLogs();
            vm.assertEq(digest, _digestOf(tasks[1]));
            vm.assertEq(exchange.escrowDigestOf(trade, escrow), digest);
            vm.assertTrue(vm.revertToState(snapshot));
        }
    }

    /// @dev Six ends of one trade that pay the supplier by different causes: each log names its own.
    function test_everyEndNamesItsCause() public {
        _escrowed();
        uint256 snapshot = vm.snapshotState();
        vm.recordLogs();
        _release(100);
        _assertCause(IResourceEscrow.Cause.Accepted, snapshot);
        _as(supplier, abi.encodeCall(exchange.refund, (_trade(), _escrow())));
        _assertCause(IResourceEscrow.Cause.Refunded, snapshot);
        _as(stranger, _splitCall(25, 125));
        _assertCause(IResourceEscrow.Cause.Split, snapshot);
        _expire(DELIVER_BY);
        _assertCause(IResourceEscrow.Cause.Late, snapshot);
        _deliver();
        _expire(DISPUTE_BY);
        _assertCause(IResourceEscrow.Cause.Silent, snapshot);
        _deliver();
        _dispute();
        _expire(DECIDE_BY);
        _assertCause(IResourceEscrow.Cause.Undecided, snapshot);
        _deliver();
        _dispute();
        _ruled(_ruling(0));
        _assertCause(IResourceEscrow.Cause.Ruled, snapshot);
        _attest(_attestation("m1", _quantities(0), 2));
        _as(demander, abi.encodeCall(exchange.refundUncovered, (_trade(), _escrow())));
        _assertCause(IResourceEscrow.Cause.Uncovered, snapshot);
    }

    function test_aSkippedTradeIsNamedWithItsParties() public {
        IResourceEscrow.EscrowedTrade[] memory tasks = _bundled(_tasks(), 0);
        _cancel(demander, 1);
        vm.recordLogs();
        exchange.settleEscrowBatch(tasks, _none());
        Vm.Log memory skipped = vm.getRecordedLogs()[0];
        vm.assertEq(skipped.topics[0], IResourceTrading.Skipped.selector);
        (bytes4 reason, bytes32 digest, bytes32 listing, address buyer) =
            abi.decode(skipped.data, (bytes4, bytes32, bytes32, address));
        vm.assertEq(bytes32(reason), bytes32(IResourceTrading.NonceUsed.selector));
        vm.assertEq(digest, _digestOf(tasks[0]));
        vm.assertEq(buyer, demander);
        vm.assertEq(exchange.listingOf(listing).supplier, supplier);
    }

    function _assertCause(IResourceEscrow.Cause cause, uint256 snapshot) private {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        Vm.Log memory last = logs[logs.length - 1];
        vm.assertEq(last.topics[0], IResourceEscrow.Released.selector);
        vm.assertEq(last.topics[1], held);
        (uint8 named,,,) = abi.decode(last.data, (uint8, uint128, uint128, bool));
        vm.assertEq(named, uint256(cause));
        vm.assertTrue(vm.revertToState(snapshot));
        vm.recordLogs();
    }

    /// @dev Of the last `Escrowed` among the logs.
    function _fromLogs()
        private
        returns (bytes32 digest, IResourceTrading.Trade memory trade, IResourceEscrow.Escrow memory escrow)
    {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IResourceEscrow.Escrowed.selector) continue;
            digest = logs[i].topics[1];
            (trade, escrow,,) =
                abi.decode(logs[i].data, (IResourceTrading.Trade, IResourceEscrow.Escrow, uint32, uint40));
        }
    }
}
