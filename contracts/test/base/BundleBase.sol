// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {TradeHash} from "../../src/libraries/TradeHash.sol";
import {SettleBase} from "./SettleBase.sol";

/// @notice A product of two sub-tasks: four hours of m1 at 25 and three of m2 at 30.
abstract contract BundleBase is SettleBase {
    function setUp() public virtual override {
        super.setUp();
        _attested("m2", LISTED);
        _list("m2", LISTED);
    }

    /// @dev hashStruct of an instant trade with `bundle` zero, from the definition.
    function partOf(IResourceTrading.Trade memory trade) public view returns (bytes32) {
        trade.bundle = 0;
        return this.hashInstant(trade);
    }

    /// @dev External so that memory structs reach the library as calldata.
    function hashInstant(IResourceTrading.Trade calldata trade) external pure returns (bytes32) {
        return TradeHash.hash(trade, TradeHash.INSTANT);
    }

    /// @dev Both trades, signed with the hash of the product.
    function _product() internal view returns (IResourceTrading.SignedTrade[] memory) {
        IResourceTrading.Trade[] memory trades = new IResourceTrading.Trade[](2);
        (trades[0], trades[1]) = (_trade(), _trade());
        trades[1].listing = _id("m2", 0);
        (trades[1].quantity, trades[1].unitPrice, trades[1].nonce) = (3, 30, 1);
        return _bundled(trades);
    }

    function _bundled(IResourceTrading.Trade[] memory trades)
        internal
        view
        returns (IResourceTrading.SignedTrade[] memory signed)
    {
        bytes32 bundle = _bundleOf(trades);
        signed = new IResourceTrading.SignedTrade[](trades.length);
        for (uint256 i = 0; i < trades.length; ++i) {
            trades[i].bundle = bundle;
            signed[i] = _signed(trades[i]);
        }
    }

    function _bundleOf(IResourceTrading.Trade[] memory trades) internal view returns (bytes32) {
        bytes memory parts;
        for (uint256 i = 0; i < trades.length; ++i) {
            parts = abi.encodePacked(parts, this.partOf(trades[i]));
        }
        return keccak256(parts);
    }

    function _bundleCall(IResourceTrading.SignedTrade[] memory trades) internal view returns (bytes memory) {
        return abi.encodeCall(exchange.settleBundle, (trades, _none()));
    }

    function _stateHash() internal view virtual override returns (bytes32) {
        return keccak256(abi.encode(super._stateHash(), _slot("m2"), _listing("m2")));
    }
}
