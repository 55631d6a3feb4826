// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IOperators} from "../../src/interfaces/IOperators.sol";
import {INetSettlement} from "../../src/interfaces/INetSettlement.sol";
import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {EscrowBase} from "../base/EscrowBase.sol";

contract PauseTest is EscrowBase {
    function test_stopsEveryKindOfNewTrade() public {
        bytes[] memory calls = new bytes[](8);
        calls[0] = _settleCall(_signed(_trade()));
        IResourceTrading.SignedTrade[] memory trades = new IResourceTrading.SignedTrade[](1);
        trades[0] = _signed(_trade());
        calls[1] = abi.encodeCall(exchange.settleBatch, (trades, _none()));
        calls[2] = abi.encodeCall(exchange.settleBundle, (trades, _none()));
        IResourceEscrow.EscrowedTrade[] memory escrowed = new IResourceEscrow.EscrowedTrade[](1);
        escrowed[0] = _escrowedTrade(_trade(), _escrow());
        calls[3] = abi.encodeCall(exchange.settleEscrow, (escrowed[0], _none()));
        calls[4] = abi.encodeCall(exchange.settleEscrowBatch, (escrowed, _none()));
        calls[5] = abi.encodeCall(exchange.settleEscrowBundle, (escrowed, _none()));
        INetSettlement.NetBatch memory batch;
        calls[6] = abi.encodeCall(exchange.settleNet, (batch, new IResourceTrading.Signature[](0), _none()));
        calls[7] = abi.encodeCall(exchange.settleLate, (trades, 0, _none()));
        vm.expectEmit(address(exchange));
        emit IOperators.Paused(NOW + 100);
        _pause(NOW + 100);
        bytes memory reason = abi.encodeWithSelector(IOperators.TradingPaused.selector, NOW + 100);
        for (uint256 i = 0; i < calls.length; ++i) {
            _refuses(stranger, calls[i], reason);
        }
        vm.warp(NOW + 99);
        _refuses(stranger, calls[0], reason);
        vm.warp(NOW + 100);
        _settle(_trade());
    }

    function test_zeroEndsAPause() public {
        _pause(NOW + 100);
        _pause(0);
        _settle(_trade());
        vm.assertEq(exchange.decisionNonce(), 2);
    }

    function test_withdrawalsCancellationsAndEscrowsGoOn() public {
        _escrowed();
        _pause(NOW + 30 * 24 * HOUR);
        _as(demander, _withdrawCall(895, demander));
        vm.assertEq(token.balanceOf(demander), 895);
        vm.assertEq(_balance(demander), 0);
        _cancel(demander, 2);
        _raiseEpoch(demander);
        _as(supplier, abi.encodeCall(exchange.raiseListingEpoch, ("m1", 0)));
        _deliver();
        _dispute();
        _expire(DECIDE_BY);
        // Undecided: the bond and both deposits go back.
        vm.assertEq(_balance(supplier), FUNDS + 33);
        vm.assertEq(_balance(demander), 67 + DEPOSIT);
    }

    function test_refusesMoreThanTheLongestPause() public {
        uint64 latest = NOW + 30 * 24 * HOUR;
        vm.assertEq(NOW + exchange.MAX_PAUSE(), latest);
        _refuses(
            stranger,
            _pauseCall(latest + 1, DEADLINE, 2),
            abi.encodeWithSelector(IOperators.PauseTooLong.selector, latest + 1, latest)
        );
        _pause(latest);
        vm.assertEq(exchange.pausedUntil(), latest);
    }

    function test_refusesTheSameDecisionTwice() public {
        bytes memory call = _pauseCall(NOW + 100, DEADLINE, 2);
        _as(stranger, call);
        _pause(0);
        _refuses(stranger, call, _badSignature(operatorAccounts[0]));
    }

    function test_refusesTooFewSignatures() public {
        bytes memory reason = abi.encodeWithSelector(IOperators.TooFewSignatures.selector, 1, 2);
        _refuses(stranger, _pauseCall(NOW + 100, DEADLINE, 1), reason);
    }

    function test_refusesFromTheDeadlineOn() public {
        bytes memory call = _pauseCall(NOW + 100, NOW + 60, 2);
        for (uint64 at = NOW + 60; at < NOW + 62; ++at) {
            vm.warp(at);
            _refuses(stranger, call, abi.encodeWithSelector(IOperators.DecisionExpired.selector, NOW + 60, at));
        }
        vm.warp(NOW + 59);
        _as(stranger, call);
        vm.assertEq(exchange.pausedUntil(), NOW + 100);
    }

    function test_refusesAnythingChanged() public {
        IOperators.OperatorSignature[] memory signatures = _decided(_pauseHash(NOW + 100, NOW + 60));
        bytes memory reason = _badSignature(operatorAccounts[0]);
        _refuses(stranger, abi.encodeCall(exchange.pause, (NOW + 101, NOW + 60, signatures)), reason);
        _refuses(stranger, abi.encodeCall(exchange.pause, (NOW + 100, NOW + 61, signatures)), reason);
    }

    function _pauseCall(uint64 until, uint64 deadline, uint256 count) private view returns (bytes memory) {
        IOperators.OperatorSignature[] memory signatures = _operatorSignatures(_pauseHash(until, deadline), count);
        return abi.encodeCall(exchange.pause, (until, deadline, signatures));
    }

    function _badSignature(address operator) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IOperators.BadOperatorSignature.selector, 0, operator);
    }
}
