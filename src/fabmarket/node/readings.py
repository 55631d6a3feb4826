"""What a machine counted: from a CSV file that it wrote, or from an HTTP feed that it answers."""

import asyncio
import csv
import json
import re
from dataclasses import dataclass
from io import StringIO

import httpx

from fabmarket.errors import Refused, TryAgain
from fabmarket.market.trade import TIME_LIMIT
from fabmarket.market.units import LARGEST_QUANTITY

LARGEST = 1 << 24
"""Bytes of a CSV file."""
LARGEST_ANSWER = 4_096
"""Bytes of what a feed answers."""
DEADLINE = 10.0
"""Seconds that one answer of a feed may take in all."""


class BadReadings(Refused):
    """The file holds no readings; names the line and what to do."""


class NoReading(TryAgain):
    """The feed does not say a number just now."""


@dataclass(frozen=True)
class Reading:
    """So many units in all were used at this second of chain time."""

    at: int
    units: int


def last_of(text: str, name: str) -> Reading:
    """Return the last row of a CSV file with the header at,units. BadReadings if it is none."""
    rows = csv.reader(StringIO(text.removeprefix("\ufeff")), strict=True)
    last = None
    try:
        header = [cell.strip() for cell in next(rows, [])]
        if header != ["at", "units"]:
            said = ",".join(header)[:60]
            raise BadReadings(f"{name}: the first line is {said!r}; write at,units")
        for cells in rows:
            if any(cell.strip() for cell in cells):
                last = _row(cells, f"{name}: line {rows.line_num}")
    except csv.Error as error:
        raise BadReadings(f"{name}: line {rows.line_num} is no CSV ({error})") from error
    if last is None:
        raise BadReadings(f"{name}: there is no line below the header; add what was used")
    return last


def _row(cells: list[str], place: str) -> Reading:
    if len(cells) != 2:
        raise BadReadings(f"{place} has {len(cells)} cells; write second and units")
    at, units = (_whole(cell.strip()) for cell in cells)
    if at is None or at >= TIME_LIMIT or units is None:
        raise BadReadings(f"{place} holds no two whole numbers; write seconds since 1970 and units")
    return Reading(at, units)


def _whole(text: str) -> int | None:
    if not re.fullmatch("[0-9]{1,20}", text) or int(text) > LARGEST_QUANTITY:
        return None
    return int(text)


def ask(url: str) -> int:
    """Return the units that a feed says are used: a number, or {"units": n}. NoReading if none."""
    return asyncio.run(_asked(url))


async def _asked(url: str) -> int:
    try:
        async with asyncio.timeout(DEADLINE):
            status, body = await _fetched(url)
    except (TimeoutError, httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        raise NoReading(f"the feed does not answer ({type(error).__name__})") from error
    if status != 200:
        raise NoReading(f"the feed answers with status {status}, not 200")
    if len(body) > LARGEST_ANSWER:
        raise NoReading(f"the feed answers with more than {LARGEST_ANSWER} bytes")
    units = _units(body)
    if units is None:
        raise NoReading('the feed answers with no number of units; it should say 7 or {"units": 7}')
    return units


async def _fetched(url: str) -> tuple[int, bytes]:
    """Return status and body, of that one byte too many at most; nothing is redirected."""
    body = b""
    async with (
        httpx.AsyncClient(timeout=DEADLINE, trust_env=False) as client,
        client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as answer,
    ):
        async for part in answer.aiter_raw(LARGEST_ANSWER):
            body += part
            if len(body) > LARGEST_ANSWER:
                break
        return answer.status_code, body


def _units(body: bytes) -> int | None:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    units = said.get("units") if isinstance(said, dict) else said
    if type(units) is not int or not 0 <= units <= LARGEST_QUANTITY:
        return None
    return units
