"""A supplier as a pure step: check demands, offer, host the listings' sessions, countersign."""

from __future__ import annotations  # HashTrieMap takes no parameters when it runs

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TypeAlias

from rpds import HashTrieMap

from fabmarket.errors import Bug
from fabmarket.identity import ZERO_BYTES32, Domain, digest
from fabmarket.market.events import (
    Event,
    Listed,
    ListingEpochRaised,
    ListingEvent,
    Settled,
    Unlisted,
)
from fabmarket.market.messages import (
    Claim,
    Close,
    Counter,
    Demand,
    Offer,
    Opening,
    PriceTerms,
    Quote,
    Refusal,
    Reply,
    Selection,
    SessionMessage,
    SubTask,
)
from fabmarket.market.trade import TIME_LIMIT, Escrow, Trade, listing_id
from fabmarket.market.units import MICRO, NO_LIMIT, floor_int
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
    Received,
    Send,
    Submit,
    Unacceptable,
)
from fabmarket.negotiation.nonces import Nonces
from fabmarket.negotiation.session import (
    InvalidMove,
    Session,
    audience,
    check_terms,
    due,
    follow,
    member_of,
    open_session,
)
from fabmarket.negotiation.wants import NO_NONCE, SOLD_OUT

OFFER_VALIDITY = 3600
"""Seconds of chain time for which an offer may be taken up."""


@dataclass(frozen=True)
class Shelf:
    """A listing of this supplier: units still on chain, and of those how many are promised."""

    slot: int
    start: int
    end: int
    available: int = 0
    promised: int = 0

    @property
    def room(self) -> int:
        """Units that may still be offered."""
        return self.available - self.promised


@dataclass(frozen=True)
class Award:
    """Terms agreed, for which a signed trade is expected from each of `seats` equal seats.

    `nonces` are the demander's in the trades already submitted.
    """

    listing: bytes
    quantity: int
    unit_price: int
    latest: int
    seats: int = 1
    nonces: tuple[int, ...] = ()


@dataclass(frozen=True)
class SupplierState:
    """All that a supplier knows. The price weights and the maintenance cost stand in `terms`.

    `shelves` are by listing, `offers` by digest with whom they were made to, `pending` selections
    with their digests by listing and offer; `awards` by transcript, demander, quantity and the
    supplier's nonce. `epochs` are of the listings where they are not 0. `sales` are the trades
    countersigned and not settled, by digest: the nonce sold under, and until when they may settle.
    """

    address: str
    token: str
    domain: Domain
    resource: bytes
    origin: int
    slot_length: int
    terms: PriceTerms
    now: int = 0
    shelves: HashTrieMap[bytes, Shelf] = field(default_factory=HashTrieMap)
    offers: HashTrieMap[bytes, tuple[str, Offer]] = field(default_factory=HashTrieMap)
    pending: HashTrieMap[bytes, Queue] = field(default_factory=HashTrieMap)
    sessions: HashTrieMap[bytes, Session] = field(default_factory=HashTrieMap)
    bargains: HashTrieMap[bytes, Bargain] = field(default_factory=HashTrieMap)
    awards: HashTrieMap[tuple[bytes, str, int, int], Award] = field(default_factory=HashTrieMap)
    nonces: Nonces = field(default=Nonces())
    epochs: HashTrieMap[bytes, int] = field(default_factory=HashTrieMap)
    sales: HashTrieMap[bytes, tuple[int, int]] = field(default_factory=HashTrieMap)

    def in_order(self, listings: Iterable[bytes]) -> list[bytes]:
        """Return listings of this supplier by slot."""
        return sorted(listings, key=lambda listing: self.shelves[listing].slot)


Queue: TypeAlias = "HashTrieMap[bytes, tuple[bytes, Selection]]"
Step: TypeAlias = tuple[SupplierState, tuple[Output, ...]]


def step(state: SupplierState, given: Input) -> Step:
    """Return the state after one input, and what to send. Bad messages change nothing."""
    try:
        match given:
            case Received():
                return _receive(state, given)
            case Happened():
                return _happened(state, given.event), ()
            case Deadline(phase="selections"):
                return _open(replace(state, now=given.now))
            case Deadline(phase="round"):
                return _end_round(replace(state, now=given.now)), ()
            case Deadline():
                return replace(state, now=given.now), ()
    except (Unacceptable, InvalidMove, InvalidCounter) as refusal:
        return state, (Ignored(str(refusal)),)


def _receive(state: SupplierState, given: Received) -> Step:
    match given.message:
        case Demand() as demand:
            return _demand(state, demand, given.digest)
        case Selection() as selection:
            return _selection(state, selection, given.digest), ()
        case Quote() | Reply() | Claim() | Close() as message:
            return _talk(state, message, given.digest)
        case Counter() as counter:
            return _counter(state, counter, given.digest)
        case Trade() as trade:
            return _countersign(state, trade, given.signature)
        case Opening():
            return state, ()
        case _:
            raise Unacceptable(f"a {type(given.message).__name__} is not for a supplier")


def _happened(state: SupplierState, event: Event) -> SupplierState:
    nonces = state.nonces.after(event, state.address, state.token)
    if nonces != state.nonces:
        state = replace(state, nonces=nonces)
    match event:
        case Listed() | Unlisted() if _is_ours(state, event):
            start = state.origin + event.slot * state.slot_length
            end = start + state.slot_length
            shelf = state.shelves.get(event.listing, Shelf(event.slot, start, end))
            return _with_shelf(state, event.listing, replace(shelf, available=event.available))
        case ListingEpochRaised() if event.supplier == state.address:
            return replace(state, epochs=state.epochs.insert(event.listing, event.epoch))
        case Settled(listing=listing) if listing in state.shelves:
            state = replace(state, sales=state.sales.discard(event.trade))
            shelf = state.shelves[listing]
            # A trade that settles after its round was promised no longer.
            promised = max(0, shelf.promised - event.quantity)
            left = replace(shelf, available=shelf.available - event.quantity, promised=promised)
            return _with_shelf(state, listing, left)
        case _:
            return state


def _is_ours(state: SupplierState, event: ListingEvent) -> bool:
    return (event.supplier, event.resource) == (state.address, state.resource)


def _with_shelf(state: SupplierState, listing: bytes, shelf: Shelf) -> SupplierState:
    return replace(state, shelves=state.shelves.insert(listing, shelf))


def _demand(state: SupplierState, demand: Demand, demand_digest: bytes) -> Step:
    """Answer every sub-task that this resource can serve and has room for (step 2)."""
    if demand.valid_until <= state.now:
        raise Unacceptable("demand out of date")
    made: dict[bytes, tuple[str, Offer]] = {}
    for sub_task in demand.sub_tasks:
        offer = _offer_for(state, demand_digest, sub_task)
        if offer is not None:
            made[digest(state.domain, offer)] = (demand.demander, offer)
    state = replace(state, offers=state.offers.update(made))
    return state, tuple(Send(offer, (demand.demander,)) for _, offer in made.values())


def _offer_for(state: SupplierState, demand_digest: bytes, sub_task: SubTask) -> Offer | None:
    slot = (sub_task.start - state.origin) // state.slot_length
    end = state.origin + (slot + 1) * state.slot_length
    if slot < 0 or sub_task.end != end or end >= TIME_LIMIT:
        return None
    listing = listing_id(state.address, state.resource, slot, sub_task.end)
    shelf = state.shelves.get(listing)
    if shelf is None or (shelf.start, shelf.end) != (sub_task.start, sub_task.end):
        return None
    for alternative in sub_task.alternatives:
        if alternative.resource != state.resource or 0 in (shelf.room, alternative.quantity):
            continue
        if not _can_serve(state.terms, alternative.quantity):
            continue
        quantity = shelf.room if alternative.quantity == NO_LIMIT else alternative.quantity
        if quantity > shelf.room and not sub_task.divisible:
            continue
        return Offer(
            supplier=state.address,
            demand=demand_digest,
            sub_task=sub_task.id,
            listing=listing,
            resource=state.resource,
            slot=slot,
            slot_end=shelf.end,
            quantity=quantity,
            unit_price=_lone_price(state.terms, alternative.quantity, shelf.room),
            valid_until=state.now + OFFER_VALIDITY,
            terms=replace(state.terms, capacity=shelf.room),
        )
    return None


def _can_serve(terms: PriceTerms, quantity: int) -> bool:
    if terms.concept == "bargaining":
        return True
    try:
        check_terms(terms, [quantity])
    except InvalidMove:
        return False
    return True


def _asking_price(terms: PriceTerms) -> int:
    """Return the first price asked for in bargaining: twice the maintenance cost."""
    return 2 * terms.maintenance


def _lone_price(terms: PriceTerms, quantity: int, room: int) -> int:
    """Return what a demander would pay if nobody else came, base units per unit, rounded up.

    In bargaining it is the first asking price.
    """
    if terms.concept == "bargaining":
        return _asking_price(terms)
    if terms.concept != "balanced" or quantity == NO_LIMIT:
        return terms.maintenance
    weight = Fraction(terms.demand_weight - terms.supply_weight, MICRO)
    return max(terms.maintenance, -floor_int(-weight * min(quantity, room)))


def _selection(
    state: SupplierState, selection: Selection, selection_digest: bytes
) -> SupplierState:
    made = state.offers.get(selection.offer)
    if made is None or made[0] != selection.demander:
        raise Unacceptable("selection of an offer we did not make to its sender")
    offer = made[1]
    if offer.valid_until <= state.now:
        raise Unacceptable("selection of an offer out of date")
    if (selection.listing, selection.sub_task) != (offer.listing, offer.sub_task):
        raise Unacceptable("selection that misstates the offer")
    if selection.quantity not in (offer.quantity, NO_LIMIT):
        raise Unacceptable("selection of another quantity than offered")
    if not _can_serve(state.terms, selection.quantity):
        raise Unacceptable("selection with a limit, which these terms do not allow")
    queue = state.pending.get(selection.listing, HashTrieMap())
    if selection.offer in queue:
        raise Unacceptable("offer already taken up")
    queue = queue.insert(selection.offer, (selection_digest, selection))
    return replace(state, pending=state.pending.insert(selection.listing, queue))


def _open(state: SupplierState) -> Step:
    """Fix the roster of every listing that was chosen: by slot, members by selection digest."""
    outputs: list[Output] = []
    nonces = _to_sell_under(state)
    for listing in state.in_order(state.pending):
        ordered = sorted(state.pending[listing].values(), key=lambda item: item[0])
        if not state.nonces.free():
            outputs.extend(_refusal(state, *each, NO_NONCE) for each in ordered)
        elif state.terms.concept == "bargaining":
            for selection_digest, selection in ordered:
                state, sent = _open_bargain(state, listing, selection_digest, selection, nonces)
                outputs.append(sent)
        else:
            state, sent_all = _open_session(state, listing, ordered, nonces)
            outputs.extend(sent_all)
    return replace(state, pending=HashTrieMap(), offers=HashTrieMap()), tuple(outputs)


def _to_sell_under(state: SupplierState) -> Iterator[int]:
    """The nonce for one seat after the other; none at once if all are used up."""
    unsettled = [nonce for nonce, until in state.sales.values() if until > state.now]
    seats = (member for opening in _openings(state) for member in opening.members)
    return state.nonces.least_taken([*unsettled, *(seat.supplier_nonce for seat in seats)])


def _openings(state: SupplierState) -> list[Opening]:
    """Of the talks of this round."""
    return [
        *(session.opening for session in state.sessions.values()),
        *(bargain.opening for bargain in state.bargains.values()),
    ]


def _refusal(
    state: SupplierState, selection_digest: bytes, selection: Selection, reason: str
) -> Send:
    return Send(Refusal(state.address, selection_digest, reason), (selection.demander,))


def _opening(
    state: SupplierState,
    listing: bytes,
    room: int,
    queue: list[tuple[bytes, Selection]],
    nonces: Iterator[int],
) -> Opening:
    return Opening(
        supplier=state.address,
        listing=listing,
        slot_end=state.shelves[listing].end,
        terms=replace(state.terms, capacity=room),
        members=tuple(
            member_of(selection, each_digest, next(nonces)) for each_digest, selection in queue
        ),
    )


def _open_session(
    state: SupplierState,
    listing: bytes,
    queue: list[tuple[bytes, Selection]],
    nonces: Iterator[int],
) -> Step:
    opening = _opening(state, listing, state.shelves[listing].room, queue, nonces)
    session = open_session(opening, digest(state.domain, opening))
    first = due(session)
    if first is None:
        raise Bug("a session without rounds owes its first quote")
    state = replace(state, sessions=state.sessions.insert(session.id, session))
    to = audience(session.opening)
    return state, (Send(opening, to), Send(first, to))


def _open_bargain(
    state: SupplierState,
    listing: bytes,
    selection_digest: bytes,
    selection: Selection,
    nonces: Iterator[int],
) -> tuple[SupplierState, Send]:
    shelf = state.shelves[listing]
    if selection.quantity > shelf.room:
        return state, _refusal(state, selection_digest, selection, SOLD_OUT)
    offered = state.offers[selection.offer][1].terms.capacity
    opening = _opening(state, listing, offered, [(selection_digest, selection)], nonces)
    bargain = Bargain(opening, digest(state.domain, opening))
    state = _with_shelf(
        state, listing, replace(shelf, promised=shelf.promised + selection.quantity)
    )
    state = replace(state, bargains=state.bargains.insert(bargain.id, bargain))
    return state, Send(opening, (selection.demander,))


def _talk(state: SupplierState, message: SessionMessage, message_digest: bytes) -> Step:
    session = state.sessions.get(message.session)
    if session is None:
        raise Unacceptable("message of a session we do not host")
    session = follow(session, message, message_digest)
    state = replace(state, sessions=state.sessions.insert(session.id, session))
    if isinstance(message, Close):
        return _promise(state, session, message), ()
    following = due(session)
    return state, () if following is None else (Send(following, audience(session.opening)),)


def _promise(state: SupplierState, session: Session, close: Close) -> SupplierState:
    opening = session.opening
    awards = state.awards
    for seat, quantity in enumerate(close.awards):
        if quantity:
            member = opening.members[seat]
            key = (session.transcript, member.demander, quantity, member.supplier_nonce)
            new = Award(opening.listing, quantity, close.price, opening.slot_end, seats=0)
            award = awards.get(key, new)
            awards = awards.insert(key, replace(award, seats=award.seats + 1))
    shelf = state.shelves[opening.listing]
    promised = replace(shelf, promised=shelf.promised + sum(close.awards))
    return replace(_with_shelf(state, opening.listing, promised), awards=awards)


def _counter(state: SupplierState, counter: Counter, counter_digest: bytes) -> Step:
    bargain = state.bargains.get(counter.session)
    if bargain is None:
        raise Unacceptable("counter in a session we do not host")
    bargain = follow_counter(bargain, counter, counter_digest)
    state = replace(state, bargains=state.bargains.insert(bargain.id, bargain))
    opening = bargain.opening
    if bargain.outcome is None:
        if bargain.turn_of != state.address:
            return state, ()
        position = Position(_asking_price(state.terms), state.terms.maintenance)
        return state, (Send(respond(bargain, state.address, position), audience(bargain.opening)),)
    if bargain.outcome == 0:
        shelf = state.shelves[opening.listing]
        freed = replace(shelf, promised=shelf.promised - counter.quantity)
        return _with_shelf(state, opening.listing, freed), ()
    (member,) = opening.members
    key = (bargain.transcript, bargain.demander, counter.quantity, member.supplier_nonce)
    award = Award(opening.listing, counter.quantity, bargain.outcome, opening.slot_end)
    return replace(state, awards=state.awards.insert(key, award)), ()


def _countersign(state: SupplierState, trade: Trade, signature: bytes) -> Step:
    """Submit a trade that says exactly what was agreed, once for each seat it was agreed for."""
    key = (trade.transcript, trade.demander, trade.quantity, trade.supplier_nonce)
    award = state.awards.get(key)
    if award is None:
        raise Unacceptable("trade that was not agreed")
    if trade.nonce in award.nonces or len(award.nonces) == award.seats:
        raise Unacceptable("trade that was already submitted")
    agreed = replace(
        trade,
        listing=award.listing,
        unit_price=award.unit_price,
        token=state.token,
        listing_epoch=state.epochs.get(award.listing, 0),
        bundle=ZERO_BYTES32,
        escrow=Escrow(),
    )
    if trade != agreed or not state.now < trade.valid_until <= award.latest:
        raise Unacceptable("trade on other terms than agreed")
    if not state.nonces.is_free(trade.supplier_nonce):
        raise Unacceptable("trade under a nonce of ours that is used up")
    award = replace(award, nonces=(*award.nonces, trade.nonce))
    awards = state.awards.insert(key, award)
    sold = (trade.supplier_nonce, trade.valid_until)
    sales = state.sales.insert(digest(state.domain, trade), sold)
    return replace(state, awards=awards, sales=sales), (Submit(trade, signature),)


def _end_round(state: SupplierState) -> SupplierState:
    """Free what was promised and neither signed nor settled; forget the round's talk."""
    shelves = state.shelves
    for listing in {opening.listing for opening in _openings(state)}:
        shelves = shelves.insert(listing, replace(shelves[listing], promised=0))
    sales = state.sales
    for trade, (_, until) in state.sales.items():
        if until <= state.now:
            sales = sales.remove(trade)
    return replace(
        state,
        shelves=shelves,
        sales=sales,
        awards=HashTrieMap(),
        sessions=HashTrieMap(),
        bargains=HashTrieMap(),
        offers=HashTrieMap(),
        pending=HashTrieMap(),
    )
