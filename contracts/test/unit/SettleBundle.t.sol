// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {BundleBase} from "../base/BundleBase.sol";

contract SettleBundleTest is BundleBase {
    function test_settlesAllSubTasksAndRecordsThem() public {
        IResourceTrading.SignedTrade[] memory trades = _product();
        bytes memory call = _bundleCall(trades);
        for (uint256 i = 0; i < 2; ++i) {
            _expectSettled(trades[i].trade, exchange.digestOf(trades[i].trade));
        }
        _as(stranger, call);
        vm.assertEq(_balance(supplier), 190);
        vm.assertEq(_balance(demander), FUNDS - 190);
        vm.assertEq(_listing("m1").available, LISTED - 4);
        vm.assertEq(_listing("m2").available, LISTED - 3);
    }

    function test_refusesAPartOfTheProduct() public {
        IResourceTrading.SignedTrade[] memory whole = _product();
        IResourceTrading.Trade[] memory one = new IResourceTrading.Trade[](1);
        one[0] = whole[0].trade;
        IResourceTrading.SignedTrade[] memory part = new IResourceTrading.SignedTrade[](1);
        part[0] = whole[0];
        _refuses(stranger, _bundleCall(part), _wrongBundle(whole[0].trade.bundle, _given(one)));
    }

    function test_refusesAnotherOrder() public {
        IResourceTrading.SignedTrade[] memory trades = _product();
        (trades[0], trades[1]) = (trades[1], trades[0]);
        IResourceTrading.Trade[] memory given = new IResourceTrading.Trade[](2);
        (given[0], given[1]) = (trades[0].trade, trades[1].trade);
        _refuses(stranger, _bundleCall(trades), _wrongBundle(trades[0].trade.bundle, _given(given)));
    }

    function test_refusesAnAddedTrade() public {
        IResourceTrading.SignedTrade[] memory whole = _product();
        IResourceTrading.Trade memory extra = _trade();
        extra.nonce = 2;
        IResourceTrading.SignedTrade[] memory trades = new IResourceTrading.SignedTrade[](3);
        (trades[0], trades[1], trades[2]) = (whole[0], whole[1], _signed(extra));
        IResourceTrading.Trade[] memory given = new IResourceTrading.Trade[](3);
        (given[0], given[1], given[2]) = (trades[0].trade, trades[1].trade, trades[2].trade);
        _refuses(stranger, _bundleCall(trades), _wrongBundle(whole[0].trade.bundle, _given(given)));
    }

    function test_refusesATradeOfNoProduct() public {
        IResourceTrading.SignedTrade[] memory trades = new IResourceTrading.SignedTrade[](1);
        trades[0] = _signed(_trade());
        IResourceTrading.Trade[] memory given = new IResourceTrading.Trade[](1);
        given[0] = trades[0].trade;
        _refuses(stranger, _bundleCall(trades), _wrongBundle(0, _given(given)));
    }

    function test_refusesTheProductTwice() public {
        bytes memory call = _bundleCall(_product());
        _as(stranger, call);
        _refuses(stranger, call, _nonceUsed(0));
    }

    function test_anEmptyProductDoesNothing() public {
        bytes32 before = _stateHash();
        exchange.settleBundle(new IResourceTrading.SignedTrade[](0), _none());
        vm.assertEq(_stateHash(), before);
    }

    /// @dev `_bundleOf` clears `bundle` in what it is given, so it works on copies.
    function _given(IResourceTrading.Trade[] memory trades) private view returns (bytes32) {
        return _bundleOf(abi.decode(abi.encode(trades), (IResourceTrading.Trade[])));
    }

    function _wrongBundle(bytes32 signed, bytes32 given) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IResourceTrading.WrongBundle.selector, signed, given);
    }
}
