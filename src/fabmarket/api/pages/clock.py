"""Times of the chain as a page writes them; a script puts them into the reader's zone."""

import re
from datetime import UTC, datetime

from markupsafe import Markup

from fabmarket.report.wording import escaped

_LAST = 253_402_300_799
"""The last second of the year 9999, after which calendars end; a chain's numbers go on."""
_NEAR = 183 * 86_400
"""A day within so many seconds of the present needs no year to be the only one of its name."""
_IN_WORDS = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} UTC")
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def utc(time: int) -> str:
    """Return seconds of chain time as a date and a time in UTC.

    >>> utc(1_700_000_000), utc(2**64)
    ('2023-11-14 22:13:20 UTC', 'second 18446744073709551616')
    """
    when = _when(time)
    return f"second {time}" if when is None else f"{when:%Y-%m-%d %H:%M:%S} UTC"


def brief_utc(time: int, now: int) -> str:
    """Return the day and the minute, for where there is little room; the year where it is not
    plain from the present.

    >>> brief_utc(1_700_000_000, 1_700_000_600), brief_utc(1_700_000_000, 1_750_000_000)
    ('14 Nov 22:13', '14 Nov 2023 22:13')
    """
    when = _when(time)
    if when is None:
        return f"{time}"
    year = f" {when.year}" if form_of(time, now) == "dated" else ""
    return f"{_day(when)}{year} {when:%H:%M}"


def form_of(time: int, now: int) -> str:
    """Return how a script is to write a time where there is little room: with its year, or not."""
    return "dated" if abs(time - now) > _NEAR else "brief"


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


def timed(time: int, now: int | None = None) -> Markup:
    """Return seconds of chain time as a time, in full, or briefly where the present is given."""
    full = utc(time)
    text, form = (full, "full") if now is None else (brief_utc(time, now), form_of(time, now))
    return Markup('<time datetime="{}" title="{}" data-form="{}">{}</time>').format(
        iso(time), full, form, text
    )


def in_words(text: str) -> Markup:
    """Return a sentence of ours in which each time is one that a script puts into a zone."""
    found, at = Markup(""), 0
    for each in _IN_WORDS.finditer(text):
        try:
            when = datetime.fromisoformat(each[0].replace(" UTC", "+00:00"))
        except ValueError:  # others' words may be in it, too
            continue
        found += escaped(text[at : each.start()]) + timed(int(when.timestamp()))
        at = each.end()
    return found + escaped(text[at:])


def _when(time: int) -> datetime | None:
    return datetime.fromtimestamp(time, UTC) if 0 <= time <= _LAST else None


def _day(when: datetime) -> str:
    return f"{when.day} {_MONTHS[when.month - 1]}"
