"""Folding the events of trades in escrow into the state."""

from dataclasses import replace

from fabmarket.identity import digest
from fabmarket.market.events import (
    Cause,
    CommitmentReduced,
    Delivered,
    Disputed,
    Escrowed,
    GraceOpened,
    Released,
    RulingPosted,
    Settled,
    SplitsVoided,
    Uncovered,
    pack_terms,
)
from fabmarket.market.exchange import terms
from fabmarket.market.exchange.state import (
    WHOLE,
    EscrowState,
    Exchange,
    Held,
    Inconsistent,
    Listing,
    Posted,
    Slot,
    at_time,
    credited,
    not_before,
    require_before,
    slot_end,
)
from fabmarket.market.telling import told
from fabmarket.market.trade import TIME_LIMIT, Trade, listing_id

EscrowEvent = (
    Escrowed
    | Delivered
    | Disputed
    | Uncovered
    | GraceOpened
    | SplitsVoided
    | RulingPosted
    | Released
    | CommitmentReduced
)


def escrow_record(state: Exchange, event: EscrowEvent) -> Exchange:
    """Return the state after an event of a trade in escrow."""
    match event:
        case Escrowed():
            return _escrowed(state, event)
        case CommitmentReduced():
            return _reduced(state, event)
    trade, held = state.escrows.get(event.trade), state.held.get(event.trade, Held())
    if trade is None or not held.is_open:
        raise Inconsistent(f"{told(event)} is of a trade that holds nothing")
    match event:
        case Delivered() | Disputed():
            return _stated(state, event, trade, held)
        case Uncovered():
            return _uncovered(state, event, trade, held)
        case GraceOpened():
            return _grace_opened(state, event, trade, held)
        case SplitsVoided():
            if event.split_nonce != held.split_nonce + 1:
                raise Inconsistent(f"{told(event)} does not follow nonce {held.split_nonce}")
            new = replace(held, split_nonce=event.split_nonce)
            return replace(state, held=state.held.insert(event.trade, new))
        case RulingPosted():
            return _ruling_posted(state, event, trade, held)
        case Released():
            closes = event.closed
            return (_closed if closes else _released)(state, event, trade, held)


def _escrowed(state: Exchange, event: Escrowed) -> Exchange:
    trade = event.terms
    terms_word = pack_terms(trade.quantity, trade.unit_price, trade.nonce)
    settled = Settled(trade.listing, trade.demander, event.trade, trade.token, terms_word)
    if state.last != settled or digest(state.domain, trade) != event.trade:
        raise Inconsistent(f"{told(event)} does not follow the settlement of its trade")
    if event.trade in state.held:
        raise Inconsistent(f"{told(event)} holds a payment twice")
    state = at_time(state, event, event.since)
    require_before(state, event, trade.valid_until)
    listing = state.listings[trade.listing]
    timely = trade.valid_until <= slot_end(trade.listing) and trade.listing_epoch == listing.epoch
    fitting = timely and terms.is_place(state, trade)
    if not fitting or terms.fault(state, trade, event.since) is not None:
        raise Inconsistent(f"{told(event)} has terms that the exchange refuses")
    if event.operator_set != state.operator_set(event.since):
        raise Inconsistent(f"{told(event)} names other operators than those of its time")
    # `Settled` credited the supplier; an escrowed payment is held instead, beside what each locks.
    payment, deposit = settled.payment, terms.deposit_of(trade, state.parameters)
    supplier_locks = payment + deposit + trade.escrow.bond
    state = credited(
        state, trade.token, (listing.supplier, -supplier_locks), (trade.demander, -deposit)
    )
    held = Held(payment, 0, event.operator_set, EscrowState.FUNDED, since=event.since)
    return replace(
        state,
        escrows=state.escrows.insert(event.trade, trade),
        held=state.held.insert(event.trade, held),
    )


def _reduced(state: Exchange, event: CommitmentReduced) -> Exchange:
    """Take off what is committed; `Uncovered` or `Released` follows and says why."""
    where = (event.supplier, event.resource, event.slot)
    slot, calendar = state.slots.get(where, Slot()), state.calendars.get(where[:2])
    end = calendar.end(event.slot) if calendar else TIME_LIMIT
    if end >= TIME_LIMIT:
        raise Inconsistent(f"{told(event)} names no slot")
    listing = state.listings.get(listing_id(*where, end), Listing(event.supplier))
    committed = slot.committed - event.quantity
    if event.quantity == 0 or committed < listing.available:
        raise Inconsistent(f"{told(event)} gives back what was not sold")
    return replace(state, slots=state.slots.insert(where, replace(slot, committed=committed)))


def _stated(state: Exchange, event: Delivered | Disputed, trade: Trade, held: Held) -> Exchange:
    state = at_time(state, event, event.since)
    _require_in_time(state, event, held)
    if isinstance(event, Disputed):
        fitting = held.state == EscrowState.DELIVERED
        new = replace(held, state=EscrowState.DISPUTED)
    else:
        fitting = held.state == EscrowState.FUNDED and event.since >= trade.escrow.deliver_from
        fitting = fitting and 0 < event.quantity <= trade.quantity
        new = replace(held, state=EscrowState.DELIVERED, delivered=event.quantity)
    if not fitting:
        raise Inconsistent(f"{told(event)} does not follow {told(held)}")
    return _entered(state, event, new)


def _uncovered(state: Exchange, event: Uncovered, trade: Trade, held: Held) -> Exchange:
    """Enter a dispute over the penalty; `Released` follows and pays the payment back."""
    reduced = state.last if isinstance(state.last, CommitmentReduced) else None
    where, units = _place(state, trade), terms.units_left(trade, held)
    slot = state.slots.get(where, Slot())
    state = at_time(state, event, event.since)
    _require_in_time(state, event, held)
    uncovered = slot.committed + units > slot.attested and where not in state.seals
    uncovered = uncovered and reduced == CommitmentReduced(*where, units)
    if held.state != EscrowState.FUNDED or not uncovered:
        raise Inconsistent(f"{told(event)} refunds what is covered, or was delivered")
    # Where more came off than was missing, that much less is attested: it may not be sold again.
    slot = replace(slot, attested=min(slot.attested, slot.committed))
    state = replace(state, slots=state.slots.insert(where, slot))
    return _entered(state, event, replace(held, state=EscrowState.DISPUTED, uncovered=True))


def _entered(state: Exchange, event: Delivered | Disputed | Uncovered, held: Held) -> Exchange:
    new = replace(held, since=event.since, grace_until=0, grace_block=0)
    return replace(state, held=state.held.insert(event.trade, new))


def _require_in_time(state: Exchange, event: EscrowEvent, held: Held) -> None:
    """Raise Inconsistent once time and block are known to be beyond the grace period."""
    if held.grace_until and state.time >= held.grace_until and state.block >= held.grace_block:
        raise Inconsistent(f"{told(event)} comes after the grace period of {told(held)}")


def _grace_opened(state: Exchange, event: GraceOpened, trade: Trade, held: Held) -> Exchange:
    parameters = state.parameters
    now = event.until - parameters.grace_time
    state = at_time(state, event, now, event.until_block - parameters.grace_blocks)
    early = now < terms.deadline_of(trade, held, parameters)
    if held.grace_until or early or event.state != held.state or event.trade in state.rulings:
        raise Inconsistent(f"{told(event)} does not follow {told(held)}")
    new = replace(held, grace_until=event.until, grace_block=event.until_block)
    return replace(state, held=state.held.insert(event.trade, new))


def _ruling_posted(state: Exchange, event: RulingPosted, trade: Trade, held: Held) -> Exchange:
    posted = state.rulings.get(event.trade)
    shares = (event.payment_share, event.bond_share, event.deposit_share)
    state = _in_window(state, event, trade, held)
    _require_in_time(state, event, held)
    heard = state.time >= held.since + state.parameters.hearing
    heard = heard and held.state == EscrowState.DISPUTED
    follows = event.number > (posted.number if posted else 0)
    if not heard or not follows or max(shares) > WHOLE:
        raise Inconsistent(f"{told(event)} does not follow {told(posted)} of {told(held)}")
    until = replace(held, grace_until=event.executable_at, grace_block=event.until_block)
    new = Posted(event.number, *shares, event.executable_at)
    return replace(
        state,
        held=state.held.insert(event.trade, until),
        rulings=state.rulings.insert(event.trade, new),
    )


def _in_window(state: Exchange, event: RulingPosted, trade: Trade, held: Held) -> Exchange:
    """Return the state at the time of a ruling, which its window tells, or its being shared."""
    parameters = state.parameters
    now = event.executable_at - parameters.ruling_window
    block = event.until_block - parameters.grace_blocks
    if event.trade not in state.rulings:
        return at_time(state, event, now, block)
    last = terms.last_window(trade, held, parameters)
    shared = (event.executable_at, event.until_block) == (held.grace_until, held.grace_block)
    if shared and (now < state.time or now >= last):
        return not_before(state, last)
    state = at_time(state, event, now, block)
    require_before(state, event, last)
    return state


def _released(state: Exchange, event: Released, trade: Trade, held: Held) -> Exchange:
    """Pay a part early, or back what is uncovered; the trade stays open."""
    if event.cause == Cause.UNCOVERED:
        # That it pays all of the payment back was demanded by `Uncovered`.
        fitting = isinstance(state.last, Uncovered)
    else:
        fitting = event.cause == Cause.ACCEPTED and event.to_demander == 0
        fitting = fitting and 0 < event.to_supplier < held.payment
    if not fitting:
        raise Inconsistent(f"{told(event)} does not follow {told(held)}")
    left = held.payment - event.to_supplier - event.to_demander
    state = _paid(state, event, trade)
    return replace(state, held=state.held.insert(event.trade, replace(held, payment=left)))


def _closed(state: Exchange, event: Released, trade: Trade, held: Held) -> Exchange:
    state = _caused(state, event, held)
    ruling, held_in_all = (
        state.rulings.get(event.trade),
        terms.all_held(trade, held, state.parameters),
    )
    if event.cause != Cause.SPLIT:
        state = _owing(state, event, trade, held, ruling or Posted())
    rest = held_in_all - event.to_supplier
    if event.to_demander != rest or event.to_demander < 0:
        raise Inconsistent(f"{told(event)} pays not all of {held_in_all} base units")
    state = _paid(_capacity_given_back(state, event, trade, held), event, trade)
    return replace(
        state,
        held=state.held.insert(event.trade, Held(state=EscrowState.CLOSED)),
        rulings=state.rulings.discard(event.trade),
    )


def _owing(state: Exchange, event: Released, trade: Trade, held: Held, ruling: Posted) -> Exchange:
    """Require that the supplier gets what is due, which can tell whether it was late."""
    in_time, late = (
        terms.to_supplier(trade, held, state.parameters, event.cause, ruling, each)
        for each in (False, True)
    )
    if event.to_supplier not in (in_time, late):
        raise Inconsistent(f"{told(event)} pays the supplier neither {in_time} nor, late, {late}")
    if in_time == late:
        return state
    if event.to_supplier == late:
        return not_before(state, trade.escrow.deliver_by)
    require_before(state, event, trade.escrow.deliver_by)
    return state


def _caused(state: Exchange, event: Released, held: Held) -> Exchange:
    """Require that the cause fits the state: a ruling stands till it is executed or both split."""
    ruling = state.rulings.get(event.trade)
    match event.cause:
        case Cause.SPLIT:
            return state
        case Cause.RULED:
            if ruling is not None:
                return not_before(state, held.grace_until, held.grace_block)
        case Cause.ACCEPTED | Cause.REFUNDED:
            payable = event.cause == Cause.REFUNDED or held.payment > 0
            if ruling is None and payable:
                return state
        case Cause.LATE | Cause.SILENT | Cause.UNDECIDED:
            expired = held.grace_until and terms.ON_EXPIRY[held.state] == event.cause
            if ruling is None and expired:
                return not_before(state, held.grace_until, held.grace_block)
    raise Inconsistent(f"{told(event)} does not follow {told(ruling)} of {told(held)}")


def _capacity_given_back(state: Exchange, event: Released, trade: Trade, held: Held) -> Exchange:
    """Require that what was neither delivered nor paid for is no longer committed."""
    closing = (event.cause, event.to_supplier)
    units = terms.given_back(trade, held, state.parameters, *closing)
    end = slot_end(trade.listing)
    if isinstance(state.last, CommitmentReduced):
        require_before(state, event, end)
        if state.last != CommitmentReduced(*_place(state, trade), units):
            raise Inconsistent(
                f"{told(event)} gives back {units} units, not those of {told(state.last)}"
            )
        return state
    return not_before(state, end) if units else state


def _place(state: Exchange, trade: Trade) -> tuple[str, bytes, int]:
    return state.supplier_of(trade.listing), trade.escrow.resource, trade.escrow.slot


def _paid(state: Exchange, event: Released, trade: Trade) -> Exchange:
    if event.to_supplier < 0 or event.to_demander < 0:
        raise Inconsistent(f"{told(event)} takes money")
    supplier = state.supplier_of(trade.listing)
    parts = ((supplier, event.to_supplier), (trade.demander, event.to_demander))
    return credited(state, trade.token, *parts)
