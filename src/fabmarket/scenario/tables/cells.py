"""What stands in one cell, read by what its column holds.

Cells of text files are text; those of workbooks numbers, truths, moments and text. A number is read
as it is written where that can mean one thing only.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fabmarket.market.units import (
    LARGEST_QUANTITY,
    NAME,
    TYPE_NAME,
    is_name,
    is_type_name,
)
from fabmarket.scenario.checks import (
    LARGEST_DECIMALS,
    MOST_SLOTS_EACH,
)
from fabmarket.scenario.model import LARGEST_STEP
from fabmarket.scenario.tables.columns import Column
from fabmarket.scenario.texts import is_number


@dataclass(frozen=True)
class Moment:
    """A date and time of a workbook's cell, in seconds since 1970, of whatever clock it is of.

    `text` is how it reads.
    """

    seconds: int
    text: str


@dataclass(frozen=True)
class Broken:
    """A cell of a workbook that holds no value of its own: `text` is what stands there."""

    text: str
    problem: str


Cell = str | int | float | bool | Moment | Broken | None


class BadCell(Exception):
    """Says what is wrong with a cell, and what to do."""


@dataclass
class Style:
    """How a table writes its numbers; `comma` may be the decimal mark, if no separator is one.

    The first number with a mark settles which it is, since "1.200" may be meant as 1200 by whoever
    writes "0,5".
    """

    comma: bool
    mark: str = ""

    def decimal(self, text: str) -> str:
        """The number's text with a point."""
        found = "," if "," in text else "." if "." in text else ""
        if not found:
            return text
        if found == "," and not self.comma:
            raise BadCell("has a comma; write a decimal point, and no marks between thousands")
        if text.count(found) > 1 or ("." in text and "," in text):
            raise BadCell("has marks between thousands; write it without")
        if self.mark and self.mark != found:
            other = "comma" if found == "." else "point"
            raise BadCell(f"has another decimal mark than numbers above it; write a {other}")
        self.mark = found
        return text.replace(",", ".")


_MOST_DIGITS = 60
_EXCEL_DIGITS = 15
"""A spreadsheet computes with so many; what stands behind them is not the user's."""
_TRUTHS = {
    "true": True,
    "yes": True,
    "1": True,
    "wahr": True,
    "ja": True,
    "false": False,
    "no": False,
    "0": False,
    "falsch": False,
    "nein": False,
}


def is_empty(cell: Cell) -> bool:
    """Whether nothing stands there; spaces are nothing."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def read_cell(column: Column, cell: Cell, style: Style) -> Any:
    """The value of a cell that is not empty.

    Raises:
        BadCell: the cell holds nothing that the column takes.
    """
    if isinstance(cell, Broken):
        raise BadCell(cell.problem)
    if isinstance(cell, Moment) and column.reads != "time":
        raise BadCell("is a date; format the cell as a number or text, and write it again")
    return READERS[column.reads](cell, style)


def _number(cell: Cell, style: Style) -> Decimal:
    if isinstance(cell, bool):
        raise BadCell("is no number; write one")
    if isinstance(cell, float):
        text = format(cell, f".{_EXCEL_DIGITS}g")
    else:
        text = style.decimal(_text(cell).replace("\u2212", "-"))
    if not is_number(text):
        raise BadCell("is not a number; write one like 12.50, without a unit")
    number = Decimal(text)
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or max(number.adjusted(), -exponent) > _MOST_DIGITS:
        raise BadCell("is too large or too fine; write a number of usual size")
    return number


def _whole(low: int, high: int) -> Callable[[Cell, Style], int]:
    def read(cell: Cell, style: Style) -> int:
        number = _number(cell, style)
        if number != int(number):
            raise BadCell("is not a whole number; write one")
        if number < low:
            raise BadCell(f"is too small; write {low} or more")
        if number > high:
            raise BadCell(f"is too large; write at most {high}")
        return int(number)

    return read


def _money(cell: Cell, style: Style) -> Decimal:
    number = _number(cell, style).normalize()
    if number < 0:
        raise BadCell("is negative; amounts are 0 or more")
    if decimals_of(number) > LARGEST_DECIMALS:
        raise BadCell(f"has more than {LARGEST_DECIMALS} decimals; round it")
    return number


def decimals_of(number: Decimal) -> int:
    """How many decimals a finite number has."""
    return max(0, -int(number.normalize().as_tuple().exponent))


def _weight(cell: Cell, style: Style) -> Decimal:
    number = _number(cell, style).normalize()
    if number <= 0:
        raise BadCell("is not above 0, as a weight in the price is")
    return number


def _flag(cell: Cell, _: Style) -> bool:
    if isinstance(cell, bool):
        return cell
    found = _TRUTHS.get(_text(cell).lower())
    if found is None:
        raise BadCell("is neither true nor false; write one of them")
    return found


def _text(cell: Cell) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return format(cell, f".{_EXCEL_DIGITS}g")
    return str(cell).strip()


def _name(cell: Cell, _: Style) -> str:
    text = _text(cell)
    if not is_name(text):
        raise BadCell(f"is no name; write {NAME}")
    return text


def _short(cell: Cell, _: Style) -> str:
    text = _text(cell)
    if not is_type_name(text):
        raise BadCell(f"does not fit; write {TYPE_NAME}")
    return text


_DAY = 86_400
_SERIALS = range(20_000, 80_000)
"""Days of a spreadsheet, from 1900 on, that are taken for dates: 1954 to 2119."""
_EPOCH_1900 = -25_569  # day 0 of spreadsheets, days from 1970 on
_TIME = re.compile(
    r"(?:(?P<year>\d{4})-(?P<month>\d\d?)-(?P<day>\d\d?)|(?P<d>\d\d?)\.(?P<m>\d\d?)\.(?P<y>\d{4}))"
    r"(?:[T ]+(?P<hour>\d\d?):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,]0+)?)?)?"
    r"\s*(?P<zone>Z|UTC|[+-]\d\d:?\d\d)?",
    re.ASCII,
)


def _time(cell: Cell, style: Style) -> int:
    """Seconds since 1970; a time that names no zone counts as UTC."""
    if isinstance(cell, Moment):
        return cell.seconds
    text = _text(cell)
    found = _TIME.fullmatch(text)
    if found is None:
        return _serial(text, style)
    part = {key: value or "0" for key, value in found.groupdict().items()}
    year, month, day = (
        (part["year"], part["month"], part["day"])
        if found["year"]
        else (part["y"], part["m"], part["d"])
    )
    days = days_from_1970(int(year), int(month), int(day))
    hour, minute, second = int(part["hour"]), int(part["minute"]), int(part["second"])
    if days is None or hour > 24 or minute > 59 or second > 59:
        raise BadCell("is no date and time that there is; correct it")
    zone = found["zone"] or ""
    offset = 0
    if zone[:1] in ("+", "-"):
        digits = zone[1:].replace(":", "")
        offset = (1 if zone[0] == "+" else -1) * (int(digits[:2]) * 60 + int(digits[2:])) * 60
    return days * _DAY + hour * 3600 + minute * 60 + second - offset


def _serial(text: str, style: Style) -> int:
    problem = "is no date and time; write it like 2026-12-01 06:00"
    try:
        days = Decimal(style.decimal(text)) if re.fullmatch(r"\d{1,6}([.,]\d+)?", text) else None
    except BadCell:
        raise BadCell(problem) from None
    if days is None or int(days) not in _SERIALS:
        raise BadCell(problem)
    return round((days + _EPOCH_1900) * _DAY)


def days_from_1970(year: int, month: int, day: int) -> int | None:
    """Days from 1970-01-01 to a date of the Gregorian calendar; None if there is no such date.

    >>> days_from_1970(2000, 3, 1), days_from_1970(2001, 2, 29)
    (11017, None)
    """
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    lengths = (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    if year < 1970 or not 1 <= month <= len(lengths) or not 1 <= day <= lengths[month - 1]:
        return None
    before = year - 1
    years = before * 365 + before // 4 - before // 100 + before // 400
    return years - 719_162 + sum(lengths[: month - 1]) + day - 1


READERS: dict[str, Callable[[Cell, Style], Any]] = {
    "name": _name,
    "short": _short,
    "units": _whole(0, LARGEST_QUANTITY),
    "demand": _whole(1, LARGEST_QUANTITY),
    "count": _whole(1, MOST_SLOTS_EACH),
    "slot": _whole(0, MOST_SLOTS_EACH - 1),
    "step": _whole(1, LARGEST_STEP),
    "money": _money,
    "weight": _weight,
    "flag": _flag,
    "time": _time,
}
"""How a column's cells are read, by what it says."""
