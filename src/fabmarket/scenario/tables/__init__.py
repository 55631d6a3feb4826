"""Tables of machines, calendars, products and demands become a scenario file.

They are read from CSV and Excel, machines from Asset Administration Shells, too.
"""

from pathlib import PurePath

from fabmarket.scenario.tables.building import Market, market_of
from fabmarket.scenario.tables.cells import Cell
from fabmarket.scenario.tables.columns import KINDS, Column, Kind
from fabmarket.scenario.tables.faults import Fault, Faults, Place, WrongTables
from fabmarket.scenario.tables.offering import offered
from fabmarket.scenario.tables.reading import Table, check_machine, read_table
from fabmarket.scenario.tables.sheets import LARGEST_TABLE, Sheet, read_text
from fabmarket.scenario.tables.shells import read_shells
from fabmarket.scenario.tables.templates import (
    csv_template,
    excel_template,
    machines_csv,
    machines_excel,
)
from fabmarket.scenario.tables.workbook import NoExcel, read_workbook

SHELLS = (".aasx", ".json")
"""How names of files of Asset Administration Shells end."""

__all__ = [
    "KINDS",
    "LARGEST_TABLE",
    "SHELLS",
    "Cell",
    "Column",
    "Fault",
    "Faults",
    "Kind",
    "Market",
    "NoExcel",
    "Place",
    "Sheet",
    "Table",
    "WrongTables",
    "check_machine",
    "csv_template",
    "excel_template",
    "machines_csv",
    "machines_excel",
    "market_of",
    "offered",
    "read_sheets",
    "read_table",
]


def read_sheets(data: bytes, name: str) -> list[Sheet]:
    """The sheets of a file, by its name's end.

    That of .xlsx and .xlsm is a workbook's, of .aasx and .json a shell's, anything else text's.
    Raises MalformedText for what is none; NoExcel or NoShells where a library is missing.
    """
    suffix = PurePath(name).suffix.lower()
    if suffix in (".xlsx", ".xlsm"):
        return read_workbook(data, name)
    if suffix in SHELLS:
        return read_shells(data, name)
    return [read_text(data, name)]
