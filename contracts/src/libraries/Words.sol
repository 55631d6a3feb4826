// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../interfaces/IAccounts.sol";
import {IResourceVerification} from "../interfaces/IResourceVerification.sol";

/// @dev IAccounts.Account in one word: balance in the lowest 128 bits, then epoch (32), then used nonces (96).
type AccountWord is uint256;

/// @dev IResourceVerification.Listing in one word: supplier in the lowest 160 bits, then available (64), epoch (32).
type ListingWord is uint256;

/// @dev An account in storage. As a struct it can be referred to, so that its place is worked out once to read and write.
struct AccountCell {
    AccountWord word;
}

/// @dev A listing in storage, a struct for the same reason.
struct ListingCell {
    ListingWord word;
}

using Words for AccountWord global;
using Words for ListingWord global;

/// @title The two words that a settlement reads and writes
/// @dev Solidity writes a packed struct member by member, a storage read and write each; changing the word as a number
/// is one of each, 2,000 gas less for a settlement. Every function states what keeps a field within its bits.
library Words {
    function balance(AccountWord word) internal pure returns (uint128) {
        return uint128(AccountWord.unwrap(word));
    }

    function epoch(AccountWord word) internal pure returns (uint32) {
        return uint32(AccountWord.unwrap(word) >> 128);
    }

    function used(AccountWord word) internal pure returns (uint96) {
        return uint96(AccountWord.unwrap(word) >> 160);
    }

    /// @dev A bit above 95 is used: there is none.
    function isUsed(AccountWord word, uint256 bit) internal pure returns (bool) {
        return bit > 95 || AccountWord.unwrap(word) >> 160 >> bit & 1 != 0;
    }

    /// @dev The sum must fit 128 bits, as all balances and escrows of a token together do.
    function plus(AccountWord word, uint256 amount) internal pure returns (AccountWord) {
        unchecked {
            return AccountWord.wrap(AccountWord.unwrap(word) + amount);
        }
    }

    /// @dev The amount must be at most the balance.
    function minus(AccountWord word, uint256 amount) internal pure returns (AccountWord) {
        unchecked {
            return AccountWord.wrap(AccountWord.unwrap(word) - amount);
        }
    }

    function withUsed(AccountWord word, uint96 mask) internal pure returns (AccountWord) {
        return AccountWord.wrap(AccountWord.unwrap(word) | uint256(mask) << 160);
    }

    /// @dev The bit must be below 96.
    function withNonce(AccountWord word, uint256 bit) internal pure returns (AccountWord) {
        return AccountWord.wrap(AccountWord.unwrap(word) | 1 << 160 << bit);
    }

    /// @dev Checked: the epoch cannot wrap. All nonces are fresh.
    function nextEpoch(AccountWord word) internal pure returns (AccountWord) {
        return AccountWord.wrap(balance(word) | uint256(epoch(word) + 1) << 128);
    }

    /// @dev An epoch for which nothing was signed that was signed for one near `epoch`: the time, if that is later and fits
    /// 32 bits. Checked: cannot wrap. A rise of two at least: trades signed ahead for the next epoch are void as well.
    function voiding(AccountWord word) internal view returns (AccountWord) {
        return AccountWord.wrap(balance(word) | _later(epoch(word)) << 128);
    }

    /// @dev Whether all nonces are used, and `next` is the epoch after this one.
    function isFollowedBy(AccountWord word, uint256 next) internal pure returns (bool) {
        return used(word) == type(uint96).max && next == uint256(epoch(word)) + 1 && next <= type(uint32).max;
    }

    function unpack(AccountWord word) internal pure returns (IAccounts.Account memory) {
        return IAccounts.Account(balance(word), epoch(word), used(word));
    }

    function supplier(ListingWord word) internal pure returns (address) {
        return address(uint160(ListingWord.unwrap(word)));
    }

    function available(ListingWord word) internal pure returns (uint64) {
        return uint64(ListingWord.unwrap(word) >> 160);
    }

    function epoch(ListingWord word) internal pure returns (uint32) {
        return uint32(ListingWord.unwrap(word) >> 224);
    }

    /// @dev Checked by the caller: available plus quantity fits 64 bits, because it is at most what is attested.
    function plus(ListingWord word, uint64 quantity) internal pure returns (ListingWord) {
        return ListingWord.wrap(ListingWord.unwrap(word) + (uint256(quantity) << 160));
    }

    /// @dev The quantity must be at most what is available.
    function minus(ListingWord word, uint256 quantity) internal pure returns (ListingWord) {
        unchecked {
            return ListingWord.wrap(ListingWord.unwrap(word) - (quantity << 160));
        }
    }

    function ownedBy(ListingWord word, address owner) internal pure returns (ListingWord) {
        return ListingWord.wrap(ListingWord.unwrap(word) | uint160(owner));
    }

    /// @dev The same for a listing, whose epoch stands in the highest bits.
    function voiding(ListingWord word) internal view returns (ListingWord) {
        return ListingWord.wrap(uint224(ListingWord.unwrap(word)) | _later(epoch(word)) << 224);
    }

    function _later(uint32 current) private view returns (uint256 next) {
        next = current + uint32(2);
        if (block.timestamp > next && block.timestamp <= type(uint32).max) next = block.timestamp;
    }

    function unpack(ListingWord word) internal pure returns (IResourceVerification.Listing memory) {
        return IResourceVerification.Listing(supplier(word), available(word), epoch(word));
    }
}
