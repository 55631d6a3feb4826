"""A demander whose only supplier is played by the test: what it believes, and what it does not."""

from fabmarket.identity import Key, digest
from fabmarket.market.messages import Close, Member, Opening, Reply
from fabmarket.market.trade import nonce_of
from fabmarket.market.units import MICRO
from fabmarket.negotiation.course import member_of
from fabmarket.negotiation.hosting import (
    addressed,
    hear,
    host,
    next_word,
    roster_of,
    said,
    seated,
)
from tests.unit.negotiation.wire import ORIGIN, RESOURCE, RHYTHM, Wire, deaf

STRANGER = Key.derive("stranger")
OTHER_SEAT = Member(STRANGER.address, b"s" * 32, b"t" * 32, 5, True, 7)


class Trap(Wire):
    """One honest demander in front of one supplier that the test plays by hand.

    Seats of others in its sessions reply `greed` units at any price.
    """

    def __init__(self, *wants, **terms):
        super().__init__()
        self.greed = 0
        self.hosted = None
        self.seller = self.supplier("hostile", slots=(0, 1), **terms)
        self.honest = self.demander("honest", *(wants or [self.want("task", (RESOURCE, 10, 100))]))
        self.until("publish")
        self.choose()
        self.selections = [received.message for _, received in self.queue]
        self.queue.clear()
        # From here on the seller says only what the test says for it.
        self.steps[self.seller] = deaf
        self.open()

    def seat(self, index=0):
        selection = self.selections[index]
        return member_of(selection, digest(self.domain, selection), nonce_of(0, 95))

    def opening(self, *members, **changes):
        """The opening for these members, or the honest one alone, and the places it shows it."""
        members = members or tuple(self.seat(index) for index in range(len(self.selections)))
        offer = self.states[self.honest].wants[self.selections[0].sub_task].offer
        fields = {
            "supplier": self.seller,
            "listing": offer.listing,
            "slot_start": ORIGIN,
            "slot_end": offer.slot_end,
            "terms": offer.terms,
            "delivery": offer.delivery,
            "seats": len(members),
            "roster": roster_of(members)[0].hash,
            "round_time": RHYTHM.quarter,
            "ends": RHYTHM.ends(self.beat),
            **changes,
        }
        mine = [digest(self.domain, selection) for selection in self.selections]
        places = [place for _, own in seated(members) for place in own if place.selection in mine]
        return Opening(**fields), *places

    def host(self, *members, **changes):
        """Open a session with these members and play its supplier."""
        members = members or tuple(self.seat(index) for index in range(len(self.selections)))
        opening, *places = self.opening(*members, **changes)
        assert self.tempt(opening, *places) is None
        self.hosted = host(opening, digest(self.domain, opening), members)

    def due(self, *, time_up=False):
        """What an honest supplier would say next to the honest demander, and its places."""
        word = next_word(self.hosted, time_up=time_up)
        return word.message, *dict(addressed(self.hosted, word))[self.honest]

    def advance(self, *, time_up=False):
        """Play the supplier honestly for one word, and hear what all answer to it."""
        word = next_word(self.hosted, time_up=time_up)
        message, *places = self.due(time_up=time_up)
        before = len(self.said)
        assert self.tempt(message, *places) is None
        self.hosted = said(self.hosted, word, digest(self.domain, message))
        if self.hosted.close is not None:
            return
        answers = [each for each in self.said[before:] if isinstance(each, Reply)]
        for answer in (*answers, *self._of_others()):
            self.hosted = hear(self.hosted, answer, digest(self.domain, answer))

    def _of_others(self):
        last = self.hosted.rounds[-1]
        for at, member in enumerate(self.hosted.members):
            if member.demander != self.honest and at not in self.hosted.dropped:
                about = (member.demander, self.hosted.id, at, last.digest)
                yield Reply(*about, self.greed * MICRO)

    def to_the_close(self):
        """Play the supplier honestly until only its last word is due."""
        while not isinstance(self.due()[0], Close):
            self.advance()

    @property
    def talk(self):
        """The session or bargain as the honest demander follows it."""
        ((_, talk),) = self.states[self.honest].talks.items()
        return talk

    def tempt(self, message, *places):
        """Send the honest demander a message; return what it refuses it for, or None."""
        before = self.states[self.honest]
        ignored, postponed = len(self.ignored), len(self.postponed)
        self.say(message, self.honest, *places)
        self.pump()
        refused = [*self.ignored[ignored:], *self.postponed[postponed:]]
        if not refused:
            return None
        assert self.states[self.honest] == before
        return refused[-1][1]
