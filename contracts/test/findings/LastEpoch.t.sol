// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {SettleBase} from "../base/SettleBase.sol";

/// @notice A trade signed for the epoch after the last one panicked, and took its whole batch with it.
contract LastEpochTest is SettleBase {
    uint32 private constant LAST = type(uint32).max;

    function test_aTradeAfterTheLastEpochIsSkippedAndTheOthersSettle() public {
        _storeAccount(demander, uint128(FUNDS), LAST, type(uint96).max - 1);
        vm.assertEq(exchange.accountOf(demander, address(token)).epoch, LAST);
        IResourceTrading.SignedTrade[] memory trades = new IResourceTrading.SignedTrade[](2);
        IResourceTrading.Trade memory trade = _trade();
        trade.nonce = uint64(LAST) << 8;
        trades[0] = _signed(trade);
        trade = _trade();
        trade.nonce = uint64(LAST) + 1 << 8;
        trades[1] = _signed(trade);
        _expectSettled(trades[0].trade, exchange.digestOf(trades[0].trade));
        vm.expectEmit(address(exchange));
        emit IResourceTrading.Skipped(
            1, IResourceTrading.WrongEpoch.selector, exchange.digestOf(trade), trade.listing, demander
        );
        exchange.settleBatch(trades, _none());
        _refusesTrade(trades[1], _wrongEpoch(demander, uint64(LAST) + 1, LAST));
    }

    function test_whatIsLeftCanBeWithdrawnInTheLastEpoch() public {
        _storeAccount(demander, uint128(FUNDS), LAST, type(uint96).max);
        _as(demander, _withdrawCall(FUNDS, demander));
        vm.assertEq(token.balanceOf(demander), FUNDS);
    }

    /// @dev Refused, not wrapped: the first epoch would come back, and all that was signed for it.
    function test_theLastEpochIsNotRaised() public {
        _storeAccount(demander, uint128(FUNDS), LAST, 0);
        _refuses(
            demander,
            abi.encodeCall(exchange.raiseEpoch, (address(token))),
            abi.encodeWithSignature("Panic(uint256)", 0x11)
        );
        // Single trades are cancelled all the same.
        _cancel(demander, type(uint96).max);
        IResourceTrading.Trade memory trade = _trade();
        trade.nonce = uint64(LAST) << 8;
        _refusesTrade(trade, _nonceUsed(trade.nonce));
    }
}
