// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IConsortium} from "../../src/interfaces/IConsortium.sol";
import {ConsortiumBase} from "../base/ConsortiumBase.sol";

contract ConsortiumAgreeTest is ConsortiumBase {
    /// @dev Of 1 to 7 seats: 1, 2, 3, 3, 4, 5, 5.
    function test_isDoneOnceMoreThanTwoThirdsAgree() public {
        uint8[7] memory needed = [1, 2, 3, 3, 4, 5, 5];
        for (uint256 seats = 1; seats <= 7; ++seats) {
            consortium = _founded(seats);
            bytes memory call = _admit(seats, seats);
            for (uint256 i = 0; i < needed[seats - 1]; ++i) {
                vm.assertEq(consortium.version(), 1);
                vm.assertEq(_wanted(call), i);
                _agree(i, call);
            }
            vm.assertEq(consortium.version(), 2);
            vm.assertTrue(_hasSeat(seats, _key(seats)));
        }
    }

    function test_saysWhoWantsWhatAndThatItIsDone() public {
        bytes memory call = _admit(4, 4);
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectEmit(address(consortium));
            emit IConsortium.Agreed(_owner(i), keccak256(call), call, UNTIL);
            if (i == 2) {
                vm.expectEmit(address(consortium));
                emit IConsortium.Done(keccak256(call), call);
                vm.expectEmit(address(consortium));
                emit IConsortium.Admitted(_owner(4), _key(4));
            }
            _agree(i, call);
        }
    }

    function test_answersWhoWantsACallUntilWhen() public {
        bytes memory call = _admit(4, 4);
        _agreeUntil(3, call, UNTIL + 3);
        _agreeUntil(1, call, UNTIL + 1);
        _agree(0, _remove(3));
        (address[] memory owners, uint64[] memory until) = consortium.agreed(call);
        vm.assertEq(owners.length, 2);
        vm.assertEq(until.length, 2);
        vm.assertEq(owners[0], _owner(1));
        vm.assertEq(owners[1], _owner(3));
        vm.assertEq(until[0], UNTIL + 1);
        vm.assertEq(until[1], UNTIL + 3);
    }

    function test_onlyAnOwnerAgrees() public {
        bytes memory refusal = abi.encodeWithSelector(IConsortium.NotSeated.selector, STRANGER);
        _refuses(STRANGER, abi.encodeCall(consortium.agree, (_admit(4, 4), UNTIL)), refusal);
        refusal = abi.encodeWithSelector(IConsortium.NotSeated.selector, SYSTEM);
        _refuses(SYSTEM, abi.encodeCall(consortium.agree, (_admit(4, 4), UNTIL)), refusal);
    }

    function test_anOwnerCountsOnce() public {
        bytes memory call = _admit(4, 4);
        for (uint256 i = 0; i < 4; ++i) {
            _agree(0, call);
        }
        vm.assertEq(_wanted(call), 1);
        vm.assertEq(consortium.version(), 1);
    }

    function test_everyCallIsCountedForItself() public {
        _agree(0, _admit(4, 4));
        _agree(1, _admit(4, 4));
        _agree(2, _admit(4, 5));
        vm.assertEq(consortium.version(), 1);
        _agree(3, _admit(4, 4));
        vm.assertTrue(_hasSeat(4, _key(4)));
    }

    function test_anOwnerTakesItBack() public {
        bytes memory call = _admit(4, 4);
        _agree(0, call);
        _agree(1, call);
        vm.expectEmit(address(consortium));
        emit IConsortium.Agreed(_owner(0), keccak256(call), call, 0);
        _agreeUntil(0, call, 0);
        vm.assertEq(_wanted(call), 1);
        _agree(2, call);
        vm.assertEq(consortium.version(), 1);
        _agree(0, call);
        vm.assertEq(consortium.version(), 2);
    }

    function test_whatIsSaidAgainReplacesTheTime() public {
        bytes memory call = _admit(4, 4);
        _agreeUntil(0, call, UNTIL);
        _agreeUntil(0, call, NOW + 1);
        vm.warp(NOW + 1);
        vm.assertEq(_wanted(call), 0);
    }

    function test_holdsUntilTheExactSecond() public {
        bytes memory call = _admit(4, 4);
        _agree(0, call);
        _agree(1, call);
        vm.warp(UNTIL - 1);
        vm.assertEq(_wanted(call), 2);
        uint256 before = vm.snapshotState();
        _agree(2, call);
        vm.assertEq(consortium.version(), 2);
        vm.assertTrue(vm.revertToState(before));
        vm.warp(UNTIL);
        vm.assertEq(_wanted(call), 0);
        _agreeUntil(2, call, UNTIL + 1);
        vm.assertEq(consortium.version(), 1);
    }

    function test_refusesATimeThatIsOverOrTooFar() public {
        bytes memory call = _admit(4, 4);
        bytes memory refusal = abi.encodeWithSelector(IConsortium.AgreementExpired.selector, NOW, NOW);
        _refuses(_owner(0), abi.encodeCall(consortium.agree, (call, NOW)), refusal);
        uint64 latest = NOW + consortium.MAX_AGREEMENT();
        refusal = abi.encodeWithSelector(IConsortium.AgreementTooLong.selector, latest + 1, latest);
        _refuses(_owner(0), abi.encodeCall(consortium.agree, (call, latest + 1)), refusal);
        _agreeUntil(0, call, NOW + 1);
        _agreeUntil(1, call, latest);
        vm.assertEq(_wanted(call), 2);
    }

    /// @dev The longest call that does anything is as long as a call may be.
    function test_refusesACallLongerThanAny() public {
        bytes memory longest = abi.encodeCall(consortium.allow, (IConsortium.Right.Send, STRANGER, true));
        vm.assertEq(longest.length, consortium.MAX_CALL());
        _agree(0, longest);
        vm.assertEq(_wanted(longest), 1);
        bytes memory longer = abi.encodePacked(longest, uint8(0));
        bytes memory refusal = abi.encodeWithSelector(IConsortium.CallTooLong.selector, 101, 100);
        _refuses(_owner(0), abi.encodeCall(consortium.agree, (longer, UNTIL)), refusal);
        _refuses(_owner(0), abi.encodeCall(consortium.agree, (longer, 0)), refusal);
    }

    function test_nobodyWantsAnyMoreWhatIsDone() public {
        bytes memory call = abi.encodeCall(consortium.open, (IConsortium.Right.Send, false));
        _decide(call);
        vm.assertEq(_wanted(call), 0);
        _agree(3, call);
        vm.assertEq(_wanted(call), 1);
        _agree(2, call);
        vm.assertEq(consortium.version(), 2);
        _agree(1, call);
        vm.assertEq(consortium.version(), 3);
    }

    function test_aCallThatIsRefusedLeavesAllAsItWas() public {
        bytes memory call = _admit(4, 3);
        _decideInVain(call, abi.encodeWithSelector(IConsortium.BadKey.selector, _key(3)));
        vm.assertEq(_wanted(call), 2);
    }

    /// @dev Three of five are too few, three of four are enough.
    function test_whereASeatHasGoneTheNextWordHasItDone() public {
        consortium = _founded(5);
        bytes memory call = _admit(5, 5);
        for (uint256 i = 0; i < 3; ++i) {
            _agree(i, call);
        }
        _punish(_key(4));
        vm.assertEq(_wanted(call), 3);
        vm.assertFalse(_hasSeat(5, _key(5)));
        _agree(0, call);
        vm.assertTrue(_hasSeat(5, _key(5)));
    }

    /// @dev Four of six are too few, and still more than two thirds without the one that takes its word back.
    function test_takingAWordBackDoesNothingElse() public {
        consortium = _founded(6);
        bytes memory call = _admit(6, 6);
        for (uint256 i = 0; i < 4; ++i) {
            _agree(i, call);
        }
        _punish(_key(4));
        _punish(_key(5));
        _agreeUntil(0, call, 0);
        vm.assertEq(_wanted(call), 3);
        vm.assertFalse(_hasSeat(6, _key(6)));
        _agree(1, call);
        vm.assertTrue(_hasSeat(6, _key(6)));
    }
}
