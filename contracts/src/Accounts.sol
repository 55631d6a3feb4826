// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IAccounts} from "./interfaces/IAccounts.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {AccountCell, AccountWord} from "./libraries/Words.sol";
import {Operators} from "./Operators.sol";

/// @title Balances and nonces, packed into one word for each account and token
/// @notice See IAccounts for what each call means.
abstract contract Accounts is IAccounts, Operators, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    bytes32 private constant INTENT_TYPEHASH =
        keccak256("Intent(address account,bytes call,uint256 nonce,uint64 deadline)");
    bytes32 private constant TOKEN_TYPEHASH = keccak256("Token(address token,bool accepted,uint256 nonce)");

    /// @inheritdoc IAccounts
    mapping(address token => bool) public override accepts;
    /// @inheritdoc IAccounts
    mapping(address account => uint256) public override intentNonce;
    mapping(address token => mapping(address account => AccountCell)) internal _accounts;
    /// @dev The account a relayed call acts for; used up by the first `_caller()`.
    address private transient _relayed;

    constructor(address[] memory tokens) {
        for (uint256 i = 0; i < tokens.length; ++i) {
            if (tokens[i].code.length == 0) revert TokenNotAccepted(tokens[i]);
            accepts[tokens[i]] = true;
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
        if (!accepts[token]) revert TokenNotAccepted(token);
        // Whoever sees the permit may use it first; the allowance it gives is there all the same.
        try IERC20Permit(token).permit(account, address(this), amount, deadline, v, r, s) {} catch {}
        _deposit(account, token, amount);
    }

    /// @inheritdoc IAccounts
    function withdraw(address token, uint256 amount) external nonReentrant {
        address account = _caller();
        if (amount == 0) revert ZeroAmount();
        AccountCell storage cell = _accounts[token][account];
        uint256 balance = cell.word.balance();
        if (balance < amount) revert InsufficientBalance(account, token, balance, amount);
        cell.word = cell.word.minus(amount);
        emit Withdrawn(account, token, amount);
        IERC20(token).safeTransfer(account, amount);
    }

    /// @inheritdoc IAccounts
    function cancel(address token, uint96 mask) external {
        address account = _caller();
        AccountCell storage cell = _accounts[token][account];
        cell.word = cell.word.withUsed(mask);
        emit NoncesCancelled(account, token, cell.word.epoch(), mask);
    }

    /// @inheritdoc IAccounts
    function raiseEpoch(address token) external {
        address account = _caller();
        AccountCell storage cell = _accounts[token][account];
        // Two: trades signed ahead for the next epoch are void as well.
        cell.word = cell.word.nextEpoch().nextEpoch();
        emit EpochRaised(account, token, cell.word.epoch());
    }

    /// @inheritdoc IAccounts
    function relay(Intent calldata intent, bytes calldata signature) external {
        address account = intent.account;
        if (block.timestamp >= intent.deadline) revert IntentExpired(intent.deadline, block.timestamp);
        uint256 current = intentNonce[account];
        if (intent.nonce != current) revert WrongIntentNonce(account, intent.nonce, current);
        bytes32 structHash =
            keccak256(abi.encode(INTENT_TYPEHASH, account, keccak256(intent.call), intent.nonce, intent.deadline));
        _requireSigner(account, _hashTypedDataV4(structHash), signature);
        intentNonce[account] = current + 1;
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
    function setToken(address token, bool accepted, bytes[] calldata signatures) external {
        if (accepted && token.code.length == 0) revert TokenNotAccepted(token);
        _requireDecision(keccak256(abi.encode(TOKEN_TYPEHASH, token, accepted, decisionNonce)), signatures);
        accepts[token] = accepted;
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

    /// @dev Whose call this is: the account of a relayed intent, else the sender. Call it once, and before any call to
    /// another contract: the identity is gone afterwards, so that nothing re-entered can act under it.
    function _caller() internal returns (address account) {
        account = _relayed;
        if (account == address(0)) return msg.sender;
        _relayed = address(0);
    }

    function _requireSigner(address signer, bytes32 digest, bytes calldata signature) internal view {
        if (!Signatures.isBy(signer, digest, signature)) {
            revert BadSignature(signer, Signatures.recover(digest, signature));
        }
    }

    function _credit(address token, address account, uint256 amount) internal {
        AccountCell storage cell = _accounts[token][account];
        if (!cell.word.holds(amount)) revert AmountTooLarge(amount);
        cell.word = cell.word.plus(amount);
    }

    function _deposit(address account, address token, uint256 amount) private nonReentrant {
        if (!accepts[token]) revert TokenNotAccepted(token);
        if (amount == 0) revert ZeroAmount();
        if (amount > type(uint128).max) revert AmountTooLarge(amount);
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(account, address(this), amount);
        uint256 held = IERC20(token).balanceOf(address(this));
        uint256 received = held > before ? held - before : 0;
        if (received != amount) revert WrongAmountReceived(token, amount, received);
        // All balances and escrows of a token together then fit 128 bits: no release can be blocked by a full balance.
        if (held > type(uint128).max) revert AmountTooLarge(held);
        _credit(token, account, amount);
        emit Deposited(account, token, amount);
    }
}
