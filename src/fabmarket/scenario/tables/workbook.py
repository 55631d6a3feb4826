"""Excel workbooks, by openpyxl: one sheet after the other, row by row."""

import io
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from fabmarket.errors import Refused, missing
from fabmarket.scenario.tables.cells import Broken, Cell, Moment, days_from_1970
from fabmarket.scenario.tables.packed import check_package
from fabmarket.scenario.tables.sheets import (
    LARGEST_TABLE,
    MOST_CELLS,
    MOST_COLUMNS,
    MOST_ROWS,
    OLD_WORKBOOK,
    REMARK,
    Sheet,
)
from fabmarket.scenario.texts import MalformedText

MOST_SHEETS = 32
_ROWS_OF_EXCEL = 1_048_576
_MOST_WALKED = 2 * _ROWS_OF_EXCEL
"""Rows of all sheets: those that are empty are walked through, and a file may number its last as it
likes."""
_LONGEST_REASON = 200
_UNCALCULATED = "is a formula without a value; open the file in a spreadsheet program and save it"
_SHARE = "is in per cent; write the number by itself, and format the cell as one"
_EARLY = "is before 1970; correct it"
_QUOTED = re.compile(r'"[^"]*"|\\.')
_FAILED = "is an error of a formula; correct it"


class NoExcel(Refused):
    """openpyxl is not installed."""


def openpyxl() -> Any:
    """The library, imported when a workbook is read or written.

    Raises:
        NoExcel: it is not there.
    """
    try:
        return import_module("openpyxl")
    except ImportError as error:
        raise NoExcel(missing("Excel files need openpyxl", "excel", "use CSV")) from error


def read_workbook(data: bytes, name: str) -> list[Sheet]:
    """The sheets of a workbook that hold anything and are no remark, hidden ones and rows too.

    Of a formula the value counts that it had when the file was saved; of merged cells the first has
    the value, and the others none.
    Raises MalformedText for what is no workbook, or too large; NoExcel without the library.
    """
    library = openpyxl()
    if len(data) > LARGEST_TABLE:
        problem = f"larger than the {LARGEST_TABLE // 2**20} MiB that are read; give a smaller file"
        raise MalformedText(f"{name}: {problem}")
    if data.startswith(OLD_WORKBOOK):
        problem = "is an old workbook, or one with a password; save it as .xlsx, without one"
        raise MalformedText(f"{name}: {problem}")
    check_package(data, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions that no table needs
            sheets = _sheets(library, data, name)
    except (MalformedText, MemoryError):
        raise
    except Exception as error:  # whatever a library of formats raises at what somebody made up
        problem = (
            f"is no workbook that can be read ({type(error).__name__}: {error}"[:_LONGEST_REASON]
            + "); save it again as .xlsx"
        )
        raise MalformedText(f"{name}: {problem}") from error
    return [sheet for sheet in sheets if sheet.rows]


def _sheets(library: Any, data: bytes, name: str) -> list[Sheet]:
    """All sheets that are no remarks, with the values of formulas beside the formulas."""
    books = [
        library.load_workbook(io.BytesIO(data), read_only=True, data_only=values, keep_links=False)
        for values in (True, False)
    ]
    every = (each.title for each in books[0].worksheets)
    titles = [title for title in every if not title.startswith(REMARK)]
    if len(titles) > MOST_SHEETS:
        raise MalformedText(f"{name}: has {len(titles)} sheets; give at most {MOST_SHEETS}")
    reader = _Reader(name)
    return [
        Sheet(name, title, tuple(reader.rows(books[0][title], books[1][title])), True)
        for title in titles
    ]


@dataclass
class _Reader:
    """Reads sheet by sheet; counts cells and rows of all, since a few bytes can stand for many."""

    name: str
    cells: int = 0
    walked: int = 0
    bare: int = 0

    def rows(self, values: Any, formulas: Any) -> Iterator[tuple[int, list[Cell]]]:
        """Rows that are not empty."""
        for sheet in (values, formulas):
            sheet.reset_dimensions()
        gap: object = None  # openpyxl gives one and the same for all rows that are not there
        both = zip(values.iter_rows(), formulas.iter_rows(), strict=True)
        for number, (row, written) in enumerate(both, start=1):
            where = f"{self.name}, sheet {values.title!r}, row {number}"
            self.walked += 1
            if number > _ROWS_OF_EXCEL or self.walked > _MOST_WALKED:
                raise MalformedText(f"{where}: no sheets have so many; save the file again")
            if row == ():  # it is in the file; of one that is not openpyxl gives a list
                self.bare += 1
                if self.bare > MOST_ROWS:
                    problem = f"more than {MOST_ROWS} rows hold nothing; delete them"
                    raise MalformedText(f"{where}: {problem}")
            if row is gap:
                continue
            self._count(len(row), where)
            cells = [_cell(value, formula) for value, formula in zip(row, written, strict=True)]
            if all(cell is None for cell in cells):
                gap = row
                continue
            if number > MOST_ROWS:
                raise MalformedText(f"{where}: more than {MOST_ROWS} rows; give a smaller table")
            if any(cell is not None for cell in cells[MOST_COLUMNS:]):
                problem = f"more than {MOST_COLUMNS} columns; give a smaller table"
                raise MalformedText(f"{where}: {problem}")
            yield number, cells[:MOST_COLUMNS]

    def _count(self, cells: int, where: str) -> None:
        self.cells += cells
        if self.cells > MOST_CELLS:
            problem = f"the rows until here have more than {MOST_CELLS} cells, empty ones included"
            remedy = "delete the empty columns to the right, or give smaller tables"
            raise MalformedText(f"{where}: {problem}; {remedy}")


def _cell(value: Any, formula: Any) -> Cell:
    found = value.value
    if value.data_type == "e":
        return Broken(str(found), _FAILED)
    if formula.data_type == "f" and found is None:
        return Broken(str(formula.value), _UNCALCULATED)
    if isinstance(found, int | float) and "%" in _QUOTED.sub("", value.number_format):
        return Broken(f"{100 * found:.15g}%", _SHARE)
    if found is None or isinstance(found, str | int | float | bool):
        return found if found is None or not isinstance(found, str) or found.strip() else None
    if hasattr(found, "year"):
        days = days_from_1970(found.year, found.month, found.day)
        if days is None:
            return Broken(str(found), _EARLY)
        hours = getattr(found, "hour", 0) * 3600 + getattr(found, "minute", 0) * 60
        rest = round(getattr(found, "second", 0) + getattr(found, "microsecond", 0) / 1e6)
        return Moment(days * 86_400 + hours + rest, str(found))
    return Broken(str(found), "is a time of day or a duration; write a number, or a date and time")
