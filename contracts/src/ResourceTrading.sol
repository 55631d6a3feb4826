// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceTrading} from "./interfaces/IResourceTrading.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {TradeHash} from "./libraries/TradeHash.sol";
import {AccountWord, ListingWord} from "./libraries/Words.sol";
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
                (reason,) = _take(signed, signed.trade.digest(TradeHash.INSTANT, separator), proofs, true);
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
        (bytes4 reason,) = _take(signed, digest, proofs, true);
        if (reason != NONE) _explain(reason, signed, digest, proofs);
    }

    /// @dev Checks a trade and applies it: nonce, listing, the demander's payment, and with `instant` the supplier's
    /// credit. Returns why not, having changed nothing, or zero and the payment.
    function _take(SignedTrade calldata signed, bytes32 digest, bytes[] calldata proofs, bool instant)
        internal
        returns (bytes4, uint128)
    {
        Trade calldata trade = signed.trade;
        uint256 quantity = trade.quantity;
        if (quantity == 0) return (ZeroQuantity.selector, 0);
        if (trade.unitPrice == 0) return (ZeroPrice.selector, 0);
        bytes32 id = trade.listing;
        ListingWord listing = _listings[id];
        address supplier = listing.supplier();
        if (supplier == address(0)) return (UnknownListing.selector, 0);
        uint256 validUntil = trade.validUntil;
        if (block.timestamp >= validUntil) return (TradeExpired.selector, 0);
        if (validUntil > _slotEnd(id)) return (ValidPastSlot.selector, 0);
        if (trade.listingEpoch != listing.epoch()) return (WrongListingEpoch.selector, 0);
        address demander = trade.demander;
        if (demander == supplier) return (SelfTrade.selector, 0);
        if (
            !_signed(demander, digest, signed.demander, proofs) || !_signed(supplier, digest, signed.supplier, proofs)
        ) return (BadSignature.selector, 0);
        if (listing.available() < quantity) return (InsufficientListing.selector, 0);
        // 64 by 128 bits: the product fits.
        uint256 payment = quantity * trade.unitPrice;
        bytes4 reason = _charge(trade, demander, payment);
        if (reason != NONE) return (reason, 0);
        _listings[id] = listing.minus(quantity);
        // casting to 'uint128' is safe because the payment is at most the balance
        // forge-lint: disable-next-line(unsafe-typecast)
        if (instant) _credit(trade.token, supplier, uint128(payment));
        emit Settled(id, demander, digest, trade.token, _terms(trade));
        // forge-lint: disable-next-line(unsafe-typecast)
        return (NONE, uint128(payment));
    }

    /// @dev Uses the trade's nonce and takes the payment from the demander, or says why not.
    function _charge(Trade calldata trade, address demander, uint256 payment) private returns (bytes4) {
        AccountWord buyer = _accounts[trade.token][demander];
        uint256 signedFor = trade.demanderEpoch;
        if (signedFor != buyer.epoch()) {
            if (buyer.used() != type(uint96).max || signedFor != uint256(buyer.epoch()) + 1) {
                return WrongDemanderEpoch.selector;
            }
            buyer = buyer.nextEpoch();
        }
        uint256 nonce = trade.nonce;
        if (nonce >= NONCES || buyer.isUsed(nonce)) return NonceUsed.selector;
        if (buyer.balance() < payment) return InsufficientBalance.selector;
        _accounts[trade.token][demander] = buyer.minus(payment).withNonce(nonce);
        return NONE;
    }

    function _terms(Trade calldata trade) private pure returns (uint256) {
        return uint256(trade.quantity) << 192 | uint256(trade.unitPrice) << 64 | uint256(trade.demanderEpoch) << 32
            | trade.nonce;
    }

    function _signed(address signer, bytes32 digest, Signature calldata signature, bytes[] calldata proofs)
        private
        view
        returns (bool)
    {
        if (signature.r != 0) return Signatures.isBy(signer, digest, signature.r, signature.vs);
        uint256 index = uint256(signature.vs);
        return index < proofs.length && Signatures.isConfirmedBy(signer, digest, proofs[index]);
    }

    function _requireParties(
        address demander,
        Signature calldata demanderSignature,
        address supplier,
        Signature calldata supplierSignature,
        bytes32 digest,
        bytes[] calldata proofs
    ) internal view {
        if (!_signed(demander, digest, demanderSignature, proofs)) {
            revert BadSignature(demander, Signatures.recover(digest, demanderSignature.r, demanderSignature.vs));
        }
        if (!_signed(supplier, digest, supplierSignature, proofs)) {
            revert BadSignature(supplier, Signatures.recover(digest, supplierSignature.r, supplierSignature.vs));
        }
    }

    /// @dev Reverts with the error that `reason` names and its values. Reached only when nothing has changed.
    function _explain(bytes4 reason, SignedTrade calldata signed, bytes32 digest, bytes[] calldata proofs)
        internal
        view
    {
        Trade calldata trade = signed.trade;
        ListingWord listing = _listings[trade.listing];
        AccountWord buyer = _accounts[trade.token][trade.demander];
        if (reason == ZeroQuantity.selector) revert ZeroQuantity();
        if (reason == ZeroPrice.selector) revert ZeroPrice();
        if (reason == UnknownListing.selector) revert UnknownListing(trade.listing);
        if (reason == TradeExpired.selector) revert TradeExpired(trade.validUntil, block.timestamp);
        if (reason == ValidPastSlot.selector) revert ValidPastSlot(trade.validUntil, _slotEnd(trade.listing));
        if (reason == WrongListingEpoch.selector) revert WrongListingEpoch(trade.listingEpoch, listing.epoch());
        if (reason == SelfTrade.selector) revert SelfTrade(trade.demander);
        if (reason == BadSignature.selector) {
            _requireParties(trade.demander, signed.demander, listing.supplier(), signed.supplier, digest, proofs);
        }
        if (reason == WrongDemanderEpoch.selector) revert WrongDemanderEpoch(trade.demanderEpoch, buyer.epoch());
        if (reason == NonceUsed.selector) revert NonceUsed(trade.demander, trade.nonce);
        if (reason == InsufficientListing.selector) {
            revert InsufficientListing(trade.listing, listing.available(), trade.quantity);
        }
        revert InsufficientBalance(
            trade.demander, trade.token, buyer.balance(), uint256(trade.quantity) * trade.unitPrice
        );
    }
}
