"""Answering demands with offers, and keeping the selections of them (paper step 2)."""

from dataclasses import replace
from typing import TypeAlias

from rpds import HashTrieMap

from fabmarket.identity import digest
from fabmarket.market.messages import Demand, Offer, PriceTerms, Selection, SubTask
from fabmarket.market.trade import TIME_LIMIT, listing_id
from fabmarket.market.units import MICRO, NO_LIMIT
from fabmarket.negotiation.accepting import can_settle
from fabmarket.negotiation.course import InvalidMove, Unacceptable, check_terms
from fabmarket.negotiation.masked.cards import is_signed
from fabmarket.negotiation.moves import News, Send, Tell
from fabmarket.negotiation.supplier.state import Shelf, Step, SupplierState

Queue: TypeAlias = "HashTrieMap[bytes, tuple[bytes, Selection]]"
"""Selections of one listing with their digests, by offer."""


def take_demand(state: SupplierState, demand: Demand, demand_digest: bytes) -> Step:
    """Answer every sub-task that this resource can serve and has room for."""
    if demand.offers_until <= state.now:
        raise Unacceptable("demand out of date")
    if not state.policy.deals_with(demand.demander):
        raise Unacceptable("demand of somebody we do not deal with")
    if state.now < state.offers_again(demand.demander):
        raise Unacceptable("demand of somebody who left an award of ours unsigned")
    rhythm = state.rhythm
    is_beat = rhythm.is_beat(demand.opens)
    if not is_beat or rhythm.offers_until(demand.opens) != demand.offers_until:
        raise Unacceptable("demand out of the market's rhythm")
    # One more than the next: the chain may be further on than what we have heard of it.
    if demand.opens > rhythm.opens_after(state.now) + rhythm.period:
        raise Unacceptable("demand for a beat that is far off")
    custom = state.custom.asking(demand, demand_digest, state.resource, state.policy)
    made: dict[bytes, tuple[str, Offer]] = {}
    needed = 0
    for sub_task in demand.sub_tasks:
        match _offer_for(state, demand, demand_digest, sub_task):
            case Offer() as offer:
                made[digest(state.domain, offer)] = (demand.demander, offer)
            case int(more):
                needed = max(needed, more)
    # Who comes to one session must have been offered one start, whatever is sold meanwhile.
    starts = state.starts.insert(demand.opens, _start(state, demand)) if made else state.starts
    state = replace(state, custom=custom, offers=state.offers.update(made), starts=starts)
    until = demand.offers_until
    sent = tuple(Send(offer, demand.demander, until) for _, offer in made.values())
    if not needed:
        return state, sent
    facts = {"demander": demand.demander, "needed": str(needed), "free": str(max(0, state.free))}
    return state, (*sent, Tell(News.of("short", **facts)))


def _start(state: SupplierState, demand: Demand) -> int:
    return state.starts.get(demand.opens, state.found)


def _offer_for(
    state: SupplierState, demand: Demand, demand_digest: bytes, sub_task: SubTask
) -> Offer | int | None:
    """Return our offer, or what it would lock where our account has less, None for no offer."""
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
        least = 0 if listing in state.opened else state.terms.least
        start = _start(state, demand)
        terms = replace(state.terms, capacity=shelf.room, least=least, start=start)
        if not _can_serve(terms, alternative.quantity, divisible=sub_task.divisible):
            continue
        quantity = shelf.room if alternative.quantity == NO_LIMIT else alternative.quantity
        if quantity > shelf.room and not sub_task.divisible:
            continue
        unit_price = _lone_price(state.terms, alternative.quantity, shelf.room)
        if not is_timely(state, shelf):
            continue
        needed = state.locks(shelf, unit_price * (1 if sub_task.divisible else quantity))
        if needed > max(0, state.free):
            return needed
        return Offer(
            supplier=state.address,
            demand=demand_digest,
            sub_task=sub_task.id,
            listing=listing,
            resource=state.resource,
            slot=slot,
            slot_end=shelf.end,
            quantity=quantity,
            unit_price=unit_price,
            opens=demand.opens,
            terms=terms,
            delivery=state.delivery,
        )
    return None


def _can_serve(terms: PriceTerms, quantity: int, *, divisible: bool) -> bool:
    if terms.concept == "bargaining":
        return True
    try:
        check_terms(terms, [(quantity, divisible)])
    except InvalidMove:
        return False
    return True


def is_timely(state: SupplierState, shelf: Shelf) -> bool:
    """Return whether the exchange takes our terms for that slot."""
    return can_settle(state.delivery, shelf.start, shelf.end, state.purse.parameters, state.now)


def lacking(state: SupplierState) -> int:
    """Return what our account has too little to offer a single unit that is for sale, or 0."""
    is_bargaining = state.terms.concept == "bargaining"
    price = asking_price(state.terms) if is_bargaining else state.terms.maintenance
    for_sale = (each for each in state.shelves.values() if each.room and state.now < each.end)
    needed = min((state.locks(shelf, price) for shelf in for_sale), default=0)
    return max(0, needed - max(0, state.free))


def asking_price(terms: PriceTerms) -> int:
    """Return the first price asked for in bargaining: twice the maintenance cost."""
    return 2 * terms.maintenance


def _lone_price(terms: PriceTerms, quantity: int, room: int) -> int:
    """Return what a demander would pay if nobody else came, base units per unit, rounded up.

    In bargaining it is the first asking price.
    """
    if terms.concept == "bargaining":
        return asking_price(terms)
    if terms.concept != "balanced" or quantity == NO_LIMIT:
        return terms.maintenance
    weight = terms.demand_weight - terms.supply_weight
    return max(terms.maintenance, -(-weight * min(quantity, room) // MICRO))


def take_selection(state: SupplierState, selection: Selection, selection_digest: bytes) -> Step:
    """Keep a selection of one of our offers for its beat."""
    made = state.offers.get(selection.offer)
    if made is None or made[0] != selection.demander:
        raise Unacceptable("selection of an offer we did not make to its sender")
    offer = made[1]
    if (selection.listing, selection.sub_task) != (offer.listing, offer.sub_task):
        raise Unacceptable("selection that misstates the offer")
    if selection.quantity not in (offer.quantity, NO_LIMIT):
        raise Unacceptable("selection of another quantity than offered")
    if not _can_serve(offer.terms, selection.quantity, divisible=selection.divisible):
        raise Unacceptable("selection with a limit, which these terms do not allow")
    queue = state.pending.get(selection.listing, HashTrieMap())
    if selection.offer in queue:
        raise Unacceptable("offer already taken up")
    _check_card(state, selection, offer, queue)
    queue = queue.insert(selection.offer, (selection_digest, selection))
    return replace(state, pending=state.pending.insert(selection.listing, queue)), ()


def _check_card(state: SupplierState, selection: Selection, offer: Offer, queue: Queue) -> None:
    """For a masked session a selection has one card, of a key of its own; else none."""
    if len(selection.masked) != (1 if offer.terms.least else 0):
        raise Unacceptable("selection that misstates whether the session is masked")
    place = state.address, offer.listing, state.rhythm.ends(offer.opens)
    taken = {each.card.mask_key for _, it in queue.values() for each in it.masked}
    for request in selection.masked:
        if not is_signed(request.card, state.domain, *place):
            raise Unacceptable("selection with a card that its one-time key has not signed")
        if request.card.mask_key in taken:
            raise Unacceptable("selection under a one-time key that has a seat")
