"""A demander in sessions and bargains: seats, answers, and the trade that is signed at the end."""

from collections.abc import Sequence
from dataclasses import replace

from fabmarket.errors import Bug
from fabmarket.identity import digest
from fabmarket.market import messages
from fabmarket.market.messages import Close, Counter, Opening, Quote
from fabmarket.market.trade import Trade
from fabmarket.negotiation.bargaining import Bargain, Position, follow_counter, respond
from fabmarket.negotiation.course import TooEarly, Unacceptable, member_of
from fabmarket.negotiation.demander.release import is_seated, selected
from fabmarket.negotiation.demander.state import (
    TRADE_VALIDITY,
    DemanderState,
    Haggle,
    Step,
    failed,
    next_nonce,
    with_want,
)
from fabmarket.negotiation.moves import Output, Send
from fabmarket.negotiation.seat import (
    Seat,
    Seated,
    answer,
    answered,
    check_roster,
    follow,
    take_seats,
)
from fabmarket.negotiation.wants import DROPPED, NO_DEAL, NO_ROOM, TOO_DEAR, Want, why_no_price


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
    seats = tuple(_seat(state, opening, place) for place in places)
    check_roster(opening, seats, places)
    taken = {seat.member.selection: opening_digest for seat in seats}
    state = replace(state, seated=state.seated.update(taken))
    if opening.terms.concept != "bargaining":
        session = take_seats(opening, opening_digest, seats)
        return replace(state, talks=state.talks.insert(opening_digest, session)), ()
    if opening.seats != 1:
        raise Unacceptable("a bargain has two parties")
    (seat,) = seats
    return _propose(state, Haggle(seat.want, Bargain(opening_digest, opening, seat.member)))


def _seat(state: DemanderState, opening: Opening, place: messages.Place) -> Seat:
    want = selected(state, place.selection)
    offer = want.offer
    said = (opening.supplier, opening.listing, opening.slot_end, opening.terms)
    if offer is None or said != (offer.supplier, offer.listing, offer.slot_end, offer.terms):
        raise Unacceptable("opening on other terms than the offer's")
    if opening.round_time < state.rhythm.quarter:
        raise Unacceptable("opening with rounds too short to answer in")
    if not state.now < opening.ends <= want.until:
        raise Unacceptable("opening that ends at another time than the market's rhythm says")
    if is_seated(state, place.selection):
        raise Unacceptable("second opening for one selection")
    member = member_of(state.selections[place.selection], place.selection, place.value)
    return Seat(want.id, place.seat, member)


def hear(
    state: DemanderState,
    word: Quote | Close,
    word_digest: bytes,
    places: Sequence[messages.Place],
) -> Step:
    """Follow a word of a session's supplier for all our seats; answer where it is our turn."""
    talk = state.talks.get(word.session)
    if talk is None:
        if any(_awaits(want, word.supplier) for want in state.wants.values()):
            raise TooEarly("word of a session that we have no opening of")
        raise Unacceptable("message of a session we have no seat in")
    if not isinstance(talk, Seated):
        raise Unacceptable("a session's message in a bargain")
    before, talk = talk, follow(talk, word, word_digest, places)
    outputs: list[Output] = []
    for earlier, seat in zip(before.seats, talk.seats, strict=True):
        if seat.dropped and not earlier.dropped:
            state, told = failed(state, _negotiated(state, seat.want), DROPPED)
            outputs.extend(told)
        elif isinstance(word, Close) and not seat.dropped:
            state, sent = _closed(state, talk, seat, word)
            outputs.extend(sent)
        elif not seat.dropped:
            said = answer(talk, seat, _margin(state, seat.want))
            talk = answered(talk, said, digest(state.domain, said))
            outputs.append(Send(said, word.supplier, talk.opening.ends))
    return replace(state, talks=state.talks.insert(talk.id, talk)), tuple(outputs)


def _awaits(want: Want, supplier: str) -> bool:
    offer = want.offer
    return want.state == "negotiating" and offer is not None and offer.supplier == supplier


def _negotiated(state: DemanderState, want_id: bytes) -> Want:
    want = state.wants[want_id]
    if want.state != "negotiating":
        raise Unacceptable("negotiation of a sub-task that is no longer open")
    return want


def _margin(state: DemanderState, want_id: bytes) -> int:
    want = _negotiated(state, want_id)
    if want.offer is None:
        raise Bug("a want is negotiated without an offer")
    return want.choice(want.offer.resource).margin


def _closed(state: DemanderState, talk: Seated, seat: Seat, close: Close) -> Step:
    want = _negotiated(state, seat.want)
    if seat.awarded > 0:
        return _sign(state, want, talk, seat, close.price)
    if not talk.final:
        return failed(state, want, why_no_price(talk.course))
    return failed(state, want, NO_ROOM if seat.answers[-1].quantity else TOO_DEAR)


def take_counter(state: DemanderState, counter: Counter, counter_digest: bytes) -> Step:
    """Follow a counter of the supplier; answer it, sign, or give up."""
    talk = state.talks.get(counter.session)
    if not isinstance(talk, Haggle):
        raise Unacceptable("counter in a session we have no seat in")
    bargain = follow_counter(talk.bargain, counter, counter_digest)
    talk = replace(talk, bargain=bargain)
    if bargain.outcome is None:
        return _propose(state, talk)
    return _concluded(replace(state, talks=state.talks.insert(bargain.id, talk)), talk)


def _propose(state: DemanderState, talk: Haggle) -> Step:
    """Say what our position is, and take it as said."""
    margin, bargain = _margin(state, talk.want), talk.bargain
    counter = respond(bargain, state.address, Position(margin // 2, margin))
    bargain = follow_counter(bargain, counter, digest(state.domain, counter))
    talk = replace(talk, bargain=bargain)
    state = replace(state, talks=state.talks.insert(bargain.id, talk))
    sent = Send(counter, bargain.opening.supplier, bargain.opening.ends)
    if bargain.outcome is None:
        return state, (sent,)
    state, outputs = _concluded(state, talk)
    return state, (sent, *outputs)


def _concluded(state: DemanderState, talk: Haggle) -> Step:
    want, bargain = _negotiated(state, talk.want), talk.bargain
    if not bargain.outcome:
        return failed(state, want, NO_DEAL)
    seat = Seat(want.id, 0, bargain.member, awarded=bargain.member.quantity)
    return _sign(state, want, bargain, seat, bargain.outcome)


def _sign(
    state: DemanderState, want: Want, talk: Seated | Bargain, seat: Seat, unit_price: int
) -> Step:
    """Sign the trade that the negotiation agreed (step 4); the supplier countersigns."""
    opening = talk.opening
    transcript = talk.transcript
    trade = Trade(
        listing=opening.listing,
        demander=state.address,
        token=state.token,
        quantity=seat.awarded,
        unit_price=unit_price,
        valid_until=min(opening.ends + TRADE_VALIDITY, opening.slot_end),
        nonce=next_nonce(state),
        supplier_nonce=seat.member.supplier_nonce,
        listing_epoch=state.epochs.get(opening.listing, 0),
        transcript=transcript,
    )
    trade_digest = digest(state.domain, trade)
    agreed = replace(want, state="agreed", signed_until=trade.valid_until, trade=trade_digest)
    state = replace(
        with_want(state, agreed),
        trades=state.trades.insert(trade_digest, want.id),
        signed=state.signed.insert(trade.nonce, trade.valid_until),
    )
    return state, (Send(trade, opening.supplier, opening.ends),)
