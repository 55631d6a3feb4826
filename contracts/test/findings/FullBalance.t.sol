// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {LyingToken} from "../base/AwkwardTokens.sol";
import {EscrowBase} from "../base/EscrowBase.sol";

/// @notice A party whose balance was full blocked the other's share of an escrow, and a batch, by overflow. Now all
/// balances and escrows of a token fit 128 bits together.
contract FullBalanceTest is EscrowBase {
    function test_depositsNeverFillATokenPast128Bits() public {
        _escrowed();
        uint256 room = type(uint128).max - 2 * FUNDS;
        token.mint(supplier, room + 1);
        vm.prank(supplier);
        token.approve(address(exchange), room + 1);
        _refuses(
            supplier,
            abi.encodeCall(exchange.deposit, (address(token), room + 1)),
            abi.encodeWithSelector(IAccounts.AmountTooLarge.selector, room + 1)
        );
        _as(supplier, abi.encodeCall(exchange.deposit, (address(token), room)));
        _expire(DELIVER_BY);
        // Late: a 20th of the payment to the supplier, a quarter of its bond to the demander.
        vm.assertEq(_balance(demander), FUNDS - 5 + 10);
        vm.assertEq(_balance(supplier), room + FUNDS + 5 - 10);
    }

    /// @dev Not even a token that lies about balances fills two accounts.
    function test_aLyingTokenFillsNoSecondAccount() public {
        LyingToken liar = new LyingToken();
        _setToken(address(liar), true);
        _as(supplier, abi.encodeCall(exchange.deposit, (address(liar), type(uint128).max)));
        liar.forget(address(exchange));
        _refuses(
            demander,
            abi.encodeCall(exchange.deposit, (address(liar), 1)),
            abi.encodeWithSelector(IAccounts.AmountTooLarge.selector, 1)
        );
        vm.assertEq(exchange.totalOf(address(liar)), type(uint128).max);
    }
}
