// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {SettleBase} from "../base/SettleBase.sol";

contract SettleBatchTest is SettleBase {
    function test_settlesAll() public {
        IResourceTrading.SignedTrade[] memory trades = _trades(3);
        for (uint256 i = 0; i < 3; ++i) {
            _expectSettled(trades[i].trade, exchange.digestOf(trades[i].trade));
        }
        vm.recordLogs();
        exchange.settleBatch(trades, _none());
        // Nothing else is said: no trade that settled is reported as skipped.
        vm.assertEq(vm.getRecordedLogs().length, 3);
        vm.assertEq(_balance(supplier), 75);
        vm.assertEq(_listing("m1").available, LISTED - 3);
        vm.assertEq(exchange.accountOf(demander, address(token)).used, 7);
    }

    function test_skipsABundledTradeAndATradeGivenTwice() public {
        IResourceTrading.SignedTrade[] memory trades = _trades(3);
        trades[0].trade.bundle = "product";
        trades[2] = trades[1];
        vm.expectEmit(address(exchange));
        _emitSkipped(0, IResourceTrading.Bundled.selector, trades[0].trade);
        _expectSettled(trades[1].trade, exchange.digestOf(trades[1].trade));
        vm.expectEmit(address(exchange));
        _emitSkipped(2, IResourceTrading.NonceUsed.selector, trades[2].trade);
        exchange.settleBatch(trades, _none());
        vm.assertEq(_balance(supplier), 25);
    }

    /// @dev Digest and parties are told even of a trade whose listing does not exist.
    function test_saysWhichTradeItSkipped() public {
        IResourceTrading.SignedTrade[] memory trades = _trades(2);
        trades[0].trade.listing = keccak256("nothing");
        trades[1].trade.demander = stranger;
        vm.expectEmit(address(exchange));
        _emitSkipped(0, IResourceVerification.UnknownListing.selector, trades[0].trade);
        vm.expectEmit(address(exchange));
        _emitSkipped(1, IAccounts.BadSignature.selector, trades[1].trade);
        exchange.settleBatch(trades, _none());
    }

    function test_oneCancelledSuppliersBitSkipsItsTradesOnly() public {
        IResourceTrading.SignedTrade[] memory trades = _trades(3);
        trades[1].trade.supplierNonce = 4;
        trades[1] = _signed(trades[1].trade);
        _cancel(supplier, 1 << 4);
        vm.expectEmit(address(exchange));
        _emitSkipped(1, IResourceTrading.NonceUsed.selector, trades[1].trade);
        exchange.settleBatch(trades, _none());
        vm.assertEq(_balance(supplier), 50);
    }

    function test_laterTradesSeeWhatEarlierOnesLeft() public {
        IResourceTrading.SignedTrade[] memory trades = _trades(3);
        (trades[0].trade.quantity, trades[1].trade.quantity, trades[2].trade.quantity) = (6, 5, 4);
        for (uint256 i = 0; i < 3; ++i) {
            trades[i] = _signed(trades[i].trade);
        }
        exchange.settleBatch(trades, _none());
        vm.assertEq(_listing("m1").available, 0);
        vm.assertEq(exchange.accountOf(demander, address(token)).used, 5);
    }

    function test_rollsOverToTheNextEpochWithinABatch() public {
        _cancel(demander, type(uint96).max - 1);
        IResourceTrading.SignedTrade[] memory trades = _trades(2);
        trades[1].trade.nonce = 1 << 8;
        trades[1] = _signed(trades[1].trade);
        exchange.settleBatch(trades, _none());
        vm.assertEq(exchange.accountOf(demander, address(token)).epoch, 1);
        vm.assertEq(exchange.accountOf(demander, address(token)).used, 1);
        vm.assertEq(_balance(supplier), 50);
    }

    function test_anEmptyBatchDoesNothing() public {
        bytes32 before = _stateHash();
        exchange.settleBatch(_trades(0), _none());
        vm.assertEq(_stateHash(), before);
    }

    /// @dev Whatever a mask of trades lacks, the others settle, with the same result as one by one.
    function testFuzz_isTheSameAsOneByOne(uint256 seed) public {
        IResourceTrading.SignedTrade[] memory trades = _trades(8);
        uint256 expected = 0;
        for (uint256 i = 0; i < 8; ++i) {
            uint256 fault = (seed >> 8 * i) % 6;
            if (fault == 0) trades[i].trade.quantity = 0;
            if (fault == 1) trades[i].trade.validUntil = NOW;
            if (fault == 2) trades[i].demander.vs = 0;
            if (fault == 3) trades[i].trade.unitPrice = 2000;
            if (fault != 2) trades[i] = _signed(trades[i].trade);
            if (fault > 3) expected += 25;
        }
        exchange.settleBatch(trades, _none());
        vm.assertEq(_balance(supplier), expected);
        vm.assertEq(_balance(demander), FUNDS - expected);
        vm.assertEq(_listing("m1").available, LISTED - expected / 25);
    }

    function _emitSkipped(uint256 index, bytes4 reason, IResourceTrading.Trade memory trade) private {
        emit IResourceTrading.Skipped(index, reason, exchange.digestOf(trade), trade.listing, trade.demander);
    }

    /// @dev Of one unit each, with nonces from 0.
    function _trades(uint256 count) private view returns (IResourceTrading.SignedTrade[] memory trades) {
        trades = new IResourceTrading.SignedTrade[](count);
        for (uint256 i = 0; i < count; ++i) {
            IResourceTrading.Trade memory trade = _trade();
            (trade.quantity, trade.nonce) = (1, uint64(i));
            trades[i] = _signed(trade);
        }
    }
}
