// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {ExchangeBase} from "../base/ExchangeBase.sol";

contract WithdrawTest is ExchangeBase {
    function setUp() public override {
        super.setUp();
        _fund(demander, 500);
    }

    function test_paysTheCallerAndSaysSo() public {
        vm.expectEmit(address(exchange));
        emit IAccounts.Withdrawn(demander, address(token), 200);
        _as(demander, _withdraw(address(token), 200));
        vm.assertEq(_balance(demander), 300);
        vm.assertEq(token.balanceOf(demander), 200);
        vm.assertEq(token.balanceOf(address(exchange)), 300);
    }

    function test_paysAllOfItAndKeepsTheNonces() public {
        _cancel(demander, type(uint96).max);
        _as(demander, _withdraw(address(token), 500));
        vm.assertEq(_balance(demander), 0);
        vm.assertEq(token.balanceOf(demander), 500);
        vm.assertEq(exchange.accountOf(demander, address(token)).used, type(uint96).max);
    }

    function test_refusesZero() public {
        _refuses(demander, _withdraw(address(token), 0), abi.encodeWithSelector(IAccounts.ZeroAmount.selector));
    }

    function test_refusesMoreThanTheBalance() public {
        _refuses(demander, _withdraw(address(token), 501), _insufficient(demander, address(token), 500, 501));
        uint256 huge = type(uint256).max;
        _refuses(demander, _withdraw(address(token), huge), _insufficient(demander, address(token), 500, huge));
    }

    function test_refusesStrangersWithoutBalance() public {
        _refuses(stranger, _withdraw(address(token), 1), _insufficient(stranger, address(token), 0, 1));
    }

    function test_refusesTokenNeverDeposited() public {
        _refuses(demander, _withdraw(stranger, 1), _insufficient(demander, stranger, 0, 1));
    }

    function _withdraw(address paidIn, uint256 amount) private view returns (bytes memory) {
        return abi.encodeCall(exchange.withdraw, (paidIn, amount));
    }

    function _insufficient(address account, address paidIn, uint256 available, uint256 needed)
        private
        pure
        returns (bytes memory)
    {
        return abi.encodeWithSelector(IAccounts.InsufficientBalance.selector, account, paidIn, available, needed);
    }
}
