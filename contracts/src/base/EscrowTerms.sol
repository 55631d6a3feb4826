// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceEscrow} from "../interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../interfaces/IResourceVerification.sol";
import {ListingWord} from "../libraries/Words.sol";
import {Module} from "./Module.sol";

/// @title What a deployment demands of terms of escrow, and what they say comes next
abstract contract EscrowTerms is IResourceEscrow, Module {
    /// @dev The supplier's parts of the payment held, of its bond, and of both deposits.
    struct Parts {
        uint256 payment;
        uint256 bond;
        uint256 deposits;
    }

    uint256 internal constant WHOLE = 10_000;

    uint32 private immutable _operatorDelay;
    uint32 private immutable _deliveryWindow;
    uint32 private immutable _disputeWindow;
    uint32 internal immutable _hearing;
    uint32 private immutable _decisionWindow;
    uint32 internal immutable _rulingWindow;
    uint32 internal immutable _graceTime;
    uint32 internal immutable _graceBlocks;
    uint32 private immutable _longestLife;
    uint16 private immutable _depositShare;

    constructor(Parameters memory given) {
        uint256 least = uint256(given.deliveryWindow) + given.disputeWindow + given.hearing + given.decisionWindow;
        bool timed = given.operatorDelay != 0 && given.deliveryWindow != 0 && given.disputeWindow != 0
            && given.hearing != 0 && given.decisionWindow != 0 && given.rulingWindow != 0 && given.graceTime != 0
            && given.graceBlocks != 0 && given.longestLife >= least;
        if (!timed || given.depositShare > WHOLE) revert BadParameters();
        _operatorDelay = given.operatorDelay;
        _deliveryWindow = given.deliveryWindow;
        _disputeWindow = given.disputeWindow;
        _hearing = given.hearing;
        _decisionWindow = given.decisionWindow;
        _rulingWindow = given.rulingWindow;
        _graceTime = given.graceTime;
        _graceBlocks = given.graceBlocks;
        _longestLife = given.longestLife;
        _depositShare = given.depositShare;
    }

    /// @notice What the module was built with.
    function parameters() external view returns (Parameters memory) {
        return Parameters({
            operatorDelay: _operatorDelay,
            deliveryWindow: _deliveryWindow,
            disputeWindow: _disputeWindow,
            hearing: _hearing,
            decisionWindow: _decisionWindow,
            rulingWindow: _rulingWindow,
            graceTime: _graceTime,
            graceBlocks: _graceBlocks,
            longestLife: _longestLife,
            depositShare: _depositShare
        });
    }

    /// @dev Whether the terms name the resource and slot of the listing.
    function _isPlace(IResourceTrading.Trade calldata trade, Escrow calldata escrow) internal view returns (bool) {
        uint64 end = _slotEnd(trade.listing);
        return _listingId(_supplierOf(trade), escrow.resource, escrow.slot, end) == trade.listing;
    }

    /// @dev The first term out of bounds, what it is and what it may be; zero if none. The terms must be of this place.
    function _fault(IResourceTrading.Trade calldata trade, Escrow calldata escrow)
        internal
        view
        returns (bytes32 term, uint256 given, uint256 bound)
    {
        uint64 slotLength = _calendars[_supplierOf(trade)][escrow.resource].slotLength;
        bound = _slotEnd(trade.listing) - slotLength;
        if (escrow.deliverFrom < bound) return ("deliverFrom", escrow.deliverFrom, bound);
        bound = escrow.deliverFrom > block.timestamp ? escrow.deliverFrom : block.timestamp;
        bound += _deliveryWindow;
        if (escrow.deliverBy < bound) return ("deliverBy", escrow.deliverBy, bound);
        bound = uint256(escrow.deliverBy) + _disputeWindow;
        if (escrow.disputeBy < bound) return ("disputeBy", escrow.disputeBy, bound);
        bound = uint256(escrow.disputeBy) + _hearing + _decisionWindow;
        if (escrow.decideBy < bound) return ("decideBy", escrow.decideBy, bound);
        bound = block.timestamp + _longestLife;
        if (escrow.decideBy > bound) return ("longestLife", escrow.decideBy, bound);
        if (escrow.lateShare > WHOLE) return ("lateShare", escrow.lateShare, WHOLE);
        if (escrow.silenceShare > WHOLE) return ("silenceShare", escrow.silenceShare, WHOLE);
        if (escrow.undecidedShare > WHOLE) return ("undecidedShare", escrow.undecidedShare, WHOLE);
        if (escrow.latePenalty > WHOLE) return ("latePenalty", escrow.latePenalty, WHOLE);
        if (escrow.exitPenalty > WHOLE) return ("exitPenalty", escrow.exitPenalty, WHOLE);
        return (0, 0, 0);
    }

    /// @dev The first second at which the waiting state may be ended.
    function _deadline(Escrow calldata escrow, Held memory held) internal view returns (uint256 deadline) {
        if (held.state == State.Funded) return escrow.deliverBy;
        uint256 least;
        if (held.state == State.Delivered) {
            (deadline, least) = (escrow.disputeBy, uint256(held.since) + _disputeWindow);
        } else {
            // Of a refunded payment only the penalty is open, which has nothing to wait for but the hearing.
            deadline = held.uncovered ? 0 : escrow.decideBy;
            least = uint256(held.since) + _hearing + _decisionWindow;
        }
        if (deadline < least) deadline = least;
    }

    /// @dev What a deadline pays that passed without an act.
    function _outcome(IResourceTrading.Trade calldata trade, Escrow calldata escrow, Held memory held)
        internal
        view
        returns (Cause, Parts memory)
    {
        uint256 deposit = _deposit(trade);
        if (held.state == State.Disputed) {
            if (held.uncovered) return (Cause.Undecided, Parts(0, _afterExit(escrow, held), deposit));
            return (Cause.Undecided, Parts(_share(held.payment, escrow.undecidedShare), escrow.bond, deposit));
        }
        uint256 afterLate = _without(escrow.bond, escrow.latePenalty);
        if (held.state == State.Funded) {
            Parts memory late = Parts(_share(held.payment, escrow.lateShare), afterLate, deposit);
            return (Cause.Late, late);
        }
        uint256 released = _payment(trade.quantity, trade.unitPrice) - held.payment;
        uint256 due = _payment(held.delivered, trade.unitPrice);
        due = due > released ? due - released : 0;
        uint256 payment = _share(due, escrow.silenceShare) + _share(held.payment - due, escrow.lateShare);
        uint256 penalty = (escrow.bond - afterLate) * (trade.quantity - held.delivered) / trade.quantity;
        return (Cause.Silent, Parts(payment, escrow.bond - penalty, deposit));
    }

    /// @dev What of its bond the supplier keeps as the payment goes back, or has gone back for want of attested units.
    function _afterExit(Escrow calldata escrow, Held memory held) internal view returns (uint256) {
        uint256 penalty = escrow.exitPenalty;
        // Going late costs no less than being late, whatever was stated meanwhile.
        bool isLate = (held.uncovered ? held.since : block.timestamp) >= escrow.deliverBy;
        if (isLate && escrow.latePenalty > penalty) penalty = escrow.latePenalty;
        return _without(escrow.bond, penalty);
    }

    /// @dev What each side deposits in case of a dispute, base units, rounded down.
    function _deposit(IResourceTrading.Trade calldata trade) internal view returns (uint256) {
        return _share(_payment(trade.quantity, trade.unitPrice), _depositShare);
    }

    /// @dev What a penalty leaves of a bond.
    function _without(uint256 bond, uint256 penalty) internal pure returns (uint256) {
        return bond - _share(bond, penalty);
    }

    function _supplierOf(IResourceTrading.Trade calldata trade) internal view returns (address) {
        return _listings[trade.listing].word.supplier();
    }

    function _share(uint256 amount, uint256 basisPoints) internal pure returns (uint256) {
        return amount * basisPoints / WHOLE;
    }
}
