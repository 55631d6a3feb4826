// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {TestToken} from "../../src/TestToken.sol";
import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IOperators} from "../../src/interfaces/IOperators.sol";
import {SettleBase} from "../base/SettleBase.sol";

contract SetTokenTest is SettleBase {
    function test_allowsDepositsAndSaysSo() public {
        TestToken other = new TestToken("Other", "O", 18);
        IOperators.OperatorSignature[] memory signatures = _decided(_tokenHash(address(other), true, DEADLINE));
        vm.expectEmit(address(exchange));
        emit IAccounts.TokenSet(address(other), true);
        _as(stranger, abi.encodeCall(exchange.setToken, (address(other), true, DEADLINE, signatures)));
        vm.assertTrue(exchange.accepts(address(other)));
        vm.assertEq(exchange.decisionNonce(), 1);
        token = other;
        _fund(stranger, 5);
        vm.assertEq(_balance(stranger), 5);
    }

    function test_stopsDepositsButNeitherTradesNorWithdrawals() public {
        vm.expectEmit(address(exchange));
        emit IAccounts.TokenSet(address(token), false);
        _setToken(address(token), false);
        vm.assertFalse(exchange.accepts(address(token)));
        _refuses(
            demander,
            abi.encodeCall(exchange.deposit, (address(token), 1)),
            abi.encodeWithSelector(IAccounts.TokenNotAccepted.selector, address(token))
        );
        _settle(_trade());
        _as(supplier, _withdrawCall(100, supplier));
        vm.assertEq(token.balanceOf(supplier), 100);
    }

    function test_refusesToAllowATokenWithoutCode() public {
        IOperators.OperatorSignature[] memory signatures = _decided(_tokenHash(stranger, true, DEADLINE));
        _refuses(
            stranger,
            abi.encodeCall(exchange.setToken, (stranger, true, DEADLINE, signatures)),
            abi.encodeWithSelector(IAccounts.TokenNotAccepted.selector, stranger)
        );
        _setToken(stranger, false);
        vm.assertFalse(exchange.accepts(stranger));
    }

    function test_refusesTooFewSignatures() public {
        IOperators.OperatorSignature[] memory one = _operatorSignatures(_tokenHash(address(token), false, DEADLINE), 1);
        _refuses(
            stranger,
            abi.encodeCall(exchange.setToken, (address(token), false, DEADLINE, one)),
            abi.encodeWithSelector(IOperators.TooFewSignatures.selector, 1, 2)
        );
    }

    function test_refusesTheSameDecisionTwice() public {
        bytes memory call = _call(address(token), false, DEADLINE);
        _as(stranger, call);
        _setToken(address(token), true);
        _refuses(stranger, call, _badSignature());
    }

    function test_refusesFromTheDeadlineOn() public {
        bytes memory call = _call(address(token), false, NOW + 60);
        vm.warp(NOW + 60);
        _refuses(stranger, call, abi.encodeWithSelector(IOperators.DecisionExpired.selector, NOW + 60, NOW + 60));
        vm.warp(NOW + 59);
        _as(stranger, call);
        vm.assertFalse(exchange.accepts(address(token)));
    }

    function test_refusesAnythingChanged() public {
        IOperators.OperatorSignature[] memory signatures = _decided(_tokenHash(stranger, false, NOW + 60));
        _refuses(stranger, abi.encodeCall(exchange.setToken, (demander, false, NOW + 60, signatures)), _badSignature());
        _refuses(stranger, abi.encodeCall(exchange.setToken, (stranger, false, NOW + 61, signatures)), _badSignature());
        signatures = _decided(_tokenHash(address(token), false, NOW + 60));
        _refuses(
            stranger, abi.encodeCall(exchange.setToken, (address(token), true, NOW + 60, signatures)), _badSignature()
        );
    }

    function _call(address paidIn, bool accepted, uint64 deadline) private view returns (bytes memory) {
        IOperators.OperatorSignature[] memory signatures = _decided(_tokenHash(paidIn, accepted, deadline));
        return abi.encodeCall(exchange.setToken, (paidIn, accepted, deadline, signatures));
    }

    function _badSignature() private view returns (bytes memory) {
        return abi.encodeWithSelector(IOperators.BadOperatorSignature.selector, 0, operatorAccounts[0]);
    }
}
