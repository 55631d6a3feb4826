// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {TestToken} from "../../src/TestToken.sol";
import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IOperators} from "../../src/interfaces/IOperators.sol";
import {SettleBase} from "../base/SettleBase.sol";

contract SetTokenTest is SettleBase {
    function test_allowsDepositsAndSaysSo() public {
        TestToken other = new TestToken("Other", "O", 18);
        bytes[] memory signatures = _decided(_tokenHash(address(other), true));
        vm.expectEmit(address(exchange));
        emit IAccounts.TokenSet(address(other), true);
        _as(stranger, abi.encodeCall(exchange.setToken, (address(other), true, signatures)));
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
        _as(supplier, abi.encodeCall(exchange.withdraw, (address(token), 100)));
        vm.assertEq(token.balanceOf(supplier), 100);
    }

    function test_refusesToAllowATokenWithoutCode() public {
        bytes[] memory signatures = _decided(_tokenHash(stranger, true));
        _refuses(
            stranger,
            abi.encodeCall(exchange.setToken, (stranger, true, signatures)),
            abi.encodeWithSelector(IAccounts.TokenNotAccepted.selector, stranger)
        );
        _setToken(stranger, false);
        vm.assertFalse(exchange.accepts(stranger));
    }

    function test_refusesTooFewSignatures() public {
        bytes[] memory one = _operatorSignatures(_tokenHash(address(token), false), 1);
        _refuses(
            stranger,
            abi.encodeCall(exchange.setToken, (address(token), false, one)),
            abi.encodeWithSelector(IOperators.TooFewSignatures.selector, 1, 2)
        );
    }

    function test_refusesTheSameDecisionTwice() public {
        bytes[] memory signatures = _decided(_tokenHash(address(token), false));
        exchange.setToken(address(token), false, signatures);
        _setToken(address(token), true);
        (bool ok,) = address(exchange).call(abi.encodeCall(exchange.setToken, (address(token), false, signatures)));
        vm.assertFalse(ok);
        vm.assertTrue(exchange.accepts(address(token)));
    }
}
