// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title The operators: k of n accounts that attest, arbitrate and pause, and can do nothing else
/// @notice Every decision is EIP-712 signed by at least `threshold()` distinct current operators, given in ascending
/// order of address. Decisions on the set, the tokens and the pause carry `decisionNonce()`, so each is used once.
/// @dev No decision moves anyone's money, but a ruling on a trade that is in dispute, within what that trade holds.
interface IOperators {
    event OperatorsSet(address[] operators, uint256 threshold);
    event Paused(uint64 until);

    /// @notice The threshold is zero or above the number of operators.
    error BadThreshold(uint256 threshold, uint256 operators);
    /// @notice An operator is the zero address or named twice.
    error BadOperator(address operator);
    /// @notice Fewer than `threshold` signatures were given.
    error TooFewSignatures(uint256 given, uint256 threshold);
    /// @notice A signature is of no current operator, or not in ascending order of signer (which makes them distinct).
    error BadOperatorSignature(uint256 index, address recovered);
    /// @notice A pause may last at most `MAX_PAUSE`.
    error PauseTooLong(uint64 until, uint256 latest);
    error TradingPaused(uint64 until);

    /// @notice Replaces the operators. Signed: `Operators(address[] operators,uint256 threshold,uint256 nonce)`.
    function setOperators(address[] calldata operators_, uint256 threshold_, bytes[] calldata signatures) external;

    /// @notice Stops new trades until a time; 0 ends a pause. Withdrawals, cancellations and everything about trades
    /// already in escrow go on. Signed: `Pause(uint64 until,uint256 nonce)`.
    function pause(uint64 until, bytes[] calldata signatures) external;

    function operators() external view returns (address[] memory);
    function threshold() external view returns (uint256);
    function decisionNonce() external view returns (uint256);
    function pausedUntil() external view returns (uint64);
    // solhint-disable-next-line func-name-mixedcase
    function MAX_PAUSE() external view returns (uint64);
}
