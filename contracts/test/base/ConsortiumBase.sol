// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Consortium} from "../../src/Consortium.sol";
import {IConsortium} from "../../src/interfaces/IConsortium.sol";
import {CHEATS, Vm} from "./Vm.sol";

/// @notice A consortium of four seats, in which everybody deploys and sends and gas costs nothing.
abstract contract ConsortiumBase {
    Vm internal constant vm = CHEATS;

    uint64 internal constant NOW = 1_700_000_000;
    /// @dev Of every word that a test does not let expire.
    uint64 internal constant UNTIL = NOW + 1 days;
    address internal constant SYSTEM = 0xffffFFFfFFffffffffffffffFfFFFfffFFFfFFfE;
    address internal constant STRANGER = address(0x57a6);

    Consortium internal consortium;

    function setUp() public virtual {
        vm.warp(NOW);
        consortium = _founded(4);
    }

    function _founded(uint256 seats) internal returns (Consortium made) {
        made = new Consortium();
        vm.prank(SYSTEM);
        made.found(_seats(seats), _everybody(), _everybody(), _gas());
    }

    function _seats(uint256 count) internal pure returns (IConsortium.Seat[] memory seats) {
        seats = new IConsortium.Seat[](count);
        for (uint256 i = 0; i < count; ++i) {
            seats[i] = IConsortium.Seat(_owner(i), _key(i));
        }
    }

    function _owner(uint256 i) internal pure returns (address) {
        return address(uint160(0xa000 + i));
    }

    function _key(uint256 i) internal pure returns (bytes32) {
        return bytes32(0xed00 + i);
    }

    /// @dev As CometBFT names the validator of a key.
    function _validator(bytes32 key) internal pure returns (bytes20) {
        return bytes20(sha256(abi.encodePacked(key)));
    }

    function _everybody() internal pure returns (IConsortium.Access memory) {
        return IConsortium.Access(true, new address[](0));
    }

    function _gas() internal pure returns (IConsortium.Gas memory) {
        return IConsortium.Gas(0, 30_000_000);
    }

    function _agree(uint256 i, bytes memory call) internal {
        _agreeUntil(i, call, UNTIL);
    }

    function _agreeUntil(uint256 i, bytes memory call, uint64 until) internal {
        vm.prank(_owner(i));
        consortium.agree(call, until);
    }

    /// @dev As many of the present owners as are needed agree, in their order, but for the last of them.
    function _prepare(bytes memory call) internal returns (address last) {
        IConsortium.Seat[] memory seats = consortium.state().seats;
        uint256 needed = 2 * seats.length / 3 + 1;
        for (uint256 i = 0; i < needed - 1; ++i) {
            vm.prank(seats[i].owner);
            consortium.agree(call, UNTIL);
        }
        return seats[needed - 1].owner;
    }

    function _decide(bytes memory call) internal {
        vm.prank(_prepare(call));
        consortium.agree(call, UNTIL);
    }

    /// @dev The same, where the call is refused once it is to be done.
    function _decideInVain(bytes memory call, bytes memory refusal) internal {
        address last = _prepare(call);
        _refuses(last, abi.encodeCall(consortium.agree, (call, UNTIL)), refusal);
    }

    function _punish(bytes32 key) internal {
        bytes20 validator = _validator(key);
        vm.prank(SYSTEM);
        consortium.punish(validator, 7);
    }

    function _refuses(address caller, bytes memory call, bytes memory refusal) internal {
        bytes32 before = _stateHash();
        vm.prank(caller);
        (bool ok, bytes memory answer) = address(consortium).call(call);
        vm.assertFalse(ok);
        vm.assertEq(answer, refusal);
        vm.assertEq(_stateHash(), before);
    }

    function _stateHash() internal view returns (bytes32) {
        return keccak256(abi.encode(consortium.state()));
    }

    function _wanted(bytes memory call) internal view returns (uint256) {
        (address[] memory owners,) = consortium.agreed(call);
        return owners.length;
    }

    function _hasSeat(uint256 i, bytes32 key) internal view returns (bool) {
        IConsortium.Seat[] memory seats = consortium.state().seats;
        for (uint256 k = 0; k < seats.length; ++k) {
            if (seats[k].owner == _owner(i)) return seats[k].key == key;
        }
        return false;
    }

    function _admit(uint256 owner, uint256 key) internal view returns (bytes memory) {
        return abi.encodeCall(consortium.admit, (_owner(owner), _key(key)));
    }

    function _remove(uint256 owner) internal view returns (bytes memory) {
        return abi.encodeCall(consortium.remove, (_owner(owner)));
    }
}
