// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {TradeHash} from "../../src/libraries/TradeHash.sol";
import {Actors} from "./Actors.sol";

/// @notice What the actors can agree on now: single trades and products of several, at once, in escrow or for a cycle.
abstract contract Deals is Actors {
    uint16 internal constant WHOLE = 10_000;

    /// @dev One signed trade; `escrow` is all zero for an instant one.
    struct Deal {
        IResourceTrading.SignedTrade signed;
        IResourceEscrow.Escrow escrow;
        bytes[] proofs;
        bytes32 digest;
    }

    /// @dev The trades of a product, all of one demander. The supplier of `trades[i]` is actor `sellers[i]`.
    struct Product {
        uint256 buyer;
        bool inEscrow;
        uint256[] sellers;
        IResourceTrading.Trade[] trades;
        IResourceEscrow.Escrow[] escrows;
    }

    /// @dev What two parties can pay and sell, in one trade of several.
    struct Means {
        uint256 seller;
        uint256 buyer;
        address paid;
        IAccounts.Account account;
        uint64 available;
        uint256 most;
        uint256 sellerHas;
    }

    /// @dev hashStruct of a trade, external so that memory structs reach the library as calldata.
    function hashOf(IResourceTrading.Trade calldata trade, IResourceEscrow.Escrow calldata escrow)
        external
        pure
        returns (bytes32)
    {
        return TradeHash.hash(trade, TradeHash.hash(escrow));
    }

    /// @dev A trade that must settle now: of what the supplier has listed, at what both can lock and pay.
    function _nextDeal(uint256 seed, uint256 terms, bool inEscrow)
        internal
        view
        returns (bool possible, Deal memory deal)
    {
        Means memory means;
        means.paid = paidIn(terms);
        (means.seller, means.buyer) = _parties(seed, terms, means.paid);
        means.account = _account(means.buyer, means.paid);
        means.available = _availableOf(means.seller);
        _bound(means, inEscrow, 1);
        if (!_canSell(means.seller, means.paid) || means.most == 0 || block.timestamp < exchange.pausedUntil()) {
            return (false, deal);
        }
        deal.signed.trade = _trade(means, terms);
        if (inEscrow) deal.escrow = _escrowTerms(deal.signed.trade, means, terms);
        deal.digest = exchange.escrowDigestOf(deal.signed.trade, deal.escrow);
        deal.proofs = new bytes[](2);
        (deal.signed.demander, deal.proofs[0]) = _signatureOf(means.buyer, deal.digest, 0);
        (deal.signed.supplier, deal.proofs[1]) = _signatureOf(means.seller, deal.digest, 1);
        return (true, deal);
    }

    /// @dev Two or three trades that must settle together now, of several suppliers where several have something to
    /// sell. Each is limited to an equal part of what the parties hold.
    function _nextProduct(uint256 seed, uint256 terms, bool inEscrow)
        internal
        view
        returns (bool possible, Product memory product)
    {
        Means memory means;
        means.paid = paidIn(terms);
        (means.seller, means.buyer) = _parties(seed, terms, means.paid);
        means.account = _account(means.buyer, means.paid);
        product = _emptyProduct(means.buyer, 2 + (terms >> 40) % 2, inEscrow);
        if (block.timestamp < exchange.pausedUntil()) return (false, product);
        uint64[ACTORS] memory left;
        for (uint256 i = 0; i < ACTORS; ++i) {
            if (i != means.buyer % ACTORS && _canSell(i, means.paid)) left[i] = _availableOf(i);
        }
        for (uint256 i = 0; i < product.trades.length; ++i) {
            for (uint256 tries = 0; tries < ACTORS && left[means.seller % ACTORS] == 0; ++tries) {
                ++means.seller;
            }
            // Half of it, so that the next trade finds something too.
            means.available = (left[means.seller % ACTORS] + 1) / 2;
            _bound(means, inEscrow, product.trades.length);
            if (means.available == 0 || means.most == 0) return (false, product);
            product.trades[i] = _trade(means, terms ^ i << 12);
            if (inEscrow) product.escrows[i] = _escrowTerms(product.trades[i], means, terms ^ i << 203);
            left[means.seller % ACTORS] -= product.trades[i].quantity;
            _use(means.account, product.trades[i].nonce);
            product.sellers[i] = means.seller++;
        }
        return (true, product);
    }

    /// @dev The product's trades signed with its hash; for a cycle with that and a time, if there is one. Their contracts'
    /// proofs lie in pairs.
    function _signed(Product memory product, uint64 notBefore)
        internal
        view
        returns (IResourceTrading.SignedTrade[] memory signed, bytes[] memory proofs)
    {
        uint256 count = product.trades.length;
        bytes memory parts;
        for (uint256 i = 0; i < count; ++i) {
            product.trades[i].bundle = 0;
            parts = abi.encodePacked(parts, this.hashOf(product.trades[i], product.escrows[i]));
        }
        bytes32 bundle = keccak256(parts);
        if (notBefore != 0) bundle = keccak256(abi.encode(exchange.NET_TAG(), notBefore, bundle));
        (signed, proofs) = (new IResourceTrading.SignedTrade[](count), new bytes[](2 * count));
        for (uint256 i = 0; i < count; ++i) {
            product.trades[i].bundle = bundle;
            signed[i].trade = product.trades[i];
            bytes32 digest = exchange.escrowDigestOf(product.trades[i], product.escrows[i]);
            (signed[i].demander, proofs[2 * i]) = _signatureOf(product.buyer, digest, 2 * i);
            (signed[i].supplier, proofs[2 * i + 1]) = _signatureOf(product.sellers[i], digest, 2 * i + 1);
        }
    }

    /// @dev Whether an account has something for sale now, and a nonce to sell it under.
    function _canSell(uint256 seed, address paid) internal view returns (bool) {
        return _availableOf(seed) != 0 && _account(seed, paid).used != type(uint96).max;
    }

    /// @dev What each side deposits, from the definition: a twentieth of the payment.
    function _depositOf(IResourceTrading.Trade memory trade) internal pure returns (uint256) {
        return uint256(trade.quantity) * trade.unitPrice / 20;
    }

    /// @dev The lowest free nonce: of the next epoch when all are used.
    function _freeNonce(IAccounts.Account memory account) internal pure returns (uint64) {
        if (account.used == type(uint96).max) return (uint64(account.epoch) + 1) << 8;
        return _freeNonceFrom(account, 0);
    }

    /// @dev The first free nonce of this epoch from a bit on.
    function _freeNonceFrom(IAccounts.Account memory account, uint256 bit) internal pure returns (uint64) {
        while (account.used >> bit % 96 & 1 != 0) ++bit;
        return uint64(account.epoch) << 8 | uint64(bit % 96);
    }

    /// @dev An account's epoch and nonces after one is used.
    function _use(IAccounts.Account memory account, uint64 nonce) internal pure {
        if (nonce >> 8 != account.epoch) (account.epoch, account.used) = (account.epoch + 1, 0);
        account.used |= uint96(1) << (nonce & 0xff);
    }

    function _emptyProduct(uint256 buyer, uint256 count, bool inEscrow) private pure returns (Product memory) {
        return Product({
            buyer: buyer,
            inEscrow: inEscrow,
            sellers: new uint256[](count),
            trades: new IResourceTrading.Trade[](count),
            escrows: new IResourceEscrow.Escrow[](count)
        });
    }

    /// @dev The most that one of `count` trades may cost: of what the demander holds, with its deposit in escrow, where the
    /// supplier's deposit is bounded too.
    function _bound(Means memory means, bool inEscrow, uint256 count) private view {
        means.most = means.account.balance / count;
        means.sellerHas = _account(means.seller, means.paid).balance / count;
        if (!inEscrow) return;
        means.most = means.most * 20 / 21;
        if (means.most > means.sellerHas * 20 + 19) means.most = means.sellerHas * 20 + 19;
    }

    /// @dev With the demander's lowest free nonce and some free nonce of the supplier.
    function _trade(Means memory means, uint256 terms) private view returns (IResourceTrading.Trade memory trade) {
        trade.listing = _currentListing(means.seller);
        (trade.demander, trade.token) = (actor(means.buyer), means.paid);
        trade.quantity = 1 + uint64(terms >> 8) % means.available;
        if (means.most < trade.quantity) trade.quantity = 1;
        trade.unitPrice = uint128(1 + (terms >> 72) % (means.most / trade.quantity));
        trade.validUntil = _slotEnd(trade.listing);
        trade.nonce = _freeNonce(means.account);
        trade.supplierNonce = _freeNonceFrom(_account(means.seller, means.paid), terms >> 56 & 0x3f);
        trade.listingEpoch = exchange.listingOf(trade.listing).epoch;
    }

    function _escrowTerms(IResourceTrading.Trade memory trade, Means memory means, uint256 terms)
        private
        view
        returns (IResourceEscrow.Escrow memory escrow)
    {
        (escrow.resource, escrow.slot) = ("m1", _currentSlot());
        escrow.deliverFrom = NOW + escrow.slot * SLOT_LENGTH;
        if (terms >> 199 & 1 != 0) escrow.deliverFrom = uint64(block.timestamp) + uint64(terms >> 190) % (20 * HOUR);
        uint64 start = escrow.deliverFrom > block.timestamp ? escrow.deliverFrom : uint64(block.timestamp);
        escrow.deliverBy = start + _parameters().deliveryWindow + uint64(terms >> 200) % (20 * HOUR);
        escrow.disputeBy = escrow.deliverBy + _parameters().disputeWindow + uint64(terms >> 210) % (20 * HOUR);
        escrow.decideBy = escrow.disputeBy + _parameters().hearing + _parameters().decisionWindow + uint64(terms >> 220)
            % (20 * HOUR);
        escrow.lateShare = uint16(terms >> 201) % (WHOLE + 1);
        escrow.silenceShare = uint16(terms >> 211) % (WHOLE + 1);
        escrow.undecidedShare = uint16(terms >> 221) % (WHOLE + 1);
        escrow.latePenalty = uint16(terms >> 206) % (WHOLE + 1);
        escrow.exitPenalty = uint16(terms >> 216) % (WHOLE + 1);
        escrow.bond = uint128((terms >> 100) % (means.sellerHas - _depositOf(trade) + 1));
    }

    /// @dev From `seed` on, the first who can sell something now, and the first other who can pay for it.
    function _parties(uint256 seed, uint256 terms, address paid) private view returns (uint256 seller, uint256 buyer) {
        seller = seed % ACTORS;
        while (seller < seed % ACTORS + 3 && !_canSell(seller, paid)) ++seller;
        buyer = seller + 1 + (terms >> 4) % 3;
        for (uint256 i = 0; i < 3 && exchange.balanceOf(actor(buyer), paid) == 0; ++i) {
            buyer = seller + 1 + (buyer - seller) % 3;
        }
    }
}
