// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceVerification} from "./interfaces/IResourceVerification.sol";
import {TradeHash} from "./libraries/TradeHash.sol";
import {ListingCell} from "./libraries/Words.sol";
import {Accounts} from "./Accounts.sol";

/// @title Attestations by operators, and listings judged against them
/// @notice See IResourceVerification for what each call means.
abstract contract ResourceVerification is IResourceVerification, Accounts {
    using TradeHash for Attestation;
    using TradeHash for SealedAttestation;

    /// @dev Registered exactly if `slotLength` is above zero.
    struct Calendar {
        bytes32 unit;
        uint64 origin;
        uint64 slotLength;
    }

    /// @dev Slots end within 40 bits of seconds, which is the year 36812.
    uint256 private constant TIME_BITS = 40;

    mapping(address supplier => mapping(bytes32 resource => Calendar)) private _calendars;
    mapping(address supplier => mapping(bytes32 resource => mapping(uint64 slot => Slot))) private _slots;
    mapping(address supplier => mapping(bytes32 resource => mapping(uint64 slot => bytes32))) private _seals;
    mapping(bytes32 listing => ListingCell) internal _listings;

    /// @inheritdoc IResourceVerification
    function registerResource(bytes32 resource, bytes32 unit, uint64 origin, uint64 slotLength) external {
        address supplier = _caller();
        if (slotLength == 0 || uint256(origin) + slotLength >> TIME_BITS != 0) revert BadSlotLength(slotLength);
        Calendar storage calendar = _calendars[supplier][resource];
        if (calendar.slotLength != 0) revert AlreadyRegistered(supplier, resource);
        calendar.unit = unit;
        calendar.origin = origin;
        calendar.slotLength = slotLength;
        emit ResourceRegistered(supplier, resource, unit, origin, slotLength);
    }

    /// @inheritdoc IResourceVerification
    function attest(Attestation calldata attestation, bytes[] calldata signatures) external {
        (address supplier, bytes32 resource) = (attestation.supplier, attestation.resource);
        Calendar memory calendar =
            _checked(supplier, resource, attestation.unit, attestation.firstSlot, attestation.expiry);
        _requireOperators(attestation.hash(), signatures);
        uint256 count = attestation.quantities.length;
        for (uint256 i = 0; i < count; ++i) {
            uint64 slot = _inRange(calendar, resource, uint256(attestation.firstSlot) + i);
            uint64 quantity = attestation.quantities[i];
            uint64 committed = _store(supplier, resource, slot, quantity, attestation.version, attestation.expiry);
            emit SlotAttested(supplier, resource, slot, quantity, attestation.version, attestation.expiry);
            if (committed > quantity) _takeOff(supplier, resource, slot, _end(calendar, slot), committed - quantity);
        }
    }

    /// @inheritdoc IResourceVerification
    function attestSealed(SealedAttestation calldata attestation, bytes[] calldata signatures) external {
        (address supplier, bytes32 resource, uint64 slot) =
            (attestation.supplier, attestation.resource, attestation.slot);
        Calendar memory calendar = _checked(supplier, resource, attestation.unit, slot, attestation.expiry);
        _requireOperators(attestation.hash(), signatures);
        _inRange(calendar, resource, slot);
        uint64 committed = _store(supplier, resource, slot, 0, attestation.version, attestation.expiry);
        _seals[supplier][resource][slot] = attestation.commitment;
        emit SlotSealed(supplier, resource, slot, attestation.commitment, attestation.version, attestation.expiry);
        if (committed != 0) _takeOff(supplier, resource, slot, _end(calendar, slot), committed);
    }

    /// @inheritdoc IResourceVerification
    function open(address supplier, bytes32 resource, uint64 slot, uint64 quantity, bytes32 salt) external {
        if (salt == 0) revert Unsalted();
        bytes32 commitment = _seals[supplier][resource][slot];
        if (commitment == 0 || commitment != commitmentOf(supplier, resource, slot, quantity, salt)) {
            revert WrongOpening(resource, slot, commitment);
        }
        delete _seals[supplier][resource][slot];
        Slot storage stored = _slots[supplier][resource][slot];
        stored.attested = quantity;
        emit SlotAttested(supplier, resource, slot, quantity, stored.version, stored.expiry);
        uint64 committed = stored.committed;
        _list(supplier, Report(resource, slot, quantity > committed ? quantity - committed : 0));
    }

    /// @inheritdoc IResourceVerification
    function list(Report[] calldata reports) external {
        address supplier = _caller();
        for (uint256 i = 0; i < reports.length; ++i) {
            _list(supplier, reports[i]);
        }
    }

    /// @inheritdoc IResourceVerification
    function unlist(bytes32 resource, uint64 slot, uint64 quantity) external {
        address supplier = _caller();
        if (quantity == 0) revert ZeroQuantity();
        bytes32 id = listingId(supplier, resource, slot);
        uint64 available = _listings[id].word.available();
        if (available < quantity) revert InsufficientListing(id, available, quantity);
        _unlist(id, supplier, resource, slot, quantity);
    }

    /// @inheritdoc IResourceVerification
    function raiseListingEpoch(bytes32 id) external {
        ListingCell storage cell = _listings[id];
        if (cell.word.supplier() != _caller()) revert UnknownListing(id);
        cell.word = cell.word.nextEpoch();
        emit ListingEpochRaised(id, cell.word.epoch());
    }

    /// @inheritdoc IResourceVerification
    function slotOf(address supplier, bytes32 resource, uint64 slot) external view returns (Slot memory) {
        return _slots[supplier][resource][slot];
    }

    /// @inheritdoc IResourceVerification
    function listingOf(bytes32 listing) external view returns (Listing memory) {
        return _listings[listing].word.unpack();
    }

    /// @inheritdoc IResourceVerification
    function sealOf(address supplier, bytes32 resource, uint64 slot) external view returns (bytes32) {
        return _seals[supplier][resource][slot];
    }

    /// @inheritdoc IResourceVerification
    function listingId(address supplier, bytes32 resource, uint64 slot) public view returns (bytes32) {
        Calendar memory calendar = _calendars[supplier][resource];
        if (calendar.slotLength == 0) revert NotRegistered(supplier, resource);
        return _id(supplier, resource, _inRange(calendar, resource, slot), _end(calendar, slot));
    }

    /// @inheritdoc IResourceVerification
    function commitmentOf(address supplier, bytes32 resource, uint64 slot, uint64 quantity, bytes32 salt)
        public
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(supplier, resource, slot, quantity, salt));
    }

    /// @dev The end of the slot of a listing, from its id alone.
    function _slotEnd(bytes32 listing) internal pure returns (uint64) {
        return uint64(uint256(listing) & (1 << TIME_BITS) - 1);
    }

    function _id(address supplier, bytes32 resource, uint64 slot, uint256 end) private pure returns (bytes32) {
        uint256 hash = uint256(keccak256(abi.encode(supplier, resource, slot)));
        return bytes32(hash >> TIME_BITS << TIME_BITS | end);
    }

    /// @dev First second after the slot, without overflow for any 65-bit slot number.
    function _end(Calendar memory calendar, uint256 slot) private pure returns (uint256) {
        return calendar.origin + (slot + 1) * calendar.slotLength;
    }

    function _checked(address supplier, bytes32 resource, bytes32 unit, uint64 slot, uint64 expiry)
        private
        view
        returns (Calendar memory calendar)
    {
        calendar = _calendars[supplier][resource];
        if (calendar.slotLength == 0) revert NotRegistered(supplier, resource);
        if (unit != calendar.unit) revert WrongUnit(resource, unit, calendar.unit);
        if (expiry <= block.timestamp) revert AttestationExpired(resource, slot, expiry);
    }

    function _inRange(Calendar memory calendar, bytes32 resource, uint256 slot) private pure returns (uint64) {
        if (_end(calendar, slot) >> TIME_BITS != 0) revert SlotOutOfRange(resource, slot);
        // casting to 'uint64' is safe because the slot's end, which is greater, fits 40 bits
        // forge-lint: disable-next-line(unsafe-typecast)
        return uint64(slot);
    }

    /// @return committed What of the slot is listed, reserved or delivered, as it was before.
    function _store(address supplier, bytes32 resource, uint64 slot, uint64 quantity, uint64 version, uint64 expiry)
        private
        returns (uint64 committed)
    {
        Slot storage stored = _slots[supplier][resource][slot];
        if (version <= stored.version) revert StaleVersion(resource, slot, version, stored.version);
        committed = stored.committed;
        stored.attested = quantity;
        stored.version = version;
        stored.expiry = expiry;
        if (_seals[supplier][resource][slot] != 0) delete _seals[supplier][resource][slot];
    }

    /// @dev Takes what is no longer attested off the market, as far as it is unsold.
    function _takeOff(address supplier, bytes32 resource, uint64 slot, uint256 end, uint64 excess) private {
        bytes32 id = _id(supplier, resource, slot, end);
        uint64 available = _listings[id].word.available();
        if (excess > available) excess = available;
        if (excess != 0) _unlist(id, supplier, resource, slot, excess);
    }

    /// @dev The quantity must be at most what is available.
    function _unlist(bytes32 id, address supplier, bytes32 resource, uint64 slot, uint64 quantity) private {
        ListingCell storage cell = _listings[id];
        cell.word = cell.word.minus(quantity);
        _slots[supplier][resource][slot].committed -= quantity;
        emit Unlisted(id, supplier, resource, slot, quantity, cell.word.available());
    }

    function _list(address supplier, Report memory report) private {
        (bytes32 resource, uint64 slot, uint64 quantity) = (report.resource, report.slot, report.quantity);
        if (quantity == 0) revert ZeroQuantity();
        Slot storage stored = _slots[supplier][resource][slot];
        (uint64 attested, uint64 committed) = (stored.attested, stored.committed);
        if (stored.version == 0) revert NotAttested(resource, slot, quantity, attested);
        if (stored.expiry <= block.timestamp) revert AttestationExpired(resource, slot, stored.expiry);
        // casting to 'uint64' is safe because attest stored this slot only after checking that its end fits
        // forge-lint: disable-next-line(unsafe-typecast)
        uint64 end = uint64(_end(_calendars[supplier][resource], slot));
        if (end <= block.timestamp) revert SlotEnded(resource, slot, end);
        if (uint256(committed) + quantity > attested) {
            revert OverReported(resource, slot, quantity, attested, committed);
        }
        stored.committed = committed + quantity;
        bytes32 id = _id(supplier, resource, slot, end);
        ListingCell storage cell = _listings[id];
        cell.word = cell.word.ownedBy(supplier).plus(quantity);
        emit Listed(id, supplier, resource, slot, quantity, cell.word.available());
    }
}
