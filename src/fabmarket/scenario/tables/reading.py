"""Sheets become tables: the header names the columns, and each row is read by them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fabmarket.scenario.tables.cells import (
    BadCell,
    Broken,
    Cell,
    Moment,
    Style,
    is_empty,
    read_cell,
)
from fabmarket.scenario.tables.columns import KINDS, MACHINES, Column, Kind, plain
from fabmarket.scenario.tables.faults import Faults, Place
from fabmarket.scenario.tables.sheets import MOST_COLUMNS, REMARK, Sheet


@dataclass(frozen=True)
class Row:
    """A row's values by column; cells that are empty are not there, and `wrong` ones neither."""

    place: Place
    values: Mapping[str, Any]
    wrong: frozenset[str]

    def lacks(self, column: str) -> bool:
        """Whether nothing stands there, not even something wrong."""
        return column not in self.values and column not in self.wrong


@dataclass(frozen=True)
class Table:
    """The rows of one sheet, of one kind; `notes` say what of it was not read."""

    kind: Kind
    file: str
    sheet: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


_MOST_ABOVE = 10
_TITLE = 2
"""Rows that are looked through for a header, and cells that those above it may fill: a title, or a
word and a date. Of a row right above it the names of groups of columns may fill any."""


def read_table(sheet: Sheet, kind: Kind | None, faults: Faults) -> Table | None:
    """The table of a sheet; None if its header is of none, or the sheet holds remarks only.

    `kind` None leaves it to the header. What is wrong is noted in `faults`.
    """
    filled = [(number, cells) for number, cells in sheet.rows if not _is_remark(cells)]
    if not filled:
        faults.add(Place(sheet.file, sheet.name, 1), "", None, "holds no table; see the template")
        return None
    at = _header(filled, kind)
    (number, names), rows = filled[at], filled[at + 1 :]
    place = Place(sheet.file, sheet.name, number)
    found = kind or _kind_of(place, names, faults)
    if found is None:
        return None
    if at and filled[at - 1][0] == number - 1:
        names = _with_names_above(filled[at - 1][1], names, found)
    columns = _columns(place, names, found, faults)
    style = Style(sheet.commas)
    read = [
        _row(Place(sheet.file, sheet.name, at), cells, columns, found, style, faults)
        for at, cells in rows
    ]
    if not read:
        faults.add(place, "", None, "has no rows below it; fill the table in")
    notes = [f"{place} is the header; what stands above it was not read"] if at else []
    notes += _unnamed(place, names, rows)
    return Table(found, sheet.file, sheet.name, tuple(read), tuple(notes))


def _unnamed(
    place: Place, names: Sequence[Cell], rows: Sequence[tuple[int, Sequence[Cell]]]
) -> list[str]:
    """What to say of columns that hold something and have no name, as those of an index."""
    used = {at for _, cells in rows for at, cell in enumerate(cells) if not is_empty(cell)}
    unnamed = [at for at, name in enumerate(names, start=1) if is_empty(name) and at - 1 in used]
    if not unnamed:
        return []
    others = f" and {len(unnamed) - 1} more" if len(unnamed) > 1 else ""
    return [f"{place}: column {unnamed[0]}{others} of no name was not read"]


def _header(rows: Sequence[tuple[int, Sequence[Cell]]], kind: Kind | None) -> int:
    """Which row is the header: the first, or below titles the one that is surely a table's."""
    for at, (_, cells) in enumerate(rows[: _MOST_ABOVE + 1]):
        names = {plain(cell) for cell in cells[:MOST_COLUMNS] if isinstance(cell, str)}
        for each in KINDS.values() if kind is None else (kind,):
            known = sum(column.name in names for column in each.columns)
            if known > 1 and (each is kind or each.mark in names):
                return at
        if at and sum(not is_empty(cell) for cell in rows[at - 1][1]) > _TITLE:
            break
    return 0


def _with_names_above(above: Sequence[Cell], names: Sequence[Cell], kind: Kind) -> list[Cell]:
    """The names of a header of which cells are merged with those above, which hold the names."""
    length = max(len(above), len(names))
    pairs = zip(_filled_up(above, length), _filled_up(names, length), strict=True)
    return [
        upper if is_empty(name) and kind.column(plain(upper)) else name for upper, name in pairs
    ]


def _filled_up(cells: Sequence[Cell], length: int) -> list[Cell]:
    return [*cells, *[None] * (length - len(cells))]


def _is_remark(cells: Sequence[Cell]) -> bool:
    first = next((cell for cell in cells if not is_empty(cell)), None)
    return isinstance(first, str) and first.lstrip().startswith(REMARK)


def _kind_of(place: Place, names: Sequence[Cell], faults: Faults) -> Kind | None:
    given = {plain(name) for name in names}
    fits = [kind for kind in KINDS.values() if kind.mark in given]
    if len(fits) == 1:
        return fits[0]
    marks = ", ".join(f"{kind.mark} of {kind.name}" for kind in KINDS.values())
    if fits:
        problem = f"is of several tables at once ({marks}); keep the columns of one"
    else:
        problem = f"is the header of no table, which has {marks}; see the template, or say --as."
        problem += f" A sheet that is none is passed over if its name begins with {REMARK}"
    faults.add(place, "", _joined(names), problem)
    return None


def _joined(names: Sequence[Cell]) -> str:
    return ",".join(str(name) for name in names if not is_empty(name))


def _columns(
    place: Place, names: Sequence[Cell], kind: Kind, faults: Faults
) -> list[Column | None]:
    """The column that each cell of a row is of; None for remarks and for what is no column."""
    known = ", ".join(column.name for column in kind.columns)
    columns: list[Column | None] = []
    seen: set[str] = set()
    for at, name in enumerate(names):
        column = None
        if not is_empty(name) and not str(name).strip().startswith(REMARK):
            column = kind.column(plain(name))
            if column is None:
                problem = f"is no column of {kind.name}, which are {known}; correct it, or begin it"
                faults.add(place, f"column {at + 1}", str(name), f"{problem} with {REMARK}")
            elif column.name in seen:
                faults.add(place, column.name, None, "is there twice; keep one of the columns")
                column = None
            else:
                seen.add(column.name)
        columns.append(column)
    for each in kind.columns:
        if each.required and each.name not in seen:
            faults.add(place, each.name, None, "is missing; add the column")
    return columns


def check_machine(sheet: Sheet, faults: Faults) -> None:
    """Note what a shell says wrongly of a machine; what it does not say is filled in later."""
    columns = [replace(column, required=False) for column in MACHINES.columns]
    place = Place(sheet.file, sheet.name, 0)
    _row(place, sheet.rows[-1][1], columns, MACHINES, Style(sheet.commas), faults)


def _row(
    place: Place,
    cells: Sequence[Cell],
    columns: Sequence[Column | None],
    kind: Kind,
    style: Style,
    faults: Faults,
) -> Row:
    values: dict[str, Any] = {}
    wrong = set()
    for column, cell in zip(columns, cells, strict=False):
        if column is None:
            continue
        if is_empty(cell):
            if column.required:
                faults.add(place, column.name, None, "is empty; fill it in")
            continue
        try:
            values[column.name] = read_cell(column, cell, style)
        except BadCell as error:
            wrong.add(column.name)
            faults.add(place, column.name, _value_of(cell), str(error))
    for column in columns[len(cells) :]:
        if column is not None and column.required:
            faults.add(place, column.name, None, "is empty; fill it in")
    for at, cell in enumerate(cells[len(columns) :], start=len(columns) + 1):
        if not is_empty(cell):
            problem = "stands beyond the last column; put a text that holds separators in quotes"
            faults.add(place, f"column {at}", _value_of(cell), problem)
    return Row(place, values, frozenset(wrong))


def _value_of(cell: Cell) -> object:
    return cell.text if isinstance(cell, Broken | Moment) else str(cell)
