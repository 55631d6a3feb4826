// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {FalseToken, FeeToken, ReentrantToken} from "../base/AwkwardTokens.sol";
import {ExchangeBase} from "../base/ExchangeBase.sol";

contract DepositTest is ExchangeBase {
    function test_creditsTheCallerAndSaysSo() public {
        token.mint(demander, 500);
        vm.prank(demander);
        token.approve(address(exchange), 500);
        vm.expectEmit(address(exchange));
        emit IResourceTrading.Deposited(demander, address(token), 200);
        vm.prank(demander);
        exchange.deposit(address(token), 200);
        vm.assertEq(exchange.balanceOf(demander, address(token)), 200);
        vm.assertEq(token.balanceOf(address(exchange)), 200);
        vm.assertEq(token.balanceOf(demander), 300);
    }

    function test_addsUp() public {
        _fund(demander, 200);
        _fund(demander, 1);
        vm.assertEq(exchange.balanceOf(demander, address(token)), 201);
    }

    function test_refusesUnknownToken() public {
        vm.expectRevert(abi.encodeWithSelector(IResourceTrading.TokenNotAccepted.selector, stranger));
        exchange.deposit(stranger, 1);
    }

    function test_refusesZero() public {
        vm.expectRevert(abi.encodeWithSelector(IResourceTrading.ZeroAmount.selector));
        exchange.deposit(address(token), 0);
    }

    function test_refusesTokenThatTakesAFee() public {
        FeeToken fee = new FeeToken();
        exchange = _deploy(operatorAccounts, 1, address(fee));
        fee.mint(demander, 1000);
        vm.prank(demander);
        fee.approve(address(exchange), 1000);
        vm.expectRevert(abi.encodeWithSelector(IResourceTrading.WrongAmountReceived.selector, address(fee), 1000, 990));
        vm.prank(demander);
        exchange.deposit(address(fee), 1000);
        vm.assertEq(fee.balanceOf(demander), 1000);
        vm.assertEq(exchange.balanceOf(demander, address(fee)), 0);
    }

    function test_refusesTokenThatAnswersFalse() public {
        FalseToken falseToken = new FalseToken();
        exchange = _deploy(operatorAccounts, 1, address(falseToken));
        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(falseToken)));
        exchange.deposit(address(falseToken), 1);
    }

    function test_refusesReentryIntoDeposit() public {
        _reenters(exchange.deposit.selector);
    }

    function test_refusesReentryIntoWithdraw() public {
        _reenters(exchange.withdraw.selector);
    }

    function _reenters(bytes4 into) private {
        ReentrantToken reentrant = new ReentrantToken();
        exchange = _deploy(operatorAccounts, 1, address(reentrant));
        reentrant.mint(demander, 10);
        vm.prank(demander);
        reentrant.approve(address(exchange), 10);
        reentrant.arm(address(exchange), abi.encodeWithSelector(into, address(reentrant), 1));
        vm.expectRevert(abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector));
        vm.prank(demander);
        exchange.deposit(address(reentrant), 10);
    }
}
