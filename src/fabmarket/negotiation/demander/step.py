"""A demander's step: what each input does."""

from dataclasses import replace

from rpds import HashTrieMap, HashTrieSet

from fabmarket.market import products
from fabmarket.market.cycles import Counted, Entering, Proposal, Roll
from fabmarket.market.events import (
    Cause,
    Escrowed,
    Event,
    Listed,
    ListingEpochRaised,
    NetSettled,
    Released,
    ResourceRegistered,
    Settled,
    SlotAttested,
    Unlisted,
)
from fabmarket.market.exchange import Calendar
from fabmarket.market.masked import Dispute, Inquiry, MaskedAbort, MaskedClose, MaskedQuote
from fabmarket.market.messages import (
    Close,
    Counter,
    MaskedOpening,
    Offer,
    Opening,
    Quote,
    Refusal,
    SplitOffer,
)
from fabmarket.market.products import Booked, Countersigned, PriceList
from fabmarket.market.usage import Usage
from fabmarket.negotiation import splitting
from fabmarket.negotiation.bargaining import InvalidCounter
from fabmarket.negotiation.course import InvalidMove, TooEarly, Unacceptable
from fabmarket.negotiation.demander import bundling, listings, netting, returning, rounds
from fabmarket.negotiation.demander.masked_talks import hear_masked, open_masked
from fabmarket.negotiation.demander.obeying import hear_report, obey
from fabmarket.negotiation.demander.release import choose, publish, refused, take_offer
from fabmarket.negotiation.demander.state import (
    DemanderState,
    Haggle,
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
    Ticked,
)
from fabmarket.negotiation.nonces import Nonces
from fabmarket.negotiation.products.purchase import LOSSES
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
                return obey(state, given.order)
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
        case MaskedOpening() as opening:
            return open_masked(state, opening, given.digest, given.places)
        case MaskedQuote() | MaskedClose() | Inquiry() | Dispute() | MaskedAbort() as word:
            return hear_masked(state, word, given.digest, given.places)
        case Counter() as counter:
            return take_counter(state, counter, given.digest)
        case SplitOffer() as offer:
            escrows, outputs = splitting.hear(state.escrows, state.domain, offer, state.now)
            return replace(state, escrows=escrows), outputs
        case PriceList() | products.Answer() | Booked() as word:
            return rounds.hear(state, word, given)
        case Countersigned() as word:
            if word.trade in state.bundled:
                return bundling.take_countersignature(state, word)
            return netting.take_countersignature(state, word)
        case Roll() | Entering() | Proposal() | Counted():
            return netting.hear(state, given)
        case Usage() as usage:
            return hear_report(state, usage, given.digest)
        case _:
            raise Unacceptable(f"a {type(given.message).__name__} is not for a demander")


def _record(state: DemanderState, event: Event) -> Step:
    nonces = state.nonces.after(event, state.address, state.token)
    if nonces != state.nonces:
        state = _used(state, nonces)
    purse, told = state.purse.told(event, state.address, state.token)
    if purse is not state.purse:
        state = replace(state, purse=purse)
    before = state.escrows
    state = netting.told(bundling.doubted(_escrows(state, event), event), event)
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
        case Listed() | Unlisted() if (event.supplier, event.resource) in state.calendars:
            return listings.listed(state, event), ()
        case Settled(trade=trade):
            return _settled(state, trade)
        case NetSettled():
            return _netted(state, event)
        case Released(trade=trade, cause=cause) if trade in state.bundled and trade in before:
            payment = before[trade].trade.payment
            if cause in LOSSES:
                state, noted = bundling.taken_back(state, trade, payment)
            elif cause is Cause.SPLIT:
                state, noted = returning.gone_back(state, event, payment)
            else:
                noted = ()
            return state, (*told, *noted)
        case SlotAttested():
            return bundling.lowered(listings.attested(state, event), event), told
        case _:
            return state, told


def _settled(state: DemanderState, trade: bytes) -> Step:
    if trade in state.bundled:
        return bundling.settled(state, trade)
    if trade not in state.trades:
        return state, ()
    want = state.wants[state.trades[trade]]
    if want.state == "served":
        return state, ()  # by the other half of a bundle
    return decided(state, replace(want, state="served", trade=trade))


def _netted(state: DemanderState, event: NetSettled) -> Step:
    """Note what a batch settled: each trade of it as if it had settled alone."""
    state, names = netting.of_batch(state, event)
    outputs: list[Output] = [*netting.news_of(names, event)]
    for name in names:
        state, told = _settled(state, name)
        outputs.extend(told)
    return state, tuple(outputs)


def _escrows(state: DemanderState, event: Event) -> DemanderState:
    place = state.listed.get(event.terms.listing) if isinstance(event, Escrowed) else None
    supplier = None if place is None else place.supplier
    escrows = splitting.followed(state.escrows, event, state.address, supplier)
    return state if escrows is state.escrows else replace(state, escrows=escrows)


def _used(state: DemanderState, nonces: Nonces) -> DemanderState:
    """Note what the chain says of the nonces; forget what was signed for earlier epochs."""
    signed = state.signed
    if nonces.epoch != state.nonces.epoch:
        later = {nonce: at for nonce, at in signed.items() if nonce >> 8 >= nonces.epoch}
        signed = HashTrieMap(later)
    return replace(state, nonces=nonces, signed=signed)


def _tick(state: DemanderState) -> Step:
    """Give up what nobody answered in time and what is too late, then select, then publish."""
    outputs: list[Output] = []
    for want in state.in_order():
        told: tuple[Output, ...] = ()
        if want.state == "negotiating" and want.until <= state.now:
            state, told = failed(state, want, NO_ANSWER)
        elif want.state == "open" and want.end <= state.now:
            state, told = decided(state, replace(want, state="unserved"))
        elif want.state == "agreed" and want.signed_until <= state.now:
            state, told = failed(state, want, NOT_SETTLED)
        outputs.extend(told)
    state = _forget(state)
    acts = (choose, publish, rounds.tick, bundling.take_back, returning.offer_back, netting.tick)
    for act in acts:
        state, done = act(state)
        outputs.extend(done)
    return state, tuple(outputs)


def _forget(state: DemanderState) -> DemanderState:
    """Forget the talks that are over, with their selections and secrets."""
    over = {
        session
        for session, talk in state.talks.items()
        if (talk.bargain if isinstance(talk, Haggle) else talk).opening.ends <= state.now
    }
    going_on = set(state.talks) - over
    waiting = {want.id for want in state.wants.values() if want.state == "negotiating"}
    stale = [
        selection_digest
        for selection_digest, selection in state.selections.items()
        if selection.sub_task not in waiting and state.seated.get(selection_digest) not in going_on
    ]
    kept = {listing: end for listing, end in state.masked.items() if end > state.now}
    if len(kept) < len(state.masked):
        state = replace(state, masked=HashTrieMap(kept))
    secrets = {ends: secret for ends, secret in state.secrets.items() if ends > state.now}
    if len(secrets) < len(state.secrets):
        state = replace(state, secrets=HashTrieMap(secrets))
    if not over and not stale:
        return state
    talks, selections, seated = state.talks, state.selections, state.seated
    for session in over:
        talks = talks.remove(session)
    for selection_digest in stale:
        selections, seated = selections.remove(selection_digest), seated.discard(selection_digest)
    return replace(state, talks=talks, selections=selections, seated=seated)
