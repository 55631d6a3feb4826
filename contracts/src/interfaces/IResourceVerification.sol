// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IOperators} from "./IOperators.sol";

/// @title The verification contract: nobody lists more than the operators attested
/// @notice A resource is a named kind of capacity of one supplier ("m1", "mill-5-axis"), counted in integer units per
/// calendar slot. Slot k of a resource covers the seconds [origin + k * slotLength, origin + (k + 1) * slotLength).
/// k of n operators attest quantities once, at first upload; later listings are judged from the stored attestation.
/// @dev An attestation covers its slots until they end: its expiry limits listing, not selling. Lowering it is what stops
/// sales.
/// @dev Invariant: no call raises `committed` (listed, reserved and delivered) of a slot above its attested quantity,
/// and nothing is for sale of a slot whose committed quantity is above the attested one.
interface IResourceVerification {
    /// @notice What one supplier claims to have free in one slot.
    struct Report {
        bytes32 resource;
        uint64 slot;
        uint64 quantity;
    }

    /// @notice What the operators counted: `quantities[i]` units in slot `firstSlot + i`.
    /// @dev EIP-712 signed by at least `threshold()` distinct operators of the current set, which `operatorSet` names.
    /// Bound to the unit and calendar that the operators saw. `version` must exceed the version stored for every slot it
    /// covers, 0 at first; above 2^64 - 1 there is none, so keep it small. `expiry` is the first second at which it no longer allows a new listing.
    struct Attestation {
        address supplier;
        bytes32 resource;
        bytes32 unit;
        uint64 origin;
        uint64 slotLength;
        uint64 firstSlot;
        uint64[] quantities;
        uint64 version;
        uint64 expiry;
        uint32 operatorSet;
    }

    /// @notice The same for one slot, the quantity hidden: `commitment` is `commitmentOf` of the attested quantity and
    /// a random salt. Signed like an attestation.
    struct SealedAttestation {
        address supplier;
        bytes32 resource;
        bytes32 unit;
        uint64 origin;
        uint64 slotLength;
        uint64 slot;
        bytes32 commitment;
        uint64 version;
        uint64 expiry;
        uint32 operatorSet;
    }

    /// @notice What a seal hides.
    struct Opening {
        address supplier;
        bytes32 resource;
        uint64 slot;
        uint64 quantity;
        bytes32 salt;
    }

    /// @notice The stored state of one slot. `committed` exceeds `attested` only by units sold before that was lowered.
    struct Slot {
        uint64 attested;
        uint64 committed;
        uint64 version;
        uint64 expiry;
    }

    /// @notice What can still be bought. Trades must be signed for the current `epoch`.
    struct Listing {
        address supplier;
        uint64 available;
        uint32 epoch;
    }

    event ResourceRegistered(
        address indexed supplier, bytes32 indexed resource, bytes32 unit, uint64 origin, uint64 slotLength
    );
    event SlotAttested(
        address indexed supplier, bytes32 indexed resource, uint64 slot, uint64 quantity, uint64 version, uint64 expiry
    );
    event SlotSealed(
        address indexed supplier,
        bytes32 indexed resource,
        uint64 slot,
        bytes32 commitment,
        uint64 version,
        uint64 expiry
    );
    /// @notice `quantity` units were added to a listing, which now has `available` units.
    event Listed(
        bytes32 indexed listing,
        address indexed supplier,
        bytes32 indexed resource,
        uint64 slot,
        uint64 quantity,
        uint64 available
    );
    /// @notice `quantity` units were taken off a listing, which now has `available` units.
    event Unlisted(
        bytes32 indexed listing,
        address indexed supplier,
        bytes32 indexed resource,
        uint64 slot,
        uint64 quantity,
        uint64 available
    );
    event ListingEpochRaised(bytes32 indexed listing, address indexed supplier, uint32 epoch);
    /// @notice `quantity` sold units of a slot are no longer committed: their trade ended undelivered.
    event CommitmentReduced(address indexed supplier, bytes32 indexed resource, uint64 slot, uint64 quantity);

    error AlreadyRegistered(address supplier, bytes32 resource);
    error NotRegistered(address supplier, bytes32 resource);
    /// @notice The slot length is zero, or the first slot would end past 40 bits of seconds.
    error BadSlotLength(uint64 slotLength);
    /// @notice The unit attested is not the unit registered.
    error WrongUnit(bytes32 resource, bytes32 attested, bytes32 registered);
    /// @notice The calendar attested is not the one registered.
    error WrongCalendar(bytes32 resource, uint64 origin, uint64 slotLength);
    error StaleVersion(bytes32 resource, uint64 slot, uint64 version, uint64 stored);
    /// @notice The slot would end past 40 bits of seconds.
    error SlotOutOfRange(bytes32 resource, uint256 slot);
    error AttestationExpired(bytes32 resource, uint64 slot, uint64 expiry);
    /// @notice No operator ever attested this slot (`attested` is 0): a false type.
    error NotAttested(bytes32 resource, uint64 slot, uint64 reported, uint64 attested);
    /// @notice `reported` on top of what is already committed exceeds the attested quantity: an exaggerated number.
    error OverReported(bytes32 resource, uint64 slot, uint64 reported, uint64 attested, uint64 committed);
    error ZeroQuantity();
    /// @notice The slot has ended: its capacity is gone.
    error SlotEnded(bytes32 resource, uint64 slot, uint64 slotEnd);
    /// @notice The quantity and salt are not those committed to, or nothing is.
    error WrongOpening(bytes32 resource, uint64 slot, bytes32 commitment);
    /// @notice A commitment without a salt falls to guessing; operators must not sign one.
    error Unsalted();
    error UnknownListing(bytes32 listing);
    error InsufficientListing(bytes32 listing, uint64 available, uint64 quantity);
    /// @notice The supplier's consent to an opening has ended.
    error OpeningExpired(uint64 deadline, uint256 timestamp);

    /// @notice Fixes the calendar and unit of the caller's resource for ever, so slots can never overlap.
    function registerResource(bytes32 resource, bytes32 unit, uint64 origin, uint64 slotLength) external;

    /// @notice Stores an attestation. Anyone may submit it; the signatures decide. Slot by slot it is refused for one that
    /// ends too late, then for one that has such a version or a newer one.
    /// @dev May lower a quantity below what is committed: what is sold stays sold, what is listed above the new quantity
    /// is taken off the market (`Unlisted`), and nothing more is listed until the sum fits again.
    function attest(Attestation calldata attestation, IOperators.OperatorSignature[] calldata signatures) external;

    /// @notice Stores a sealed attestation. Nothing of the slot is for sale until it is opened: what was listed under
    /// an older attestation is taken off the market (`Unlisted`).
    function attestSealed(SealedAttestation calldata attestation, IOperators.OperatorSignature[] calldata signatures)
        external;

    /// @notice Opens a sealed attestation and lists all that is attested and not yet committed. The supplier calls it, or
    /// anyone with the supplier's signature over
    /// `Open(bytes32 listing,bytes32 commitment,uint64 version,uint64 listingEpoch,uint64 deadline)`, with the version of the
    /// seal; the listing's epoch voids it.
    /// @dev Warning: from here on the quantity is public.
    /// @param deadline First second at which the signature is void; without meaning, as the signature, to the supplier.
    /// @param signature 65 bytes r, s, v of the supplier's key (v 27 or 28, low s; the 64 bytes of ERC-2098 are refused); or,
    /// if the supplier is a contract, what that accepts for the digest (ERC-1271).
    function open(Opening calldata opening, uint64 deadline, bytes calldata signature) external;

    /// @notice Lists the caller's capacity, all reports or none.
    function list(Report[] calldata reports) external;

    /// @notice Takes unsold units of the caller's listing off the market; they may be listed again. Where none are left
    /// the listing is withdrawn: its epoch rises, and with it everything signed for it is void.
    function unlist(bytes32 resource, uint64 slot, uint64 quantity) external;

    /// @notice Voids everything unsettled that was signed for the caller's listing of a slot, be it listed yet or not.
    function raiseListingEpoch(bytes32 resource, uint64 slot) external;

    function slotOf(address supplier, bytes32 resource, uint64 slot) external view returns (Slot memory);
    function listingOf(bytes32 listing) external view returns (Listing memory);
    /// @notice The commitment stored for a slot, 0 for none.
    function sealOf(address supplier, bytes32 resource, uint64 slot) external view returns (bytes32);

    /// @notice The id of a listing: keccak256(abi.encode(supplier, resource, slot)) with the end of the slot in its
    /// last 40 bits, so that whoever holds a trade can tell, without another look, when its slot ends.
    /// @dev Reverts with NotRegistered if the resource is not registered, SlotOutOfRange if the slot ends too late.
    function listingId(address supplier, bytes32 resource, uint64 slot) external view returns (bytes32);

    /// @notice keccak256(abi.encode(supplier, resource, slot, quantity, salt)): good for one slot of one supplier only.
    function commitmentOf(address supplier, bytes32 resource, uint64 slot, uint64 quantity, bytes32 salt)
        external
        pure
        returns (bytes32);
}
