"""The market's rhythm: beats at which sessions open, so that demanders of one capacity meet.

A cycle leads to each beat. In the half period before it demands are published, for a quarter offers
are taken, for a quarter selections; at the beat sessions open, and a period later they are over.
Chain time decides, so a market needs a chain that makes blocks more often than four a period.
"""

from dataclasses import dataclass

from fabmarket.identity import TypedStruct, Uint64

TRADE_VALIDITY = 900
"""Seconds for which a signed trade can settle after its session, or after the rounds of a product;
it is a free option until then.
"""


@dataclass(frozen=True)
class Rhythm(TypedStruct):
    """Beats at `origin`, `origin + period`, …, seconds of chain time; fixed with the market.

    >>> rhythm = Rhythm(origin=100, period=60)
    >>> rhythm.opens_after(100), rhythm.publishes(150, 160), rhythm.offers_until(160)
    (160, True, 145)
    """

    origin: Uint64
    period: Uint64

    @property
    def quarter(self) -> int:
        """A quarter of a period, at least a second."""
        return max(1, self.period // 4)

    def opens_after(self, now: int) -> int:
        """Return the first beat that a demand published at `now` can still lead to."""
        least = now + self.quarter + max(1, self.quarter // 2)
        beats = max(0, -((self.origin - least) // self.period))
        return self.origin + beats * self.period

    def is_beat(self, time: int) -> bool:
        """Return whether sessions open at `time`."""
        return time >= self.origin and (time - self.origin) % self.period == 0

    def publishes(self, now: int, opens: int) -> bool:
        """Return whether demands for the beat `opens` are published at `now`."""
        return opens - 2 * self.quarter <= now < self.offers_until(opens)

    def offers_until(self, opens: int) -> int:
        """Return until when offers are taken for the beat."""
        return opens - self.quarter

    def ends(self, opens: int) -> int:
        """Return when the sessions of the beat are over at the latest."""
        return opens + self.period
