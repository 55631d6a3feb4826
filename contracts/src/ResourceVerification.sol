// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IOperators} from "./interfaces/IOperators.sol";
import {IResourceVerification} from "./interfaces/IResourceVerification.sol";
import {TradeHash} from "./libraries/TradeHash.sol";
import {ListingCell} from "./libraries/Words.sol";
import {State} from "./base/State.sol";

/// @title Attestations by operators, and listings judged against them
/// @notice See IResourceVerification for what each call means.
abstract contract ResourceVerification is IResourceVerification, State {
    using TradeHash for Attestation;
    using TradeHash for SealedAttestation;

    bytes32 private constant OPEN_TYPEHASH =
        keccak256("Open(bytes32 listing,bytes32 commitment,uint64 version,uint64 listingEpoch,uint64 deadline)");

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
    function attest(Attestation calldata attestation, IOperators.OperatorSignature[] calldata signatures) external {
        (address supplier, bytes32 resource) = (attestation.supplier, attestation.resource);
        Calendar memory calendar = _checked(
            supplier,
            resource,
            attestation.unit,
            attestation.origin,
            attestation.slotLength,
            attestation.firstSlot,
            attestation.expiry
        );
        _requireCurrent(attestation.operatorSet, attestation.hash(), signatures);
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
    function attestSealed(SealedAttestation calldata attestation, IOperators.OperatorSignature[] calldata signatures)
        external
    {
        (address supplier, bytes32 resource, uint64 slot) =
            (attestation.supplier, attestation.resource, attestation.slot);
        Calendar memory calendar = _checked(
            supplier, resource, attestation.unit, attestation.origin, attestation.slotLength, slot, attestation.expiry
        );
        _requireCurrent(attestation.operatorSet, attestation.hash(), signatures);
        _inRange(calendar, resource, slot);
        uint64 committed = _store(supplier, resource, slot, 0, attestation.version, attestation.expiry);
        _seals[supplier][resource][slot] = attestation.commitment;
        emit SlotSealed(supplier, resource, slot, attestation.commitment, attestation.version, attestation.expiry);
        if (committed != 0) _takeOff(supplier, resource, slot, _end(calendar, slot), committed);
    }

    /// @inheritdoc IResourceVerification
    function open(Opening calldata opening, uint64 deadline, bytes calldata signature) external {
        (address supplier, bytes32 resource, uint64 slot) = (opening.supplier, opening.resource, opening.slot);
        bool own = _caller() == supplier;
        if (opening.salt == 0) revert Unsalted();
        bytes32 commitment = _seals[supplier][resource][slot];
        uint64 quantity = opening.quantity;
        if (commitment == 0 || commitment != commitmentOf(supplier, resource, slot, quantity, opening.salt)) {
            revert WrongOpening(resource, slot, commitment);
        }
        Slot storage stored = _slots[supplier][resource][slot];
        if (!own) {
            bytes32 id = listingId(supplier, resource, slot);
            _requireOpen(supplier, id, commitment, stored.version, deadline, signature);
        }
        delete _seals[supplier][resource][slot];
        stored.attested = quantity;
        emit SlotAttested(supplier, resource, slot, quantity, stored.version, stored.expiry);
        uint64 committed = stored.committed;
        if (quantity > committed) _list(supplier, Report(resource, slot, quantity - committed));
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
        if (available == quantity) _void(id);
    }

    /// @inheritdoc IResourceVerification
    function raiseListingEpoch(bytes32 resource, uint64 slot) external {
        address supplier = _caller();
        bytes32 id = listingId(supplier, resource, slot);
        ListingCell storage cell = _listings[id];
        cell.word = cell.word.ownedBy(supplier);
        _void(id);
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
        return _listingId(supplier, resource, _inRange(calendar, resource, slot), _end(calendar, slot));
    }

    /// @inheritdoc IResourceVerification
    function commitmentOf(address supplier, bytes32 resource, uint64 slot, uint64 quantity, bytes32 salt)
        public
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(supplier, resource, slot, quantity, salt));
    }

    /// @dev First second after the slot, without overflow for any 65-bit slot number.
    function _end(Calendar memory calendar, uint256 slot) private pure returns (uint256) {
        return calendar.origin + (slot + 1) * calendar.slotLength;
    }

    function _checked(
        address supplier,
        bytes32 resource,
        bytes32 unit,
        uint64 origin,
        uint64 slotLength,
        uint64 slot,
        uint64 expiry
    ) private view returns (Calendar memory calendar) {
        calendar = _calendars[supplier][resource];
        if (calendar.slotLength == 0) revert NotRegistered(supplier, resource);
        if (unit != calendar.unit) revert WrongUnit(resource, unit, calendar.unit);
        if (origin != calendar.origin || slotLength != calendar.slotLength) {
            revert WrongCalendar(resource, origin, slotLength);
        }
        if (expiry <= block.timestamp) revert AttestationExpired(resource, slot, expiry);
    }

    function _requireCurrent(uint32 set, bytes32 structHash, IOperators.OperatorSignature[] calldata signatures)
        private
        view
    {
        uint32 current = _operatorSet();
        if (set != current) revert IOperators.WrongOperatorSet(set, current);
        _requireOperators(set, structHash, signatures);
    }

    /// @dev Requires the supplier's consent to an opening by somebody else.
    function _requireOpen(
        address supplier,
        bytes32 id,
        bytes32 commitment,
        uint64 version,
        uint64 deadline,
        bytes calldata signature
    ) private view {
        if (block.timestamp >= deadline) revert OpeningExpired(deadline, block.timestamp);
        bytes32 structHash =
            keccak256(abi.encode(OPEN_TYPEHASH, id, commitment, version, _listings[id].word.epoch(), deadline));
        _requireSigner(supplier, _hashTypedDataV4(structHash), signature);
    }

    /// @dev Voids what was signed for a listing.
    function _void(bytes32 id) private {
        ListingCell storage cell = _listings[id];
        cell.word = cell.word.voiding();
        emit ListingEpochRaised(id, cell.word.supplier(), cell.word.epoch());
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
        bytes32 id = _listingId(supplier, resource, slot, end);
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
        bytes32 id = _listingId(supplier, resource, slot, end);
        ListingCell storage cell = _listings[id];
        cell.word = cell.word.ownedBy(supplier).plus(quantity);
        emit Listed(id, supplier, resource, slot, quantity, cell.word.available());
    }
}
