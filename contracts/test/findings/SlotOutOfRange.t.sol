// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {ExchangeBase} from "../base/ExchangeBase.sol";

/// @notice The id of a slot that ends past 40 bits was its end written over the hash: an id of no listing.
contract SlotOutOfRangeTest is ExchangeBase {
    function test_noIdForASlotThatEndsPast40Bits() public {
        _register("m1");
        uint64 last = (2 ** 40 - 1 - NOW) / HOUR - 1;
        vm.assertEq(uint256(exchange.listingId(supplier, "m1", last)) % 2 ** 40, NOW + (last + 1) * HOUR);
        uint64[2] memory beyond = [last + 1, type(uint64).max];
        for (uint256 i = 0; i < beyond.length; ++i) {
            bytes memory reason =
                abi.encodeWithSelector(IResourceVerification.SlotOutOfRange.selector, bytes32("m1"), beyond[i]);
            _refuses(stranger, abi.encodeCall(exchange.listingId, (supplier, "m1", beyond[i])), reason);
            _refuses(supplier, abi.encodeCall(exchange.unlist, ("m1", beyond[i], 1)), reason);
        }
    }
}
