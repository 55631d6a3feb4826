// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title The trading contract: payment, quantity and record change in one step or not at all
/// @notice A trade signed by both parties may be submitted by anyone. It moves `quantity * unitPrice` from the
/// demander's balance to the supplier's (instant) or into escrow, takes `quantity` from the listing and emits the
/// permanent record.
interface IResourceTrading {
    /// @notice The terms both parties sign. The signed EIP-712 type is
    /// `Trade(bytes32 listing,address demander,address token,uint64 quantity,uint128 unitPrice,uint64 validUntil,
    /// uint64 nonce,uint64 supplierNonce,uint64 listingEpoch,bytes32 transcript,bytes32 bundle,Escrow escrow)` followed
    /// by the type of IResourceEscrow.Escrow (no line breaks). Instant settlement is an all-zero `escrow`; its hash is a
    /// constant, so it is not sent.
    /// @param listing Fixes supplier, resource and slot.
    /// @param quantity Integer resource units.
    /// @param unitPrice Token base units per resource unit; the payment is their product, so nothing is rounded.
    /// @param validUntil First second at which the trade can no longer settle; at most the end of the slot.
    /// @param nonce Of the demander in this token: its epoch * 256 + one of 96 bits. A trade settles once. When all bits of
    /// an epoch are used, the first trade signed for the next one opens it.
    /// @param supplierNonce The same of the supplier, in its current epoch. Settling leaves the bit unused, so that trades
    /// may share it: whoever sells under a bit of its own can cancel that trade alone.
    /// @param listingEpoch The listing's epoch.
    /// @param transcript Hash of the last message of the negotiation.
    /// @param bundle 0; or the hash of the product this trade is part of: see `settleBundle`; or that of a trade agreed for
    /// a net cycle: see INetSettlement.
    /// @dev Warning: a signed, unsettled trade is a free option for whoever holds it; keep `validUntil` short.
    struct Trade {
        bytes32 listing;
        address demander;
        address token;
        uint64 quantity;
        uint128 unitPrice;
        uint64 validUntil;
        uint64 nonce;
        uint64 supplierNonce;
        uint64 listingEpoch;
        bytes32 transcript;
        bytes32 bundle;
    }

    /// @notice A compact signature (ERC-2098, low s): `vs` is s with the parity of the point in its highest bit. Trades,
    /// net batches and splits have this form; operators' signatures, intents, openings and announcements 65 bytes r, s, v.
    /// @dev With `r` zero, which no key can make, the last 64 bits of `vs` are an index into the contract signatures given
    /// beside, and the 64 bits before them the gas for that contract's check, 200,000 if they say less. Whoever submits
    /// chooses it and pays for it.
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
    /// the listing's. `terms` is quantity (64 bits), unit price (128) and nonce (64).
    event Settled(bytes32 indexed listing, address indexed demander, bytes32 trade, address token, uint256 terms);
    /// @notice The trade at `index` of a batch was not settled; `reason` is the selector of the error that settling it alone
    /// would have reverted with, `trade` its digest.
    event Skipped(uint256 indexed index, bytes4 reason, bytes32 trade, bytes32 listing, address demander);

    error ZeroPrice();
    error TradeExpired(uint64 validUntil, uint256 timestamp);
    /// @notice `validUntil` lies after the end of the slot.
    error ValidPastSlot(uint64 validUntil, uint64 slotEnd);
    error WrongListingEpoch(uint64 signed, uint32 current);
    /// @notice The nonce of one of the parties names another epoch than its current one.
    error WrongEpoch(address account, uint256 signed, uint32 current);
    error SelfTrade(address account);
    /// @notice The bit of the nonce was settled or cancelled, or lies above 95.
    error NonceUsed(address account, uint256 nonce);
    /// @notice The trade is part of a product or agreed for a net cycle, and settles there only.
    error Bundled(bytes32 bundle);
    /// @notice The trades given are not the whole product.
    error WrongBundle(bytes32 signed, bytes32 given);

    /// @notice Settles a trade at once. Checks, in this order: pause, bundle, quantity, price, listing, expiry, slot,
    /// listing's epoch, self-trade, demander's signature, supplier's signature, listed quantity, supplier's epoch and
    /// nonce, demander's epoch and nonce, balance.
    /// @param proofs What contracts among the signers accept (ERC-1271) for `Confirmation(address wallet,bytes32 digest)`
    /// of the digest that keys sign.
    function settle(SignedTrade calldata signed, bytes[] calldata proofs) external;

    /// @notice Settles what can be settled; a trade that cannot is skipped and does not disturb the others.
    /// @dev Reverts as a whole only when paused, when the call data is malformed (bits above the width of a field that is
    /// read, too), or when a relayer starves a contract's signature check of gas.
    function settleBatch(SignedTrade[] calldata trades, bytes[] calldata proofs) external;

    /// @notice Settles all sub-tasks of a product, or none. Every trade carries in `bundle` the keccak256 of the
    /// struct hashes of all of them, in order, each taken with `bundle` zero. Checked trade by trade, `bundle` first.
    function settleBundle(SignedTrade[] calldata trades, bytes[] calldata proofs) external;

    /// @notice The EIP-712 digest of an instant trade, for signers and relayers.
    function digestOf(Trade calldata trade) external view returns (bytes32);
}
