// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {AccountWord, ListingWord} from "../../src/libraries/Words.sol";
import {SymbolicBase} from "./SymbolicBase.sol";

/// @notice Capacity is counted once: what is listed never exceeds what is attested, what is sold never what is listed.
contract InventoryAccounting is SymbolicBase {
    /// Adding to a listing what its 64 bits can take, or taking off what is there, changes nothing else in the word.
    function check_listingWordKeepsItsOtherFields(ListingWord word, uint64 quantity) public pure {
        if (quantity <= type(uint64).max - word.available()) {
            ListingWord more = word.plus(quantity);
            assert(more.available() == word.available() + quantity);
            assert(more.supplier() == word.supplier() && more.epoch() == word.epoch());
        }
        if (quantity <= word.available()) {
            ListingWord less = word.minus(quantity);
            assert(less.available() == word.available() - quantity);
            assert(less.supplier() == word.supplier() && less.epoch() == word.epoch());
        }
    }

    /// Adding to a balance what its 128 bits can take, or taking off what is there, changes nothing else in the word.
    function check_accountWordKeepsItsOtherFields(AccountWord word, uint128 amount) public pure {
        if (amount <= type(uint128).max - word.balance()) {
            AccountWord more = word.plus(amount);
            assert(more.balance() == word.balance() + amount);
            assert(more.epoch() == word.epoch() && more.used() == word.used());
        }
        if (amount <= word.balance()) {
            AccountWord less = word.minus(amount);
            assert(less.balance() == word.balance() - amount);
            assert(less.epoch() == word.epoch() && less.used() == word.used());
        }
    }

    /// A supplier's name on a fresh listing changes no other field; naming it again changes nothing.
    function check_ownedByNamesTheSupplierOnly(ListingWord word, address owner) public pure {
        vm.assume(word.supplier() == address(0) || word.supplier() == owner);
        ListingWord owned = word.ownedBy(owner);
        assert(owned.supplier() == owner);
        assert(owned.available() == word.available() && owned.epoch() == word.epoch());
    }

    /// A raised epoch of a listing jumps as an account's does, and no other field changes.
    function check_raisedListingEpochChangesTheEpochOnly(ListingWord word, uint256 time) public {
        vm.warp(time);
        ListingWord next = word.voiding();
        assert(next.epoch() >= uint256(word.epoch()) + 2);
        assert(next.epoch() >= time || time > type(uint32).max);
        assert(next.epoch() == uint256(word.epoch()) + 2 || next.epoch() == time);
        assert(next.supplier() == word.supplier() && next.available() == word.available());
    }

    /// Listing raises committed and available by exactly the quantity, committed to at most what is attested.
    function check_listCommitsAtMostWhatIsAttested(
        uint256 time,
        address supplier,
        IResourceVerification.Report calldata report
    ) public {
        vm.warp(time);
        (bytes32 id, IResourceVerification.Slot memory slot, IResourceVerification.Listing memory listing) =
            _book(supplier, report.resource, report.slot);
        IResourceVerification.Report[] memory reports = new IResourceVerification.Report[](1);
        reports[0] = report;
        vm.prank(supplier);
        (bool ok,) = _call(abi.encodeCall(exchange.list, (reports)));
        if (!ok) return;
        IResourceVerification.Slot memory slotNow = exchange.slotOf(supplier, report.resource, report.slot);
        IResourceVerification.Listing memory after_ = _listing(id);
        assert(slotNow.committed <= slotNow.attested && slotNow.attested == slot.attested);
        assert(slotNow.committed == uint256(slot.committed) + report.quantity);
        assert(after_.available == uint256(listing.available) + report.quantity);
        assert(after_.supplier == supplier && after_.epoch == listing.epoch && after_.available <= slotNow.committed);
    }

    /// What is listed on opening a sealed attestation brings committed to exactly what was attested under seal; where no
    /// more was attested than is committed, nothing is listed.
    function check_openCommitsWhatWasSealed(uint256 time, IResourceVerification.Opening calldata opening) public {
        vm.warp(time);
        (bytes32 id, IResourceVerification.Slot memory slot, IResourceVerification.Listing memory listing) =
            _book(opening.supplier, opening.resource, opening.slot);
        bytes32 commitment = exchange.sealOf(opening.supplier, opening.resource, opening.slot);
        vm.prank(opening.supplier);
        (bool ok,) = _call(abi.encodeCall(exchange.open, (opening, 0, "")));
        if (!ok) return;
        uint64 quantity = opening.quantity;
        assert(
            commitment
                == exchange.commitmentOf(opening.supplier, opening.resource, opening.slot, quantity, opening.salt)
        );
        uint64 more = quantity > slot.committed ? quantity - slot.committed : 0;
        IResourceVerification.Slot memory left = exchange.slotOf(opening.supplier, opening.resource, opening.slot);
        assert(left.attested == quantity && left.committed == slot.committed + more);
        IResourceVerification.Listing memory after_ = _listing(id);
        assert(after_.available == listing.available + more && after_.available <= left.committed);
        assert(after_.epoch == listing.epoch && (more == 0 || after_.supplier == opening.supplier));
    }

    /// Unlisting takes exactly the quantity off both, and goes through exactly if so much is available. The last unit
    /// raises the epoch, which must be possible.
    function check_unlistTakesBackWhatIsAvailable(address supplier, bytes32 resource, uint64 number, uint64 quantity)
        public
    {
        (bytes32 id, IResourceVerification.Slot memory slot, IResourceVerification.Listing memory listing) =
            _book(supplier, resource, number);
        vm.prank(supplier);
        (bool ok,) = _call(abi.encodeCall(exchange.unlist, (resource, number, quantity)));
        bool last = quantity == listing.available;
        bool raises = listing.epoch <= type(uint32).max - 2;
        assert(ok == (quantity != 0 && quantity <= listing.available && (!last || raises)));
        if (!ok) return;
        IResourceVerification.Slot memory slotNow = exchange.slotOf(supplier, resource, number);
        IResourceVerification.Listing memory after_ = _listing(id);
        assert(slotNow.committed == slot.committed - quantity && slotNow.attested == slot.attested);
        assert(after_.available == listing.available - quantity && after_.available <= slotNow.committed);
        assert(after_.supplier == listing.supplier);
        assert(last ? after_.epoch >= uint256(listing.epoch) + 2 : after_.epoch == listing.epoch);
    }

    /// A settlement takes exactly its quantity off its listing; no other listing and no slot's committed changes.
    function check_settleTakesItsQuantityOffTheListing(
        uint256 time,
        IResourceTrading.SignedTrade calldata signed,
        bytes32 other,
        address supplier,
        bytes32 resource,
        uint64 number
    ) public {
        vm.warp(time);
        IResourceTrading.Trade calldata trade = signed.trade;
        vm.assume(other != trade.listing);
        IResourceVerification.Listing memory listing = _listing(trade.listing);
        IResourceVerification.Listing memory beside = _listing(other);
        IResourceVerification.Slot memory slot = exchange.slotOf(supplier, resource, number);
        if (!_settles(signed)) return;
        IResourceVerification.Listing memory after_ = _listing(trade.listing);
        assert(trade.quantity <= listing.available && after_.available == listing.available - trade.quantity);
        assert(after_.supplier == listing.supplier && after_.epoch == listing.epoch);
        assert(_same(_listing(other), beside));
        IResourceVerification.Slot memory slotNow = exchange.slotOf(supplier, resource, number);
        assert(slotNow.committed == slot.committed && slotNow.attested == slot.attested);
    }

    /// @dev A slot and its listing in any state that keeps what the properties above keep: available is at most
    /// committed, and the listing is nobody's or the supplier's.
    function _book(address supplier, bytes32 resource, uint64 number)
        private
        view
        returns (bytes32 id, IResourceVerification.Slot memory slot, IResourceVerification.Listing memory listing)
    {
        id = exchange.listingId(supplier, resource, number);
        slot = exchange.slotOf(supplier, resource, number);
        listing = _listing(id);
        vm.assume(listing.available <= slot.committed);
        vm.assume(listing.supplier == address(0) || listing.supplier == supplier);
    }
}
