// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

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

    function test_raisedListingEpochVoidsWhatWasSigned() public {
        vm.expectEmit(address(exchange));
        emit IResourceVerification.ListingEpochRaised(_id("m1", 0), 1);
        _as(supplier, _raise(_id("m1", 0)));
        vm.assertEq(_listing("m1").epoch, 1);
        vm.assertEq(_listing("m1").available, LISTED);
        vm.assertEq(_listing("m1").supplier, supplier);
    }

    function test_refusesToRaiseTheEpochOfAnothersListing() public {
        bytes memory reason = abi.encodeWithSelector(IResourceVerification.UnknownListing.selector, _id("m1", 0));
        _refuses(stranger, _raise(_id("m1", 0)), reason);
        bytes32 unlisted = _id("m1", 1);
        reason = abi.encodeWithSelector(IResourceVerification.UnknownListing.selector, unlisted);
        _refuses(supplier, _raise(unlisted), reason);
    }

    function _unlist(uint64 quantity) private view returns (bytes memory) {
        return abi.encodeCall(exchange.unlist, ("m1", 0, quantity));
    }

    function _raise(bytes32 id) private view returns (bytes memory) {
        return abi.encodeCall(exchange.raiseListingEpoch, (id));
    }

    function _insufficient(uint64 available, uint64 quantity) private view returns (bytes memory) {
        return
            abi.encodeWithSelector(
                IResourceVerification.InsufficientListing.selector, _id("m1", 0), available, quantity
            );
    }
}
