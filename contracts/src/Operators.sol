// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IOperators} from "./interfaces/IOperators.sol";
import {State} from "./base/State.sol";

/// @title The set of operators and what k of them decide
/// @notice See IOperators for what each call means.
abstract contract Operators is IOperators, State {
    bytes32 private constant OPERATORS_TYPEHASH =
        keccak256("Operators(address[] operators,uint256 threshold,uint32 set,uint256 nonce,uint64 deadline)");
    bytes32 private constant PAUSE_TYPEHASH = keccak256("Pause(uint64 until,uint32 set,uint256 nonce,uint64 deadline)");

    /// @inheritdoc IOperators
    uint64 public constant override MAX_PAUSE = 30 days;

    uint32 private immutable _delay;

    constructor(address[] memory operators_, uint256 threshold_, uint32 delay) {
        _delay = delay;
        _governance.current = 1;
        _store(1, operators_, threshold_, uint64(block.timestamp));
    }

    /// @inheritdoc IOperators
    function setOperators(
        address[] calldata operators_,
        uint256 threshold_,
        uint64 deadline,
        OperatorSignature[] calldata signatures
    ) external {
        uint32 current = _operatorSet();
        bytes32 list = keccak256(abi.encodePacked(operators_));
        bytes32 structHash =
            keccak256(abi.encode(OPERATORS_TYPEHASH, list, threshold_, current, _decisionNonce, deadline));
        _requireDecision(structHash, deadline, signatures);
        uint32 set = _governance.count + 1;
        uint64 since = uint64(block.timestamp) + _delay;
        (_governance.current, _governance.next, _governance.nextSince) = (current, set, since);
        _store(set, operators_, threshold_, since);
    }

    /// @inheritdoc IOperators
    function pause(uint64 until, uint64 deadline, OperatorSignature[] calldata signatures) external {
        if (until > block.timestamp + MAX_PAUSE) revert PauseTooLong(until, block.timestamp + MAX_PAUSE);
        bytes32 structHash = keccak256(abi.encode(PAUSE_TYPEHASH, until, _operatorSet(), _decisionNonce, deadline));
        _requireDecision(structHash, deadline, signatures);
        _governance.pausedUntil = until;
        emit Paused(until);
    }

    /// @inheritdoc IOperators
    function operators() external view returns (address[] memory) {
        return _operatorSets[_operatorSet()].members;
    }

    /// @inheritdoc IOperators
    function threshold() external view returns (uint256) {
        return _operatorSets[_operatorSet()].threshold;
    }

    /// @inheritdoc IOperators
    function operatorSet() external view returns (uint32) {
        return _operatorSet();
    }

    /// @inheritdoc IOperators
    function nextOperatorSet() external view returns (uint32 set, uint64 since) {
        Governance memory governance = _governance;
        if (block.timestamp < governance.nextSince) (set, since) = (governance.next, governance.nextSince);
    }

    /// @inheritdoc IOperators
    function operatorsOf(uint32 set) external view returns (address[] memory members, uint256 threshold_) {
        return (_operatorSets[set].members, _operatorSets[set].threshold);
    }

    /// @inheritdoc IOperators
    function decisionNonce() external view returns (uint256) {
        return _decisionNonce;
    }

    /// @inheritdoc IOperators
    function pausedUntil() external view returns (uint64) {
        return _governance.pausedUntil;
    }

    function _store(uint32 number, address[] memory operators_, uint256 threshold_, uint64 since) private {
        uint256 count = operators_.length;
        // A majority, so that any two decisions have an operator in common.
        if (threshold_ > count || threshold_ <= count / 2) revert BadThreshold(threshold_, count);
        _governance.count = number;
        OperatorSet storage set = _operatorSets[number];
        for (uint256 i = 0; i < count; ++i) {
            address operator = operators_[i];
            if (operator == address(0) || set.has[operator]) revert BadOperator(operator);
            set.has[operator] = true;
        }
        set.members = operators_;
        set.threshold = threshold_;
        emit OperatorsSet(number, operators_, threshold_, since);
    }
}
