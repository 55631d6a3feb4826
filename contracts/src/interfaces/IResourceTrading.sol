// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title The trading contract: payment, quantity and record change in one step or not at all
/// @notice Demanders and suppliers hold internal balances of the payment tokens fixed at deployment. A trade signed by
/// both may be submitted by anyone; it moves `quantity * unitPrice` from demander to supplier, takes `quantity` from
/// the listing and emits `Settled`, the permanent record.
/// @dev Assumptions on payment tokens: ERC-20; a transfer moves exactly the stated amount (fee-on-transfer deposits
/// are refused); balances do not shrink by themselves (rebasing tokens are unsafe).
/// @dev No one, the deployer included, can move another account's balance without that account's signature.
interface IResourceTrading {
    /// @notice The terms both parties sign. The signed EIP-712 type is
    /// `Trade(bytes32 listing,address demander,address token,uint64 quantity,uint128 unitPrice,uint64 validUntil,
    /// uint256 nonce,uint64 demanderEpoch,uint64 listingEpoch,bytes32 transcript,bytes32 bundle,Escrow escrow)
    /// Escrow(uint64 deliverBy,uint64 acceptBy,uint64 decideBy,uint16 lateShare,uint16 silenceShare,
    /// uint16 undecidedShare)` (no line breaks). Here settlement is instant, which is an all-zero `escrow`; its hash
    /// is a constant, so it is not sent.
    /// @param listing Fixes supplier, resource and slot.
    /// @param quantity Integer resource units.
    /// @param unitPrice Token base units per resource unit; the payment is their product, so nothing is rounded.
    /// @param validUntil First second at which the trade can no longer settle; at most the end of the slot.
    /// @param nonce One bit of the demander's bitmap; a trade settles once.
    /// @param demanderEpoch Must equal the demander's current epoch, 0 in this version.
    /// @param listingEpoch Must equal the listing's current epoch, 0 in this version.
    /// @param transcript Hash of the last message of the negotiation.
    /// @param bundle Hash of the product this trade is part of, 0 for none.
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

    /// @notice The accepted tokens, emitted once at deployment.
    event TokensSet(address[] tokens);
    event Deposited(address indexed account, address indexed token, uint256 amount);
    event Withdrawn(address indexed account, address indexed token, uint256 amount);
    /// @notice The permanent record of a trade; `trade` is the EIP-712 digest both parties signed.
    event Settled(
        bytes32 indexed trade,
        bytes32 indexed listing,
        address indexed demander,
        address supplier,
        address token,
        uint64 quantity,
        uint128 unitPrice,
        uint256 nonce,
        bytes32 transcript,
        bytes32 bundle
    );

    /// @notice The token is not one fixed at deployment; there, that its address has no code.
    error TokenNotAccepted(address token);
    error ZeroAmount();
    /// @notice The token moved another amount than the one stated.
    error WrongAmountReceived(address token, uint256 stated, uint256 received);
    error InsufficientBalance(address account, address token, uint256 available, uint256 needed);
    error UnknownListing(bytes32 listing);
    error InsufficientListing(bytes32 listing, uint64 available, uint64 quantity);
    error ZeroPrice();
    error TradeExpired(uint64 validUntil, uint256 timestamp);
    /// @notice `validUntil` lies after the end of the slot.
    error ValidPastSlot(uint64 validUntil, uint64 slotEnd);
    error NonceUsed(address demander, uint256 nonce);
    error WrongEpoch(uint64 demanderEpoch, uint64 listingEpoch);
    error SelfTrade(address account);
    /// @notice The signature does not recover to `signer` (high s, wrong length and v included).
    error BadSignature(address signer, address recovered);

    /// @notice Takes exactly `amount` base units from the caller, who has approved this contract.
    /// @dev Checks, in this order: token, amount above zero, amount received.
    function deposit(address token, uint256 amount) external;

    /// @notice Pays `amount` base units of the caller's balance back to the caller.
    /// @dev Checks, in this order: amount above zero, balance (0 for a token that is not accepted).
    function withdraw(address token, uint256 amount) external;

    /// @notice Settles a trade. Checks, in this order: quantity, price, listing, expiry, slot, epochs, self-trade,
    /// demander's signature, supplier's signature, nonce, listing quantity, balance.
    /// @dev A token that is not accepted has no balances, so it fails with InsufficientBalance.
    function settle(Trade calldata trade, bytes calldata demanderSignature, bytes calldata supplierSignature) external;

    /// @notice What the account may withdraw or spend, in base units of the token.
    function balanceOf(address account, address token) external view returns (uint256);
    /// @notice Whether a trade of this demander under this nonce has settled.
    function nonceUsed(address demander, uint256 nonce) external view returns (bool);
    /// @notice Whether the token can be deposited; fixed at deployment.
    function accepts(address token) external view returns (bool);
    /// @notice The EIP-712 digest of a trade, for signers and relayers.
    function digestOf(Trade calldata trade) external view returns (bytes32);
}
