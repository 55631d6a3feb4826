"""A demander whose every word in the products' rounds a test chooses."""

from fabmarket.identity import ZERO_BYTES32, struct_hash
from fabmarket.market.products import (
    Answer,
    Bid,
    BidTerms,
    Confirm,
    Line,
    Need,
    Part,
    SealedBid,
)
from fabmarket.market.rounds import Rounds
from tests.unit.negotiation.wire import LENGTH, MILL, ORIGIN, RHYTHM, deaf

PRICES, HOLDS = 10, 10
"""Rounds of prices and of holds in a cycle."""
ONE, TWO = b"1" * 32, b"2" * 32
FIRST = RHYTHM.origin + PRICES * RHYTHM.period
"""The beat of the first round of holds."""
SIGNING = FIRST + 17 * RHYTHM.period
"""The beat in which trades are signed."""


class Enemy:
    """A demander that the test plays by hand against one mill of 20 units in a slot."""

    def __init__(self, wire, name="enemy", money=10**6):
        self.wire, self.mill = wire, wire.mill
        self.address = wire.buyer(name, money=money)
        wire.steps[self.address] = deaf
        self.sealed = {}

    def say(self, message):
        """Say it to the mill; return why it refuses it, or None."""
        before = len(self.wire.ignored)
        self.wire.say(message, self.mill)
        self.wire.pump()
        return self.wire.ignored[before][1] if len(self.wire.ignored) > before else None

    def need(self, product=ONE, slots=(0, 5)):
        times = (ORIGIN + slot * LENGTH for slot in slots)
        cycle = Rounds(RHYTHM).at(self.wire.now).opened
        return self.say(Need(self.address, product, cycle, MILL, *times))

    def bid(self, *quantities, product=ONE, rate=50, replaces=ZERO_BYTES32, price=10, slot=0):
        """A bid of the beat: lines in one slot after the other."""
        listings = [self.wire.listing(self.mill, slot + at, MILL) for at in range(len(quantities))]
        lines = tuple(
            Line(listing, units, price, ZERO_BYTES32)
            for listing, units in zip(listings, quantities, strict=True)
        )
        parts = tuple(Part(self.mill, struct_hash(line)) for line in lines)
        beat = self.wire.now - (self.wire.now - RHYTHM.origin) % RHYTHM.period
        return Bid(BidTerms(self.address, product, beat, rate, replaces, parts), b"", lines)

    def seal(self, bid):
        return self.say(SealedBid(self.address, bid.terms.beat, bid.terms.id))

    def answers(self):
        """The answers to this demander, the last first."""
        return [
            message
            for message, to, _ in reversed(self.wire.sent)
            if to == self.address and isinstance(message, Answer)
        ]

    def booked(self, bid, beat, **changes):
        """Have the mill book a bid at a beat, and return its booking."""
        pass_to(self.wire, beat, 1)
        units = (line.quantity for line in bid.lines)
        bid = self.bid(*units, product=bid.terms.product, **changes)
        assert self.seal(bid) is None
        pass_to(self.wire, beat, 2)
        assert self.say(bid) is None
        pass_to(self.wire, beat, 3)
        grants = (self.answers()[0].signed,)
        assert self.say(Confirm(self.address, bid.terms.id, grants)) is None
        return self.wire.states[self.mill].seller.booked[bid.terms.id]


def pass_to(wire, beat, quarter):
    """Time passes to a quarter of a beat, with all that is said until then."""
    until = beat + quarter * RHYTHM.quarter
    for now in range(wire.now, until + 1, RHYTHM.quarter):
        wire.tick(now)
        wire.pump()
