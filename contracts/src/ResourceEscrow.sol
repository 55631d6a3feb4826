// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceEscrow} from "./interfaces/IResourceEscrow.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {TradeHash} from "./libraries/TradeHash.sol";
import {ResourceTrading} from "./ResourceTrading.sol";

/// @title Trades whose payment waits for delivery
/// @notice See IResourceEscrow for what each call means.
/// @dev A trade in escrow is one word of storage; its terms come with every call and are recognised by their digest.
abstract contract ResourceEscrow is IResourceEscrow, ResourceTrading {
    using TradeHash for Trade;

    bytes32 private constant SPLIT_TYPEHASH = keccak256("Split(bytes32 trade,uint16 supplierShare)");
    bytes32 private constant RULING_TYPEHASH = keccak256("Ruling(bytes32 trade,uint16 supplierShare)");
    uint16 private constant WHOLE = 10_000;

    mapping(bytes32 trade => Held) private _held;

    /// @inheritdoc IResourceEscrow
    function settleEscrow(SignedTrade calldata signed, Escrow calldata escrow, bytes[] calldata proofs) external {
        _requireTrading();
        Trade calldata trade = signed.trade;
        if (trade.bundle != 0) revert Bundled(trade.bundle);
        bool timely = block.timestamp < escrow.deliverBy && escrow.deliverBy < escrow.acceptBy
            && escrow.acceptBy < escrow.decideBy;
        bool shared = escrow.lateShare <= WHOLE && escrow.silenceShare <= WHOLE && escrow.undecidedShare <= WHOLE;
        if (!timely || !shared) revert BadEscrow();
        bytes32 digest = digestOf(trade, escrow);
        bytes4 reason = _take(signed, digest, proofs, false);
        if (reason != 0) _explain(reason, signed, digest, proofs);
        _held[digest] = Held(trade.quantity * trade.unitPrice, State.Funded);
        emit Escrowed(
            digest,
            escrow.deliverBy,
            escrow.acceptBy,
            escrow.decideBy,
            escrow.lateShare,
            escrow.silenceShare,
            escrow.undecidedShare
        );
    }

    /// @inheritdoc IResourceEscrow
    function deliver(Trade calldata trade, Escrow calldata escrow) external {
        _requireParty(_listings[trade.listing].word.supplier());
        bytes32 digest = digestOf(trade, escrow);
        _requireState(digest, State.Funded);
        if (block.timestamp >= escrow.deliverBy) revert DeadlinePassed(escrow.deliverBy, block.timestamp);
        _held[digest].state = State.Delivered;
        emit Delivered(digest);
    }

    /// @inheritdoc IResourceEscrow
    function release(Trade calldata trade, Escrow calldata escrow, uint128 amount) external {
        _requireParty(trade.demander);
        bytes32 digest = digestOf(trade, escrow);
        uint128 held = _requireOpen(digest);
        if (amount == 0) revert ZeroAmount();
        if (amount > held) revert InsufficientEscrow(digest, held, amount);
        if (amount == held) return _close(trade, digest, held, WHOLE);
        _held[digest].amount = held - amount;
        emit Released(digest, amount, 0);
        _credit(trade.token, _listings[trade.listing].word.supplier(), amount);
    }

    /// @inheritdoc IResourceEscrow
    function refund(Trade calldata trade, Escrow calldata escrow) external {
        _requireParty(_listings[trade.listing].word.supplier());
        bytes32 digest = digestOf(trade, escrow);
        _close(trade, digest, _requireOpen(digest), 0);
    }

    /// @inheritdoc IResourceEscrow
    function dispute(Trade calldata trade, Escrow calldata escrow, bytes32 evidence) external {
        _requireParty(trade.demander);
        bytes32 digest = digestOf(trade, escrow);
        _requireState(digest, State.Delivered);
        if (block.timestamp >= escrow.acceptBy) revert DeadlinePassed(escrow.acceptBy, block.timestamp);
        _held[digest].state = State.Disputed;
        emit Disputed(digest, evidence);
    }

    /// @inheritdoc IResourceEscrow
    function split(
        Trade calldata trade,
        Escrow calldata escrow,
        uint16 supplierShare,
        Signature calldata demander,
        Signature calldata supplier,
        bytes[] calldata proofs
    ) external {
        bytes32 digest = digestOf(trade, escrow);
        uint128 held = _requireOpen(digest);
        if (supplierShare > WHOLE) revert BadShare(supplierShare);
        bytes32 agreed = _hashTypedDataV4(keccak256(abi.encode(SPLIT_TYPEHASH, digest, supplierShare)));
        _requireParties(trade.demander, demander, _listings[trade.listing].word.supplier(), supplier, agreed, proofs);
        _close(trade, digest, held, supplierShare);
    }

    /// @inheritdoc IResourceEscrow
    function rule(Trade calldata trade, Escrow calldata escrow, uint16 supplierShare, bytes[] calldata signatures)
        external
    {
        bytes32 digest = digestOf(trade, escrow);
        uint128 held = _requireState(digest, State.Disputed);
        if (block.timestamp >= escrow.decideBy) revert DeadlinePassed(escrow.decideBy, block.timestamp);
        if (supplierShare > WHOLE) revert BadShare(supplierShare);
        _requireOperators(keccak256(abi.encode(RULING_TYPEHASH, digest, supplierShare)), signatures);
        _close(trade, digest, held, supplierShare);
    }

    /// @inheritdoc IResourceEscrow
    function expire(Trade calldata trade, Escrow calldata escrow) external {
        bytes32 digest = digestOf(trade, escrow);
        uint128 held = _requireOpen(digest);
        State state = _held[digest].state;
        (uint64 deadline, uint16 share) = state == State.Funded
            ? (escrow.deliverBy, escrow.lateShare)
            : state == State.Delivered
                ? (escrow.acceptBy, escrow.silenceShare)
                : (escrow.decideBy, escrow.undecidedShare);
        if (block.timestamp < deadline) revert DeadlineAhead(deadline, block.timestamp);
        _close(trade, digest, held, share);
    }

    /// @inheritdoc IResourceEscrow
    function heldOf(bytes32 trade) external view returns (Held memory) {
        return _held[trade];
    }

    /// @inheritdoc IResourceEscrow
    function digestOf(Trade calldata trade, Escrow calldata escrow) public view returns (bytes32) {
        return trade.digest(TradeHash.hash(escrow), _domainSeparatorV4());
    }

    function _requireParty(address party) private {
        address account = _caller();
        if (account != party) revert NotParty(account);
    }

    function _requireParties(
        address demander,
        Signature calldata demanderSignature,
        address supplier,
        Signature calldata supplierSignature,
        bytes32 digest,
        bytes[] calldata proofs
    ) private view {
        if (!_signed(demander, digest, demanderSignature, proofs)) {
            revert BadSignature(demander, Signatures.recover(digest, demanderSignature.r, demanderSignature.vs));
        }
        if (!_signed(supplier, digest, supplierSignature, proofs)) {
            revert BadSignature(supplier, Signatures.recover(digest, supplierSignature.r, supplierSignature.vs));
        }
    }

    function _requireState(bytes32 digest, State wanted) private view returns (uint128) {
        Held memory held = _held[digest];
        if (held.state != wanted) revert WrongState(digest, held.state);
        return held.amount;
    }

    function _requireOpen(bytes32 digest) private view returns (uint128) {
        Held memory held = _held[digest];
        if (held.state == State.None || held.state == State.Closed) revert WrongState(digest, held.state);
        return held.amount;
    }

    function _close(Trade calldata trade, bytes32 digest, uint128 held, uint16 supplierShare) private {
        // casting to 'uint128' is safe because a share of a 128-bit amount is not larger than it
        // forge-lint: disable-next-line(unsafe-typecast)
        uint128 toSupplierRoundedDown = uint128(uint256(held) * supplierShare / WHOLE);
        _held[digest] = Held(0, State.Closed);
        emit Released(digest, toSupplierRoundedDown, held - toSupplierRoundedDown);
        _credit(trade.token, _listings[trade.listing].word.supplier(), toSupplierRoundedDown);
        _credit(trade.token, trade.demander, held - toSupplierRoundedDown);
    }
}
