"""`fabmarket up`: a whole market on this machine, for trying out."""

import json
import shlex
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from fabmarket.chain.endpoints import urls_of
from fabmarket.cli.agent import runner
from fabmarket.cli.inputs import InputError, Whole
from fabmarket.cli.terminal import phases, table
from fabmarket.errors import missing
from fabmarket.local.files import NODE, PAGES
from fabmarket.local.market import Up, up
from fabmarket.local.sample import MOST
from fabmarket.market.rhythm import Rhythm
from fabmarket.market.rounds import Rounds
from fabmarket.node.entry import entry_of
from fabmarket.report.terminal import show
from fabmarket.report.wording import escaped, short, span

DIRECTORY = "fabmarket-market"
_ADDRESSES = ("exchange", "token", "board", "founder")

argument = click.argument(
    "folder", metavar="[DIR]", type=click.Path(path_type=Path), default=DIRECTORY
)


@click.command(
    "up",
    epilog="""\b
Examples:
  fabmarket up                    # in ./fabmarket-market
  fabmarket up fair --suppliers 3 --demanders 5
  fabmarket up fair --network fabmarket-network
  fabmarket up fair --json
""",
)
@argument
@click.option(
    "--suppliers",
    type=Whole(1, MOST),
    help="Suppliers of a new market  [default: 2]",
)
@click.option(
    "--demanders",
    type=Whole(1, MOST),
    help="Demanders of a new market  [default: 2]",
)
@click.option(
    "--network",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Found a new market on the network of fabmarket network up in DIR.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what is where as JSON.")
def command(
    folder: Path,
    suppliers: int | None,
    demanders: int | None,
    network: Path | None,
    as_json: bool,
) -> None:
    """Found a market on this machine for trying out, or go on with it, and start it.

    A node of its own (anvil, of the contracts' tools, which need Node) that makes a block a second,
    contracts, three operators, and suppliers and demanders with stock, coin and test money, each an
    agent with a directory of its own in DIR, by default fabmarket-market. With the extra `serve`
    there are pages, too, among them those of the last demander for its owner: the address that is
    printed lets a browser in. When all of them answer it prints what is where, and returns; they
    run on until `fabmarket down`. With --network the market is on a chain of several validators
    in place of a node of its own. Run again it goes on with the market that is there, and starts
    what does not run. All keys are drawn anew, and their passphrase lies beside them: use it for
    nothing of worth.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is no directory; give another")
    runner()
    root = folder.absolute()
    where = None if network is None else network.absolute()
    with phases() as told:
        result = up(root, suppliers, demanders, told, where)
    if as_json:
        click.echo(json.dumps(_facts(root, result), indent=2, sort_keys=True))
    else:
        _print(folder, root, result)


def _facts(root: Path, result: Up) -> dict[str, Any]:
    facts, places = result.facts, result.facts.places
    return {
        "directory": str(root),
        "new": result.is_new,
        "started": list(result.started),
        "node": {
            "url": places.url,
            "chain_id": places.chain_id,
            "process": result.numbers.get(NODE),
        },
        "market": {
            **{name: getattr(places, name) for name in _ADDRESSES},
            "period": facts.period,
        },
        "calendar": {
            "origin": places.origin,
            "slot_length": places.slot_length,
            "ends": facts.ends,
        },
        "participants": [
            {
                "name": each.name,
                "role": each.role,
                "address": each.address,
                "door": f"http://127.0.0.1:{each.port}",
                "process": result.numbers.get(each.name),
                "directory": str(root / each.name),
            }
            for each in facts.members
        ],
        "passphrase_file": str(root / "passphrase"),
        "dashboard": _dashboard(root, result),
    }


def _dashboard(root: Path, result: Up) -> dict[str, Any] | None:
    """Where the pages are served and how the last participant's owner enters, if they are."""
    if PAGES not in result.numbers:
        return None
    url, name = f"http://127.0.0.1:{result.facts.page_port}", result.facts.members[-1].name
    entry = entry_of(url, root / name)
    return {"url": url, "entry": entry, "of": name, "process": result.numbers[PAGES]}


def _print(folder: Path, root: Path, result: Up) -> None:
    facts, places = result.facts, result.facts.places
    click.echo(_said(result))
    rows = [["node", "", "", url, str(result.numbers.get(NODE, ""))] for url in urls_of(places.url)]
    for each in facts.members:
        door = f"http://127.0.0.1:{each.port}"
        number = str(result.numbers.get(each.name, ""))
        rows.append([each.name, each.role, short(each.address), door, number])
    columns = ("Name", "Role", "Address", "URL or door", "Process")
    show(Console(), table(f"In {escaped(str(folder))}", columns, rows))
    for name in _ADDRESSES:
        click.echo(f"{name.capitalize():<10}{getattr(places, name)}")
    click.echo(f"{'Beats':<10}every {facts.period} s")
    rounds = Rounds(Rhythm(0, facts.period))
    signed = f"in cycles of {span(rounds.length)}, from the founding on; signed in the last beat"
    click.echo(f"{'Products':<10}{signed}")
    click.echo(f"{'Slots':<10}of {places.slot_length} s, the last ends {_clock(facts.ends)}")
    if facts.ends <= time.time():
        click.echo(
            "All slots are over, so nothing is for sale any more: a new market begins with"
            " fabmarket down --remove and up."
        )
    place = shlex.quote(str(folder))
    first = shlex.quote(str(folder / facts.members[-1].name))
    click.echo(f"{'Logs':<10}{escaped(str(folder / 'logs'))}")
    dashboard = _dashboard(root, result)
    if dashboard is None:
        click.echo(f"{'Look':<10}fabmarket status {escaped(first)}")
        click.echo(f"{'':<10}{missing('a browser needs more', 'serve')}, and fabmarket up again")
    else:
        click.echo(f"{'Look':<10}{dashboard['entry']}")
        click.echo(
            f"{'':<10}in a browser, as {dashboard['of']}; or fabmarket status {escaped(first)}"
        )
    click.echo(f"{'End':<10}fabmarket down {escaped(place)}")


def _said(result: Up) -> str:
    if result.is_new:
        return "A new market runs."
    if not result.started:
        return "All of it runs already."
    rest = "" if len(result.started) == len(result.numbers) else "; the others ran already"
    return f"Started: {', '.join(result.started)}{rest}."


def _clock(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds).astimezone():%Y-%m-%d %H:%M}"
