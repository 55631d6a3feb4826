// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IOperators} from "../../src/interfaces/IOperators.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {EscrowBase} from "../base/EscrowBase.sol";

contract PauseTest is EscrowBase {
    function test_stopsEveryKindOfNewTrade() public {
        bytes memory escrowed = _escrowCall(_trade(), _escrow());
        vm.expectEmit(address(exchange));
        emit IOperators.Paused(NOW + 100);
        _pause(NOW + 100);
        bytes memory reason = abi.encodeWithSelector(IOperators.TradingPaused.selector, NOW + 100);
        IResourceTrading.SignedTrade[] memory trades = new IResourceTrading.SignedTrade[](1);
        trades[0] = _signed(_trade());
        _refuses(stranger, _settleCall(trades[0]), reason);
        _refuses(stranger, abi.encodeCall(exchange.settleBatch, (trades, _none())), reason);
        _refuses(stranger, abi.encodeCall(exchange.settleBundle, (trades, _none())), reason);
        _refuses(stranger, escrowed, reason);
        vm.warp(NOW + 99);
        _refuses(stranger, _settleCall(trades[0]), reason);
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
        _as(demander, abi.encodeCall(exchange.withdraw, (address(token), 900)));
        vm.assertEq(token.balanceOf(demander), 900);
        _cancel(demander, 2);
        _raiseEpoch(demander);
        _as(supplier, abi.encodeCall(exchange.raiseListingEpoch, (_id("m1", 0))));
        _deliver();
        _dispute();
        vm.warp(DECIDE_BY);
        _as(stranger, _expireCall());
        vm.assertEq(_balance(supplier), 33);
        vm.assertEq(_balance(demander), 67);
    }

    function test_refusesMoreThanTheLongestPause() public {
        uint64 latest = NOW + 30 * 24 * HOUR;
        vm.assertEq(NOW + exchange.MAX_PAUSE(), latest);
        bytes[] memory signatures = _decided(_pauseHash(latest + 1));
        _refuses(
            stranger,
            abi.encodeCall(exchange.pause, (latest + 1, signatures)),
            abi.encodeWithSelector(IOperators.PauseTooLong.selector, latest + 1, latest)
        );
        _pause(latest);
        vm.assertEq(exchange.pausedUntil(), latest);
    }

    function test_refusesTheSameDecisionTwice() public {
        bytes[] memory signatures = _decided(_pauseHash(NOW + 100));
        exchange.pause(NOW + 100, signatures);
        _pause(0);
        bytes memory call = abi.encodeCall(exchange.pause, (NOW + 100, signatures));
        (bool ok,) = address(exchange).call(call);
        vm.assertFalse(ok);
        vm.assertEq(exchange.pausedUntil(), 0);
    }

    function test_refusesTooFewSignatures() public {
        bytes[] memory signatures = _operatorSignatures(_pauseHash(NOW + 100), 1);
        _refuses(
            stranger,
            abi.encodeCall(exchange.pause, (NOW + 100, signatures)),
            abi.encodeWithSelector(IOperators.TooFewSignatures.selector, 1, 2)
        );
    }
}
