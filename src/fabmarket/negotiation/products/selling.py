"""A supplier in the products' rounds: prices, one common order of bids, holds, bookings.

A bid is held where all its lines at this supplier find room after the bids that go before it, and
only until the beat is over; confirmed by the grants of all its suppliers it is booked. The price
is what was listed, and more where the best bid that failed behind it met it (`premium_of`).
"""

from __future__ import annotations  # HashTrieMap takes no parameters when it runs

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice

from rpds import HashTrieMap

from fabmarket.identity import ZERO_BYTES32, digest, is_by, struct_hash
from fabmarket.market.products import (
    MOST_LINES,
    MOST_RIVALS,
    MOST_WARES,
    Answer,
    Bid,
    BidTerms,
    Booked,
    Confirm,
    Grant,
    Line,
    Need,
    Part,
    Plan,
    PriceList,
    Release,
    Rival,
    SealedBid,
    SignedGrant,
    Sold,
    Ware,
    sold_for,
)
from fabmarket.market.rounds import Round
from fabmarket.negotiation.course import TooEarly, Unacceptable
from fabmarket.negotiation.moves import Output, Received, Send
from fabmarket.negotiation.products.seller import (
    Hold,
    Seller,
    SellerStep,
    Told,
    Wanted,
    rooms,
    taken,
    wanted,
)

_PRICE_LIMIT = 1 << 128
"""Unit prices are below."""
_MOST_LISTS = 16
"""Price lists that one demander is sent in one beat, as its needs grow."""


def hear(seller: Seller, given: Received) -> SellerStep:
    """Follow a demander's word. Unacceptable, TooEarly: nothing has changed."""
    match given.message:
        case Need() as need:
            return _take_need(seller, need)
        case Plan() as plan:
            return _take_plan(seller, plan), ()
        case SealedBid() as sealed:
            return _take_sealed(seller, sealed), ()
        case Bid() as bid:
            return _take_bid(seller, bid), ()
        case Confirm() as confirm:
            return _take_confirm(seller, confirm)
        case Release() as release:
            return _take_release(seller, release), ()
        case _:
            raise Unacceptable(f"a {type(given.message).__name__} is not for a seller")


def is_due(seller: Seller, now: int) -> bool:
    """Whether there is something to do at this second."""
    if now < seller.rounds.rhythm.origin:
        return False
    current = seller.rounds.at(now)
    answers = current.quarter == 3 and seller.answered < current.beat
    return answers or seller.listed < current.beat


def tick(seller: Seller, now: int) -> SellerStep:
    """Set and send prices once a beat; answer the beat's bids in its last quarter."""
    seller = replace(seller, now=now)
    if not is_due(seller, now):
        return seller, ()
    current = seller.rounds.at(now)
    if current.opened != seller.opened:
        seller = _begin(seller, current)
    outputs: tuple[Output, ...] = ()
    if seller.listed < current.beat:
        seller = _price(seller, current)
        seller, outputs = _list(seller, current)
    if current.quarter == 3 and seller.answered < current.beat:
        seller, answers = _answer(replace(seller, answered=current.beat), current)
        outputs = (*outputs, *answers)
    return seller, outputs


def _begin(seller: Seller, current: Round) -> Seller:
    """Forget the last cycle."""
    return replace(
        seller,
        opened=current.opened,
        prices=HashTrieMap(),
        needs=HashTrieMap(),
        plans=HashTrieMap(),
        told=HashTrieMap(),
        unopened=HashTrieMap(),
        paid=HashTrieMap(),
        booked=HashTrieMap(),
    )


def _price(seller: Seller, current: Round) -> Seller:
    """Free what was not confirmed, and set the beat's prices.

    To make room all is offered at the reserve.
    """
    last = seller.rounds.at(seller.listed).phase if seller.listed >= seller.opened else None
    if last == "prices":
        seller = replace(seller, prices=HashTrieMap(dict(_raised(seller))))
    if last != current.phase:
        seller = replace(seller, plans=HashTrieMap())
    if current.phase in ("room", "signing"):
        seller = replace(seller, prices=HashTrieMap())
    return replace(
        seller, listed=current.beat, sealed=HashTrieMap(), bids=HashTrieMap(), holds=HashTrieMap()
    )


def _raised(seller: Seller) -> Iterator[tuple[bytes, int]]:
    """The next prices: what is asked for beyond its room gets dearer.

    By half, times the excess over the room if that is below 1, rounded up; what costs nothing by
    as much as what costs 1.
    """
    units, left = _asked(seller), rooms(seller)
    for listing in seller.stock:
        price, free = seller.price(listing), left[listing]
        excess = min(free, units[listing] - free)
        rise = -(-max(1, price) * excess // (2 * free)) if excess > 0 else 0
        if price + rise != seller.reserve:
            yield listing, price + rise


def _asked(seller: Seller, *, spare: bool = False) -> Counter[bytes]:
    """Units of each listing that plans ask for; with `spare` those that are booked and spare.

    No plan asks for more than there is.
    """
    held = {wanted(hold.bid.terms) for hold in seller.booked.values()}
    units: Counter[bytes] = Counter()
    for product, plan in seller.plans.items():
        if (product in held) == spare:
            for line in plan.lines:
                stock = seller.stock.get(line.listing)
                units[line.listing] += min(line.quantity, stock.available if stock else 0)
    return units


def _list(seller: Seller, current: Round) -> SellerStep:
    """Send the beat's price list to all who need the resource and have another."""
    if current.phase == "signing":
        return seller, ()
    windows = _windows(seller)
    lists = {window: _made(seller, window) for window in set(windows.values())}
    outputs, known = [], seller.told
    for demander, window in sorted(windows.items()):
        made, told = lists[window]
        before = known.get(demander)
        if before is None or before.hash != told.hash:
            outputs.append(Send(made, demander, current.ends))
            known = known.insert(demander, told)
    return replace(seller, told=known), tuple(outputs)


def _windows(seller: Seller) -> dict[str, tuple[int, int]]:
    """The time within which each demander needs something, seconds: from the first to the last."""
    found: dict[str, tuple[int, int]] = {}
    for need in seller.needs.values():
        first, last = found.get(need.demander, (need.start, need.end))
        found[need.demander] = min(first, need.start), max(last, need.end)
    return found


def _made(seller: Seller, window: tuple[int, int]) -> tuple[PriceList, Told]:
    made = PriceList(
        seller.address,
        seller.listed,
        seller.resource,
        seller.token,
        seller.delivery,
        _wares(seller, window),
    )
    return made, Told(made.at, len(made.wares), struct_hash(replace(made, at=0)))


def _wares(seller: Seller, window: tuple[int, int]) -> tuple[Ware, ...]:
    """The first listings within a time."""
    units, spare, left = _asked(seller), _asked(seller, spare=True), rooms(seller)
    stock, (first, last) = seller.stock, window
    within = (
        listing
        for listing in seller.in_order()
        if first <= stock[listing].start and stock[listing].end <= last
    )
    return tuple(
        Ware(
            listing,
            stock[listing].start,
            stock[listing].end,
            seller.price(listing),
            left[listing],
            units[listing],
            spare[listing],
        )
        for listing in islice(within, MOST_WARES)
    )


def _take_need(seller: Seller, need: Need) -> SellerStep:
    """Note who needs the resource; send it the prices, unless it has all of them of this beat."""
    if need.resource != seller.resource:
        raise Unacceptable("need of a resource that we do not sell")
    current = _now(seller)
    if need.cycle > current.opened:
        raise TooEarly("need for rounds that are to come")
    if need.cycle < current.opened:
        raise Unacceptable("need for rounds that are over")
    before = _windows(seller).get(need.demander)
    seller = replace(seller, needs=seller.needs.insert(wanted(need), need))
    window, known = _windows(seller)[need.demander], seller.told.get(need.demander)
    has_been_told = known is not None and known.at == seller.listed
    if current.phase == "signing" or (has_been_told and window == before):
        return seller, ()
    made, told = _made(seller, window)
    if known is not None and has_been_told:
        if known.wares >= told.wares or known.sent == _MOST_LISTS:
            return seller, ()
        told = replace(told, sent=known.sent + 1)
    seller = replace(seller, told=seller.told.insert(need.demander, told))
    return seller, (Send(made, need.demander, current.ends),)


def forgotten(seller: Seller, product: Wanted) -> Seller:
    """Return the seller without a product's need and plan; what it holds or has booked stays."""
    needs, plans = seller.needs.remove(product), seller.plans.discard(product)
    return replace(seller, needs=needs, plans=plans)


def _now(seller: Seller) -> Round:
    if seller.opened < 0:
        raise TooEarly("word before the first round")
    return seller.rounds.at(seller.now)


def _check_beat(seller: Seller, beat: int, quarters: int) -> Round:
    """The round of a word, which must be this beat's and come within so many quarters of it."""
    current = _now(seller)
    if beat > current.beat:
        raise TooEarly("word of a beat that is to come")
    if beat < current.beat or seller.now >= beat + quarters * seller.rounds.rhythm.quarter:
        raise Unacceptable("word that comes too late for its beat")
    return current


def _take_plan(seller: Seller, plan: Plan) -> Seller:
    current = _now(seller)
    if plan.at > seller.now:
        raise TooEarly("plan of a time that is to come")
    if wanted(plan) not in seller.needs:
        raise Unacceptable("plan of a product whose need we have not heard")
    known = seller.plans.get(wanted(plan))
    since = seller.opened if known is None else known.at + 1
    if plan.at < since or seller.rounds.at(plan.at).phase != current.phase:
        raise Unacceptable("plan that is out of date")
    if len(plan.lines) > MOST_LINES:
        raise Unacceptable(f"plan of more than {MOST_LINES} lines")
    if not all(line.listing in seller.stock for line in plan.lines):
        raise Unacceptable("plan with a listing that is not ours")
    if len({line.listing for line in plan.lines}) < len(plan.lines):
        raise Unacceptable("plan with two lines of one listing")
    return replace(seller, plans=seller.plans.insert(wanted(plan), plan))


def _take_sealed(seller: Seller, sealed: SealedBid) -> Seller:
    current = _check_beat(seller, sealed.beat, 2)
    if current.phase not in ("holds", "room"):
        raise Unacceptable("bid in a round that has none")
    bids = seller.sealed.get(sealed.demander, frozenset()) | {sealed.bid}
    needed, unopened = seller.needed_by(sealed.demander), seller.unopened.get(sealed.demander, 0)
    if len(bids) > max(min(1, needed), needed - unopened):
        raise Unacceptable("more bids sealed than products needed")
    return replace(seller, sealed=seller.sealed.insert(sealed.demander, bids))


def _take_bid(seller: Seller, bid: Bid) -> Seller:
    terms = bid.terms
    _check_beat(seller, terms.beat, 3)
    if terms.id not in seller.sealed.get(terms.demander, frozenset()):
        raise Unacceptable("bid that was not sealed in time")
    if wanted(terms) not in seller.needs:
        raise Unacceptable("bid for a product whose need we have not heard")
    if wanted(terms) in seller.bids:
        raise Unacceptable("second bid for one product")
    if len(terms.parts) > MOST_LINES:
        raise Unacceptable(f"bid of more than {MOST_LINES} lines")
    if len({part.line for part in terms.parts}) < len(terms.parts):
        raise Unacceptable("bid with one line under two names")
    if not is_by(terms.demander, digest(seller.domain, terms), bid.consent):
        raise Unacceptable("bid whose terms its demander has not signed")
    hashes = Counter(Part(seller.address, struct_hash(line)) for line in bid.lines)
    ours = Counter(part for part in terms.parts if part.supplier == seller.address)
    if not bid.lines or hashes != ours:
        raise Unacceptable("bid with other lines than were sealed")
    if len({line.listing for line in bid.lines}) < len(bid.lines):
        raise Unacceptable("bid with two lines of one listing")
    replaced = seller.booked.get(terms.replaces)
    if replaced is not None and wanted(replaced.bid.terms) != wanted(terms):
        raise Unacceptable("bid in place of another product's")
    for line in bid.lines:
        _check_line(seller, terms, line, replaced)
        if line.unit_price + terms.rate >= _PRICE_LIMIT:
            raise Unacceptable("bid at a rate that no price can hold")
    seller = _instead(seller, terms)
    return replace(seller, bids=seller.bids.insert(wanted(terms), bid))


def _instead(seller: Seller, terms: BidTerms) -> Seller:
    """Free what its product has booked beside the bid that this one would replace.

    So a product has two bookings at most, and who bids anew has given up what it does not name.
    """
    booked = seller.booked
    for bid, hold in seller.booked.items():
        is_other = wanted(hold.bid.terms) == wanted(terms) and bid != terms.replaces
        if is_other and not hold.signed:
            booked = booked.remove(bid)
    return replace(seller, booked=booked)


def _check_line(seller: Seller, terms: BidTerms, line: Line, replaced: Hold | None) -> None:
    """A line is at the price that it is booked at already, or at no less than is asked for it now.

    That is the listed price, or what the product was booked at there in this cycle: a premium is
    not lost by bidding again.
    """
    if line.listing not in seller.stock or line.quantity == 0:
        raise Unacceptable("bid for a listing that is not ours, or for nothing")
    if line.quantity > seller.stock[line.listing].available:
        raise Unacceptable("bid for more units than are for sale")
    replaced_lines = () if replaced is None else replaced.lines
    booked = {each.unit_price for each in replaced_lines if each.listing == line.listing}
    asked = max(seller.price(line.listing), seller.paid.get((wanted(terms), line.listing), 0))
    if line.unit_price not in booked and (booked or line.unit_price < asked):
        raise Unacceptable("bid at another price than listed")


def _answer(seller: Seller, current: Round) -> SellerStep:
    """Hold what fits, one bid after the other in the common order; tell each bidder why."""
    free, booked = rooms(seller), taken(seller)
    bonds = seller.bonds - sum(seller.locks(hold.unsigned) for hold in seller.booked.values())
    served: list[tuple[Bid, frozenset[bytes]]] = []
    for bid in sorted(seller.bids.values(), key=lambda each: each.terms.rank):
        need = _extra(bid, booked)
        short = frozenset(
            listing for listing, units in need.items() if units > free.get(listing, 0)
        )
        locked = seller.locks(bid.lines, bid.terms.rate)
        if not short and locked > bonds:
            short = frozenset(need)
        if not short:
            bonds -= locked
            for listing, units in need.items():
                free[listing] -= units
        served.append((bid, short))
    holds, outputs = seller.holds, []
    for place, (bid, short) in enumerate(served):
        hold, rivals = _granted(seller, current, served, place)
        if not short:
            holds = holds.insert(bid.terms.id, hold)
        answer = Answer(SignedGrant(hold.grant, b""), rivals)
        outputs.append(Send(answer, bid.terms.demander, current.ends))
    return replace(seller, holds=holds, unopened=_unopened(seller)), tuple(outputs)


def _unopened(seller: Seller) -> HashTrieMap[str, int]:
    """How many bids each demander sealed in this cycle and did not open, this beat's included."""
    unopened = seller.unopened
    opened = Counter(bid.terms.demander for bid in seller.bids.values())
    for demander, bids in seller.sealed.items():
        if left := len(bids) - opened[demander]:
            unopened = unopened.insert(demander, unopened.get(demander, 0) + left)
    return unopened


def _extra(bid: Bid, booked: Mapping[bytes, Mapping[Wanted, int]]) -> Counter[bytes]:
    """The units a bid needs of each listing beyond what its product has booked there."""
    need: Counter[bytes] = Counter()
    for line in bid.lines:
        need[line.listing] += line.quantity
    for listing in need:
        need[listing] -= min(need[listing], booked.get(listing, {}).get(wanted(bid.terms), 0))
    return need


def _granted(
    seller: Seller,
    current: Round,
    served: list[tuple[Bid, frozenset[bytes]]],
    place: int,
) -> tuple[Hold, tuple[Rival, ...]]:
    """The grant of the bid at a place in the order, and the bids that prove its rival."""
    bid, short = served[place]
    listings = {line.listing for line in bid.lines}
    if short:
        ahead = [each for each, failed in served[:place] if not failed]
        shown = (_shown(each, short) for each in ahead)
        rivals = tuple(islice((each for each in shown if each.lines), MOST_RIVALS))
        rival, rate, met = ZERO_BYTES32, 0, frozenset[bytes]()
    else:
        behind = (
            (each, failed & listings) for each, failed in served[place + 1 :] if each.terms.rate
        )
        other, met = next(((each, both) for each, both in behind if both), (bid, frozenset()))
        rivals = (_shown(other, met),) if met else ()
        rival, rate = (other.terms.id, other.terms.rate) if met else (ZERO_BYTES32, 0)
    grant = Grant(seller.address, bid.terms.id, current.beat, not short, rival, rate)
    lines = tuple(Sold(line.listing, line.quantity, line.unit_price) for line in bid.lines)
    return Hold(bid, grant, met, lines), rivals


def _shown(bid: Bid, listings: frozenset[bytes]) -> Rival:
    lines = tuple(line for line in bid.lines if line.listing in listings)
    return Rival(bid.terms, bid.consent, lines)


def _take_confirm(seller: Seller, confirm: Confirm) -> SellerStep:
    """Book a held bid that all its suppliers hold, at the prices that follow."""
    hold = seller.holds.get(confirm.bid)
    if hold is None or hold.bid.terms.demander != confirm.demander:
        raise Unacceptable("confirmation of a bid that we do not hold")
    if seller.now >= hold.grant.beat + seller.rounds.rhythm.period:
        raise Unacceptable("confirmation of a bid whose beat is over")
    _check_grants(seller, hold, confirm)
    lines = sold_for(hold.bid.lines, hold.grant, hold.met, confirm.grants)
    product, paid = wanted(hold.bid.terms), seller.paid
    for line in lines:
        place = product, line.listing
        paid = paid.insert(place, max(line.unit_price, paid.get(place, 0)))
    seller = replace(
        seller,
        paid=paid,
        holds=seller.holds.remove(confirm.bid),
        booked=seller.booked.insert(confirm.bid, replace(hold, lines=lines, nonce=seller.nonce)),
    )
    until = seller.opened + seller.rounds.length
    booked = Booked(seller.address, confirm.bid, seller.nonce, lines)
    return seller, (Send(booked, confirm.demander, until),)


def _check_grants(seller: Seller, hold: Hold, confirm: Confirm) -> None:
    """Every supplier of the bid must have granted it, and ours must be the grant that we gave."""
    suppliers = {part.supplier for part in hold.bid.terms.parts}
    given = {each.grant.supplier: each for each in confirm.grants}
    if set(given) != suppliers or len(confirm.grants) != len(suppliers):
        raise Unacceptable("confirmation without the grants of all suppliers")
    if given[seller.address].grant != hold.grant:
        raise Unacceptable("confirmation with another grant than ours")
    for supplier, each in given.items():
        grant = each.grant
        if not grant.held or (grant.bid, grant.beat) != (confirm.bid, hold.grant.beat):
            raise Unacceptable("confirmation with a grant of something else")
        if not is_by(supplier, digest(seller.domain, grant), each.consent):
            raise Unacceptable("confirmation with a grant that its supplier has not signed")


def _take_release(seller: Seller, release: Release) -> Seller:
    """Free what a demander gives up."""
    hold = seller.booked.get(release.bid) or seller.holds.get(release.bid)
    if hold is None or hold.bid.terms.demander != release.demander:
        raise Unacceptable("release of nothing that is held or booked")
    return replace(
        seller,
        holds=seller.holds.discard(release.bid),
        booked=seller.booked.discard(release.bid),
    )
