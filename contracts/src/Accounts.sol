// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {State} from "./base/State.sol";
import {IAccounts} from "./interfaces/IAccounts.sol";
import {IOperators} from "./interfaces/IOperators.sol";
import {AccountCell, AccountWord} from "./libraries/Words.sol";

/// @title Balances and nonces, packed into one word for each account and token
/// @notice See IAccounts for what each call means.
abstract contract Accounts is IAccounts, State, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    bytes32 private constant INTENT_TYPEHASH =
        keccak256("Intent(address account,bytes call,uint256 nonce,uint64 deadline)");
    bytes32 private constant TOKEN_TYPEHASH =
        keccak256("Token(address token,bool accepted,uint32 set,uint256 nonce,uint64 deadline)");

    constructor(address[] memory tokens) {
        for (uint256 i = 0; i < tokens.length; ++i) {
            if (tokens[i].code.length == 0) revert TokenNotAccepted(tokens[i]);
            _tokens[tokens[i]].accepted = true;
            emit TokenSet(tokens[i], true);
        }
    }

    /// @inheritdoc IAccounts
    function deposit(address token, uint256 amount) external {
        _deposit(_caller(), token, amount);
    }

    /// @inheritdoc IAccounts
    function depositWithPermit(address token, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
    {
        address account = _caller();
        if (!_tokens[token].accepted) revert TokenNotAccepted(token);
        // Whoever sees the permit may use it first; the allowance it gives is there all the same.
        try IERC20Permit(token).permit(account, address(this), amount, deadline, v, r, s) {} catch {}
        _deposit(account, token, amount);
    }

    /// @inheritdoc IAccounts
    function withdraw(address token, uint256 amount, address to) external nonReentrant {
        address account = _caller();
        if (amount == 0) revert ZeroAmount();
        if (to == address(0) || to == address(this)) revert BadRecipient(to);
        AccountCell storage cell = _accounts[token][account];
        uint256 balance = cell.word.balance();
        if (balance < amount) revert InsufficientBalance(account, token, balance, amount);
        cell.word = cell.word.minus(amount);
        // casting to 'uint128' is safe because the amount is at most a balance
        // forge-lint: disable-next-line(unsafe-typecast)
        _tokens[token].total -= uint128(amount);
        emit Withdrawn(account, token, amount, to);
        IERC20(token).safeTransfer(to, amount);
    }

    /// @inheritdoc IAccounts
    function cancel(address token, uint96 mask) external {
        address account = _caller();
        AccountCell storage cell = _accounts[token][account];
        AccountWord word = cell.word.withUsed(mask);
        cell.word = word;
        emit NoncesCancelled(account, token, word.epoch(), mask);
        // With no nonce left, what was signed ahead for the next epoch would come into force. After the last there is none.
        if (word.used() == type(uint96).max && word.epoch() != type(uint32).max) _raiseEpoch(account, token);
    }

    /// @inheritdoc IAccounts
    function raiseEpoch(address token) external {
        _raiseEpoch(_caller(), token);
    }

    /// @inheritdoc IAccounts
    function relay(Intent calldata intent, bytes calldata signature) external {
        address account = intent.account;
        if (block.timestamp >= intent.deadline) revert IntentExpired(intent.deadline, block.timestamp);
        uint256 current = _intentNonces[account];
        if (intent.nonce != current) revert WrongIntentNonce(account, intent.nonce, current);
        bytes32 structHash =
            keccak256(abi.encode(INTENT_TYPEHASH, account, keccak256(intent.call), intent.nonce, intent.deadline));
        _requireSigner(account, _hashTypedDataV4(structHash), signature);
        _intentNonces[account] = current + 1;
        emit Relayed(account, current);
        _relayed = account;
        (bool ok, bytes memory answer) = address(this).delegatecall(intent.call);
        // A function that never asks for its caller must not leave the identity to the next one.
        _relayed = address(0);
        if (!ok) {
            assembly ("memory-safe") {
                revert(add(answer, 32), mload(answer))
            }
        }
    }

    /// @inheritdoc IAccounts
    function voidIntents(uint256 nonce) external {
        address account = _caller();
        uint256 current = _intentNonces[account];
        if (nonce <= current) revert WrongIntentNonce(account, nonce, current);
        _intentNonces[account] = nonce;
        emit IntentsVoided(account, nonce);
    }

    /// @inheritdoc IAccounts
    function setToken(address token, bool accepted, uint64 deadline, IOperators.OperatorSignature[] calldata signatures)
        external
    {
        if (accepted && token.code.length == 0) revert TokenNotAccepted(token);
        bytes32 structHash =
            keccak256(abi.encode(TOKEN_TYPEHASH, token, accepted, _operatorSet(), _decisionNonce, deadline));
        _requireDecision(structHash, deadline, signatures);
        _tokens[token].accepted = accepted;
        emit TokenSet(token, accepted);
    }

    /// @inheritdoc IAccounts
    function accountOf(address account, address token) external view returns (Account memory) {
        return _accounts[token][account].word.unpack();
    }

    /// @inheritdoc IAccounts
    function balanceOf(address account, address token) external view returns (uint256) {
        return _accounts[token][account].word.balance();
    }

    /// @inheritdoc IAccounts
    function accepts(address token) external view returns (bool) {
        return _tokens[token].accepted;
    }

    /// @inheritdoc IAccounts
    function totalOf(address token) external view returns (uint256) {
        return _tokens[token].total;
    }

    /// @inheritdoc IAccounts
    function intentNonce(address account) external view returns (uint256) {
        return _intentNonces[account];
    }

    function _raiseEpoch(address account, address token) private {
        AccountCell storage cell = _accounts[token][account];
        AccountWord word = cell.word.voiding();
        cell.word = word;
        emit EpochRaised(account, token, word.epoch());
    }

    function _deposit(address account, address token, uint256 amount) private nonReentrant {
        TokenState storage state = _tokens[token];
        if (!state.accepted) revert TokenNotAccepted(token);
        if (amount == 0) revert ZeroAmount();
        uint256 total = state.total;
        // All balances and escrows of a token together fit 128 bits: no credit can overflow.
        if (amount > type(uint128).max - total) revert AmountTooLarge(amount);
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(account, address(this), amount);
        uint256 held = IERC20(token).balanceOf(address(this));
        uint256 received = held > before ? held - before : 0;
        if (received != amount) revert WrongAmountReceived(token, amount, received);
        // casting to 'uint128' is safe because of the check above
        // forge-lint: disable-next-line(unsafe-typecast)
        state.total = uint128(total + amount);
        _credit(token, account, amount);
        emit Deposited(account, token, amount);
    }
}
