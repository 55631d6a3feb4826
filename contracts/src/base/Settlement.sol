// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../interfaces/IAccounts.sol";
import {IResourceTrading} from "../interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../interfaces/IResourceVerification.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {TradeHash} from "../libraries/TradeHash.sol";
import {AccountCell, AccountWord, ListingCell, ListingWord} from "../libraries/Words.sol";
import {State} from "./State.sol";

/// @title The one path by which a trade that both parties signed is checked and applied
/// @dev `_take` returns the selector of the error instead of reverting, so that a batch can go on. `_explain` reverts with
/// the values where a caller wants them.
abstract contract Settlement is State {
    using TradeHash for IResourceTrading.Trade;

    bytes4 internal constant NONE = 0;

    /// @dev Settles trades at once: all sub-tasks of a product, or none.
    function _settleProduct(IResourceTrading.SignedTrade[] calldata trades, bytes32 bundle, bytes[] calldata proofs)
        internal
    {
        for (uint256 i = 0; i < trades.length; ++i) {
            if (trades[i].trade.bundle != bundle) revert IResourceTrading.WrongBundle(trades[i].trade.bundle, bundle);
            bytes32 digest = trades[i].trade.digest(TradeHash.INSTANT, _domainSeparatorV4());
            _settle(trades[i], digest, proofs);
        }
    }

    /// @dev What the trades of a product name in `bundle`.
    function _product(IResourceTrading.SignedTrade[] calldata trades) internal pure returns (bytes32) {
        bytes32[] memory parts = new bytes32[](trades.length);
        for (uint256 i = 0; i < trades.length; ++i) {
            parts[i] = trades[i].trade.hashInBundle(TradeHash.INSTANT);
        }
        return keccak256(abi.encodePacked(parts));
    }

    /// @dev Settles one trade at once, or reverts with the reason.
    function _settle(IResourceTrading.SignedTrade calldata signed, bytes32 digest, bytes[] calldata proofs) internal {
        bytes4 reason = _take(signed, digest, proofs, false, 0, 0);
        if (reason != NONE) _explain(reason, signed, digest, proofs, 0, 0);
    }

    /// @dev Checks a trade and applies it: nonce, listing, the demander's payment, and the supplier's credit; or, into
    /// escrow, what each side locks beside the payment. Returns zero, or why not, having changed nothing. Each field and
    /// word is read once.
    function _take(
        IResourceTrading.SignedTrade calldata signed,
        bytes32 digest,
        bytes[] calldata proofs,
        bool escrowed,
        uint256 demanderLocks,
        uint256 supplierLocks
    ) internal returns (bytes4) {
        IResourceTrading.Trade calldata trade = signed.trade;
        (uint256 quantity, uint256 unitPrice) = (trade.quantity, trade.unitPrice);
        if (quantity == 0) return IResourceVerification.ZeroQuantity.selector;
        if (unitPrice == 0) return IResourceTrading.ZeroPrice.selector;
        bytes32 id = trade.listing;
        ListingCell storage stock = _listings[id];
        ListingWord listing = stock.word;
        address supplier = listing.supplier();
        if (supplier == address(0)) return IResourceVerification.UnknownListing.selector;
        uint256 validUntil = trade.validUntil;
        if (block.timestamp >= validUntil) return IResourceTrading.TradeExpired.selector;
        if (validUntil > _slotEnd(id)) return IResourceTrading.ValidPastSlot.selector;
        if (trade.listingEpoch != listing.epoch()) return IResourceTrading.WrongListingEpoch.selector;
        address demander = trade.demander;
        if (demander == supplier) return IResourceTrading.SelfTrade.selector;
        if (!_signed(demander, digest, signed.demander, proofs)) return IAccounts.BadSignature.selector;
        if (!_signed(supplier, digest, signed.supplier, proofs)) return IAccounts.BadSignature.selector;
        if (listing.available() < quantity) return IResourceVerification.InsufficientListing.selector;

        address token = trade.token;
        mapping(address account => AccountCell) storage accounts = _accounts[token];
        AccountCell storage till = accounts[supplier];
        AccountWord seller = till.word;
        AccountCell storage purse = accounts[demander];
        AccountWord buyer = purse.word;
        uint256 nonce = trade.supplierNonce;
        if (nonce >> 8 != seller.epoch()) return IResourceTrading.WrongEpoch.selector;
        if (seller.isUsed(nonce & 0xff)) return IResourceTrading.NonceUsed.selector;
        nonce = trade.nonce;
        if (nonce >> 8 != buyer.epoch()) {
            if (!buyer.isFollowedBy(nonce >> 8)) return IResourceTrading.WrongEpoch.selector;
            buyer = buyer.nextEpoch();
        }
        if (buyer.isUsed(nonce & 0xff)) return IResourceTrading.NonceUsed.selector;
        uint256 spent = _payment(quantity, unitPrice);
        if (escrowed) {
            spent += demanderLocks;
            if (buyer.balance() < spent || seller.balance() < supplierLocks) {
                return IAccounts.InsufficientBalance.selector;
            }
            till.word = seller.minus(supplierLocks);
        } else {
            if (buyer.balance() < spent) return IAccounts.InsufficientBalance.selector;
            till.word = seller.plus(spent);
        }
        purse.word = buyer.minus(spent).withNonce(nonce & 0xff);
        stock.word = listing.minus(quantity);
        emit IResourceTrading.Settled(id, demander, digest, token, quantity << 192 | unitPrice << 64 | nonce);
        return NONE;
    }

    /// @dev Reverts with the error that `reason` names and its values. Reached only when nothing has changed.
    function _explain(
        bytes4 reason,
        IResourceTrading.SignedTrade calldata signed,
        bytes32 digest,
        bytes[] calldata proofs,
        uint256 demanderLocks,
        uint256 supplierLocks
    ) internal view {
        IResourceTrading.Trade calldata trade = signed.trade;
        ListingWord listing = _listings[trade.listing].word;
        address supplier = listing.supplier();
        AccountWord buyer = _accounts[trade.token][trade.demander].word;
        AccountWord seller = _accounts[trade.token][supplier].word;
        if (reason == IResourceVerification.ZeroQuantity.selector) revert IResourceVerification.ZeroQuantity();
        if (reason == IResourceTrading.ZeroPrice.selector) revert IResourceTrading.ZeroPrice();
        if (reason == IResourceVerification.UnknownListing.selector) {
            revert IResourceVerification.UnknownListing(trade.listing);
        }
        if (reason == IResourceTrading.TradeExpired.selector) {
            revert IResourceTrading.TradeExpired(trade.validUntil, block.timestamp);
        }
        if (reason == IResourceTrading.ValidPastSlot.selector) {
            revert IResourceTrading.ValidPastSlot(trade.validUntil, _slotEnd(trade.listing));
        }
        if (reason == IResourceTrading.WrongListingEpoch.selector) {
            revert IResourceTrading.WrongListingEpoch(trade.listingEpoch, listing.epoch());
        }
        if (reason == IResourceTrading.SelfTrade.selector) revert IResourceTrading.SelfTrade(trade.demander);
        if (reason == IAccounts.BadSignature.selector) {
            (address signer, IResourceTrading.Signature calldata signature) = (trade.demander, signed.demander);
            // A contract may answer the second question otherwise than the first; then the wrong party is named.
            if (_signed(signer, digest, signature, proofs)) (signer, signature) = (supplier, signed.supplier);
            revert IAccounts.BadSignature(signer, Signatures.recover(digest, signature.r, signature.vs));
        }
        if (reason == IResourceVerification.InsufficientListing.selector) {
            revert IResourceVerification.InsufficientListing(trade.listing, listing.available(), trade.quantity);
        }
        if (reason == IResourceTrading.WrongEpoch.selector) {
            if (trade.supplierNonce >> 8 != seller.epoch()) {
                revert IResourceTrading.WrongEpoch(supplier, trade.supplierNonce >> 8, seller.epoch());
            }
            revert IResourceTrading.WrongEpoch(trade.demander, trade.nonce >> 8, buyer.epoch());
        }
        if (reason == IResourceTrading.NonceUsed.selector) {
            if (seller.isUsed(trade.supplierNonce & 0xff)) {
                revert IResourceTrading.NonceUsed(supplier, trade.supplierNonce);
            }
            revert IResourceTrading.NonceUsed(trade.demander, trade.nonce);
        }
        uint256 needed = _payment(trade.quantity, trade.unitPrice) + demanderLocks;
        if (buyer.balance() < needed) {
            revert IAccounts.InsufficientBalance(trade.demander, trade.token, buyer.balance(), needed);
        }
        revert IAccounts.InsufficientBalance(supplier, trade.token, seller.balance(), supplierLocks);
    }

    /// @dev Of a 64-bit by a 128-bit number, so that it fits.
    function _payment(uint256 quantity, uint256 unitPrice) internal pure returns (uint256) {
        unchecked {
            return quantity * unitPrice;
        }
    }
}
