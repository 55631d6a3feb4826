"""Masked sessions with their supplier and every seat: what several tests share."""

from dataclasses import dataclass, replace

from hypothesis import assume
from hypothesis import strategies as st

from fabmarket.identity import Domain, digest, keccak
from fabmarket.market.delivery import INSTANT
from fabmarket.market.masked import MaskedClose, MaskedQuote, SeatRequest
from fabmarket.market.messages import MaskedOpening, Offer
from fabmarket.negotiation.course import CLOCK, FEWEST
from fabmarket.negotiation.masked.cards import (
    cap_sum_of,
    card_of,
    key_of,
    round_limit_of,
)
from fabmarket.negotiation.masked.hosted import MaskedHosted
from fabmarket.negotiation.masked.hosting import (
    addressed,
    hear,
    hear_unmasking,
    host,
    next_word,
    said,
    seated,
)
from fabmarket.negotiation.masked.seat import (
    MaskedSeated,
    Sitting,
    answer,
    follow,
    sit_down,
    take_seats,
    unmask,
)
from fabmarket.negotiation.seat import Seat
from tests.property.sessions import DEMANDERS, GAMES, RICH, SUPPLIER, markets

DOMAIN = Domain("Fabmarket", "1", 31337, "0x" + "11" * 20)
ENDS = 10**6
LISTING = b"l" * 32


def secret_of(at):
    return keccak(b"secret" + bytes([at]))


def offer_of(at):
    """The digest of the offer that a seat took up."""
    return keccak(b"offer" + bytes([at]))


@st.composite
def masked_markets(draw, concepts=(*GAMES, CLOCK)):
    """(terms, members, margins) of at least three members; a clock's margins are on its grid."""
    terms, members, margins = draw(markets(concepts))
    assume(len(members) >= FEWEST)
    if terms.concept == CLOCK:
        margins = [on_grid(terms, margin) for margin in margins]
    return replace(terms, least=FEWEST), members, margins


def on_grid(terms, margin):
    """The highest price that a clock may quote and a unit is worth; 0 if there is none."""
    price, last = max(1, terms.maintenance), 0
    while price <= margin:
        price, last = price + max(1, price // terms.step), price
    return last


@dataclass
class MaskedRoom:
    """A masked session: its supplier's state and every member's, in the order of the seats.

    `sent` is every word with whom it went to, a seat or None for the supplier, and its places.
    """

    hosted: MaskedHosted
    seats: list[MaskedSeated]
    sent: list

    def due(self, *, time_up=False):
        """The supplier's next word with its digest, and everybody's places in it."""
        word = next_word(self.hosted, time_up=time_up)
        return word, digest(DOMAIN, word.message), dict(addressed(self.hosted, word))

    def say(self, *, time_up=False):
        """The supplier says its next word; all follow it."""
        word, key, places = self.due(time_up=time_up)
        self.hosted = said(self.hosted, word, key)
        for at, seat in enumerate(self.seats):
            own = places[DEMANDERS[at]]
            self.sent.append((at, word.message, own))
            self.seats[at] = follow(seat, word.message, key, own)
        return word.message

    def answer_of(self, at, margin):
        """A member's reply to the last quote, and its session with that."""
        return answer(self.seats[at], 0, margin, DOMAIN, secret_of(at))

    def take(self, at, margin):
        """A member answers, and the supplier hears it."""
        self.seats[at], reply = self.answer_of(at, margin)
        self.hear(reply)

    def hear(self, reply):
        self.sent.append((None, reply, ()))
        self.hosted = hear(self.hosted, reply, digest(DOMAIN, reply.answer))

    def unmask(self, at):
        """A member opens its answers to the supplier."""
        self.seats[at], word = unmask(self.seats[at], 0, secret_of(at))
        self.sent.append((None, word, ()))
        self.hosted = hear_unmasking(self.hosted, word)


def listed(terms):
    """The offer that cards are made for, as far as they tell it."""
    place = (SUPPLIER, bytes(32), bytes(32), LISTING, bytes(32), 0, ENDS, 1, 1, 1)
    return Offer(*place, terms, INSTANT)


def cards_of(terms, count):
    offer = listed(terms)
    return tuple(
        card_of(key_of(secret_of(at), offer_of(at)), DOMAIN, offer, ENDS) for at in range(count)
    )


def opening_of(terms, members, **changes):
    opening = MaskedOpening(
        supplier=SUPPLIER,
        listing=LISTING,
        slot_start=0,
        slot_end=ENDS,
        terms=terms,
        delivery=INSTANT,
        cards=cards_of(terms, len(members)),
        cap_sum=cap_sum_of(terms, members),
        round_limit=round_limit_of(terms),
        round_time=15,
        ends=ENDS,
    )
    return replace(opening, **changes)


def opened(terms, members, least=FEWEST, **changes):
    opening = opening_of(terms, members, **changes)
    key = digest(DOMAIN, opening)
    hosted = host(opening, key, members, DOMAIN)
    seats = []
    given = dict(seated(members))
    for at, (place,) in enumerate(given[member.demander] for member in members):
        own = Seat(b"w" * 32, place.seat, members[place.seat], RICH)
        ours = [Sitting(own, SeatRequest(opening.cards[at], least, open=False))]
        taken = take_seats(opening, key, DOMAIN, ours)
        seats.append(sit_down(taken, secret_of(at), [offer_of(at)]))
    return MaskedRoom(hosted, seats, [])


def searched(room, margins):
    """Go on until the search for a price is over."""
    while not (message := room.say()).final:
        for at, margin in enumerate(margins):
            assert next_word(room.hosted) is None
            room.take(at, margin)
    return message


def played(terms, members, margins):
    """A masked session between honest parties, from its opening to its last word."""
    room = opened(terms, members)
    final = searched(room, margins)
    assert isinstance(final, MaskedQuote)
    if final.price == 0:
        assert all(seat.over for seat in room.seats)
        assert room.hosted.over
        return room
    for at in range(len(members)):
        assert next_word(room.hosted) is None
        room.unmask(at)
    assert isinstance(room.say(), MaskedClose)
    for at, seat in enumerate(room.seats):
        assert seat.over
        assert seat.seats[0].awarded == room.hosted.awards[at]
        assert seat.seats[0].payment == room.hosted.payments[at]
        assert seat.course == room.hosted.course
        assert seat.transcript == room.hosted.transcript
    return room
