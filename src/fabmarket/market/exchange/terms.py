"""What a deployment demands of terms of escrow, and what they pay (base/EscrowTerms.sol).

Shares are basis points, rounded down.
"""

from fabmarket.market.events import Cause
from fabmarket.market.exchange.state import (
    WHOLE,
    EscrowState,
    Exchange,
    Held,
    Posted,
    slot_end,
)
from fabmarket.market.parameters import Parameters
from fabmarket.market.trade import Escrow, Trade, listing_id

ON_EXPIRY = {
    EscrowState.FUNDED: Cause.LATE,
    EscrowState.DELIVERED: Cause.SILENT,
    EscrowState.DISPUTED: Cause.UNDECIDED,
}


def is_place(state: Exchange, trade: Trade) -> bool:
    """Return whether the terms name the resource and slot of the listing."""
    terms, supplier = trade.escrow, state.supplier_of(trade.listing)
    end = slot_end(trade.listing)
    return listing_id(supplier, terms.resource, terms.slot, end) == trade.listing


def fault(state: Exchange, trade: Trade, now: int) -> tuple[str, int, int] | None:
    """Return the first term out of bounds, what it is and what it may be.

    The terms must be of the listing's place.
    """
    calendar = state.calendars[state.supplier_of(trade.listing), trade.escrow.resource]
    begins = slot_end(trade.listing) - calendar.slot_length
    return fault_of(trade.escrow, begins, state.parameters, now)


def fault_of(
    terms: Escrow, begins: int, windows: Parameters, now: int
) -> tuple[str, int, int] | None:
    """Return the first term out of bounds for a slot that `begins` then, and settlement `now`."""
    hearing = windows.hearing + windows.decision_window
    for name, given, least in (
        ("deliverFrom", terms.deliver_from, begins),
        ("deliverBy", terms.deliver_by, max(terms.deliver_from, now) + windows.delivery_window),
        ("disputeBy", terms.dispute_by, terms.deliver_by + windows.dispute_window),
        ("decideBy", terms.decide_by, terms.dispute_by + hearing),
    ):
        if given < least:
            return name, given, least
    for name, given, most in (
        ("longestLife", terms.decide_by, now + windows.longest_life),
        ("lateShare", terms.late_share, WHOLE),
        ("silenceShare", terms.silence_share, WHOLE),
        ("undecidedShare", terms.undecided_share, WHOLE),
        ("latePenalty", terms.late_penalty, WHOLE),
        ("exitPenalty", terms.exit_penalty, WHOLE),
    ):
        if given > most:
            return name, given, most
    return None


def deposit_of(trade: Trade, parameters: Parameters) -> int:
    """Return what each side deposits in case of a dispute, base units."""
    return share(trade.quantity * trade.unit_price, parameters.deposit_share)


def all_held(trade: Trade, held: Held, parameters: Parameters) -> int:
    """Return payment, bond and deposits that an open trade holds, base units."""
    if not held.is_open:
        return 0
    return held.payment + trade.escrow.bond + 2 * deposit_of(trade, parameters)


def units_left(trade: Trade, held: Held) -> int:
    """Return the units not paid for by early releases, rounded down."""
    return held.payment // trade.unit_price


def given_back(
    trade: Trade, held: Held, parameters: Parameters, cause: Cause, to_supplier: int
) -> int:
    """Return the units neither delivered nor paid for as a trade closes, rounded down.

    `to_supplier` is all that the supplier gets now, base units. What it gets at a split counts as
    payment only above its own bond and deposit.
    """
    if held.state != EscrowState.FUNDED:
        return 0
    match cause:
        case Cause.REFUNDED:
            paid = 0
        case Cause.LATE:
            paid = share(held.payment, trade.escrow.late_share)
        case Cause.SPLIT:
            paid = max(0, to_supplier - trade.escrow.bond - deposit_of(trade, parameters))
        case _:
            return 0
    return max(0, held.payment - paid) // trade.unit_price


def deadline_of(trade: Trade, held: Held, parameters: Parameters) -> int:
    """Return the first second at which the waiting state may be ended."""
    terms, since = trade.escrow, held.since
    if held.state == EscrowState.FUNDED:
        return terms.deliver_by
    if held.state == EscrowState.DELIVERED:
        return max(terms.dispute_by, since + parameters.dispute_window)
    # Of a refunded payment only the penalty is open, which has nothing to wait for but the hearing.
    agreed = 0 if held.uncovered else terms.decide_by
    return max(agreed, since + parameters.hearing + parameters.decision_window)


def last_window(trade: Trade, held: Held, parameters: Parameters) -> int:
    """Return the first second at which a ruling that replaces one opens no window of its own."""
    return deadline_of(trade, held, parameters) + parameters.ruling_window


def to_supplier(
    trade: Trade, held: Held, parameters: Parameters, cause: Cause, ruling: Posted, late: bool
) -> int:
    """Return what of all that is held the supplier gets, base units; the demander gets the rest.

    For every cause that closes a trade but a split, in which both say what each gets. `late`: the
    time to deliver is over.
    """
    terms, deposit = trade.escrow, deposit_of(trade, parameters)
    disputed = held.state == EscrowState.DISPUTED
    match cause:
        case Cause.ACCEPTED:
            # Giving in costs whoever does it what it deposited: a dispute is not free.
            return held.payment + terms.bond + (2 * deposit if disputed else deposit)
        case Cause.REFUNDED:
            # A false statement of delivery costs the deposit.
            kept = 0 if disputed and not held.uncovered else deposit
            return _after_exit(trade, held, late) + kept
        case Cause.RULED:
            payment = share(held.payment, ruling.payment_share)
            bond = share(terms.bond, ruling.bond_share)
            return payment + bond + share(2 * deposit, ruling.deposit_share)
        case Cause.LATE:
            left = _without(terms.bond, terms.late_penalty)
            return share(held.payment, terms.late_share) + left + deposit
        case Cause.SILENT:
            return _silent(trade, held) + deposit
        case _:
            if held.uncovered:
                return _after_exit(trade, held, late) + deposit
            return share(held.payment, terms.undecided_share) + terms.bond + deposit


def _silent(trade: Trade, held: Held) -> int:
    """Payment for the part delivered as for a whole delivery, for the rest as for a late one."""
    terms = trade.escrow
    released = trade.quantity * trade.unit_price - held.payment
    due = max(0, held.delivered * trade.unit_price - released)
    payment = share(due, terms.silence_share) + share(held.payment - due, terms.late_share)
    missing = trade.quantity - held.delivered
    penalty = share(terms.bond, terms.late_penalty) * missing // trade.quantity
    return payment + terms.bond - penalty


def _after_exit(trade: Trade, held: Held, late: bool) -> int:
    """Return what of its bond the supplier keeps as, or after, the payment goes back."""
    terms = trade.escrow
    if held.uncovered:
        late = held.since >= terms.deliver_by
    # Going late costs no less than being late, whatever was stated meanwhile.
    penalty = max(terms.exit_penalty, terms.late_penalty) if late else terms.exit_penalty
    return _without(terms.bond, penalty)


def _without(bond: int, penalty: int) -> int:
    """Return what a penalty, basis points, leaves of a bond."""
    return bond - share(bond, penalty)


def share(amount: int, basis_points: int) -> int:
    """Return a share of base units, rounded down."""
    return amount * basis_points // WHOLE
