"""A product's buyer in rounds: it plans, bids, confirms, moves, and signs nothing incomplete.

Whatever it says it works out from its own product, the price lists it has and chain time. A bid
that is not granted by all, or not booked by all before the next is due, is void: it has no effect
but that room was held for it, and it is released.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from rpds import HashTrieMap

from fabmarket.identity import ZERO_BYTES32, digest, is_by, struct_hash
from fabmarket.market.delivery import INSTANT
from fabmarket.market.products import (
    MOST_RIVALS,
    Answer,
    Bid,
    BidTerms,
    Booked,
    Confirm,
    Line,
    Need,
    Part,
    Plan,
    PriceList,
    Release,
    Rival,
    SealedBid,
    Sold,
)
from fabmarket.market.rounds import Round
from fabmarket.negotiation.course import TooEarly, Unacceptable
from fabmarket.negotiation.moves import Output, Received, Send
from fabmarket.negotiation.products.buyer import (
    Buyer,
    BuyerStep,
    Granted,
    Standing,
    kinds_of,
    lines_to,
    priced,
    slots_of,
)
from fabmarket.negotiation.products.plan import Chain, Slot, best, chain_of, cheapest, spare


def hear(buyer: Buyer, given: Received) -> BuyerStep:
    """Follow a supplier's word about our product. Unacceptable, TooEarly: nothing has changed."""
    match given.message:
        case PriceList() as priced_list:
            return _take_list(buyer, priced_list), ()
        case Answer() as answer:
            return _take_answer(buyer, answer)
        case Booked() as booked:
            return _take_booked(buyer, booked)
        case _:
            raise Unacceptable(f"a {type(given.message).__name__} is not for a buyer")


def tick(buyer: Buyer, now: int) -> BuyerStep:
    """Do what is due in this quarter of the beat, once."""
    buyer = replace(buyer, now=now)
    if now < buyer.rounds.rhythm.origin:
        return buyer, ()
    current = buyer.rounds.at(now)
    outputs: tuple[Output, ...] = ()
    if current.opened != buyer.opened:
        buyer, outputs = _begin(buyer, current)
    due = current.beat + current.quarter * buyer.rounds.rhythm.quarter
    if buyer.acted >= due:
        return buyer, outputs
    if buyer.acted < 0 or buyer.rounds.at(buyer.acted).phase != current.phase:
        buyer = replace(buyer, told=HashTrieMap())
    buyer, done = _act(replace(buyer, acted=due), current)
    return buyer, (*outputs, *done)


def _begin(buyer: Buyer, current: Round) -> BuyerStep:
    """Forget the last cycle; say what is needed."""
    buyer = replace(
        buyer,
        opened=current.opened,
        acted=-1,
        lists=HashTrieMap(),
        told=HashTrieMap(),
        paid=HashTrieMap(),
        standing=None,
        held=None,
        silent=frozenset(),
    )
    product, until = buyer.product, current.opened + buyer.rounds.length
    window = product.release, product.last
    if product.release >= product.last or product.last <= buyer.now:
        return buyer, ()
    return buyer, tuple(
        Send(
            Need(buyer.address, product.id, current.opened, resource, *window),
            supplier,
            until,
        )
        for resource in buyer.resources
        for supplier in buyer.sellers.get(resource, ())
    )


def _act(buyer: Buyer, current: Round) -> BuyerStep:
    match current.phase, current.quarter:
        case "prices", 1:
            return _plan(buyer, current, _affordable(buyer))
        case "holds" | "room", 1:
            return _bid(buyer, current)
        case "holds" | "room", 2:
            return _open(buyer, current)
        case "signing", 1:
            return _void(buyer)
        case _:
            return buyer, ()


def _affordable(buyer: Buyer, *, spare: bool = False) -> Chain | None:
    """The best chain, if it is worth more than it costs and there is money for it."""
    plans = (slots_of(buyer, instant=kind, spare=spare) for kind in kinds_of(buyer))
    chains = [chain for slots in plans if (chain := best(buyer.product, slots)) is not None]
    chain = max(chains, key=lambda each: _surplus(buyer, each), default=None)
    if chain is None or chain.units == 0 or _surplus(buyer, chain) <= 0:
        return None
    return chain if chain.price <= buyer.limit else None


def _surplus(buyer: Buyer, chain: Chain) -> int:
    return buyer.product.worth(len(chain.steps)) - chain.cost


def _rate(buyer: Buyer, chain: Chain) -> int:
    """What may be paid beyond the price for each unit, rounded down."""
    return min(_surplus(buyer, chain), buyer.limit - chain.price) // chain.units


def _plan(buyer: Buyer, current: Round, chain: Chain | None) -> BuyerStep:
    """Tell each supplier what the plan asks of it, where that is something else than before."""
    asked, told = lines_to(chain), buyer.told
    outputs = []
    for supplier in dict.fromkeys((*asked, *sorted(told))):
        lines = asked.get(supplier, ())
        if told.get(supplier, ()) != lines:
            plan = Plan(buyer.address, buyer.product.id, buyer.acted, lines)
            outputs.append(Send(plan, supplier, current.ends))
            told = told.insert(supplier, lines)
    return replace(buyer, told=told), tuple(outputs)


def _bid(buyer: Buyer, current: Round) -> BuyerStep:
    """Release what not all have booked, then bid for the whole product, or for a better place."""
    buyer, outputs = _void(buyer)
    held = buyer.held
    if current.phase == "room":
        wish = _affordable(buyer, spare=True) if held is None else _spare(buyer, held)
        buyer, told = _plan(buyer, current, wish)
        outputs = (*outputs, *told)
    if held is None:
        chain, replaces = _affordable(buyer), ZERO_BYTES32
    else:
        chain = _move(buyer, held) if current.phase == "room" else None
        replaces = held.terms.id
    if chain is None:
        return buyer, outputs
    rate = _rate(buyer, chain) if held is None else 0
    buyer, sealed = _seal(buyer, current, chain, rate=rate, replaces=replaces)
    return buyer, (*outputs, *sealed)


def _void(buyer: Buyer) -> BuyerStep:
    """Forget a bid that is not booked by all; who may hold room for it is told."""
    standing = buyer.standing
    if standing is None:
        return buyer, ()
    buyer = replace(buyer, standing=None, silent=buyer.silent.union(standing.silent))
    return buyer, released(buyer, standing) if standing.confirmed else ()


def given_up(buyer: Buyer) -> tuple[Send, ...]:
    """Return what tells the suppliers of a product's bids that it is not bought like that."""
    bids = [each for each in (buyer.held, buyer.standing) if each is not None]
    return tuple(send for each in bids for send in released(buyer, each))


def released(buyer: Buyer, standing: Standing) -> tuple[Send, ...]:
    """Return what gives up a bid that its suppliers hold or have booked."""
    until = buyer.opened + buyer.rounds.length
    release = Release(buyer.address, standing.terms.id)
    return tuple(Send(release, supplier, until) for supplier in standing.suppliers)


def _move(buyer: Buyer, held: Standing) -> Chain | None:
    """A chain that costs no more than the one we have, with less where others wait for room.

    None that costs more for lateness: what is booked in time stays in time.
    """
    wares = [ware for each in buyer.lists.values() for ware in each.wares]
    wanted = {ware.listing for ware in wares if ware.asked > ware.room}
    waiting = {ware.listing: ware.asked for ware in wares}
    seen = _seen(buyer, held, waiting)
    chain = cheapest(buyer.product, seen, wanted, len(held.chain.steps))
    now = chain_of(buyer.product, held.chain.steps, wanted)
    if chain is None or (chain.cost, chain.shunned) >= (now.cost, now.shunned):
        return None
    late, later = (buyer.product.late(each.steps[-1].slot.end) for each in (held.chain, chain))
    if later > late:
        return None
    return chain


def _spare(buyer: Buyer, held: Standing) -> Chain:
    """The steps of which we could do each elsewhere for no more in all, one at a time."""
    seen = _seen(buyer, held, {})
    return Chain(spare(buyer.product, seen, held.chain.steps, held.chain.cost), 0)


def _seen(buyer: Buyer, held: Standing, waiting: Mapping[bytes, int]) -> dict[bytes, list[Slot]]:
    """The slots that are left after those who wait, and our own at what we pay for them."""
    own = {step.slot.listing: step for step in held.chain.fresh}
    delivery = buyer.lists[held.suppliers[0]].delivery
    instant = delivery == INSTANT if len(kinds_of(buyer)) > 1 else None

    def seen(slot: Slot) -> Slot:
        if slot.owned:
            return slot
        step = own.get(slot.listing)
        if step is None:
            return replace(slot, room=max(0, slot.room - waiting.get(slot.listing, 0)))
        return replace(slot, room=slot.room + step.quantity, price=step.slot.price)

    slots = slots_of(buyer, instant=instant)
    return {resource: list(map(seen, found)) for resource, found in slots.items()}


def _seal(buyer: Buyer, current: Round, chain: Chain, *, rate: int, replaces: bytes) -> BuyerStep:
    """Lay down a bid for a chain at all its suppliers."""
    lines = tuple(
        (
            step.slot.supplier,
            Line(
                step.slot.listing,
                step.quantity,
                step.slot.price,
                buyer.salt(current.beat, at),
            ),
        )
        for at, step in enumerate(chain.fresh)
    )
    parts = tuple(Part(supplier, struct_hash(line)) for supplier, line in lines)
    terms = BidTerms(buyer.address, buyer.product.id, current.beat, rate, replaces, parts)
    standing = Standing(terms, chain, lines)
    sealed = SealedBid(buyer.address, current.beat, terms.id)
    until = current.beat + 2 * buyer.rounds.rhythm.quarter
    outputs = tuple(Send(sealed, supplier, until) for supplier in standing.suppliers)
    return replace(buyer, standing=standing), outputs


def _open(buyer: Buyer, current: Round) -> BuyerStep:
    standing = buyer.standing
    if standing is None or standing.terms.beat != current.beat:
        return buyer, ()
    until = current.beat + 3 * buyer.rounds.rhythm.quarter
    outputs = tuple(
        Send(Bid(standing.terms, b"", standing.of(supplier)), supplier, until)
        for supplier in standing.suppliers
    )
    return replace(buyer, standing=replace(standing, opened=True)), outputs


def _take_list(buyer: Buyer, priced_list: PriceList) -> Buyer:
    if priced_list.supplier not in buyer.sellers.get(priced_list.resource, ()):
        raise Unacceptable("price list of a supplier that does not sell this resource")
    if priced_list.at > buyer.now:
        raise TooEarly("price list of a time that is to come")
    if not buyer.rounds.rhythm.is_beat(priced_list.at):
        raise Unacceptable("price list of no beat")
    known = buyer.lists.get(priced_list.supplier)
    if priced_list.at < buyer.opened or (known and not _follows(known, priced_list)):
        raise Unacceptable("price list that is out of date")
    if known and known.delivery != priced_list.delivery:
        raise Unacceptable("price list on other terms of delivery than before in the cycle")
    return replace(buyer, lists=buyer.lists.insert(priced_list.supplier, priced_list))


def _follows(known: PriceList, made: PriceList) -> bool:
    """Whether a list is of a later beat, or of the same with more listings at the same prices."""
    if made.at != known.at:
        return made.at > known.at
    prices = {ware.listing: ware.price for ware in made.wares}
    is_longer = len(made.wares) > len(known.wares)
    return is_longer and all(prices.get(each.listing) == each.price for each in known.wares)


def _take_answer(buyer: Buyer, answer: Answer) -> BuyerStep:
    """Take a grant; when all have granted, confirm."""
    grant, standing = answer.signed.grant, buyer.standing
    if standing is None or grant.bid != standing.terms.id or not standing.opened:
        raise Unacceptable("answer to no bid of ours")
    answered = {*standing.granted, *standing.denied, *standing.unproved}
    has_answered = grant.supplier in answered
    if grant.supplier not in standing.suppliers or has_answered:
        raise Unacceptable("answer that is not due")
    if grant.beat != standing.terms.beat or buyer.now >= grant.beat + _period(buyer):
        raise Unacceptable("answer that is out of date")
    if not is_by(grant.supplier, digest(buyer.domain, grant), answer.signed.consent):
        raise Unacceptable("grant that its supplier has not signed")
    if not grant.held:
        return replace(buyer, standing=_denied(buyer, standing, answer)), ()
    met = _met(buyer, standing, answer)
    granted = standing.granted.insert(grant.supplier, Granted(answer.signed, met))
    standing = replace(standing, granted=granted)
    if len(granted) < len(standing.suppliers):
        return replace(buyer, standing=standing), ()
    grants = tuple(granted[supplier].signed for supplier in standing.suppliers)
    confirm = Confirm(buyer.address, standing.terms.id, grants)
    until = standing.terms.beat + _period(buyer)
    outputs = tuple(Send(confirm, supplier, until) for supplier in standing.suppliers)
    paid = buyer.paid
    for step in Chain(priced(standing), 0).fresh:
        listing, price = step.slot.listing, step.slot.price
        paid = paid.insert(listing, max(price, paid.get(listing, 0)))
    return replace(buyer, paid=paid, standing=replace(standing, confirmed=True)), outputs


def _period(buyer: Buyer) -> int:
    return buyer.rounds.rhythm.period


def _denied(buyer: Buyer, standing: Standing, answer: Answer) -> Standing:
    """Note a denial, and whether the bids that it shows could have taken the room."""
    supplier = answer.signed.grant.supplier
    if _is_full(buyer, standing, answer):
        return replace(standing, denied=standing.denied | {supplier})
    return replace(standing, unproved=standing.unproved | {supplier})


def _is_full(buyer: Buyer, standing: Standing, answer: Answer) -> bool:
    """Whether bids that go before ours want more of one of our listings than is left beside ours.

    As many as an answer can show are believed to be more.
    """
    supplier = answer.signed.grant.supplier
    if any(rival.terms.rank >= standing.terms.rank for rival in answer.rivals):
        return False
    try:
        for rival in answer.rivals:
            _check_shown(buyer, answer, rival)
    except Unacceptable:
        return False
    asked = Counter({line.listing: line.quantity for line in standing.of(supplier)})
    ahead: Counter[bytes] = Counter()
    for rival in answer.rivals:
        ahead.update({line.listing: line.quantity for line in rival.lines})
    rooms = {ware.listing: ware.room for ware in buyer.lists[supplier].wares}
    is_short = any(ahead[each] + asked[each] > rooms.get(each, 0) for each in asked & ahead)
    return is_short or len(answer.rivals) == MOST_RIVALS


def _met(buyer: Buyer, standing: Standing, answer: Answer) -> frozenset[bytes]:
    """The listings on which a granted bid met the grant's rival, as its signed bid proves."""
    grant = answer.signed.grant
    if grant.rival == ZERO_BYTES32:
        return frozenset()
    if len(answer.rivals) != 1:
        raise Unacceptable("rival without its signed bid")
    (rival,) = answer.rivals
    _check_rival(buyer, standing, answer, rival)
    met = frozenset(line.listing for line in rival.lines)
    if not met or not met <= {line.listing for line in standing.of(grant.supplier)}:
        raise Unacceptable("rival that we did not meet")
    return met


def _check_rival(buyer: Buyer, standing: Standing, answer: Answer, rival: Rival) -> None:
    terms, grant = rival.terms, answer.signed.grant
    if (terms.id, terms.rate) != (grant.rival, grant.rate):
        raise Unacceptable("rival that is another than the grant says")
    if terms.rank <= standing.terms.rank:
        raise Unacceptable("rival that goes before us")
    _check_shown(buyer, answer, rival)


def _check_shown(buyer: Buyer, answer: Answer, rival: Rival) -> None:
    """A bid that an answer shows is of its beat, has these lines, and is signed."""
    terms, grant = rival.terms, answer.signed.grant
    if terms.beat != grant.beat:
        raise Unacceptable("rival of another beat")
    shown = {Part(grant.supplier, struct_hash(line)) for line in rival.lines}
    if not shown <= set(terms.parts):
        raise Unacceptable("rival without such a line")
    if not is_by(terms.demander, digest(buyer.domain, terms), rival.consent):
        raise Unacceptable("rival that its demander has not signed")


def _take_booked(buyer: Buyer, booked: Booked) -> BuyerStep:
    """Note that a supplier has booked; when all have, the product is ours at these prices."""
    standing = buyer.standing
    if standing is None or booked.bid != standing.terms.id or not standing.confirmed:
        raise Unacceptable("booking of no bid of ours")
    if booked.supplier not in standing.suppliers or booked.supplier in standing.booked:
        raise Unacceptable("booking that is not due")
    steps = priced(standing)
    agreed = tuple(
        Sold(step.slot.listing, step.quantity, step.slot.price)
        for step in steps
        if step.slot.supplier == booked.supplier and not step.slot.owned
    )
    if booked.lines != agreed:
        raise Unacceptable("booking on other terms than granted")
    standing = replace(standing, booked=standing.booked.insert(booked.supplier, booked))
    if not standing.is_booked:
        return replace(buyer, standing=standing), ()
    standing = replace(standing, chain=chain_of(buyer.product, steps))
    outputs = () if buyer.held is None else released(buyer, buyer.held)
    return replace(buyer, standing=None, held=standing), outputs
