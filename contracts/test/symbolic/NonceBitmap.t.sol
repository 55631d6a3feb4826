// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {AccountWord} from "../../src/libraries/Words.sol";
import {SymbolicBase} from "./SymbolicBase.sol";

/// @notice A nonce is used once. A trade is spent when its demander's epoch is past or its nonce used: settling spends
/// it, a spent trade does not settle, and no call makes it unspent.
contract NonceBitmap is SymbolicBase {
    uint256 private constant NONCES = 96;

    /// Using a nonce sets its bit and no other of the word.
    function check_withNonceSetsOneBit(AccountWord word, uint256 nonce, uint256 bit) public pure {
        vm.assume(nonce < NONCES && bit < 256);
        uint256 before = AccountWord.unwrap(word) >> bit & 1;
        assert(AccountWord.unwrap(word.withNonce(nonce)) >> bit & 1 == (bit == 160 + nonce ? 1 : before));
    }

    /// After a nonce is used, it is, and what any other nonce is stays.
    function check_withNonceIsUsed(AccountWord word, uint256 nonce, uint256 other) public pure {
        vm.assume(nonce < NONCES && other < NONCES);
        assert(word.withNonce(nonce).isUsed(other) == (other == nonce || word.isUsed(other)));
    }

    /// A mask uses exactly its nonces besides those used before, and changes no other field.
    function check_withUsedUsesTheMask(AccountWord word, uint96 mask, uint256 nonce) public pure {
        vm.assume(nonce < NONCES);
        AccountWord masked = word.withUsed(mask);
        assert(masked.isUsed(nonce) == (word.isUsed(nonce) || mask >> nonce & 1 == 1));
        assert(masked.balance() == word.balance() && masked.epoch() == word.epoch());
    }

    /// The next epoch is one higher, frees every nonce and keeps the balance.
    function check_nextEpochFreesAllNonces(AccountWord word, uint256 nonce) public pure {
        vm.assume(nonce < NONCES);
        AccountWord next = word.nextEpoch();
        assert(next.epoch() == uint256(word.epoch()) + 1 && !next.isUsed(nonce) && next.used() == 0);
        assert(next.balance() == word.balance());
    }

    /// Only the epoch after this one follows, only when all nonces are used, and none follows the last.
    function check_isFollowedByTheNextEpochOnly(AccountWord word, uint256 next) public pure {
        bool last = word.epoch() == type(uint32).max;
        bool all = word.used() == type(uint96).max;
        assert(word.isFollowedBy(next) == (!last && all && next > word.epoch() && next - word.epoch() == 1));
    }

    /// Settling spends the trade, and of its epoch's nonces only its own.
    function check_settleSpendsItsNonceOnly(uint256 time, IResourceTrading.SignedTrade calldata signed, uint256 other)
        public
    {
        vm.warp(time);
        IResourceTrading.Trade calldata trade = signed.trade;
        vm.assume(other < NONCES && other != trade.nonce & 0xff);
        IAccounts.Account memory before = _account(trade.demander, trade.token);
        if (!_settles(signed)) return;
        assert(_isSpent(trade));
        IAccounts.Account memory buyer = _account(trade.demander, trade.token);
        bool opened = buyer.epoch != before.epoch;
        assert(buyer.epoch == trade.nonce >> 8);
        assert(!opened || (buyer.epoch == uint256(before.epoch) + 1 && before.used == type(uint96).max));
        assert(buyer.used >> other & 1 == (opened ? 0 : before.used >> other & 1));
    }

    /// Settling into escrow spends the trade.
    function check_settleEscrowSpends(uint256 time, IResourceEscrow.EscrowedTrade calldata escrowed) public {
        vm.warp(time);
        (bool ok,) = _call(abi.encodeCall(exchange.settleEscrow, (escrowed, noProofs)));
        if (ok) assert(_isSpent(escrowed.signed.trade));
    }

    /// A spent trade never settles.
    function check_spentNeverSettles(uint256 time, IResourceTrading.SignedTrade calldata signed) public {
        vm.warp(time);
        vm.assume(_isSpent(signed.trade));
        assert(!_settles(signed));
    }

    /// A spent trade never settles into escrow.
    function check_spentNeverSettlesIntoEscrow(uint256 time, IResourceEscrow.EscrowedTrade calldata escrowed) public {
        vm.warp(time);
        vm.assume(_isSpent(escrowed.signed.trade));
        (bool ok,) = _call(abi.encodeCall(exchange.settleEscrow, (escrowed, noProofs)));
        assert(!ok);
    }

    /// A spent trade stays spent whatever else settles.
    function checkLong_spentStaysSpentBySettling(
        uint256 time,
        IResourceTrading.Trade calldata spent,
        IResourceTrading.SignedTrade calldata signed
    ) public {
        vm.warp(time);
        vm.assume(_isSpent(spent));
        _assumeFits(signed.trade, 0);
        _settles(signed);
        assert(_isSpent(spent));
    }

    /// A spent trade stays spent whatever settles into escrow.
    function checkLong_spentStaysSpentByEscrow(
        uint256 time,
        IResourceTrading.Trade calldata spent,
        IResourceEscrow.EscrowedTrade calldata escrowed
    ) public {
        vm.warp(time);
        vm.assume(_isSpent(spent));
        (bool ok,) = _call(abi.encodeCall(exchange.settleEscrow, (escrowed, noProofs)));
        if (ok) assert(_isSpent(spent));
    }

    /// A spent trade stays spent whoever cancels what.
    function check_spentStaysSpentByCancelling(
        IResourceTrading.Trade calldata spent,
        address caller,
        address token,
        uint96 mask
    ) public {
        vm.assume(_isSpent(spent));
        vm.prank(caller);
        exchange.cancel(token, mask);
        assert(_isSpent(spent));
    }

    /// A spent trade stays spent whoever raises an epoch.
    function check_spentStaysSpentByRaising(IResourceTrading.Trade calldata spent, address caller, address token)
        public
    {
        vm.assume(_isSpent(spent));
        vm.prank(caller);
        exchange.raiseEpoch(token);
        assert(_isSpent(spent));
    }

    /// A spent trade stays spent whatever two parties divide between them; every payout is made of such credits.
    function checkLong_spentStaysSpentBySplitting(
        uint256 time,
        IResourceTrading.Trade calldata spent,
        IResourceTrading.Trade calldata trade,
        IResourceEscrow.Escrow calldata escrow,
        uint128[2] calldata parts,
        IResourceTrading.Signature[2] calldata signatures
    ) public {
        vm.warp(time);
        vm.assume(_isSpent(spent));
        _assumeFits(trade, uint256(parts[0]) + parts[1]);
        uint64 deadline = type(uint64).max;
        exchange.split(trade, escrow, parts[0], parts[1], deadline, signatures[0], signatures[1], noProofs);
        assert(_isSpent(spent));
    }

    /// Cancelling a nonce spends the trades signed with it; raising the epoch those of this epoch and of the next.
    function check_cancelAndRaiseSpend(IResourceTrading.Trade calldata trade, bool raise) public {
        IAccounts.Account memory before = _account(trade.demander, trade.token);
        vm.assume(trade.nonce & 0xff < NONCES && trade.nonce >> 8 <= uint256(before.epoch) + (raise ? 1 : 0));
        vm.prank(trade.demander);
        if (raise) exchange.raiseEpoch(trade.token);
        else exchange.cancel(trade.token, uint96(1 << (trade.nonce & 0xff)));
        assert(_isSpent(trade));
    }

    /// The same for what was signed as a supplier: it does not settle any more.
    function check_cancelAndRaiseVoidWhatWasSold(uint256 time, IResourceTrading.SignedTrade calldata signed, bool raise)
        public
    {
        vm.warp(time);
        IResourceTrading.Trade calldata trade = signed.trade;
        address supplier = _listing(trade.listing).supplier;
        IAccounts.Account memory before = _account(supplier, trade.token);
        vm.assume(trade.supplierNonce & 0xff < NONCES);
        vm.assume(trade.supplierNonce >> 8 <= uint256(before.epoch) + (raise ? 1 : 0));
        vm.prank(supplier);
        if (raise) exchange.raiseEpoch(trade.token);
        else exchange.cancel(trade.token, uint96(1 << (trade.supplierNonce & 0xff)));
        assert(!_settles(signed));
    }

    /// A trade settles only under an unused nonce of its supplier's current epoch, and leaves it so.
    function check_settleLeavesTheSuppliersNonce(uint256 time, IResourceTrading.SignedTrade calldata signed) public {
        vm.warp(time);
        IResourceTrading.Trade calldata trade = signed.trade;
        address supplier = _listing(trade.listing).supplier;
        IAccounts.Account memory before = _account(supplier, trade.token);
        uint256 bit = trade.supplierNonce & 0xff;
        _assumeFits(trade, 0);
        if (!_settles(signed)) return;
        assert(bit < NONCES && before.epoch == trade.supplierNonce >> 8 && before.used >> bit & 1 == 0);
        IAccounts.Account memory seller = _account(supplier, trade.token);
        assert(seller.used == before.used);
    }

    /// A raised epoch jumps by two at least and to the time at least, as far as 32 bits hold it; it frees every nonce and
    /// keeps the balance.
    function check_raisedEpochJumps(AccountWord word, uint256 time) public {
        vm.warp(time);
        AccountWord next = word.voiding();
        assert(next.epoch() >= uint256(word.epoch()) + 2);
        assert(next.epoch() >= time || time > type(uint32).max);
        assert(next.epoch() == uint256(word.epoch()) + 2 || next.epoch() == time);
        assert(next.used() == 0 && next.balance() == word.balance());
    }

    function _isSpent(IResourceTrading.Trade calldata trade) private view returns (bool) {
        IAccounts.Account memory buyer = _account(trade.demander, trade.token);
        uint256 epoch = trade.nonce >> 8;
        uint256 bit = trade.nonce & 0xff;
        if (buyer.epoch != epoch) return buyer.epoch > epoch;
        return bit >= NONCES || buyer.used >> bit & 1 == 1;
    }
}
