// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {INetSettlement} from "../../src/interfaces/INetSettlement.sol";
import {IOperators} from "../../src/interfaces/IOperators.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {EscrowMoves} from "./EscrowMoves.sol";

/// @notice Cycles between several accounts, and products agreed for a cycle that settle late.
abstract contract NetMoves is EscrowMoves {
    /// @dev Actor `members[i]` gains `changes[i]` base units. `listings[i]` is what it sells of, zero for nothing.
    struct Cycle {
        address paid;
        uint256[] members;
        int256[] changes;
        bytes32[] sells;
        INetSettlement.NetBatch batch;
    }

    /// @dev A product that carries the tag of a cycle.
    struct Agreed {
        IResourceTrading.SignedTrade[] trades;
        bytes[] proofs;
        uint64 notBefore;
    }

    uint256 private constant DIRECTION = 176;
    uint256 private constant SALES = 160;

    bytes[] internal _cycles;
    bytes[] internal _agreed;

    /// @dev Each account's balance changes by what its row says, and each listing by its sale.
    function settleNet(uint256 seed, uint256 terms, bool relayed) external checked {
        (bool possible, Cycle memory cycle) = _nextCycle(seed, terms);
        if (!possible) return;
        uint256 count = cycle.members.length;
        int256[] memory due = new int256[](count);
        for (uint256 i = 0; i < count; ++i) {
            due[i] = int256(exchange.balanceOf(actor(cycle.members[i]), cycle.paid)) + cycle.changes[i];
        }
        bytes memory call = _netCall(cycle);
        _submit(relayed ? actor(terms) : stranger, call, relayed);
        for (uint256 i = 0; i < count; ++i) {
            vm.assertEq(exchange.balanceOf(actor(cycle.members[i]), cycle.paid), uint256(due[i]));
        }
        _cycles.push(call);
        ++reached["cycle"];
        if (cycle.batch.sales.length != 0) ++reached["cycle with sales"];
    }

    /// @dev A cycle that does not sum to zero, lacks a signature, miscounts its sales or uses no nonce: nothing of it settles.
    function breakNet(uint256 seed, uint256 terms, uint8 way) external checked {
        (bool possible, Cycle memory cycle) = _nextCycle(seed, terms);
        if (!possible) return;
        way %= 5;
        uint256[] memory rows = cycle.batch.rows;
        if (way == 0) rows[2 * _paidRow(cycle) + 1] += 1;
        if (way == 2) rows[1] ^= uint256(1) << SALES + 15;
        if (way == 3) rows[0] = uint160(rows[0]);
        if (way == 4) rows[1] ^= uint256(2) << DIRECTION;
        bytes32 before = _marketHash();
        (INetSettlement.NetBatch memory batch, IResourceTrading.Signature[] memory signatures, bytes[] memory proofs) =
            _signedCycle(cycle);
        if (way == 1) signatures[terms % signatures.length] = _compact(STRANGER_KEY, exchange.netDigestOf(batch));
        bytes4[5] memory reasons = [
            INetSettlement.Unbalanced.selector,
            IAccounts.BadSignature.selector,
            INetSettlement.WrongSales.selector,
            INetSettlement.NoNonce.selector,
            INetSettlement.BadDirection.selector
        ];
        _refusedFor(stranger, abi.encodeCall(exchange.settleNet, (batch, signatures, proofs)), reasons[way]);
        vm.assertEq(_marketHash(), before);
        ++reached["broken cycle"];
    }

    /// @dev A product for a cycle, which no other path takes; it settles late at once where its time is past.
    function agree(uint256 seed, uint256 terms, uint32 ahead) external checked {
        (bool possible, Product memory product) = _nextProduct(seed, terms, false);
        if (!possible) return;
        IAccounts.Account memory account = _account(product.buyer, paidIn(terms));
        for (uint256 i = 0; i < product.trades.length; ++i) {
            // Nonces that few other moves use meanwhile.
            if (account.used == type(uint96).max) return;
            product.trades[i].nonce = _freeNonceFrom(account, 48 + terms % 40);
            _use(account, product.trades[i].nonce);
        }
        Agreed memory agreed;
        agreed.notBefore = uint64(block.timestamp) - 1 + (ahead % 3 == 0 ? 0 : ahead % (5 * uint32(HOUR)));
        (agreed.trades, agreed.proofs) = _signed(product, agreed.notBefore);
        bytes32 before = _marketHash();
        _refusedFor(
            stranger,
            abi.encodeCall(exchange.settle, (agreed.trades[0], agreed.proofs)),
            IResourceTrading.Bundled.selector
        );
        _refusedFor(
            stranger,
            abi.encodeCall(exchange.settleBundle, (agreed.trades, agreed.proofs)),
            IResourceTrading.WrongBundle.selector
        );
        exchange.settleBatch(agreed.trades, agreed.proofs);
        vm.assertEq(_marketHash(), before);
        _agreed.push(abi.encode(agreed));
        if (agreed.notBefore > block.timestamp) return;
        exchange.settleLate(agreed.trades, agreed.notBefore, agreed.proofs);
        _assertUsed(agreed.trades[agreed.trades.length - 1].trade);
        ++reached["late at once"];
    }

    /// @dev One of the products agreed, at its time: all of it, unless something that it needs is gone.
    function settleLate(uint256 index) external checked {
        if (_agreed.length == 0) return;
        Agreed memory agreed = abi.decode(_agreed[index % _agreed.length], (Agreed));
        bytes32 before = _marketHash();
        bytes memory call = abi.encodeCall(exchange.settleLate, (agreed.trades, agreed.notBefore, agreed.proofs));
        (bool ok, bytes memory answer) = _tries(stranger, call);
        if (ok) {
            vm.assertLe(agreed.notBefore, block.timestamp);
            ++reached["late"];
            return;
        }
        vm.assertEq(_marketHash(), before);
        bytes4 reason = bytes4(answer);
        bool isEarly = block.timestamp < agreed.notBefore && block.timestamp >= exchange.pausedUntil();
        vm.assertTrue(isEarly == (reason == INetSettlement.LateOnly.selector));
        vm.assertTrue(
            isEarly || reason == IOperators.TradingPaused.selector || reason == IResourceTrading.NonceUsed.selector
                || reason == IResourceTrading.WrongEpoch.selector || reason == IResourceTrading.TradeExpired.selector
                || reason == IResourceTrading.WrongListingEpoch.selector
                || reason == IResourceVerification.InsufficientListing.selector
                || reason == IAccounts.InsufficientBalance.selector
        );
    }

    /// @dev A cycle that must settle now: up to three payments between two to four accounts, netted, and what some of them
    /// sell of what they have listed.
    function _nextCycle(uint256 seed, uint256 terms) private view returns (bool possible, Cycle memory cycle) {
        if (block.timestamp < exchange.pausedUntil()) return (false, cycle);
        cycle.paid = paidIn(terms);
        uint256 count = 2 + (seed >> 8) % 3;
        (cycle.members, cycle.changes) = (_ascending(seed, count), new int256[](count));
        for (uint256 i = 0; i < 3; ++i) {
            (uint256 from, uint256 to) = ((terms >> 8 * i + 16) % count, (terms >> 8 * i + 20) % count);
            if (from == to) continue;
            int256 has = int256(exchange.balanceOf(actor(cycle.members[from]), cycle.paid)) + cycle.changes[from];
            int256 amount = int256((terms >> 40 * i + 64) % (uint256(has) + 1));
            (cycle.changes[from], cycle.changes[to]) = (cycle.changes[from] - amount, cycle.changes[to] + amount);
        }
        cycle.batch.token = cycle.paid;
        cycle.batch.trades = keccak256(abi.encode(terms));
        cycle.batch.validUntil = _slotEnd(_currentListing(0));
        cycle.sells = _sales(cycle, terms);
        cycle.batch.rows = _rows(cycle, terms);
        return (true, cycle);
    }

    /// @dev Some neighbouring actors, in ascending order of address.
    function _ascending(uint256 seed, uint256 count) private view returns (uint256[] memory members) {
        members = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            members[i] = (seed % ACTORS + i) % ACTORS;
            for (uint256 j = i; j > 0 && actor(members[j - 1]) > actor(members[j]); --j) {
                (members[j - 1], members[j]) = (members[j], members[j - 1]);
            }
        }
    }

    function _rows(Cycle memory cycle, uint256 terms) private view returns (uint256[] memory rows) {
        rows = new uint256[](2 * cycle.members.length);
        for (uint256 i = 0; i < cycle.members.length; ++i) {
            IAccounts.Account memory account = _account(cycle.members[i], cycle.paid);
            uint64 nonce = _freeNonce(account);
            _use(account, nonce);
            uint256 mask = uint256(1) << (nonce & 0xff);
            // Some use up two.
            if (terms >> 4 + i & 1 != 0 && account.used != type(uint96).max) {
                mask |= uint256(1) << (_freeNonceFrom(account, terms >> 56 & 0x3f) & 0xff);
            }
            uint256 amount = uint256(cycle.changes[i] < 0 ? -cycle.changes[i] : cycle.changes[i]);
            uint256 sales = cycle.sells[i] == 0 ? 0 : 1;
            uint256 direction = cycle.changes[i] < 0 ? 1 : 0;
            rows[2 * i] = uint160(actor(cycle.members[i])) | mask << 160;
            rows[2 * i + 1] =
                amount | uint256(account.epoch) << 128 | sales << SALES | direction << DIRECTION | terms >> 184 << 184;
        }
    }

    /// @dev What members sell, ascending by listing, written into the batch; `sells` is by member.
    function _sales(Cycle memory cycle, uint256 terms) private view returns (bytes32[] memory sells) {
        sells = new bytes32[](cycle.members.length);
        uint256 count = 0;
        for (uint256 i = 0; i < sells.length; ++i) {
            if (terms >> 60 + i & 1 == 0 || _availableOf(cycle.members[i]) == 0) continue;
            sells[i] = _currentListing(cycle.members[i]);
            ++count;
        }
        cycle.batch.sales = new uint256[](2 * count);
        uint256 last = 0;
        for (uint256 sale = 0; sale < count; ++sale) {
            uint256 next = sells.length;
            for (uint256 i = 0; i < sells.length; ++i) {
                if (uint256(sells[i]) <= last) continue;
                if (next == sells.length || sells[i] < sells[next]) next = i;
            }
            last = uint256(sells[next]);
            uint256 quantity = 1 + (terms >> 100) % _availableOf(cycle.members[next]);
            uint256 epoch = exchange.listingOf(sells[next]).epoch;
            cycle.batch.sales[2 * sale] = last;
            cycle.batch.sales[2 * sale + 1] = quantity | epoch << 64 | next << 96 | terms >> 128 << 128;
        }
    }

    /// @dev A row whose account is not paying; there is one, because the changes sum to zero.
    function _paidRow(Cycle memory cycle) private pure returns (uint256 row) {
        while (cycle.changes[row] < 0) ++row;
    }

    function _netCall(Cycle memory cycle) private view returns (bytes memory) {
        (INetSettlement.NetBatch memory batch, IResourceTrading.Signature[] memory signatures, bytes[] memory proofs) =
            _signedCycle(cycle);
        return abi.encodeCall(exchange.settleNet, (batch, signatures, proofs));
    }

    function _signedCycle(Cycle memory cycle)
        private
        view
        returns (
            INetSettlement.NetBatch memory batch,
            IResourceTrading.Signature[] memory signatures,
            bytes[] memory proofs
        )
    {
        batch = cycle.batch;
        bytes32 digest = exchange.netDigestOf(batch);
        uint256 count = cycle.members.length;
        (signatures, proofs) = (new IResourceTrading.Signature[](count), new bytes[](count));
        for (uint256 i = 0; i < count; ++i) {
            (signatures[i], proofs[i]) = _signatureOf(cycle.members[i], digest, i);
        }
    }
}
