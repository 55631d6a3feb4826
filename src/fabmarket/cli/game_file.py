"""Reading one game from a file, or from standard input: JSON or CSV, told apart by the content.

JSON is one object with the lists `benefit`, `cost` and, if there are any, `cap` and `budget` (null
for none), and the numbers `supplier_cost`, `a`, `b` and, if there is one, `supply_cap`. CSV has
the lists as columns, a demander a row; the numbers stand above the header as `# a = 0.8`. An
option of the command line goes before the file. Several suppliers have lists: [10, 20] in JSON,
`# supplier_cost = 10, 20` in CSV, and so for `supply_cap`.
"""

import csv
import json
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from io import StringIO
from math import inf, isinf, isnan
from pathlib import Path
from typing import Any, TypeVar

import click

from fabmarket.errors import Refused
from fabmarket.game import Game, InvalidGame
from fabmarket.game.suppliers import SupplierGame

NUMBERS = ("supplier_cost", "a", "b", "supply_cap")
LISTS = ("benefit", "cost", "cap", "budget")
_BOUNDS = ("cap", "budget", "supply_cap")
_OF_SUPPLIERS = ("supplier_cost", "supply_cap")
_NEEDED = ("benefit", "cost", "supplier_cost", "a", "b")

_BRACKETS = 64  # a game needs five; a few more keep their own messages

R = TypeVar("R")


class GameFileError(Refused):
    """The file holds no game; the message names file, place, value and remedy."""


def game_argument(command: Callable[..., R], *, several: bool = False) -> Callable[..., R]:
    """Give a command the argument FILE and the options that override it; it gets a `game`.

    With `several` the game may be one of several suppliers, which is refused otherwise.
    """

    @click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
    @click.option("--supplier-cost", type=float, help="d_s, instead of the file's.")
    @click.option("--a", type=float, help="Weight of demand in the price, instead of the file's.")
    @click.option("--b", type=float, help="Weight of supply in the price, instead of the file's.")
    @click.option("--supply-cap", type=float, help="W, instead of the file's; inf for none.")
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

    return reading


def read_game(path: Path, given: dict[str, float]) -> Game | SupplierGame:
    """The game in a file, or on standard input if the path is "-".

    Args:
        path: the file.
        given: any of NUMBERS, to be used instead of what the file says.

    Raises:
        GameFileError: the file cannot be read, or holds no game.
    """
    name = "standard input" if str(path) == "-" else str(path)
    return parse_game(_text(path, name), name, given)


def _text(path: Path, name: str) -> str:
    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        raise GameFileError(
            f"{name}: cannot be read ({error.strerror}); give an existing file"
        ) from error
    except UnicodeDecodeError as error:
        raise GameFileError(
            f"{name}: byte {error.start} is not UTF-8 text; give JSON or CSV"
        ) from error


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
    # Counted before reading, because deep nesting can exhaust the stack of the JSON reader.
    if text.count("[") + text.count("{") > _BRACKETS:
        raise GameFileError(
            f"{name}: more brackets than a game has; give one object of numbers and plain lists"
        )
    try:
        read = json.loads(text, object_pairs_hook=lambda pairs: _unrepeated(pairs, name))
    except ValueError as error:
        raise GameFileError(f"{name}: not JSON ({error}); mend it, or give CSV") from error
    if not isinstance(read, dict):
        raise GameFileError(f"{name}: JSON but not one object; give {{'benefit': [...], ...}}")
    found: dict[str, Any] = {}
    for key, value in read.items():
        if key not in LISTS + NUMBERS:
            raise GameFileError(f"{name}: unknown key {key!r}; use {', '.join(LISTS + NUMBERS)}")
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


def _unrepeated(pairs: list[tuple[str, Any]], name: str) -> dict[str, Any]:
    for at, (key, _) in enumerate(pairs):
        if key in dict(pairs[:at]):
            raise GameFileError(f"{name}: {key!r} is given twice; leave one out")
    return dict(pairs)


def _json_number(name: str, place: str, value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise GameFileError(f"{name}: {place} is {json.dumps(value)}; give a number")
    return value


def _csv(text: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    header: list[str] = []
    columns: dict[str, list[float]] = {}
    for line, cells in _lines(text, name):
        if cells[0].startswith("#"):
            if header:
                raise GameFileError(
                    f"{name}: line {line} is a remark below the header; put it above"
                )
            found.update(_remark(",".join(cells), found, f"{name}: line {line}"))
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


def _lines(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each line that is not blank."""
    reader = csv.reader(StringIO(text, newline=""), skipinitialspace=True)
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                yield reader.line_num, stripped
    except csv.Error as error:
        raise GameFileError(
            f"{name}: line {reader.line_num} is not CSV ({error}); mend it, or give JSON"
        ) from error


def _remark(text: str, found: dict[str, Any], place: str) -> dict[str, float | list[float]]:
    """The number, or those of several suppliers, that a line above the header gives; none if the
    line has no equals sign.
    """
    key, equals, value = (part.strip() for part in text.lstrip("#").partition("="))
    if not equals:
        return {}
    if key not in NUMBERS:
        raise GameFileError(f"{place} gives unknown {key!r}; use {', '.join(NUMBERS)}")
    if key in found:
        raise GameFileError(f"{place} gives {key!r} a second time; leave one out")
    if key in _OF_SUPPLIERS and "," in value:
        parts = value.split(",")
        return {key: [_number(one.strip(), f"{place}, {key}", key in _BOUNDS) for one in parts]}
    return {key: _number(value, f"{place}, {key}", key in _BOUNDS)}


def _header(cells: list[str], place: str) -> list[str]:
    for at, cell in enumerate(cells):
        if cell not in LISTS:
            raise GameFileError(f"{place}: unknown column {cell!r}; use {', '.join(LISTS)}")
        if cell in cells[:at]:
            raise GameFileError(f"{place}: column {cell!r} twice; leave one out")
    return cells


def _number(cell: str, place: str, bound: bool) -> float:
    """One cell; a bound may be left empty or be inf, for none."""
    if bound and not cell:
        return inf
    try:
        value = float(cell)
    except ValueError:
        value = float("nan")
    if isnan(value) or value < 0 or (isinf(value) and not bound):
        allowed = "a number >= 0, or nothing for no bound" if bound else "a finite number >= 0"
        shown = repr(cell) if cell else "an empty cell"
        raise GameFileError(f"{place}: {shown} is not allowed; give {allowed}")
    return value
