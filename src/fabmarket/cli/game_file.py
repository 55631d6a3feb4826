"""Reading one game from a file, or from standard input: JSON or CSV, told apart by the content.

JSON is one object with the lists `benefit`, `cost` and, if there are any, `cap` and `budget` (null
for none), and the numbers `supplier_cost`, `a`, `b` and, if there is one, `supply_cap`. CSV has
the lists as columns, a demander a row; the numbers stand above the header as `# a = 0.8`. An
option of the command line goes before the file. Several suppliers have lists: [10, 20] in JSON,
`# supplier_cost = 10, 20` in CSV, and so for `supply_cap`. What spreadsheets make of such a file is
read too: a byte order mark, quotes, any line end, and lines filled up with empty cells.
"""

import csv
import json
import re
from collections.abc import Callable, Iterator
from functools import wraps
from inspect import cleandoc
from io import StringIO
from math import inf
from pathlib import Path
from typing import Any, TypeVar

import click

from fabmarket.cli.inputs import Real, read_input
from fabmarket.errors import Refused
from fabmarket.game import Game, InvalidGame
from fabmarket.game.suppliers import SupplierGame
from fabmarket.scenario import LARGEST_FILE, decode, is_number, parse_json
from fabmarket.scenario.model import shown

NUMBERS = ("supplier_cost", "a", "b", "supply_cap")
LISTS = ("benefit", "cost", "cap", "budget")
_BOUNDS = ("cap", "budget", "supply_cap")
_OF_SUPPLIERS = ("supplier_cost", "supply_cap")
_NEEDED = ("benefit", "cost", "supplier_cost", "a", "b")

MODEL = """\b
The model: a unit's price is q = a·S − b·w.
  v    units that a demander asks for, at most its cap; S is their sum
  y, d benefit and cost of a unit to that demander, who earns v (y − d − q)
  w    units that the supplier supplies, at most W (supply_cap)
  d_s  the supplier's cost of a unit (supplier_cost); it earns w (q − d_s)
  a, b how much demand raises the price and supply lowers it
"""
"""What every command that takes a game says of it in its --help."""

R = TypeVar("R")


class GameFileError(Refused):
    """The file holds no game; the message names file, place, value and remedy."""


def game_argument(command: Callable[..., R], *, several: bool = False) -> Callable[..., R]:
    """Give a command the argument FILE and the options that override it; it gets a `game`.

    With `several` the game may be one of several suppliers, which is refused otherwise.
    """

    @click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
    @click.option("--supplier-cost", type=Real(), help="d_s, instead of the file's.")
    @click.option(
        "--a", type=Real(), help="Weight of demand S in the price, instead of the file's."
    )
    @click.option(
        "--b", type=Real(), help="Weight of supply w in the price, instead of the file's."
    )
    @click.option(
        "--supply-cap", type=Real(infinite=True), help="W, instead of the file's; inf for none."
    )
    @wraps(command)
    def reading(*args: Any, file: Path, **options: Any) -> R:
        given = {name: options.pop(name) for name in NUMBERS}
        game = read_game(file, {name: value for name, value in given.items() if value is not None})
        if isinstance(game, SupplierGame) and not several:
            raise GameFileError(
                f"{file}: several suppliers, which fabmarket solve alone takes; give one"
                " supplier_cost"
            )
        return command(*args, game=game, **options)

    reading.__doc__ = f"{cleandoc(command.__doc__ or '')}\n\n{MODEL}"
    return reading


def read_game(path: Path, given: dict[str, float]) -> Game | SupplierGame:
    """The game in a file, or on standard input if the path is "-".

    Args:
        path: the file.
        given: any of NUMBERS, to be used instead of what the file says.

    Raises:
        InputError: the file cannot be read.
        MalformedText: it is too large, or neither JSON nor text.
        GameFileError: it holds no game.
    """
    name = "standard input" if str(path) == "-" else str(path)
    return parse_game(decode(read_input(path, LARGEST_FILE), name, LARGEST_FILE), name, given)


def parse_game(text: str, name: str, given: dict[str, float]) -> Game | SupplierGame:
    """The game that `text` describes; `name` says in messages where it came from."""
    if not text.strip():
        raise GameFileError(
            f"{name}: empty; give a game as JSON or CSV, see fabmarket solve --help"
        )
    found = _json(text, name) if text.lstrip().startswith(("{", "[")) else _csv(text, name)
    found.update(given)
    for key in _NEEDED:
        if key not in found:
            remedy = (
                "give it as a column or list"
                if key in LISTS
                else f"give --{key.replace('_', '-')}, the JSON key, or above the CSV header"
                f" a line # {key} = 1"
            )
            raise GameFileError(f"{name}: {key} is missing; {remedy}")
    several = isinstance(found["supplier_cost"], list)
    if several and found.pop("budget", None) is not None:
        raise GameFileError(f"{name}: budgets go with one supplier; leave them out")
    try:
        return SupplierGame(**found) if several else Game(**found)
    except InvalidGame as error:
        raise GameFileError(f"{name}: {error}") from error


def _json(text: str, name: str) -> dict[str, Any]:
    read = parse_json(text, name, float)
    if not isinstance(read, dict):
        raise GameFileError(f"{name}: JSON but not one object; give {{'benefit': [...], ...}}")
    found: dict[str, Any] = {}
    for key, value in read.items():
        if key not in LISTS + NUMBERS:
            known = ", ".join(LISTS + NUMBERS)
            raise GameFileError(f"{name}: unknown key {shown(key)}; use {known}")
        if value is None and key in _BOUNDS:
            continue
        if key in LISTS or (key in _OF_SUPPLIERS and isinstance(value, list)):
            if not isinstance(value, list):
                raise GameFileError(f"{name}: {key} is not a list; give one number per demander")
            found[key] = [
                _json_number(name, f"{key}[{j}]", inf if one is None and key in _BOUNDS else one)
                for j, one in enumerate(value)
            ]
        else:
            found[key] = _json_number(name, key, value)
    return found


def _json_number(name: str, place: str, value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        written = json.dumps(value) if value is None or isinstance(value, bool) else shown(value)
        raise GameFileError(f"{name}: {place} is {written}; give a number")
    return value


def _csv(text: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    header: list[str] = []
    columns: dict[str, list[float]] = {}
    for line, padded, raw in _lines(text, name):
        cells = _unpadded(padded, len(header))
        if cells[0].startswith("#"):
            if header:
                raise GameFileError(
                    f"{name}: line {line} is a remark below the header; put it above"
                )
            place = f"{name}: line {line}"
            _check_comma(raw, place)
            found.update(_remark(",".join(cells), found, place))
        elif not header:
            header = _header(cells, f"{name}: line {line}")
            columns = {column: [] for column in header}
        else:
            place = f"{name}: row {len(columns[header[0]]) + 1} (line {line})"
            if len(cells) != len(header):
                raise GameFileError(
                    f"{place} has {len(cells)} cells for {len(header)} columns; give one for each"
                )
            for column, cell in zip(header, cells, strict=True):
                columns[column].append(
                    _number(cell, f"{place}, column {column}", column in _BOUNDS)
                )
    if not header:
        raise GameFileError(f"{name}: no header; give the columns benefit,cost[,cap]")
    if not columns[header[0]]:
        raise GameFileError(f"{name}: no row below the header; give one for each demander")
    return {**found, **columns}


def _lines(text: str, name: str) -> Iterator[tuple[int, list[str], str]]:
    """Line number and cells of each line that is not blank, and the line itself."""
    last = [""]

    def kept(raw: str) -> str:
        last[0] = raw
        return raw

    reader = csv.reader(map(kept, StringIO(text, newline="")), skipinitialspace=True)
    try:
        for cells in reader:
            stripped = [cell.strip(" \t") for cell in cells]
            if any(stripped):
                yield reader.line_num, stripped, last[0]
    except csv.Error as error:
        raise GameFileError(
            f"{name}: line {reader.line_num} is not CSV ({error}); mend it, or give JSON"
        ) from error


def _unpadded(cells: list[str], columns: int) -> list[str]:
    """The cells without the empty ones beyond `columns`, with which spreadsheets fill up lines."""
    used = len(cells)
    while used > columns and not cells[used - 1]:
        used -= 1
    return cells[:used]


def _remark(text: str, found: dict[str, Any], place: str) -> dict[str, float | list[float]]:
    """The number, or those of several suppliers, that a line above the header gives; none if the
    line has no equals sign.
    """
    key, equals, value = (part.strip() for part in text.lstrip("#").partition("="))
    if not equals:
        return {}
    _check_separator(value, place)
    if key not in NUMBERS:
        raise GameFileError(f"{place} gives unknown {shown(key)}; use {', '.join(NUMBERS)}")
    if key in found:
        raise GameFileError(f"{place} gives {key!r} a second time; leave one out")
    if key in _OF_SUPPLIERS and "," in value:
        parts = value.split(",")
        return {key: [_number(one.strip(), f"{place}, {key}", key in _BOUNDS) for one in parts]}
    return {key: _number(value, f"{place}, {key}", key in _BOUNDS)}


def _check_comma(raw: str, place: str) -> None:
    """Refuse 12,5 where it may be a decimal comma or two suppliers."""
    found = re.search(r"=\s*(\d+),(\d+)[\s,\"]*$", raw)
    if found and re.match(rf"[\"\s#]*({'|'.join(_OF_SUPPLIERS)})\s*=", raw):
        whole, rest = found.groups()
        remedy = f"write {whole}.{rest} for one, or {whole}, {rest} for two suppliers"
        raise GameFileError(f"{place}: '{whole},{rest}' may be one number or two; {remedy}")


def _check_separator(cell: str, place: str) -> None:
    if ";" in cell:
        remedy = "put commas between cells and points into numbers"
        raise GameFileError(f"{place}: cells are separated by semicolons; {remedy}")


def _header(cells: list[str], place: str) -> list[str]:
    for at, cell in enumerate(cells):
        _check_separator(cell, place)
        if cell not in LISTS:
            raise GameFileError(f"{place}: unknown column {shown(cell)}; use {', '.join(LISTS)}")
        if cell in cells[:at]:
            raise GameFileError(f"{place}: column {cell!r} twice; leave one out")
    return cells


def _number(cell: str, place: str, bound: bool) -> float:
    """One cell; a bound may be left empty or be inf, for none."""
    if bound and not cell:
        return inf
    if bound and cell == "inf":
        return inf
    value = float(cell) if is_number(cell) else inf
    if not 0 <= value < inf:
        allowed = "a number >= 0, or nothing for no bound" if bound else "a finite number >= 0"
        written = shown(cell) if cell else "an empty cell"
        point = cell.replace(",", ".")
        remedy = f"write {point}" if point != cell and is_number(point) else f"give {allowed}"
        raise GameFileError(f"{place}: {written} is not allowed; {remedy}")
    return value
