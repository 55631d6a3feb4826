// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IResourceVerification} from "./interfaces/IResourceVerification.sol";
import {TradeHash} from "./libraries/TradeHash.sol";

/// @title Attestations by operators, and listings judged against them
/// @notice See IResourceVerification for what each call means.
abstract contract ResourceVerification is IResourceVerification, EIP712 {
    using TradeHash for Attestation;

    /// @dev Registered exactly if `slotLength` is above zero.
    struct Calendar {
        bytes32 unit;
        uint64 origin;
        uint64 slotLength;
    }

    /// @dev `Listing` in the order that packs into three words.
    struct StoredListing {
        address supplier;
        uint64 available;
        uint64 slot;
        uint64 slotEnd;
        bytes32 resource;
    }

    uint256 public immutable override threshold;
    address[] private _operators;
    mapping(address account => bool) private _isOperator;
    mapping(address supplier => mapping(bytes32 resource => Calendar)) private _calendars;
    mapping(address supplier => mapping(bytes32 resource => mapping(uint64 slot => Slot))) private _slots;
    mapping(bytes32 listing => StoredListing) private _listings;

    constructor(address[] memory operators_, uint256 threshold_) {
        uint256 count = operators_.length;
        if (threshold_ == 0 || threshold_ > count) revert BadThreshold(threshold_, count);
        for (uint256 i = 0; i < count; ++i) {
            address operator = operators_[i];
            if (operator == address(0) || _isOperator[operator]) revert BadOperator(operator);
            _isOperator[operator] = true;
        }
        _operators = operators_;
        threshold = threshold_;
        emit OperatorsSet(operators_, threshold_);
    }

    /// @inheritdoc IResourceVerification
    function registerResource(bytes32 resource, bytes32 unit, uint64 origin, uint64 slotLength) external {
        if (slotLength == 0 || slotLength > type(uint64).max - origin) revert BadSlotLength(slotLength);
        Calendar storage calendar = _calendars[msg.sender][resource];
        if (calendar.slotLength != 0) revert AlreadyRegistered(msg.sender, resource);
        calendar.unit = unit;
        calendar.origin = origin;
        calendar.slotLength = slotLength;
        emit ResourceRegistered(msg.sender, resource, unit, origin, slotLength);
    }

    /// @inheritdoc IResourceVerification
    function attest(Attestation calldata attestation, bytes[] calldata signatures) external {
        address supplier = attestation.supplier;
        bytes32 resource = attestation.resource;
        Calendar memory calendar = _calendars[supplier][resource];
        if (calendar.slotLength == 0) revert NotRegistered(supplier, resource);
        if (attestation.unit != calendar.unit) revert WrongUnit(resource, attestation.unit, calendar.unit);
        if (attestation.expiry <= block.timestamp) {
            revert AttestationExpired(resource, attestation.firstSlot, attestation.expiry);
        }
        _requireOperators(_hashTypedDataV4(attestation.hash()), signatures);

        uint256 count = attestation.quantities.length;
        for (uint256 i = 0; i < count; ++i) {
            uint256 slot = uint256(attestation.firstSlot) + i;
            if (_slotEnd(calendar, slot) > type(uint64).max) revert SlotOutOfRange(resource, slot);
            // casting to 'uint64' is safe because the slot's end, which is greater, fits
            // forge-lint: disable-next-line(unsafe-typecast)
            _storeAttested(attestation, uint64(slot), attestation.quantities[i]);
        }
    }

    /// @inheritdoc IResourceVerification
    function list(Report[] calldata reports) external {
        for (uint256 i = 0; i < reports.length; ++i) {
            _list(reports[i]);
        }
    }

    /// @inheritdoc IResourceVerification
    function operators() external view returns (address[] memory) {
        return _operators;
    }

    /// @inheritdoc IResourceVerification
    function slotOf(address supplier, bytes32 resource, uint64 slot) external view returns (Slot memory) {
        return _slots[supplier][resource][slot];
    }

    /// @inheritdoc IResourceVerification
    function listingOf(bytes32 listing) external view returns (Listing memory) {
        StoredListing storage stored = _listings[listing];
        return Listing({
            supplier: stored.supplier,
            available: stored.available,
            slotEnd: stored.slotEnd,
            resource: stored.resource,
            slot: stored.slot
        });
    }

    /// @inheritdoc IResourceVerification
    function listingId(address supplier, bytes32 resource, uint64 slot) public pure returns (bytes32) {
        return keccak256(abi.encode(supplier, resource, slot));
    }

    /// @dev The listing to settle against; its supplier is zero if nothing was ever listed under this id.
    function _listing(bytes32 id) internal view returns (StoredListing storage) {
        return _listings[id];
    }

    /// @dev The signer of `digest`, or zero if the signature is malformed (wrong length or v, high s).
    function _signerOf(bytes32 digest, bytes calldata signature) internal pure returns (address signer) {
        (signer,,) = ECDSA.tryRecoverCalldata(digest, signature);
    }

    function _requireOperators(bytes32 digest, bytes[] calldata signatures) private view {
        if (signatures.length < threshold) revert TooFewSignatures(signatures.length, threshold);
        address previous = address(0);
        for (uint256 i = 0; i < signatures.length; ++i) {
            address signer = _signerOf(digest, signatures[i]);
            if (signer <= previous || !_isOperator[signer]) revert BadOperatorSignature(i, signer);
            previous = signer;
        }
    }

    function _storeAttested(Attestation calldata attestation, uint64 slot, uint64 quantity) private {
        (address supplier, bytes32 resource) = (attestation.supplier, attestation.resource);
        Slot storage stored = _slots[supplier][resource][slot];
        if (attestation.version <= stored.version) {
            revert StaleVersion(resource, slot, attestation.version, stored.version);
        }
        stored.attested = quantity;
        stored.version = attestation.version;
        stored.expiry = attestation.expiry;
        emit SlotAttested(supplier, resource, slot, quantity, attestation.version, attestation.expiry);
    }

    function _list(Report calldata report) private {
        (bytes32 resource, uint64 slot, uint64 quantity) = (report.resource, report.slot, report.quantity);
        if (quantity == 0) revert ZeroQuantity();
        Slot storage stored = _slots[msg.sender][resource][slot];
        (uint64 attested, uint64 committed) = (stored.attested, stored.committed);
        if (stored.version == 0) revert NotAttested(resource, slot, quantity, attested);
        if (stored.expiry <= block.timestamp) revert AttestationExpired(resource, slot, stored.expiry);
        // casting to 'uint64' is safe because attest stored this slot only after checking that its end fits
        // forge-lint: disable-next-line(unsafe-typecast)
        uint64 slotEnd = uint64(_slotEnd(_calendars[msg.sender][resource], slot));
        if (slotEnd <= block.timestamp) revert SlotEnded(resource, slot, slotEnd);
        if (uint256(committed) + quantity > attested) {
            revert OverReported(resource, slot, quantity, attested, committed);
        }
        stored.committed = committed + quantity;
        _addToListing(resource, slot, slotEnd, quantity);
    }

    function _addToListing(bytes32 resource, uint64 slot, uint64 slotEnd, uint64 quantity) private {
        bytes32 id = listingId(msg.sender, resource, slot);
        StoredListing storage listing = _listings[id];
        if (listing.supplier == address(0)) {
            listing.supplier = msg.sender;
            listing.slot = slot;
            listing.slotEnd = slotEnd;
            listing.resource = resource;
        }
        uint64 available = listing.available + quantity;
        listing.available = available;
        emit Listed(id, msg.sender, resource, slot, quantity, available);
    }

    /// @dev First second after the slot, without overflow for any 65-bit slot number.
    function _slotEnd(Calendar memory calendar, uint256 slot) private pure returns (uint256) {
        return uint256(calendar.origin) + (slot + 1) * calendar.slotLength;
    }
}
