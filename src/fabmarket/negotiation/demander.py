"""A demander as a pure step: publish, compare offers, negotiate, sign, re-publish."""

from __future__ import annotations  # HashTrieMap takes no parameters when it runs

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TypeAlias

from rpds import HashTrieMap

from fabmarket.identity import Domain, digest
from fabmarket.market.events import (
    Event,
    Listed,
    ListingEpochRaised,
    ResourceRegistered,
    Settled,
)
from fabmarket.market.exchange import Calendar
from fabmarket.market.messages import (
    Alternative,
    Claim,
    Close,
    Counter,
    Demand,
    Member,
    Message,
    Offer,
    Opening,
    Quote,
    Refusal,
    Reply,
    Selection,
    SessionMessage,
    SubTask,
)
from fabmarket.market.trade import NONCES, Trade, listing_id, nonce_of
from fabmarket.market.units import NO_LIMIT
from fabmarket.negotiation.bargaining import (
    Bargain,
    InvalidCounter,
    Position,
    follow_counter,
    respond,
)
from fabmarket.negotiation.moves import (
    Deadline,
    Happened,
    Ignored,
    Input,
    Output,
    Phase,
    Received,
    Send,
    Unacceptable,
)
from fabmarket.negotiation.nonces import Nonces
from fabmarket.negotiation.session import (
    InvalidMove,
    Session,
    audience,
    best_claim,
    best_reply,
    check_terms,
    follow,
    member_of,
    open_session,
)
from fabmarket.negotiation.wants import (
    NO_ANSWER,
    NO_DEAL,
    NO_ROOM,
    NOT_SETTLED,
    TOO_DEAR,
    Want,
    why_no_price,
)

DEMAND_VALIDITY = 3600
"""Seconds of chain time for which a demand may be answered."""
TRADE_VALIDITY = 900
"""Seconds for which a signed trade can settle; it is a free option until then."""


@dataclass(frozen=True)
class Place:
    """A listing as the chain records it: whose capacity, in which seconds [start, end)."""

    supplier: str
    start: int
    end: int


Talk: TypeAlias = Session | Bargain


@dataclass(frozen=True)
class Seat:
    """A session or bargain that this demander takes part in, for one want."""

    want: bytes
    index: int
    talk: Talk


@dataclass(frozen=True)
class DemanderState:
    """All that a demander knows. `rounds_left` publications remain.

    `wants` are in the product's order. `offers` are of this round, by sub-task and digest,
    `selections` by digest, `seats` by session; `trades` all ever signed: digest to sub-task.
    `signed` holds, for each nonce signed, the time until which its trade may settle.
    One whose trade ran out is signed again, for a gap would keep the next epoch shut. `epochs` are
    of the listings where they are not 0.
    """

    address: str
    token: str
    domain: Domain
    wants: Mapping[bytes, Want]
    rounds_left: int
    sequence: int = 0
    nonces: Nonces = field(default=Nonces())
    signed: HashTrieMap[int, int] = field(default_factory=HashTrieMap)
    now: int = 0
    demand: bytes = b""
    calendars: HashTrieMap[tuple[str, bytes], Calendar] = field(default_factory=HashTrieMap)
    listed: HashTrieMap[bytes, Place] = field(default_factory=HashTrieMap)
    epochs: HashTrieMap[bytes, int] = field(default_factory=HashTrieMap)
    offers: HashTrieMap[bytes, HashTrieMap[bytes, Offer]] = field(default_factory=HashTrieMap)
    selections: HashTrieMap[bytes, Selection] = field(default_factory=HashTrieMap)
    seats: HashTrieMap[bytes, tuple[Seat, ...]] = field(default_factory=HashTrieMap)
    trades: HashTrieMap[bytes, bytes] = field(default_factory=HashTrieMap)


Step: TypeAlias = tuple[DemanderState, tuple[Output, ...]]


def step(state: DemanderState, given: Input) -> Step:
    """Return the state after one input, and what to send. Bad messages change nothing."""
    try:
        match given:
            case Received():
                return _receive(state, given)
            case Happened():
                return _happened(state, given.event), ()
            case Deadline():
                return _deadline(replace(state, now=given.now), given.phase)
    except (Unacceptable, InvalidMove, InvalidCounter) as refusal:
        return state, (Ignored(str(refusal)),)


def _receive(state: DemanderState, given: Received) -> Step:
    match given.message:
        case Offer() as offer:
            return _offer(state, offer, given.digest)
        case Refusal() as refusal:
            return _refused(state, refusal)
        case Opening() as opening:
            return _opening(state, opening, given.digest)
        case Quote() | Reply() | Claim() | Close() as message:
            return _talk(state, message, given.digest)
        case Counter() as counter:
            return _counter(state, counter, given.digest)
        case Demand():
            return state, ()  # broadcast to everybody; for suppliers
        case _:
            raise Unacceptable(f"a {type(given.message).__name__} is not for a demander")


def _happened(state: DemanderState, event: Event) -> DemanderState:
    nonces = state.nonces.after(event, state.address, state.token)
    if nonces != state.nonces:
        state = _used(state, nonces)
    match event:
        case ResourceRegistered():
            calendar = Calendar(event.unit, event.origin, event.slot_length)
            owned = (event.supplier, event.resource)
            return replace(state, calendars=state.calendars.insert(owned, calendar))
        case ListingEpochRaised():
            return replace(state, epochs=state.epochs.insert(event.listing, event.epoch))
        case Listed(supplier=supplier) if (supplier, event.resource) in state.calendars:
            calendar = state.calendars[supplier, event.resource]
            place = Place(supplier, calendar.end(event.slot - 1), calendar.end(event.slot))
            return replace(state, listed=state.listed.insert(event.listing, place))
        case Settled(trade=trade) if trade in state.trades:
            return _with_want(state, replace(state.wants[state.trades[trade]], state="served"))
        case _:
            return state


def _deadline(state: DemanderState, phase: Phase) -> Step:
    match phase:
        case "publish":
            return _publish(state)
        case "offers":
            return _choose(state)
        case "round":
            return _end_round(state)
        case _:
            return state, ()


def _with_want(state: DemanderState, want: Want) -> DemanderState:
    return replace(state, wants={**state.wants, want.id: want})


def _used(state: DemanderState, nonces: Nonces) -> DemanderState:
    """Note what the chain says of the nonces; forget what was signed for earlier epochs."""
    signed = state.signed
    if nonces.epoch != state.nonces.epoch:
        later = {nonce: at for nonce, at in signed.items() if nonce >> 8 >= nonces.epoch}
        signed = HashTrieMap(later)
    return replace(state, nonces=nonces, signed=signed)


def _next_nonce(state: DemanderState) -> int:
    """The lowest nonce that is unused and under which nothing signed can settle now.

    Of a later epoch where all of this one are taken: its first trade opens it.
    """
    current = state.nonces.epoch
    numbers = (nonce_of(*divmod(place, NONCES)) for place in count(current * NONCES))
    usable = (each for each in numbers if each >> 8 > current or state.nonces.is_free(each))
    return next(each for each in usable if state.signed.get(each, 0) <= state.now)


def _publish(state: DemanderState) -> Step:
    """Sign and broadcast a demand for every sub-task that is still open (step 1)."""
    open_wants = [want for want in state.wants.values() if want.state == "open"]
    if not open_wants:
        return replace(state, offers=HashTrieMap()), ()
    demand = Demand(
        demander=state.address,
        sequence=state.sequence,
        valid_until=state.now + DEMAND_VALIDITY,
        sub_tasks=tuple(
            SubTask(
                id=want.id,
                start=want.start,
                end=want.end,
                first_price=want.first_price,
                divisible=want.divisible,
                alternatives=tuple(Alternative(c.resource, c.quantity) for c in want.choices),
            )
            for want in open_wants
        ),
    )
    state = replace(
        state,
        sequence=state.sequence + 1,
        rounds_left=state.rounds_left - 1,
        demand=digest(state.domain, demand),
        offers=HashTrieMap(),
    )
    return state, (Send(demand),)


def _offer(state: DemanderState, offer: Offer, offer_digest: bytes) -> Step:
    want = state.wants.get(offer.sub_task)
    if want is None or want.state != "open" or offer.demand != state.demand:
        raise Unacceptable("offer to no demand of ours")
    choice = want.choice(offer.resource)
    if offer.valid_until <= state.now:
        raise Unacceptable("offer out of date")
    if state.listed.get(offer.listing) != Place(offer.supplier, want.start, want.end):
        raise Unacceptable("offer of capacity that is not listed on chain for that time")
    if offer.listing != listing_id(offer.supplier, offer.resource, offer.slot, want.end):
        raise Unacceptable("offer of somebody else's listing")
    if choice.quantity not in (NO_LIMIT, offer.quantity):
        raise Unacceptable("offer of another quantity")
    if not _bargained(offer):
        check_terms(offer.terms, [choice.quantity])
    known = state.offers.get(want.id, HashTrieMap())
    if offer_digest in known:
        raise Unacceptable("offer received twice")
    known = known.insert(offer_digest, offer)
    return replace(state, offers=state.offers.insert(want.id, known)), ()


def _choose(state: DemanderState) -> Step:
    """Take up the cheapest untried offer of every open sub-task (step 3)."""
    outputs: list[Output] = []
    for want in [want for want in state.wants.values() if want.state == "open"]:
        state, sent = _choose_for(state, want)
        outputs.extend(sent)
    return state, tuple(outputs)


def _choose_for(state: DemanderState, want: Want) -> Step:
    tried = {attempt.listing for attempt in want.attempts}
    ranked = sorted(
        (want.cost_of(offer), offer.listing, offer_digest, offer)
        for offer_digest, offer in state.offers.get(want.id, HashTrieMap()).items()
        if offer.listing not in tried
    )
    worth_it = []
    for _, _, offer_digest, offer in ranked:
        if offer.terms.maintenance >= want.choice(offer.resource).margin:
            want = want.attempted(offer, TOO_DEAR)
        else:
            worth_it.append((offer_digest, offer))
    if not worth_it:
        return _with_want(state, replace(want, state="unserved")), ()
    best_digest, best = worth_it[0]
    choice = want.choice(best.resource)
    selection = Selection(
        demander=state.address,
        offer=best_digest,
        sub_task=want.id,
        listing=best.listing,
        quantity=min(choice.quantity, best.quantity) if _bargained(best) else choice.quantity,
        divisible=want.divisible,
    )
    state = _with_want(state, replace(want, state="negotiating", offer=best))
    selections = state.selections.insert(digest(state.domain, selection), selection)
    state = replace(state, selections=selections)
    return state, (Send(selection, (best.supplier,)),)


def _bargained(offer: Offer) -> bool:
    return offer.terms.concept == "bargaining"


def _failed(state: DemanderState, want: Want, reason: str) -> DemanderState:
    """Note why the listing came to nothing; the sub-task is open for the next publication.

    Not while a trade signed for it may settle: whoever holds the trade could make it bought twice.
    """
    if want.offer is not None:
        want = want.attempted(want.offer, reason)
    left = "open" if state.rounds_left > 0 and want.signed_until <= state.now else "unserved"
    return _with_want(state, replace(want, state=left))  # type: ignore[arg-type]


def _refused(state: DemanderState, refusal: Refusal) -> Step:
    want = _selected(state, refusal.selection)
    if want.offer is None or want.offer.supplier != refusal.supplier:
        raise Unacceptable("refusal by a supplier we did not choose")
    if _seated(state, want):
        raise Unacceptable("refusal after the opening")
    return _failed(state, want, refusal.reason), ()


def _selected(state: DemanderState, selection_digest: bytes) -> Want:
    selection = state.selections.get(selection_digest)
    if selection is None or state.wants[selection.sub_task].state != "negotiating":
        raise Unacceptable("no selection of ours is waiting for this")
    return state.wants[selection.sub_task]


def _seated(state: DemanderState, want: Want) -> bool:
    return any(seat.want == want.id for seats in state.seats.values() for seat in seats)


def _opening(state: DemanderState, opening: Opening, opening_digest: bytes) -> Step:
    seats = enumerate(opening.members)
    mine = [(index, member) for index, member in seats if member.selection in state.selections]
    if not mine:
        raise Unacceptable("opening without a seat of ours")
    for _, member in mine:
        _check_seat(state, opening, member)
    if opening.terms.concept == "bargaining":
        return _open_bargain(state, opening, opening_digest, mine[0][1].sub_task)
    session = open_session(opening, opening_digest)
    taken = tuple(Seat(member.sub_task, i, session) for i, member in mine)
    return replace(state, seats=state.seats.insert(session.id, taken)), ()


def _check_seat(state: DemanderState, opening: Opening, member: Member) -> None:
    want = _selected(state, member.selection)
    offer = want.offer
    said = (opening.supplier, opening.listing, opening.slot_end, opening.terms)
    if offer is None or said != (offer.supplier, offer.listing, offer.slot_end, offer.terms):
        raise Unacceptable("opening on other terms than the offer's")
    selection = state.selections[member.selection]
    if member != member_of(selection, member.selection, member.supplier_nonce):
        raise Unacceptable("opening that misstates our selection")
    if _seated(state, want):
        raise Unacceptable("second opening for one selection")


def _open_bargain(
    state: DemanderState, opening: Opening, opening_digest: bytes, want_id: bytes
) -> Step:
    if len(opening.members) != 1:
        raise Unacceptable("a bargain has two parties")
    bargain = Bargain(opening, opening_digest)
    seat = Seat(want_id, 0, bargain)
    state = replace(state, seats=state.seats.insert(bargain.id, (seat,)))
    return state, (_answer(state, seat, bargain),)


def _answer(state: DemanderState, seat: Seat, bargain: Bargain) -> Send:
    margin = _margin(state, seat)
    position = Position(margin // 2, margin)
    return Send(respond(bargain, state.address, position), audience(bargain.opening))


def _margin(state: DemanderState, seat: Seat) -> int:
    want = state.wants[seat.want]
    if want.offer is None:
        raise Unacceptable("negotiation of a sub-task that is no longer open")
    return want.choice(want.offer.resource).margin


def _talk(state: DemanderState, message: SessionMessage, message_digest: bytes) -> Step:
    """Follow one public message for all our seats in that session; answer where it is our turn."""
    seats = state.seats.get(message.session)
    if seats is None:
        raise Unacceptable("message of a session we have no seat in")
    talk = seats[0].talk
    if not isinstance(talk, Session):
        raise Unacceptable("a session's message in a bargain")
    session = follow(talk, message, message_digest)
    seats = tuple(replace(seat, talk=session) for seat in seats)
    state = replace(state, seats=state.seats.insert(session.id, seats))
    outputs: list[Output] = []
    for seat in seats:
        if isinstance(message, Quote):
            outputs.append(_reply(state, seat, session, message_digest))
        elif isinstance(message, Close):
            state, sent = _closed(state, seat, session, message)
            outputs.extend(sent)
    return state, tuple(outputs)


def _reply(state: DemanderState, seat: Seat, session: Session, quote_digest: bytes) -> Send:
    margin = _margin(state, seat)
    message: Message
    if session.rounds[-1].quote.final:
        quantity, surplus = best_claim(session, seat.index, margin)
        message = Claim(state.address, session.id, seat.index, quote_digest, quantity, surplus)
    else:
        quantity = best_reply(session, seat.index, margin)
        message = Reply(state.address, session.id, seat.index, quote_digest, quantity)
    return Send(message, audience(session.opening))


def _closed(state: DemanderState, seat: Seat, session: Session, close: Close) -> Step:
    want = state.wants[seat.want]
    quantity = close.awards[seat.index]
    if quantity > 0:
        return _sign(state, want, seat, quantity, close.price)
    claim = session.claims[seat.index] if session.claims else None
    if claim is None:
        return _failed(state, want, why_no_price(session)), ()
    return _failed(state, want, NO_ROOM if claim.quantity else TOO_DEAR), ()


def _counter(state: DemanderState, counter: Counter, counter_digest: bytes) -> Step:
    seat, *_ = state.seats.get(counter.session, (None,))
    if seat is None or not isinstance(seat.talk, Bargain):
        raise Unacceptable("counter in a session we have no seat in")
    bargain = follow_counter(seat.talk, counter, counter_digest)
    seat = replace(seat, talk=bargain)
    state = replace(state, seats=state.seats.insert(bargain.id, (seat,)))
    if bargain.outcome is None:
        mine = bargain.turn_of == state.address
        return state, (_answer(state, seat, bargain),) if mine else ()
    want = state.wants[seat.want]
    if bargain.outcome == 0:
        return _failed(state, want, NO_DEAL), ()
    return _sign(state, want, seat, counter.quantity, bargain.outcome)


def _sign(state: DemanderState, want: Want, seat: Seat, quantity: int, unit_price: int) -> Step:
    """Sign the trade that the negotiation agreed (step 4); the supplier countersigns."""
    talk = seat.talk
    trade = Trade(
        listing=talk.opening.listing,
        demander=state.address,
        token=state.token,
        quantity=quantity,
        unit_price=unit_price,
        valid_until=min(state.now + TRADE_VALIDITY, talk.opening.slot_end),
        nonce=_next_nonce(state),
        supplier_nonce=talk.opening.members[seat.index].supplier_nonce,
        listing_epoch=state.epochs.get(talk.opening.listing, 0),
        transcript=talk.transcript,
    )
    state = _with_want(state, replace(want, state="agreed", signed_until=trade.valid_until))
    trades = state.trades.insert(digest(state.domain, trade), want.id)
    signed = state.signed.insert(trade.nonce, trade.valid_until)
    state = replace(state, signed=signed, trades=trades)
    return state, (Send(trade, (talk.opening.supplier,)),)


def _end_round(state: DemanderState) -> Step:
    """Give up on what got no answer or did not settle; it may be published again."""
    for want in state.wants.values():
        if want.state == "negotiating":
            state = _failed(state, want, NO_ANSWER)
        elif want.state == "agreed":
            state = _failed(state, want, NOT_SETTLED)
    return replace(state, offers=HashTrieMap(), selections=HashTrieMap(), seats=HashTrieMap()), ()
