// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Consortium} from "../../src/Consortium.sol";
import {IConsortium} from "../../src/interfaces/IConsortium.sol";
import {ConsortiumBase} from "../base/ConsortiumBase.sol";

contract ConsortiumFoundTest is ConsortiumBase {
    function setUp() public override {
        vm.warp(NOW);
        consortium = new Consortium();
    }

    function test_fixesTheFirstState() public {
        address[] memory deployers = new address[](2);
        (deployers[0], deployers[1]) = (STRANGER, _owner(1));
        IConsortium.Access memory deploy = IConsortium.Access(false, deployers);
        IConsortium.Gas memory gas = IConsortium.Gas(consortium.MAX_PRICE(), consortium.MIN_BLOCK());
        IConsortium.State memory first = IConsortium.State(1, _seats(3), deploy, _everybody(), gas);
        vm.expectEmit(address(consortium));
        emit IConsortium.Admitted(_owner(0), _key(0));
        vm.expectEmit(address(consortium));
        emit IConsortium.Admitted(_owner(1), _key(1));
        vm.expectEmit(address(consortium));
        emit IConsortium.Admitted(_owner(2), _key(2));
        vm.expectEmit(address(consortium));
        emit IConsortium.Opened(IConsortium.Right.Deploy, false);
        vm.expectEmit(address(consortium));
        emit IConsortium.Allowed(IConsortium.Right.Deploy, STRANGER, true);
        vm.expectEmit(address(consortium));
        emit IConsortium.Allowed(IConsortium.Right.Deploy, _owner(1), true);
        vm.expectEmit(address(consortium));
        emit IConsortium.Opened(IConsortium.Right.Send, true);
        vm.expectEmit(address(consortium));
        emit IConsortium.GasSet(gas.minPrice, gas.blockLimit);
        vm.prank(SYSTEM);
        consortium.found(first.seats, deploy, first.send, gas);
        vm.assertEq(_stateHash(), keccak256(abi.encode(first)));
        vm.assertEq(consortium.version(), 1);
    }

    function test_versionAloneStandsInTheFirstSlot() public {
        vm.assertEq(vm.load(address(consortium), 0), 0);
        _found(_seats(4), "");
        vm.assertEq(vm.load(address(consortium), 0), bytes32(uint256(1)));
        _decide(_remove(3));
        vm.assertEq(vm.load(address(consortium), 0), bytes32(uint256(2)));
    }

    function test_onlyTheSystemFounds() public {
        address[3] memory others = [STRANGER, _owner(0), address(consortium)];
        for (uint256 i = 0; i < 3; ++i) {
            bytes memory refusal = abi.encodeWithSelector(IConsortium.NotSystem.selector, others[i]);
            _refuses(others[i], _foundCall(_seats(1), _everybody(), _gas()), refusal);
        }
    }

    function test_onlyOnce() public {
        _found(_seats(1), "");
        _found(_seats(2), abi.encodeWithSelector(IConsortium.AlreadyFounded.selector));
    }

    function test_refusesNoSeat() public {
        _found(_seats(0), abi.encodeWithSelector(IConsortium.LastSeat.selector));
    }

    function test_refusesOwnersThatCannotVote() public {
        IConsortium.Seat[] memory seats = _seats(2);
        seats[1].owner = address(0);
        _found(seats, abi.encodeWithSelector(IConsortium.BadOwner.selector, address(0)));
        seats[1].owner = address(consortium);
        _found(seats, abi.encodeWithSelector(IConsortium.BadOwner.selector, address(consortium)));
    }

    function test_refusesAnOwnerOrAKeyTwice() public {
        IConsortium.Seat[] memory seats = _seats(2);
        seats[1].owner = _owner(0);
        _found(seats, abi.encodeWithSelector(IConsortium.AlreadySeated.selector, _owner(0)));
        seats = _seats(2);
        seats[1].key = _key(0);
        _found(seats, abi.encodeWithSelector(IConsortium.BadKey.selector, _key(0)));
        seats[1].key = 0;
        _found(seats, abi.encodeWithSelector(IConsortium.BadKey.selector, bytes32(0)));
    }

    function test_refusesMoreSeatsThanFit() public {
        uint256 most = consortium.MAX_SEATS();
        _found(_seats(most + 1), abi.encodeWithSelector(IConsortium.TooManySeats.selector, most));
        _found(_seats(most), "");
        vm.assertEq(consortium.state().seats.length, most);
    }

    function test_refusesMoreAccountsThanFit() public {
        uint256 most = consortium.MAX_ACCOUNTS();
        bytes memory refusal = abi.encodeWithSelector(IConsortium.TooManyAccounts.selector, most);
        _refuses(SYSTEM, _foundCall(_seats(1), _list(most + 1), _gas()), refusal);
        vm.prank(SYSTEM);
        consortium.found(_seats(1), _list(most), _everybody(), _gas());
        vm.assertEq(consortium.state().deploy.accounts.length, most);
    }

    function test_refusesAnAccountTwice() public {
        IConsortium.Access memory access = _list(2);
        access.accounts[1] = access.accounts[0];
        bytes memory refusal =
            abi.encodeWithSelector(IConsortium.Unchanged.selector, IConsortium.Right.Deploy, access.accounts[0]);
        _refuses(SYSTEM, _foundCall(_seats(1), access, _gas()), refusal);
    }

    function test_refusesGasOutOfBounds() public {
        IConsortium.Gas[3] memory bad = [
            IConsortium.Gas(consortium.MAX_PRICE() + 1, 30_000_000),
            IConsortium.Gas(0, consortium.MIN_BLOCK() - 1),
            IConsortium.Gas(0, consortium.MAX_BLOCK() + 1)
        ];
        for (uint256 i = 0; i < 3; ++i) {
            bytes memory refusal =
                abi.encodeWithSelector(IConsortium.BadGas.selector, bad[i].minPrice, bad[i].blockLimit);
            _refuses(SYSTEM, _foundCall(_seats(1), _everybody(), bad[i]), refusal);
        }
    }

    function test_itsLimitsAreTheDocumentedOnes() public view {
        vm.assertEq(consortium.SYSTEM(), SYSTEM);
        vm.assertEq(consortium.MAX_SEATS(), 64);
        vm.assertEq(consortium.MAX_ACCOUNTS(), 4096);
        vm.assertEq(consortium.MAX_AGREEMENT(), 30 days);
        vm.assertEq(consortium.MAX_CALL(), 100);
        vm.assertEq(consortium.MAX_PRICE(), 1e12);
        vm.assertEq(consortium.MIN_BLOCK(), 10_000_000);
        vm.assertEq(consortium.MAX_BLOCK(), 1_000_000_000);
    }

    /// @dev Refused if a refusal is given.
    function _found(IConsortium.Seat[] memory seats, bytes memory refusal) private {
        bytes memory call = _foundCall(seats, _everybody(), _gas());
        if (refusal.length != 0) return _refuses(SYSTEM, call, refusal);
        vm.prank(SYSTEM);
        consortium.found(seats, _everybody(), _everybody(), _gas());
    }

    function _foundCall(IConsortium.Seat[] memory seats, IConsortium.Access memory deploy, IConsortium.Gas memory gas)
        private
        view
        returns (bytes memory)
    {
        return abi.encodeCall(consortium.found, (seats, deploy, _everybody(), gas));
    }

    function _list(uint256 count) private pure returns (IConsortium.Access memory access) {
        access.accounts = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            access.accounts[i] = address(uint160(0xacc000 + i));
        }
    }
}
