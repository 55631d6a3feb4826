"""What somebody counted, from a CSV file: of one supplier's resource, or of several."""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO

from fabmarket.errors import Refused
from fabmarket.market.units import LARGEST_QUANTITY

LARGEST = 1 << 24
"""Bytes of such a file."""
_COLUMNS = ("supplier", "resource", "slot", "quantity")


class BadCounts(Refused):
    """The file holds no counts; names the line and what to do."""


@dataclass(frozen=True)
class Count:
    """So many units in one slot; supplier and resource are "" where the file does not say them."""

    slot: int
    quantity: int
    supplier: str = ""
    resource: str = ""


def read_counts(text: str, name: str) -> list[Count]:
    """Return the lines of a CSV file, in its order. BadCounts if it is none, or counts twice."""
    rows = csv.reader(StringIO(text.removeprefix("\ufeff")), strict=True)
    try:
        counts = list(_read(rows, name))
    except csv.Error as error:
        raise BadCounts(f"{name}: line {rows.line_num} is no CSV ({error})") from error
    places = Counter((each.supplier, each.resource, each.slot) for each in counts)
    for (_, _, slot), times in places.items():
        if times > 1:
            raise BadCounts(f"{name}: slot {slot} is counted twice; give one line for each")
    if not counts:
        raise BadCounts(f"{name}: there is no line below the header; add what was counted")
    return counts


def _read(rows: Iterator[list[str]], name: str) -> Iterator[Count]:
    header = [cell.strip() for cell in next(rows, [])]
    odd = [column for column in header if column not in _COLUMNS]
    if odd or not {"slot", "quantity"} <= set(header) or len(set(header)) < len(header):
        raise BadCounts(
            f"{name}: the first line is {','.join(header)[:60]!r}; write slot,quantity or"
            " supplier,resource,slot,quantity"
        )
    for line, cells in enumerate(rows, 2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            raise BadCounts(f"{name}: line {line} has {len(cells)} cells, not {len(header)}")
        said = dict(zip(header, (cell.strip() for cell in cells), strict=True))
        slot = _whole(said["slot"], f"{name}: line {line}: slot", 2**40)
        quantity = _whole(said["quantity"], f"{name}: line {line}: quantity", LARGEST_QUANTITY)
        yield Count(slot, quantity, said.get("supplier", ""), said.get("resource", ""))


def _whole(text: str, place: str, most: int) -> int:
    if not re.fullmatch("[0-9]{1,20}", text) or int(text) > most:
        raise BadCounts(f"{place} is {text[:30]!r}; write a whole number from 0 to {most}")
    return int(text)
