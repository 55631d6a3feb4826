"""Random markets, and their sessions with the supplier and every seat: what several tests share."""

from dataclasses import dataclass
from math import inf

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from fabmarket.game import Game, NoEquilibrium, solve
from fabmarket.identity import Key, keccak
from fabmarket.market.delivery import INSTANT
from fabmarket.market.messages import Close, Member, Opening, PriceTerms
from fabmarket.market.units import MICRO, NO_LIMIT
from fabmarket.negotiation.course import CLOCK
from fabmarket.negotiation.hosting import (
    Hosted,
    addressed,
    hear,
    host,
    next_word,
    roster_of,
    said,
    seated,
)
from fabmarket.negotiation.seat import (
    Seat,
    Seated,
    answer,
    answered,
    check_roster,
    follow,
    take_seats,
)

SUPPLIER = Key.derive("session", "supplier").address
TOKEN = Key.derive("session", "token").address
DEMANDERS = [Key.derive("session", str(i)).address for i in range(6)]
GAMES = ("balanced", "simultaneous", "demanders-lead")
quantities = st.one_of(st.just(NO_LIMIT), st.integers(0, 80))


@st.composite
def markets(draw, concepts=(*GAMES, CLOCK)):
    """(terms, members, margins): coarse numbers, so that ties and kinks are common."""
    concept = draw(st.sampled_from(concepts))
    margins = draw(st.lists(st.integers(-20, 300), min_size=1, max_size=6))
    a, b = (draw(st.integers(100_000, 3_000_000)) for _ in range(2))
    if concept == "balanced":
        a += b
    clock = concept == CLOCK
    lots = clock and draw(st.booleans())
    terms = PriceTerms(
        concept=concept,
        demand_weight=a,
        supply_weight=b,
        maintenance=draw(st.integers(0, 60)),
        capacity=draw(st.one_of(st.integers(0, 150), st.just(10**6))),
        token=TOKEN,
        lots=lots,
        step=draw(st.sampled_from((1, 4, 8))) if clock else 0,
    )
    limits = st.integers(0, min(80, terms.capacity)) if lots else quantities
    members = []
    for index in range(len(margins)):
        units = NO_LIMIT if concept == "demanders-lead" else draw(limits)
        members.append(
            Member(
                demander=DEMANDERS[index],
                selection=keccak(bytes([index, draw(st.integers(0, 1))])),
                sub_task=bytes([index]) * 32,
                quantity=units,
                divisible=units == NO_LIMIT or (clock and not lots) or draw(st.booleans()),
                supplier_nonce=index,
            )
        )
    return terms, tuple(members), margins


def solved(terms, members, margins):
    """The equilibrium, or pass the market over if it has none."""
    limited = terms.concept != "demanders-lead"
    game = Game(
        np.array([float(max(c, 0)) for c in margins]),
        np.array([float(max(-c, 0)) for c in margins]),
        float(terms.maintenance),
        terms.demand_weight / MICRO,
        terms.supply_weight / MICRO,
        cap=np.array([inf if m.quantity == NO_LIMIT else float(m.quantity) for m in members]),
        supply_cap=float(terms.capacity) if limited else inf,
    )
    try:
        return solve(game, terms.concept)
    except NoEquilibrium:
        assume(False)


def digest_of(message):
    return keccak(repr(message).encode())


RICH = 2**256 - 1
"""A budget that no demand exceeds."""


@dataclass
class Room:
    """A session: its supplier's state and every member's, in the order of the seats."""

    hosted: Hosted
    seats: list[Seated]

    @property
    def settled_on(self):
        return self.hosted.course.settled_on

    def due(self, *, time_up=False):
        """The supplier's next word with its digest, and everybody's places in it."""
        word = next_word(self.hosted, time_up=time_up)
        return word, digest_of(word.message), dict(addressed(self.hosted, word))

    def say(self, *, time_up=False):
        """The supplier says its next word; all who count follow it."""
        word, key, places = self.due(time_up=time_up)
        gone = self.hosted.dropped
        self.hosted = said(self.hosted, word, key)
        for at, seat in enumerate(self.seats):
            if at not in gone:
                self.seats[at] = follow(seat, word.message, key, places[DEMANDERS[at]])
        return word.message

    def answer_of(self, at, margin):
        return answer(self.seats[at], self.seats[at].seats[0], margin)

    def take(self, at, message):
        """A member says it, and the supplier hears it."""
        self.hosted = hear(self.hosted, message, digest_of(message))
        self.seats[at] = answered(self.seats[at], message, digest_of(message))

    @property
    def present(self):
        return [at for at in range(len(self.seats)) if at not in self.hosted.dropped]


def opened(terms, members):
    root, _ = roster_of(members)
    opening = Opening(
        SUPPLIER, b"l" * 32, 0, 10**6, terms, INSTANT, len(members), root.hash, 15, 10**6
    )
    key = digest_of(opening)
    seats = []
    for _, (place,) in seated(members):
        own = Seat(b"w" * 32, place.seat, members[place.seat], RICH)
        check_roster(opening, [own], [place])
        seats.append(take_seats(opening, key, [own]))
    return Room(host(opening, key, members), seats)


def played(terms, members, margins):
    """A session between honest parties, from its opening to its close."""
    room = opened(terms, members)
    while not isinstance(room.say(), Close):
        assert next_word(room.hosted) is None
        for at, margin in enumerate(margins):
            room.take(at, room.answer_of(at, margin))
    assert next_word(room.hosted, time_up=True) is None
    for at, seat in enumerate(room.seats):
        assert seat.over
        assert seat.seats[0].awarded == room.hosted.awards[at]
        assert seat.seats[0].payment == room.hosted.payments[at]
        assert seat.course == room.hosted.course
        assert seat.transcript == room.hosted.transcript
    return room
