// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {INetSettlement} from "../../src/interfaces/INetSettlement.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {Vm} from "../base/Vm.sol";
import {Deals} from "./Deals.sol";

/// @notice What the handler writes down of every move by itself, and what no move may do.
abstract contract Books is Deals {
    /// @dev What an escrow should hold, token base units: `locked` is the bond and both deposits.
    struct Escrowed {
        bool open;
        uint256 payment;
        uint256 locked;
    }

    bytes32[] public listings;
    mapping(bytes32 listing => uint256) public ownerSeed;
    mapping(bytes32 listing => uint64) public slotOfListing;
    /// @notice Units that left a listing through trades, less those that came back undelivered.
    mapping(bytes32 listing => uint64) public sold;
    /// @notice How often a trade, or a cycle, was settled.
    mapping(bytes32 digest => uint256) public timesSettled;
    /// @notice What was given to the exchange without a deposit.
    mapping(address token => uint256) public gifts;
    /// @notice How often the less usual moves came about.
    mapping(bytes32 move => uint256) public reached;
    mapping(bytes32 trade => Escrowed) internal _books;
    mapping(address token => mapping(address account => mapping(uint256 nonce => bool))) internal _spent;
    mapping(address token => mapping(address account => IAccounts.Account)) private _last;
    mapping(bytes32 listing => uint64) private _lastCommitted;
    mapping(bytes32 listing => uint32) private _lastEpoch;

    /// @dev After every move: no nonce is used twice or free again, no epoch falls, nothing is settled twice, and no slot is
    /// committed further than attested.
    modifier checked() {
        vm.recordLogs();
        _;
        _book(vm.getRecordedLogs());
        _checkNonces();
        _checkListings();
    }

    function capacity(bytes32 listing) public view returns (uint64 committed, uint64 available, uint64 attested) {
        IResourceVerification.Slot memory slot =
            exchange.slotOf(actor(ownerSeed[listing]), "m1", slotOfListing[listing]);
        (committed, attested) = (slot.committed, slot.attested);
        available = exchange.listingOf(listing).available;
    }

    function listingCount() external view returns (uint256) {
        return listings.length;
    }

    function _known(uint256 seed) internal {
        bytes32 listing = _currentListing(seed);
        for (uint256 i = 0; i < listings.length; ++i) {
            if (listings[i] == listing) return;
        }
        listings.push(listing);
        (ownerSeed[listing], slotOfListing[listing]) = (seed % ACTORS, _currentSlot());
    }

    /// @dev By the account itself, or by a stranger with the account's signed intent, which can be used once.
    function _submit(address account, bytes memory call, bool relayed) internal {
        if (!relayed) return _as(account, call);
        IAccounts.Intent memory intent = _intent(account, call);
        bytes memory relay = abi.encodeCall(exchange.relay, (intent, _sign(_key(_seedOf(account)), _digest(intent))));
        _as(stranger, relay);
        vm.assertEq(exchange.intentNonce(account), intent.nonce + 1);
        _refusedTo(stranger, relay);
        ++reached["relay"];
    }

    function _refusedTo(address caller, bytes memory call) internal returns (bytes memory answer) {
        bool ok;
        (ok, answer) = _tries(caller, call);
        vm.assertFalse(ok);
    }

    function _refusedFor(address caller, bytes memory call, bytes4 reason) internal {
        vm.assertEq(bytes32(bytes4(_refusedTo(caller, call))), bytes32(reason));
    }

    /// @dev Forge records what a reverted call logged, too: that is dropped.
    function _tries(address caller, bytes memory call) internal returns (bool ok, bytes memory answer) {
        _book(vm.getRecordedLogs());
        vm.prank(caller);
        (ok, answer) = address(exchange).call(call);
        if (!ok) vm.getRecordedLogs();
    }

    /// @dev What every actor holds and has for sale now.
    function _marketHash() internal view returns (bytes32 hash) {
        for (uint256 i = 0; i < ACTORS * TOKENS; ++i) {
            (address account, address paid) = (actor(i), paidIn(i / ACTORS));
            hash =
                keccak256(abi.encode(hash, exchange.accountOf(account, paid), exchange.listingOf(_currentListing(i))));
        }
    }

    /// @dev The demander's nonce is used, the supplier's is not.
    function _assertUsed(IResourceTrading.Trade memory trade) internal view {
        IAccounts.Account memory account = exchange.accountOf(trade.demander, trade.token);
        vm.assertEq(account.epoch, trade.nonce >> 8);
        vm.assertEq(account.used >> (trade.nonce & 0xff) & 1, 1);
        address owner = exchange.listingOf(trade.listing).supplier;
        vm.assertFalse(_spent[trade.token][owner][trade.supplierNonce]);
        vm.assertEq(exchange.accountOf(owner, trade.token).used >> (trade.supplierNonce & 0xff) & 1, 0);
    }

    function _book(Vm.Log[] memory logs) internal {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter != address(exchange)) continue;
            bytes32 kind = logs[i].topics[0];
            if (kind == IResourceTrading.Settled.selector) _bookTrade(logs[i]);
            if (kind == INetSettlement.NetSettled.selector) _bookCycle(logs[i]);
            if (kind == IAccounts.NoncesCancelled.selector) _bookCancelled(logs[i]);
        }
    }

    function _bookTrade(Vm.Log memory log) private {
        (bytes32 trade, address paid, uint256 terms) = abi.decode(log.data, (bytes32, address, uint256));
        vm.assertEq(++timesSettled[trade], 1);
        sold[log.topics[1]] += uint64(terms >> 192);
        _spend(paid, _toAddress(log.topics[2]), uint64(terms));
    }

    function _bookCycle(Vm.Log memory log) private {
        vm.assertEq(++timesSettled[log.topics[1]], 1);
        (, uint256[] memory rows, uint256[] memory sales) = abi.decode(log.data, (bytes32, uint256[], uint256[]));
        for (uint256 i = 0; i < rows.length; i += 2) {
            for (uint256 bit = 0; bit < 96; ++bit) {
                if (rows[i] >> 160 + bit & 1 == 0) continue;
                uint256 epoch = uint32(rows[i + 1] >> 128);
                _spend(_toAddress(log.topics[2]), _toAddress(bytes32(rows[i])), epoch << 8 | bit);
            }
        }
        for (uint256 i = 0; i < sales.length; i += 2) {
            sold[bytes32(sales[i])] += uint64(sales[i + 1]);
        }
    }

    /// @dev A nonce may be cancelled that is used already.
    function _bookCancelled(Vm.Log memory log) private {
        (uint32 epoch, uint96 mask) = abi.decode(log.data, (uint32, uint96));
        for (uint256 bit = 0; bit < 96; ++bit) {
            if (mask >> bit & 1 == 0) continue;
            _spent[_toAddress(log.topics[2])][_toAddress(log.topics[1])][uint256(epoch) << 8 | bit] = true;
        }
    }

    function _spend(address paid, address account, uint256 nonce) private {
        vm.assertFalse(_spent[paid][account][nonce]);
        _spent[paid][account][nonce] = true;
    }

    function _checkNonces() private {
        for (uint256 i = 0; i < ACTORS * TOKENS; ++i) {
            (address account, address paid) = (actor(i), paidIn(i / ACTORS));
            IAccounts.Account memory next = exchange.accountOf(account, paid);
            IAccounts.Account memory last = _last[paid][account];
            vm.assertLe(last.epoch, next.epoch);
            if (last.epoch == next.epoch) vm.assertEq(last.used & ~next.used, 0);
            _last[paid][account] = next;
        }
    }

    function _checkListings() private {
        for (uint256 i = 0; i < listings.length; ++i) {
            bytes32 listing = listings[i];
            (uint64 committed, uint64 available, uint64 attested) = capacity(listing);
            if (committed > _lastCommitted[listing]) vm.assertLe(committed, attested);
            vm.assertTrue(available == 0 || committed <= attested);
            uint32 epoch = exchange.listingOf(listing).epoch;
            vm.assertLe(_lastEpoch[listing], epoch);
            (_lastCommitted[listing], _lastEpoch[listing]) = (committed, epoch);
        }
    }

    function _toAddress(bytes32 topic) private pure returns (address) {
        return address(uint160(uint256(topic)));
    }
}
