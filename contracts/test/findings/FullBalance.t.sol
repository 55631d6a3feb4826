// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {LyingToken} from "../base/AwkwardTokens.sol";
import {EscrowBase} from "../base/EscrowBase.sol";

/// @notice A party whose balance was full blocked the other's share of an escrow, and a batch, by overflow.
contract FullBalanceTest is EscrowBase {
    function test_depositsNeverFillATokenPast128Bits() public {
        _escrowed();
        uint256 room = type(uint128).max - FUNDS;
        token.mint(supplier, room + 1);
        vm.prank(supplier);
        token.approve(address(exchange), room + 1);
        _refuses(
            supplier,
            abi.encodeCall(exchange.deposit, (address(token), room + 1)),
            abi.encodeWithSelector(IAccounts.AmountTooLarge.selector, uint256(type(uint128).max) + 1)
        );
        _as(supplier, abi.encodeCall(exchange.deposit, (address(token), room)));
        vm.warp(DELIVER_BY);
        _as(stranger, _expireCall());
        vm.assertEq(_balance(demander), FUNDS - 5);
        vm.assertEq(_balance(supplier), room + 5);
    }

    /// @dev Only a token that lies about balances gets two accounts that full.
    function test_aBatchGoesOnPastATradeInALyingToken() public {
        LyingToken liar = new LyingToken();
        _setToken(address(liar), true);
        _depositLies(liar, supplier);
        _depositLies(liar, demander);
        IResourceTrading.SignedTrade[] memory trades = new IResourceTrading.SignedTrade[](2);
        IResourceTrading.Trade memory trade = _trade();
        trade.token = address(liar);
        (trades[0], trades[1]) = (_signed(trade), _signed(_trade()));
        vm.expectEmit(address(exchange));
        emit IResourceTrading.Skipped(0, IAccounts.AmountTooLarge.selector);
        _expectSettled(trades[1].trade, exchange.digestOf(trades[1].trade));
        exchange.settleBatch(trades, _none());
        _refusesTrade(trades[0], abi.encodeWithSelector(IAccounts.AmountTooLarge.selector, 100));
        vm.assertEq(_balance(supplier), 100);
    }

    function _depositLies(LyingToken liar, address account) private {
        _as(account, abi.encodeCall(exchange.deposit, (address(liar), type(uint128).max)));
        liar.forget(address(exchange));
    }
}
