"""`fabmarket down`: the end of what `fabmarket up` started."""

import json
from pathlib import Path

import click

from fabmarket.cli.inputs import InputError
from fabmarket.cli.up import argument
from fabmarket.local.market import Down, down
from fabmarket.report.wording import escaped


@click.command(
    "down",
    epilog="""\b
Examples:
  fabmarket down                  # the market in ./fabmarket-market; up goes on with it
  fabmarket down fair --remove    # and nothing of it is left
  fabmarket down fair --json
""",
)
@argument
@click.option("--remove", is_flag=True, help="Remove all that up made in DIR, its keys too.")
@click.option("--json", "as_json", is_flag=True, help="Print what ended as JSON.")
def command(folder: Path, remove: bool, as_json: bool) -> None:
    """End the processes of a market that `up` started, and perhaps remove it.

    The agents end first, then the node, which writes its chain: `fabmarket up` goes on with it.
    What does not end in time is killed. Where nothing runs there is nothing to do.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is no directory; give another")
    root = folder.absolute()
    is_there = root.exists()
    result = down(root, is_removed=remove) if is_there else Down()
    if as_json:
        facts = {
            "ended": list(result.ended),
            "killed": list(result.killed),
            "left": list(result.left),
            "chain_lost": result.is_lost,
            "removed": remove and is_there,
        }
        click.echo(json.dumps(facts, indent=2, sort_keys=True))
        return
    _print(folder, result, is_removed=remove and is_there)


def _print(folder: Path, result: Down, *, is_removed: bool) -> None:
    place = escaped(str(folder))
    if result.ended:
        click.echo(f"Ended: {', '.join(result.ended)}.")
    if result.killed:
        click.echo(f"Killed, as they did not end in time: {', '.join(result.killed)}.")
    if result.left:
        click.echo(f"Still running, started by hand: {', '.join(result.left)}.")
    if not (result.ended or result.killed or result.left):
        click.echo(f"Nothing runs in {place}.")
    if is_removed:
        rest = "; what others put there is left" if folder.exists() else ""
        click.echo(f"Removed: the market in {place}{rest}.")
    elif result.is_lost:
        click.echo(
            f"The chain was not written, so this market cannot go on:"
            f" fabmarket down --remove {place} makes room for a new one."
        )
