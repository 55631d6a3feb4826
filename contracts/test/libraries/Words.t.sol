// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {AccountWord, ListingWord} from "../../src/libraries/Words.sol";
import {CHEATS, Vm} from "../base/Vm.sol";

/// @notice Every change of a word against the same change of a plain struct: the named field, and no other.
contract WordsTest {
    Vm private constant vm = CHEATS;
    uint256 private constant NOW = 1_700_000_000;

    function testFuzz_unpackIsTheFields(uint128 balance, uint32 epoch, uint96 used) public pure {
        AccountWord word = _pack(IAccounts.Account(balance, epoch, used));
        vm.assertEq(word.balance(), balance);
        vm.assertEq(word.epoch(), epoch);
        vm.assertEq(word.used(), used);
        _same(word, IAccounts.Account(balance, epoch, used));
    }

    function testFuzz_plusAndMinusChangeTheBalanceOnly(IAccounts.Account memory account, uint128 amount) public pure {
        AccountWord word = _pack(account);
        if (uint256(account.balance) + amount <= type(uint128).max) {
            IAccounts.Account memory more = IAccounts.Account(account.balance + amount, account.epoch, account.used);
            _same(word.plus(amount), more);
            _same(word.plus(amount).minus(amount), account);
        }
        if (amount <= account.balance) {
            _same(word.minus(amount), IAccounts.Account(account.balance - amount, account.epoch, account.used));
        }
    }

    function testFuzz_aBitAbove95IsUsed(IAccounts.Account memory account, uint256 bit) public pure {
        if (bit < 96) bit += 96;
        vm.assertTrue(_pack(account).isUsed(bit));
    }

    function testFuzz_withNonceSetsOneBitOnly(IAccounts.Account memory account, uint256 nonce) public pure {
        nonce %= 96;
        AccountWord word = _pack(account);
        vm.assertEq(word.isUsed(nonce) ? 1 : 0, account.used >> nonce & 1);
        account.used |= uint96(1) << uint96(nonce);
        _same(word.withNonce(nonce), account);
        vm.assertTrue(word.withNonce(nonce).isUsed(nonce));
    }

    function testFuzz_withUsedSetsTheMaskOnly(IAccounts.Account memory account, uint96 mask) public pure {
        AccountWord word = _pack(account).withUsed(mask);
        account.used |= mask;
        _same(word, account);
    }

    function testFuzz_nextEpochClearsTheNonces(IAccounts.Account memory account) public pure {
        vm.assume(account.epoch < type(uint32).max);
        AccountWord word = _pack(account).nextEpoch();
        _same(word, IAccounts.Account(account.balance, account.epoch + 1, 0));
    }

    /// @dev The time if that is more than two seconds later, else two more; all nonces fresh.
    function testFuzz_voidingJumpsAtLeastTwoAhead(IAccounts.Account memory account, uint32 time) public {
        vm.assume(account.epoch < type(uint32).max - 1);
        vm.warp(time);
        uint32 next = time > account.epoch + 2 ? time : account.epoch + 2;
        _same(_pack(account).voiding(), IAccounts.Account(account.balance, next, 0));
    }

    function testFuzz_voidingALoadedListingChangesItsEpochOnly(
        address supplier,
        uint64 available,
        uint32 epoch,
        uint32 time
    ) public {
        vm.assume(epoch < type(uint32).max - 1);
        vm.warp(time);
        uint32 next = time > epoch + 2 ? time : epoch + 2;
        ListingWord word = _pack(IResourceVerification.Listing(supplier, available, epoch));
        _same(word.voiding(), IResourceVerification.Listing(supplier, available, next));
    }

    /// @dev A time that does not fit the epoch is no epoch.
    function test_voidingPast32BitsOfTimeCountsOn() public {
        vm.warp(uint256(type(uint32).max));
        _same(_pack(IAccounts.Account(5, 7, 3)).voiding(), IAccounts.Account(5, type(uint32).max, 0));
        uint256[2] memory times = [uint256(2 ** 32), 2 ** 32 + NOW];
        for (uint256 i = 0; i < times.length; ++i) {
            vm.warp(times[i]);
            _same(_pack(IAccounts.Account(5, 7, 3)).voiding(), IAccounts.Account(5, 9, 0));
        }
    }

    /// @dev Refused, not wrapped: an epoch that is over would come back.
    function test_voidingEndsWithTheLastEpoch() public {
        uint32 last = type(uint32).max;
        vm.warp(NOW);
        _same(_pack(IAccounts.Account(5, last - 2, 3)).voiding(), IAccounts.Account(5, last, 0));
        for (uint32 epoch = last - 1; epoch != 0; epoch = epoch == last ? 0 : last) {
            vm.expectRevert(abi.encodeWithSignature("Panic(uint256)", 0x11));
            this.voidingOf(_pack(IAccounts.Account(5, epoch, 3)));
            vm.expectRevert(abi.encodeWithSignature("Panic(uint256)", 0x11));
            this.listingVoidingOf(_pack(IResourceVerification.Listing(address(this), 5, epoch)));
        }
    }

    function testFuzz_isFollowedByTheNextEpochWhenAllIsUsed(uint128 balance, uint32 epoch, uint96 used, uint64 next)
        public
        pure
    {
        AccountWord some = _pack(IAccounts.Account(balance, epoch, used));
        AccountWord all = _pack(IAccounts.Account(balance, epoch, type(uint96).max));
        uint64 following = uint64(epoch) + 1;
        vm.assertTrue(all.isFollowedBy(following) == (following <= type(uint32).max));
        vm.assertTrue(all.isFollowedBy(next) == (next == following && next <= type(uint32).max));
        vm.assertTrue(some.isFollowedBy(following) == (used == type(uint96).max && following <= type(uint32).max));
    }

    function test_theLastEpochIsFollowedByNone() public {
        AccountWord last = _pack(IAccounts.Account(5, type(uint32).max, type(uint96).max));
        vm.assertFalse(last.isFollowedBy(uint256(type(uint32).max) + 1));
        vm.assertFalse(last.isFollowedBy(0));
        vm.expectRevert(abi.encodeWithSignature("Panic(uint256)", 0x11));
        this.nextEpochOf(last);
    }

    function testFuzz_listingMovesChangeTheAvailableOnly(
        address supplier,
        uint64 available,
        uint32 epoch,
        uint64 quantity
    ) public pure {
        IResourceVerification.Listing memory plain = IResourceVerification.Listing(supplier, available, epoch);
        ListingWord word = _pack(plain);
        _same(word, plain);
        _same(word.ownedBy(supplier), plain);
        if (quantity <= available) {
            _same(word.minus(quantity), IResourceVerification.Listing(supplier, available - quantity, epoch));
        }
        if (quantity <= type(uint64).max - available) {
            _same(word.plus(quantity), IResourceVerification.Listing(supplier, available + quantity, epoch));
        }
    }

    function testFuzz_ownedByNamesTheSupplierOfANewListing(address supplier) public pure {
        _same(ListingWord.wrap(0).ownedBy(supplier), IResourceVerification.Listing(supplier, 0, 0));
    }

    function nextEpochOf(AccountWord word) external pure returns (AccountWord) {
        return word.nextEpoch();
    }

    function voidingOf(AccountWord word) external view returns (AccountWord) {
        return word.voiding();
    }

    function listingVoidingOf(ListingWord word) external view returns (ListingWord) {
        return word.voiding();
    }

    function _pack(IAccounts.Account memory account) private pure returns (AccountWord) {
        return AccountWord.wrap(account.balance + account.epoch * uint256(2) ** 128 + account.used * uint256(2) ** 160);
    }

    function _pack(IResourceVerification.Listing memory listing) private pure returns (ListingWord) {
        return ListingWord.wrap(
            uint160(listing.supplier) + listing.available * uint256(2) ** 160 + listing.epoch * uint256(2) ** 224
        );
    }

    function _same(AccountWord word, IAccounts.Account memory account) private pure {
        vm.assertEq(AccountWord.unwrap(word), AccountWord.unwrap(_pack(account)));
        vm.assertEq(keccak256(abi.encode(word.unpack())), keccak256(abi.encode(account)));
    }

    function _same(ListingWord word, IResourceVerification.Listing memory listing) private pure {
        vm.assertEq(ListingWord.unwrap(word), ListingWord.unwrap(_pack(listing)));
        vm.assertEq(keccak256(abi.encode(word.unpack())), keccak256(abi.encode(listing)));
    }
}
