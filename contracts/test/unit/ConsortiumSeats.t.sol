// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IConsortium} from "../../src/interfaces/IConsortium.sol";
import {ConsortiumBase} from "../base/ConsortiumBase.sol";

contract ConsortiumSeatsTest is ConsortiumBase {
    function test_admits() public {
        address last = _prepare(_admit(4, 4));
        vm.expectEmit(address(consortium));
        emit IConsortium.Admitted(_owner(4), _key(4));
        vm.prank(last);
        consortium.agree(_admit(4, 4), UNTIL);
        vm.assertTrue(_hasSeat(4, _key(4)));
        vm.assertEq(consortium.state().seats.length, 5);
        vm.assertEq(consortium.version(), 2);
    }

    function test_whoIsAdmittedVotes() public {
        _decide(_admit(4, 4));
        bytes memory call = _remove(0);
        for (uint256 i = 1; i < 5; ++i) {
            vm.assertTrue(_hasSeat(0, _key(0)));
            _agree(i, call);
        }
        vm.assertFalse(_hasSeat(0, _key(0)));
    }

    function test_refusesWhoHasASeat() public {
        _decideInVain(_admit(3, 4), abi.encodeWithSelector(IConsortium.AlreadySeated.selector, _owner(3)));
    }

    function test_refusesAKeyThatIsTakenOrNone() public {
        _decideInVain(_admit(4, 3), abi.encodeWithSelector(IConsortium.BadKey.selector, _key(3)));
        bytes memory call = abi.encodeCall(consortium.admit, (_owner(4), 0));
        _decideInVain(call, abi.encodeWithSelector(IConsortium.BadKey.selector, bytes32(0)));
    }

    function test_refusesOwnersThatCannotVote() public {
        address[2] memory bad = [address(0), address(consortium)];
        for (uint256 i = 0; i < 2; ++i) {
            bytes memory call = abi.encodeCall(consortium.admit, (bad[i], _key(4)));
            _decideInVain(call, abi.encodeWithSelector(IConsortium.BadOwner.selector, bad[i]));
        }
    }

    function test_refusesMoreSeatsThanFit() public {
        uint256 most = consortium.MAX_SEATS();
        consortium = _founded(most);
        _decideInVain(_admit(most, most), abi.encodeWithSelector(IConsortium.TooManySeats.selector, most));
    }

    function test_removes() public {
        address last = _prepare(_remove(1));
        vm.expectEmit(address(consortium));
        emit IConsortium.Removed(_owner(1), _key(1));
        vm.prank(last);
        consortium.agree(_remove(1), UNTIL);
        vm.assertFalse(_hasSeat(1, _key(1)));
        for (uint256 i = 0; i < 4; ++i) {
            if (i != 1) vm.assertTrue(_hasSeat(i, _key(i)));
        }
        vm.assertEq(consortium.state().seats.length, 3);
        vm.assertEq(consortium.version(), 2);
        bytes memory refusal = abi.encodeWithSelector(IConsortium.NotSeated.selector, _owner(1));
        _refuses(_owner(1), abi.encodeCall(consortium.agree, (_remove(0), UNTIL)), refusal);
    }

    function test_anOwnerAndAKeyComeBack() public {
        _decide(_remove(1));
        _decide(_admit(4, 1));
        _decide(_admit(1, 5));
        vm.assertTrue(_hasSeat(4, _key(1)));
        vm.assertTrue(_hasSeat(1, _key(5)));
    }

    function test_refusesToRemoveWhoHasNoSeat() public {
        _decideInVain(_remove(4), abi.encodeWithSelector(IConsortium.NotSeated.selector, _owner(4)));
    }

    function test_theLastSeatStays() public {
        consortium = _founded(2);
        _decide(_remove(0));
        _decideInVain(_remove(1), abi.encodeWithSelector(IConsortium.LastSeat.selector));
    }

    function test_anOwnerVotesItselfOut() public {
        _agree(0, _remove(3));
        _agree(1, _remove(3));
        _agree(3, _remove(3));
        vm.assertFalse(_hasSeat(3, _key(3)));
        vm.assertEq(_wanted(_remove(3)), 0);
    }
}
