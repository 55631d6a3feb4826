"""How a ledger stands: its last block, who adds to it, and whether it has stopped growing.

Whoever follows the chain may be another process, or a node that answers and whose chain stands
still. What a server sees of that is how long nothing came, beside how often blocks came before.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import Connection, select

from fabmarket.api.served import GOES_ON, Following, Served
from fabmarket.ledger import schema
from fabmarket.ledger.queries.market import Head, head
from fabmarket.report.wording import span

_LEAST = 30.0
"""Seconds without a block that say nothing yet."""
_BLOCKS = 10
"""So many blocks' time without one says that no more come."""
_LOOKED_AT = 30
"""Rows of blocks of which the usual time between two is taken."""


@dataclass(frozen=True)
class Standing:
    """How the ledger stands: its last block, how it comes by more, and how old that block is.

    `lag` is in seconds, by the server's clock; None where nobody follows.
    """

    head: Head | None
    following: Following
    lag: float | None


class Standings:
    """Looks how a ledger stands, and remembers when it grew."""

    def __init__(self, served: Served, clock: Callable[[], float] = time.time) -> None:
        """`clock` tells seconds since 1970."""
        self._following, self._clock = served.following, clock
        self._begun = clock()
        self._has_looked = False
        self._head: Head | None = None
        self._grew: float | None = None

    def of(self, connection: Connection | None) -> Standing:
        """Return how it stands now; without a connection, only who adds to it."""
        following, now = self._following(), self._clock()
        if connection is None:
            return Standing(None, following, None)
        last = head(connection)
        if self._has_looked and last != self._head:
            self._grew = now
        self._has_looked, self._head = True, last
        if last is None:
            return Standing(None, following, None)
        following = self._seen(connection, following, last, now)
        lag = max(0.0, now - last.time) if following.state in GOES_ON else None
        return Standing(last, following, lag)

    def _seen(
        self, connection: Connection, following: Following, last: Head, now: float
    ) -> Following:
        """What is said of who follows, and what follows from how long nothing came."""
        if following.reason or following.state == "halted":
            return following
        if following.state == "file":
            if self._grew is None:
                return following
            following = replace(following, state="other")
        quiet = now - (self._begun if self._grew is None else self._grew)
        if quiet <= _LEAST:
            return following
        pace = _pace(connection)
        if quiet <= _BLOCKS * pace:
            return following
        since = datetime.fromtimestamp(now - quiet, UTC)
        usual = f", and before one every {span(round(pace))}" if pace >= 1 else ""
        reason = f"no block has come since {since:%Y-%m-%d %H:%M:%S} UTC{usual}"
        return replace(following, reason=reason)


def _pace(connection: Connection) -> float:
    """The seconds between two blocks of late; 0 where there were not two."""
    block = schema.block
    query = select(block.c.number, block.c.time).order_by(block.c.number.desc()).limit(_LOOKED_AT)
    rows = connection.execute(query).all()
    if len(rows) < 2:
        return 0.0
    (last, now), (first, then) = rows[0], rows[-1]
    return float(now - then) / int(last - first)
