// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceTrading} from "./interfaces/IResourceTrading.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {TradeHash} from "./libraries/TradeHash.sol";
import {AccountCell, AccountWord, ListingCell, ListingWord} from "./libraries/Words.sol";
import {ResourceVerification} from "./ResourceVerification.sol";

/// @title Settlement of trades signed by both parties: one, a batch, or a product all or nothing
/// @notice See IResourceTrading for what each call means.
/// @dev One path, `_take`, checks and applies a trade, and returns the selector of the error instead of reverting, so
/// that a batch can go on. `_explain` reverts with the values where a caller wants them.
abstract contract ResourceTrading is IResourceTrading, ResourceVerification {
    using TradeHash for Trade;

    uint256 private constant NONCES = 96;
    bytes4 private constant NONE = 0;

    /// @inheritdoc IResourceTrading
    function settle(SignedTrade calldata signed, bytes[] calldata proofs) external {
        _requireTrading();
        if (signed.trade.bundle != 0) revert Bundled(signed.trade.bundle);
        _settle(signed, proofs);
    }

    /// @inheritdoc IResourceTrading
    function settleBatch(SignedTrade[] calldata trades, bytes[] calldata proofs) external {
        _requireTrading();
        bytes32 separator = _domainSeparatorV4();
        for (uint256 i = 0; i < trades.length; ++i) {
            SignedTrade calldata signed = trades[i];
            bytes4 reason = Bundled.selector;
            if (signed.trade.bundle == 0) {
                reason = _take(signed, signed.trade.digest(TradeHash.INSTANT, separator), proofs, true);
            }
            if (reason != NONE) emit Skipped(i, reason);
        }
    }

    /// @inheritdoc IResourceTrading
    function settleBundle(SignedTrade[] calldata trades, bytes[] calldata proofs) external {
        _requireTrading();
        bytes32[] memory parts = new bytes32[](trades.length);
        for (uint256 i = 0; i < trades.length; ++i) {
            parts[i] = trades[i].trade.hashInBundle();
        }
        bytes32 bundle = keccak256(abi.encodePacked(parts));
        for (uint256 i = 0; i < trades.length; ++i) {
            if (trades[i].trade.bundle != bundle) revert WrongBundle(trades[i].trade.bundle, bundle);
            _settle(trades[i], proofs);
        }
    }

    /// @inheritdoc IResourceTrading
    function digestOf(Trade calldata trade) public view returns (bytes32) {
        return trade.digest(TradeHash.INSTANT, _domainSeparatorV4());
    }

    function _settle(SignedTrade calldata signed, bytes[] calldata proofs) private {
        bytes32 digest = digestOf(signed.trade);
        bytes4 reason = _take(signed, digest, proofs, true);
        if (reason != NONE) _explain(reason, signed, digest, proofs);
    }

    /// @dev Checks a trade and applies it: nonce, listing, the demander's payment, and with `instant` the supplier's
    /// credit. Returns zero, or why not, having changed nothing. Each field and word is read once.
    function _take(SignedTrade calldata signed, bytes32 digest, bytes[] calldata proofs, bool instant)
        internal
        returns (bytes4)
    {
        Trade calldata trade = signed.trade;
        (uint256 quantity, uint256 unitPrice) = (trade.quantity, trade.unitPrice);
        if (quantity == 0) return ZeroQuantity.selector;
        if (unitPrice == 0) return ZeroPrice.selector;
        bytes32 id = trade.listing;
        ListingCell storage stock = _listings[id];
        ListingWord listing = stock.word;
        address supplier = listing.supplier();
        if (supplier == address(0)) return UnknownListing.selector;
        uint256 validUntil = trade.validUntil;
        if (block.timestamp >= validUntil) return TradeExpired.selector;
        if (validUntil > _slotEnd(id)) return ValidPastSlot.selector;
        if (trade.listingEpoch != listing.epoch()) return WrongListingEpoch.selector;
        address demander = trade.demander;
        if (demander == supplier) return SelfTrade.selector;
        if (!_signed(demander, digest, signed.demander, proofs)) return BadSignature.selector;
        if (!_signed(supplier, digest, signed.supplier, proofs)) return BadSignature.selector;
        if (listing.available() < quantity) return InsufficientListing.selector;

        address token = trade.token;
        mapping(address account => AccountCell) storage accounts = _accounts[token];
        AccountCell storage purse = accounts[demander];
        AccountWord buyer = purse.word;
        (uint256 epoch, uint256 nonce) = (trade.demanderEpoch, trade.nonce);
        if (epoch != buyer.epoch()) {
            if (!buyer.isFollowedBy(epoch)) return WrongDemanderEpoch.selector;
            buyer = buyer.nextEpoch();
        }
        if (nonce >= NONCES || buyer.isUsed(nonce)) return NonceUsed.selector;
        uint256 payment = _product(quantity, unitPrice);
        if (buyer.balance() < payment) return InsufficientBalance.selector;
        if (instant) {
            AccountCell storage till = accounts[supplier];
            AccountWord seller = till.word;
            if (!seller.holds(payment)) return AmountTooLarge.selector;
            till.word = seller.plus(payment);
        }
        purse.word = buyer.minus(payment).withNonce(nonce);
        stock.word = listing.minus(quantity);
        emit Settled(id, demander, digest, token, quantity << 192 | unitPrice << 64 | epoch << 32 | nonce);
        return NONE;
    }

    /// @dev Of a 64-bit by a 128-bit number, so that it fits.
    function _product(uint256 quantity, uint256 unitPrice) private pure returns (uint256) {
        unchecked {
            return quantity * unitPrice;
        }
    }

    function _signed(address signer, bytes32 digest, Signature calldata signature, bytes[] calldata proofs)
        internal
        view
        returns (bool)
    {
        if (signature.r != 0) return Signatures.isBy(signer, digest, signature.r, signature.vs);
        uint256 index = uint256(signature.vs);
        return index < proofs.length && Signatures.isConfirmedBy(signer, digest, proofs[index]);
    }

    /// @dev Reverts with the error that `reason` names and its values. Reached only when nothing has changed.
    function _explain(bytes4 reason, SignedTrade calldata signed, bytes32 digest, bytes[] calldata proofs)
        internal
        view
    {
        Trade calldata trade = signed.trade;
        ListingWord listing = _listings[trade.listing].word;
        AccountWord buyer = _accounts[trade.token][trade.demander].word;
        if (reason == ZeroQuantity.selector) revert ZeroQuantity();
        if (reason == ZeroPrice.selector) revert ZeroPrice();
        if (reason == UnknownListing.selector) revert UnknownListing(trade.listing);
        if (reason == TradeExpired.selector) revert TradeExpired(trade.validUntil, block.timestamp);
        if (reason == ValidPastSlot.selector) revert ValidPastSlot(trade.validUntil, _slotEnd(trade.listing));
        if (reason == WrongListingEpoch.selector) revert WrongListingEpoch(trade.listingEpoch, listing.epoch());
        if (reason == SelfTrade.selector) revert SelfTrade(trade.demander);
        if (reason == BadSignature.selector) {
            (address signer, Signature calldata signature) = (trade.demander, signed.demander);
            // A contract may answer the second question otherwise than the first; then the wrong party is named.
            if (_signed(signer, digest, signature, proofs)) {
                (signer, signature) = (listing.supplier(), signed.supplier);
            }
            revert BadSignature(signer, Signatures.recover(digest, signature.r, signature.vs));
        }
        if (reason == WrongDemanderEpoch.selector) revert WrongDemanderEpoch(trade.demanderEpoch, buyer.epoch());
        if (reason == NonceUsed.selector) revert NonceUsed(trade.demander, trade.nonce);
        if (reason == InsufficientListing.selector) {
            revert InsufficientListing(trade.listing, listing.available(), trade.quantity);
        }
        uint256 payment = _product(trade.quantity, trade.unitPrice);
        if (reason == AmountTooLarge.selector) revert AmountTooLarge(payment);
        revert InsufficientBalance(trade.demander, trade.token, buyer.balance(), payment);
    }
}
