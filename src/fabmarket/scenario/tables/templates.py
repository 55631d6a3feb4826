"""Tables to fill in: a header, a remark that explains each column, and an example."""

import csv
import io
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from fabmarket.scenario.tables.cells import Cell
from fabmarket.scenario.tables.columns import MACHINES, Kind
from fabmarket.scenario.tables.sheets import REMARK
from fabmarket.scenario.tables.workbook import openpyxl
from fabmarket.scenario.texts import is_number


def csv_template(kind: Kind) -> bytes:
    """The template as CSV, UTF-8 with the mark by which spreadsheet programs know it."""
    return _csv(kind, [[column.example for column in kind.columns]])


def excel_template(kind: Kind) -> bytes:
    """The template as an Excel workbook of one sheet.

    Raises:
        NoExcel: openpyxl is not installed.
    """
    return _excel(kind, [[_typed(column.example) for column in kind.columns]])


def machines_csv(rows: Sequence[Sequence[Cell]]) -> bytes:
    """A table of machines with gaps to fill in, as a template is."""
    return _csv(MACHINES, rows)


def machines_excel(rows: Sequence[Sequence[Cell]]) -> bytes:
    """The same as a workbook. NoExcel as `excel_template`."""
    return _excel(MACHINES, rows)


def _csv(kind: Kind, rows: Sequence[Sequence[Cell]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([*_head(kind), *rows])
    return text.getvalue().encode("utf-8-sig")


def _excel(kind: Kind, rows: Sequence[Sequence[Cell]]) -> bytes:
    book: Any = openpyxl().Workbook()
    styles = import_module("openpyxl.styles")
    sheet = book.active
    sheet.title = kind.name
    for row in (*_head(kind), *rows):
        sheet.append(list(row))
    for row in sheet.iter_rows():
        for cell in row:
            if isinstance(cell.value, str):
                cell.data_type = "s"  # else a text that begins with = would become a formula
    sheet.freeze_panes = "A2"
    for cell in (*sheet[1], *sheet[2]):
        cell.alignment = styles.Alignment(wrap_text=True, vertical="top")
        cell.font = styles.Font(bold=cell.row == 1, italic=cell.row == 2)
        sheet.column_dimensions[cell.column_letter].width = 22
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _typed(text: str) -> Cell:
    """As a spreadsheet program would store it."""
    if is_number(text):
        return float(text) if "." in text else int(text)
    return {"true": True, "false": False, "": None}.get(text, text)


def _head(kind: Kind) -> list[list[str]]:
    """The names of the columns, and below them what they mean, as a remark."""
    meanings = [
        column.meaning + ("" if column.required else " (may be empty)") for column in kind.columns
    ]
    meanings[0] = f"{REMARK} {meanings[0]}"
    return [[column.name for column in kind.columns], meanings]
