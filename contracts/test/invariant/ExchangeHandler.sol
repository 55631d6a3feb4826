// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IModule} from "../../src/interfaces/IModules.sol";
import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {NetMoves} from "./NetMoves.sol";

/// @notice Plays random moves. A move of an actor is bounded to what the rules allow, so that it must pass; an
/// intruder's must fail. Anything else reverts the handler, which fails the run.
contract ExchangeHandler is NetMoves {
    /// @dev Minutes, hours or a day; now and then the chain stands still meanwhile.
    function warp(uint32 by, uint16 blocks) external checked {
        uint64[3] memory most = [HOUR / 4, 4 * HOUR, 30 * HOUR];
        vm.warp(block.timestamp + 1 + (by >> 8) % most[by % 3]);
        vm.roll(block.number + (blocks % 4 == 0 ? 0 : blocks % 20));
    }

    /// @dev Until the next thing may be done in an escrow, or a second before.
    function wait(uint256 index, bool before) external checked {
        (bool any, Step memory at) = _anyOpen(index);
        if (!any) return;
        uint256 hearingEnds = uint256(at.held.since) + _parameters().hearing;
        uint256 until = _deadline(at);
        if (at.held.graceUntil != 0) until = at.held.graceUntil;
        else if (at.held.state == IResourceEscrow.State.Disputed && hearingEnds > block.timestamp) until = hearingEnds;
        if (before) --until;
        if (until > block.timestamp) vm.warp(until);
        vm.roll(block.number + _parameters().graceBlocks);
    }

    function pause(uint16 by) external checked {
        uint64 until = by % 3 == 0 ? uint64(block.timestamp) + by % HOUR : 0;
        exchange.pause(until, DEADLINE, _decidedNow(_pauseHash(until, DEADLINE)));
    }

    /// @dev A delisted token takes no deposits; all else goes on.
    function setToken(uint256 tokenSeed, uint8 kind) external checked {
        bool accepted = kind % 4 != 0;
        bytes32 structHash = _tokenHash(paidIn(tokenSeed), accepted, DEADLINE);
        exchange.setToken(paidIn(tokenSeed), accepted, DEADLINE, _decidedNow(structHash));
    }

    /// @dev One, two or three operators, of whom a majority or all decide; they take over after the delay.
    function setOperators(uint256 members, uint256 first) external checked {
        uint256 count = 1 + members % 3;
        address[] memory next = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            next[i] = operatorAccounts[(first % 3 + i) % 3];
        }
        uint256 threshold = members >> 8 & 1 == 0 ? count : count / 2 + 1;
        uint32 set = exchange.operatorSet();
        bytes32 structHash = _operatorsHash(next, threshold, DEADLINE);
        exchange.setOperators(next, threshold, DEADLINE, _decidedNow(structHash));
        vm.assertEq(exchange.operatorSet(), set);
        ++reached["operators"];
    }

    /// @dev What settled once, again, by the way it settled first: nothing comes of it.
    function replay(uint256 index) external checked {
        if (_deals.length > 0) {
            Deal memory deal = abi.decode(_deals[index % _deals.length], (Deal));
            _refusedTo(stranger, abi.encodeCall(exchange.settle, (deal.signed, deal.proofs)));
        }
        if (_bundles.length > 0) _refusedTo(stranger, _bundles[index % _bundles.length]);
        if (_cycles.length > 0) _refusedTo(stranger, _cycles[index % _cycles.length]);
        if (_escrowCalls.length == 0) return;
        // A batch of what is settled goes through, and settles nothing.
        bytes32 before = _marketHash();
        _tries(stranger, _escrowCalls[index % _escrowCalls.length]);
        vm.assertEq(_marketHash(), before);
    }

    /// @dev What somebody who is no party and no operator tries in vain; what comes too early; a module by itself.
    function intrude(uint256 seed, uint256 index) external checked {
        bytes memory withdrawal = abi.encodeCall(exchange.withdraw, (paidIn(seed), 1, stranger));
        _refusedTo(stranger, withdrawal);
        IAccounts.Intent memory intent = _intent(actor(seed), withdrawal);
        _refusedTo(stranger, abi.encodeCall(exchange.relay, (intent, _sign(STRANGER_KEY, _digest(intent)))));
        (bool any, Step memory at) = _anyOpen(index);
        if (!any) return;
        IResourceTrading.Trade memory trade = at.deal.signed.trade;
        IResourceEscrow.Escrow memory escrow = at.deal.escrow;
        bytes[5] memory calls = [
            abi.encodeCall(exchange.refund, (trade, escrow)),
            abi.encodeCall(exchange.deliver, (trade, escrow, 1)),
            abi.encodeCall(exchange.release, (trade, escrow, 1)),
            abi.encodeCall(exchange.dispute, (trade, escrow, "evidence")),
            abi.encodeCall(exchange.refundUncovered, (trade, escrow))
        ];
        for (uint256 i = 0; i < calls.length; ++i) {
            _refusedFor(stranger, calls[i], IResourceEscrow.NotParty.selector);
            _refusedFor(i < 2 ? trade.demander : at.owner, calls[i], IResourceEscrow.NotParty.selector);
        }
        _refusedFor(stranger, abi.encodeCall(exchange.voidSplits, (trade, escrow)), IResourceEscrow.NotParty.selector);
        bytes memory expiry = abi.encodeCall(exchange.expire, (trade, escrow));
        if (!_mayExpire(at)) _refusedTo(stranger, expiry);
        if (at.ruling.number == 0 || _inTime(at.held)) {
            _refusedTo(stranger, abi.encodeCall(exchange.execute, (trade, escrow)));
        }
        (bool ok, bytes memory answer) = exchange.moduleOf(exchange.expire.selector).call(expiry);
        vm.assertFalse(ok);
        vm.assertEq(bytes32(bytes4(answer)), bytes32(IModule.NotTheExchange.selector));
    }

    /// @notice Lets time and blocks pass and ends every escrow; then everybody withdraws everything.
    function endAll() external {
        vm.warp(block.timestamp + 1000 * 24 * HOUR);
        vm.roll(block.number + _parameters().graceBlocks);
        for (uint256 round = 0; round < 2; ++round) {
            for (uint256 i = 0; i < _escrows.length; ++i) {
                Deal memory deal = abi.decode(_escrows[i], (Deal));
                if (!_books[deal.digest].open) continue;
                bool ruled = exchange.rulingOf(deal.digest).number != 0;
                if (ruled) exchange.execute(deal.signed.trade, deal.escrow);
                else exchange.expire(deal.signed.trade, deal.escrow);
                IResourceEscrow.Held memory held = exchange.heldOf(deal.digest);
                // Of those in a grace period that opened earlier the first round is the last.
                if (held.state == IResourceEscrow.State.Closed) delete _books[deal.digest];
                else vm.assertEq(round, 0);
            }
            vm.warp(block.timestamp + _parameters().graceTime);
            vm.roll(block.number + _parameters().graceBlocks);
        }
        for (uint256 i = 0; i < ACTORS * TOKENS; ++i) {
            (address account, address paid) = (actor(i), paidIn(i / ACTORS));
            uint256 balance = exchange.balanceOf(account, paid);
            if (balance > 0) _as(account, abi.encodeCall(exchange.withdraw, (paid, balance, account)));
        }
    }

    /// @notice What the exchange owes in a token, what it says it owes, and what it holds of it.
    function books(uint256 tokenSeed) external view returns (uint256 owed, uint256 total, uint256 holding) {
        address paid = paidIn(tokenSeed);
        owed = _balances(paid) + _inEscrow(paid);
        total = exchange.totalOf(paid);
        holding = _tokensOf(address(exchange), paid);
    }

    function settledCount() external view returns (uint256) {
        return _deals.length + _escrows.length + _bundles.length;
    }
}
