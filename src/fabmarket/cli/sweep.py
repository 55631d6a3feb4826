"""`fabmarket sweep`: one game solved over a grid of parameters, resumable."""

import csv
import fcntl
import json
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any, BinaryIO

import click

from fabmarket.cli.game_file import game_argument
from fabmarket.cli.grid import Grid, NotSwept, axis_of
from fabmarket.cli.solve import concept_option, concepts_of
from fabmarket.cli.terminal import progress
from fabmarket.errors import TryAgain, missing
from fabmarket.game import Game, NotCertified
from fabmarket.interrupts import Interrupted
from fabmarket.report.wording import escaped
from fabmarket.report.writing import not_written, save

_TEXTS = ("concept", "note", "reason")
_COUNT = "served"


class Busy(TryAgain):
    """Another sweep is writing the same file."""


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
        instead = "give a name that ends in .csv"
        raise NotSwept(missing("Parquet needs pyarrow", "parquet", instead)) from error


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
