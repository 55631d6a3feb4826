"""A demander in masked sessions: seats under one-time keys, masked answers, what is opened."""

from collections.abc import Sequence
from dataclasses import replace

from fabmarket.identity.codec import encode
from fabmarket.market.masked import Dispute, Inquiry, MaskedAbort, MaskedClose, MaskedWord
from fabmarket.market.messages import MaskedOpening, Place
from fabmarket.negotiation.course import Unacceptable
from fabmarket.negotiation.demander.state import DemanderState, Step, failed
from fabmarket.negotiation.demander.talks import (
    concluded,
    funded,
    margin_of,
    negotiated,
    seat_at,
    talk_of,
)
from fabmarket.negotiation.masked.asked import to_dispute, to_inquiry
from fabmarket.negotiation.masked.opening import most_opened
from fabmarket.negotiation.masked.seat import (
    MaskedSeated,
    Sitting,
    answer,
    follow,
    sit_down,
    take_seats,
    unmask,
)
from fabmarket.negotiation.moves import Output, Send
from fabmarket.negotiation.wants import BROKEN_OFF, DROPPED, why_no_masked_price


def open_masked(
    state: DemanderState, opening: MaskedOpening, opening_digest: bytes, places: Sequence[Place]
) -> Step:
    """Take our seats in a masked session, if the opening says what we selected."""
    if not places:
        raise Unacceptable("opening without a seat of ours")
    if len({place.selection for place in places}) < len(places):
        raise Unacceptable("second opening for one selection")
    if opening.listing in state.masked:
        raise Unacceptable("second masked session of one listing")
    if any(place.path or place.payment for place in places):
        raise Unacceptable("opening with a path where there is no tree")
    seats = funded(state, opening, [seat_at(state, opening, place) for place in places])
    selected = [state.selections[seat.member.selection] for seat in seats]
    ours = [
        Sitting(seat, request)
        for seat, selection in zip(seats, selected, strict=True)
        for request in selection.masked
    ]
    talk = take_seats(opening, opening_digest, state.domain, ours)
    secret = state.secrets[opening.ends]
    talk = sit_down(talk, secret, [selection.offer for selection in selected])
    taken = {seat.member.selection: opening_digest for seat in seats}
    # From now on and not from the first answer on: both of two openings would be answered.
    masked = state.masked.insert(opening.listing, opening.slot_end)
    state = replace(state, seated=state.seated.update(taken), masked=masked)
    return replace(state, talks=state.talks.insert(opening_digest, talk)), ()


def hear_masked(
    state: DemanderState, word: MaskedWord, word_digest: bytes, places: Sequence[Place]
) -> Step:
    """Follow a word of a masked session's supplier for all our seats; say what is our turn."""
    talk = talk_of(state, word)
    if not isinstance(talk, MaskedSeated):
        raise Unacceptable("a masked session's message in another talk")
    talk, ends = follow(talk, word, word_digest, places), talk.opening.ends
    outputs: tuple[Output, ...]
    secret = state.secrets[ends]
    match word:
        case MaskedClose():
            state, outputs = _closed(state, talk, word)
        case MaskedAbort():
            state, outputs = _failed(state, talk, BROKEN_OFF)
        case Inquiry():
            outputs = tuple(
                Send(to_inquiry(talk, at, state.domain, secret), word.supplier, ends)
                for at in range(len(talk.seats))
            )
        case Dispute():
            shown = (
                to_dispute(talk, at, word, state.domain, secret) for at in range(len(talk.seats))
            )
            outputs = tuple(Send(pair, word.supplier, ends) for pair in shown if pair is not None)
        case _ if talk.over:
            state, outputs = _failed(state, talk, why_no_masked_price(talk.course))
        case _:
            talk, outputs = _spoken(state, talk)
    return replace(state, talks=state.talks.insert(talk.id, talk)), outputs


def _spoken(state: DemanderState, talk: MaskedSeated) -> tuple[MaskedSeated, tuple[Output, ...]]:
    """What our seats say to the last quote: an answer, or what they open."""
    outputs, opening = [], talk.opening
    secret = state.secrets[opening.ends]
    for at, seat in enumerate(talk.seats):
        if talk.is_searched:
            talk, opened = unmask(talk, at, secret)
            most = most_opened(talk.course, [each.price for each in talk.heard], opened)
            # A loser opens less: whose letters are large would tell the wire who buys.
            outputs.append(Send(opened, opening.supplier, opening.ends, padded=len(encode(most))))
        else:
            margin = margin_of(state, seat.want)
            talk, reply = answer(talk, at, margin, state.domain, secret)
            outputs.append(Send(reply, opening.supplier, opening.ends))
    return talk, tuple(outputs)


def _closed(state: DemanderState, talk: MaskedSeated, close: MaskedClose) -> Step:
    outputs: list[Output] = []
    for seat in talk.seats:
        if seat.dropped:
            state, told = failed(state, negotiated(state, seat.want), DROPPED)
        else:
            state, told = concluded(state, talk, seat, close.price)
        outputs.extend(told)
    return state, tuple(outputs)


def _failed(state: DemanderState, talk: MaskedSeated, reason: str) -> Step:
    outputs: list[Output] = []
    for seat in talk.seats:
        state, told = failed(state, negotiated(state, seat.want), reason)
        outputs.extend(told)
    return state, tuple(outputs)
