"""Times of the chain as a page writes them; a script puts them into the reader's zone."""

from datetime import UTC, datetime

_LAST = 253_402_300_799
"""The last second of the year 9999, after which calendars end; a chain's numbers go on."""
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def utc(time: int) -> str:
    """Return seconds of chain time as a date and a time in UTC.

    >>> utc(1_700_000_000), utc(2**64)
    ('2023-11-14 22:13:20 UTC', 'second 18446744073709551616')
    """
    when = _when(time)
    return f"second {time}" if when is None else f"{when:%Y-%m-%d %H:%M:%S} UTC"


def brief_utc(time: int) -> str:
    """Return the day and the minute, for where there is little room.

    >>> brief_utc(1_700_000_000)
    '14 Nov 22:13'
    """
    when = _when(time)
    return f"{time}" if when is None else f"{_day(when)} {when:%H:%M}"


def day_of(day: int) -> str:
    """Return a day since 1970 as a date.

    >>> day_of(19_675)
    '14 Nov 2023'
    """
    when = _when(86_400 * day)
    return f"day {day}" if when is None else f"{_day(when)} {when.year}"


def iso(time: int) -> str:
    """Return seconds as the attribute `datetime` has them, empty beyond all calendars."""
    when = _when(time)
    return "" if when is None else f"{when:%Y-%m-%dT%H:%M:%SZ}"


def _when(time: int) -> datetime | None:
    return datetime.fromtimestamp(time, UTC) if 0 <= time <= _LAST else None


def _day(when: datetime) -> str:
    return f"{when.day} {_MONTHS[when.month - 1]}"
