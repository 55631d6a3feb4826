"""`fabmarket paper`: every table, figure and claim of the paper, run again and judged."""

import json
from pathlib import Path
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fabmarket.cli.terminal import progress
from fabmarket.paper.reproduction import reproduce
from fabmarket.report import check_writable
from fabmarket.report.terminal import show
from fabmarket.report.wording import escaped

_COLOURS = {"holds": "green", "fails": "bold red", "not identified": "yellow"}


@click.command(
    "paper",
    epilog="""\b
Examples:
  fabmarket paper                       # the page in paper-out/paper.html
  fabmarket paper --quick --out paper-out/draft
""",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where the page goes  [default: paper-out; with --json nowhere]",
)
@click.option("--json", "as_json", is_flag=True, help="Print every claim and number as JSON.")
@click.option("--quick", is_flag=True, help="Fewer signatures, one timing; the same verdicts.")
def command(out: Path | None, as_json: bool, quick: bool) -> None:
    """Reproduce the paper: its words, what comes out, and a verdict for each claim.

    Verdicts are holds, fails, and not identified, where the paper does not say enough to tell. Same
    version, same output, but for the seconds measured.
    """
    if out is None and not as_json:
        out = Path("paper-out")
    if out is not None:
        check_writable(out)
    with progress() as bar:
        task = bar.add_task("Starting", total=None)

        def told(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        facts = reproduce(quick, told)
        if out is not None:
            from fabmarket.paper.writing import write  # noqa: PLC0415 - loads matplotlib

            write(facts, out)
    if as_json:
        click.echo(json.dumps(facts, indent=2, sort_keys=True))
    else:
        _print(facts, Console(), out)


def _print(facts: dict[str, Any], console: Console, out: Path | None) -> None:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("Claim", ratio=2)
    table.add_column("In one sentence", ratio=4)
    table.add_column("Verdict", no_wrap=True)
    for claim in facts["claims"]:
        verdict = Text(claim["verdict"], _COLOURS[claim["verdict"]])
        table.add_row(Text(claim["title"]), Text(claim["reason"]), verdict)
    show(console, table)
    console.print(", ".join(f"{count} {verdict}" for verdict, count in facts["verdicts"].items()))
    if out is not None:
        console.print(Text(escaped(f"Page: {out / 'paper.html'}")), soft_wrap=True)
