"""A demander's step: what each input does."""

from dataclasses import replace

from rpds import HashTrieMap, HashTrieSet

from fabmarket.market.events import (
    Event,
    Listed,
    ListingEpochRaised,
    ResourceRegistered,
    Settled,
)
from fabmarket.market.exchange import Calendar
from fabmarket.market.messages import Close, Counter, Offer, Opening, Quote, Refusal
from fabmarket.negotiation.bargaining import InvalidCounter
from fabmarket.negotiation.course import InvalidMove, TooEarly, Unacceptable
from fabmarket.negotiation.demander.release import choose, publish, refused, take_offer
from fabmarket.negotiation.demander.state import (
    DemanderState,
    Haggle,
    Place,
    Step,
    decided,
    failed,
)
from fabmarket.negotiation.demander.talks import hear, open_talk, take_counter
from fabmarket.negotiation.moves import (
    Ignored,
    Input,
    Ordered,
    Output,
    Postponed,
    Received,
    Recorded,
    Submit,
    Ticked,
)
from fabmarket.negotiation.nonces import Nonces
from fabmarket.negotiation.seat import SecondWord
from fabmarket.negotiation.wants import NO_ANSWER, NOT_SETTLED


def step(state: DemanderState, given: Input) -> Step:
    """Return the state after one input, and what to do. Bad messages change nothing."""
    try:
        match given:
            case Received():
                return _receive(state, given)
            case Recorded():
                return _record(state, given.event)
            case Ticked():
                return _tick(replace(state, now=max(state.now, given.now)))
            case Ordered():
                return state, (Submit(given.move),)
    except TooEarly as early:
        return state, (Postponed(str(early)),)
    except (Unacceptable, InvalidMove, InvalidCounter) as refusal:
        return state, (Ignored(str(refusal), isinstance(refusal, SecondWord)),)


def _receive(state: DemanderState, given: Received) -> Step:
    match given.message:
        case Offer() as offer:
            return take_offer(state, offer, given.digest)
        case Refusal() as refusal:
            return refused(state, refusal)
        case Opening() as opening:
            return open_talk(state, opening, given.digest, given.places)
        case Quote() | Close() as word:
            return hear(state, word, given.digest, given.places)
        case Counter() as counter:
            return take_counter(state, counter, given.digest)
        case _:
            raise Unacceptable(f"a {type(given.message).__name__} is not for a demander")


def _record(state: DemanderState, event: Event) -> Step:
    nonces = state.nonces.after(event, state.address, state.token)
    if nonces != state.nonces:
        state = _used(state, nonces)
    match event:
        case ResourceRegistered():
            calendar = Calendar(event.unit, event.origin, event.slot_length)
            owned = (event.supplier, event.resource)
            sellers = state.sellers.get(event.resource, HashTrieSet()).insert(event.supplier)
            return replace(
                state,
                calendars=state.calendars.insert(owned, calendar),
                sellers=state.sellers.insert(event.resource, sellers),
            ), ()
        case ListingEpochRaised():
            return replace(state, epochs=state.epochs.insert(event.listing, event.epoch)), ()
        case Listed(supplier=supplier) if (supplier, event.resource) in state.calendars:
            calendar = state.calendars[supplier, event.resource]
            place = Place(supplier, calendar.end(event.slot - 1), calendar.end(event.slot))
            return replace(state, listed=state.listed.insert(event.listing, place)), ()
        case Settled(trade=trade) if trade in state.trades:
            want = state.wants[state.trades[trade]]
            return decided(state, replace(want, state="served", trade=trade))
        case _:
            return state, ()


def _used(state: DemanderState, nonces: Nonces) -> DemanderState:
    """Note what the chain says of the nonces; forget what was signed for earlier epochs."""
    signed = state.signed
    if nonces.epoch != state.nonces.epoch:
        later = {nonce: at for nonce, at in signed.items() if nonce >> 8 >= nonces.epoch}
        signed = HashTrieMap(later)
    return replace(state, nonces=nonces, signed=signed)


def _tick(state: DemanderState) -> Step:
    """Give up what nobody answered in time, then select, then publish what is open."""
    outputs: list[Output] = []
    for want in state.in_order():
        told: tuple[Output, ...] = ()
        if want.state == "negotiating" and want.until <= state.now:
            state, told = failed(state, want, NO_ANSWER)
        elif want.state == "agreed" and want.signed_until <= state.now:
            state, told = failed(state, want, NOT_SETTLED)
        outputs.extend(told)
    state = _forget(state)
    for act in (choose, publish):
        state, done = act(state)
        outputs.extend(done)
    return state, tuple(outputs)


def _forget(state: DemanderState) -> DemanderState:
    """Forget the talks that are over, with their selections."""
    over = {
        session
        for session, talk in state.talks.items()
        if (talk.bargain if isinstance(talk, Haggle) else talk).opening.ends <= state.now
    }
    waiting = {want.id for want in state.wants.values() if want.state == "negotiating"}
    stale = [
        selection_digest
        for selection_digest, selection in state.selections.items()
        if selection.sub_task not in waiting
        and state.seated.get(selection_digest) not in state.talks
    ]
    if not over and not stale:
        return state
    talks, selections, seated = state.talks, state.selections, state.seated
    for session in over:
        talks = talks.remove(session)
    for selection_digest in stale:
        selections, seated = selections.remove(selection_digest), seated.discard(selection_digest)
    return replace(state, talks=talks, selections=selections, seated=seated)
