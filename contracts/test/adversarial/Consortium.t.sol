// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Consortium} from "../../src/Consortium.sol";
import {IConsortium} from "../../src/interfaces/IConsortium.sol";
import {ConsortiumBase} from "../base/ConsortiumBase.sol";

/// @notice What less than two thirds, outsiders and odd calls can try on the consortium.
contract AdversarialConsortiumTest is ConsortiumBase {
    function test_nobodyChangesAnythingDirectly() public {
        bytes[6] memory calls = [
            _admit(4, 4),
            _remove(3),
            abi.encodeCall(consortium.allow, (IConsortium.Right.Send, STRANGER, true)),
            abi.encodeCall(consortium.open, (IConsortium.Right.Send, false)),
            abi.encodeCall(consortium.setGas, (IConsortium.Gas(1, 20_000_000))),
            abi.encodeCall(consortium.open, (IConsortium.Right.Deploy, false))
        ];
        address[3] memory callers = [STRANGER, _owner(0), SYSTEM];
        for (uint256 i = 0; i < 18; ++i) {
            bytes memory refusal = abi.encodeWithSelector(IConsortium.NotConsortium.selector, callers[i % 3]);
            _refuses(callers[i % 3], calls[i / 3], refusal);
        }
    }

    function test_wordsOfARemovedOwnerDoNotCount() public {
        bytes memory call = _admit(4, 4);
        _agree(2, call);
        _agree(3, call);
        _decide(_remove(3));
        vm.assertEq(_wanted(call), 1);
        _agree(0, call);
        vm.assertFalse(_hasSeat(4, _key(4)));
        _agree(1, call);
        vm.assertTrue(_hasSeat(4, _key(4)));
    }

    function test_oldWordsOfAnOwnerThatComesBackDoNotCount() public {
        bytes memory call = _admit(4, 4);
        _agree(2, call);
        _agree(3, call);
        _decide(_remove(3));
        _decide(_admit(3, 3));
        vm.assertEq(_wanted(call), 1);
        _agree(0, call);
        vm.assertFalse(_hasSeat(4, _key(4)));
        _agree(3, call);
        vm.assertTrue(_hasSeat(4, _key(4)));
    }

    function test_wordsOfAPunishedOwnerDoNotCountEither() public {
        bytes memory call = _admit(4, 4);
        _agree(3, call);
        _punish(_key(3));
        vm.assertEq(_wanted(call), 0);
        _decide(_admit(3, 5));
        vm.assertEq(_wanted(call), 0);
    }

    /// @dev Its own seat would let the consortium vote for itself, but it has none.
    function test_theConsortiumCannotAgree() public {
        bytes memory call = abi.encodeCall(consortium.agree, ("", UNTIL));
        _decideInVain(call, abi.encodeWithSelector(IConsortium.NotSeated.selector, address(consortium)));
    }

    function test_theConsortiumIsNotTheSystem() public {
        bytes memory refusal = abi.encodeWithSelector(IConsortium.NotSystem.selector, address(consortium));
        _decideInVain(abi.encodeCall(consortium.punish, (_validator(_key(3)), 7)), refusal);
    }

    function test_callsOfNothingAreRefused() public {
        bytes memory refusal = abi.encodeWithSelector(bytes4(keccak256("FailedCall()")));
        bytes[4] memory calls =
            [bytes(""), hex"00", hex"f851a4", abi.encodeWithSignature("upgradeTo(address)", STRANGER)];
        for (uint256 i = 0; i < 4; ++i) {
            _decideInVain(calls[i], refusal);
        }
        _decideInVain(abi.encodePacked(consortium.admit.selector), refusal);
    }

    function test_aCallThatOnlyReadsChangesNothing() public {
        bytes32 before = _stateHash();
        _decide(abi.encodeCall(consortium.state, ()));
        _decide(abi.encodeCall(consortium.agreed, ("")));
        vm.assertEq(_stateHash(), before);
    }

    function test_takesNoCoin() public {
        vm.deal(_owner(0), 3);
        bytes[3] memory calls = [
            abi.encodeCall(consortium.agree, (_admit(4, 4), UNTIL)), bytes(""), abi.encodeCall(consortium.version, ())
        ];
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(_owner(0));
            (bool ok,) = address(consortium).call{value: 1}(calls[i]);
            vm.assertFalse(ok);
        }
        vm.assertEq(_wanted(_admit(4, 4)), 0);
    }

    /// @dev Bytes behind a call's arguments make another call of it, which has to be agreed on for itself.
    function test_aCallWithATailIsAnother() public {
        bytes memory call = _admit(4, 4);
        bytes memory tailed = abi.encodePacked(call, uint8(0));
        _agree(0, call);
        _agree(1, call);
        _agree(2, tailed);
        _agree(3, tailed);
        vm.assertEq(consortium.version(), 1);
        _agree(2, call);
        vm.assertEq(consortium.version(), 2);
    }

    function test_twoThirdsExactlyAreTooFew() public {
        consortium = _founded(6);
        for (uint256 i = 0; i < 4; ++i) {
            _agree(i, _remove(5));
        }
        vm.assertTrue(_hasSeat(5, _key(5)));
        _decide(_remove(4));
        vm.assertFalse(_hasSeat(4, _key(4)));
    }

    /// @dev Less than a tenth of the least block, before refunds and with every word of storage cold.
    function test_theDearestVoteFitsABlock() public {
        uint256 most = consortium.MAX_SEATS();
        consortium = _founded(most - 1);
        bytes memory call = _admit(most, most);
        address last = _prepare(call);
        vm.cool(address(consortium));
        vm.prank(last);
        uint256 before = gasleft();
        consortium.agree(call, UNTIL);
        uint256 used = before - gasleft();
        vm.assertTrue(_hasSeat(most, _key(most)));
        vm.assertLe(500_000, used);
        vm.assertLe(used, consortium.MIN_BLOCK() / 10);
    }

    function test_theLongestStateCanBeRead() public {
        uint256 most = consortium.MAX_ACCOUNTS();
        IConsortium.Access memory access = IConsortium.Access(false, new address[](most));
        for (uint256 i = 0; i < most; ++i) {
            access.accounts[i] = address(uint160(1 + i));
        }
        consortium = new Consortium();
        vm.prank(SYSTEM);
        consortium.found(_seats(64), access, access, _gas());
        vm.cool(address(consortium));
        uint256 before = gasleft();
        consortium.state();
        vm.assertLe(before - gasleft(), 30_000_000);
    }
}
