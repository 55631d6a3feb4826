// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {FalseToken, FeeToken, IdleToken, LyingToken} from "../base/AwkwardTokens.sol";
import {ExchangeBase} from "../base/ExchangeBase.sol";

contract DepositTest is ExchangeBase {
    function test_creditsTheCallerAndSaysSo() public {
        token.mint(demander, 500);
        vm.prank(demander);
        token.approve(address(exchange), 500);
        vm.expectEmit(address(exchange));
        emit IAccounts.Deposited(demander, address(token), 200);
        _as(demander, _deposit(address(token), 200));
        vm.assertEq(_balance(demander), 200);
        vm.assertEq(token.balanceOf(address(exchange)), 200);
        vm.assertEq(token.balanceOf(demander), 300);
    }

    function test_addsUpAndKeepsTheNonces() public {
        _fund(demander, 200);
        _cancel(demander, 5);
        _raiseEpoch(demander);
        _cancel(demander, 6);
        _fund(demander, 1);
        IAccounts.Account memory account = exchange.accountOf(demander, address(token));
        vm.assertEq(account.balance, 201);
        vm.assertEq(account.epoch, 2);
        vm.assertEq(account.used, 6);
    }

    function test_refusesUnknownToken() public {
        _refuses(demander, _deposit(stranger, 1), abi.encodeWithSelector(IAccounts.TokenNotAccepted.selector, stranger));
    }

    function test_refusesZero() public {
        _refuses(demander, _deposit(address(token), 0), abi.encodeWithSelector(IAccounts.ZeroAmount.selector));
    }

    function test_refusesMoreThan128Bits() public {
        uint256 amount = uint256(type(uint128).max) + 1;
        _refuses(
            demander,
            _deposit(address(token), amount),
            abi.encodeWithSelector(IAccounts.AmountTooLarge.selector, amount)
        );
        _fund(demander, amount - 1);
        vm.assertEq(_balance(demander), amount - 1);
    }

    function test_refusesTokenThatTakesAFee() public {
        FeeToken fee = new FeeToken();
        exchange = _deploy(operatorAccounts, 2, address(fee));
        fee.mint(demander, 1000);
        vm.prank(demander);
        fee.approve(address(exchange), 1000);
        _refuses(
            demander,
            _deposit(address(fee), 1000),
            abi.encodeWithSelector(IAccounts.WrongAmountReceived.selector, address(fee), 1000, 990)
        );
        vm.assertEq(fee.balanceOf(demander), 1000);
        vm.assertEq(exchange.balanceOf(demander, address(fee)), 0);
    }

    function test_refusesTokenThatAnswersFalse() public {
        FalseToken falseToken = new FalseToken();
        exchange = _deploy(operatorAccounts, 2, address(falseToken));
        _refuses(
            demander,
            _deposit(address(falseToken), 1),
            abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(falseToken))
        );
    }

    function test_refusesTokenThatMovesNothing() public {
        IdleToken idle = new IdleToken();
        exchange = _deploy(operatorAccounts, 2, address(idle));
        for (uint256 amount = 1; amount < 3; ++amount) {
            _refuses(
                demander,
                _deposit(address(idle), amount),
                abi.encodeWithSelector(IAccounts.WrongAmountReceived.selector, address(idle), amount, 0)
            );
        }
    }

    /// @dev Even of a token whose own balances say less than was deposited.
    function test_refusesWhatOverflowsTheBalanceOfTheAccount() public {
        LyingToken lying = new LyingToken();
        exchange = _deploy(operatorAccounts, 2, address(lying));
        _as(demander, _deposit(address(lying), type(uint128).max));
        lying.forget(address(exchange));
        _refuses(demander, _deposit(address(lying), 1), abi.encodeWithSelector(IAccounts.AmountTooLarge.selector, 1));
        vm.assertEq(exchange.balanceOf(demander, address(lying)), type(uint128).max);
        vm.assertEq(exchange.accountOf(demander, address(lying)).epoch, 0);
    }

    function testFuzz_whatIsDepositedCanBeWithdrawn(uint128 first, uint128 second) public {
        first = first / 2 + 1;
        second = second / 2;
        _fund(demander, first);
        if (second > 0) _fund(demander, second);
        vm.assertEq(_balance(demander), uint256(first) + second);
        _as(demander, abi.encodeCall(exchange.withdraw, (address(token), uint256(first) + second)));
        vm.assertEq(token.balanceOf(demander), uint256(first) + second);
    }

    function _deposit(address paidIn, uint256 amount) private view returns (bytes memory) {
        return abi.encodeCall(exchange.deposit, (paidIn, amount));
    }
}
