// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title The verification contract: nobody lists more than the operators attested
/// @notice A resource is a named kind of capacity of one supplier ("m1", "mill-5-axis"), counted in integer units per
/// calendar slot. Slot k of a resource covers the seconds [origin + k * slotLength, origin + (k + 1) * slotLength).
/// k of n operators attest quantities once, at first upload; later listings are judged from the stored attestation.
/// @dev Invariant: no call raises `committed` (listed and delivered) of a slot above its attested quantity.
interface IResourceVerification {
    /// @notice What one supplier claims to have free in one slot.
    struct Report {
        bytes32 resource;
        uint64 slot;
        uint64 quantity;
    }

    /// @notice What the operators counted: `quantities[i]` units in slot `firstSlot + i`.
    /// @dev EIP-712 signed by at least `threshold()` distinct operators. `version` must exceed the version stored for
    /// every slot it covers. `expiry` is the first second at which it no longer allows a new listing.
    struct Attestation {
        address supplier;
        bytes32 resource;
        bytes32 unit;
        uint64 firstSlot;
        uint64[] quantities;
        uint64 version;
        uint64 expiry;
    }

    /// @notice The stored state of one slot. `committed` never exceeds what was attested when it was raised.
    struct Slot {
        uint64 attested;
        uint64 committed;
        uint64 version;
        uint64 expiry;
    }

    /// @notice What can still be bought. `slotEnd` is the first second after the slot.
    struct Listing {
        address supplier;
        uint64 available;
        uint64 slotEnd;
        bytes32 resource;
        uint64 slot;
    }

    event OperatorsSet(address[] operators, uint256 threshold);
    event ResourceRegistered(
        address indexed supplier, bytes32 indexed resource, bytes32 unit, uint64 origin, uint64 slotLength
    );
    event SlotAttested(
        address indexed supplier, bytes32 indexed resource, uint64 slot, uint64 quantity, uint64 version, uint64 expiry
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

    /// @notice The threshold is zero or above the number of operators.
    error BadThreshold(uint256 threshold, uint256 operators);
    /// @notice An operator is the zero address or named twice.
    error BadOperator(address operator);
    error AlreadyRegistered(address supplier, bytes32 resource);
    error NotRegistered(address supplier, bytes32 resource);
    error BadSlotLength(uint64 slotLength);
    /// @notice The slot ends after the last second that 64 bits can hold.
    error SlotOutOfRange(bytes32 resource, uint256 slot);
    /// @notice The unit attested is not the unit registered.
    error WrongUnit(bytes32 resource, bytes32 attested, bytes32 registered);
    error StaleVersion(bytes32 resource, uint64 slot, uint64 version, uint64 stored);
    error AttestationExpired(bytes32 resource, uint64 slot, uint64 expiry);
    /// @notice Fewer than `threshold` signatures were given.
    error TooFewSignatures(uint256 given, uint256 threshold);
    /// @notice A signature recovers to no current operator, or signatures are not in ascending order of signer
    /// (ascending order makes every signer distinct).
    error BadOperatorSignature(uint256 index, address recovered);
    /// @notice No operator ever attested this slot (`attested` is 0): a false type.
    error NotAttested(bytes32 resource, uint64 slot, uint64 reported, uint64 attested);
    /// @notice `reported` on top of what is already committed exceeds the attested quantity: an exaggerated number.
    error OverReported(bytes32 resource, uint64 slot, uint64 reported, uint64 attested, uint64 committed);
    error ZeroQuantity();
    /// @notice The slot has ended: its capacity is gone.
    error SlotEnded(bytes32 resource, uint64 slot, uint64 slotEnd);

    /// @notice Fixes the calendar and unit of the caller's resource for ever, so slots can never overlap.
    /// @param unit What one unit is, e.g. "hour".
    /// @param origin First second of slot 0, Unix time.
    /// @param slotLength Seconds; above zero, and slot 0 must end within 64 bits (BadSlotLength).
    function registerResource(bytes32 resource, bytes32 unit, uint64 origin, uint64 slotLength) external;

    /// @notice Stores an attestation. Anyone may submit it; the signatures decide.
    /// @param signatures 65-byte signatures (r, s, v; low s) of distinct operators, ascending by signer address.
    /// Every one given is checked, those beyond the threshold too.
    /// @dev Checks, in this order: registered, unit, expiry (names `firstSlot`), number of signatures, each signature,
    /// then slot by slot: range, version.
    /// @dev May lower a quantity below what is committed: agreed capacity stays, new listings stop until it fits.
    function attest(Attestation calldata attestation, bytes[] calldata signatures) external;

    /// @notice Lists the caller's capacity, all reports or none.
    /// @dev Checks each report in this order: quantity, attested at all, expiry, slot, quantity against attested.
    /// A slot given twice adds up.
    function list(Report[] calldata reports) external;

    /// @notice The accounts that may attest; fixed at deployment.
    function operators() external view returns (address[] memory);
    /// @notice How many operators must sign an attestation.
    function threshold() external view returns (uint256);
    /// @notice The stored state of a slot; all zero if it was never attested.
    function slotOf(address supplier, bytes32 resource, uint64 slot) external view returns (Slot memory);
    /// @notice The state of a listing; all zero if it does not exist.
    function listingOf(bytes32 listing) external view returns (Listing memory);
    /// @notice keccak256(abi.encode(supplier, resource, slot)).
    function listingId(address supplier, bytes32 resource, uint64 slot) external pure returns (bytes32);
}
