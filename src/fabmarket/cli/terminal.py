"""What the research commands share: pictures to a file, tables and progress on the terminal."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from fabmarket.report.canvas import render
from fabmarket.report.wording import one_line
from fabmarket.report.writing import save

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROWS = 20
"""A table on the terminal stops after so many rows; --json and files have all of them."""


def picture_path(_context: click.Context, _parameter: click.Parameter, value: str) -> Path | None:
    """Callback of --plot: a path whose suffix says PNG or SVG."""
    if value is None:
        return None
    path = Path(value)
    if path.suffix not in (".png", ".svg"):
        raise click.BadParameter(f"{value!r} must end in .png or .svg")
    return path


plot_option = click.option(
    "--plot", metavar="OUT", callback=picture_path, help="Draw it to this .png or .svg file."
)


def save_picture(path: Path, draw: Callable[[], "Figure"]) -> None:
    """Draw in the house style, as PNG or SVG by the path's suffix."""
    png, svg = render(draw)
    save(path, png if path.suffix == ".png" else svg)


def progress() -> Progress:
    """A bar on standard error, if that is a terminal."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description:<30}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )


@contextmanager
def phases() -> Iterator[Callable[[str, int, int], None]]:
    """A progress that draws a bar for each thing that goes on."""
    with progress() as bar:
        tasks: dict[str, TaskID] = {}

        def told(phase: str, done: int, total: int) -> None:
            if phase not in tasks:
                tasks[phase] = bar.add_task(phase, total=total)
            bar.update(tasks[phase], completed=done, total=total)

        yield told


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A table whose first column holds names and whose others hold numbers."""
    built = Table(
        title=Text(title, "bold"), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False
    )
    for at, column in enumerate(columns):
        # Names of concepts and dynamics are long: broken at their hyphens they fit side by side.
        built.add_column(
            re.sub("-(?=[a-z])", "-\n", column), justify="right" if at else "left", no_wrap=at == 0
        )
    for row in rows[:ROWS]:
        built.add_row(*(Text(one_line(cell)) for cell in row))
    if len(rows) > ROWS:
        built.caption = Text(f"... and {len(rows) - ROWS} more; --json has them all", "dim")
        built.caption_justify = "left"
    return built
