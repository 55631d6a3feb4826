"""When a chain that answers makes no blocks any more, as where too few validators are left."""

import time
from collections import deque
from collections.abc import Callable

from fabmarket.node.moments import moment

LEAST = 30.0
"""Seconds without a block that say nothing yet."""
_BLOCKS = 10
"""So many blocks' time without one says that no more come."""
_HEADS = 10
"""So many of the last heads say how long a block takes."""


class Standstill:
    """Watches the head. How often blocks come is learnt from those that came."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._heads: deque[tuple[float, int]] = deque(maxlen=_HEADS)
        self._since = ""
        self._due = 0.0
        self.is_so = False
        """Whether no block has come for too long."""

    def look(self, head: int) -> tuple[str, int] | None:
        """Return since when the chain stands still, and for how many seconds, where that is news.

        It is so at first, and each time that it has become twice as long.
        """
        now = self._clock()
        if not self._heads or head != self._heads[-1][1]:
            self._heads.append((now, head))
            self._since, self.is_so = moment(int(time.time())), False
            self._due = max(LEAST, _BLOCKS * self._pace())
            return None
        quiet = now - self._heads[-1][0]
        if quiet < self._due:
            return None
        self.is_so, self._due = True, 2 * quiet
        return self._since, int(quiet)

    def _pace(self) -> float:
        """The seconds between two blocks of late; 0 where there were not two."""
        (first, low), (last, high) = self._heads[0], self._heads[-1]
        return (last - first) / (high - low) if high > low else 0.0
