"""A demander's products in the rounds: each has a buyer; all share the account and its policy."""

from dataclasses import replace

from rpds import HashTrieMap, HashTrieSet

from fabmarket.market.products import MOST_WARES, Answer, Booked, PriceList
from fabmarket.market.rounds import Round, Rounds
from fabmarket.negotiation.accepting import can_settle
from fabmarket.negotiation.course import Unacceptable
from fabmarket.negotiation.demander.bundling import sign, unsettled
from fabmarket.negotiation.demander.state import DemanderState, Step, concluded
from fabmarket.negotiation.drawing import drawn
from fabmarket.negotiation.moves import Output, Received
from fabmarket.negotiation.products import buying
from fabmarket.negotiation.products.buyer import Buyer
from fabmarket.negotiation.products.purchase import Purchase, to_plan
from fabmarket.negotiation.products.reasons import TAKEN_BACK, TOO_LATE, least_cost, why_not


def hear(state: DemanderState, word: PriceList | Answer | Booked, given: Received) -> Step:
    """Follow a supplier's word about products. Unacceptable, TooEarly: nothing has changed."""
    if isinstance(word, PriceList):
        return _hear_prices(state, word, given)
    bid = word.bid if isinstance(word, Booked) else word.signed.grant.bid
    for product, buyer in state.buyers.items():
        if buyer.standing is not None and buyer.standing.terms.id == bid:
            ready = _ready(state, state.purchases[product], buyer)
            after, outputs = buying.hear(ready, given)
            return replace(state, buyers=state.buyers.insert(product, after)), outputs
    raise Unacceptable("answer to no bid of ours")


def _hear_prices(state: DemanderState, word: PriceList, given: Received) -> Step:
    """Note the prices for every product that can be made of the resource."""
    if word.token != state.token:
        raise Unacceptable("price list in another currency")
    if not state.accepts.takes(word.delivery):
        raise Unacceptable("price list on terms of delivery that we do not accept")
    if len({ware.listing for ware in word.wares}) < len(word.wares):
        raise Unacceptable("price list with a listing twice")
    if len(word.wares) > MOST_WARES:
        raise Unacceptable(f"price list of more than {MOST_WARES} listings")
    windows = state.purse.parameters
    for ware in word.wares:
        place = state.listed.get(ware.listing)
        listed = (word.supplier, word.resource, ware.start, ware.end)
        if place is None or listed != (place.supplier, place.resource, place.start, place.end):
            raise Unacceptable("price list with capacity that is not listed on chain for that time")
        if not can_settle(word.delivery, ware.start, ware.end, windows, state.now):
            raise Unacceptable("price list on terms of delivery that the exchange does not take")
    concerned = [
        product for product, each in state.buyers.items() if word.resource in each.resources
    ]
    if not concerned:
        raise Unacceptable("price list of what we do not need")
    buyers, outputs = state.buyers, list[Output]()
    for product in concerned:
        ready = _ready(state, state.purchases[product], buyers[product])
        after, done = buying.hear(ready, given)
        buyers = buyers.insert(product, after)
        outputs.extend(done)
    return replace(state, buyers=buyers), tuple(outputs)


def tick(state: DemanderState) -> Step:
    """Do what is due for every product in this quarter of the beat."""
    if not state.purchases or state.now < state.rhythm.origin:
        return state, ()
    outputs: list[Output] = []
    current = Rounds(state.rhythm).at(state.now)
    for product in sorted(state.purchases):
        purchase, done = state.purchases[product], tuple[Output, ...]()
        if purchase.state == "open":
            state, done = _buy(state, purchase, current)
        elif purchase.pending is not None and purchase.pending.until <= state.now:
            state, done = unsettled(state, purchase, purchase.pending)
        outputs.extend(done)
    return state, tuple(outputs)


def _buy(state: DemanderState, purchase: Purchase, current: Round) -> Step:
    product = purchase.product
    if product.last <= state.now:
        reason = purchase.reason or TOO_LATE
        return concluded(state, replace(purchase, state="unbought", reason=reason))
    if not state.is_allowed(product) or purchase.tried == current.opened:
        return state, ()
    buyer = state.buyers.get(product.id)
    has_begun = buyer is not None and buyer.opened == current.opened
    if not has_begun and current.phase == "signing":  # too late for this cycle
        return state, ()
    if buyer is None:
        state, buyer = _begun(state, purchase)
    buyer, outputs = buying.tick(_ready(state, purchase, buyer), state.now)
    state = replace(state, buyers=state.buyers.insert(product.id, buyer))
    if current.phase != "signing" or current.quarter < 1:
        return state, outputs

    def capacity(listing: bytes) -> int:
        return state.listed[listing].capacity

    least = least_cost(buyer, capacity)
    purchase = replace(purchase, tried=current.opened, cycles=purchase.cycles - 1, least=least)
    if buyer.held is not None:
        state, done = sign(state, purchase, buyer, buyer.held, current.ends)
    else:
        reason = why_not(buyer, capacity)
        if purchase.lost:
            reason = f"{TAKEN_BACK}; {reason}"
        purchase = replace(purchase, reason=reason)
        is_over = purchase.cycles <= 0
        state, done = concluded(state, replace(purchase, state="unbought" if is_over else "open"))
    return state, (*outputs, *done)


def _begun(state: DemanderState, purchase: Purchase) -> tuple[DemanderState, Buyer]:
    """A buyer of a product, with a secret of its own."""
    product, owned = to_plan(purchase)
    us = state.address, state.domain, Rounds(state.rhythm)
    secret, source = drawn(state.source)
    return replace(state, source=source), Buyer(*us, product, secret, owned=HashTrieMap(owned))


def _ready(state: DemanderState, purchase: Purchase, buyer: Buyer) -> Buyer:
    """The buyer of a product with what it may spend now, and whom it may buy of."""
    left = state.policy.budget - state.spent.within(state.now) - state.asked + buyer.most
    money = state.free - state.reserved + state.reserved_for(buyer)
    affordable = state.affordable(max(0, money), instant=buyer.is_instant)
    sellers = {each: _sellers(state, purchase, each) for each in buyer.resources}
    return replace(
        buyer,
        now=state.now,
        limit=max(0, min(left, affordable)),
        sellers=HashTrieMap(sellers),
    )


def _sellers(state: DemanderState, purchase: Purchase, resource: bytes) -> tuple[str, ...]:
    known = state.sellers.get(resource, HashTrieSet())
    partners = filter(state.policy.deals_with, known)
    return tuple(sorted(each for each in partners if each not in purchase.shunned))
