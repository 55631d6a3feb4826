"""`fabmarket status`: what the agent of a directory knows and does, read from its journal."""

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from fabmarket.cli.terminal import table
from fabmarket.identity.keystore import address_of_keystore
from fabmarket.node.settings import JOURNAL, KEYSTORE, read_settings
from fabmarket.node.status import Status, is_running, status_of
from fabmarket.report.terminal import show
from fabmarket.report.wording import escaped


@click.command(
    "status",
    epilog="""\b
Examples:
  fabmarket status my-agent
  fabmarket status my-agent --json
""",
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def command(folder: Path, as_json: bool) -> None:
    """Show what the agent of a directory knows and does, running or not.

    It reads settings and journal; neither passphrase nor chain are needed.
    """
    settings = read_settings(folder)
    facts: dict[str, Any] = {
        "role": settings.role,
        "address": address_of_keystore(folder / KEYSTORE),
        "door": settings.door.url,
        "running": is_running(folder),
        "begun": (folder / JOURNAL).exists(),
    }
    status = status_of(folder, settings)
    facts |= status.facts()
    if as_json:
        click.echo(json.dumps(facts, indent=2, sort_keys=True))
    else:
        _print(facts, status)


def _print(facts: dict[str, Any], status: Status) -> None:
    console = Console()
    state = "running" if facts["running"] else "not running"
    click.echo(f"{facts['role']} {facts['address']}, {state}, door at {facts['door']}")
    if not facts["begun"]:
        click.echo(escaped("It has not been started yet."))
        return
    click.echo(
        f"Block {status.block}; {status.letters} letters and {status.moves} transactions on their"
        f" way; {status.sessions} sessions, {status.trades} trades"
    )
    if status.wants:
        rows = [[each.name, each.state, each.reason] for each in status.wants]
        show(console, table("Wants", ("Want", "State", "Last reason"), rows))
    if status.stock:
        rows = [[str(each.slot), str(each.available), str(each.promised)] for each in status.stock]
        show(console, table("Stock", ("Slot", "For sale", "Promised"), rows))
    if status.peers:
        rows = [[each.address, escaped(each.sells), escaped(each.url)] for each in status.peers]
        show(console, table("Cards on the board", ("Address", "Sells", "Door"), rows))
