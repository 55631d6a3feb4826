// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IResourceTrading} from "./interfaces/IResourceTrading.sol";
import {TradeHash} from "./libraries/TradeHash.sol";
import {ResourceVerification} from "./ResourceVerification.sol";

/// @title Deposits, withdrawals and instant settlement of trades signed by both parties
/// @notice See IResourceTrading for what each call means.
abstract contract ResourceTrading is IResourceTrading, ResourceVerification, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using TradeHash for Trade;

    /// @inheritdoc IResourceTrading
    mapping(address account => mapping(address token => uint256)) public override balanceOf;
    /// @inheritdoc IResourceTrading
    mapping(address token => bool) public override accepts;
    mapping(address demander => mapping(uint256 word => uint256)) private _nonceBits;

    constructor(address[] memory tokens) {
        for (uint256 i = 0; i < tokens.length; ++i) {
            if (tokens[i].code.length == 0) revert TokenNotAccepted(tokens[i]);
            accepts[tokens[i]] = true;
        }
        emit TokensSet(tokens);
    }

    /// @inheritdoc IResourceTrading
    function deposit(address token, uint256 amount) external nonReentrant {
        if (!accepts[token]) revert TokenNotAccepted(token);
        if (amount == 0) revert ZeroAmount();
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 held = IERC20(token).balanceOf(address(this));
        uint256 received = held > before ? held - before : 0;
        if (received != amount) revert WrongAmountReceived(token, amount, received);
        balanceOf[msg.sender][token] += amount;
        emit Deposited(msg.sender, token, amount);
    }

    /// @inheritdoc IResourceTrading
    function withdraw(address token, uint256 amount) external nonReentrant {
        if (amount == 0) revert ZeroAmount();
        _debit(msg.sender, token, amount);
        emit Withdrawn(msg.sender, token, amount);
        IERC20(token).safeTransfer(msg.sender, amount);
    }

    /// @inheritdoc IResourceTrading
    function settle(Trade calldata trade, bytes calldata demanderSignature, bytes calldata supplierSignature) external {
        if (trade.quantity == 0) revert ZeroQuantity();
        if (trade.unitPrice == 0) revert ZeroPrice();
        StoredListing storage listing = _listing(trade.listing);
        (address supplier, uint64 available) = (listing.supplier, listing.available);
        if (supplier == address(0)) revert UnknownListing(trade.listing);
        if (trade.validUntil <= block.timestamp) revert TradeExpired(trade.validUntil, block.timestamp);
        if (trade.validUntil > listing.slotEnd) revert ValidPastSlot(trade.validUntil, listing.slotEnd);
        if (trade.demanderEpoch != 0 || trade.listingEpoch != 0) {
            revert WrongEpoch(trade.demanderEpoch, trade.listingEpoch);
        }
        if (trade.demander == supplier) revert SelfTrade(supplier);

        bytes32 digest = digestOf(trade);
        _requireSigner(trade.demander, digest, demanderSignature);
        _requireSigner(supplier, digest, supplierSignature);
        _useNonce(trade.demander, trade.nonce);
        if (available < trade.quantity) revert InsufficientListing(trade.listing, available, trade.quantity);
        listing.available = available - trade.quantity;

        // 64 by 128 bits: the product fits.
        uint256 payment = uint256(trade.quantity) * trade.unitPrice;
        _debit(trade.demander, trade.token, payment);
        balanceOf[supplier][trade.token] += payment;
        _emitSettled(digest, supplier, trade);
    }

    /// @inheritdoc IResourceTrading
    function nonceUsed(address demander, uint256 nonce) external view returns (bool) {
        return _nonceBits[demander][nonce >> 8] & (1 << (nonce & 0xff)) != 0;
    }

    /// @inheritdoc IResourceTrading
    function digestOf(Trade calldata trade) public view returns (bytes32) {
        return _hashTypedDataV4(trade.hash());
    }

    function _requireSigner(address signer, bytes32 digest, bytes calldata signature) private pure {
        address recovered = _signerOf(digest, signature);
        if (recovered != signer || recovered == address(0)) revert BadSignature(signer, recovered);
    }

    function _useNonce(address demander, uint256 nonce) private {
        uint256 bit = 1 << (nonce & 0xff);
        uint256 bits = _nonceBits[demander][nonce >> 8];
        if (bits & bit != 0) revert NonceUsed(demander, nonce);
        _nonceBits[demander][nonce >> 8] = bits | bit;
    }

    function _debit(address account, address token, uint256 amount) private {
        uint256 available = balanceOf[account][token];
        if (available < amount) revert InsufficientBalance(account, token, available, amount);
        unchecked {
            balanceOf[account][token] = available - amount;
        }
    }

    function _emitSettled(bytes32 digest, address supplier, Trade calldata trade) private {
        emit Settled(
            digest,
            trade.listing,
            trade.demander,
            supplier,
            trade.token,
            trade.quantity,
            trade.unitPrice,
            trade.nonce,
            trade.transcript,
            trade.bundle
        );
    }
}
