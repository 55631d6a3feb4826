// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {SettleBase} from "../base/SettleBase.sol";

/// @notice Taking a listing's unsold units off the market, and voiding what was signed for it.
contract UnlistTest is SettleBase {
    function test_freesTheUnitsAndSaysSo() public {
        vm.expectEmit(address(exchange));
        emit IResourceVerification.Unlisted(_id("m1", 0), supplier, "m1", 0, 4, 6);
        _as(supplier, _unlist(4));
        vm.assertEq(_listing("m1").available, 6);
        vm.assertEq(_slot("m1").committed, 6);
        _list("m1", 4);
        vm.assertEq(_listing("m1").available, 10);
    }

    function test_neverFreesWhatIsSold() public {
        _settle(_trade());
        _refuses(supplier, _unlist(7), _insufficient(6, 7));
        _as(supplier, _unlist(6));
        vm.assertEq(_slot("m1").committed, 4);
        _refuses(
            supplier,
            abi.encodeCall(exchange.list, (_reports(_report("m1", 7)))),
            abi.encodeWithSelector(IResourceVerification.OverReported.selector, bytes32("m1"), 0, 7, 10, 4)
        );
    }

    function test_refusesZero() public {
        _refuses(supplier, _unlist(0), abi.encodeWithSelector(IResourceVerification.ZeroQuantity.selector));
    }

    function test_refusesAnother() public {
        _refuses(
            stranger,
            _unlist(1),
            abi.encodeWithSelector(IResourceVerification.NotRegistered.selector, stranger, bytes32("m1"))
        );
        _as(stranger, abi.encodeCall(exchange.registerResource, ("m1", UNIT, NOW, HOUR)));
        bytes32 id = exchange.listingId(stranger, "m1", 0);
        _refuses(
            stranger, _unlist(1), abi.encodeWithSelector(IResourceVerification.InsufficientListing.selector, id, 0, 1)
        );
    }

    function test_theLastUnitWithdrawsTheListingAndVoidsWhatWasSigned() public {
        IResourceTrading.SignedTrade memory old = _signed(_trade());
        _as(supplier, _unlist(LISTED - 1));
        vm.assertEq(_listing("m1").epoch, 0);
        vm.expectEmit(address(exchange));
        emit IResourceVerification.Unlisted(_id("m1", 0), supplier, "m1", 0, 1, 0);
        vm.expectEmit(address(exchange));
        emit IResourceVerification.ListingEpochRaised(_id("m1", 0), supplier, uint32(NOW));
        _as(supplier, _unlist(1));
        _list("m1", LISTED);
        _refusesTrade(old, _wrongListingEpoch(0, NOW));
        _settleForEpoch(NOW);
    }

    function test_theLastUnsoldUnitDoesSoToo() public {
        _settle(_trade());
        _as(supplier, _unlist(LISTED - 4));
        vm.assertEq(_listing("m1").epoch, NOW);
        vm.assertEq(_slot("m1").committed, 4);
    }

    function test_lessThanTheLastUnitVoidsNothing() public {
        vm.recordLogs();
        _as(supplier, _unlist(LISTED - 4));
        vm.assertEq(vm.getRecordedLogs().length, 1);
        _settle(_trade());
    }

    function test_raisedListingEpochVoidsWhatWasSigned() public {
        vm.expectEmit(address(exchange));
        emit IResourceVerification.ListingEpochRaised(_id("m1", 0), supplier, uint32(NOW));
        _as(supplier, _raise("m1", 0));
        vm.assertEq(_listing("m1").epoch, NOW);
        vm.assertEq(_listing("m1").available, LISTED);
        vm.assertEq(_listing("m1").supplier, supplier);
        _refusesTrade(_trade(), _wrongListingEpoch(0, NOW));
        _settleForEpoch(NOW);
    }

    /// @dev Before anything is listed, attested or sealed: it names the supplier, and voids all the same.
    function test_raisedListingEpochVoidsWhatIsSignedAhead() public {
        _register("m2");
        vm.expectEmit(address(exchange));
        emit IResourceVerification.ListingEpochRaised(_id("m2", 0), supplier, uint32(NOW));
        _as(supplier, _raise("m2", 0));
        _attest(_attestation("m2", _quantities(LISTED), 1));
        _list("m2", LISTED);
        IResourceTrading.Trade memory trade = _trade();
        trade.listing = _id("m2", 0);
        _refusesTrade(trade, _wrongListingEpoch(0, NOW));
        trade.listingEpoch = NOW;
        _settle(trade);
    }

    /// @dev The time, or two more than the old epoch where that is later.
    function test_theListingsEpochJumpsToTheTimeOrByTwo() public {
        uint64[3] memory times = [NOW, NOW + 1, NOW + 9];
        uint64[3] memory expected = [NOW, NOW + 2, NOW + 9];
        for (uint256 i = 0; i < times.length; ++i) {
            vm.warp(times[i]);
            _as(supplier, _raise("m1", 0));
            vm.assertEq(_listing("m1").epoch, expected[i]);
        }
    }

    /// @dev A listing is named by its resource and slot, so nobody's but the caller's own can be.
    function test_raisesTheCallersOwnListingOnly() public {
        bytes memory reason =
            abi.encodeWithSelector(IResourceVerification.NotRegistered.selector, stranger, bytes32("m1"));
        _refuses(stranger, _raise("m1", 0), reason);
        _as(stranger, abi.encodeCall(exchange.registerResource, ("m1", UNIT, NOW, HOUR)));
        _as(stranger, _raise("m1", 0));
        vm.assertEq(_listing("m1").epoch, 0);
        vm.assertEq(exchange.listingOf(exchange.listingId(stranger, "m1", 0)).epoch, NOW);
        uint64 beyond = (2 ** 40 - 1 - NOW) / HOUR;
        reason = abi.encodeWithSelector(IResourceVerification.SlotOutOfRange.selector, bytes32("m1"), beyond);
        _refuses(supplier, _raise("m1", beyond), reason);
    }

    function _settleForEpoch(uint64 epoch) private {
        IResourceTrading.Trade memory trade = _trade();
        trade.listingEpoch = epoch;
        _settle(trade);
    }

    function _wrongListingEpoch(uint64 signed, uint64 current) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IResourceTrading.WrongListingEpoch.selector, signed, current);
    }

    function _unlist(uint64 quantity) private view returns (bytes memory) {
        return abi.encodeCall(exchange.unlist, ("m1", 0, quantity));
    }

    function _raise(bytes32 resource, uint64 slot) private view returns (bytes memory) {
        return abi.encodeCall(exchange.raiseListingEpoch, (resource, slot));
    }

    function _insufficient(uint64 available, uint64 quantity) private view returns (bytes memory) {
        return
            abi.encodeWithSelector(
                IResourceVerification.InsufficientListing.selector, _id("m1", 0), available, quantity
            );
    }
}
