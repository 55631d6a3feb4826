"""A file's bytes become sheets of cells: text files with any usual separator, and workbooks."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from fabmarket.scenario.tables.cells import Cell
from fabmarket.scenario.tables.columns import NAMES, plain
from fabmarket.scenario.texts import MalformedText

LARGEST_TABLE = 16 * 2**20
"""Bytes of a file of tables; of a workbook as it is packed."""
MOST_ROWS = 100_000
"""Of a sheet: more than a market can have."""
MOST_COLUMNS = 64
MOST_CELLS = 500_000
"""Of a workbook, each row's counted to its last one, empty ones in between, too."""
REMARK = "#"
"""A row whose first cell begins with it, a column or a sheet whose name does, are remarks."""
_SEPARATORS = (",", ";", "\t")
_LONGEST_CELL = 10_000
_HEAD, _HEAD_ROWS = 1 << 18, 20
"""Characters and rows in which a header is looked for."""
OLD_WORKBOOK = b"\xd0\xcf\x11\xe0"
_PACKED = b"PK\x03\x04"


@dataclass(frozen=True)
class Sheet:
    """Rows of cells with their numbers, from 1; `name` is "" of a text file.

    `commas` says whether a comma can be a decimal mark: it separates no cells. `notes` say what was
    taken for granted.
    """

    file: str
    name: str
    rows: Sequence[tuple[int, Sequence[Cell]]]
    commas: bool
    notes: tuple[str, ...] = ()


def read_text(data: bytes, name: str) -> Sheet:
    """The sheet of a text file: UTF-8, UTF-16 with its mark, or else Windows-1252.

    The separator is that of comma, semicolon and tab with which a row holds most names of columns,
    else that which the first row has most of; or that which a first line ``sep=;`` names.
    Raises MalformedText for what is no table, with the line.
    """
    if len(data) > LARGEST_TABLE:
        problem = f"larger than the {LARGEST_TABLE // 2**20} MiB that are read; give a smaller file"
        raise MalformedText(f"{name}: {problem}")
    text, notes = _decoded(data, name)
    first, _, rest = text.partition("\n")
    said, above = first.strip().strip('"'), 0
    if said.lower().startswith("sep=") and said[4:] in _SEPARATORS:
        separator, text, above = said[4:], rest, 1
    else:
        separator = max(_SEPARATORS, key=lambda each: _fits(text, each))
    rows = tuple(_records(text, separator, name, above))
    return Sheet(name, "", rows, separator != ",", notes)


def _fits(text: str, separator: str) -> tuple[int, int]:
    """Most names of columns in one of the first rows, and how often it separates the first of them.

    Rows that are remarks do not count.
    """
    rows: list[list[str]] = []
    try:
        reader = csv.reader(io.StringIO(text[:_HEAD], newline=""), delimiter=separator)
        for row in islice(reader, _HEAD_ROWS):
            if any(row) and not next(filter(None, row)).lstrip().startswith(REMARK):
                rows.append(row)
    except csv.Error:  # of another separator, or told when the table is read
        pass
    named = max((sum(plain(cell) in NAMES for cell in row) for row in rows), default=0)
    first = separator.join(rows[0]).strip(' ",;\t\r\n') if rows else ""
    return named, first.count(separator)


def _decoded(data: bytes, name: str) -> tuple[str, tuple[str, ...]]:
    if data.startswith((_PACKED, OLD_WORKBOOK)):
        problem = "is no text, but packed, as workbooks are; give a workbook a name that ends in"
        raise MalformedText(f"{name}: {problem} .xlsx, or save the table as .xlsx or CSV")
    notes: tuple[str, ...] = ()
    try:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            text = data.decode("utf-16")
        else:
            text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("cp1252")
        except UnicodeDecodeError as error:
            problem = f"byte {error.start + 1} is no text; save the table as UTF-8"
            raise MalformedText(f"{name}: {problem}") from None
        notes = (f"{name} is no UTF-8; it was read as Windows-1252, see that names are right",)
    at = text.find("\0")
    if at >= 0:
        line = text.count("\n", 0, at) + 1
        raise MalformedText(f"{name}:{line}: holds a zero byte and is no text; give a CSV file")
    return text, notes


def _records(text: str, separator: str, name: str, above: int) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    count = 0
    while True:
        line = above + reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            problem = f"{error}; see that quotes are closed"
            raise MalformedText(f"{name}:{line}: {problem}") from None
        if row is None:
            return
        if any(len(cell) > _LONGEST_CELL for cell in row):
            problem = (
                f"a cell is longer than {_LONGEST_CELL} characters; see that quotes are closed"
            )
            raise MalformedText(f"{name}:{line}: {problem}")
        if any(cell.strip() for cell in row[MOST_COLUMNS:]):
            problem = f"more than {MOST_COLUMNS} columns; give a smaller table"
            raise MalformedText(f"{name}:{line}: {problem}")
        count += 1
        if count > MOST_ROWS:
            raise MalformedText(f"{name}:{line}: more than {MOST_ROWS} rows; give a smaller table")
        if any(cell.strip() for cell in row):
            yield line, row[:MOST_COLUMNS]
