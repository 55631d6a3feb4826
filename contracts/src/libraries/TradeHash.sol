// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceEscrow} from "../interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../interfaces/IResourceVerification.sol";

/// @title EIP-712 struct hashes of what is signed off chain
/// @dev tests/golden holds vectors of these hashes made by another implementation. Changing a type is a protocol
/// change. Where a struct has only static members in the signed order, its ABI encoding is its EIP-712 encoding.
library TradeHash {
    bytes32 internal constant TRADE_TYPEHASH = keccak256(
        "Trade(bytes32 listing,address demander,address token,uint64 quantity,uint128 unitPrice,uint64 validUntil,"
        "uint64 nonce,uint64 supplierNonce,uint64 listingEpoch,bytes32 transcript,bytes32 bundle,Escrow escrow)"
        "Escrow(bytes32 resource,uint64 slot,uint64 deliverFrom,uint64 deliverBy,uint64 disputeBy,uint64 decideBy,"
        "uint16 lateShare,uint16 silenceShare,uint16 undecidedShare,uint128 bond,uint16 latePenalty,uint16 exitPenalty)"
    );

    bytes32 internal constant ESCROW_TYPEHASH = keccak256(
        "Escrow(bytes32 resource,uint64 slot,uint64 deliverFrom,uint64 deliverBy,uint64 disputeBy,uint64 decideBy,"
        "uint16 lateShare,uint16 silenceShare,uint16 undecidedShare,uint128 bond,uint16 latePenalty,uint16 exitPenalty)"
    );

    /// @dev hashStruct of the all-zero Escrow, which stands for instant settlement: keccak256(ESCROW_TYPEHASH and twelve
    /// zero words). Written out, because the compiler would work it out again for every trade.
    bytes32 internal constant INSTANT = 0xa2a5cfa51b8908254bc89182c2be098a3c2302291a1a855db0ec604af3af9675;

    bytes32 internal constant ATTESTATION_TYPEHASH = keccak256(
        "Attestation(address supplier,bytes32 resource,bytes32 unit,uint64 origin,uint64 slotLength,uint64 firstSlot,"
        "uint64[] quantities,uint64 version,uint64 expiry,uint32 operatorSet)"
    );

    bytes32 internal constant SEALED_TYPEHASH = keccak256(
        "SealedAttestation(address supplier,bytes32 resource,bytes32 unit,uint64 origin,uint64 slotLength,uint64 slot,"
        "bytes32 commitment,uint64 version,uint64 expiry,uint32 operatorSet)"
    );

    /// @notice hashStruct of a trade with the struct hash of its escrow terms (`INSTANT` for none).
    function hash(IResourceTrading.Trade calldata trade, bytes32 escrow) internal pure returns (bytes32) {
        return keccak256(abi.encode(TRADE_TYPEHASH, trade, escrow));
    }

    /// @notice The EIP-712 digest of a trade: keccak256(0x1901, separator, hash(trade, escrow)).
    /// @dev The 11 words of the trade are copied at once, unchecked: whatever is there was signed, or the signature
    /// fails. Saves 1,000 gas a trade against `hash`, its reference.
    function digest(IResourceTrading.Trade calldata trade, bytes32 escrow, bytes32 separator)
        internal
        pure
        returns (bytes32 result)
    {
        bytes32 typeHash = TRADE_TYPEHASH;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, typeHash)
            calldatacopy(add(free, 32), trade, 352)
            mstore(add(free, 384), escrow)
            let structHash := keccak256(free, 416)
            mstore(free, hex"1901")
            mstore(add(free, 2), separator)
            mstore(add(free, 34), structHash)
            result := keccak256(free, 66)
        }
    }

    /// @notice hashStruct of a trade as a part of a product: with `bundle` zero.
    function hashInBundle(IResourceTrading.Trade calldata trade, bytes32 escrow) internal pure returns (bytes32) {
        IResourceTrading.Trade memory part = trade;
        part.bundle = 0;
        return keccak256(abi.encode(TRADE_TYPEHASH, part, escrow));
    }

    /// @notice hashStruct of escrow terms.
    function hash(IResourceEscrow.Escrow calldata escrow) internal pure returns (bytes32) {
        return keccak256(abi.encode(ESCROW_TYPEHASH, escrow));
    }

    /// @notice hashStruct of a sealed attestation.
    function hash(IResourceVerification.SealedAttestation calldata attestation) internal pure returns (bytes32) {
        return keccak256(abi.encode(SEALED_TYPEHASH, attestation));
    }

    /// @notice hashStruct of an attestation.
    /// @dev `encodePacked` pads the elements of an array to 32 bytes each, as EIP-712 asks.
    function hash(IResourceVerification.Attestation calldata attestation) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                ATTESTATION_TYPEHASH,
                attestation.supplier,
                attestation.resource,
                attestation.unit,
                attestation.origin,
                attestation.slotLength,
                attestation.firstSlot,
                keccak256(abi.encodePacked(attestation.quantities)),
                attestation.version,
                attestation.expiry,
                attestation.operatorSet
            )
        );
    }
}
