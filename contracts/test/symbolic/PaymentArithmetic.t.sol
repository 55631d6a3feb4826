// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {SymbolicBase} from "./SymbolicBase.sol";

/// @notice Money moves as signed, to the unit, and none is made or lost.
contract PaymentArithmetic is SymbolicBase {
    /// A 64-bit quantity times a 128-bit price fits 192 bits: the unchecked product of a settlement cannot wrap.
    function check_productFits192Bits(uint64 quantity, uint128 unitPrice) public pure {
        unchecked {
            assert(uint256(quantity) * unitPrice >> 192 == 0);
        }
    }

    /// A settlement moves exactly quantity * unitPrice from the demander's balance to the supplier's.
    function check_settleMovesThePayment(uint256 time, IResourceTrading.SignedTrade calldata signed) public {
        vm.warp(time);
        IResourceTrading.Trade calldata trade = signed.trade;
        address supplier = _listing(trade.listing).supplier;
        uint256 buyer = exchange.balanceOf(trade.demander, trade.token);
        IAccounts.Account memory seller = _account(supplier, trade.token);
        if (!_settles(signed)) return;
        uint256 payment = _product(trade);
        unchecked {
            assert(payment <= buyer && exchange.balanceOf(trade.demander, trade.token) == buyer - payment);
            assert(exchange.balanceOf(supplier, trade.token) == seller.balance + payment);
        }
        IAccounts.Account memory paid = _account(supplier, trade.token);
        assert(paid.epoch == seller.epoch && paid.used == seller.used);
    }

    /// No account but the two parties' in the token of the trade is changed by a settlement.
    function check_settleTouchesNoOtherAccount(
        uint256 time,
        IResourceTrading.SignedTrade calldata signed,
        address account,
        address token
    ) public {
        vm.warp(time);
        IResourceTrading.Trade calldata trade = signed.trade;
        vm.assume(token != trade.token || (account != trade.demander && account != _listing(trade.listing).supplier));
        IAccounts.Account memory before = _account(account, token);
        if (!_settles(signed)) return;
        assert(_same(_account(account, token), before));
    }

    /// The refusal InsufficientBalance means that the payment exceeds the balance, AmountTooLarge that the supplier's
    /// balance and it exceed 128 bits; with neither, both fit.
    function check_settleRefusesOnlyWhatDoesNotFit(uint256 time, IResourceTrading.SignedTrade calldata signed) public {
        vm.warp(time);
        IResourceTrading.Trade calldata trade = signed.trade;
        uint256 buyer = exchange.balanceOf(trade.demander, trade.token);
        uint256 seller = exchange.balanceOf(_listing(trade.listing).supplier, trade.token);
        uint256 payment = _product(trade);
        (bool ok, bytes memory answer) = _call(abi.encodeCall(exchange.settle, (signed, noProofs)));
        bool affordable = payment <= buyer;
        bool fits = payment <= type(uint128).max - seller;
        if (ok) assert(affordable && fits);
        else if (_reason(answer) == IAccounts.InsufficientBalance.selector) assert(!affordable);
        else if (_reason(answer) == IAccounts.AmountTooLarge.selector) assert(affordable && !fits);
    }

    /// A settlement into escrow takes exactly the payment from the demander, holds it, and pays nobody yet.
    function check_settleEscrowHoldsThePayment(
        uint256 time,
        IResourceTrading.SignedTrade calldata signed,
        IResourceEscrow.Escrow calldata escrow,
        address account
    ) public {
        vm.warp(time);
        IResourceTrading.Trade calldata trade = signed.trade;
        vm.assume(account != trade.demander);
        uint256 buyer = exchange.balanceOf(trade.demander, trade.token);
        IAccounts.Account memory before = _account(account, trade.token);
        (bool ok,) = _call(abi.encodeCall(exchange.settleEscrow, (signed, escrow, noProofs)));
        if (!ok) return;
        uint256 payment = _product(trade);
        IResourceEscrow.Held memory held = exchange.heldOf(exchange.digestOf(trade, escrow));
        assert(held.amount == payment && held.state == IResourceEscrow.State.Funded);
        unchecked {
            assert(payment <= buyer && exchange.balanceOf(trade.demander, trade.token) == buyer - payment);
        }
        assert(_same(_account(account, trade.token), before));
    }

    /// A split by basis points pays out exactly what was held: the supplier's part is rounded down, the demander gets
    /// the rest, and the escrow is closed and empty.
    function check_splitPaysOutWhatIsHeld(
        IResourceTrading.Trade calldata trade,
        IResourceEscrow.Escrow calldata escrow,
        uint16 share,
        IResourceTrading.Signature calldata ofDemander,
        IResourceTrading.Signature calldata ofSupplier
    ) public {
        _paysOut(
            trade,
            escrow,
            share,
            abi.encodeCall(exchange.split, (trade, escrow, share, ofDemander, ofSupplier, noProofs))
        );
    }

    /// A refund pays all that is held to the demander.
    function check_refundPaysOutWhatIsHeld(
        address caller,
        IResourceTrading.Trade calldata trade,
        IResourceEscrow.Escrow calldata escrow
    ) public {
        vm.prank(caller);
        _paysOut(trade, escrow, 0, abi.encodeCall(exchange.refund, (trade, escrow)));
    }

    /// A deadline that passed pays out exactly what is held, by the share that was signed for that state.
    function check_expirePaysOutWhatIsHeld(
        uint256 time,
        IResourceTrading.Trade calldata trade,
        IResourceEscrow.Escrow calldata escrow
    ) public {
        vm.warp(time);
        uint16 share = _shareFor(exchange.heldOf(exchange.digestOf(trade, escrow)).state, escrow);
        _paysOut(trade, escrow, share, abi.encodeCall(exchange.expire, (trade, escrow)));
    }

    /// A milestone moves exactly its amount from the escrow to the supplier.
    function check_releaseMovesTheAmount(
        address caller,
        IResourceTrading.Trade calldata trade,
        IResourceEscrow.Escrow calldata escrow,
        uint128 amount
    ) public {
        address supplier = _listing(trade.listing).supplier;
        vm.assume(supplier != trade.demander);
        bytes32 digest = exchange.digestOf(trade, escrow);
        uint256 held = exchange.heldOf(digest).amount;
        vm.assume(amount != held);
        uint256 seller = exchange.balanceOf(supplier, trade.token);
        IAccounts.Account memory buyer = _account(trade.demander, trade.token);
        vm.prank(caller);
        (bool ok,) = _call(abi.encodeCall(exchange.release, (trade, escrow, amount)));
        if (!ok) return;
        assert(caller == trade.demander && amount <= held);
        unchecked {
            assert(exchange.heldOf(digest).amount == held - amount);
            assert(exchange.balanceOf(supplier, trade.token) == seller + amount);
        }
        assert(_same(_account(trade.demander, trade.token), buyer));
    }

    /// Nobody's money stays locked: after its deadline an open escrow with signed shares up to the whole expires, if
    /// the two balances can hold it (deposits see to that: all money of a token fits 128 bits).
    /// @custom:halmos --solver z3
    function check_expireNeverFails(
        uint256 time,
        IResourceTrading.Trade calldata trade,
        IResourceEscrow.Escrow calldata escrow
    ) public {
        vm.warp(time);
        vm.assume(time >= escrow.deliverBy && time >= escrow.acceptBy && time >= escrow.decideBy);
        IResourceEscrow.Held memory held = exchange.heldOf(exchange.digestOf(trade, escrow));
        vm.assume(held.state != IResourceEscrow.State.None && held.state != IResourceEscrow.State.Closed);
        vm.assume(_partIsNoMoreThanTheWhole(held.amount, _shareFor(held.state, escrow)));
        uint256 buyer = exchange.balanceOf(trade.demander, trade.token);
        uint256 seller = exchange.balanceOf(_listing(trade.listing).supplier, trade.token);
        vm.assume(buyer + seller + held.amount <= type(uint128).max);
        (bool ok,) = _call(abi.encodeCall(exchange.expire, (trade, escrow)));
        assert(ok);
    }

    function _paysOut(
        IResourceTrading.Trade calldata trade,
        IResourceEscrow.Escrow calldata escrow,
        uint16 share,
        bytes memory move
    ) private {
        address supplier = _listing(trade.listing).supplier;
        vm.assume(supplier != trade.demander);
        bytes32 digest = exchange.digestOf(trade, escrow);
        uint256 held = exchange.heldOf(digest).amount;
        vm.assume(_partIsNoMoreThanTheWhole(held, share));
        IAccounts.Account memory buyer = _account(trade.demander, trade.token);
        IAccounts.Account memory seller = _account(supplier, trade.token);
        (bool ok,) = _call(move);
        if (!ok) return;
        uint256 part = held * share / WHOLE;
        IAccounts.Account memory refunded = _account(trade.demander, trade.token);
        IAccounts.Account memory paid = _account(supplier, trade.token);
        unchecked {
            assert(paid.balance == seller.balance + part);
            assert(refunded.balance == buyer.balance + (held - part));
        }
        assert(paid.epoch == seller.epoch && paid.used == seller.used);
        assert(refunded.epoch == buyer.epoch && refunded.used == buyer.used);
        IResourceEscrow.Held memory left = exchange.heldOf(digest);
        assert(left.amount == 0 && left.state == IResourceEscrow.State.Closed);
    }

    function _shareFor(IResourceEscrow.State state, IResourceEscrow.Escrow calldata escrow)
        private
        pure
        returns (uint16)
    {
        if (state == IResourceEscrow.State.Funded) return escrow.lateShare;
        return state == IResourceEscrow.State.Delivered ? escrow.silenceShare : escrow.undecidedShare;
    }

    /// @dev The one step that is not left to the solver, which does not manage multiplication by an unknown factor:
    /// share <= 10,000, so held * share <= 10,000 * held, so the quotient by 10,000, rounded down, is at most held.
    function _partIsNoMoreThanTheWhole(uint256 held, uint256 share) private pure returns (bool) {
        return share <= WHOLE && held * share / WHOLE <= held;
    }

    function _product(IResourceTrading.Trade calldata trade) private pure returns (uint256) {
        unchecked {
            return uint256(trade.quantity) * trade.unitPrice;
        }
    }
}
