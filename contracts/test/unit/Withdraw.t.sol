// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {ReentrantToken} from "../base/AwkwardTokens.sol";
import {ExchangeBase} from "../base/ExchangeBase.sol";

contract WithdrawTest is ExchangeBase {
    function setUp() public override {
        super.setUp();
        _fund(demander, 500);
    }

    function test_paysTheCallerAndSaysSo() public {
        vm.expectEmit(address(exchange));
        emit IResourceTrading.Withdrawn(demander, address(token), 200);
        vm.prank(demander);
        exchange.withdraw(address(token), 200);
        vm.assertEq(exchange.balanceOf(demander, address(token)), 300);
        vm.assertEq(token.balanceOf(demander), 200);
        vm.assertEq(token.balanceOf(address(exchange)), 300);
    }

    function test_paysAllOfIt() public {
        vm.prank(demander);
        exchange.withdraw(address(token), 500);
        vm.assertEq(exchange.balanceOf(demander, address(token)), 0);
        vm.assertEq(token.balanceOf(demander), 500);
    }

    function test_refusesZero() public {
        vm.expectRevert(abi.encodeWithSelector(IResourceTrading.ZeroAmount.selector));
        vm.prank(demander);
        exchange.withdraw(address(token), 0);
    }

    function test_refusesMoreThanTheBalance() public {
        _refuses(demander, address(token), 500, 501);
    }

    function test_refusesStrangersWithoutBalance() public {
        _refuses(stranger, address(token), 0, 1);
    }

    function test_refusesTokenNeverDeposited() public {
        _refuses(demander, stranger, 0, 1);
    }

    function test_refusesReentryIntoWithdrawAndDeposit() public {
        ReentrantToken reentrant = new ReentrantToken();
        exchange = _deploy(operatorAccounts, 1, address(reentrant));
        reentrant.mint(demander, 10);
        vm.prank(demander);
        reentrant.approve(address(exchange), 10);
        vm.prank(demander);
        exchange.deposit(address(reentrant), 10);

        bytes[2] memory callbacks = [
            abi.encodeCall(exchange.withdraw, (address(reentrant), 10)),
            abi.encodeCall(exchange.deposit, (address(reentrant), 10))
        ];
        for (uint256 i = 0; i < callbacks.length; ++i) {
            reentrant.arm(address(exchange), callbacks[i]);
            vm.expectRevert(abi.encodeWithSelector(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector));
            vm.prank(demander);
            exchange.withdraw(address(reentrant), 10);
        }
        vm.assertEq(exchange.balanceOf(demander, address(reentrant)), 10);
    }

    function _refuses(address account, address paidIn, uint256 available, uint256 needed) private {
        vm.expectRevert(
            abi.encodeWithSelector(IResourceTrading.InsufficientBalance.selector, account, paidIn, available, needed)
        );
        vm.prank(account);
        exchange.withdraw(paidIn, needed);
    }
}
