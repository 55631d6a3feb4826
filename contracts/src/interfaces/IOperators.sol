// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title The operators: k of n accounts that attest, arbitrate and pause, and can do nothing else
/// @notice Every decision is EIP-712 signed by at least `threshold()` distinct operators of the current set, given in
/// ascending order of address. It names that set, carries `decisionNonce()`, so that it is used once, and has a
/// deadline. k is a majority: 2k > n.
/// @dev No decision moves anyone's money, but a ruling on a trade that is in dispute, within what that trade holds.
/// Operators shrink what is for sale only by lowering an attestation.
/// @dev A new set takes effect after a delay, in which anyone can leave. What the old set signed counts if it is
/// executed before, and is refused afterwards: the chain cannot see when a key signed. Trades in escrow keep the set
/// of their settlement.
interface IOperators {
    /// @notice The signature of one operator: 65 bytes r, s, v of its key (v 27 or 28, low s; the 64 bytes of ERC-2098 are
    /// refused); or, if it is a contract, what that accepts for `Confirmation(address wallet,bytes32 digest)` of the digest
    /// that keys sign.
    struct OperatorSignature {
        address operator;
        bytes signature;
    }

    /// @notice The members and threshold of set number `set` count from `since` on, if no other set is decided before.
    event OperatorsSet(uint32 indexed set, address[] operators, uint256 threshold, uint64 since);
    event Paused(uint64 until);

    /// @notice The threshold is not a majority, or above the number of operators.
    error BadThreshold(uint256 threshold, uint256 operators);
    /// @notice An operator is the zero address or named twice.
    error BadOperator(address operator);
    /// @notice Fewer than `threshold` signatures were given.
    error TooFewSignatures(uint256 given, uint256 threshold);
    /// @notice `operator` is not of the set, not in ascending order (which makes them distinct), or did not sign this.
    error BadOperatorSignature(uint256 index, address operator);
    /// @notice What was signed names another set of operators than the current one.
    error WrongOperatorSet(uint32 signed, uint32 current);
    error DecisionExpired(uint64 deadline, uint256 timestamp);
    /// @notice A pause may last at most `MAX_PAUSE`.
    error PauseTooLong(uint64 until, uint256 latest);
    error TradingPaused(uint64 until);

    /// @notice Decides on new operators, who take over after the delay of the deployment; a set decided before and not
    /// yet in effect never will be. Signed:
    /// `Operators(address[] operators,uint256 threshold,uint32 set,uint256 nonce,uint64 deadline)`, with the current set.
    function setOperators(
        address[] calldata operators_,
        uint256 threshold_,
        uint64 deadline,
        OperatorSignature[] calldata signatures
    ) external;

    /// @notice Stops new trades until a time; 0 ends a pause. Withdrawals, cancellations and everything about trades
    /// already in escrow go on. Signed: `Pause(uint64 until,uint32 set,uint256 nonce,uint64 deadline)`.
    function pause(uint64 until, uint64 deadline, OperatorSignature[] calldata signatures) external;

    /// @notice The current members.
    function operators() external view returns (address[] memory);
    function threshold() external view returns (uint256);
    /// @notice The number of the current set; the first is 1.
    function operatorSet() external view returns (uint32);
    /// @notice The set that takes over at `since`; 0 for none.
    function nextOperatorSet() external view returns (uint32 set, uint64 since);
    /// @notice Members and threshold of any set ever decided.
    function operatorsOf(uint32 set) external view returns (address[] memory members, uint256 threshold_);
    function decisionNonce() external view returns (uint256);
    function pausedUntil() external view returns (uint64);
    // solhint-disable-next-line func-name-mixedcase
    function MAX_PAUSE() external view returns (uint64);
}
