"""What a server serves: a ledger, whoever follows a chain into it, and what lies beside it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Engine

RATE, BURST = 200.0, 400
"""Requests of one client: a second on the average, and at once."""
GOES_ON = frozenset({"following", "agent", "other"})
"""The states in which somebody follows the chain."""


@dataclass(frozen=True)
class Following:
    """How the ledger comes by its blocks."""

    state: str
    """"following", "halted", "agent" where an agent that runs adds to it, "other" where another
    process was seen to, or "file"."""
    reason: str = ""
    """Why it halted, what it waits for, or why nothing comes; "" where all is well."""
    finality: int | None = None
    """Blocks below the head after which nothing is taken back; None if others follow."""


def file() -> Following:
    """Of a ledger that this server adds nothing to."""
    return Following("file")


@dataclass(frozen=True)
class Currency:
    """How people write amounts of a token: base units are 10**-decimals of the symbol."""

    symbol: str
    """Written by whoever made the token."""
    decimals: int


@dataclass(frozen=True)
class Verdict:
    """What an audit found: of each check its name, how much it compared, and whether all fits."""

    ok: bool
    checks: tuple[tuple[str, int, bool], ...]


@dataclass(frozen=True)
class Run:
    """What a run of `fabmarket demo` left beside its ledger: its page, currency and own audit."""

    report: Path | None
    currency: Currency | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True)
class Served:
    """A ledger, and how it is offered.

    `hosts` are names beside addresses and `localhost` under which clients may ask for it; `agent`
    is the directory of the agent whose ledger it is, for its owner; `run` what `fabmarket demo`
    left beside the ledger. `currencies` are those of tokens, by address, as far as
    they are known: no event says them.
    """

    engine: Engine
    following: Callable[[], Following] = file
    hosts: frozenset[str] = frozenset()
    rate: float = RATE
    burst: int = BURST
    agent: Path | None = None
    run: Run | None = None
    currencies: Mapping[str, Currency] = field(default_factory=dict)
