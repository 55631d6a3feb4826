// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceTrading} from "./IResourceTrading.sol";

/// @title Trades whose payment waits for delivery
/// @notice funded -> delivered -> closed, or delivered -> disputed -> closed. Every waiting state has a deadline that
/// anyone may trigger (`expire`); it pays the share that both parties signed. A job with milestones is several trades,
/// one a milestone; a demander may also release part of one trade early.
/// @dev Money held for a trade goes to its two parties only. Shares are basis points to the supplier, rounded down; the
/// demander gets the rest.
/// @dev Warning to demanders: a supplier may state delivery at any time; watch for `Delivered` and dispute before
/// `acceptBy` if nothing came.
interface IResourceEscrow is IResourceTrading {
    /// @notice Deadlines in seconds of chain time, the first second at which each has passed, and who is paid then.
    /// @param deliverBy Until then the supplier may state delivery; after it `expire` pays `lateShare`.
    /// @param acceptBy Until then the demander may dispute; after it `expire` pays `silenceShare`.
    /// @param decideBy Until then operators may rule on a dispute; after it `expire` pays `undecidedShare`.
    /// @param lateShare Usual: 0. @param silenceShare Usual: 10000. @param undecidedShare As agreed.
    struct Escrow {
        uint64 deliverBy;
        uint64 acceptBy;
        uint64 decideBy;
        uint16 lateShare;
        uint16 silenceShare;
        uint16 undecidedShare;
    }

    enum State {
        None,
        Funded,
        Delivered,
        Disputed,
        Closed
    }

    /// @notice What a trade still holds, in token base units.
    struct Held {
        uint128 amount;
        State state;
    }

    /// @notice A `Settled` trade's payment is held, by these terms.
    event Escrowed(
        bytes32 indexed trade,
        uint64 deliverBy,
        uint64 acceptBy,
        uint64 decideBy,
        uint16 lateShare,
        uint16 silenceShare,
        uint16 undecidedShare
    );
    event Delivered(bytes32 indexed trade);
    /// @notice `evidence` is a hash of what the demander will show the operators.
    event Disputed(bytes32 indexed trade, bytes32 evidence);
    /// @notice Money left the escrow of a trade; closed when nothing is left.
    event Released(bytes32 indexed trade, uint128 toSupplier, uint128 toDemander);

    /// @notice Deadlines must rise from the future, shares be at most 10000.
    error BadEscrow();
    /// @notice The trade is not in a state that allows this.
    error WrongState(bytes32 trade, State state);
    error NotParty(address account);
    error DeadlinePassed(uint64 deadline, uint256 timestamp);
    error DeadlineAhead(uint64 deadline, uint256 timestamp);
    error BadShare(uint16 share);
    error InsufficientEscrow(bytes32 trade, uint128 held, uint128 amount);

    /// @notice Settles a trade into escrow. Same checks as `settle`, after those of the escrow's terms.
    function settleEscrow(SignedTrade calldata signed, Escrow calldata escrow, bytes[] calldata proofs) external;

    /// @notice The supplier states delivery, before `deliverBy`.
    function deliver(Trade calldata trade, Escrow calldata escrow) external;

    /// @notice The demander pays `amount` of what is held to the supplier: all of it to accept, less for a milestone.
    function release(Trade calldata trade, Escrow calldata escrow, uint128 amount) external;

    /// @notice The supplier gives all that is held back to the demander.
    function refund(Trade calldata trade, Escrow calldata escrow) external;

    /// @notice The demander disputes a stated delivery, before `acceptBy`.
    function dispute(Trade calldata trade, Escrow calldata escrow, bytes32 evidence) external;

    /// @notice Both agreed on a split. Signed by both: `Split(bytes32 trade,uint16 supplierShare)`.
    /// @dev Warning: a signed split is an option for whoever holds it, on what is then still held, until the trade is
    /// closed.
    function split(
        Trade calldata trade,
        Escrow calldata escrow,
        uint16 supplierShare,
        Signature calldata demander,
        Signature calldata supplier,
        bytes[] calldata proofs
    ) external;

    /// @notice Operators decide a dispute, before `decideBy`. Signed: `Ruling(bytes32 trade,uint16 supplierShare)`.
    function rule(Trade calldata trade, Escrow calldata escrow, uint16 supplierShare, bytes[] calldata signatures)
        external;

    /// @notice Anyone ends a waiting state whose deadline has passed.
    function expire(Trade calldata trade, Escrow calldata escrow) external;

    function heldOf(bytes32 trade) external view returns (Held memory);
    /// @notice The EIP-712 digest of a trade with these escrow terms.
    function digestOf(Trade calldata trade, Escrow calldata escrow) external view returns (bytes32);
}
