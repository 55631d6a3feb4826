"""Whether a chain makes blocks: one that stands still cannot vote, and what is sent waits in it."""

import time
from itertools import pairwise
from statistics import median

from fabmarket.chain import FIRST_BLOCK, Engine
from fabmarket.errors import TryAgain
from fabmarket.local.network.files import Facts, Place, command
from fabmarket.local.network.state import state_of

_PATIENCE = 15.0
"""Seconds in which a block comes, where blocks come that often."""
_PAUSES = 3
"""Of its usual pauses it may take as many, where they are long."""
_LONGEST = 60.0
"""Seconds that are waited at most: nobody waits for longer for a transaction either."""
_RECENT = 10
"""Blocks that say how long a pause is."""
_LOOK = 0.1


class Standing(TryAgain):
    """The chain makes no blocks."""


def require_blocks(engine: Engine) -> None:
    """Return once a block has come since the call. Raises Standing where none does."""
    first = engine.header().number
    deadline = time.monotonic() + max(_PATIENCE, min(_PAUSES * _pause(engine, first), _LONGEST))
    while engine.header().number <= first:
        if time.monotonic() > deadline:
            raise Standing(
                f"the chain stands still at block {first}, and nobody can vote on it until blocks"
                " come, from more than two thirds of the seats; nothing was sent"
            )
        time.sleep(_LOOK)


def require_blocks_of(engine: Engine, place: Place, facts: Facts) -> None:
    """Return once a network's chain has made a block. Raises Standing naming who is missing."""
    try:
        require_blocks(engine)
    except Standing as error:
        missing = state_of(place, facts).missing
        who = f"; missing: {', '.join(missing)}" if missing else ""
        start = f"{command('up', place.root)} starts what does not run"
        raise Standing(f"{error}{who}; {start}") from error


def _pause(engine: Engine, last: int) -> float:
    """The usual seconds between two of the last blocks."""
    numbers = range(max(FIRST_BLOCK, last - _RECENT), last + 1)
    times = [header.time for header in engine.headers(numbers)]
    return median(after - before for before, after in pairwise(times)) if len(times) > 1 else 0.0
