"""`fabmarket sweep`: one game solved over a grid of parameters, resumable."""

import csv
import fcntl
import hashlib
import json
import os
import re
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO, StringIO
from itertools import islice, product
from math import isfinite, isnan
from pathlib import Path
from shlex import quote
from typing import Any, BinaryIO

import click
import numpy as np

from fabmarket.cli.game_file import LISTS, NUMBERS, game_argument
from fabmarket.cli.solve import concept_option, concepts_of, served
from fabmarket.cli.terminal import progress
from fabmarket.errors import Refused, TryAgain
from fabmarket.game import Game, InvalidGame, NoEquilibrium, NotCertified, Unsupported, solve
from fabmarket.game.batch import Batch
from fabmarket.interrupts import Interrupted
from fabmarket.report.wording import escaped, number
from fabmarket.report.writing import not_written, save
from fabmarket.scenario import is_number, is_whole

_RESULTS = (
    "price",
    "total_demand",
    "supply",
    "served",
    "demander_profit",
    "supplier_profit",
    "unfunded",
    "max_unilateral_gain",
    "residual",
    "note",
    "reason",
)
_BATCHED = ("benefit", "cost", "cap")
_AT_ONCE = 100_000  # demanders
_TEXTS = ("concept", "note", "reason")
_COUNT = "served"
MOST = 10_000_000
"""The most values a table may have, rows times columns; they take about a gigabyte of memory."""


class NotSwept(Refused):
    """The grid or its file cannot be used; the message says what to change."""


class Busy(TryAgain):
    """Another sweep is writing the same file."""


@dataclass(frozen=True)
class Axis:
    """One parameter and the values it takes.

    Attributes:
        key: as given, such as "a" or "benefit[2]".
        values: in order.
    """

    key: str
    values: tuple[float, ...]

    def changed(self, game: Game, value: float) -> dict[str, Any]:
        """The argument of Game that this value replaces.

        Raises:
            NotSwept: no such demander.
        """
        name, _, index = self.key.rstrip("]").partition("[")
        if not index:
            return {name: value}
        column = np.array(getattr(game, name))
        if int(index) >= len(column):
            raise NotSwept(
                f"--vary {self.key}: there is no demander {index}; give an index in"
                f" 0..{len(column) - 1}"
            )
        column[int(index)] = value
        return {name: column}


def axis_of(text: str) -> Axis:
    """KEY=START:STOP:COUNT, KEY=START:STOP:COUNT:log or KEY=VALUE,VALUE,...

    Raises:
        NotSwept: the text is none of these.
    """
    key, _, spec = text.partition("=")
    name = re.fullmatch(rf"({'|'.join(NUMBERS)}|({'|'.join(LISTS)})\[[0-9]+\])", key)
    if name is None:
        raise NotSwept(
            f"--vary {text!r}: unknown parameter {key!r}; use {', '.join(NUMBERS)}, or"
            " benefit[0], cost[0], cap[0], budget[0] for a demander's, counted from 0"
        )
    try:
        values = _values(spec)
    except ValueError:
        values = ()
    if not values:
        raise NotSwept(
            f"--vary {text!r}: give {key}=START:STOP:COUNT, {key}=START:STOP:COUNT:log with"
            f" positive ends, or {key}=VALUE,VALUE"
        )
    return Axis(key, values)


def _values(spec: str) -> tuple[float, ...]:
    if ":" not in spec:
        cells = spec.split(",")
        wrong = [one for one in cells if not (is_number(one) or one == "inf")]
        return () if wrong else tuple(map(float, cells))
    start, stop, count, *scale = spec.split(":")
    if not (is_number(start) and is_number(stop) and is_whole(count)):
        return ()
    low, high, many = float(start), float(stop), int(count)
    if not (isfinite(low) and isfinite(high)) or scale not in ([], ["log"]):
        return ()
    if many > MOST:
        raise NotSwept(
            f"--vary: {number(many)} values are more than the {number(MOST)} of a table; give fewer"
        )
    if scale:
        if low <= 0 or high <= 0:
            return ()
        return tuple(np.geomspace(low, high, many).tolist())
    return tuple(np.linspace(low, high, many).tolist())


@dataclass(frozen=True)
class Grid:
    """Every combination of the axes' values, under every concept."""

    game: Game
    axes: tuple[Axis, ...]
    concepts: tuple[str, ...]
    each: bool

    @property
    def columns(self) -> list[str]:
        """Names of the cells of a row."""
        everybody = range(len(self.game.margin)) if self.each else ()
        details = [f"{what}[{j}]" for what in ("demand", "profit") for j in everybody]
        return [*(axis.key for axis in self.axes), "concept", *_RESULTS, *details]

    @property
    def size(self) -> int:
        """How many rows there are."""
        many = len(self.concepts)
        for axis in self.axes:
            many *= len(axis.values)
        return many

    @property
    def fingerprint(self) -> str:
        """A hash of everything that decides the rows."""
        game = self.game
        parts = [
            *(getattr(game, name).tolist() for name in LISTS),
            *(getattr(game, name) for name in NUMBERS),
            [(axis.key, axis.values) for axis in self.axes],
            self.concepts,
            self.each,
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def check(self) -> None:
        """Raise NotSwept if there are too many rows, and for a value that makes no game."""
        if self.size * len(self.columns) > MOST:
            raise NotSwept(
                f"--vary makes {number(self.size)} rows of {len(self.columns)} columns, more than"
                f" {number(MOST)} values; give fewer values, or sweep part by part"
            )
        for axis in self.axes:
            # What a parameter may be is an interval, so its ends decide.
            odd = [value for value in axis.values if isnan(value)][:1]
            for value in odd or (min(axis.values), max(axis.values)):
                try:
                    self._game({axis: value})
                except InvalidGame as error:
                    raise NotSwept(f"--vary {axis.key}: {error}") from error

    def rows(self, known: int = 0) -> Iterator[list[str]]:
        """The rows after the first `known`, the last axis and then the concept moving fastest."""
        start, skip = divmod(known, len(self.concepts))
        points = islice(self._points(), start, None)
        while chunk := list(islice(points, max(1, _AT_ONCE // len(self.game.margin)))):
            batched = self._batched(chunk) if "simultaneous" in self.concepts else {}
            for at, point in enumerate(chunk):
                for concept in self.concepts[skip:]:
                    results = batched.get(at) if concept == "simultaneous" else None
                    if results is None:
                        game = self._game(dict(zip(self.axes, point, strict=True)))
                        results = self._results(game, concept)
                    yield [*_place(point, concept), *results]
                skip = 0

    def places(self) -> Iterator[list[str]]:
        """The first cells of every row, which say where in the grid it stands."""
        return (_place(*one) for one in product(self._points(), self.concepts))

    def _points(self) -> Iterator[tuple[float, ...]]:
        return product(*(axis.values for axis in self.axes))

    def _batched(self, points: Sequence[Sequence[float]]) -> dict[int, list[str]]:
        """Results of "simultaneous" by the points' places, many points at once; without those that
        the batch does not certify or, having budgets, does not take.
        """
        if self.game.budgeted or any(axis.key.startswith("budget") for axis in self.axes):
            return {}
        shape = len(points), len(self.game.margin)
        fields = {name: np.full(shape[0], getattr(self.game, name)) for name in NUMBERS}
        fields |= {
            name: np.broadcast_to(getattr(self.game, name), shape).copy() for name in _BATCHED
        }
        for axis, values in zip(self.axes, np.array(points).T, strict=True):
            name, _, index = axis.key.rstrip("]").partition("[")
            column = fields[name][:, int(index)] if index else fields[name]
            column[:] = values
        if np.isinf(fields["cap"]).all():
            del fields["cap"]
        games = Batch(**fields)
        price = games.prices()
        demand, supply = games.quantities(price)
        found = games.certify(price, demand, supply)
        profit = demand * (games.benefit - games.cost - price[:, None]) + 0.0
        total = demand.sum(axis=1)
        columns = (
            price,
            total,
            supply,
            np.count_nonzero(demand > 0, axis=1),
            profit.sum(axis=1),
            supply * (price - games.supplier_cost),
            price * (supply - total),
            found.max_unilateral_gain,
            found.residual,
        )
        rows = zip(*(column.tolist() for column in columns), strict=True)
        details = np.hstack([demand, profit]).tolist() if self.each else [[]] * len(points)
        return {
            at: [*map(repr, row), "", "", *map(repr, rest)]
            for at, (row, rest, holds) in enumerate(zip(rows, details, found.holds, strict=True))
            if holds
        }

    def _game(self, values: Mapping[Axis, float]) -> Game:
        game = self.game
        for axis, value in values.items():
            fields = {name: getattr(game, name) for name in LISTS + NUMBERS}
            game = Game(**{**fields, **axis.changed(game, value)})
        return game

    def _results(self, game: Game, concept: str) -> list[str]:
        many = 2 * len(game.margin) if self.each else 0
        try:
            found = solve(game, concept)
        except (NoEquilibrium, NotCertified, Unsupported) as error:
            return [*[""] * (len(_RESULTS) - 1), str(error), *[""] * many]
        numbers = (
            found.price,
            found.total_demand,
            found.supply,
            served(found),
            float(found.demander_profit.sum()),
            found.supplier_profit,
            found.unfunded,
            found.certificate.max_unilateral_gain,
            found.certificate.residual,
        )
        details = [*found.demand.tolist(), *found.demander_profit.tolist()] if self.each else []
        return [*map(repr, numbers), found.note, "", *map(repr, details)]


def _place(point: Sequence[float], concept: str) -> list[str]:
    return [*map(repr, point), concept]


@click.command(
    "sweep",
    epilog="""\b
Examples, in a clone:
  fabmarket sweep scenarios/game.csv --vary a=0.2:2:10 --out a.csv
  fabmarket sweep scenarios/game.csv --vary 'benefit[2]=100:300:21' --vary b=0.1:10:5:log \\
      --concept all --demanders --out grid.csv
  fabmarket sweep scenarios/game.csv --vary supply_cap=100,200,inf --json
""",
)
@game_argument
@click.option(
    "--vary",
    multiple=True,
    required=True,
    metavar="KEY=VALUES",
    help="START:STOP:COUNT, START:STOP:COUNT:log or VALUE,VALUE,...; repeat for a grid.",
)
@concept_option
@click.option("--demanders", "each", is_flag=True, help="Also demand and profit of each demander.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="OUT",
    help="Where the rows go, .csv or .parquet; needed but for --json.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
def command(
    game: Game, vary: tuple[str, ...], concept: str, each: bool, out: Path | None, as_json: bool
) -> None:
    """Solve a game over a grid of parameters.

    FILE (- for standard input) is as for `fabmarket solve`. Rows are kept in OUT.partial until all
    are there. If the command is stopped, the same command goes on where it was. Parquet needs
    pyarrow.
    """
    axes = tuple(axis_of(text) for text in vary)
    for at, axis in enumerate(axes):
        if axis.key in [one.key for one in axes[:at]]:
            raise NotSwept(f"--vary {axis.key} is given twice; leave one out")
    grid = Grid(game, axes, concepts_of(concept), each)
    grid.check()
    if out is None and not as_json:
        raise NotSwept("nowhere to put the rows; give --out OUT, or --json")
    if out is not None:
        _check_suffix(out)
        partial = out.with_name(out.name + ".partial")
        with _alone(partial) as file:
            rows = _kept(grid, file, partial)
            _finish(grid, rows, out)
            partial.unlink()
    else:
        with progress() as bar:
            rows = list(bar.track(grid.rows(), total=grid.size, description="Solving"))
    if as_json:
        records = [_record(grid.columns, row) for row in rows]
        click.echo(json.dumps(records, indent=2, allow_nan=False))
    else:
        without = sum(1 for row in rows if _record(grid.columns, row)["reason"])
        said = f"{len(rows)} rows in {out}, {without} of them without an equilibrium"
        click.echo(escaped(said))
    at = grid.columns.index("reason")
    failed = sum(1 for row in rows if row[at].startswith(NotCertified.OPENING))
    if failed:
        raise NotCertified(f"{NotCertified.OPENING} in {failed} of {len(rows)} rows; see reason")


def _check_suffix(out: Path) -> None:
    if out.suffix not in (".csv", ".parquet"):
        raise NotSwept(f"--out {out}: give a name that ends in .csv or .parquet")
    if out.suffix == ".parquet":
        _parquet()


def _parquet() -> tuple[Any, Any]:
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise NotSwept(
            f"Parquet needs pyarrow; run {quote(sys.executable)} -m pip install pyarrow, or give a"
            " name that ends in .csv"
        ) from error


@contextmanager
def _alone(partial: Path) -> Iterator[BinaryIO]:
    """OUT.partial, opened; within, no other sweep has it, and the kernel sees to that.

    Raises:
        Busy: another sweep has it.
        NotWritten: the file system refuses.
    """
    while True:
        try:
            descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK, 0o644)
        except (OSError, ValueError) as error:
            raise not_written(partial, error) from error
        with os.fdopen(descriptor, "r+b") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise NotSwept(f"{partial} is not a file of rows; choose another --out")
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Busy(
                    f"another sweep is writing {partial}; wait until it has ended, or choose"
                    " another --out"
                ) from None
            # Whoever had it may have finished, and removed it, between the two steps.
            if os.fstat(descriptor).st_nlink:
                try:
                    yield file
                finally:
                    _close(file, partial)
                return


def _kept(grid: Grid, file: BinaryIO, partial: Path) -> list[list[str]]:
    """All rows: those an earlier run left in OUT.partial, and the rest, put there one by one."""
    rows = _earlier(grid, file, partial)
    try:
        with progress() as bar:
            task = bar.add_task("Solving", total=grid.size, completed=len(rows))
            for row in grid.rows(len(rows)):
                _put(row, file, partial)
                rows.append(row)
                bar.advance(task)
    except Interrupted as error:
        said = str(error).partition(";")[0]
        error.args = (
            f"{said} after {len(rows)} of {grid.size} rows; the same command goes on from there",
        )
        raise
    return rows


def _close(file: BinaryIO, partial: Path) -> None:
    try:
        file.close()
    except OSError as error:
        raise not_written(partial, error) from error


def _put(cells: Sequence[str], file: BinaryIO, partial: Path) -> None:
    try:
        file.write(_line(cells))
        file.flush()
    except OSError as error:
        raise not_written(partial, error) from error


def _earlier(grid: Grid, file: BinaryIO, partial: Path) -> list[list[str]]:
    """The whole rows of an earlier run of the same sweep; the file is left open behind them."""
    title = [f"# {grid.fingerprint}"]
    head = _line(title)
    start = file.read(len(head))
    # A run that was killed may have left half a line; no cell holds a line break.
    if not head.startswith(start):
        raise NotSwept(
            f"{partial} is of another sweep; delete it, or choose another --out, to start anew"
        )
    rows: list[list[str]] = []
    whole = 0
    if start == head:
        whole = len(head)
        places = grid.places()
        for line in file:
            if not line.endswith(b"\n"):
                break
            rows.append(_row(grid, line, next(places, None), f"{partial}: line {len(rows) + 2}"))
            whole += len(line)
    file.seek(whole)
    file.truncate()
    if not whole:
        _put(title, file, partial)
    return rows


def _row(grid: Grid, line: bytes, place: list[str] | None, where: str) -> list[str]:
    """A line of an earlier run, if it is the row of that place in the grid."""
    try:
        (row,) = csv.reader([line.decode()])
        if place is None or row[: len(place)] != place:
            raise ValueError
        _record(grid.columns, row)
    except (ValueError, csv.Error):
        raise NotSwept(
            f"{where} is no row of this sweep; delete the file, or choose another --out, to start"
            " anew"
        ) from None
    return row


def _finish(grid: Grid, rows: Sequence[Sequence[str]], out: Path) -> None:
    """Put the finished table in its place."""
    if out.suffix == ".csv":
        save(out, b"".join(_line(row) for row in (grid.columns, *rows)))
    else:
        arrow, parquet = _parquet()
        records = [_record(grid.columns, row) for row in rows]
        kinds = {name: arrow.string() for name in _TEXTS} | {_COUNT: arrow.int64()}
        columns = {
            name: arrow.array(
                [record[name] for record in records], kinds.get(name, arrow.float64())
            )
            for name in grid.columns
        }
        content = BytesIO()
        parquet.write_table(arrow.table(columns), content)
        save(out, content.getvalue())


def _line(cells: Sequence[str]) -> bytes:
    text = StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue().encode()


def _record(columns: Sequence[str], row: Sequence[str]) -> dict[str, float | int | str | None]:
    """A row by its columns: numbers as numbers, None for what has no value or no bound."""

    def value(name: str, cell: str) -> float | int | str | None:
        if name in _TEXTS:
            return cell
        if cell in ("", "inf"):
            return None
        return int(cell) if name == _COUNT else float(cell)

    return {name: value(name, cell) for name, cell in zip(columns, row, strict=True)}
