// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {ExchangeBase} from "../base/ExchangeBase.sol";

contract RegisterTest is ExchangeBase {
    uint64 private constant LAST = 2 ** 40 - 1;

    function test_emitsTheCalendar() public {
        vm.expectEmit(address(exchange));
        emit IResourceVerification.ResourceRegistered(supplier, "m1", UNIT, NOW, HOUR);
        _register("m1");
    }

    function test_oncePerSupplierAndResource() public {
        _register("m1");
        _refuses(
            supplier,
            _call("m1", NOW + 1, 2 * HOUR),
            abi.encodeWithSelector(IResourceVerification.AlreadyRegistered.selector, supplier, bytes32("m1"))
        );
        vm.expectEmit(address(exchange));
        emit IResourceVerification.ResourceRegistered(stranger, "m1", UNIT, 0, 1);
        _as(stranger, _call("m1", 0, 1));
    }

    function test_refusesSlotLengthZero() public {
        _refuses(supplier, _call("m1", NOW, 0), _badLength(0));
    }

    function test_refusesCalendarWhoseFirstSlotEndsPast40Bits() public {
        _refuses(supplier, _call("m1", LAST - 10, 11), _badLength(11));
        uint64 max = type(uint64).max;
        _refuses(supplier, _call("m1", max, max), _badLength(max));
        _as(supplier, _call("m1", LAST - 10, 10));
    }

    function _call(bytes32 resource, uint64 origin, uint64 length) private view returns (bytes memory) {
        return abi.encodeCall(exchange.registerResource, (resource, UNIT, origin, length));
    }

    function _badLength(uint64 length) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IResourceVerification.BadSlotLength.selector, length);
    }
}
