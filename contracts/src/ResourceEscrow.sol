// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EscrowTerms} from "./base/EscrowTerms.sol";
import {Module} from "./base/Module.sol";
import {IAccounts} from "./interfaces/IAccounts.sol";
import {IOperators} from "./interfaces/IOperators.sol";
import {IResourceEscrow} from "./interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "./interfaces/IResourceTrading.sol";
import {IResourceVerification} from "./interfaces/IResourceVerification.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {TradeHash} from "./libraries/TradeHash.sol";

/// @title Trades whose payment waits for delivery
/// @notice See IResourceEscrow for what each call means.
/// @dev A trade in escrow is two words of storage; its terms come with every call and are recognised by their digest.
contract ResourceEscrow is EscrowTerms {
    using TradeHash for IResourceTrading.Trade;

    bytes32 private constant SPLIT_TYPEHASH =
        keccak256("Split(bytes32 trade,uint128 toSupplier,uint128 toDemander,uint64 deadline,uint32 nonce)");
    bytes32 private constant RULING_TYPEHASH = keccak256(
        "Ruling(bytes32 trade,uint32 number,uint16 paymentShare,uint16 bondShare,uint16 depositShare,uint64 deadline)"
    );
    constructor(Parameters memory parameters_) Module("escrow", parameters_) EscrowTerms(parameters_) {}

    /// @inheritdoc IResourceEscrow
    function settleEscrow(EscrowedTrade calldata trade, bytes[] calldata proofs) external inExchange {
        _requireTrading();
        if (trade.signed.trade.bundle != 0) revert IResourceTrading.Bundled(trade.signed.trade.bundle);
        _settleEscrow(trade, proofs);
    }

    /// @inheritdoc IResourceEscrow
    function settleEscrowBatch(EscrowedTrade[] calldata trades, bytes[] calldata proofs) external inExchange {
        _requireTrading();
        for (uint256 i = 0; i < trades.length; ++i) {
            IResourceTrading.Trade calldata trade = trades[i].signed.trade;
            bytes32 digest = escrowDigestOf(trade, trades[i].escrow);
            bytes4 reason = trade.bundle == 0 ? _hold(trades[i], digest, proofs) : IResourceTrading.Bundled.selector;
            if (reason != NONE) emit IResourceTrading.Skipped(i, reason, digest, trade.listing, trade.demander);
        }
    }

    /// @inheritdoc IResourceEscrow
    function settleEscrowBundle(EscrowedTrade[] calldata trades, bytes[] calldata proofs) external inExchange {
        _requireTrading();
        bytes32[] memory parts = new bytes32[](trades.length);
        for (uint256 i = 0; i < trades.length; ++i) {
            parts[i] = trades[i].signed.trade.hashInBundle(TradeHash.hash(trades[i].escrow));
        }
        bytes32 bundle = keccak256(abi.encodePacked(parts));
        for (uint256 i = 0; i < trades.length; ++i) {
            bytes32 named = trades[i].signed.trade.bundle;
            if (named != bundle) revert IResourceTrading.WrongBundle(named, bundle);
            _settleEscrow(trades[i], proofs);
        }
    }

    /// @inheritdoc IResourceEscrow
    function deliver(IResourceTrading.Trade calldata trade, Escrow calldata escrow, uint64 quantity)
        external
        inExchange
    {
        _requireParty(_supplierOf(trade));
        (bytes32 digest,) = _inState(trade, escrow, State.Funded);
        if (block.timestamp < escrow.deliverFrom) revert TooEarly(escrow.deliverFrom, block.timestamp);
        if (quantity == 0 || quantity > trade.quantity) revert BadQuantity(quantity, trade.quantity);
        _enter(digest, State.Delivered);
        _held[digest].delivered = quantity;
        emit Delivered(digest, quantity, uint40(block.timestamp));
    }

    /// @inheritdoc IResourceEscrow
    function release(IResourceTrading.Trade calldata trade, Escrow calldata escrow, uint128 amount)
        external
        inExchange
    {
        _requireParty(trade.demander);
        (bytes32 digest, Held memory held) = _open(trade, escrow);
        if (amount == 0) revert IAccounts.ZeroAmount();
        if (amount > held.payment) revert InsufficientEscrow(digest, held.payment, amount);
        if (amount == held.payment) {
            _requireNoRuling(digest);
            Parts memory parts = Parts(amount, escrow.bond, _deposit(trade));
            // Giving in costs whoever does it what it deposited: a dispute is not free.
            if (held.state == State.Disputed) parts.deposits *= 2;
            return _close(trade, escrow, digest, held, Cause.Accepted, parts);
        }
        _held[digest].payment = held.payment - amount;
        emit Released(digest, Cause.Accepted, amount, 0, false);
        _credit(trade.token, _supplierOf(trade), amount);
    }

    /// @inheritdoc IResourceEscrow
    function refund(IResourceTrading.Trade calldata trade, Escrow calldata escrow) external inExchange {
        _requireParty(_supplierOf(trade));
        (bytes32 digest, Held memory held) = _open(trade, escrow);
        _requireNoRuling(digest);
        _giveBack(trade, escrow, held, 0);
        Parts memory parts = Parts(0, _afterExit(escrow, held), _deposit(trade));
        // Nor is a false statement of delivery.
        if (held.state == State.Disputed && !held.uncovered) parts.deposits = 0;
        _close(trade, escrow, digest, held, Cause.Refunded, parts);
    }

    /// @inheritdoc IResourceEscrow
    function refundUncovered(IResourceTrading.Trade calldata trade, Escrow calldata escrow) external inExchange {
        _requireParty(trade.demander);
        (bytes32 digest, Held memory held) = _inState(trade, escrow, State.Funded);
        address supplier = _supplierOf(trade);
        IResourceVerification.Slot storage slot = _slots[supplier][escrow.resource][escrow.slot];
        (uint64 attested, uint64 committed) = (slot.attested, slot.committed);
        if (committed <= attested || _seals[supplier][escrow.resource][escrow.slot] != 0) {
            revert Covered(attested, committed);
        }
        // Where more comes off than was missing, that much less is attested: nothing of it may be sold again.
        uint64 units = _units(trade, held.payment);
        if (units == 0) revert BadQuantity(0, trade.quantity);
        _reduce(supplier, escrow, units);
        if (attested > committed - units) slot.attested = committed - units;
        _enter(digest, State.Disputed);
        (_held[digest].payment, _held[digest].uncovered) = (0, true);
        emit Uncovered(digest, uint40(block.timestamp));
        emit Released(digest, Cause.Uncovered, 0, held.payment, false);
        _credit(trade.token, trade.demander, held.payment);
    }

    /// @inheritdoc IResourceEscrow
    function dispute(IResourceTrading.Trade calldata trade, Escrow calldata escrow, bytes32 evidence)
        external
        inExchange
    {
        _requireParty(trade.demander);
        (bytes32 digest,) = _inState(trade, escrow, State.Delivered);
        _enter(digest, State.Disputed);
        emit Disputed(digest, evidence, uint40(block.timestamp));
    }

    /// @inheritdoc IResourceEscrow
    function split(
        IResourceTrading.Trade calldata trade,
        Escrow calldata escrow,
        uint128 toSupplier,
        uint128 toDemander,
        uint64 deadline,
        IResourceTrading.Signature calldata demander,
        IResourceTrading.Signature calldata supplier,
        bytes[] calldata proofs
    ) external inExchange {
        (bytes32 digest, Held memory held) = _open(trade, escrow);
        if (block.timestamp >= deadline) revert DeadlinePassed(deadline, block.timestamp);
        uint256 given = uint256(toSupplier) + toDemander;
        uint256 all = held.payment + escrow.bond + 2 * _deposit(trade);
        if (given != all) revert WrongSplit(digest, all, given);
        bytes32 agreed = _hashTypedDataV4(
            keccak256(abi.encode(SPLIT_TYPEHASH, digest, toSupplier, toDemander, deadline, held.splitNonce))
        );
        _requireSignature(trade.demander, agreed, demander, proofs);
        _requireSignature(_supplierOf(trade), agreed, supplier, proofs);
        uint256 own = escrow.bond + _deposit(trade);
        _giveBack(trade, escrow, held, toSupplier > own ? toSupplier - own : 0);
        _pay(trade, digest, Cause.Split, toSupplier, toDemander);
    }

    /// @inheritdoc IResourceEscrow
    function voidSplits(IResourceTrading.Trade calldata trade, Escrow calldata escrow) external inExchange {
        address account = _caller();
        if (account != trade.demander && account != _supplierOf(trade)) revert NotParty(account);
        (bytes32 digest, Held memory held) = _open(trade, escrow);
        _held[digest].splitNonce = held.splitNonce + 1;
        emit SplitsVoided(digest, held.splitNonce + 1);
    }

    /// @inheritdoc IResourceEscrow
    function rule(
        IResourceTrading.Trade calldata trade,
        Escrow calldata escrow,
        Ruling calldata ruling,
        IOperators.OperatorSignature[] calldata signatures
    ) external inExchange {
        (bytes32 digest, Held memory held) = _disputed(trade, escrow);
        uint32 posted = _rulings[digest].number;
        uint256 hearingEnds = uint256(held.since) + _hearing;
        if (block.timestamp < hearingEnds) revert TooEarly(hearingEnds, block.timestamp);
        _requireInTime(held);
        if (block.timestamp >= ruling.deadline) revert DeadlinePassed(ruling.deadline, block.timestamp);
        if (ruling.number <= posted) revert StaleRuling(digest, ruling.number, posted);
        _requireShare(ruling.paymentShare);
        _requireShare(ruling.bondShare);
        _requireShare(ruling.depositShare);
        address supplier = _supplierOf(trade);
        for (uint256 i = 0; i < signatures.length; ++i) {
            address operator = signatures[i].operator;
            if (operator == trade.demander || operator == supplier) revert PartyRules(operator);
        }
        _requireOperators(held.operatorSet, keccak256(abi.encode(RULING_TYPEHASH, digest, ruling)), signatures);
        // A replacement opens a window of its own up to one window after the time for deciding; later it shares that of
        // the ruling it replaces, so that a dispute ends.
        if (posted == 0 || block.timestamp < _deadline(escrow, held) + _rulingWindow) {
            held.graceUntil = uint40(block.timestamp) + _rulingWindow;
            held.graceBlock = uint40(block.number) + _graceBlocks;
            (_held[digest].graceUntil, _held[digest].graceBlock) = (held.graceUntil, held.graceBlock);
        }
        uint64 executableAt = held.graceUntil;
        _rulings[digest] =
            Posted(ruling.number, ruling.paymentShare, ruling.bondShare, ruling.depositShare, executableAt);
        emit RulingPosted(
            digest,
            ruling.number,
            ruling.paymentShare,
            ruling.bondShare,
            ruling.depositShare,
            executableAt,
            held.graceBlock
        );
    }

    /// @inheritdoc IResourceEscrow
    function execute(IResourceTrading.Trade calldata trade, Escrow calldata escrow) external inExchange {
        (bytes32 digest, Held memory held) = _disputed(trade, escrow);
        Posted memory ruling = _rulings[digest];
        if (ruling.number == 0) revert NoRuling(digest);
        if (!_isGraceOver(held)) revert GraceRunning(held.graceUntil, held.graceBlock);
        Parts memory parts = Parts(
            _share(held.payment, ruling.paymentShare),
            _share(escrow.bond, ruling.bondShare),
            _share(2 * _deposit(trade), ruling.depositShare)
        );
        _close(trade, escrow, digest, held, Cause.Ruled, parts);
    }

    /// @inheritdoc IResourceEscrow
    function expire(IResourceTrading.Trade calldata trade, Escrow calldata escrow) external inExchange {
        (bytes32 digest, Held memory held) = _open(trade, escrow);
        _requireNoRuling(digest);
        if (held.graceUntil == 0) return _openGrace(digest, held.state, _deadline(escrow, held));
        if (!_isGraceOver(held)) revert GraceRunning(held.graceUntil, held.graceBlock);
        (Cause cause, Parts memory parts) = _outcome(trade, escrow, held);
        _giveBack(trade, escrow, held, parts.payment);
        _close(trade, escrow, digest, held, cause, parts);
    }

    /// @inheritdoc IResourceEscrow
    function heldOf(bytes32 trade) external view inExchange returns (Held memory) {
        return _held[trade];
    }

    /// @inheritdoc IResourceEscrow
    function rulingOf(bytes32 trade) external view inExchange returns (Posted memory) {
        return _rulings[trade];
    }

    /// @inheritdoc IResourceEscrow
    function escrowDigestOf(IResourceTrading.Trade calldata trade, Escrow calldata escrow)
        public
        view
        inExchange
        returns (bytes32)
    {
        return trade.digest(TradeHash.hash(escrow), _domainSeparatorV4());
    }

    function _settleEscrow(EscrowedTrade calldata trade, bytes[] calldata proofs) private {
        bytes32 digest = escrowDigestOf(trade.signed.trade, trade.escrow);
        bytes4 reason = _hold(trade, digest, proofs);
        if (reason == NONE) return;
        if (reason == WrongPlace.selector) {
            revert WrongPlace(trade.signed.trade.listing, trade.escrow.resource, trade.escrow.slot);
        }
        if (reason == BadTerm.selector) {
            (bytes32 term, uint256 given, uint256 bound) = _fault(trade.signed.trade, trade.escrow);
            revert BadTerm(term, given, bound);
        }
        uint256 deposit = _deposit(trade.signed.trade);
        _explain(reason, trade.signed, digest, proofs, deposit, deposit + trade.escrow.bond);
    }

    /// @dev Settles a trade into escrow. Returns zero, or why not, having changed nothing.
    function _hold(EscrowedTrade calldata escrowed, bytes32 digest, bytes[] calldata proofs) private returns (bytes4) {
        IResourceTrading.Trade calldata trade = escrowed.signed.trade;
        Escrow calldata escrow = escrowed.escrow;
        if (_supplierOf(trade) == address(0)) return IResourceVerification.UnknownListing.selector;
        if (!_isPlace(trade, escrow)) return WrongPlace.selector;
        (bytes32 term,,) = _fault(trade, escrow);
        if (term != 0) return BadTerm.selector;
        uint256 deposit = _deposit(trade);
        bytes4 reason = _take(escrowed.signed, digest, proofs, true, deposit, deposit + escrow.bond);
        if (reason != NONE) return reason;
        Held storage held = _held[digest];
        // casting to 'uint128' is safe because the payment was taken from a balance
        // forge-lint: disable-next-line(unsafe-typecast)
        held.payment = uint128(_payment(trade.quantity, trade.unitPrice));
        held.operatorSet = _operatorSet();
        _enter(digest, State.Funded);
        emit Escrowed(digest, trade, escrow, held.operatorSet, held.since);
        return NONE;
    }

    function _requireParty(address party) private {
        address account = _caller();
        if (account != party) revert NotParty(account);
    }

    function _requireSignature(
        address signer,
        bytes32 digest,
        IResourceTrading.Signature calldata signature,
        bytes[] calldata proofs
    ) private view {
        if (_signed(signer, digest, signature, proofs)) return;
        revert IAccounts.BadSignature(signer, Signatures.recover(digest, signature.r, signature.vs));
    }

    function _requireNoRuling(bytes32 digest) private view {
        uint32 posted = _rulings[digest].number;
        if (posted != 0) revert RulingStands(digest, posted);
    }

    function _requireShare(uint256 share) private pure {
        if (share > WHOLE) revert BadShare(share);
    }

    /// @dev A trade that waits, in whatever state.
    function _open(IResourceTrading.Trade calldata trade, Escrow calldata escrow)
        private
        view
        returns (bytes32 digest, Held memory held)
    {
        digest = escrowDigestOf(trade, escrow);
        held = _held[digest];
        if (held.state == State.None || held.state == State.Closed) revert WrongState(digest, held.state);
    }

    function _disputed(IResourceTrading.Trade calldata trade, Escrow calldata escrow)
        private
        view
        returns (bytes32 digest, Held memory held)
    {
        digest = escrowDigestOf(trade, escrow);
        held = _held[digest];
        if (held.state != State.Disputed) revert WrongState(digest, held.state);
    }

    /// @dev A trade that waits in this state, and not beyond its grace period.
    function _inState(IResourceTrading.Trade calldata trade, Escrow calldata escrow, State wanted)
        private
        view
        returns (bytes32 digest, Held memory held)
    {
        digest = escrowDigestOf(trade, escrow);
        held = _held[digest];
        if (held.state != wanted) revert WrongState(digest, held.state);
        _requireInTime(held);
    }

    function _requireInTime(Held memory held) private view {
        if (held.graceUntil != 0 && _isGraceOver(held)) revert DeadlinePassed(held.graceUntil, block.timestamp);
    }

    function _isGraceOver(Held memory held) private view returns (bool) {
        return block.timestamp >= held.graceUntil && block.number >= held.graceBlock;
    }

    function _openGrace(bytes32 digest, State state, uint256 deadline) private {
        if (block.timestamp < deadline) revert DeadlineAhead(deadline, block.timestamp);
        (uint40 until, uint40 untilBlock) = (uint40(block.timestamp) + _graceTime, uint40(block.number) + _graceBlocks);
        (_held[digest].graceUntil, _held[digest].graceBlock) = (until, untilBlock);
        emit GraceOpened(digest, state, until, untilBlock);
    }

    /// @dev Comes into a state, whose deadline has no grace period yet.
    function _enter(bytes32 digest, State state) private {
        Held storage held = _held[digest];
        held.state = state;
        (held.since, held.graceUntil, held.graceBlock) = (uint40(block.timestamp), 0, 0);
    }

    /// @dev Gives the capacity of what was neither delivered nor paid for back to the supplier, as long as its slot lasts.
    /// @param paid What the supplier gets of the payment now; the rest counts, not what was released before.
    function _giveBack(IResourceTrading.Trade calldata trade, Escrow calldata escrow, Held memory held, uint256 paid)
        private
    {
        if (held.state != State.Funded || block.timestamp >= _slotEnd(trade.listing) || paid >= held.payment) return;
        _reduce(_supplierOf(trade), escrow, _units(trade, held.payment - paid));
    }

    /// @dev What an amount pays for at most, rounded down.
    function _units(IResourceTrading.Trade calldata trade, uint256 amount) private pure returns (uint64) {
        // casting to 'uint64' is safe because the amount is at most the quantity times the price
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint64(amount / trade.unitPrice);
    }

    function _reduce(address supplier, Escrow calldata escrow, uint64 units) private {
        if (units == 0) return;
        _slots[supplier][escrow.resource][escrow.slot].committed -= units;
        emit IResourceVerification.CommitmentReduced(supplier, escrow.resource, escrow.slot, units);
    }

    function _close(
        IResourceTrading.Trade calldata trade,
        Escrow calldata escrow,
        bytes32 digest,
        Held memory held,
        Cause cause,
        Parts memory parts
    ) private {
        uint256 all = held.payment + escrow.bond + 2 * _deposit(trade);
        uint256 toSupplier = parts.payment + parts.bond + parts.deposits;
        _pay(trade, digest, cause, toSupplier, all - toSupplier);
    }

    function _pay(
        IResourceTrading.Trade calldata trade,
        bytes32 digest,
        Cause cause,
        uint256 toSupplier,
        uint256 toDemander
    ) private {
        delete _held[digest];
        delete _rulings[digest];
        _held[digest].state = State.Closed;
        // casting to 'uint128' is safe because both were taken from balances
        // forge-lint: disable-next-line(unsafe-typecast)
        emit Released(digest, cause, uint128(toSupplier), uint128(toDemander), true);
        _credit(trade.token, _supplierOf(trade), toSupplier);
        _credit(trade.token, trade.demander, toDemander);
    }
}
