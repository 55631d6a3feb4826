// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IConsortium} from "../../src/interfaces/IConsortium.sol";
import {ConsortiumBase} from "../base/ConsortiumBase.sol";

contract ConsortiumPunishTest is ConsortiumBase {
    function test_takesTheSeat() public {
        bytes20 validator = _validator(_key(2));
        vm.expectEmit(address(consortium));
        emit IConsortium.Punished(_owner(2), _key(2), 7);
        vm.expectEmit(address(consortium));
        emit IConsortium.Removed(_owner(2), _key(2));
        vm.prank(SYSTEM);
        consortium.punish(validator, 7);
        vm.assertFalse(_hasSeat(2, _key(2)));
        vm.assertEq(consortium.state().seats.length, 3);
        vm.assertEq(consortium.version(), 2);
    }

    function test_theKeyNeverComesBackAndTheOwnerMay() public {
        _punish(_key(2));
        _decideInVain(_admit(2, 2), abi.encodeWithSelector(IConsortium.BadKey.selector, _key(2)));
        _decideInVain(_admit(4, 2), abi.encodeWithSelector(IConsortium.BadKey.selector, _key(2)));
        _decide(_admit(2, 5));
        vm.assertTrue(_hasSeat(2, _key(5)));
    }

    function test_doesNothingToWhoHasNoSeat() public {
        _decide(_remove(2));
        bytes32 before = _stateHash();
        vm.recordLogs();
        _punish(_key(2));
        _punish(_key(9));
        vm.prank(SYSTEM);
        consortium.punish(bytes20(0), 7);
        vm.assertEq(vm.getRecordedLogs().length, 0);
        vm.assertEq(_stateHash(), before);
    }

    function test_twiceIsAsOnce() public {
        _punish(_key(2));
        bytes32 before = _stateHash();
        _punish(_key(2));
        vm.assertEq(_stateHash(), before);
    }

    function test_theLastSeatIsToldAndStays() public {
        consortium = _founded(1);
        bytes32 before = _stateHash();
        vm.recordLogs();
        _punish(_key(0));
        vm.assertEq(vm.getRecordedLogs().length, 1);
        bytes20 validator = _validator(_key(0));
        vm.expectEmit(address(consortium));
        emit IConsortium.Punished(_owner(0), _key(0), 7);
        vm.prank(SYSTEM);
        consortium.punish(validator, 7);
        vm.assertEq(_stateHash(), before);
    }

    function test_onlyTheSystemPunishes() public {
        bytes memory call = abi.encodeCall(consortium.punish, (_validator(_key(2)), 7));
        address[3] memory others = [STRANGER, _owner(0), address(consortium)];
        for (uint256 i = 0; i < 3; ++i) {
            _refuses(others[i], call, abi.encodeWithSelector(IConsortium.NotSystem.selector, others[i]));
        }
    }
}
