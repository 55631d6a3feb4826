// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

import {IOperators} from "./interfaces/IOperators.sol";
import {Signatures} from "./libraries/Signatures.sol";

/// @title The set of operators and what k of them decide
/// @notice See IOperators for what each call means.
abstract contract Operators is IOperators, EIP712 {
    bytes32 private constant OPERATORS_TYPEHASH =
        keccak256("Operators(address[] operators,uint256 threshold,uint256 nonce)");
    bytes32 private constant PAUSE_TYPEHASH = keccak256("Pause(uint64 until,uint256 nonce)");

    /// @inheritdoc IOperators
    uint64 public constant override MAX_PAUSE = 30 days;

    /// @inheritdoc IOperators
    uint256 public override threshold;
    /// @inheritdoc IOperators
    uint256 public override decisionNonce;
    /// @inheritdoc IOperators
    uint64 public override pausedUntil;
    address[] private _operators;
    mapping(address account => bool) private _isOperator;

    constructor(address[] memory operators_, uint256 threshold_) {
        _setOperators(operators_, threshold_);
    }

    /// @inheritdoc IOperators
    function setOperators(address[] calldata operators_, uint256 threshold_, bytes[] calldata signatures) external {
        bytes32 list = keccak256(abi.encodePacked(operators_));
        _requireDecision(keccak256(abi.encode(OPERATORS_TYPEHASH, list, threshold_, decisionNonce)), signatures);
        for (uint256 i = 0; i < _operators.length; ++i) {
            delete _isOperator[_operators[i]];
        }
        _setOperators(operators_, threshold_);
    }

    /// @inheritdoc IOperators
    function pause(uint64 until, bytes[] calldata signatures) external {
        if (until > block.timestamp + MAX_PAUSE) revert PauseTooLong(until, block.timestamp + MAX_PAUSE);
        _requireDecision(keccak256(abi.encode(PAUSE_TYPEHASH, until, decisionNonce)), signatures);
        pausedUntil = until;
        emit Paused(until);
    }

    /// @inheritdoc IOperators
    function operators() external view returns (address[] memory) {
        return _operators;
    }

    function _requireTrading() internal view {
        if (block.timestamp < pausedUntil) revert TradingPaused(pausedUntil);
    }

    /// @dev For decisions whose struct holds the nonce: uses it up.
    function _requireDecision(bytes32 structHash, bytes[] calldata signatures) internal {
        _requireOperators(structHash, signatures);
        ++decisionNonce;
    }

    /// @dev Requires the signatures of `threshold` distinct current operators.
    function _requireOperators(bytes32 structHash, bytes[] calldata signatures) internal view {
        if (signatures.length < threshold) revert TooFewSignatures(signatures.length, threshold);
        bytes32 digest = _hashTypedDataV4(structHash);
        address previous = address(0);
        for (uint256 i = 0; i < signatures.length; ++i) {
            address signer = Signatures.recover(digest, signatures[i]);
            if (signer <= previous || !_isOperator[signer]) revert BadOperatorSignature(i, signer);
            previous = signer;
        }
    }

    function _setOperators(address[] memory operators_, uint256 threshold_) private {
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
}
