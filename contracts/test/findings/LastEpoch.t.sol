// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {SettleBase} from "../base/SettleBase.sol";

/// @notice A trade signed for the epoch after the last one panicked, and took its whole batch with it.
contract LastEpochTest is SettleBase {
    uint256 private constant ACCOUNTS_SLOT = 9;

    function test_aTradeAfterTheLastEpochIsSkippedAndTheOthersSettle() public {
        uint32 last = type(uint32).max;
        _storeAccount(uint256(FUNDS) | uint256(last) << 128 | uint256(type(uint96).max - 1) << 160);
        vm.assertEq(exchange.accountOf(demander, address(token)).epoch, last);
        IResourceTrading.SignedTrade[] memory trades = new IResourceTrading.SignedTrade[](2);
        IResourceTrading.Trade memory trade = _trade();
        trade.demanderEpoch = last;
        trades[0] = _signed(trade);
        trade = _trade();
        trade.demanderEpoch = uint64(last) + 1;
        trades[1] = _signed(trade);
        _expectSettled(trades[0].trade, exchange.digestOf(trades[0].trade));
        vm.expectEmit(address(exchange));
        emit IResourceTrading.Skipped(1, IResourceTrading.WrongDemanderEpoch.selector);
        exchange.settleBatch(trades, _none());
        _refusesTrade(
            trades[1], abi.encodeWithSelector(IResourceTrading.WrongDemanderEpoch.selector, uint64(last) + 1, last)
        );
    }

    function test_whatIsLeftCanBeWithdrawnInTheLastEpoch() public {
        _storeAccount(uint256(FUNDS) | uint256(type(uint32).max) << 128 | uint256(type(uint96).max) << 160);
        _as(demander, abi.encodeCall(exchange.withdraw, (address(token), FUNDS)));
        vm.assertEq(token.balanceOf(demander), FUNDS);
    }

    function _storeAccount(uint256 word) private {
        bytes32 ofToken = keccak256(abi.encode(address(token), ACCOUNTS_SLOT));
        vm.store(address(exchange), keccak256(abi.encode(demander, ofToken)), bytes32(word));
    }
}
