// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceTrading} from "../interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../interfaces/IResourceVerification.sol";

/// @title EIP-712 struct hashes of what is signed off chain
/// @dev tests/golden holds vectors of these hashes made by another implementation. Changing a type is a protocol
/// change.
library TradeHash {
    bytes32 internal constant TRADE_TYPEHASH = keccak256(
        "Trade(bytes32 listing,address demander,address token,uint64 quantity,uint128 unitPrice,uint64 validUntil,"
        "uint256 nonce,uint64 demanderEpoch,uint64 listingEpoch,bytes32 transcript,bytes32 bundle,Escrow escrow)"
        "Escrow(uint64 deliverBy,uint64 acceptBy,uint64 decideBy,uint16 lateShare,uint16 silenceShare,"
        "uint16 undecidedShare)"
    );

    bytes32 internal constant ESCROW_TYPEHASH = keccak256(
        "Escrow(uint64 deliverBy,uint64 acceptBy,uint64 decideBy,uint16 lateShare,uint16 silenceShare,"
        "uint16 undecidedShare)"
    );

    /// @dev hashStruct of the all-zero Escrow, which stands for instant settlement.
    bytes32 internal constant INSTANT = keccak256(abi.encode(ESCROW_TYPEHASH, 0, 0, 0, 0, 0, 0));

    bytes32 internal constant ATTESTATION_TYPEHASH = keccak256(
        "Attestation(address supplier,bytes32 resource,bytes32 unit,uint64 firstSlot,uint64[] quantities,"
        "uint64 version,uint64 expiry)"
    );

    /// @notice hashStruct of a trade that settles instantly.
    /// @dev `Trade` has only static members in the signed order, so its ABI encoding is its EIP-712 encoding.
    function hash(IResourceTrading.Trade calldata trade) internal pure returns (bytes32) {
        return keccak256(abi.encode(TRADE_TYPEHASH, trade, INSTANT));
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
                attestation.firstSlot,
                keccak256(abi.encodePacked(attestation.quantities)),
                attestation.version,
                attestation.expiry
            )
        );
    }
}
