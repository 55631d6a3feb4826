"""Rows to files: CSV and JSON as text, Parquet by pyarrow, Excel by openpyxl; a part at a time.

Names in a ledger are strangers' words, and spreadsheet programs run what begins like a formula. So
in CSV a text gets an apostrophe before whatever they would take for one (`guarded`), which can be
taken off again; in Excel a text is stored as text.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from itertools import islice
from typing import Any, BinaryIO

from fabmarket.errors import Refused, missing
from fabmarket.report.tables.rows import Column
from fabmarket.report.wording import escaped


class NotExported(Refused):
    """A form in which rows cannot be written: its library is missing, or it takes fewer."""


Rows = Iterable[Sequence[Any]]
Writer = Callable[[Sequence[Column], Rows, BinaryIO], int]
"""Writes rows to a file, and returns how many there were."""

_GROUP = 20_000
"""Rows of a row group of Parquet."""
MOST_EXCEL = 1_048_575
"""Rows of a sheet below its header."""
_FORMULA = re.compile(r"""((?:^|(?<=[;,|\t\r\n]))[ "]*)(?=['=+\-@])""")


def guarded(text: str) -> str:
    """A text that no spreadsheet program takes for a formula, by whatever separator it splits.

    An apostrophe stands before each = + - @ and apostrophe that begins the text, or stands behind
    what separates cells somewhere. Whoever reads the file takes one off at each of these places.

    >>> guarded("=1+1"), guarded("a;=1+1"), guarded("a-b"), guarded("'a")
    ("'=1+1", "a;'=1+1", 'a-b', "''a")
    """
    if text.isalnum():  # hashes, addresses, most names
        return text
    return _FORMULA.sub(r"\1'", text)


def write_csv(columns: Sequence[Column], rows: Rows, file: BinaryIO) -> int:
    """UTF-8, commas, lines that end in CR LF (RFC 4180); what is not there is empty."""
    kinds = [column.kind for column in columns]
    text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow([column.name for column in columns])
    count = 0
    for row in rows:
        writer.writerow([_cell(kind, value) for kind, value in zip(kinds, row, strict=True)])
        count += 1
    text.detach()
    return count


def _cell(kind: str, value: Any) -> str:
    if value is None:
        return ""
    if kind == "text":
        return guarded(value)
    if kind == "json":
        return _json(value)
    return str(value).lower() if kind == "truth" else str(value)


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def write_json(columns: Sequence[Column], rows: Rows, file: BinaryIO) -> int:
    """A list of objects; units and amounts are digits in strings, since they may exceed 2^53."""
    file.write(b"[")
    count = 0
    for row in rows:
        record = {
            column.name: str(value)
            if column.kind in ("units", "amount") and value is not None
            else value
            for column, value in zip(columns, row, strict=True)
        }
        file.write(b",\n" if count else b"\n")
        file.write(json.dumps(record, ensure_ascii=False).encode(errors="backslashreplace"))
        count += 1
    file.write(b"\n]\n")
    return count


def write_parquet(columns: Sequence[Column], rows: Rows, file: BinaryIO) -> int:
    """Units are decimals of 20 digits, amounts text: many readers take 38 digits at most.

    Raises:
        NotExported: pyarrow is not installed.
    """
    arrow, parquet = pyarrow()
    kinds = {
        "number": arrow.int64(),
        "units": arrow.decimal128(20, 0),
        "truth": arrow.bool_(),
    }
    schema = arrow.schema([(each.name, kinds.get(each.kind, arrow.string())) for each in columns])
    count = 0
    with parquet.ParquetWriter(file, schema) as writer:
        for group in _groups(rows):
            arrays = [
                arrow.array([_arrow(column.kind, row[at]) for row in group], schema.types[at])
                for at, column in enumerate(columns)
            ]
            writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))
            count += len(group)
    return count


def _arrow(kind: str, value: Any) -> Any:
    if kind == "json":
        return _json(value)
    return str(value) if kind == "amount" and value is not None else value


def _groups(rows: Rows) -> Iterator[list[Sequence[Any]]]:
    left = iter(rows)
    while group := list(islice(left, _GROUP)):
        yield group


def write_excel(columns: Sequence[Column], rows: Rows, file: BinaryIO) -> int:
    """A workbook of one sheet; units and amounts are text, since Excel keeps 15 digits.

    Raises:
        NotExported: openpyxl is not installed, or there are more rows than a sheet has.
    """
    library = _openpyxl()
    cells = import_module("openpyxl.cell")
    book = library.Workbook(write_only=True)
    sheet = book.create_sheet("table")
    sheet.freeze_panes = "A2"
    sheet.append([column.name for column in columns])
    count = 0
    for row in rows:
        if count == MOST_EXCEL:
            problem = f"there are more than the {MOST_EXCEL} rows that a sheet has"
            raise NotExported(f"{problem}; filter them, or write .csv or .parquet")
        written = []
        for column, value in zip(columns, row, strict=True):
            cell = cells.WriteOnlyCell(sheet, _excel(column.kind, value))
            if isinstance(cell.value, str):
                cell.data_type = "s"  # else a text that begins with = would become a formula
            written.append(cell)
        sheet.append(written)
        count += 1
    book.save(file)
    return count


def _excel(kind: str, value: Any) -> Any:
    if value is None or kind in ("number", "truth"):
        return value
    return escaped(_json(value) if kind == "json" else str(value))


def pyarrow() -> tuple[Any, Any]:
    """pyarrow and its part for Parquet.

    Raises:
        NotExported: they are not installed.
    """
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise NotExported(missing("Parquet needs pyarrow", "parquet", "write .csv")) from error


def _openpyxl() -> Any:
    try:
        return import_module("openpyxl")
    except ImportError as error:
        raise NotExported(missing("Excel files need openpyxl", "excel", "write .csv")) from error


WRITERS: dict[str, Writer] = {
    "csv": write_csv,
    "json": write_json,
    "parquet": write_parquet,
    "xlsx": write_excel,
}
"""By the end of a file's name."""
