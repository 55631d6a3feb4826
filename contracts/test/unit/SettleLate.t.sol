// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {INetSettlement} from "../../src/interfaces/INetSettlement.sol";
import {IOperators} from "../../src/interfaces/IOperators.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {BundleBase} from "../base/BundleBase.sol";
import {ExchangeBase} from "../base/ExchangeBase.sol";
import {NetBase} from "../base/NetBase.sol";
import {SettleBase} from "../base/SettleBase.sol";

/// @notice A product agreed for a net cycle that no cycle took: it settles from NOW + 100 on, and nowhere else.
contract SettleLateTest is NetBase, BundleBase {
    uint64 private constant NOT_BEFORE = NOW + 100;

    function setUp() public override(SettleBase, BundleBase) {
        super.setUp();
    }

    function test_settlesTheProductFromItsTimeOn() public {
        IResourceTrading.SignedTrade[] memory trades = _agreed(2);
        bytes memory call = _lateCall(trades, NOT_BEFORE);
        vm.warp(NOT_BEFORE - 1);
        _refuses(stranger, call, abi.encodeWithSelector(INetSettlement.LateOnly.selector, NOT_BEFORE, NOT_BEFORE - 1));
        vm.warp(NOT_BEFORE);
        _expectSettled(trades[0].trade, exchange.digestOf(trades[0].trade));
        _expectSettled(trades[1].trade, exchange.digestOf(trades[1].trade));
        _as(stranger, call);
        vm.assertEq(_balance(supplier), 190);
        vm.assertEq(_balance(demander), FUNDS - 190);
        _refuses(stranger, call, _nonceUsed(0));
    }

    function test_settlesASingleTrade() public {
        vm.warp(NOT_BEFORE);
        _as(stranger, _lateCall(_agreed(1), NOT_BEFORE));
        vm.assertEq(_balance(supplier), 100);
    }

    function test_everyOtherPathRefusesIt() public {
        IResourceTrading.SignedTrade[] memory trades = _agreed(1);
        bytes32 bundle = trades[0].trade.bundle;
        vm.warp(NOT_BEFORE);
        _refusesTrade(trades[0], abi.encodeWithSelector(IResourceTrading.Bundled.selector, bundle));
        trades = _agreed(2);
        IResourceTrading.Trade[] memory product = _copies(trades);
        bytes memory reason =
            abi.encodeWithSelector(IResourceTrading.WrongBundle.selector, trades[0].trade.bundle, _bundleOf(product));
        _refuses(stranger, _bundleCall(trades), reason);
    }

    function test_refusesAnotherTimeThanTheSigned() public {
        IResourceTrading.SignedTrade[] memory trades = _agreed(2);
        bytes32 product = _bundleOf(_copies(trades));
        bytes memory reason = abi.encodeWithSelector(
            IResourceTrading.WrongBundle.selector, trades[0].trade.bundle, _netBundle(NOW, product)
        );
        _refuses(stranger, _lateCall(trades, NOW), reason);
    }

    function test_refusesAPartAndAnotherOrder() public {
        IResourceTrading.SignedTrade[] memory whole = _agreed(2);
        bytes32 signed = whole[0].trade.bundle;
        vm.warp(NOT_BEFORE);
        IResourceTrading.SignedTrade[] memory part = new IResourceTrading.SignedTrade[](1);
        part[0] = whole[0];
        _refuses(stranger, _lateCall(part, NOT_BEFORE), _wrongBundle(signed, part));
        IResourceTrading.SignedTrade[] memory turned = new IResourceTrading.SignedTrade[](2);
        (turned[0], turned[1]) = (whole[1], whole[0]);
        _refuses(stranger, _lateCall(turned, NOT_BEFORE), _wrongBundle(signed, turned));
    }

    function test_refusesAProductOfNoCycleAndATradeOfNone() public {
        IResourceTrading.SignedTrade[] memory trades = _product();
        vm.warp(NOT_BEFORE);
        _refuses(stranger, _lateCall(trades, NOT_BEFORE), _wrongBundle(trades[0].trade.bundle, trades));
        IResourceTrading.SignedTrade[] memory single = new IResourceTrading.SignedTrade[](1);
        single[0] = _signed(_trade());
        _refuses(stranger, _lateCall(single, NOT_BEFORE), _wrongBundle(0, single));
    }

    function test_oneThatCannotBeSettledStopsAll() public {
        IResourceTrading.SignedTrade[] memory trades = _agreed(2);
        _cancel(demander, 2);
        vm.warp(NOT_BEFORE);
        _refuses(stranger, _lateCall(trades, NOT_BEFORE), _nonceUsed(1));
    }

    function test_refusesInAPause() public {
        bytes memory call = _lateCall(_agreed(2), NOT_BEFORE);
        _pause(NOT_BEFORE + 10);
        vm.warp(NOT_BEFORE);
        _refuses(stranger, call, abi.encodeWithSelector(IOperators.TradingPaused.selector, NOT_BEFORE + 10));
    }

    function test_refusesWhatACycleTook() public {
        bytes memory call = _lateCall(_agreed(2), NOT_BEFORE);
        _as(stranger, _pairCall(_pair()));
        vm.warp(NOT_BEFORE);
        _refuses(stranger, call, _nonceUsed(0));
        vm.assertEq(_balance(supplier), 100);
    }

    /// @dev The bit that the trades of a supplier share stops them all.
    function test_refusesWhatASuppliersRowUsedUp() public {
        bytes memory call = _lateCall(_agreed(2), NOT_BEFORE);
        INetSettlement.NetBatch memory batch = _pair();
        for (uint256 i = 0; i < 2; ++i) {
            bool sells = address(uint160(batch.rows[2 * i])) == supplier;
            batch.rows[2 * i] = uint160(batch.rows[2 * i]) | uint256(1) << (sells ? 255 : 180);
        }
        _as(stranger, _pairCall(batch));
        vm.warp(NOT_BEFORE);
        _refuses(stranger, call, abi.encodeWithSelector(IResourceTrading.NonceUsed.selector, supplier, 95));
    }

    function test_aCycleRefusesWhatSettledLate() public {
        INetSettlement.NetBatch memory batch = _pair();
        vm.warp(NOT_BEFORE);
        _as(stranger, _lateCall(_agreed(2), NOT_BEFORE));
        _refuses(stranger, _pairCall(batch), abi.encodeWithSelector(IResourceTrading.NonceUsed.selector, demander, 1));
    }

    function test_anEmptyProductDoesNothing() public {
        bytes32 before = _stateHash();
        exchange.settleLate(new IResourceTrading.SignedTrade[](0), NOW, _none());
        vm.assertEq(_stateHash(), before);
    }

    /// @dev The first `count` sub-tasks of the product, signed for a cycle.
    function _agreed(uint256 count) private view returns (IResourceTrading.SignedTrade[] memory signed) {
        IResourceTrading.SignedTrade[] memory whole = _product();
        IResourceTrading.Trade[] memory trades = new IResourceTrading.Trade[](count);
        for (uint256 i = 0; i < count; ++i) {
            trades[i] = whole[i].trade;
        }
        bytes32 bundle = _netBundle(NOT_BEFORE, _bundleOf(trades));
        signed = new IResourceTrading.SignedTrade[](count);
        for (uint256 i = 0; i < count; ++i) {
            trades[i].bundle = bundle;
            signed[i] = _signed(trades[i]);
        }
    }

    function _netBundle(uint64 notBefore, bytes32 product) private pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("fabmarket/net/1"), notBefore, product));
    }

    function _lateCall(IResourceTrading.SignedTrade[] memory trades, uint64 notBefore)
        private
        view
        returns (bytes memory)
    {
        return abi.encodeCall(exchange.settleLate, (trades, notBefore, _none()));
    }

    /// @dev `_bundleOf` clears `bundle` in what it is given.
    function _copies(IResourceTrading.SignedTrade[] memory signed)
        private
        pure
        returns (IResourceTrading.Trade[] memory trades)
    {
        trades = new IResourceTrading.Trade[](signed.length);
        for (uint256 i = 0; i < signed.length; ++i) {
            trades[i] = abi.decode(abi.encode(signed[i].trade), (IResourceTrading.Trade));
        }
    }

    function _wrongBundle(bytes32 signed, IResourceTrading.SignedTrade[] memory given)
        private
        view
        returns (bytes memory)
    {
        bytes32 bundle = _netBundle(NOT_BEFORE, _bundleOf(_copies(given)));
        return abi.encodeWithSelector(IResourceTrading.WrongBundle.selector, signed, bundle);
    }

    function _stateHash() internal view override(ExchangeBase, BundleBase) returns (bytes32) {
        return super._stateHash();
    }
}
