"""What an audit finds: checks, differences, and how far it saw."""

from dataclasses import dataclass, field
from typing import Any

from fabmarket.errors import TryAgain
from fabmarket.market.telling import told

_KEPT = 100
"""Differences of one check that are kept; all are counted."""
_QUOTED = 1_000


class Reorganised(TryAgain):
    """The chain was reorganised while it was audited."""


@dataclass(frozen=True)
class Surplus:
    """What the exchange holds of a token beyond what it owes, base units."""

    token: str
    amount: int


@dataclass(frozen=True)
class Difference:
    """`what` differs, `where`: what the logs say of it, and what was found instead."""

    what: str
    where: str
    logs: str
    found: str


@dataclass
class Check:
    """One thing the audit looked at: how many items were compared, and those that differ.

    `beside` is what the logs are held against, as the beginning of a sentence.
    """

    name: str
    beside: str = "the contract holds"
    compared: int = 0
    differing: int = 0
    wrong: list[Difference] = field(default_factory=list)
    """The first of them."""

    @property
    def ok(self) -> bool:
        """Whether nothing differs."""
        return not self.differing

    def equal(self, what: str, replayed: Any, stored: Any, where: str = "") -> None:
        """Compare one item."""
        self.compared += 1
        if replayed != stored:
            self.differs(what, where, replayed, stored)

    def differs(self, what: str, where: str, logs: Any, found: Any) -> None:
        """Note a difference."""
        self.differing += 1
        if len(self.wrong) < _KEPT:
            self.wrong.append(Difference(what, where, _cut(logs), _cut(found)))

    def told(self, difference: Difference) -> str:
        """Return a difference in words."""
        place = f" ({difference.where})" if difference.where else ""
        return (
            f"{difference.what}{place}: the logs give {difference.logs}, {self.beside}"
            f" {difference.found}"
        )


@dataclass(frozen=True)
class Scope:
    """What was looked at: blocks `first`, of the first event, to `last`, as of which the storage
    was compared; `time` is that of the last, seconds. `is_ours`: a transaction made the
    contract with this package's constructor. Its code, once made, is a check of its own.

    `signatures` are those checked, by what they are of; `by_code` of them a contract confirmed.
    `unseen_calls` came through another contract, which had `unseen_events` made. `believed` are
    blocks and transactions that could not be held against their hashes.
    """

    first: int
    last: int
    block_hash: bytes
    time: int
    is_ours: bool
    events: int
    calls: int
    signatures: dict[str, int]
    by_code: int
    unseen_calls: int
    unseen_events: int
    believed: int


@dataclass(frozen=True)
class Audit:
    """The checks, the surplus of each token (none if the log could not be replayed), the scope
    (None of a log alone).
    """

    checks: tuple[Check, ...]
    surpluses: tuple[Surplus, ...]
    scope: Scope | None = None

    @property
    def ok(self) -> bool:
        """Whether the logs explain every number that the contract holds."""
        return all(check.ok for check in self.checks)

    @property
    def first(self) -> tuple[Check, Difference] | None:
        """The first difference, and the check that found it; of the chain's in its order."""
        found = ((check, each) for check in self.checks for each in check.wrong)
        return next(found, None)


def _cut(value: Any) -> str:
    text = told(value)
    return text if len(text) <= _QUOTED else f"{text[:_QUOTED]}…"
