"""`fabmarket sweep`: one game solved over a grid of parameters, resumable."""

import csv
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO, StringIO
from itertools import islice, product
from math import isfinite
from pathlib import Path
from typing import Any

import click
import numpy as np

from fabmarket.cli.game_file import LISTS, NUMBERS, game_argument
from fabmarket.cli.solve import concept_option, concepts_of, served
from fabmarket.cli.terminal import not_written, progress, save
from fabmarket.errors import Refused
from fabmarket.game import Game, InvalidGame, NoEquilibrium, NotCertified, Unsupported, solve
from fabmarket.game.batch import Batch

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


class NotSwept(Refused):
    """The grid or its file cannot be used; the message says what to change."""


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
    name = re.fullmatch(rf"({'|'.join(NUMBERS)}|({'|'.join(LISTS)})\[\d+\])", key)
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
        return tuple(float(one) for one in spec.split(","))
    start, stop, count, *scale = spec.split(":")
    low, high, many = float(start), float(stop), int(count)
    if not (isfinite(low) and isfinite(high)) or scale not in ([], ["log"]):
        return ()
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
        """Raise NotSwept for the first value that makes no game."""
        for axis in self.axes:
            for value in axis.values:
                try:
                    self._game({axis: value})
                except InvalidGame as error:
                    raise NotSwept(f"--vary {axis.key}: {error}") from error

    def rows(self, known: int = 0) -> Iterator[list[str]]:
        """The rows after the first `known`, the last axis and then the concept moving fastest."""
        start, skip = divmod(known, len(self.concepts))
        points = islice(product(*(axis.values for axis in self.axes)), start, None)
        while chunk := list(islice(points, max(1, _AT_ONCE // len(self.game.margin)))):
            batched = self._batched(chunk) if "simultaneous" in self.concepts else {}
            for at, point in enumerate(chunk):
                for concept in self.concepts[skip:]:
                    results = batched.get(at) if concept == "simultaneous" else None
                    if results is None:
                        game = self._game(dict(zip(self.axes, point, strict=True)))
                        results = self._results(game, concept)
                    yield [*(repr(value) for value in point), concept, *results]
                skip = 0

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


@click.command(
    "sweep",
    epilog="""\b
Examples:
  fabmarket sweep game.csv --vary a=0.2:2:10 --out a.csv
  fabmarket sweep game.csv --vary 'benefit[2]=100:300:21' --vary b=0.1:10:5:log \\
      --concept all --demanders --out grid.parquet
  fabmarket sweep game.csv --vary supply_cap=100,200,inf --json
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
def sweep_command(
    game: Game, vary: tuple[str, ...], concept: str, each: bool, out: Path | None, as_json: bool
) -> None:
    """Solve a game over a grid of parameters.

    FILE (- for standard input) is as for `fabmarket solve`. Rows are kept in OUT.partial until all
    are there. If the command is stopped, the same command goes on where it was. Parquet needs the
    extra `sweep`.
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
        rows = _kept(grid, out)
        _finish(grid, rows, out)
    else:
        with progress() as bar:
            rows = list(bar.track(grid.rows(), total=grid.size, description="Solving"))
    if as_json:
        records = [_record(grid.columns, row) for row in rows]
        click.echo(json.dumps(records, indent=2, allow_nan=False))
    else:
        without = sum(1 for row in rows if _record(grid.columns, row)["reason"])
        click.echo(f"{len(rows)} rows in {out}, {without} of them without an equilibrium")
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
            "Parquet needs pyarrow; install fabmarket[sweep], or give a name that ends in .csv"
        ) from error


def _kept(grid: Grid, out: Path) -> list[list[str]]:
    """All rows: those an earlier run left in OUT.partial, and the rest, put there one by one."""
    partial = out.with_name(out.name + ".partial")
    rows, whole = _earlier(grid, partial)
    try:
        with partial.open("r+b" if whole else "wb") as file:
            file.truncate(whole)
            file.seek(whole)
            if not whole:
                file.write(_line([f"# {grid.fingerprint}"]))
            with progress() as bar:
                task = bar.add_task("Solving", total=grid.size, completed=len(rows))
                for row in grid.rows(len(rows)):
                    file.write(_line(row))
                    file.flush()
                    rows.append(row)
                    bar.advance(task)
    except OSError as error:
        raise not_written(partial, error) from error
    except KeyboardInterrupt:
        click.echo(
            f"fabmarket: error: interrupted after {len(rows)} of {grid.size} rows; the same"
            " command goes on from there",
            err=True,
        )
        raise click.exceptions.Exit(130) from None
    return rows


def _earlier(grid: Grid, partial: Path) -> tuple[list[list[str]], int]:
    """The whole rows of an earlier run of the same sweep, and how many bytes they take."""
    try:
        data = partial.read_bytes()
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise not_written(partial, error) from error
    # A run that was killed may have left half a line; no cell holds a line break.
    whole = data.rfind(b"\n") + 1
    head, *rows = csv.reader(StringIO(data[:whole].decode(errors="replace"))) if whole else [[""]]
    if not whole:
        return [], 0
    if head != [f"# {grid.fingerprint}"] or any(len(row) != len(grid.columns) for row in rows):
        raise NotSwept(
            f"{partial} is of another sweep; delete it, or choose another --out, to start anew"
        )
    return rows, whole


def _finish(grid: Grid, rows: Sequence[Sequence[str]], out: Path) -> None:
    """Put the finished table in its place and drop the partial one."""
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
    os.unlink(out.with_name(out.name + ".partial"))


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
