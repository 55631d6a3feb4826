// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title The trading contract: payment, quantity and record change in one step or not at all
/// @notice A trade signed by both parties may be submitted by anyone. It moves `quantity * unitPrice` from the
/// demander's balance to the supplier's (instant) or into escrow, takes `quantity` from the listing and emits the
/// permanent record.
interface IResourceTrading {
    /// @notice The terms both parties sign. The signed EIP-712 type is
    /// `Trade(bytes32 listing,address demander,address token,uint64 quantity,uint128 unitPrice,uint64 validUntil,
    /// uint256 nonce,uint64 demanderEpoch,uint64 listingEpoch,bytes32 transcript,bytes32 bundle,Escrow escrow)
    /// Escrow(uint64 deliverBy,uint64 acceptBy,uint64 decideBy,uint16 lateShare,uint16 silenceShare,
    /// uint16 undecidedShare)` (no line breaks). Instant settlement is an all-zero `escrow`; its hash is a constant,
    /// so it is not sent.
    /// @param listing Fixes supplier, resource and slot.
    /// @param quantity Integer resource units.
    /// @param unitPrice Token base units per resource unit; the payment is their product, so nothing is rounded.
    /// @param validUntil First second at which the trade can no longer settle; at most the end of the slot.
    /// @param nonce From 0 to 95: one bit of the demander's current epoch in this token. A trade settles once.
    /// @param demanderEpoch The demander's epoch in this token. When all nonces of an epoch are used, the first trade
    /// signed for the next one opens it.
    /// @param listingEpoch The listing's epoch.
    /// @param transcript Hash of the last message of the negotiation.
    /// @param bundle 0, or the hash of the product this trade is part of: see `settleBundle`.
    /// @dev Warning: a signed, unsettled trade is a free option for whoever holds it; keep `validUntil` short.
    struct Trade {
        bytes32 listing;
        address demander;
        address token;
        uint64 quantity;
        uint128 unitPrice;
        uint64 validUntil;
        uint256 nonce;
        uint64 demanderEpoch;
        uint64 listingEpoch;
        bytes32 transcript;
        bytes32 bundle;
    }

    /// @notice A compact signature (ERC-2098, low s): `vs` is s with the parity of the point in its highest bit.
    /// @dev With `r` zero, which no key can make, `vs` is an index into the contract signatures given beside.
    struct Signature {
        bytes32 r;
        bytes32 vs;
    }

    /// @notice A trade with the signatures of demander and supplier over the same digest.
    struct SignedTrade {
        Trade trade;
        Signature demander;
        Signature supplier;
    }

    /// @notice The permanent record of a trade; `trade` is the EIP-712 digest both parties signed. The supplier is
    /// the listing's. `terms` is quantity (64 bits), unit price (128), demander's epoch (32) and nonce (32).
    event Settled(bytes32 indexed listing, address indexed demander, bytes32 trade, address token, uint256 terms);
    /// @notice The trade at `index` of a batch was not settled; `reason` is the selector of the error that `settle`
    /// would have reverted with.
    event Skipped(uint256 indexed index, bytes4 reason);

    error ZeroPrice();
    error TradeExpired(uint64 validUntil, uint256 timestamp);
    /// @notice `validUntil` lies after the end of the slot.
    error ValidPastSlot(uint64 validUntil, uint64 slotEnd);
    error WrongListingEpoch(uint64 signed, uint32 current);
    error WrongDemanderEpoch(uint64 signed, uint32 current);
    error SelfTrade(address account);
    /// @notice The nonce was settled or cancelled, or lies above 95.
    error NonceUsed(address demander, uint256 nonce);
    /// @notice The trade is part of a product and settles through `settleBundle` only.
    error Bundled(bytes32 bundle);
    /// @notice The trades given are not the whole product.
    error WrongBundle(bytes32 signed, bytes32 given);

    /// @notice Settles a trade at once. Checks, in this order: pause, bundle, quantity, price, listing, expiry, slot,
    /// listing's epoch, self-trade, demander's signature, supplier's signature, listed quantity, demander's epoch,
    /// nonce, balance.
    /// @param proofs What contracts among the signers accept as their signature (ERC-1271).
    function settle(SignedTrade calldata signed, bytes[] calldata proofs) external;

    /// @notice Settles what can be settled; a trade that cannot is skipped and does not disturb the others.
    /// @dev Reverts as a whole only when paused, when the call data is malformed, or when a relayer starves a contract's
    /// signature check of gas.
    function settleBatch(SignedTrade[] calldata trades, bytes[] calldata proofs) external;

    /// @notice Settles all sub-tasks of a product, or none. Every trade carries in `bundle` the keccak256 of the
    /// struct hashes of all of them, in order, each taken with `bundle` zero.
    function settleBundle(SignedTrade[] calldata trades, bytes[] calldata proofs) external;

    /// @notice The EIP-712 digest of an instant trade, for signers and relayers.
    function digestOf(Trade calldata trade) external view returns (bytes32);
}
