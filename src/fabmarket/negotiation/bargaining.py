"""Bilateral concession bargaining in a session of two: signed counters in turn.

Time-dependent concessions (Faratin, Sierra & Jennings 1998): at its t-th proposal of T a party
stands at first + (reserve - first)·(t/T)², so both hold out at first. A party accepts a price at
least as good for it as what it would propose next. The demander proposes first. Whoever knows the
other's rule reads its reserve from its proposals: docs/explanation/truthfulness.md.
"""

from dataclasses import dataclass, replace

from fabmarket.errors import Refused
from fabmarket.market.messages import Counter, Member, Opening

PROPOSALS = 10
"""Proposals of each party; at the last it stands at its reserve."""


class InvalidCounter(Refused):
    """The counter is not a legal next move; nothing has changed."""


@dataclass(frozen=True)
class Position:
    """A party's private stance, base units per unit: its first price and the last it would take."""

    first: int
    reserve: int

    def proposal(self, turn: int) -> int:
        """Return the price proposed at this party's turn (0-based), rounded towards `first`."""
        done, last = min(turn, PROPOSALS - 1), PROPOSALS - 1
        step = abs(self.reserve - self.first) * done * done // (last * last)
        return self.first + step if self.reserve >= self.first else self.first - step


@dataclass(frozen=True)
class Bargain:
    """What both have said since the opening. `digests` are those of the counters, in order."""

    id: bytes
    opening: Opening
    member: Member
    counters: tuple[Counter, ...] = ()
    digests: tuple[bytes, ...] = ()

    @property
    def demander(self) -> str:
        """The buying party."""
        return self.member.demander

    @property
    def turn_of(self) -> str:
        """The address that speaks next."""
        return self.demander if len(self.counters) % 2 == 0 else self.opening.supplier

    @property
    def outcome(self) -> int | None:
        """The agreed price; 0 if a party withdrew; None while it goes on."""
        if not self.counters or self.counters[-1].reason == "propose":
            return None
        return self.counters[-1].unit_price if self.counters[-1].reason == "accept" else 0

    @property
    def transcript(self) -> bytes:
        """The digest of the last counter, which chains all before it."""
        return self.digests[-1]


def respond(bargain: Bargain, me: str, position: Position) -> Counter:
    """Return the counter of the party whose turn it is, from its private position."""
    turn = len(bargain.counters) // 2
    buying = me == bargain.demander
    own = position.proposal(turn)
    if bargain.counters:
        offered = bargain.counters[-1].unit_price
        good = offered <= own if buying else offered >= own
        if good:
            return _counter(bargain, me, offered, "accept")
    if turn >= PROPOSALS:
        return _counter(bargain, me, 0, "withdraw")
    return _counter(bargain, me, own, "propose")


def follow_counter(bargain: Bargain, counter: Counter, counter_digest: bytes) -> Bargain:
    """Return the bargain after a counter whose signature has been checked, or InvalidCounter."""
    if bargain.outcome is not None:
        raise InvalidCounter("the bargain is over")
    if counter.sender != bargain.turn_of:
        raise InvalidCounter("out of turn")
    expected = _counter(bargain, counter.sender, counter.unit_price, counter.reason)
    if counter != expected:
        raise InvalidCounter("the counter does not chain to the one before")
    last = bargain.counters[-1].unit_price if bargain.counters else None
    if counter.reason == "accept" and counter.unit_price != last:
        raise InvalidCounter(f"acceptance at {counter.unit_price}, not at the {last} proposed")
    if counter.reason not in ("propose", "accept", "withdraw"):
        raise InvalidCounter(f"unknown reason {counter.reason!r}")
    return replace(
        bargain,
        counters=(*bargain.counters, counter),
        digests=(*bargain.digests, counter_digest),
    )


def _counter(bargain: Bargain, sender: str, price: int, reason: str) -> Counter:
    return Counter(
        sender=sender,
        session=bargain.id,
        sequence=len(bargain.counters),
        previous=bargain.digests[-1] if bargain.digests else bargain.id,
        unit_price=price,
        quantity=bargain.member.quantity,
        reason=reason,
    )
