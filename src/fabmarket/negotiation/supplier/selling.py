"""A supplier's sessions and bargains, from the roster to the countersigned trade (steps 3, 4)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from fabmarket.identity import ZERO_BYTES32, digest
from fabmarket.market.delivery import INSTANT
from fabmarket.market.exchange import (
    Settle,
    SettleBundle,
    SettleEscrow,
    SettleEscrowBundle,
    SignedTrade,
)
from fabmarket.market.messages import (
    Counter,
    Member,
    Opening,
    PriceTerms,
    Refusal,
    Reply,
    Selection,
)
from fabmarket.market.trade import Trade, bundle_of
from fabmarket.negotiation.bargaining import Bargain, Position, follow_counter, respond
from fabmarket.negotiation.course import FEWEST, Unacceptable, member_of
from fabmarket.negotiation.hosting import (
    Hosted,
    Word,
    addressed,
    hear,
    host,
    next_word,
    roster_of,
    said,
    seated,
)
from fabmarket.negotiation.masked.cards import MOST_SEATS, gathered
from fabmarket.negotiation.masked.hosted import MaskedHosted
from fabmarket.negotiation.moves import News, Output, Send, Submit, Tell
from fabmarket.negotiation.supplier import netting
from fabmarket.negotiation.supplier.awards import award, result
from fabmarket.negotiation.supplier.masked_selling import open_masked_session, speak_masked
from fabmarket.negotiation.supplier.offering import asking_price
from fabmarket.negotiation.supplier.state import (
    Award,
    Sale,
    Step,
    SupplierState,
    Talk,
    promising,
)
from fabmarket.negotiation.wants import NO_NONCE, SOLD_OUT, TOO_FEW, TOO_MANY


@dataclass(frozen=True)
class _Chosen:
    """A selection of an offer under these terms."""

    digest: bytes
    selection: Selection
    terms: PriceTerms


def open_talks(state: SupplierState) -> Step:
    """At a beat, fix the roster of every listing that was chosen for it: members by selection."""
    outputs: list[Output] = []
    nonces = to_sell_under(state)
    for listing in state.in_order(state.pending):
        for opens, terms, chosen in _groups(state, listing):
            state, sent = _open(state, listing, opens, terms, chosen, nonces)
            outputs.extend(sent)
    return _forget(state), tuple(outputs)


def _groups(
    state: SupplierState, listing: bytes
) -> Iterator[tuple[int, PriceTerms, list[_Chosen]]]:
    """What was chosen of a listing for beats that have come and are not over, by beat and terms.

    Offers for one beat differ in their capacity where some of it came back meanwhile.
    """
    groups: dict[tuple[int, int], list[_Chosen]] = {}
    for offer_digest, (selection_digest, selection) in state.pending[listing].items():
        offer = state.offers[offer_digest][1]
        if offer.opens <= state.now < state.rhythm.ends(offer.opens):
            key = (offer.opens, offer.terms.capacity)
            chosen = _Chosen(selection_digest, selection, offer.terms)
            groups.setdefault(key, []).append(chosen)
    for (opens, _), group in sorted(groups.items()):
        group.sort(key=lambda each: each.digest)
        yield opens, group[0].terms, group


def _forget(state: SupplierState) -> SupplierState:
    """Forget the demands and offers of beats that have come, with their selections."""
    offers, pending, starts = state.offers, state.pending, state.starts
    for offer_digest, (_, offer) in state.offers.items():
        if offer.opens <= state.now:
            offers = offers.remove(offer_digest)
            starts = starts.discard(offer.opens)
            queue = pending.get(offer.listing)
            if queue is not None and offer_digest in queue:
                rest = queue.remove(offer_digest)
                pending = (
                    pending.insert(offer.listing, rest) if rest else pending.remove(offer.listing)
                )
    custom = state.custom.forgetting(state.now)
    return replace(state, custom=custom, offers=offers, pending=pending, starts=starts)


def to_sell_under(state: SupplierState) -> Iterator[int]:
    """Yield the nonce for one seat or product after the other; none if all are used up."""
    return state.nonces.least_taken(sold_under(state), netting.set_apart(state))


def sold_under(state: SupplierState) -> list[int]:
    """Return the nonces that sales name, or may yet, each as often as they do."""
    taken = [sale.supplier_nonce for sale in state.sales.values() if sale.until > state.now]
    for talk in state.talks.values():
        taken.extend(member.supplier_nonce for member in _members(talk.hosted))
    if state.seller is not None:
        taken.extend(hold.nonce for hold in state.seller.booked.values())
    return taken


def _members(hosted: Hosted | MaskedHosted | Bargain) -> tuple[Member, ...]:
    return (hosted.member,) if isinstance(hosted, Bargain) else hosted.members


def _open(
    state: SupplierState,
    listing: bytes,
    opens: int,
    terms: PriceTerms,
    chosen: list[_Chosen],
    nonces: Iterator[int],
) -> Step:
    if not state.nonces.free():
        return state, _refusals(state, chosen, NO_NONCE, opens)
    if terms.concept != "bargaining":
        if terms.capacity > state.shelves[listing].room:
            return state, _refusals(state, chosen, SOLD_OUT, opens)
        if terms.least:
            return _open_masked(state, listing, opens, terms, chosen, nonces)
        return _open_session(state, listing, opens, terms, chosen, nonces)
    outputs: list[Output] = []
    for each in chosen:
        if each.selection.quantity > state.shelves[listing].room:
            outputs.extend(_refusals(state, [each], SOLD_OUT, opens))
        else:
            state, sent = _open_bargain(state, listing, opens, each, nonces)
            outputs.append(sent)
    return state, tuple(outputs)


def _refusals(
    state: SupplierState, chosen: Sequence[_Chosen], reason: str, opens: int
) -> tuple[Send, ...]:
    until = state.rhythm.ends(opens)
    return tuple(
        Send(Refusal(state.address, each.digest, reason), each.selection.demander, until)
        for each in chosen
    )


def _opening(
    state: SupplierState,
    listing: bytes,
    opens: int,
    terms: PriceTerms,
    members: Sequence[Member],
) -> Opening:
    shelf = state.shelves[listing]
    return Opening(
        supplier=state.address,
        listing=listing,
        slot_start=shelf.start,
        slot_end=shelf.end,
        terms=terms,
        delivery=state.delivery,
        seats=len(members),
        roster=roster_of(members)[0].hash,
        round_time=state.rhythm.quarter,
        ends=state.rhythm.ends(opens),
    )


def _open_masked(
    state: SupplierState,
    listing: bytes,
    opens: int,
    terms: PriceTerms,
    chosen: list[_Chosen],
    nonces: Iterator[int],
) -> Step:
    """Open a masked session where enough came together, else an open one for whoever allows it."""
    asked = {each.digest: each.selection.masked[0] for each in chosen}
    by_account = [(each.selection.demander, asked[each.digest].least, each) for each in chosen]
    together = gathered(by_account, max(FEWEST, terms.least))
    if not together:
        willing = [each for each in chosen if asked[each.digest].open]
        refused = [each for each in chosen if not asked[each.digest].open]
        outputs: tuple[Output, ...] = _refusals(state, refused, TOO_FEW, opens)
        if willing:
            state, sent = _open_session(state, listing, opens, terms, willing, nonces)
            outputs = (*outputs, *sent)
        return state, outputs
    roster = sorted(together, key=lambda each: each.digest)
    roster, beyond = roster[:MOST_SEATS], roster[MOST_SEATS:]
    left = [each for each in chosen if each not in together]
    refusals = _refusals(state, left, TOO_FEW, opens), _refusals(state, beyond, TOO_MANY, opens)
    members = tuple(member_of(each.selection, each.digest, next(nonces)) for each in roster)
    cards = tuple(asked[each.digest].card for each in roster)
    state, sent = open_masked_session(state, listing, opens, terms, members, cards)
    return state, (*refusals[0], *refusals[1], *sent)


def _open_session(
    state: SupplierState,
    listing: bytes,
    opens: int,
    terms: PriceTerms,
    chosen: list[_Chosen],
    nonces: Iterator[int],
) -> Step:
    members = tuple(member_of(each.selection, each.digest, next(nonces)) for each in chosen)
    opening = _opening(state, listing, opens, terms, members)
    hosted = host(opening, digest(state.domain, opening), members)
    opened = tuple(Send(opening, to, opening.ends, places) for to, places in seated(members))
    state = promising(state, listing, terms.capacity)
    state, sent = speak(state, Talk(hosted, terms.capacity, state.now))
    return state, (*opened, *sent)


def _open_bargain(
    state: SupplierState, listing: bytes, opens: int, chosen: _Chosen, nonces: Iterator[int]
) -> tuple[SupplierState, Send]:
    member = member_of(chosen.selection, chosen.digest, next(nonces))
    opening = _opening(state, listing, opens, chosen.terms, (member,))
    bargain = Bargain(digest(state.domain, opening), opening, member)
    state = promising(state, listing, member.quantity)
    talk = Talk(bargain, member.quantity, state.now)
    state = replace(state, talks=state.talks.insert(bargain.id, talk))
    ((to, places),) = seated((member,))
    return state, Send(opening, to, opening.ends, places)


def speak(state: SupplierState, talk: Talk, *, time_up: bool = False) -> Step:
    """Say what is due in a session, if anything is, and take it as said."""
    hosted = talk.hosted
    if isinstance(hosted, Bargain):
        return state, ()
    if isinstance(hosted, MaskedHosted):
        return speak_masked(state, talk, hosted, time_up=time_up)
    word = next_word(hosted, time_up=time_up)
    if word is not None:
        return _say(state, talk, hosted, word)
    return replace(state, talks=state.talks.insert(hosted.id, talk)), ()


def _say(state: SupplierState, talk: Talk, hosted: Hosted, word: Word) -> Step:
    ends = hosted.opening.ends
    sent = tuple(Send(word.message, to, ends, places) for to, places in addressed(hosted, word))
    hosted = said(hosted, word, digest(state.domain, word.message))
    talk = replace(talk, hosted=hosted, since=state.now)
    told: tuple[Output, ...] = ()
    if hosted.close is not None:
        state, talk = award(state, talk, hosted)
        told = (result(state, hosted),)
    return replace(state, talks=state.talks.insert(hosted.id, talk)), (*sent, *told)


def take_answer(state: SupplierState, answer: Reply, answer_digest: bytes) -> Step:
    """Hear a member; speak once all have answered."""
    talk = state.talks.get(answer.session)
    if talk is None or not isinstance(talk.hosted, Hosted):
        raise Unacceptable("message of a session we do not host")
    hosted = hear(talk.hosted, answer, answer_digest)
    return speak(state, replace(talk, hosted=hosted))


def take_counter(state: SupplierState, counter: Counter, counter_digest: bytes) -> Step:
    """Follow a demander's counter; answer it if that is our turn."""
    talk = state.talks.get(counter.session)
    if talk is None or not isinstance(talk.hosted, Bargain):
        raise Unacceptable("counter in a session we do not host")
    bargain = follow_counter(talk.hosted, counter, counter_digest)
    sent: tuple[Output, ...] = ()
    if bargain.outcome is None:
        position = Position(asking_price(state.terms), state.terms.maintenance)
        own = respond(bargain, state.address, position)
        bargain = follow_counter(bargain, own, digest(state.domain, own))
        sent = (Send(own, bargain.demander, bargain.opening.ends),)
    talk = replace(talk, hosted=bargain, since=state.now)
    if bargain.outcome is not None:
        state, talk = _agree(state, talk, bargain)
    return replace(state, talks=state.talks.insert(bargain.id, talk)), sent


def _agree(state: SupplierState, talk: Talk, bargain: Bargain) -> tuple[SupplierState, Talk]:
    opening, member = bargain.opening, bargain.member
    if not bargain.outcome:
        state = promising(state, opening.listing, -talk.promised)
    else:
        sold = (member.quantity, bargain.outcome)
        key = (bargain.transcript, bargain.demander, *sold, member.supplier_nonce, False)
        terms = (opening.listing, *sold)
        agreed = Award(*terms, opening.ends, opening.slot_end)
        state = replace(state, awards=state.awards.insert(key, agreed))
    return state, replace(talk, promised=0)


def countersign(state: SupplierState, trade: Trade, signature: bytes) -> Step:
    """Submit a trade that says exactly what was agreed, once for each seat it was agreed for.

    One of two that belong together waits for the other.
    """
    sold = (trade.quantity, trade.unit_price)
    alone = netting.is_netted(state, (trade,))
    halved = trade.bundle != ZERO_BYTES32 and not alone
    key = (trade.transcript, trade.demander, *sold, trade.supplier_nonce, halved)
    agreed = state.awards.get(key)
    if agreed is None:
        raise Unacceptable("trade that was not agreed")
    if trade.nonce in agreed.nonces or len(agreed.nonces) == agreed.seats:
        raise Unacceptable("trade that was already submitted")
    locked = checked(state, agreed, trade)
    signed = SignedTrade(trade, signature, b"")
    together = _with_its_half(state, signed)
    if netting.is_netted(state, [each.trade for each in together]):
        netting.require_cycle(state, trade, agreed.until)
    agreed = replace(agreed, nonces=(*agreed.nonces, trade.nonce))
    trade_digest = digest(state.domain, trade)
    sale = Sale(trade.supplier_nonce, trade.valid_until, trade.listing, trade.quantity, locked)
    state = replace(
        state,
        awards=state.awards.insert(key, agreed),
        sales=state.sales.insert(trade_digest, sale),
    )
    if halved and len(together) == 1:
        return replace(state, halves=state.halves.insert(trade.bundle, signed)), ()
    state = replace(state, halves=state.halves.discard(trade.bundle))
    return allowed(state, together, sum(each.trade.payment for each in together))


def allowed(state: SupplierState, together: tuple[SignedTrade, ...], payment: int) -> Step:
    """Sign trades if the policy lets so much pass, else wait for the owner's approval."""
    trade = together[0].trade
    if payment > state.policy.approve_above:
        first = digest(state.domain, trade)
        facts = {"trade": f"0x{first.hex()}", "payment": str(payment)}
        news = News.of("approval", **facts, until=str(trade.valid_until))
        return replace(state, held=state.held.insert(first, together)), (Tell(news),)
    return _settle(state, together)


def checked(state: SupplierState, agreed: Award, trade: Trade) -> int:
    """Return what selling by a trade locks, or Unacceptable if it is not as agreed."""
    shelf, payment = state.shelves[agreed.listing], agreed.quantity * agreed.unit_price
    due = replace(
        trade,
        listing=agreed.listing,
        token=state.terms.token,
        listing_epoch=state.epochs.get(agreed.listing, 0),
        escrow=state.escrow(shelf, payment),
    )
    if trade != due or not state.now < trade.valid_until <= agreed.latest:
        raise Unacceptable("trade on other terms than agreed")
    if not state.nonces.is_free(trade.supplier_nonce):
        raise Unacceptable("trade under a nonce of ours that is used up")
    locked = state.locks(shelf, payment)
    if locked > max(0, state.free):
        raise Unacceptable("trade that our account has too little to bond")
    return locked


def _with_its_half(state: SupplierState, signed: SignedTrade) -> tuple[SignedTrade, ...]:
    """Return a trade, with the half that it completes if one waits for it, the cheaper first."""
    half = state.halves.get(signed.trade.bundle)
    if half is None:
        return (signed,)
    pair = tuple(sorted((half, signed), key=lambda each: each.trade.unit_price))
    trades = [each.trade for each in pair]
    if bundle_of(trades) != signed.trade.bundle and not netting.is_netted(state, trades):
        raise Unacceptable("two halves that are no bundle")
    return pair


def approve(state: SupplierState, trade_digest: bytes) -> Step:
    """Submit a trade that waited for the owner's approval."""
    signed = state.held.get(trade_digest)
    if signed is None:
        raise Unacceptable("there is no such trade, or it needs no approval")
    return _settle(replace(state, held=state.held.remove(trade_digest)), signed)


def _settle(state: SupplierState, signed: tuple[SignedTrade, ...]) -> Step:
    is_instant = state.delivery == INSTANT
    first = signed[0].trade
    trades = [each.trade for each in signed]
    is_part = len(signed) == 1 and first.bundle != ZERO_BYTES32  # its demander has the others
    if is_part or netting.is_netted(state, trades):
        return netting.countersigned(state, signed)
    if len(signed) > 1:
        return state, (Submit(SettleBundle(signed) if is_instant else SettleEscrowBundle(signed)),)
    if state.batch:
        return replace(state, agreed=(*state.agreed, *signed)), ()
    (one,) = signed
    return state, (Submit(Settle(one) if is_instant else SettleEscrow(one)),)
