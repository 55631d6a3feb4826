"""Cycles in which trades are netted: when they are due, and what is said in them.

Trades agreed until a cycle closes are settled together: `market.net`. A coordinator names who takes
part; each party enters its row; the coordinator proposes a batch; whoever finds its own trades in
it tells their other parties that they are counted, and signs once all of these have said the same.
There are two attempts, the second without those who were missing in the first; then what is not
settled settles late. Which part of a cycle it is follows from chain time.

Who learns what: the coordinator, and whoever is shown a proposal, learn what the chain shows once
it settles; of the trades they learn the root of a tree of which each supplier brings a part.
"""

from dataclasses import dataclass
from typing import Literal

from fabmarket.identity import (
    Address,
    Bytes,
    Bytes32,
    TypedStruct,
    Uint8,
    Uint32,
    Uint64,
)
from fabmarket.market.net import Cycle, Row, Sale
from fabmarket.market.rhythm import TRADE_VALIDITY, Rhythm

BEATS = 3
"""Beats of a cycle: what is agreed in one is netted while the next is agreed."""
ATTEMPTS = 2
"""Batches that are proposed at most for one cycle."""
_FIRST, _EACH = 1, 5
"""Quarters until the first attempt begins, and of an attempt."""

Phase = Literal["joining", "entering", "proposing", "counting", "signing", "submitting", "ending"]
_PHASES: tuple[Phase, ...] = ("entering", "proposing", "counting", "signing", "submitting")


@dataclass(frozen=True)
class Stage:
    """What is due in a cycle that `closed`, in attempt 0 or 1, until `ends`, seconds."""

    closed: int
    attempt: int
    phase: Phase
    ends: int


@dataclass(frozen=True)
class Cycles(TypedStruct):
    """The cycles of a market: one closes every third beat, the first at the rhythm's origin.

    >>> cycles = Cycles(Rhythm(origin=100, period=60))
    >>> cycles.closing(101), cycles.late_from(280), cycles.begins(280, 1)
    (280, 460, 370)
    >>> cycles.at(300).phase, cycles.at(310).phase, cycles.at(375).attempt, cycles.at(450).phase
    ('entering', 'proposing', 1, 'ending')
    """

    rhythm: Rhythm

    @property
    def length(self) -> int:
        """Seconds of a cycle."""
        return BEATS * self.rhythm.period

    def closing(self, ends: int) -> int:
        """Return when the cycle closes for which trades agreed until `ends` are."""
        return ends + (self.rhythm.origin - ends) % self.length

    def closed(self, now: int) -> int:
        """Return when the last cycle closed; not before the rhythm's origin."""
        return now - (now - self.rhythm.origin) % self.length

    def late_from(self, closed: int) -> int:
        """Return when a cycle is over: from then on its trades settle late."""
        return closed + self.length

    def valid_until(self, ends: int) -> int:
        """Return until when a trade agreed until `ends` is valid, so that it can settle late."""
        return self.late_from(self.closing(ends)) + TRADE_VALIDITY

    def begins(self, closed: int, attempt: int, phase: int = 0) -> int:
        """Return when an attempt of a cycle begins, or a later phase of it."""
        return closed + (_FIRST + _EACH * attempt + phase) * self.rhythm.quarter

    def at(self, now: int) -> Stage:
        """Return what is due at a second that is not before the origin."""
        closed = self.closed(now)
        if now < self.begins(closed, 0):
            return Stage(closed, 0, "joining", self.begins(closed, 0))
        for attempt in range(ATTEMPTS):
            for place, phase in enumerate(_PHASES):
                ends = self.begins(closed, attempt, place + 1)
                if now < ends:
                    return Stage(closed, attempt, phase, ends)
        return Stage(closed, ATTEMPTS - 1, "ending", self.late_from(closed))


@dataclass(frozen=True)
class Joining(TypedStruct):
    """A party has trades in the cycle that `closed`, and would net them."""

    party: Address
    closed: Uint64

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.party


@dataclass(frozen=True)
class Roll(TypedStruct):
    """Who takes part in an attempt, ascending: trades with anybody else are left out."""

    coordinator: Address
    closed: Uint64
    attempt: Uint8
    accounts: tuple[Address, ...]

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.coordinator


@dataclass(frozen=True)
class Entering(TypedStruct):
    """A demander enters these trades, by their digests: all that its receiver sells in them."""

    demander: Address
    closed: Uint64
    attempt: Uint8
    trades: tuple[Bytes32, ...]

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.demander


@dataclass(frozen=True)
class Entry(TypedStruct):
    """What a party brings into an attempt; a row with an empty mask: nothing.

    `trades` is the root over the salted trades that it sells, zero if it sells none. The rows of
    the sales are the coordinator's to fill in.
    """

    closed: Uint64
    attempt: Uint8
    row: Row
    sales: tuple[Sale, ...]
    trades: Bytes32

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.row.account


@dataclass(frozen=True)
class Proposal(TypedStruct):
    """The batch that all are to sign, and to a supplier where its trades are in it.

    That is the place, `index`, and the path of the root that it brought under the root `trades`.
    """

    coordinator: Address
    closed: Uint64
    attempt: Uint8
    token: Address
    trades: Bytes32
    valid_until: Uint64
    rows: tuple[Row, ...]
    sales: tuple[Sale, ...]
    index: Uint32
    path: tuple[Bytes, ...]

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.coordinator

    @property
    def cycle(self) -> Cycle:
        """What the contract would be sent."""
        return Cycle(self.token, self.trades, self.valid_until, self.rows, self.sales)


@dataclass(frozen=True)
class Leaf(TypedStruct):
    """A trade, by its digest, and from its supplier where it is in the batch."""

    trade: Bytes32
    salt: Bytes32
    index: Uint64
    path: tuple[Bytes, ...]


@dataclass(frozen=True)
class Counted(TypedStruct):
    """A party counts these trades in a batch, by its digest; to the coordinator none: it checked.

    Of a demander, salts, places and paths are empty.
    """

    party: Address
    batch: Bytes32
    trades: tuple[Leaf, ...]

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.party


@dataclass(frozen=True)
class Consent(TypedStruct):
    """A party's signature, `consent`, of a batch, by its digest."""

    party: Address
    batch: Bytes32
    consent: Bytes

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.party


CycleMessage = Joining | Roll | Entering | Entry | Proposal | Counted | Consent
"""What leads from trades agreed to a batch that all have signed."""
