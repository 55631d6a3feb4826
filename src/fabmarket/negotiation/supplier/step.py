"""A supplier's step: what each input does."""

from dataclasses import replace

from fabmarket.market.events import (
    Event,
    Listed,
    ListingEpochRaised,
    ListingEvent,
    Settled,
    Unlisted,
)
from fabmarket.market.exchange import SettleBatch
from fabmarket.market.messages import Claim, Counter, Demand, Reply, Selection
from fabmarket.market.trade import Trade
from fabmarket.negotiation.bargaining import InvalidCounter
from fabmarket.negotiation.course import InvalidMove, Unacceptable
from fabmarket.negotiation.hosting import Hosted
from fabmarket.negotiation.moves import (
    Ignored,
    Input,
    Ordered,
    Output,
    Received,
    Recorded,
    Submit,
    Ticked,
)
from fabmarket.negotiation.supplier.offering import take_demand, take_selection
from fabmarket.negotiation.supplier.selling import (
    countersign,
    open_talks,
    speak,
    take_answer,
    take_counter,
)
from fabmarket.negotiation.supplier.state import (
    Shelf,
    Step,
    SupplierState,
    Talk,
    promising,
    with_shelf,
)

BATCH = 167
"""Trades settled by one transaction at most, so that it stays below 2^24 gas (EIP-7825)."""


def step(state: SupplierState, given: Input) -> Step:
    """Return the state after one input, and what to do. Bad messages change nothing."""
    try:
        match given:
            case Received():
                return _receive(state, given)
            case Recorded():
                return _record(state, given.event), ()
            case Ticked():
                return _tick(replace(state, now=max(state.now, given.now)))
            case Ordered():
                return state, (Submit(given.move),)
    except (Unacceptable, InvalidMove, InvalidCounter) as refusal:
        return state, (Ignored(str(refusal)),)


def _receive(state: SupplierState, given: Received) -> Step:
    match given.message:
        case Demand() as demand:
            return take_demand(state, demand, given.digest)
        case Selection() as selection:
            return take_selection(state, selection, given.digest)
        case Reply() | Claim() as answer:
            return take_answer(state, answer, given.digest)
        case Counter() as counter:
            return take_counter(state, counter, given.digest)
        case Trade() as trade:
            return countersign(state, trade, given.signature)
        case _:
            raise Unacceptable(f"a {type(given.message).__name__} is not for a supplier")


def _record(state: SupplierState, event: Event) -> SupplierState:
    nonces = state.nonces.after(event, state.address, state.terms.token)
    if nonces != state.nonces:
        state = replace(state, nonces=nonces)
    match event:
        case Listed() | Unlisted() if _is_ours(state, event):
            start = state.origin + event.slot * state.slot_length
            end = start + state.slot_length
            shelf = state.shelves.get(event.listing, Shelf(event.slot, start, end))
            return with_shelf(state, event.listing, replace(shelf, available=event.available))
        case ListingEpochRaised() if event.supplier == state.address:
            return replace(state, epochs=state.epochs.insert(event.listing, event.epoch))
        case Settled(listing=listing) if listing in state.shelves:
            shelf = state.shelves[listing]
            state = with_shelf(
                state, listing, replace(shelf, available=shelf.available - event.quantity)
            )
            return _settled(state, event.trade)
        case _:
            return state


def _is_ours(state: SupplierState, event: ListingEvent) -> bool:
    return (event.supplier, event.resource) == (state.address, state.resource)


def _settled(state: SupplierState, trade: bytes) -> SupplierState:
    """A trade that settled, or no longer can, is promised no longer."""
    sale = state.sales.get(trade)
    if sale is None:
        return state
    state = replace(state, sales=state.sales.remove(trade))
    return promising(state, sale.listing, -sale.quantity)


def _tick(state: SupplierState) -> Step:
    """Free what is over, go on without the silent, open what is due, settle what is agreed."""
    state = _end(state)
    outputs: list[Output] = []
    for talk in _waiting(state):
        state, sent = speak(state, talk, time_up=True)
        outputs.extend(sent)
    state, sent = open_talks(state)
    outputs.extend(sent)
    for start in range(0, len(state.agreed), BATCH):
        outputs.append(Submit(SettleBatch(state.agreed[start : start + BATCH])))
    return replace(state, agreed=()), tuple(outputs)


def _waiting(state: SupplierState) -> list[Talk]:
    """The sessions whose round is over and still waits for an answer, by slot."""
    over = [
        talk
        for talk in state.talks.values()
        if isinstance(talk.hosted, Hosted)
        and talk.hosted.close is None
        and talk.since + talk.hosted.opening.round_time <= state.now
    ]
    return sorted(over, key=lambda talk: (talk.hosted.opening.slot_end, talk.hosted.id))


def _end(state: SupplierState) -> SupplierState:
    """Free what was promised and neither signed nor settled in time; forget the talks."""
    for session, talk in state.talks.items():
        opening = talk.hosted.opening
        if opening.ends <= state.now:
            state = promising(state, opening.listing, -talk.promised)
            state = replace(state, talks=state.talks.remove(session))
    for key, award in state.awards.items():
        if award.until <= state.now:
            unsigned = (award.seats - len(award.nonces)) * award.quantity
            state = promising(state, award.listing, -unsigned)
            state = replace(state, awards=state.awards.remove(key))
    for trade, sale in state.sales.items():
        if sale.until <= state.now:
            state = _settled(state, trade)
    return state
