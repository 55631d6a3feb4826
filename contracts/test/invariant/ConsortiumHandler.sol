// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IConsortium} from "../../src/interfaces/IConsortium.sol";
import {ConsortiumBase} from "../base/ConsortiumBase.sol";

/// @notice Six accounts that have, get and lose seats, eight keys, and a count of its own of who wants what.
contract ConsortiumHandler is ConsortiumBase {
    uint256 public constant ACCOUNTS = 6;
    uint256 public constant KEYS = 8;

    struct Said {
        uint64 until;
        /// @dev How often the owner's seat had gone when it said so.
        uint256 times;
    }

    /// @dev How often the seat of an account has gone.
    mapping(address account => uint256) private _gone;
    mapping(bytes32 id => mapping(address owner => Said)) private _said;
    /// @dev Keys that have or had a seat.
    mapping(bytes32 key => bool) private _known;
    mapping(bytes32 key => bool) private _punished;
    mapping(bytes32 move => uint256) public reached;

    constructor() {
        setUp();
        for (uint256 i = 0; i < 4; ++i) {
            _known[_key(i)] = true;
        }
    }

    /// @dev Any account, with a seat or without one, until a time that may be over before the next move.
    function agree(uint256 who, uint256 what, uint32 lasts) external {
        _say(who, _callOf(what), uint64(block.timestamp) + 1 + lasts % 2 days);
    }

    /// @dev All accounts one after another: most decisions come about so.
    function agreeAll(uint256 what, uint256 first) external {
        for (uint256 i = 0; i < ACCOUNTS; ++i) {
            _say(first % ACCOUNTS + i, _callOf(what), uint64(block.timestamp) + 1 days);
        }
    }

    function takeBack(uint256 who, uint256 what) external {
        _say(who, _callOf(what), 0);
    }

    function warp(uint32 by) external {
        vm.warp(block.timestamp + by % 1 days);
    }

    function punish(uint256 which) external {
        if (which % 4 != 0) return;
        bytes32 key = _key((which >> 8) % KEYS);
        IConsortium.State memory before = consortium.state();
        address owner = _ownerOf(before, key);
        _punish(key);
        IConsortium.State memory next = consortium.state();
        bool taken = owner != address(0) && before.seats.length > 1;
        vm.assertEq(next.version, before.version + (taken ? 1 : 0));
        vm.assertEq(next.seats.length, before.seats.length - (taken ? 1 : 0));
        _punished[key] = _known[key];
        if (taken) ++_gone[owner];
        ++reached[taken ? bytes32("punished") : _known[key] ? bytes32("barred") : bytes32("unknown")];
    }

    /// @dev Nobody but the consortium and the system has a say.
    function intrude(uint256 who, uint256 what) external {
        bytes32 before = _stateHash();
        bytes[2] memory calls =
            [_callOf(what), abi.encodeCall(consortium.punish, (_validator(_key(what % KEYS)), uint64(what % 99)))];
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(_owner(who % ACCOUNTS));
            (bool ok,) = address(consortium).call(calls[i]);
            vm.assertFalse(ok);
        }
        vm.assertEq(_stateHash(), before);
    }

    function _say(uint256 who, bytes memory call, uint64 until) private {
        address owner = _owner(who % ACCOUNTS);
        IConsortium.State memory before = consortium.state();
        bytes32 id = keccak256(call);
        bool seated = _isSeated(before, owner);
        Said memory old = _said[id][owner];
        _said[id][owner] = Said(until, _gone[owner]);
        bool enough = until != 0 && 3 * _count(before, id) > 2 * before.seats.length;
        vm.prank(owner);
        (bool ok,) = address(consortium).call(abi.encodeCall(consortium.agree, (call, until)));
        IConsortium.State memory next = consortium.state();
        if (!ok) {
            // Who has no seat, or what the call itself refuses once it is to be done.
            vm.assertTrue(!seated || enough);
            _said[id][owner] = old;
            ++reached[seated ? bytes32("refused") : bytes32("not seated")];
        } else {
            vm.assertTrue(seated);
        }
        if (!ok || !enough) {
            vm.assertEq(keccak256(abi.encode(next)), keccak256(abi.encode(before)));
            vm.assertEq(_wanted(call), _count(next, id));
            return;
        }
        vm.assertEq(next.version, before.version + 1);
        _settle(before, next, id);
        vm.assertEq(_wanted(call), 0);
        ++reached[bytes4(call)];
    }

    function _settle(IConsortium.State memory before, IConsortium.State memory next, bytes32 id) private {
        for (uint256 i = 0; i < before.seats.length; ++i) {
            address owner = before.seats[i].owner;
            delete _said[id][owner];
            if (!_isSeated(next, owner)) ++_gone[owner];
        }
        for (uint256 i = 0; i < next.seats.length; ++i) {
            bytes32 key = next.seats[i].key;
            if (_ownerOf(before, key) != address(0)) continue;
            vm.assertFalse(_punished[key]);
            _known[key] = true;
        }
    }

    function _count(IConsortium.State memory state, bytes32 id) private view returns (uint256 count) {
        for (uint256 i = 0; i < state.seats.length; ++i) {
            address owner = state.seats[i].owner;
            Said memory said = _said[id][owner];
            if (block.timestamp < said.until && said.times == _gone[owner]) ++count;
        }
    }

    /// @dev Few enough that several accounts come to want the same.
    function _callOf(uint256 what) private view returns (bytes memory) {
        uint256 kind = what % 8;
        (uint256 one, uint256 other) = (uint8(what >> 8), uint8(what >> 16));
        IConsortium.Right right = IConsortium.Right(one % 2);
        if (kind < 3) return _admit(one % ACCOUNTS, other % KEYS);
        if (kind < 5) return _remove(one % ACCOUNTS);
        if (kind == 5) return abi.encodeCall(consortium.allow, (right, STRANGER, other % 2 == 0));
        if (kind == 6) return abi.encodeCall(consortium.open, (right, other % 2 == 0));
        return abi.encodeCall(consortium.setGas, (IConsortium.Gas(one % 2, 30_000_000)));
    }

    function _isSeated(IConsortium.State memory state, address owner) private pure returns (bool) {
        for (uint256 i = 0; i < state.seats.length; ++i) {
            if (state.seats[i].owner == owner) return true;
        }
        return false;
    }

    function _ownerOf(IConsortium.State memory state, bytes32 key) private pure returns (address) {
        for (uint256 i = 0; i < state.seats.length; ++i) {
            if (state.seats[i].key == key) return state.seats[i].owner;
        }
        return address(0);
    }

    /// @dev What always holds of the seats: there is one; no owner and no key twice; no punished key.
    function requireSoundSeats() external view {
        IConsortium.Seat[] memory seats = consortium.state().seats;
        vm.assertTrue(seats.length > 0);
        for (uint256 i = 0; i < seats.length; ++i) {
            for (uint256 k = 0; k < i; ++k) {
                vm.assertTrue(seats[i].owner != seats[k].owner);
                vm.assertTrue(seats[i].key != seats[k].key);
            }
        }
    }
}
