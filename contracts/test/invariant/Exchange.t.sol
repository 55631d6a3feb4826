// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {CHEATS} from "../base/Vm.sol";
import {ExchangeHandler} from "./ExchangeHandler.sol";

/// @notice Sums over the whole exchange that hold after every sequence of moves.
contract ExchangeInvariantTest {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    ExchangeHandler private _handler;

    function setUp() public {
        _handler = new ExchangeHandler();
    }

    /// @dev Forge draws its calls from here.
    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        bytes4[] memory selectors = new bytes4[](5);
        selectors[0] = _handler.attest.selector;
        selectors[1] = _handler.list.selector;
        selectors[2] = _handler.deposit.selector;
        selectors[3] = _handler.withdraw.selector;
        selectors[4] = _handler.settle.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(_handler), selectors);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    /// @dev The invariants would say little if the handler's moves never reached a settled trade.
    function test_handlerReachesASettledTrade() external {
        (uint256 supplier, uint256 demander) = (0, 1);
        _handler.attest(supplier, 10);
        _handler.list(supplier, 4);
        _handler.deposit(demander, 1000);
        _handler.settle(supplier, demander, 2, 5);
        CHEATS.assertEq(_handler.settled(), 1);
        (bytes32[] memory ids,, IResourceVerification.Listing[] memory listings) = _handler.books();
        CHEATS.assertEq(listings[0].available, 2);
        CHEATS.assertEq(_handler.delivered(ids[0]), 3);
        CHEATS.assertEq(_handler.attestedAtRaise(ids[0]), 10);
    }

    function invariant_theExchangeHoldsExactlyWhatItOwes() external view {
        (uint256 booked, uint256 held) = _handler.balances();
        CHEATS.assertEq(held, booked);
    }

    function invariant_capacityIsNeverListedAboveTheAttested() external view {
        (bytes32[] memory ids, IResourceVerification.Slot[] memory slots,) = _handler.books();
        for (uint256 i = 0; i < ids.length; ++i) {
            CHEATS.assertLe(slots[i].committed, _handler.attestedAtRaise(ids[i]));
        }
    }

    function invariant_committedIsAvailablePlusDelivered() external view {
        (
            bytes32[] memory ids,
            IResourceVerification.Slot[] memory slots,
            IResourceVerification.Listing[] memory listings
        ) = _handler.books();
        for (uint256 i = 0; i < ids.length; ++i) {
            CHEATS.assertLe(listings[i].available, slots[i].committed);
            CHEATS.assertEq(slots[i].committed, uint256(listings[i].available) + _handler.delivered(ids[i]));
        }
    }
}
