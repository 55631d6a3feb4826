// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {BlockingToken} from "../base/AwkwardTokens.sol";
import {ExchangeBase} from "../base/ExchangeBase.sol";

contract WithdrawTest is ExchangeBase {
    function setUp() public override {
        super.setUp();
        _fund(demander, 500);
    }

    function test_paysWhomTheCallerNamesAndSaysSo() public {
        address[2] memory to = [demander, stranger];
        for (uint256 i = 0; i < to.length; ++i) {
            vm.expectEmit(address(exchange));
            emit IAccounts.Withdrawn(demander, address(token), 200, to[i]);
            _as(demander, _withdrawCall(200, to[i]));
            vm.assertEq(token.balanceOf(to[i]), 200);
        }
        vm.assertEq(_balance(demander), 100);
        vm.assertEq(_balance(stranger), 0);
        vm.assertEq(token.balanceOf(address(exchange)), 100);
        vm.assertEq(exchange.totalOf(address(token)), 100);
    }

    function test_paysAllOfItAndKeepsTheNonces() public {
        _useUp(demander);
        _as(demander, _withdrawCall(500, demander));
        vm.assertEq(_balance(demander), 0);
        vm.assertEq(token.balanceOf(demander), 500);
        vm.assertEq(exchange.totalOf(address(token)), 0);
        vm.assertEq(exchange.accountOf(demander, address(token)).used, type(uint96).max);
    }

    function test_anAccountThatItsTokenRefusesIsPaidElsewhere() public {
        BlockingToken blocking = new BlockingToken();
        exchange = _deploy(operatorAccounts, 2, address(blocking));
        blocking.mint(demander, 100);
        vm.prank(demander);
        blocking.approve(address(exchange), 100);
        _as(demander, abi.encodeCall(exchange.deposit, (address(blocking), 100)));
        blocking.block_(demander);
        _refuses(
            demander,
            _withdraw(address(blocking), 100, demander),
            abi.encodeWithSelector(BlockingToken.Blocked.selector, demander)
        );
        vm.assertEq(exchange.balanceOf(demander, address(blocking)), 100);
        _as(demander, _withdraw(address(blocking), 100, stranger));
        vm.assertEq(blocking.balanceOf(stranger), 100);
        vm.assertEq(exchange.balanceOf(demander, address(blocking)), 0);
    }

    function test_refusesNobodyAndTheExchangeItself() public {
        address[2] memory bad = [address(0), address(exchange)];
        for (uint256 i = 0; i < bad.length; ++i) {
            _refuses(
                demander, _withdrawCall(1, bad[i]), abi.encodeWithSelector(IAccounts.BadRecipient.selector, bad[i])
            );
        }
    }

    function test_refusesZero() public {
        _refuses(demander, _withdrawCall(0, demander), abi.encodeWithSelector(IAccounts.ZeroAmount.selector));
    }

    function test_refusesMoreThanTheBalance() public {
        _refuses(demander, _withdrawCall(501, demander), _insufficient(demander, address(token), 500, 501));
        uint256 huge = type(uint256).max;
        _refuses(demander, _withdrawCall(huge, demander), _insufficient(demander, address(token), 500, huge));
    }

    /// @dev Not even to the account whose money it is.
    function test_refusesStrangersWithoutBalance() public {
        _refuses(stranger, _withdrawCall(1, stranger), _insufficient(stranger, address(token), 0, 1));
        _refuses(stranger, _withdrawCall(1, demander), _insufficient(stranger, address(token), 0, 1));
    }

    function test_refusesTokenNeverDeposited() public {
        _refuses(demander, _withdraw(stranger, 1, demander), _insufficient(demander, stranger, 0, 1));
    }

    function _withdraw(address paidIn, uint256 amount, address to) private view returns (bytes memory) {
        return abi.encodeCall(exchange.withdraw, (paidIn, amount, to));
    }

    function _insufficient(address account, address paidIn, uint256 available, uint256 needed)
        private
        pure
        returns (bytes memory)
    {
        return abi.encodeWithSelector(IAccounts.InsufficientBalance.selector, account, paidIn, available, needed);
    }
}
