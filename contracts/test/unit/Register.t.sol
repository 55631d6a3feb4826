// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {ExchangeBase} from "../base/ExchangeBase.sol";

contract RegisterTest is ExchangeBase {
    function test_emitsTheCalendar() public {
        vm.expectEmit(address(exchange));
        emit IResourceVerification.ResourceRegistered(supplier, "m1", UNIT, NOW, HOUR);
        _register("m1");
    }

    function test_oncePerSupplierAndResource() public {
        _register("m1");
        vm.expectRevert(
            abi.encodeWithSelector(IResourceVerification.AlreadyRegistered.selector, supplier, bytes32("m1"))
        );
        vm.prank(supplier);
        exchange.registerResource("m1", "piece", NOW + 1, 2 * HOUR);
    }

    function test_anotherSupplierMayUseTheSameName() public {
        _register("m1");
        vm.expectEmit(address(exchange));
        emit IResourceVerification.ResourceRegistered(stranger, "m1", "piece", 0, 1);
        vm.prank(stranger);
        exchange.registerResource("m1", "piece", 0, 1);
    }

    function test_refusesSlotLengthZero() public {
        vm.expectRevert(abi.encodeWithSelector(IResourceVerification.BadSlotLength.selector, 0));
        exchange.registerResource("m1", UNIT, NOW, 0);
    }

    function test_refusesCalendarWhoseFirstSlotEndsPast64Bits() public {
        uint64 origin = type(uint64).max - 10;
        vm.expectRevert(abi.encodeWithSelector(IResourceVerification.BadSlotLength.selector, 11));
        exchange.registerResource("m1", UNIT, origin, 11);
        exchange.registerResource("m1", UNIT, origin, 10);
    }
}
