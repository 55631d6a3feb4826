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

    function test_aProofAfterTheSeatHasGoneBarsTheKey() public {
        _decide(_remove(2));
        bytes32 before = _stateHash();
        bytes20 validator = _validator(_key(2));
        vm.expectEmit(address(consortium));
        emit IConsortium.Punished(_owner(2), _key(2), 7);
        vm.prank(SYSTEM);
        consortium.punish(validator, 7);
        vm.assertEq(_stateHash(), before);
        _decideInVain(_admit(2, 2), abi.encodeWithSelector(IConsortium.BadKey.selector, _key(2)));
        _decideInVain(_admit(4, 2), abi.encodeWithSelector(IConsortium.BadKey.selector, _key(2)));
    }

    function test_anOwnersNextSeatIsNotThatOfItsOldKey() public {
        _decide(_remove(2));
        _decide(_admit(2, 5));
        _punish(_key(2));
        vm.assertTrue(_hasSeat(2, _key(5)));
        _punish(_key(5));
        vm.assertFalse(_hasSeat(2, _key(5)));
    }

    /// @dev Whoever has the key by now answers for it.
    function test_aKeysNextSeatGoes() public {
        _decide(_remove(2));
        _decide(_admit(4, 2));
        _decide(_admit(2, 5));
        bytes20 validator = _validator(_key(2));
        vm.expectEmit(address(consortium));
        emit IConsortium.Punished(_owner(4), _key(2), 7);
        vm.expectEmit(address(consortium));
        emit IConsortium.Removed(_owner(4), _key(2));
        vm.prank(SYSTEM);
        consortium.punish(validator, 7);
        vm.assertFalse(_hasSeat(4, _key(2)));
        vm.assertTrue(_hasSeat(2, _key(5)));
    }

    function test_doesNothingForAKeyThatNeverHadASeat() public {
        bytes32 before = _stateHash();
        vm.recordLogs();
        _punish(_key(9));
        vm.prank(SYSTEM);
        consortium.punish(bytes20(0), 7);
        vm.assertEq(vm.getRecordedLogs().length, 0);
        vm.assertEq(_stateHash(), before);
        _decide(_admit(4, 9));
        vm.assertTrue(_hasSeat(4, _key(9)));
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

    function test_theLastSeatsKeyIsBarredAndALaterProofTakesTheSeat() public {
        consortium = _founded(1);
        _punish(_key(0));
        _decide(_admit(1, 1));
        uint256 before = vm.snapshotState();
        _decide(_remove(0));
        _decideInVain(_admit(0, 0), abi.encodeWithSelector(IConsortium.BadKey.selector, _key(0)));
        vm.assertTrue(vm.revertToState(before));
        _punish(_key(0));
        vm.assertFalse(_hasSeat(0, _key(0)));
        vm.assertTrue(_hasSeat(1, _key(1)));
    }

    function test_onlyTheSystemPunishes() public {
        bytes memory call = abi.encodeCall(consortium.punish, (_validator(_key(2)), 7));
        address[3] memory others = [STRANGER, _owner(0), address(consortium)];
        for (uint256 i = 0; i < 3; ++i) {
            _refuses(others[i], call, abi.encodeWithSelector(IConsortium.NotSystem.selector, others[i]));
        }
    }
}
