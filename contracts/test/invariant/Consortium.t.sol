// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IConsortium} from "../../src/interfaces/IConsortium.sol";
import {CHEATS} from "../base/Vm.sol";
import {ConsortiumHandler} from "./ConsortiumHandler.sol";

/// @notice Whatever owners and outsiders do: the handler counts votes for itself, and checks each move.
contract ConsortiumInvariantTest {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    ConsortiumHandler private _handler;

    function setUp() public {
        _handler = new ConsortiumHandler();
    }

    /// @dev Forge draws its calls from here.
    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        bytes4[] memory moves = new bytes4[](6);
        moves[0] = _handler.agree.selector;
        moves[1] = _handler.agreeAll.selector;
        moves[2] = _handler.takeBack.selector;
        moves[3] = _handler.punish.selector;
        moves[4] = _handler.intrude.selector;
        moves[5] = _handler.warp.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(_handler), moves);
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function invariant_seatsAreSound() external view {
        _handler.requireSoundSeats();
    }

    /// @dev The invariant would say little if the moves never came about.
    function test_theHandlersMovesComeAbout() external {
        uint256 five = 5 << 8;
        _handler.agreeAll(five | 5 << 16, 0); // admits the sixth account with the sixth key
        _handler.agree(0, 3 | five, 1);
        _handler.takeBack(0, 3 | five);
        _handler.agreeAll(3 | five, 0); // removes it
        _handler.agreeAll(5, 0);
        _handler.agreeAll(6, 0);
        _handler.agreeAll(7, 0);
        _handler.agreeAll(0, 0); // its owner has a seat
        _handler.punish(3 << 8);
        _handler.punish(five); // its seat has gone
        _handler.punish(6 << 8); // it never had one
        _handler.agreeAll(five | 3 << 16, 0); // with the punished key
        _handler.intrude(0, 0);
        _handler.warp(1);
        bytes4[5] memory done = [
            IConsortium.admit.selector,
            IConsortium.remove.selector,
            IConsortium.allow.selector,
            IConsortium.open.selector,
            IConsortium.setGas.selector
        ];
        for (uint256 i = 0; i < 5; ++i) {
            CHEATS.assertTrue(_handler.reached(done[i]) > 0);
        }
        CHEATS.assertEq(_handler.reached("punished"), 1);
        CHEATS.assertEq(_handler.reached("barred"), 1);
        CHEATS.assertEq(_handler.reached("unknown"), 1);
        CHEATS.assertTrue(_handler.reached("refused") > 1);
        CHEATS.assertTrue(_handler.reached("not seated") > 0);
        _handler.requireSoundSeats();
    }
}
