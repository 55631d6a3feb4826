// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IOperators} from "./IOperators.sol";
import {IResourceTrading} from "./IResourceTrading.sol";

/// @title Trades whose payment waits for delivery
/// @notice funded -> delivered -> closed, or delivered -> disputed -> closed. Settlement locks the demander's payment, the
/// supplier's bond, and a dispute deposit of each. A job with milestones is several trades, one a milestone; a demander
/// may also release part of one trade early.
/// @dev Every waiting state has a deadline. It decides in two steps, so that a chain that stood still decides against
/// nobody: the first `expire` after it opens a grace period in time and blocks, in which whoever had the word may still
/// act; the second, after that, pays as both parties signed. Assumes a chain that counts its own blocks: see IParameters.
/// @dev Money held for a trade goes to its two parties only. Shares are basis points of what they share, to the supplier
/// (penalties: to the demander), rounded down; the other party gets the rest.
/// @dev Warning to demanders: watch for `Delivered` and dispute before `disputeBy` if nothing came.
interface IResourceEscrow {
    /// @notice What both parties sign beside the trade. Times in seconds, each the first second after its window. The
    /// windows must be at least those of `parameters()`. EIP-712:
    /// `Escrow(bytes32 resource,uint64 slot,uint64 deliverFrom,uint64 deliverBy,uint64 disputeBy,uint64 decideBy,
    /// uint16 lateShare,uint16 silenceShare,uint16 undecidedShare,uint128 bond,uint16 latePenalty,uint16 exitPenalty)`.
    /// @param resource Of the listing, with
    /// @param slot its slot: what the listing's id was made of.
    /// @param deliverFrom From then on the supplier may state delivery; not before the slot begins.
    /// @param deliverBy Until then it may; after it `expire` pays `lateShare`.
    /// @param disputeBy Until then, and `disputeWindow` after delivery, the demander may dispute; after it `expire` pays
    /// `silenceShare` of the part delivered and `lateShare` of the rest.
    /// @param decideBy Until then, and hearing and `decisionWindow` after the dispute, operators may post a ruling; after it
    /// `expire` pays `undecidedShare`.
    /// @param lateShare Usual: 0. @param silenceShare Usual: 10000. @param undecidedShare As agreed.
    /// @param bond What the supplier locks, token base units.
    /// @param latePenalty Share of the bond that lateness costs; of partial delivery the part of it that is missing, both
    /// rounded down.
    /// @param exitPenalty Share of the bond that giving the payment back costs, or that it went back uncovered; from
    /// `deliverBy` on at least `latePenalty`.
    struct Escrow {
        bytes32 resource;
        uint64 slot;
        uint64 deliverFrom;
        uint64 deliverBy;
        uint64 disputeBy;
        uint64 decideBy;
        uint16 lateShare;
        uint16 silenceShare;
        uint16 undecidedShare;
        uint128 bond;
        uint16 latePenalty;
        uint16 exitPenalty;
    }

    /// @notice A trade with its terms of escrow.
    struct EscrowedTrade {
        IResourceTrading.SignedTrade signed;
        Escrow escrow;
    }

    enum State {
        None,
        Funded,
        Delivered,
        Disputed,
        Closed
    }

    /// @notice Why money left an escrow.
    enum Cause {
        Accepted,
        Refunded,
        Split,
        Ruled,
        Late,
        Silent,
        Undecided,
        Uncovered
    }

    /// @notice What a trade still holds of its payment (token base units), and how it stands. Bond and deposits are held
    /// until it is closed.
    /// @param delivered Units stated as delivered.
    /// @param operatorSet The operators who rule on it.
    /// @param uncovered The payment is refunded for want of attested capacity, the penalty open.
    /// @param since When it came into its state. @param graceUntil Second and
    /// @param graceBlock block at which a grace period, or once a ruling is posted its window, ends; 0 for none.
    /// @param splitNonce The nonce that a split must be signed for.
    struct Held {
        uint128 payment;
        uint64 delivered;
        uint32 operatorSet;
        State state;
        bool uncovered;
        uint40 since;
        uint40 graceUntil;
        uint40 graceBlock;
        uint32 splitNonce;
    }

    /// @notice What the operators decide: shares to the supplier, of the payment, its bond and both deposits. EIP-712:
    /// `Ruling(bytes32 trade,uint32 number,uint16 paymentShare,uint16 bondShare,uint16 depositShare,uint64 deadline)`.
    /// @param number From 1; above that of the ruling it replaces, by however much. One numbered 2^32 - 1 can never be
    /// replaced.
    /// @param deadline First second at which it can no longer be posted.
    struct Ruling {
        uint32 number;
        uint16 paymentShare;
        uint16 bondShare;
        uint16 depositShare;
        uint64 deadline;
    }

    /// @notice A ruling that is posted, and the first second at which it may be executed; not before the block of
    /// `Held.graceBlock` either, which is `graceBlocks` after the one it was posted in.
    struct Posted {
        uint32 number;
        uint16 paymentShare;
        uint16 bondShare;
        uint16 depositShare;
        uint64 executableAt;
    }

    /// @notice A `Settled` trade's payment is held: all that a later call or a ruling needs. `since` is the time, here and
    /// below.
    event Escrowed(
        bytes32 indexed trade, IResourceTrading.Trade terms, Escrow escrow, uint32 operatorSet, uint40 since
    );
    event Delivered(bytes32 indexed trade, uint64 quantity, uint40 since);
    /// @notice `evidence` is a hash of what the demander will show the operators.
    event Disputed(bytes32 indexed trade, bytes32 evidence, uint40 since);
    /// @notice The payment was refunded for want of attested capacity; penalty and deposits wait for a hearing.
    event Uncovered(bytes32 indexed trade, uint40 since);
    event GraceOpened(bytes32 indexed trade, State state, uint40 until, uint40 untilBlock);
    event SplitsVoided(bytes32 indexed trade, uint32 splitNonce);
    event RulingPosted(
        bytes32 indexed trade,
        uint32 number,
        uint16 paymentShare,
        uint16 bondShare,
        uint16 depositShare,
        uint64 executableAt,
        uint40 untilBlock
    );
    /// @notice Money left the escrow of a trade; `closed` if all of it.
    event Released(bytes32 indexed trade, Cause cause, uint128 toSupplier, uint128 toDemander, bool closed);

    /// @notice A term is out of bounds: `bound` is the least time, or the greatest share or time, that is allowed.
    error BadTerm(bytes32 term, uint256 given, uint256 bound);
    /// @notice The listing is not of this resource and slot of its supplier.
    error WrongPlace(bytes32 listing, bytes32 resource, uint64 slot);
    /// @notice The trade is not in a state that allows this.
    error WrongState(bytes32 trade, State state);
    error NotParty(address account);
    /// @notice What may be done from `from` on came too early.
    error TooEarly(uint256 from, uint256 timestamp);
    error DeadlinePassed(uint256 deadline, uint256 timestamp);
    error DeadlineAhead(uint256 deadline, uint256 timestamp);
    /// @notice The grace period, or the window of a posted ruling, runs until this second and this block.
    error GraceRunning(uint40 until, uint40 untilBlock);
    error BadShare(uint256 share);
    error BadQuantity(uint64 quantity, uint64 most);
    error InsufficientEscrow(bytes32 trade, uint128 held, uint128 amount);
    /// @notice The two parts of a split are not what the trade holds.
    error WrongSplit(bytes32 trade, uint256 held, uint256 given);
    /// @notice A ruling is posted: it is executed or replaced, and nothing expires.
    error RulingStands(bytes32 trade, uint32 number);
    error NoRuling(bytes32 trade);
    /// @notice The number of a ruling is not above that of the one posted, 0 for none.
    error StaleRuling(bytes32 trade, uint32 number, uint32 posted);
    /// @notice An operator who is a party does not rule its own case.
    error PartyRules(address operator);
    /// @notice The attested quantity covers what was sold, or is sealed.
    error Covered(uint64 attested, uint64 committed);

    /// @notice Settles a trade into escrow. Same checks as `settle`, after those of the escrow's terms.
    function settleEscrow(EscrowedTrade calldata trade, bytes[] calldata proofs) external;

    /// @notice Settles into escrow what can be settled; as `settleBatch`.
    function settleEscrowBatch(EscrowedTrade[] calldata trades, bytes[] calldata proofs) external;

    /// @notice Settles all sub-tasks of a product into escrow, or none; as `settleBundle`.
    function settleEscrowBundle(EscrowedTrade[] calldata trades, bytes[] calldata proofs) external;

    /// @notice The supplier states, once, that `quantity` units were delivered.
    function deliver(IResourceTrading.Trade calldata trade, Escrow calldata escrow, uint64 quantity) external;

    /// @notice The demander pays `amount` of the payment held to the supplier: all of it to accept, less for a milestone.
    /// To accept what it disputed costs it its deposit; no more after a ruling is posted.
    function release(IResourceTrading.Trade calldata trade, Escrow calldata escrow, uint128 amount) external;

    /// @notice The supplier gives the payment held back to the demander, and `exitPenalty` of its bond; in a dispute its
    /// deposit as well. No more after a ruling is posted. Of a payment that went back uncovered only the penalty is left.
    function refund(IResourceTrading.Trade calldata trade, Escrow calldata escrow) external;

    /// @notice The demander takes the payment back at once, because fewer units are attested than were sold and nothing is
    /// delivered; a payment of one unit at least. Penalty and deposits wait for a hearing. Gives no capacity back.
    function refundUncovered(IResourceTrading.Trade calldata trade, Escrow calldata escrow) external;

    /// @notice The demander disputes a stated delivery.
    function dispute(IResourceTrading.Trade calldata trade, Escrow calldata escrow, bytes32 evidence) external;

    /// @notice Both agreed how to divide all that is held: payment, bond and deposits. Signed by both, in the compact form:
    /// `Split(bytes32 trade,uint128 toSupplier,uint128 toDemander,uint64 deadline,uint32 nonce)`.
    function split(
        IResourceTrading.Trade calldata trade,
        Escrow calldata escrow,
        uint128 toSupplier,
        uint128 toDemander,
        uint64 deadline,
        IResourceTrading.Signature calldata demander,
        IResourceTrading.Signature calldata supplier,
        bytes[] calldata proofs
    ) external;

    /// @notice A party voids every split signed for the trade so far.
    function voidSplits(IResourceTrading.Trade calldata trade, Escrow calldata escrow) external;

    /// @notice Posts a ruling on a dispute, signed by enough of the trade's operators; it may be executed after
    /// `rulingWindow` and `graceBlocks`, in which one with a higher number may replace it. A replacement has such a window
    /// of its own up to one `rulingWindow` after the time for deciding, and after that shares the one that runs.
    function rule(
        IResourceTrading.Trade calldata trade,
        Escrow calldata escrow,
        Ruling calldata ruling,
        IOperators.OperatorSignature[] calldata signatures
    ) external;

    /// @notice Anyone executes a posted ruling after its window.
    function execute(IResourceTrading.Trade calldata trade, Escrow calldata escrow) external;

    /// @notice Anyone ends a waiting state: first opens the grace period, after it pays as signed.
    function expire(IResourceTrading.Trade calldata trade, Escrow calldata escrow) external;

    function heldOf(bytes32 trade) external view returns (Held memory);
    function rulingOf(bytes32 trade) external view returns (Posted memory);
    /// @notice The EIP-712 digest of a trade with these terms.
    function escrowDigestOf(IResourceTrading.Trade calldata trade, Escrow calldata escrow)
        external
        view
        returns (bytes32);
}
