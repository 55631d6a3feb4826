"""A supplier's shelves in the products' rounds: what is for sale there, what is promised by them.

Sessions and rounds sell of the same shelves: what either has promised the other does not offer.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from rpds import HashTrieMap

from fabmarket.identity import ZERO_BYTES32, digest
from fabmarket.market.delivery import INSTANT
from fabmarket.market.exchange import SignedTrade
from fabmarket.market.products import Bid, Need, Plan, Release
from fabmarket.market.rhythm import TRADE_VALIDITY
from fabmarket.market.rounds import Rounds
from fabmarket.market.trade import Trade
from fabmarket.negotiation.course import TooEarly, Unacceptable
from fabmarket.negotiation.moves import Output, Received
from fabmarket.negotiation.products import selling
from fabmarket.negotiation.products.seller import Hold, Seller, Stock, promised, wanted
from fabmarket.negotiation.supplier.offering import is_timely
from fabmarket.negotiation.supplier.selling import allowed, checked, to_sell_under
from fabmarket.negotiation.supplier.state import (
    Award,
    Sale,
    Step,
    SupplierState,
    left_unsigned,
    promising,
)

MOST_PRODUCTS = 256
"""Products of one demander that are heard in a cycle."""


def hear_round(state: SupplierState, given: Received) -> Step:
    """Follow a demander's word about a product. Unacceptable, TooEarly: nothing has changed."""
    state, before = tick_rounds(state, wake=True)
    seller = _stocked(state, _seller(state))
    match given.message:
        case Need() as need:
            seller = _bearing(state, seller, need)
        case Bid(terms=terms) as bid:
            most = _most(bid) + _asked_beside(seller, bid)
            if not state.custom.can_pay(terms.demander, most):
                raise Unacceptable("bid of somebody who has paid in less than it may cost")
        case Plan() as plan:
            if not state.custom.can_pay(plan.demander, _planned(seller, plan)):
                raise Unacceptable("plan of somebody who has paid in less than it costs")
        case Release() as release:
            state, told = _given_up(state, seller, release)
            before = (*before, *told)
    after, outputs = selling.hear(seller, given)
    return _kept(state, after), (*before, *outputs)


def tick_rounds(state: SupplierState, *, wake: bool = False) -> Step:
    """Do what is due in this quarter of the beat, once; nothing where nobody needs anything."""
    if not wake and (state.seller is None or not state.seller.needs):
        return state, ()
    seller = _seller(state)
    if not selling.is_due(seller, state.now):
        return state, ()
    after, outputs = selling.tick(_stocked(state, seller), state.now)
    told: tuple[Output, ...] = ()
    if after.opened != seller.opened:
        state, told = _noted(state, seller)
    return _kept(state, after), (*told, *outputs)


def countersign_line(state: SupplierState, trade: Trade, signature: bytes) -> Step:
    """Sign a trade of a booked bid that says exactly what was booked."""
    seller = _seller(state)
    hold = seller.booked.get(trade.transcript)
    if hold is None or hold.bid.terms.demander != trade.demander:
        raise Unacceptable("trade that was not agreed")
    current = seller.rounds.at(state.now)
    if current.opened == seller.opened and current.phase != "signing":
        raise TooEarly("trade of a booking that may still change")
    line = next((each for each in hold.lines if each.listing == trade.listing), None)
    if line is None or line.listing in hold.signed:
        raise Unacceptable("trade that was already signed")
    agreed = (line.quantity, line.unit_price, hold.nonce)
    said = (trade.quantity, trade.unit_price, trade.supplier_nonce)
    if agreed != said or trade.bundle == ZERO_BYTES32:
        raise Unacceptable("trade on other terms than agreed")
    shelf = state.shelves[line.listing]
    until = seller.opened + seller.rounds.length
    latest = min(until + TRADE_VALIDITY, shelf.end)
    if state.net is not None and trade.valid_until == state.net.cycles.valid_until(until):
        latest = shelf.end
    award = Award(line.listing, line.quantity, line.unit_price, latest, latest)
    locked = checked(state, award, trade)
    sale = Sale(trade.supplier_nonce, trade.valid_until, trade.listing, trade.quantity, locked)
    state = replace(state, sales=state.sales.insert(digest(state.domain, trade), sale))
    state = promising(state, trade.listing, trade.quantity)
    signed = replace(hold, signed=hold.signed | {line.listing})
    booked = _alone(seller, hold).booked.insert(trade.transcript, signed)
    state = _kept(state, replace(seller, booked=booked))
    payment = sum(each.quantity * each.unit_price for each in hold.lines)
    return allowed(state, (SignedTrade(trade, signature, b""),), payment)


def _most(bid: Bid) -> int:
    """What a bid may cost here, base units: price and rate together."""
    return sum(line.quantity * (line.unit_price + bid.terms.rate) for line in bid.lines)


def _asked_beside(seller: Seller, bid: Bid) -> int:
    """What else its demander has bid for in this beat, or booked, for other products."""
    terms = bid.terms
    bids = (each for each in seller.bids.values() if each.terms.demander == terms.demander)
    holds = (each for each in seller.booked.values() if each.bid.terms.demander == terms.demander)
    return sum(_most(each) for each in bids if each.terms.product != terms.product) + sum(
        line.quantity * line.unit_price
        for hold in holds
        if hold.bid.terms.product != terms.product
        for line in hold.unsigned
    )


def _planned(seller: Seller, plan: Plan) -> int:
    """What a demander's plans cost here with this one, at the prices of now, base units.

    As many units as there are: they count for no more.
    """
    beside = (
        each
        for each in seller.plans.values()
        if each.demander == plan.demander and each.product != plan.product
    )
    lines = (line for each in (plan, *beside) for line in each.lines)
    stock, nothing = seller.stock, Stock(0, 0, 0)
    return sum(
        min(line.quantity, stock.get(line.listing, nothing).available) * seller.price(line.listing)
        for line in lines
    )


def _given_up(state: SupplierState, seller: Seller, release: Release) -> Step:
    """Count what was booked before the last beat and is given up when it should be signed.

    Whoever has booked in the last beat, and not with all, could not give it up before.
    """
    current = seller.rounds.at(state.now)
    hold = seller.booked.get(release.bid)
    is_ours = hold is not None and hold.bid.terms.demander == release.demander
    if current.phase != "signing" or hold is None or not is_ours:
        return state, ()
    if hold.grant.beat + seller.rounds.rhythm.period >= current.beat:
        return state, ()
    return left_unsigned(state, {(release.demander, state.now): 1})


def _alone(seller: Seller, hold: Hold) -> Seller:
    """Free what else its product has booked: room was kept for one of its bids, and this is it."""
    product = wanted(hold.bid.terms)
    others = [
        bid
        for bid, each in seller.booked.items()
        if wanted(each.bid.terms) == product and each != hold
    ]
    booked = seller.booked
    for bid in others:
        booked = booked.remove(bid)
    return replace(seller, booked=booked)


def _seller(state: SupplierState) -> Seller:
    if state.seller is not None:
        return state.seller
    return Seller(
        address=state.address,
        domain=state.domain,
        rounds=Rounds(state.rhythm),
        resource=state.resource,
        token=state.terms.token,
        reserve=state.terms.maintenance,
        delivery=state.delivery,
    )


def _bearing(state: SupplierState, seller: Seller, need: Need) -> Seller:
    """The seller with a place for a need, if need be that of one who has paid in less for its own.

    Unacceptable if there is none.
    """
    if not state.policy.deals_with(need.demander):
        raise Unacceptable("need of somebody we do not deal with")
    if state.now < state.offers_again(need.demander):
        raise Unacceptable("need of somebody who left an award of ours unsigned")
    if wanted(need) in seller.needs:
        return seller
    if seller.needed_by(need.demander) >= MOST_PRODUCTS:
        raise Unacceptable(f"more than {MOST_PRODUCTS} products in one cycle")
    if len(seller.needs) < state.custom.most_before(need.demander, state.policy):
        return seller
    needs = Counter(demander for demander, _ in seller.needs)
    backed = {
        each: state.custom.backs(each, state.policy) // count for each, count in needs.items()
    }
    least = min(backed, key=lambda each: (backed[each], each))
    own = state.custom.backs(need.demander, state.policy) // (needs[need.demander] + 1)
    if own <= backed[least]:
        raise Unacceptable("need in a cycle in which others need enough")
    last = max(product for product in seller.needs if product[0] == least)
    return selling.forgotten(seller, last)


def _stocked(state: SupplierState, seller: Seller) -> Seller:
    """The seller with what shelves and account have for it now."""
    nonce = next(to_sell_under(state), None)
    stock = {} if nonce is None else dict(_stock(state, seller))
    share = 0
    if state.delivery != INSTANT:
        share = state.delivery.bond_share + state.purse.parameters.deposit_share
    return replace(
        seller,
        now=state.now,
        nonce=nonce or 0,
        locked_share=share,
        bonds=max(0, state.free),
        stock=HashTrieMap(stock),
    )


def _stock(state: SupplierState, seller: Seller) -> Iterator[tuple[bytes, Stock]]:
    """The shelves that begin after this cycle."""
    has = promised(seller)
    since = seller.rounds.at(state.now).opened + seller.rounds.length
    for listing, shelf in state.shelves.items():
        if shelf.start >= since and is_timely(state, shelf):
            units = shelf.available - shelf.promised + has.get(listing, 0)
            yield listing, Stock(shelf.start, shelf.end, max(0, units))


def _kept(state: SupplierState, seller: Seller) -> SupplierState:
    """The state with what the seller knows now, and with what it promises promised."""
    known = state.seller
    if known is not None and (known.holds, known.booked) == (seller.holds, seller.booked):
        return replace(state, seller=seller)
    had = {} if known is None else promised(known)
    has = promised(seller)
    for listing in sorted({*had, *has}):
        change = has.get(listing, 0) - had.get(listing, 0)
        if change:
            state = promising(state, listing, change)
    return replace(state, seller=seller)


def _noted(state: SupplierState, seller: Seller) -> Step:
    """Count what was booked in the cycle that is over, and not signed."""
    holds = seller.booked.values()
    left = Counter(hold.bid.terms.demander for hold in holds if hold.unsigned)
    return left_unsigned(state, {(who, state.now): count for who, count in left.items()})
