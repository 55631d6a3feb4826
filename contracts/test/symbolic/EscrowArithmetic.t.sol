// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {IAccounts} from "../../src/interfaces/IAccounts.sol";
import {IResourceEscrow} from "../../src/interfaces/IResourceEscrow.sol";
import {IResourceTrading} from "../../src/interfaces/IResourceTrading.sol";
import {IResourceVerification} from "../../src/interfaces/IResourceVerification.sol";
import {SymbolicBase} from "./SymbolicBase.sol";

/// @notice Into an escrow goes exactly what was signed, and out of it to its two parties exactly what it held.
contract EscrowArithmetic is SymbolicBase {
    /// @dev What both parties have in a token, and what an escrow between them holds.
    struct Money {
        uint256 demander;
        uint256 supplier;
        uint256 held;
    }

    /// A settlement into escrow takes payment and deposit from the demander, bond and deposit from the supplier, whose
    /// nonces stay, and holds the payment.
    function checkLong_settleEscrowSpendsExactly(uint256 time, IResourceEscrow.EscrowedTrade calldata escrowed) public {
        vm.warp(time);
        IResourceTrading.Trade calldata trade = escrowed.signed.trade;
        address supplier = _listing(trade.listing).supplier;
        uint256 buyer = exchange.balanceOf(trade.demander, trade.token);
        IAccounts.Account memory seller = _account(supplier, trade.token);
        if (!_settlesInto(escrowed)) return;
        uint256 spent = _product(trade) + _deposit(trade);
        assert(spent <= buyer && exchange.balanceOf(trade.demander, trade.token) == buyer - spent);
        uint256 locked = _deposit(trade) + escrowed.escrow.bond;
        assert(locked <= seller.balance);
        seller.balance -= uint128(locked);
        assert(_same(_account(supplier, trade.token), seller));
        assert(_heldOf(trade, escrowed.escrow).payment == _product(trade));
        assert(_heldOf(trade, escrowed.escrow).state == IResourceEscrow.State.Funded);
    }

    /// It takes the quantity off its listing; nothing else of that changes, and no slot's committed quantity.
    function checkLong_settleEscrowTakesItsQuantityOffTheListing(
        uint256 time,
        IResourceEscrow.EscrowedTrade calldata escrowed,
        address supplier,
        bytes32 resource,
        uint64 number
    ) public {
        vm.warp(time);
        IResourceTrading.Trade calldata trade = escrowed.signed.trade;
        IResourceVerification.Listing memory listing = _listing(trade.listing);
        uint64 committed = exchange.slotOf(supplier, resource, number).committed;
        if (!_settlesInto(escrowed)) return;
        assert(trade.quantity != 0 && trade.quantity <= listing.available);
        listing.available -= trade.quantity;
        assert(_same(_listing(trade.listing), listing));
        assert(exchange.slotOf(supplier, resource, number).committed == committed);
    }

    /// No account but the two parties' is changed by a settlement into escrow.
    function checkLong_settleEscrowTouchesNoOtherAccount(
        uint256 time,
        IResourceEscrow.EscrowedTrade calldata escrowed,
        address account,
        address token
    ) public {
        vm.warp(time);
        IResourceTrading.Trade calldata trade = escrowed.signed.trade;
        vm.assume(token != trade.token || (account != trade.demander && account != _listing(trade.listing).supplier));
        IAccounts.Account memory before = _account(account, token);
        if (_settlesInto(escrowed)) assert(_same(_account(account, token), before));
    }

    /// A split pays each party what both signed, together all that is held.
    function checkLong_splitPaysOutWhatIsHeld(
        uint256 time,
        IResourceTrading.Trade calldata trade,
        IResourceEscrow.Escrow calldata escrow,
        uint128[2] calldata parts,
        uint64 deadline,
        IResourceTrading.Signature[2] calldata signatures
    ) public {
        vm.warp(time);
        bytes memory move = abi.encodeCall(
            exchange.split, (trade, escrow, parts[0], parts[1], deadline, signatures[0], signatures[1], noProofs)
        );
        _paysOut(trade, escrow, parts[0], address(this), move);
    }

    /// A refund leaves the supplier its bond without the penalty and, if it is not in dispute, its deposit; the rest of what
    /// is held goes to the demander.
    function checkLong_refundPaysOutWhatIsHeld(
        uint256 time,
        address caller,
        IResourceTrading.Trade calldata trade,
        IResourceEscrow.Escrow calldata escrow
    ) public {
        vm.warp(time);
        IResourceEscrow.Held memory held = _heldOf(trade, escrow);
        bool forfeits = held.state == IResourceEscrow.State.Disputed && !held.uncovered;
        uint256 toSupplier = _afterExit(time, escrow, held) + (forfeits ? 0 : _deposit(trade));
        _paysOut(trade, escrow, toSupplier, caller, abi.encodeCall(exchange.refund, (trade, escrow)));
    }

    /// A ruling that is executed gives the supplier its shares of payment, bond and deposits, and the demander the rest.
    function checkLong_executePaysOutWhatIsHeld(
        uint256 time,
        uint256 number,
        address caller,
        IResourceTrading.Trade calldata trade,
        IResourceEscrow.Escrow calldata escrow
    ) public {
        vm.warp(time);
        vm.roll(number);
        IResourceEscrow.Posted memory ruling = exchange.rulingOf(exchange.escrowDigestOf(trade, escrow));
        uint256 toSupplier = _share(_heldOf(trade, escrow).payment, ruling.paymentShare)
            + _share(escrow.bond, ruling.bondShare) + _share(2 * _deposit(trade), ruling.depositShare);
        _paysOut(trade, escrow, toSupplier, caller, abi.encodeCall(exchange.execute, (trade, escrow)));
    }

    /// A deadline whose grace period passed gives the supplier what was signed for it, and the demander the rest.
    function checkLong_expirePaysOutWhatIsHeld(
        uint256 time,
        uint256 number,
        address caller,
        IResourceTrading.Trade calldata trade,
        IResourceEscrow.Escrow calldata escrow
    ) public {
        vm.warp(time);
        vm.roll(number);
        IResourceEscrow.Held memory held = _heldOf(trade, escrow);
        vm.assume(held.graceUntil != 0);
        uint256 toSupplier = _deposit(trade);
        if (held.state == IResourceEscrow.State.Funded) {
            toSupplier += _share(held.payment, escrow.lateShare) + _without(escrow.bond, escrow.latePenalty);
        } else if (held.uncovered) {
            toSupplier += _afterExit(time, escrow, held);
        } else {
            toSupplier += _share(held.payment, escrow.undecidedShare) + escrow.bond;
        }
        // What a partial delivery is due is in the unit tests and the differential ones.
        vm.assume(held.state != IResourceEscrow.State.Delivered);
        vm.assume(held.state != IResourceEscrow.State.Funded || !held.uncovered);
        _paysOut(trade, escrow, toSupplier, caller, abi.encodeCall(exchange.expire, (trade, escrow)));
    }

    /// The call that opens a grace period moves nothing.
    function checkLong_openingTheGracePeriodMovesNothing(
        uint256 time,
        uint256 number,
        IResourceTrading.Trade calldata trade,
        IResourceEscrow.Escrow calldata escrow,
        address account,
        address token
    ) public {
        vm.warp(time);
        vm.roll(number);
        IResourceEscrow.Held memory held = _heldOf(trade, escrow);
        vm.assume(held.graceUntil == 0);
        IAccounts.Account memory before = _account(account, token);
        (bool ok,) = _call(abi.encodeCall(exchange.expire, (trade, escrow)));
        if (!ok) return;
        assert(_same(_account(account, token), before));
        IResourceEscrow.Held memory left = _heldOf(trade, escrow);
        assert(left.payment == held.payment && left.state == held.state && left.graceUntil != 0);
    }

    /// A release of a part moves exactly that from the payment to the supplier.
    function check_releaseMovesTheAmount(
        uint256 time,
        address caller,
        IResourceTrading.Trade calldata trade,
        IResourceEscrow.Escrow calldata escrow,
        uint128 amount
    ) public {
        vm.warp(time);
        uint256 payment = _heldOf(trade, escrow).payment;
        vm.assume(amount != payment);
        Money memory before = _money(trade, escrow);
        vm.prank(caller);
        (bool ok,) = _call(abi.encodeCall(exchange.release, (trade, escrow, amount)));
        if (!ok) return;
        assert(caller == trade.demander && amount < payment);
        assert(_demanderHas(trade) == before.demander && _supplierHas(trade) == before.supplier + amount);
        assert(_heldOf(trade, escrow).payment == payment - amount);
    }

    /// A release of all of it gives the supplier payment, bond and its deposit, in a dispute the demander's too.
    function check_acceptancePaysOutWhatIsHeld(
        uint256 time,
        address caller,
        IResourceTrading.Trade calldata trade,
        IResourceEscrow.Escrow calldata escrow
    ) public {
        vm.warp(time);
        IResourceEscrow.Held memory held = _heldOf(trade, escrow);
        uint256 toSupplier = held.payment + escrow.bond + _deposit(trade);
        if (held.state == IResourceEscrow.State.Disputed) toSupplier += _deposit(trade);
        bytes memory move = abi.encodeCall(exchange.release, (trade, escrow, held.payment));
        _paysOut(trade, escrow, toSupplier, caller, move);
    }

    /// A refund for want of capacity moves exactly the payment back to the demander, and leaves at least what is attested
    /// committed.
    function check_refundUncoveredMovesThePayment(
        uint256 time,
        address caller,
        IResourceTrading.Trade calldata trade,
        IResourceEscrow.Escrow calldata escrow
    ) public {
        vm.warp(time);
        address supplier = _listing(trade.listing).supplier;
        uint256 payment = _heldOf(trade, escrow).payment;
        Money memory before = _money(trade, escrow);
        vm.prank(caller);
        (bool ok,) = _call(abi.encodeCall(exchange.refundUncovered, (trade, escrow)));
        if (!ok) return;
        assert(caller == trade.demander && _supplierHas(trade) == before.supplier);
        assert(_demanderHas(trade) == before.demander + payment);
        assert(_heldOf(trade, escrow).payment == 0 && _heldOf(trade, escrow).uncovered);
        IResourceVerification.Slot memory slot = exchange.slotOf(supplier, escrow.resource, escrow.slot);
        assert(slot.committed >= slot.attested);
    }

    /// No share exceeds the whole, and so nobody's money stays locked: what is disputed or late can end after its grace
    /// period, whatever was signed within bounds.
    function checkLong_expireNeverFails(
        uint256 time,
        uint256 number,
        IResourceTrading.Trade calldata trade,
        IResourceEscrow.Escrow calldata escrow
    ) public {
        vm.warp(time);
        vm.roll(number);
        bytes32 digest = exchange.escrowDigestOf(trade, escrow);
        IResourceEscrow.Held memory held = exchange.heldOf(digest);
        vm.assume(held.state == IResourceEscrow.State.Funded || held.state == IResourceEscrow.State.Disputed);
        vm.assume(held.graceUntil != 0 && time >= held.graceUntil && number >= held.graceBlock);
        vm.assume(exchange.rulingOf(digest).number == 0);
        vm.assume(trade.unitPrice != 0);
        vm.assume(_partIsNoMoreThanTheWhole(held.payment, escrow.lateShare));
        vm.assume(_partIsNoMoreThanTheWhole(held.payment, escrow.undecidedShare));
        vm.assume(_partIsNoMoreThanTheWhole(escrow.bond, escrow.latePenalty));
        vm.assume(_partIsNoMoreThanTheWhole(escrow.bond, escrow.exitPenalty));
        // What a trade sold of its slot is committed until it is given back, once.
        address supplier = _listing(trade.listing).supplier;
        uint64 committed = exchange.slotOf(supplier, escrow.resource, escrow.slot).committed;
        uint256 units = held.payment / trade.unitPrice;
        vm.assume(units <= type(uint64).max && committed >= units);
        _money(trade, escrow);
        (bool ok,) = _call(abi.encodeCall(exchange.expire, (trade, escrow)));
        assert(ok);
    }

    function _settlesInto(IResourceEscrow.EscrowedTrade calldata escrowed) private returns (bool ok) {
        (ok,) = _call(abi.encodeCall(exchange.settleEscrow, (escrowed, noProofs)));
    }

    function _heldOf(IResourceTrading.Trade calldata trade, IResourceEscrow.Escrow calldata escrow)
        private
        view
        returns (IResourceEscrow.Held memory)
    {
        return exchange.heldOf(exchange.escrowDigestOf(trade, escrow));
    }

    function _afterExit(uint256 time, IResourceEscrow.Escrow calldata escrow, IResourceEscrow.Held memory held)
        private
        pure
        returns (uint256)
    {
        bool isLate = (held.uncovered ? held.since : time) >= escrow.deliverBy;
        uint256 penalty = isLate && escrow.latePenalty > escrow.exitPenalty ? escrow.latePenalty : escrow.exitPenalty;
        return _without(escrow.bond, penalty);
    }

    /// @dev If the move goes through, the supplier gets that and the demander the rest of all that is held.
    function _paysOut(
        IResourceTrading.Trade calldata trade,
        IResourceEscrow.Escrow calldata escrow,
        uint256 toSupplier,
        address caller,
        bytes memory move
    ) private {
        Money memory before = _money(trade, escrow);
        vm.prank(caller);
        (bool ok,) = _call(move);
        if (!ok) return;
        assert(toSupplier <= before.held);
        assert(_supplierHas(trade) == before.supplier + toSupplier);
        assert(_demanderHas(trade) == before.demander + (before.held - toSupplier));
        assert(_heldOf(trade, escrow).payment == 0);
        assert(_heldOf(trade, escrow).state == IResourceEscrow.State.Closed);
    }

    function _money(IResourceTrading.Trade calldata trade, IResourceEscrow.Escrow calldata escrow)
        private
        view
        returns (Money memory money)
    {
        vm.assume(_listing(trade.listing).supplier != trade.demander);
        money.demander = _demanderHas(trade);
        money.supplier = _supplierHas(trade);
        money.held = _held(trade, escrow);
        _assumeFits(trade, money.held);
    }

    function _demanderHas(IResourceTrading.Trade calldata trade) private view returns (uint256) {
        return exchange.balanceOf(trade.demander, trade.token);
    }

    function _supplierHas(IResourceTrading.Trade calldata trade) private view returns (uint256) {
        return exchange.balanceOf(_listing(trade.listing).supplier, trade.token);
    }

    function _share(uint256 amount, uint256 basisPoints) private pure returns (uint256) {
        return amount * basisPoints / WHOLE;
    }

    function _without(uint256 bond, uint256 penalty) private pure returns (uint256) {
        return bond - _share(bond, penalty);
    }

    /// @dev The one step that is not left to the solver, which does not manage multiplication by an unknown factor:
    /// share <= 10,000, so whole * share <= 10,000 * whole, so the quotient by 10,000, rounded down, is at most the whole.
    function _partIsNoMoreThanTheWhole(uint256 whole, uint256 share) private pure returns (bool) {
        return share <= WHOLE && whole * share / WHOLE <= whole;
    }
}
