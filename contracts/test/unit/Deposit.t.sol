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
        vm.assertEq(exchange.totalOf(address(token)), 200);
    }

    function test_addsUpAndKeepsTheNonces() public {
        _fund(demander, 200);
        _cancel(demander, 5);
        _raiseEpoch(demander);
        _cancel(demander, 6);
        _fund(demander, 1);
        IAccounts.Account memory account = exchange.accountOf(demander, address(token));
        vm.assertEq(account.balance, 201);
        vm.assertEq(account.epoch, NOW);
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

    /// @dev It is the total that has to fit, so that no credit overflows whoever gets it.
    function test_refusesWhatTheTotalDoesNotHold() public {
        _fund(demander, type(uint128).max - 5);
        token.mint(stranger, 6);
        vm.prank(stranger);
        token.approve(address(exchange), 6);
        _refuses(stranger, _deposit(address(token), 6), abi.encodeWithSelector(IAccounts.AmountTooLarge.selector, 6));
        _as(stranger, _deposit(address(token), 5));
        vm.assertEq(exchange.totalOf(address(token)), type(uint128).max);
        // What is withdrawn makes room.
        token.mint(stranger, 1);
        _refuses(stranger, _deposit(address(token), 1), abi.encodeWithSelector(IAccounts.AmountTooLarge.selector, 1));
        _as(demander, _withdrawCall(1, demander));
        _as(stranger, _deposit(address(token), 1));
        vm.assertEq(exchange.totalOf(address(token)), type(uint128).max);
    }

    /// @dev Even one that fills 128 bits; it is nobody's balance.
    function test_aGiftStopsNoDepositAndIsNobodys() public {
        token.mint(address(exchange), type(uint128).max);
        vm.assertEq(exchange.totalOf(address(token)), 0);
        _fund(demander, 7);
        vm.assertEq(_balance(demander), 7);
        vm.assertEq(exchange.totalOf(address(token)), 7);
        _as(demander, _withdrawCall(7, demander));
        vm.assertEq(exchange.totalOf(address(token)), 0);
        vm.assertEq(token.balanceOf(address(exchange)), type(uint128).max);
    }

    function test_totalsAreOfOneToken() public {
        IdleToken other = new IdleToken();
        _fund(demander, 7);
        vm.assertEq(exchange.totalOf(address(other)), 0);
        vm.assertEq(exchange.totalOf(address(token)), 7);
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
    function test_refusesWhatTheTotalDoesNotHoldOfALyingToken() public {
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
        _as(demander, _withdrawCall(uint256(first) + second, demander));
        vm.assertEq(token.balanceOf(demander), uint256(first) + second);
    }

    function _deposit(address paidIn, uint256 amount) private view returns (bytes memory) {
        return abi.encodeCall(exchange.deposit, (paidIn, amount));
    }
}
