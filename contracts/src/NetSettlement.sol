// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Module} from "./base/Module.sol";
import {IAccounts} from "./interfaces/IAccounts.sol";
import {INetSettlement} from "./interfaces/INetSettlement.sol";
import {IResourceTrading} from "./interfaces/IResourceTrading.sol";
import {IResourceVerification} from "./interfaces/IResourceVerification.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {AccountCell, AccountWord, ListingCell, ListingWord} from "./libraries/Words.sol";

/// @title Net settlement: one signed sum for an account instead of its trades
/// @notice See INetSettlement for what each call means.
contract NetSettlement is INetSettlement, Module {
    bytes32 private constant NET_TYPEHASH =
        keccak256("NetBatch(address token,bytes32 trades,bytes32 rows,bytes32 sales,uint64 validUntil)");
    bytes32 private constant TAG = keccak256("fabmarket/net/1");

    constructor(Parameters memory parameters_) Module("net", parameters_) {}

    /// @inheritdoc INetSettlement
    function settleNet(
        NetBatch calldata batch,
        IResourceTrading.Signature[] calldata signatures,
        bytes[] calldata proofs
    ) external inExchange {
        _requireTrading();
        uint256 count = signatures.length;
        if (count == 0 || batch.rows.length != 2 * count || batch.sales.length % 2 != 0) revert MalformedBatch();
        if (block.timestamp >= batch.validUntil) {
            revert IResourceTrading.TradeExpired(batch.validUntil, block.timestamp);
        }
        bytes32 digest = netDigestOf(batch);
        _requireSigned(batch.rows, digest, signatures, proofs);
        _applySales(batch.rows, batch.sales, batch.validUntil, _applyRows(batch.rows, batch.token));
        emit NetSettled(digest, batch.token, batch.trades, batch.rows, batch.sales);
    }

    /// @inheritdoc INetSettlement
    function settleLate(IResourceTrading.SignedTrade[] calldata trades, uint64 notBefore, bytes[] calldata proofs)
        external
        inExchange
    {
        _requireTrading();
        if (block.timestamp < notBefore) revert LateOnly(notBefore, block.timestamp);
        _settleProduct(trades, keccak256(abi.encode(TAG, notBefore, _product(trades))), proofs);
    }

    /// @inheritdoc INetSettlement
    // solhint-disable-next-line func-name-mixedcase
    function NET_TAG() external pure returns (bytes32) {
        return TAG;
    }

    /// @inheritdoc INetSettlement
    function netDigestOf(NetBatch calldata batch) public view inExchange returns (bytes32) {
        return _hashTypedDataV4(
            keccak256(
                abi.encode(
                    NET_TYPEHASH, batch.token, batch.trades, _root(batch.rows), _root(batch.sales), batch.validUntil
                )
            )
        );
    }

    /// @dev Requires every account's signature, and ascending accounts.
    function _requireSigned(
        uint256[] calldata rows,
        bytes32 digest,
        IResourceTrading.Signature[] calldata signatures,
        bytes[] calldata proofs
    ) private view {
        address previous = address(0);
        for (uint256 row = 0; row < signatures.length; ++row) {
            address account = address(uint160(_word(rows, 2 * row)));
            if (account <= previous) revert UnsortedRow(row);
            previous = account;
            if (_signed(account, digest, signatures[row], proofs)) continue;
            IResourceTrading.Signature calldata signature = signatures[row];
            revert IAccounts.BadSignature(account, Signatures.recover(digest, signature.r, signature.vs));
        }
    }

    /// @dev Checks and applies the changes of all accounts.
    /// @return left For each row, how many sales it says it has.
    function _applyRows(uint256[] calldata rows, address token) private returns (uint256[] memory left) {
        mapping(address account => AccountCell) storage accounts = _accounts[token];
        uint256 count = rows.length / 2;
        left = new uint256[](count);
        int256 sum = 0;
        // A sum of fewer than 2 ** 64 numbers of 128 bits fits.
        unchecked {
            for (uint256 row = 0; row < count; ++row) {
                (uint256 who, uint256 what) = (_word(rows, 2 * row), _word(rows, 2 * row + 1));
                left[row] = uint16(what >> 160);
                sum += _change(accounts[address(uint160(who))], token, who, what, row);
            }
        }
        if (sum != 0) revert Unbalanced(sum);
    }

    /// @dev Uses up an account's nonces and changes its balance.
    function _change(AccountCell storage cell, address token, uint256 who, uint256 what, uint256 row)
        private
        returns (int256)
    {
        AccountWord word = cell.word;
        uint256 epoch = uint32(what >> 128);
        if (epoch != word.epoch()) {
            if (!word.isFollowedBy(epoch)) {
                revert IResourceTrading.WrongEpoch(address(uint160(who)), epoch, word.epoch());
            }
            word = word.nextEpoch();
        }
        uint96 mask = uint96(who >> 160);
        if (mask == 0) revert NoNonce(row);
        if (word.used() & mask != 0) revert IResourceTrading.NonceUsed(address(uint160(who)), mask);
        word = word.withUsed(mask);
        uint256 amount = uint128(what);
        uint256 direction = uint8(what >> 176);
        if (direction == 0) {
            // Fits at the end: all balances together do, and the changes sum to zero. Meanwhile a carry would be lost in
            // the epoch, so it is refused.
            if (amount > type(uint128).max - word.balance()) revert IAccounts.AmountTooLarge(amount);
            cell.word = word.plus(amount);
            return int256(amount);
        }
        if (direction != 1) revert BadDirection(row);
        if (word.balance() < amount) {
            revert IAccounts.InsufficientBalance(address(uint160(who)), token, word.balance(), amount);
        }
        cell.word = word.minus(amount);
        return -int256(amount);
    }

    /// @dev Takes what was sold off the listings, and the sales off the rows' numbers, which must come out even.
    function _applySales(uint256[] calldata rows, uint256[] calldata sales, uint64 validUntil, uint256[] memory left)
        private
    {
        uint256 previous = 0;
        unchecked {
            for (uint256 sale = 0; sale < sales.length / 2; ++sale) {
                (uint256 id, uint256 what) = (_word(sales, 2 * sale), _word(sales, 2 * sale + 1));
                if (id <= previous) revert UnsortedSale(sale);
                previous = id;
                uint256 row = uint32(what >> 96);
                if (row >= left.length) revert NotTheSupplier(sale);
                uint256 open = left[row];
                if (open == 0) revert WrongSales(row);
                left[row] = open - 1;
                if (_sell(bytes32(id), what, validUntil) != address(uint160(_word(rows, 2 * row)))) {
                    revert NotTheSupplier(sale);
                }
            }
            for (uint256 row = 0; row < left.length; ++row) {
                if (left[row] != 0) revert WrongSales(row);
            }
        }
    }

    function _sell(bytes32 id, uint256 what, uint64 validUntil) private returns (address) {
        ListingCell storage stock = _listings[id];
        ListingWord listing = stock.word;
        uint32 epoch = uint32(what >> 64);
        if (epoch != listing.epoch()) revert IResourceTrading.WrongListingEpoch(epoch, listing.epoch());
        if (validUntil > _slotEnd(id)) revert IResourceTrading.ValidPastSlot(validUntil, _slotEnd(id));
        uint64 quantity = uint64(what);
        if (quantity == 0) revert IResourceVerification.ZeroQuantity();
        if (listing.available() < quantity) {
            revert IResourceVerification.InsufficientListing(id, listing.available(), quantity);
        }
        stock.word = listing.minus(quantity);
        return listing.supplier();
    }

    /// @dev One of words whose number has been checked.
    function _word(uint256[] calldata words, uint256 index) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(add(words.offset, shl(5, index)))
        }
    }

    /// @dev The root of a Merkle tree whose leaves are two words each; zero for none. A leaf is hashed with a first word 1,
    /// 96 bytes, a node is 64 bytes: neither can pass for the other.
    function _root(uint256[] calldata words) private pure returns (bytes32 root) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            let count := shr(1, words.length)
            let leaf := add(free, shl(5, count))
            mstore(leaf, 1)
            for { let i := 0 } lt(i, count) { i := add(i, 1) } {
                calldatacopy(add(leaf, 32), add(words.offset, shl(6, i)), 64)
                mstore(add(free, shl(5, i)), keccak256(leaf, 96))
            }
            for {} gt(count, 1) {} {
                let half := shr(1, count)
                for { let i := 0 } lt(i, half) { i := add(i, 1) } {
                    mstore(add(free, shl(5, i)), keccak256(add(free, shl(6, i)), 64))
                }
                if and(count, 1) {
                    mstore(add(free, shl(5, half)), mload(add(free, shl(5, sub(count, 1)))))
                    half := add(half, 1)
                }
                count := half
            }
            if count { root := mload(free) }
        }
    }
}
