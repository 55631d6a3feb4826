"""What a server serves: a ledger, whoever follows a chain into it, and what lies beside it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

RATE, BURST = 200.0, 400
"""Requests of one client: a second on the average, and at once."""


@dataclass(frozen=True)
class Following:
    """How the ledger comes by its blocks."""

    state: str
    """"following", "halted", or "file" where nothing is added by this server."""
    reason: str = ""
    """Why it halted, or what it waits for."""
    finality: int | None = None
    """Blocks below the head after which nothing is taken back; None for a file."""


def file() -> Following:
    """Of a ledger that this server adds nothing to."""
    return Following("file")


@dataclass(frozen=True)
class Served:
    """A ledger, and how it is offered.

    `hosts` are names beside addresses and `localhost` under which clients may ask for it; `agent`
    is the directory of the agent whose ledger it is, for its owner; `report` the page that
    `fabmarket demo` left beside the ledger.
    """

    engine: Engine
    following: Callable[[], Following] = file
    hosts: frozenset[str] = frozenset()
    rate: float = RATE
    agent: Path | None = None
    report: Path | None = None
