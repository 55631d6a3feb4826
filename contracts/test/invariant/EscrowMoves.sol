// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {MarketMoves} from "./MarketMoves.sol";

/// @notice Trades into escrow, and every step of them that their state allows a party, the operators or anyone.
abstract contract EscrowMoves is MarketMoves {
    /// @dev One escrow in the middle of a step: what the exchange says of it, and what the handler expects after.
    struct Step {
        Deal deal;
        address owner;
        IResourceEscrow.Held held;
        IResourceEscrow.Posted ruling;
        bool relayed;
        uint64 share;
        uint256 left;
        bool closes;
        uint64 units;
    }

    uint256 private constant WAYS = 11;

    bytes[] internal _escrows;
    bytes[] internal _escrowCalls;

    function settleEscrow(uint256 seed, uint256 terms, bool relayed) external checked {
        (bool possible, Deal memory deal) = _nextDeal(seed, terms, true);
        if (!possible) return;
        _settled(deal.signed, deal.escrow, relayed ? actor(terms) : stranger, relayed, _escrowCall(deal));
    }

    /// @dev A good trade between one that a stranger signed, one with bad terms, and an old one.
    function settleEscrowBatch(uint256 seed, uint256 terms) external checked {
        (bool possible, Deal memory deal) = _nextDeal(seed, terms, true);
        if (!possible) return;
        IResourceEscrow.EscrowedTrade[] memory trades = new IResourceEscrow.EscrowedTrade[](4);
        trades[0] = _copy(deal);
        trades[0].signed.demander = _compact(STRANGER_KEY, deal.digest);
        trades[1] = _copy(deal);
        trades[1].escrow.disputeBy = trades[1].escrow.deliverBy;
        (trades[2], trades[3]) = (_copy(deal), _copy(deal));
        if (_escrows.length > 0) trades[3] = _copy(abi.decode(_escrows[terms % _escrows.length], (Deal)));
        _settled(
            deal.signed, deal.escrow, stranger, false, abi.encodeCall(exchange.settleEscrowBatch, (trades, deal.proofs))
        );
        ++reached["batch in escrow"];
    }

    /// @dev A product in escrow: all of it, or, with its last term out of bounds, nothing.
    function settleEscrowBundle(uint256 seed, uint256 terms, bool broken) external checked {
        (bool possible, Product memory product) = _nextProduct(seed, terms, true);
        if (!possible) return;
        uint256 count = product.trades.length;
        if (broken) product.escrows[count - 1].exitPenalty = WHOLE + 1;
        (IResourceTrading.SignedTrade[] memory signed, bytes[] memory proofs) = _signed(product, 0);
        IResourceEscrow.EscrowedTrade[] memory trades = new IResourceEscrow.EscrowedTrade[](count);
        for (uint256 i = 0; i < count; ++i) {
            trades[i] = IResourceEscrow.EscrowedTrade(signed[i], product.escrows[i]);
        }
        bytes memory call = abi.encodeCall(exchange.settleEscrowBundle, (trades, proofs));
        if (broken) return _refusesWhole(call);
        uint256 before = _balances(signed[0].trade.token);
        _as(stranger, call);
        uint256 held = 0;
        for (uint256 i = 0; i < count; ++i) {
            held += _hold(signed[i], product.escrows[i]);
        }
        vm.assertEq(_balances(signed[0].trade.token), before - held);
        _escrowCalls.push(call);
        ++reached["bundle in escrow"];
    }

    /// @dev The first step that is possible now, from `way` on. What leaves the escrow reaches its two parties whole.
    function step(uint256 index, uint256 way, uint64 share, bool relayed) external checked {
        (bool any, Step memory at) = _anyOpen(index);
        if (!any) return;
        (at.relayed, at.share) = (relayed, share);
        address paid = at.deal.signed.trade.token;
        address demander_ = at.deal.signed.trade.demander;
        uint256 before = exchange.balanceOf(at.owner, paid) + exchange.balanceOf(demander_, paid);
        bool done = false;
        for (uint256 i = 0; i < WAYS && !done; ++i) {
            done = _try(at, (way % WAYS + i) % WAYS);
        }
        Escrowed storage book = _books[at.deal.digest];
        uint256 paidOut = book.payment - at.left;
        if (at.closes) paidOut += book.locked;
        uint256 afterwards = exchange.balanceOf(at.owner, paid) + exchange.balanceOf(demander_, paid);
        vm.assertEq(afterwards, before + paidOut);
        sold[at.deal.signed.trade.listing] -= at.units;
        (book.open, book.payment) = (!at.closes, at.left);
        _assertBooked(at.deal.digest);
    }

    /// @dev What escrows hold of a token, as the handler has it.
    function _inEscrow(address paid) internal view returns (uint256 sum) {
        for (uint256 i = 0; i < _escrows.length; ++i) {
            Deal memory deal = abi.decode(_escrows[i], (Deal));
            if (deal.signed.trade.token != paid) continue;
            _assertBooked(deal.digest);
            Escrowed memory book = _books[deal.digest];
            if (book.open) sum += book.payment + book.locked;
        }
    }

    /// @dev From `index` on, the first escrow that is not closed.
    function _anyOpen(uint256 index) internal view returns (bool, Step memory at) {
        for (uint256 i = 0; i < _escrows.length; ++i) {
            Deal memory deal = abi.decode(_escrows[(index % _escrows.length + i) % _escrows.length], (Deal));
            if (!_books[deal.digest].open) continue;
            at.deal = deal;
            at.owner = exchange.listingOf(deal.signed.trade.listing).supplier;
            at.held = exchange.heldOf(deal.digest);
            at.ruling = exchange.rulingOf(deal.digest);
            at.left = _books[deal.digest].payment;
            return (true, at);
        }
        return (false, at);
    }

    /// @dev Whether `expire` opens the grace period now, or ends the state after it.
    function _mayExpire(Step memory at) internal view returns (bool) {
        if (at.ruling.number != 0) return false;
        return at.held.graceUntil == 0 ? block.timestamp >= _deadline(at) : !_inTime(at.held);
    }

    /// @dev From the definition in IResourceEscrow.
    function _deadline(Step memory at) internal pure returns (uint256 deadline) {
        IResourceEscrow.Escrow memory escrow = at.deal.escrow;
        if (at.held.state == IResourceEscrow.State.Funded) return escrow.deliverBy;
        uint256 least = uint256(at.held.since) + _parameters().disputeWindow;
        deadline = escrow.disputeBy;
        if (at.held.state == IResourceEscrow.State.Disputed) {
            least = uint256(at.held.since) + _parameters().hearing + _parameters().decisionWindow;
            deadline = at.held.uncovered ? least : escrow.decideBy;
        }
        if (deadline < least) deadline = least;
    }

    function _inTime(IResourceEscrow.Held memory held) internal view returns (bool) {
        return held.graceUntil == 0 || block.timestamp < held.graceUntil || block.number < held.graceBlock;
    }

    function _try(Step memory at, uint256 way) private returns (bool) {
        bool funded = at.held.state == IResourceEscrow.State.Funded;
        if (way == 0) return funded && _deliverStep(at);
        if (way == 1) return at.held.state == IResourceEscrow.State.Delivered && _disputeStep(at);
        if (way == 2) return at.held.state == IResourceEscrow.State.Disputed && _rule(at);
        if (way == 3) return at.ruling.number != 0 && _execute(at);
        if (way == 4) return _mayExpire(at) && _expireStep(at);
        if (way == 5) return funded && _refundUncovered(at);
        if (way == 6) return at.share % 2 == 0 && at.left > 1 && _releasePart(at);
        if (at.share % 4 != 0) return false;
        if (way == 7) return at.ruling.number == 0 && at.left > 0 && _releaseAll(at);
        if (way == 8) return at.ruling.number == 0 && _refund(at);
        if (way == 9) return _split(at);
        return at.share % 8 == 0 && _voidSplits(at);
    }

    function _deliverStep(Step memory at) private returns (bool) {
        if (block.timestamp < at.deal.escrow.deliverFrom || !_inTime(at.held)) return false;
        uint64 quantity = 1 + at.share % at.deal.signed.trade.quantity;
        _by(at, at.owner, abi.encodeCall(exchange.deliver, (at.deal.signed.trade, at.deal.escrow, quantity)));
        vm.assertEq(exchange.heldOf(at.deal.digest).delivered, quantity);
        if (quantity < at.deal.signed.trade.quantity) ++reached["partial delivery"];
        return true;
    }

    function _disputeStep(Step memory at) private returns (bool) {
        if (!_inTime(at.held)) return false;
        _by(
            at,
            at.deal.signed.trade.demander,
            abi.encodeCall(exchange.dispute, (at.deal.signed.trade, at.deal.escrow, "evidence"))
        );
        ++reached["dispute"];
        return true;
    }

    /// @dev The first ruling after the hearing, or another one in place of the one that is posted.
    function _rule(Step memory at) private returns (bool) {
        if (block.timestamp < uint256(at.held.since) + _parameters().hearing || !_inTime(at.held)) return false;
        IResourceEscrow.Ruling memory ruling = IResourceEscrow.Ruling(
            at.ruling.number + 1 + uint32(at.share >> 60),
            uint16(at.share % (WHOLE + 1)),
            uint16((at.share >> 16) % (WHOLE + 1)),
            uint16((at.share >> 32) % (WHOLE + 1)),
            uint64(block.timestamp) + 1
        );
        bytes32 typeHash = keccak256(
            "Ruling(bytes32 trade,uint32 number,uint16 paymentShare,uint16 bondShare,uint16 depositShare,uint64 deadline)"
        );
        bytes32 structHash = keccak256(abi.encode(typeHash, at.deal.digest, ruling));
        exchange.rule(at.deal.signed.trade, at.deal.escrow, ruling, _decidedBy(at.held.operatorSet, structHash));
        ++reached[at.ruling.number == 0 ? bytes32("ruling") : bytes32("other ruling")];
        if (at.held.operatorSet != exchange.operatorSet()) ++reached["ruling of an old set"];
        return true;
    }

    function _execute(Step memory at) private returns (bool) {
        if (_inTime(at.held)) return false;
        (at.left, at.closes) = (0, true);
        exchange.execute(at.deal.signed.trade, at.deal.escrow);
        ++reached["execution"];
        return true;
    }

    function _expireStep(Step memory at) private returns (bool) {
        if (at.held.graceUntil != 0) {
            _comesBack(at, at.left * at.deal.escrow.lateShare / WHOLE);
            (at.left, at.closes) = (0, true);
            ++reached["expiry"];
        } else {
            ++reached["grace"];
        }
        exchange.expire(at.deal.signed.trade, at.deal.escrow);
        return true;
    }

    /// @dev Where more comes back than was missing, that much less is attested.
    function _refundUncovered(Step memory at) private returns (bool) {
        IResourceVerification.Slot memory slot = exchange.slotOf(at.owner, "m1", at.deal.escrow.slot);
        if (slot.committed <= slot.attested || !_inTime(at.held)) return false;
        at.units = uint64(at.left / at.deal.signed.trade.unitPrice);
        if (at.units == 0) return false;
        at.left = 0;
        _by(
            at,
            at.deal.signed.trade.demander,
            abi.encodeCall(exchange.refundUncovered, (at.deal.signed.trade, at.deal.escrow))
        );
        uint64 committed = slot.committed - at.units;
        uint64 attested = exchange.slotOf(at.owner, "m1", at.deal.escrow.slot).attested;
        vm.assertEq(attested, slot.attested < committed ? slot.attested : committed);
        ++reached["uncovered"];
        return true;
    }

    function _releasePart(Step memory at) private returns (bool) {
        uint256 amount = 1 + at.share % (at.left - 1);
        _release(at, amount);
        at.left -= amount;
        return true;
    }

    function _releaseAll(Step memory at) private returns (bool) {
        _release(at, at.left);
        (at.left, at.closes) = (0, true);
        ++reached["acceptance"];
        return true;
    }

    function _release(Step memory at, uint256 amount) private {
        _by(
            at,
            at.deal.signed.trade.demander,
            abi.encodeCall(exchange.release, (at.deal.signed.trade, at.deal.escrow, uint128(amount)))
        );
    }

    function _refund(Step memory at) private returns (bool) {
        _comesBack(at, 0);
        (at.left, at.closes) = (0, true);
        _by(at, at.owner, abi.encodeCall(exchange.refund, (at.deal.signed.trade, at.deal.escrow)));
        ++reached["refund"];
        return true;
    }

    function _split(Step memory at) private returns (bool) {
        uint256 all = at.left + _books[at.deal.digest].locked;
        (uint128 toSupplier, uint64 deadline) = (uint128(at.share % (all + 1)), uint64(block.timestamp) + 1);
        bytes32 typeHash =
            keccak256("Split(bytes32 trade,uint128 toSupplier,uint128 toDemander,uint64 deadline,uint32 nonce)");
        bytes32 digest = _typed(
            keccak256(abi.encode(typeHash, at.deal.digest, toSupplier, all - toSupplier, deadline, at.held.splitNonce))
        );
        IResourceTrading.Trade memory trade = at.deal.signed.trade;
        bytes[] memory proofs = new bytes[](2);
        IResourceTrading.Signature[2] memory both;
        (both[0], proofs[0]) = _signatureOf(_seedOf(trade.demander), digest, 0);
        (both[1], proofs[1]) = _signatureOf(_seedOf(at.owner), digest, 1);
        uint256 own = at.deal.escrow.bond + _depositOf(trade);
        _comesBack(at, toSupplier > own ? toSupplier - own : 0);
        (at.left, at.closes) = (0, true);
        exchange.split(trade, at.deal.escrow, toSupplier, uint128(all - toSupplier), deadline, both[0], both[1], proofs);
        ++reached["split"];
        return true;
    }

    function _voidSplits(Step memory at) private returns (bool) {
        bytes memory call = abi.encodeCall(exchange.voidSplits, (at.deal.signed.trade, at.deal.escrow));
        _by(at, at.share % 16 == 0 ? at.owner : at.deal.signed.trade.demander, call);
        vm.assertEq(exchange.heldOf(at.deal.digest).splitNonce, at.held.splitNonce + 1);
        return true;
    }

    function _by(Step memory at, address account, bytes memory call) private {
        _submit(account, call, at.relayed);
    }

    /// @dev Of a trade that ends undelivered before its slot does, the units for which the supplier is not paid are no longer
    /// committed; `paid` is what it gets of the payment now.
    function _comesBack(Step memory at, uint256 paid) private {
        bool lasts = block.timestamp < _slotEnd(at.deal.signed.trade.listing);
        if (at.held.state != IResourceEscrow.State.Funded || !lasts || paid >= at.left) return;
        at.units = uint64((at.left - paid) / at.deal.signed.trade.unitPrice);
        ++reached["capacity back"];
    }

    function _settled(
        IResourceTrading.SignedTrade memory signed,
        IResourceEscrow.Escrow memory escrow,
        address by,
        bool relayed,
        bytes memory call
    ) private {
        uint256 before = _balances(signed.trade.token);
        _submit(by, call, relayed);
        uint256 held = _hold(signed, escrow);
        vm.assertEq(_balances(signed.trade.token), before - held);
        _escrowCalls.push(call);
    }

    /// @dev Writes down an escrow that was just settled, and returns all that it holds.
    function _hold(IResourceTrading.SignedTrade memory signed, IResourceEscrow.Escrow memory escrow)
        private
        returns (uint256)
    {
        bytes32 digest = exchange.escrowDigestOf(signed.trade, escrow);
        uint256 payment = uint256(signed.trade.quantity) * signed.trade.unitPrice;
        _books[digest] = Escrowed(true, payment, escrow.bond + 2 * _depositOf(signed.trade));
        _escrows.push(abi.encode(Deal(signed, escrow, new bytes[](0), digest)));
        _assertBooked(digest);
        vm.assertEq(exchange.heldOf(digest).operatorSet, exchange.operatorSet());
        return payment + _books[digest].locked;
    }

    function _refusesWhole(bytes memory call) private {
        bytes32 before = _marketHash();
        _refusedFor(stranger, call, IResourceEscrow.BadTerm.selector);
        vm.assertEq(_marketHash(), before);
        ++reached["broken bundle in escrow"];
    }

    function _assertBooked(bytes32 digest) private view {
        IResourceEscrow.Held memory held = exchange.heldOf(digest);
        vm.assertEq(held.payment, _books[digest].payment);
        bool open = held.state != IResourceEscrow.State.None && held.state != IResourceEscrow.State.Closed;
        vm.assertTrue(open == _books[digest].open);
    }

    function _escrowCall(Deal memory deal) private view returns (bytes memory) {
        return abi.encodeCall(exchange.settleEscrow, (_copy(deal), deal.proofs));
    }

    function _copy(Deal memory deal) private pure returns (IResourceEscrow.EscrowedTrade memory) {
        return abi.decode(
            abi.encode(IResourceEscrow.EscrowedTrade(deal.signed, deal.escrow)), (IResourceEscrow.EscrowedTrade)
        );
    }
}
