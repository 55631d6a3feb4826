"""The rounds in which whole products are bought: one a beat, the same for everybody.

A cycle of rounds begins at the rhythm's origin and again whenever it is over. It has rounds of
prices, of holds, of making room, and one for signing. Which round it is follows from chain time, so
nobody needs to know that one is over, and whoever has nothing to say is silent.
"""

from dataclasses import dataclass
from typing import Literal

from fabmarket.identity import TypedStruct, Uint32
from fabmarket.market.rhythm import Rhythm

Phase = Literal["prices", "holds", "room", "signing"]


@dataclass(frozen=True)
class Round:
    """A beat of a cycle that began at `opened`; seconds of chain time. `quarter` is 0 to 3."""

    phase: Phase
    opened: int
    beat: int
    quarter: int
    ends: int


@dataclass(frozen=True)
class Rounds(TypedStruct):
    """How many rounds of each kind a cycle has; fixed with the market.

    >>> rounds = Rounds(Rhythm(origin=100, period=60))
    >>> rounds.at(100).phase, rounds.at(100 + 10 * 60).phase, rounds.at(145).quarter
    ('prices', 'holds', 3)
    """

    rhythm: Rhythm
    prices: Uint32 = 10
    holds: Uint32 = 10
    room: Uint32 = 7
    signing: Uint32 = 1

    @property
    def length(self) -> int:
        """Seconds of a cycle."""
        return (self.prices + self.holds + self.room + self.signing) * self.rhythm.period

    def at(self, now: int) -> Round:
        """Return the round of a second that is not before the origin."""
        origin, period = self.rhythm.origin, self.rhythm.period
        opened = now - (now - origin) % self.length
        number = (now - opened) // period
        beat = opened + number * period
        quarter = min(3, (now - beat) // self.rhythm.quarter)
        return Round(self._phase(number), opened, beat, quarter, beat + period)

    def _phase(self, number: int) -> Phase:
        if number < self.prices:
            return "prices"
        if number < self.prices + self.holds:
            return "holds"
        return "room" if number < self.prices + self.holds + self.room else "signing"
