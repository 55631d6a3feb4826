// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Settlement} from "./base/Settlement.sol";
import {IResourceTrading} from "./interfaces/IResourceTrading.sol";
import {TradeHash} from "./libraries/TradeHash.sol";

/// @title Settlement of trades signed by both parties: one, a batch, or a product all or nothing
/// @notice See IResourceTrading for what each call means.
abstract contract ResourceTrading is IResourceTrading, Settlement {
    using TradeHash for Trade;

    /// @inheritdoc IResourceTrading
    function settle(SignedTrade calldata signed, bytes[] calldata proofs) external {
        _requireTrading();
        if (signed.trade.bundle != 0) revert Bundled(signed.trade.bundle);
        _settle(signed, digestOf(signed.trade), proofs);
    }

    /// @inheritdoc IResourceTrading
    function settleBatch(SignedTrade[] calldata trades, bytes[] calldata proofs) external {
        _requireTrading();
        bytes32 separator = _domainSeparatorV4();
        for (uint256 i = 0; i < trades.length; ++i) {
            SignedTrade calldata signed = trades[i];
            Trade calldata trade = signed.trade;
            bytes32 digest = trade.digest(TradeHash.INSTANT, separator);
            bytes4 reason = trade.bundle == 0 ? _take(signed, digest, proofs, false, 0, 0) : Bundled.selector;
            if (reason != NONE) emit Skipped(i, reason, digest, trade.listing, trade.demander);
        }
    }

    /// @inheritdoc IResourceTrading
    function settleBundle(SignedTrade[] calldata trades, bytes[] calldata proofs) external {
        _requireTrading();
        _settleProduct(trades, _product(trades), proofs);
    }

    /// @inheritdoc IResourceTrading
    function digestOf(Trade calldata trade) public view returns (bytes32) {
        return trade.digest(TradeHash.INSTANT, _domainSeparatorV4());
    }
}
