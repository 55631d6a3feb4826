"""Publishing demands, comparing offers, taking them up (paper steps 1 to 3)."""

from dataclasses import replace

from rpds import HashTrieMap, HashTrieSet

from fabmarket.identity import digest
from fabmarket.market.masked import SeatRequest
from fabmarket.market.messages import (
    MOST_ASKED,
    Alternative,
    Demand,
    Offer,
    Refusal,
    Selection,
    SubTask,
)
from fabmarket.market.units import NO_LIMIT
from fabmarket.negotiation.accepting import can_settle
from fabmarket.negotiation.course import Unacceptable, check_terms
from fabmarket.negotiation.demander.state import (
    DemanderState,
    Step,
    decided,
    failed,
    with_want,
)
from fabmarket.negotiation.drawing import drawn
from fabmarket.negotiation.masked.cards import card_of, key_of
from fabmarket.negotiation.moves import Output, Send
from fabmarket.negotiation.wants import (
    NO_MONEY,
    NO_OFFER,
    NO_SUCH_DELIVERY,
    ONLY_OPEN,
    OTHER_DELIVERY,
    OVER_BUDGET,
    PASSING,
    SAT_MASKED,
    TOO_DEAR,
    Want,
)


def publish(state: DemanderState) -> Step:
    """Sign a demand for every sub-task that is open, once a beat, to all who sell what it needs."""
    opens = state.rhythm.opens_after(state.now)
    wants = _turn_of(state, _ready(state))
    is_time = opens > state.opens and state.rhythm.publishes(state.now, opens)
    if not (wants and state.rounds_left and is_time and state.chosen):
        return state, ()
    until = state.rhythm.offers_until(opens)
    tasks = tuple(_sub_task(want) for want in wants)
    demand = Demand(state.address, state.sequence, until, opens, tasks)
    state = replace(
        state,
        sequence=state.sequence + 1,
        rounds_left=state.rounds_left - 1,
        demand=digest(state.domain, demand),
        opens=opens,
        chosen=False,
        offers=HashTrieMap(),
    )
    resources = dict.fromkeys(way.resource for want in wants for way in want.choices)
    known = (state.sellers.get(resource, HashTrieSet()) for resource in resources)
    suppliers = sorted({supplier for sellers in known for supplier in sellers})
    partners = filter(state.policy.deals_with, suppliers)
    return state, tuple(Send(demand, supplier, until) for supplier in partners)


def _ready(state: DemanderState) -> list[Want]:
    """The wants to be negotiated next."""
    wants = state.in_order()
    return [want for want in wants if want.state == "open" and state.is_allowed(want)]


def _turn_of(state: DemanderState, wants: list[Want]) -> list[Want]:
    """As many as can be asked for a beat; where there are more, one beat these, the next those."""
    if sum(len(want.choices) for want in wants) <= MOST_ASKED:
        return wants
    at = state.sequence * MOST_ASKED % len(wants)
    turned, left, taken = wants[at:] + wants[:at], MOST_ASKED, []
    for want in turned:
        if len(want.choices) <= left:
            taken.append(want)
            left -= len(want.choices)
    return taken


def _sub_task(want: Want) -> SubTask:
    return SubTask(
        id=want.id,
        start=want.start,
        end=want.end,
        divisible=want.divisible,
        alternatives=tuple(Alternative(way.resource, way.quantity) for way in want.choices),
    )


def take_offer(state: DemanderState, offer: Offer, offer_digest: bytes) -> Step:
    """Note an offer to the current demand."""
    want = state.wants.get(offer.sub_task)
    if want is None or want.state != "open" or offer.demand != state.demand or state.chosen:
        raise Unacceptable("offer to no demand of ours")
    if not state.policy.deals_with(offer.supplier):
        raise Unacceptable("offer of somebody we do not deal with")
    choice = want.choice(offer.resource)
    if offer.opens != state.opens:
        raise Unacceptable("offer for another beat than the demand's")
    place = state.listed.get(offer.listing)
    said = (offer.supplier, offer.resource, offer.slot, want.start, want.end)
    if place is None or said != place.where:
        raise Unacceptable("offer of capacity that is not listed on chain for that time")
    if offer.terms.token != state.token:
        raise Unacceptable("offer in another currency")
    if choice.quantity not in (NO_LIMIT, offer.quantity) or offer.quantity == 0:
        raise Unacceptable("offer of another quantity")
    if is_bargained(offer):
        if offer.terms.least:
            raise Unacceptable("offer of a bargain that is masked")
        if offer.terms.start:
            raise Unacceptable("offer of a bargain that starts at a price")
    else:
        check_terms(offer.terms, [(choice.quantity, want.divisible)])
    known = state.offers.get(want.id, HashTrieMap())
    if offer_digest in known:
        raise Unacceptable("offer received twice")
    known = known.insert(offer_digest, offer)
    return replace(state, offers=state.offers.insert(want.id, known)), ()


def choose(state: DemanderState) -> Step:
    """Once offers are taken no longer, take up the cheapest untried one of every open sub-task.

    Whoever wakes up after the beat has missed it, and publishes again while it may.
    """
    if state.chosen or state.now < state.rhythm.offers_until(state.opens):
        return state, ()
    outputs: list[Output] = []
    for want in _ready(state):
        is_late = state.now >= state.opens
        state, sent = failed(state, want, NO_OFFER) if is_late else _choose_for(state, want)
        outputs.extend(sent)
    return replace(state, chosen=True, offers=HashTrieMap()), tuple(outputs)


def _choose_for(state: DemanderState, want: Want) -> Step:
    tried = {attempt.listing for attempt in want.attempts}
    useless = {each.listing for each in want.attempts if each.reason not in PASSING}
    offers = state.offers.get(want.id, HashTrieMap())
    if not offers and state.rounds_left > 0:
        return state, ()
    ranked = sorted(
        (offer.listing in tried, want.cost_of(offer), offer.listing, offer_digest, offer)
        for offer_digest, offer in offers.items()
        if offer.listing not in useless
    )
    worth_it, reasons = [], set()
    for *_, offer_digest, offer in ranked:
        reason = _against(state, want, offer)
        if reason:
            want = want.attempted(offer, reason)
            reasons.add(reason)
        else:
            worth_it.append((offer_digest, offer))
    passing = reasons & PASSING
    if passing and not worth_it:  # money or budget may be there at another beat
        return failed(state, want, min(passing))
    if not worth_it:
        return decided(state, replace(want, state="unserved"))
    best_digest, best = worth_it[0]
    state, request = _seat_request(state, best, best_digest)
    choice = want.choice(best.resource)
    selection = Selection(
        demander=state.address,
        offer=best_digest,
        sub_task=want.id,
        listing=best.listing,
        quantity=min(choice.quantity, best.quantity) if is_bargained(best) else choice.quantity,
        divisible=want.divisible,
        masked=request,
    )
    until = state.rhythm.ends(best.opens)
    state = with_want(state, replace(want, state="negotiating", offer=best, until=until))
    selections = state.selections.insert(digest(state.domain, selection), selection)
    state = replace(state, selections=selections)
    return state, (Send(selection, best.supplier, best.opens),)


def _seat_request(
    state: DemanderState, offer: Offer, offer_digest: bytes
) -> tuple[DemanderState, tuple[SeatRequest, ...]]:
    """How we would sit in the masked session that an offer leads to; empty for an open one."""
    if not offer.terms.least:
        return state, ()
    ends = state.rhythm.ends(offer.opens)
    if ends not in state.secrets:
        secret, source = drawn(state.source)
        state = replace(state, source=source, secrets=state.secrets.insert(ends, secret))
    card = card_of(key_of(state.secrets[ends], offer_digest), state.domain, offer, ends)
    return state, (SeatRequest(card, state.policy.least, state.policy.open),)


def _against(state: DemanderState, want: Want, offer: Offer) -> str:
    """Return why an offer is not taken up, "" if nothing is against it."""
    delivery = offer.delivery
    if offer.terms.maintenance >= want.choice(offer.resource).margin:
        return TOO_DEAR
    if offer.terms.least and offer.listing in state.masked:
        return SAT_MASKED
    if not (offer.terms.least or state.policy.open or is_bargained(offer)):
        return ONLY_OPEN
    if not can_settle(delivery, want.start, want.end, state.purse.parameters, state.now):
        return NO_SUCH_DELIVERY
    if not state.accepts.takes(delivery):
        return OTHER_DELIVERY
    cost = want.cost_of(offer)
    if cost > state.policy.budget - state.spent.within(state.now):
        return OVER_BUDGET
    return NO_MONEY if state.takes(delivery, cost) > state.free else ""


def is_bargained(offer: Offer) -> bool:
    """Return whether the offer leads to bargaining for two."""
    return offer.terms.concept == "bargaining"


def refused(state: DemanderState, refusal: Refusal) -> Step:
    """Give up an offer that its supplier cannot negotiate."""
    want = selected(state, refusal.selection)
    if want.offer is None or want.offer.supplier != refusal.supplier:
        raise Unacceptable("refusal by a supplier we did not choose")
    if is_seated(state, refusal.selection):
        raise Unacceptable("refusal after the opening")
    return failed(state, want, refusal.reason)


def selected(state: DemanderState, selection_digest: bytes) -> Want:
    """Return the want of a selection that is waiting, or Unacceptable."""
    selection = state.selections.get(selection_digest)
    if selection is None or state.wants[selection.sub_task].state != "negotiating":
        raise Unacceptable("no selection of ours is waiting for this")
    return state.wants[selection.sub_task]


def is_seated(state: DemanderState, selection_digest: bytes) -> bool:
    """Return whether a selection has led to a seat already."""
    return selection_digest in state.seated
