"""`fabmarket watch`: what an operator should look at, as it happens."""

import json
import time
from dataclasses import asdict
from pathlib import Path

import click

from fabmarket.chain import FIRST_BLOCK, ChainError, EngineUnavailable, NodeLost
from fabmarket.cli.inputs import Whole
from fabmarket.cli.terminal import progress as bar
from fabmarket.node.oversight import KINDS, Unusual, Watcher
from fabmarket.node.owner import Owner
from fabmarket.node.refused import USUAL, Progress, Refusals
from fabmarket.report.wording import escaped, number, one_line

_LOOK = 1.0
"""Seconds between looks at what the agent wrote down."""


@click.command(
    "watch",
    epilog="""\b
Examples:
  fabmarket watch our-operator
  fabmarket watch our-operator --since 1
  fabmarket watch our-operator --json
""",
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--json", "as_json", is_flag=True, help="Print what there is so far as JSON, and end."
)
@click.option(
    "--since",
    type=Whole(FIRST_BLOCK),
    metavar="BLOCK",
    help=f"The first block to look for refused reports in; else the last {number(USUAL)} are.",
)
def command(folder: Path, *, as_json: bool, since: int | None) -> None:
    """List what is unusual on the market, for an operator.

    It goes on until you interrupt it. It reads what the operator's agent has written down of the
    chain and of evidence. Reports that the exchange refused left no event: their transactions are
    looked for in the blocks themselves, which the node of the settings is asked for.
    """
    owner = Owner(folder)
    watcher, refusals = Watcher(owner), _Refusals(owner, since)
    found = watcher.news()
    with bar() as bars:
        task = bars.add_task("Blocks, for refused reports", total=None)
        refused = refusals.news(lambda done, of: bars.update(task, completed=done, total=of))
    found += refused
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], indent=2, sort_keys=True))
        return
    if not found:
        click.echo("Nothing unusual so far.")
    while True:
        for each in found:
            click.echo(one_line(_line(each)))
        time.sleep(_LOOK)
        found = [*watcher.news(), *refusals.news(lambda *_: None)]


class _Refusals:
    """Refused reports, as long as a node answers; where none does that is said, once."""

    def __init__(self, owner: Owner, since: int | None) -> None:
        self._owner, self._since = owner, since
        self._refusals: Refusals | None = None
        self._said = ""

    def news(self, progress: Progress) -> list[Unusual]:
        try:
            if self._refusals is None:
                self._refusals = Refusals(self._owner, self._since)
            found = self._refusals.news(progress)
        except (EngineUnavailable, NodeLost, ChainError) as error:
            if str(error) != self._said:
                said = f"Refused reports are not seen, and looked for again: {error}"
                click.echo(escaped(said), err=True)
            self._said = str(error)
            return []
        self._said = ""
        return found


def _line(each: Unusual) -> str:
    at = "now" if each.block is None else f"block {each.block}"
    return f"{at}: {KINDS[each.kind]}: {each.what}"
