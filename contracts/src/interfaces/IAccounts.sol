// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IOperators} from "./IOperators.sol";

/// @title Balances, nonces and relayed calls
/// @notice Each account holds, per payment token, a balance (base units), an epoch and 96 nonces of that epoch. A signed
/// nonce is `epoch * 256 + bit`, bit below 96; a trade names one of its demander, which it uses up, and one of its
/// supplier, which must be unused and stays so.
/// @dev Assumptions on payment tokens: ERC-20; a transfer moves exactly the stated amount (deposits that do not are
/// refused); balances do not shrink by themselves (rebasing tokens are unsafe). Amounts fit 128 bits.
/// @dev No one, deployer and operators included, can move another account's balance without that account's signature.
interface IAccounts {
    /// @notice The state of one account in one token. A set bit of `used` is a nonce settled or cancelled.
    struct Account {
        uint128 balance;
        uint32 epoch;
        uint96 used;
    }

    /// @notice A call that `account` wants anyone to submit: EIP-712
    /// `Intent(address account,bytes call,uint256 nonce,uint64 deadline)`.
    /// @param call ABI call data of one function of this contract, run as if `account` had called it.
    /// @param nonce `intentNonce(account)`: intents are used in order.
    /// @param deadline First second at which it is void.
    struct Intent {
        address account;
        bytes call;
        uint256 nonce;
        uint64 deadline;
    }

    event TokenSet(address indexed token, bool accepted);
    event Deposited(address indexed account, address indexed token, uint256 amount);
    event Withdrawn(address indexed account, address indexed token, uint256 amount, address to);
    event NoncesCancelled(address indexed account, address indexed token, uint32 epoch, uint96 mask);
    event EpochRaised(address indexed account, address indexed token, uint32 epoch);
    /// @notice An intent was used; the events of its call follow.
    event Relayed(address indexed account, uint256 nonce);
    /// @notice Intents of the account with a nonce below `nonce` are void.
    event IntentsVoided(address indexed account, uint256 nonce);

    error TokenNotAccepted(address token);
    error ZeroAmount();
    /// @notice The amount, or all balances and escrows of the token with it, do not fit 128 bits.
    error AmountTooLarge(uint256 amount);
    /// @notice The token moved another amount than the one stated.
    error WrongAmountReceived(address token, uint256 stated, uint256 received);
    error InsufficientBalance(address account, address token, uint256 available, uint256 needed);
    /// @notice A withdrawal to nobody, or to this contract.
    error BadRecipient(address to);
    /// @notice The signature is not `signer`'s: it recovers to `recovered` (0 if malformed) and, if `signer` is a
    /// contract, it does not confirm it either (ERC-1271).
    error BadSignature(address signer, address recovered);
    /// @notice The relayer gave too little gas for a contract's signature check.
    error SignatureCheckStarved(address signer);
    error IntentExpired(uint64 deadline, uint256 timestamp);
    error WrongIntentNonce(address account, uint256 signed, uint256 current);

    /// @notice Takes exactly `amount` base units from the caller, who has approved this contract.
    function deposit(address token, uint256 amount) external;

    /// @notice The same with an ERC-2612 permit. A permit that somebody else has used already does no harm.
    function depositWithPermit(address token, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;

    /// @notice Pays `amount` base units of the caller's balance to `to`. Works always: paused, token delisted, operators
    /// gone; to another account where the token refuses the caller.
    function withdraw(address token, uint256 amount, address to) external;

    /// @notice Voids the caller's unsettled trades with the nonces set in `mask`, in its current epoch, on either side.
    /// @dev Where no nonce is left the epoch rises as by `raiseEpoch`: nothing signed ahead comes into force by it.
    function cancel(address token, uint96 mask) external;

    /// @notice Voids all the caller's unsettled trades in a token, on either side, and gives it 96 new nonces.
    /// @dev The new epoch is the time in seconds, or two more than the old one where that is later: nothing signed for an
    /// epoch that was near comes into force by it. From second 2^32 on it is always two more.
    function raiseEpoch(address token) external;

    /// @notice Runs a call of another account, with its signature. Anyone may pay for it.
    /// @param signature 65 bytes r, s, v of its key (v 27 or 28, low s; the 64 bytes of ERC-2098 are refused); or, if the
    /// account is a contract, what that accepts for the digest of the intent (ERC-1271).
    function relay(Intent calldata intent, bytes calldata signature) external;

    /// @notice Voids the caller's intents with nonces below `nonce`, which is above the current one.
    function voidIntents(uint256 nonce) external;

    /// @notice Allows or stops deposits in a token. A delisted token takes no deposits and still trades; balances stay
    /// withdrawable. Signed by operators: `Token(address token,bool accepted,uint32 set,uint256 nonce,uint64 deadline)`.
    function setToken(address token, bool accepted, uint64 deadline, IOperators.OperatorSignature[] calldata signatures)
        external;

    function accountOf(address account, address token) external view returns (Account memory);
    function balanceOf(address account, address token) external view returns (uint256);
    function accepts(address token) external view returns (bool);
    /// @notice All balances and escrows of a token together, base units. What the contract holds above it is a gift.
    function totalOf(address token) external view returns (uint256);
    function intentNonce(address account) external view returns (uint256);
}
