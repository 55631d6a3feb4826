// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {TradeHash} from "../../src/libraries/TradeHash.sol";
import {Actors} from "./Actors.sol";

/// @notice What the actors can agree on now: single trades, trades in escrow, products of several trades.
abstract contract Deals is Actors {
    uint16 internal constant WHOLE = 10_000;

    /// @dev One signed trade as it was submitted; `escrow` is all zero for an instant one.
    struct Deal {
        IResourceTrading.SignedTrade signed;
        IResourceEscrow.Escrow escrow;
        bytes[] proofs;
        bytes32 digest;
    }

    /// @dev The trades of a product, all of one demander. The supplier of `trades[i]` is actor `sellers[i]`.
    struct Product {
        uint256 buyer;
        uint256[] sellers;
        IResourceTrading.Trade[] trades;
    }

    /// @dev External so that memory structs reach the library as calldata.
    function hashInstant(IResourceTrading.Trade calldata trade) external pure returns (bytes32) {
        return TradeHash.hash(trade, TradeHash.INSTANT);
    }

    /// @dev A trade that must settle now: of what the supplier has listed, at what the demander can pay.
    function _nextDeal(uint256 seed, uint256 terms, bool inEscrow)
        internal
        view
        returns (bool possible, Deal memory deal)
    {
        (uint256 seller, uint256 buyer) = _parties(seed, terms);
        IAccounts.Account memory account = exchange.accountOf(actor(buyer), paidIn(terms));
        uint64 available = exchange.listingOf(_currentListing(seller)).available;
        if (available == 0 || account.balance == 0 || block.timestamp < exchange.pausedUntil()) return (false, deal);
        IResourceTrading.Trade memory trade = _trade(seller, buyer, terms, available, account);
        IResourceEscrow.Escrow memory escrow;
        if (inEscrow) escrow = _escrowTerms(terms);
        return (true, _deal(trade, escrow, buyer, seller));
    }

    /// @dev Two or three trades that must settle together now, of several suppliers where several have something to
    /// sell. Each is limited to an equal part of the demander's balance.
    function _nextProduct(uint256 seed, uint256 terms) internal view returns (bool possible, Product memory product) {
        (uint256 seller, uint256 buyer) = _parties(seed, terms);
        uint256 count = 2 + (terms >> 40) % 2;
        product = Product(buyer, new uint256[](count), new IResourceTrading.Trade[](count));
        IAccounts.Account memory account = exchange.accountOf(actor(buyer), paidIn(terms));
        account.balance /= uint128(count);
        if (account.balance == 0 || block.timestamp < exchange.pausedUntil()) return (false, product);
        uint64[ACTORS] memory left;
        for (uint256 i = 0; i < ACTORS; ++i) {
            if (i != buyer % ACTORS) left[i] = exchange.listingOf(_currentListing(i)).available;
        }
        for (uint256 i = 0; i < count; ++i) {
            for (uint256 tries = 0; tries < ACTORS && left[seller % ACTORS] == 0; ++tries) {
                ++seller;
            }
            uint64 available = left[seller % ACTORS];
            if (available == 0) return (false, product);
            // Half of it, so that the next trade finds something too.
            IResourceTrading.Trade memory trade = _trade(seller, buyer, terms ^ i << 12, (available + 1) / 2, account);
            left[seller % ACTORS] -= trade.quantity;
            if (trade.demanderEpoch != account.epoch) (account.epoch, account.used) = (account.epoch + 1, 0);
            account.used |= uint96(1) << trade.nonce;
            (product.sellers[i], product.trades[i]) = (seller++, trade);
        }
        return (true, product);
    }

    /// @dev The product's trades signed with its hash. Their contracts' proofs lie in pairs.
    function _signed(Product memory product)
        internal
        view
        returns (IResourceTrading.SignedTrade[] memory signed, bytes[] memory proofs)
    {
        uint256 count = product.trades.length;
        bytes memory parts;
        for (uint256 i = 0; i < count; ++i) {
            product.trades[i].bundle = 0;
            parts = abi.encodePacked(parts, this.hashInstant(product.trades[i]));
        }
        (signed, proofs) = (new IResourceTrading.SignedTrade[](count), new bytes[](2 * count));
        for (uint256 i = 0; i < count; ++i) {
            product.trades[i].bundle = keccak256(parts);
            signed[i].trade = product.trades[i];
            bytes32 digest = exchange.digestOf(product.trades[i]);
            (signed[i].demander, proofs[2 * i]) = _signatureOf(product.buyer, digest, 2 * i);
            (signed[i].supplier, proofs[2 * i + 1]) = _signatureOf(product.sellers[i], digest, 2 * i + 1);
        }
    }

    /// @dev Of at most `available` units and at most what `account`, the buyer's, holds; with its lowest free nonce.
    function _trade(uint256 seller, uint256 buyer, uint256 terms, uint64 available, IAccounts.Account memory account)
        private
        view
        returns (IResourceTrading.Trade memory trade)
    {
        trade.listing = _currentListing(seller);
        (trade.demander, trade.token) = (actor(buyer), paidIn(terms));
        trade.quantity = 1 + uint64(terms >> 8) % available;
        if (account.balance < trade.quantity) trade.quantity = 1;
        trade.unitPrice = 1 + uint128(terms >> 72) % (account.balance / trade.quantity);
        trade.validUntil = uint64(uint256(trade.listing) % 2 ** 40);
        (trade.demanderEpoch, trade.nonce) = _free(account);
        trade.listingEpoch = exchange.listingOf(trade.listing).epoch;
    }

    function _escrowTerms(uint256 terms) private view returns (IResourceEscrow.Escrow memory escrow) {
        escrow.deliverBy = uint64(block.timestamp) + 1 + uint64(terms >> 200) % (60 * HOUR);
        escrow.acceptBy = escrow.deliverBy + 1 + uint64(terms >> 210) % (60 * HOUR);
        escrow.decideBy = escrow.acceptBy + 1 + uint64(terms >> 220) % (60 * HOUR);
        escrow.lateShare = uint16(terms >> 201) % (WHOLE + 1);
        escrow.silenceShare = uint16(terms >> 211) % (WHOLE + 1);
        escrow.undecidedShare = uint16(terms >> 221) % (WHOLE + 1);
    }

    /// @dev From `seed` on, the first who has something to sell now, and the first other who can pay for it.
    function _parties(uint256 seed, uint256 terms) private view returns (uint256 seller, uint256 buyer) {
        seller = seed % ACTORS;
        while (seller < seed % ACTORS + 3 && exchange.listingOf(_currentListing(seller)).available == 0) ++seller;
        buyer = seller + 1 + (terms >> 4) % 3;
        for (uint256 i = 0; i < 3 && exchange.balanceOf(actor(buyer), paidIn(terms)) == 0; ++i) {
            buyer = seller + 1 + (buyer - seller) % 3;
        }
    }

    function _deal(
        IResourceTrading.Trade memory trade,
        IResourceEscrow.Escrow memory escrow,
        uint256 demanderSeed,
        uint256 supplierSeed
    ) private view returns (Deal memory deal) {
        deal.digest = exchange.digestOf(trade, escrow);
        deal.escrow = escrow;
        deal.signed.trade = trade;
        deal.proofs = new bytes[](2);
        (deal.signed.demander, deal.proofs[0]) = _signatureOf(demanderSeed, deal.digest, 0);
        (deal.signed.supplier, deal.proofs[1]) = _signatureOf(supplierSeed, deal.digest, 1);
    }

    /// @dev The lowest free nonce and its epoch: of the next epoch when all are used.
    function _free(IAccounts.Account memory account) private pure returns (uint64 epoch, uint256 nonce) {
        if (account.used == type(uint96).max) return (uint64(account.epoch) + 1, 0);
        while (account.used >> nonce & 1 != 0) ++nonce;
        return (account.epoch, nonce);
    }
}
