// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {EscrowBase} from "../base/EscrowBase.sol";
import {Vm} from "../base/Vm.sol";

/// @notice Harms of an audit of the second version, by its numbers: logs that told too little.
contract AuditLogsTest is EscrowBase {
    /// @dev F20: `expire` needs all of a trade, and `validUntil`, `transcript` and `listingEpoch` were in no log.
    function test_escrowIsEndedFromTheLogsAlone() public {
        vm.recordLogs();
        _escrowed();
        Vm.Log[] memory logs = vm.getRecordedLogs();
        (IResourceTrading.Trade memory trade, IResourceEscrow.Escrow memory escrow,,) =
            abi.decode(logs[1].data, (IResourceTrading.Trade, IResourceEscrow.Escrow, uint32, uint40));
        vm.warp(escrow.deliverBy);
        exchange.expire(trade, escrow);
        _waitGrace();
        exchange.expire(trade, escrow);
        _assertHeld(0, IResourceEscrow.State.Closed);
    }

    /// @dev F21: a ruling, a refund, an agreement and lateness logged the same where they paid the same.
    function test_logsTellARulingFromARefundASplitAndLateness() public {
        IResourceEscrow.Escrow memory escrow = _escrow();
        (escrow.bond, escrow.lateShare) = (0, 0);
        _escrowed(_trade(), escrow);
        bytes32[4] memory data;
        uint256 snapshot = vm.snapshotState();
        _as(supplier, abi.encodeCall(exchange.deliver, (_trade(), escrow, 4)));
        _as(demander, abi.encodeCall(exchange.dispute, (_trade(), escrow, "")));
        vm.warp(block.timestamp + _parameters().hearing);
        IResourceEscrow.Ruling memory ruling = IResourceEscrow.Ruling(1, 0, 0, 5000, DEADLINE);
        exchange.rule(_trade(), escrow, ruling, _decided(_rulingHash(ruling)));
        _waitRuling();
        data[0] = _released(abi.encodeCall(exchange.execute, (_trade(), escrow)));
        vm.assertTrue(vm.revertToState(snapshot));
        data[1] = _released(abi.encodeCall(exchange.refund, (_trade(), escrow)));
        vm.assertTrue(vm.revertToState(snapshot));
        bytes32 digest = _splitDigest(5, 105, DEADLINE, 0);
        (IResourceTrading.Signature memory hers, IResourceTrading.Signature memory his) =
            (_compact(DEMANDER_KEY, digest), _compact(SUPPLIER_KEY, digest));
        data[2] = _released(abi.encodeCall(exchange.split, (_trade(), escrow, 5, 105, DEADLINE, hers, his, _none())));
        vm.assertTrue(vm.revertToState(snapshot));
        vm.warp(DELIVER_BY);
        exchange.expire(_trade(), escrow);
        _waitGrace();
        data[3] = _released(abi.encodeCall(exchange.expire, (_trade(), escrow)));
        for (uint256 i = 0; i < 4; ++i) {
            for (uint256 j = 0; j < i; ++j) {
                vm.assertTrue(data[i] != data[j]);
            }
        }
    }

    /// @dev A skipped trade was named by its place in call data that no log holds.
    function test_skippedTradeIsNamed() public {
        IResourceTrading.SignedTrade[] memory trades = new IResourceTrading.SignedTrade[](1);
        trades[0] = _signed(_trade());
        _cancel(demander, 1);
        vm.expectEmit(address(exchange));
        emit IResourceTrading.Skipped(
            0, IResourceTrading.NonceUsed.selector, exchange.digestOf(_trade()), _trade().listing, demander
        );
        exchange.settleBatch(trades, _none());
    }

    /// @dev The hash of what `Released` says at the end of a call that pays the supplier 5 and the demander 105.
    function _released(bytes memory call) private returns (bytes32) {
        vm.recordLogs();
        _as(supplier, call);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        bytes memory data = logs[logs.length - 1].data;
        (, uint128 toSupplier, uint128 toDemander,) = abi.decode(data, (uint8, uint128, uint128, bool));
        vm.assertEq(toSupplier, 5);
        vm.assertEq(toDemander, 105);
        return keccak256(data);
    }
}
