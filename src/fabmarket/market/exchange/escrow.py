"""Trades whose payment waits for delivery (contracts/src/ResourceEscrow.sol)."""

from dataclasses import replace

from fabmarket.identity import digest
from fabmarket.market.events import (
    Cause,
    CommitmentReduced,
    Delivered,
    Disputed,
    Escrowed,
    Event,
    GraceOpened,
    Released,
    RulingPosted,
    SplitsVoided,
    Uncovered,
)
from fabmarket.market.exchange import terms
from fabmarket.market.exchange.moves import (
    Deliver,
    Dispute,
    EscrowMove,
    Execute,
    Expire,
    IntoEscrow,
    Refund,
    RefundUncovered,
    Release,
    Rule,
    SettleEscrow,
    SettleEscrowBatch,
    SettleEscrowBundle,
    SignedTrade,
    Split,
    Verdict,
    VoidSplits,
)
from fabmarket.market.exchange.settlement import (
    batch,
    product,
    require_single,
    require_trading,
    settled,
)
from fabmarket.market.exchange.signatures import require_operators, require_signer
from fabmarket.market.exchange.state import (
    WHOLE,
    EscrowState,
    Exchange,
    Held,
    Posted,
    Reverted,
    Slot,
    slot_end,
)
from fabmarket.market.trade import Split as SplitTerms
from fabmarket.market.trade import Trade, bundle_of
from fabmarket.market.units import name_to_bytes32


def escrow_events(
    state: Exchange, caller: str, move: EscrowMove, now: int, block: int
) -> tuple[Event, ...]:
    """Return the events of a settlement into escrow, or of what happens there."""
    match move:
        case SettleEscrow() | SettleEscrowBatch() | SettleEscrowBundle():
            return _into_escrow(state, move, now)
        case Deliver():
            return _deliver(state, caller, move, now, block)
        case Release():
            return _release(state, caller, move, now)
        case Refund():
            return _refund(state, caller, move, now)
        case RefundUncovered():
            return _refund_uncovered(state, caller, move, now, block)
        case Dispute():
            return _dispute(state, caller, move, now, block)
        case _:
            return _verdict(state, caller, move, now, block)


def _verdict(
    state: Exchange, caller: str, move: Verdict, now: int, block: int
) -> tuple[Event, ...]:
    match move:
        case Split():
            return _split(state, move, now)
        case VoidSplits():
            return _void_splits(state, caller, move)
        case Rule():
            return _rule(state, move, now, block)
        case Execute():
            return _execute(state, move, now, block)
        case Expire():
            return _expire(state, move, now, block)


def _into_escrow(state: Exchange, move: IntoEscrow, now: int) -> tuple[Event, ...]:
    require_trading(state, now)
    match move:
        case SettleEscrow():
            require_single(move.signed.trade)
            return _hold(state, move.signed, now)
        case SettleEscrowBatch():
            return batch(state, move.trades, lambda at, signed: _hold(at, signed, now))
        case SettleEscrowBundle():
            bundle = bundle_of([signed.trade for signed in move.trades])
            return product(state, move.trades, bundle, lambda at, signed: _hold(at, signed, now))


def _hold(state: Exchange, signed: SignedTrade, now: int) -> tuple[Event, ...]:
    trade = signed.trade
    if trade.listing not in state.listings:
        raise Reverted("UnknownListing", trade.listing)
    if not terms.is_place(state, trade):
        raise Reverted("WrongPlace", trade.listing, trade.escrow.resource, trade.escrow.slot)
    fault = terms.fault(state, trade, now)
    if fault is not None:
        name, given, bound = fault
        raise Reverted("BadTerm", name_to_bytes32(name), given, bound)
    deposit = terms.deposit_of(trade, state.parameters)
    event = settled(state, signed, now, deposit, deposit + trade.escrow.bond)
    return event, Escrowed(event.trade, trade, state.operator_set(now), now)


def _deliver(
    state: Exchange, caller: str, move: Deliver, now: int, block: int
) -> tuple[Event, ...]:
    trade = move.trade
    _require_party(caller, state.supplier_of(trade.listing))
    trade_digest, _ = _in_state(state, trade, EscrowState.FUNDED, now, block)
    if now < trade.escrow.deliver_from:
        raise Reverted("TooEarly", trade.escrow.deliver_from, now)
    if not 0 < move.quantity <= trade.quantity:
        raise Reverted("BadQuantity", move.quantity, trade.quantity)
    return (Delivered(trade_digest, move.quantity, now),)


def _release(state: Exchange, caller: str, move: Release, now: int) -> tuple[Event, ...]:
    _require_party(caller, move.trade.demander)
    trade_digest, held = _open(state, move.trade)
    if move.amount == 0:
        raise Reverted("ZeroAmount")
    if move.amount > held.payment:
        raise Reverted("InsufficientEscrow", trade_digest, held.payment, move.amount)
    if move.amount < held.payment:
        return (Released(trade_digest, Cause.ACCEPTED, move.amount, 0, closed=False),)
    _require_no_ruling(state, trade_digest)
    return (_due(state, move.trade, trade_digest, held, Cause.ACCEPTED, now),)


def _refund(state: Exchange, caller: str, move: Refund, now: int) -> tuple[Event, ...]:
    _require_party(caller, state.supplier_of(move.trade.listing))
    trade_digest, held = _open(state, move.trade)
    _require_no_ruling(state, trade_digest)
    released = _due(state, move.trade, trade_digest, held, Cause.REFUNDED, now)
    return *_given_back(state, move.trade, held, released, now), released


def _refund_uncovered(
    state: Exchange, caller: str, move: RefundUncovered, now: int, block: int
) -> tuple[Event, ...]:
    trade = move.trade
    _require_party(caller, trade.demander)
    trade_digest, held = _in_state(state, trade, EscrowState.FUNDED, now, block)
    where = (state.supplier_of(trade.listing), trade.escrow.resource, trade.escrow.slot)
    slot = state.slots.get(where, Slot())
    if slot.committed <= slot.attested or where in state.seals:
        raise Reverted("Covered", slot.attested, slot.committed)
    units = terms.units_left(trade, held)
    if units == 0:
        raise Reverted("BadQuantity", 0, trade.quantity)
    return (
        *_reduced(state, trade, units),
        Uncovered(trade_digest, now),
        Released(trade_digest, Cause.UNCOVERED, 0, held.payment, closed=False),
    )


def _dispute(
    state: Exchange, caller: str, move: Dispute, now: int, block: int
) -> tuple[Event, ...]:
    _require_party(caller, move.trade.demander)
    trade_digest, _ = _in_state(state, move.trade, EscrowState.DELIVERED, now, block)
    return (Disputed(trade_digest, move.evidence, now),)


def _split(state: Exchange, move: Split, now: int) -> tuple[Event, ...]:
    trade = move.trade
    trade_digest, held = _open(state, trade)
    _require_before(move.deadline, now)
    given = move.to_supplier + move.to_demander
    held_in_all = terms.all_held(trade, held, state.parameters)
    if given != held_in_all:
        raise Reverted("WrongSplit", trade_digest, held_in_all, given)
    parts = (move.to_supplier, move.to_demander)
    agreed = digest(state.domain, SplitTerms(trade_digest, *parts, move.deadline, held.split_nonce))
    require_signer(trade.demander, agreed, move.demander)
    require_signer(state.supplier_of(trade.listing), agreed, move.supplier)
    released = Released(trade_digest, Cause.SPLIT, *parts, closed=True)
    return *_given_back(state, trade, held, released, now), released


def _void_splits(state: Exchange, caller: str, move: VoidSplits) -> tuple[Event, ...]:
    if caller not in (move.trade.demander, state.supplier_of(move.trade.listing)):
        raise Reverted("NotParty", caller)
    trade_digest, held = _open(state, move.trade)
    return (SplitsVoided(trade_digest, held.split_nonce + 1),)


def _rule(state: Exchange, move: Rule, now: int, block: int) -> tuple[Event, ...]:
    trade, parameters = move.trade, state.parameters
    trade_digest, held = _disputed(state, trade)
    posted = state.rulings.get(trade_digest, Posted())
    if now < held.since + parameters.hearing:
        raise Reverted("TooEarly", held.since + parameters.hearing, now)
    _require_in_time(held, now, block)
    ruling = replace(move.ruling, trade=trade_digest)
    _require_before(ruling.deadline, now)
    if ruling.number <= posted.number:
        raise Reverted("StaleRuling", trade_digest, ruling.number, posted.number)
    shares = (ruling.payment_share, ruling.bond_share, ruling.deposit_share)
    for share in shares:
        if share > WHOLE:
            raise Reverted("BadShare", share)
    parties = (trade.demander, state.supplier_of(trade.listing))
    for signature in move.signatures:
        if signature.operator in parties:
            raise Reverted("PartyRules", signature.operator)
    require_operators(state, held.operator_set, ruling, move.signatures)
    until = (held.grace_until, held.grace_block)
    # A replacement opens a window of its own up to one window after the time for deciding; later it
    # shares that of the ruling it replaces, so that a dispute ends.
    if posted.number == 0 or now < terms.last_window(trade, held, parameters):
        until = (now + parameters.ruling_window, block + parameters.grace_blocks)
    return (RulingPosted(trade_digest, ruling.number, *shares, *until),)


def _execute(state: Exchange, move: Execute, now: int, block: int) -> tuple[Event, ...]:
    trade_digest, held = _disputed(state, move.trade)
    if trade_digest not in state.rulings:
        raise Reverted("NoRuling", trade_digest)
    if not _is_grace_over(held, now, block):
        raise Reverted("GraceRunning", held.grace_until, held.grace_block)
    return (_due(state, move.trade, trade_digest, held, Cause.RULED, now),)


def _expire(state: Exchange, move: Expire, now: int, block: int) -> tuple[Event, ...]:
    trade, parameters = move.trade, state.parameters
    trade_digest, held = _open(state, trade)
    _require_no_ruling(state, trade_digest)
    if held.grace_until == 0:
        deadline = terms.deadline_of(trade, held, parameters)
        if now < deadline:
            raise Reverted("DeadlineAhead", deadline, now)
        until = (now + parameters.grace_time, block + parameters.grace_blocks)
        return (GraceOpened(trade_digest, held.state, *until),)
    if not _is_grace_over(held, now, block):
        raise Reverted("GraceRunning", held.grace_until, held.grace_block)
    released = _due(state, trade, trade_digest, held, terms.ON_EXPIRY[held.state], now)
    return *_given_back(state, trade, held, released, now), released


def _require_party(caller: str, party: str) -> None:
    if caller != party:
        raise Reverted("NotParty", caller)


def _require_before(deadline: int, now: int) -> None:
    if now >= deadline:
        raise Reverted("DeadlinePassed", deadline, now)


def _require_no_ruling(state: Exchange, trade_digest: bytes) -> None:
    posted = state.rulings.get(trade_digest)
    if posted is not None:
        raise Reverted("RulingStands", trade_digest, posted.number)


def _is_grace_over(held: Held, now: int, block: int) -> bool:
    return now >= held.grace_until and block >= held.grace_block


def _require_in_time(held: Held, now: int, block: int) -> None:
    if held.grace_until != 0 and _is_grace_over(held, now, block):
        raise Reverted("DeadlinePassed", held.grace_until, now)


def _held(state: Exchange, trade: Trade) -> tuple[bytes, Held]:
    trade_digest = digest(state.domain, trade)
    return trade_digest, state.held.get(trade_digest, Held())


def _in_state(
    state: Exchange, trade: Trade, wanted: EscrowState, now: int, block: int
) -> tuple[bytes, Held]:
    """Return a trade that waits in this state, and not beyond its grace period."""
    trade_digest, held = _held(state, trade)
    if held.state != wanted:
        raise Reverted("WrongState", trade_digest, held.state)
    _require_in_time(held, now, block)
    return trade_digest, held


def _disputed(state: Exchange, trade: Trade) -> tuple[bytes, Held]:
    trade_digest, held = _held(state, trade)
    if held.state != EscrowState.DISPUTED:
        raise Reverted("WrongState", trade_digest, held.state)
    return trade_digest, held


def _open(state: Exchange, trade: Trade) -> tuple[bytes, Held]:
    trade_digest, held = _held(state, trade)
    if not held.is_open:
        raise Reverted("WrongState", trade_digest, held.state)
    return trade_digest, held


def _given_back(
    state: Exchange, trade: Trade, held: Held, released: Released, now: int
) -> tuple[Event, ...]:
    """Give the capacity of what was neither delivered nor paid for back, while its slot lasts."""
    if now >= slot_end(trade.listing):
        return ()
    closing = (released.cause, released.to_supplier)
    return _reduced(state, trade, terms.given_back(trade, held, state.parameters, *closing))


def _reduced(state: Exchange, trade: Trade, units: int) -> tuple[Event, ...]:
    if units == 0:
        return ()
    supplier, place = state.supplier_of(trade.listing), trade.escrow
    return (CommitmentReduced(supplier, place.resource, place.slot, units),)


def _due(
    state: Exchange, trade: Trade, trade_digest: bytes, held: Held, cause: Cause, now: int
) -> Released:
    ruling, late = state.rulings.get(trade_digest, Posted()), now >= trade.escrow.deliver_by
    to_supplier = terms.to_supplier(trade, held, state.parameters, cause, ruling, late)
    held_in_all = terms.all_held(trade, held, state.parameters)
    return Released(trade_digest, cause, to_supplier, held_in_all - to_supplier, closed=True)
