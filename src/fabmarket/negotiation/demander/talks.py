"""A demander in sessions and bargains: seats, answers, and the trade that is signed at the end."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

from fabmarket.errors import Bug
from fabmarket.identity import digest
from fabmarket.market import messages
from fabmarket.market.delivery import INSTANT, escrow_of
from fabmarket.market.exchange import SignedTrade
from fabmarket.market.masked import MaskedWord
from fabmarket.market.messages import Close, Counter, Offer, Opening, OpeningMessage, Quote
from fabmarket.market.rhythm import TRADE_VALIDITY
from fabmarket.market.trade import Trade
from fabmarket.negotiation.bargaining import Bargain, Position, follow_counter, respond
from fabmarket.negotiation.clinching import in_trades
from fabmarket.negotiation.course import TooEarly, Unacceptable, member_of
from fabmarket.negotiation.demander import netting
from fabmarket.negotiation.demander.release import is_seated, selected
from fabmarket.negotiation.demander.state import (
    DemanderState,
    Haggle,
    Step,
    Talk,
    failed,
    next_nonce,
    nonce_for_cycle,
    with_want,
)
from fabmarket.negotiation.masked.seat import MaskedSeated
from fabmarket.negotiation.moves import Output, Send
from fabmarket.negotiation.policy import NO_BOUND
from fabmarket.negotiation.seat import (
    Seat,
    Seated,
    answer,
    answered,
    check_roster,
    follow,
    take_seats,
)
from fabmarket.negotiation.wants import (
    DROPPED,
    NO_DEAL,
    NO_MONEY,
    NO_ROOM,
    OVER_BUDGET,
    TOO_DEAR,
    Want,
    why_no_price,
)

Agreed: TypeAlias = Seated | MaskedSeated | Bargain
"""Where an award or price comes from."""
SessionWord: TypeAlias = Quote | Close | MaskedWord


def open_talk(
    state: DemanderState,
    opening: Opening,
    opening_digest: bytes,
    places: Sequence[messages.Place],
) -> Step:
    """Take our seats in a session or bargain, if the opening says what we selected."""
    if not places:
        raise Unacceptable("opening without a seat of ours")
    if len({place.selection for place in places}) < len(places):
        raise Unacceptable("second opening for one selection")
    seats = tuple(seat_at(state, opening, place) for place in places)
    if opening.terms.least and not all(asks_open(state, place.selection) for place in places):
        raise Unacceptable("open session where we asked for a masked one")
    check_roster(opening, seats, places)
    taken = {seat.member.selection: opening_digest for seat in seats}
    state = replace(state, seated=state.seated.update(taken))
    if opening.terms.concept != "bargaining":
        session = take_seats(opening, opening_digest, funded(state, opening, seats))
        return replace(state, talks=state.talks.insert(opening_digest, session)), ()
    if opening.seats != 1:
        raise Unacceptable("a bargain has two parties")
    (seat,) = seats
    return _propose(state, Haggle(seat.want, Bargain(opening_digest, opening, seat.member)))


def asks_open(state: DemanderState, selection_digest: bytes) -> bool:
    """Return whether a selection for a masked session would do with an open one."""
    return all(request.open for request in state.selections[selection_digest].masked)


def seat_at(state: DemanderState, opening: OpeningMessage, place: messages.Place) -> Seat:
    """Return our seat at a place of an opening; Unacceptable if it is not what we selected."""
    want = selected(state, place.selection)
    offer = want.offer
    if offer is None or not _is_offered(opening, want, offer):
        raise Unacceptable("opening on other terms than the offer's")
    if opening.round_time < state.rhythm.quarter:
        raise Unacceptable("opening with rounds too short to answer in")
    if not state.now < opening.ends <= want.until:
        raise Unacceptable("opening that ends at another time than the market's rhythm says")
    if is_seated(state, place.selection):
        raise Unacceptable("second opening for one selection")
    member = member_of(state.selections[place.selection], place.selection, place.value)
    return Seat(want.id, place.seat, member)


def funded(
    state: DemanderState, opening: OpeningMessage, seats: Sequence[Seat]
) -> tuple[Seat, ...]:
    """Set aside for each seat what it may cost: at most what it is worth, and what there is.

    Of what neither other talks nor our seats before it may take. Once for the whole session, so
    that no demand rises later.
    """
    left = max(0, state.policy.budget - state.spent.within(state.now) - state.asked)
    money = max(0, state.free - state.reserved)
    given = []
    for seat in seats:
        worth = min(seat.member.quantity, opening.terms.capacity) * margin_of(state, seat.want)
        budget = min(left, worth, state.affordable(money, instant=opening.delivery == INSTANT))
        left, money = left - budget, money - state.takes(opening.delivery, budget)
        given.append(replace(seat, budget=budget))
    return tuple(given)


def _is_offered(opening: OpeningMessage, want: Want, offer: Offer) -> bool:
    place = (opening.supplier, opening.listing, opening.slot_start, opening.slot_end)
    terms = (opening.terms, opening.delivery)
    offered = (offer.supplier, offer.listing, want.start, offer.slot_end)
    return place == offered and terms == (offer.terms, offer.delivery)


def hear(
    state: DemanderState,
    word: Quote | Close,
    word_digest: bytes,
    places: Sequence[messages.Place],
) -> Step:
    """Follow a word of a session's supplier for all our seats; answer where it is our turn."""
    talk = talk_of(state, word)
    if not isinstance(talk, Seated):
        if isinstance(talk, Haggle):
            raise Unacceptable("a session's message in a bargain")
        raise Unacceptable("a session's message in a masked one")
    before, talk = talk, follow(talk, word, word_digest, places)
    outputs: list[Output] = []
    for earlier, seat in zip(before.seats, talk.seats, strict=True):
        if seat.dropped and not earlier.dropped:
            state, told = failed(state, negotiated(state, seat.want), DROPPED)
            outputs.extend(told)
        elif isinstance(word, Close) and not seat.dropped:
            state, sent = concluded(state, talk, seat, word.price)
            outputs.extend(sent)
        elif not seat.dropped:
            said = answer(talk, seat, margin_of(state, seat.want))
            talk = answered(talk, said, digest(state.domain, said))
            outputs.append(Send(said, word.supplier, talk.opening.ends))
    return replace(state, talks=state.talks.insert(talk.id, talk)), tuple(outputs)


def talk_of(state: DemanderState, word: SessionWord) -> Talk:
    """Return the talk that a supplier's word is about. TooEarly if its opening may be to come."""
    talk = state.talks.get(word.session)
    if talk is None:
        if any(_awaits(want, word.supplier) for want in state.wants.values()):
            raise TooEarly("word of a session that we have no opening of")
        raise Unacceptable("message of a session we have no seat in")
    return talk


def _awaits(want: Want, supplier: str) -> bool:
    offer = want.offer
    return want.state == "negotiating" and offer is not None and offer.supplier == supplier


def negotiated(state: DemanderState, want_id: bytes) -> Want:
    """Return a want that is being negotiated, or Unacceptable."""
    want = state.wants[want_id]
    if want.state != "negotiating":
        raise Unacceptable("negotiation of a sub-task that is no longer open")
    return want


def margin_of(state: DemanderState, want_id: bytes) -> int:
    """Return what a unit is worth to a want that is being negotiated, base units."""
    want = negotiated(state, want_id)
    return want.choice(_taken(want).resource).margin


def _taken(want: Want) -> Offer:
    if want.offer is None:
        raise Bug("a want is negotiated without an offer")
    return want.offer


def concluded(state: DemanderState, talk: Seated | MaskedSeated, seat: Seat, price: int) -> Step:
    """Sign for what a session gave to a seat at the price found, or note why it is nothing."""
    want = negotiated(state, seat.want)
    if seat.awarded > 0:
        return _sign(state, want, talk, seat)
    if not price:
        return failed(state, want, why_no_price(talk.course))
    margin = margin_of(state, want.id)
    if price >= margin:
        return failed(state, want, TOO_DEAR)
    least = seat.member.quantity if not seat.member.divisible else 1
    if seat.budget >= least * price:
        return failed(state, want, NO_ROOM)
    is_poor = state.policy.budget == NO_BOUND
    return failed(state, want, NO_MONEY if is_poor else OVER_BUDGET)


def asked_beside(state: DemanderState, bargain: bytes) -> int:
    """What the other talks may yet make us sign for, base units."""
    others = replace(state, talks=state.talks.discard(bargain))
    return others.asked


def take_counter(state: DemanderState, counter: Counter, counter_digest: bytes) -> Step:
    """Follow a counter of the supplier; answer it, sign, or give up."""
    talk = state.talks.get(counter.session)
    if not isinstance(talk, Haggle):
        raise Unacceptable("counter in a session we have no seat in")
    bargain = follow_counter(talk.bargain, counter, counter_digest)
    talk = replace(talk, bargain=bargain)
    if bargain.outcome is None:
        return _propose(state, talk)
    return _haggled(replace(state, talks=state.talks.insert(bargain.id, talk)), talk)


def _propose(state: DemanderState, talk: Haggle) -> Step:
    """Say what our position is, and take it as said."""
    margin, bargain = margin_of(state, talk.want), talk.bargain
    left = state.policy.budget - state.spent.within(state.now) - asked_beside(state, bargain.id)
    most = min(margin, max(0, left) // bargain.member.quantity)
    counter = respond(bargain, state.address, Position(min(margin // 2, most), most))
    bargain = follow_counter(bargain, counter, digest(state.domain, counter))
    talk = replace(talk, bargain=bargain)
    state = replace(state, talks=state.talks.insert(bargain.id, talk))
    sent = Send(counter, bargain.opening.supplier, bargain.opening.ends)
    if bargain.outcome is None:
        return state, (sent,)
    state, outputs = _haggled(state, talk)
    return state, (sent, *outputs)


def _haggled(state: DemanderState, talk: Haggle) -> Step:
    want, bargain = negotiated(state, talk.want), talk.bargain
    if not bargain.outcome:
        return failed(state, want, NO_DEAL)
    units = bargain.member.quantity
    payment = units * bargain.outcome
    seat = Seat(want.id, 0, bargain.member, awarded=units, payment=payment)
    return _sign(state, want, bargain, seat)


def _sign(state: DemanderState, want: Want, talk: Agreed, seat: Seat) -> Step:
    """Sign the trade that the negotiation agreed (step 4); the supplier countersigns.

    Two, in a bundle, where not every unit costs the same.
    """
    opening = talk.opening
    spent = state.spent.adding(seat.payment, state.now)
    if spent.amount > state.policy.budget:
        return failed(state, want, OVER_BUDGET)
    trades = _trades(state, want, talk, seat)
    pledged = sum(state.takes(opening.delivery, it.quantity * it.unit_price) for it in trades)
    if pledged > state.free:
        return failed(state, want, NO_MONEY)
    digests = [digest(state.domain, trade) for trade in trades]
    until = trades[0].valid_until
    signed = replace(want, signed_until=until, trade=digests[0], pledged=pledged)
    state = replace(
        with_want(state, replace(signed, state="agreed")),
        spent=spent,
        trades=state.trades.update(dict.fromkeys(digests, want.id)),
        signed=state.signed.update({trade.nonce: until for trade in trades}),
    )
    halves = [SignedTrade(trade, b"", b"") for trade in trades]
    owners = [opening.supplier] * len(trades)
    state = netting.noted(state, halves, owners, opening.terms.maintenance)
    return state, tuple(Send(trade, opening.supplier, opening.ends) for trade in trades)


def _trades(state: DemanderState, want: Want, talk: Agreed, seat: Seat) -> tuple[Trade, ...]:
    """What a seat was awarded, as trades at whole prices, the cheaper first; for a cycle if any."""
    opening, offer = talk.opening, _taken(want)
    slot = (offer.resource, offer.slot, opening.slot_start, opening.slot_end)
    net = state.net
    netted, valid_until = False, min(opening.ends + TRADE_VALIDITY, opening.slot_end)
    if net is not None and opening.delivery == INSTANT:
        netted = net.nets(opening.ends, opening.slot_end)
        valid_until = net.cycles.valid_until(opening.ends) if netted else valid_until
    trades = []
    for units, price in in_trades(seat.awarded, seat.payment):
        nonce = nonce_for_cycle(state, valid_until) if netted else next_nonce(state)
        state = replace(state, signed=state.signed.insert(nonce, valid_until))
        trades.append(
            Trade(
                listing=opening.listing,
                demander=state.address,
                token=state.token,
                quantity=units,
                unit_price=price,
                valid_until=valid_until,
                nonce=nonce,
                supplier_nonce=seat.member.supplier_nonce,
                listing_epoch=state.epochs.get(opening.listing, 0),
                transcript=talk.transcript,
                escrow=escrow_of(opening.delivery, units * price, *slot),
            )
        )
    return netting.named(state, trades, netted=netted)
