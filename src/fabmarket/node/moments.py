"""Chain time as people read it."""

from datetime import UTC, datetime

_LAST = 253_402_300_800  # the year 10,000


def moment(seconds: int) -> str:
    """A second of chain time as people read it, the same on every machine.

    >>> moment(1_795_683_068)
    '2026-11-26 08:51:08 UTC'
    """
    if not 0 <= seconds < _LAST:
        return f"second {seconds}"
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
