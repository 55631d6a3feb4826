"""`fabmarket net status`: how far an agent is in a net cycle."""

import json
from pathlib import Path

import click
from rich.console import Console

from fabmarket.cli.terminal import table
from fabmarket.node.cycles import NetStatus, net_status
from fabmarket.node.moments import moment
from fabmarket.node.settings import read_settings
from fabmarket.report.terminal import show
from fabmarket.report.wording import number, plural, short


@click.command(
    "net",
    epilog="""\b
Examples:
  fabmarket net status my-agent
  fabmarket net status my-agent --json
""",
)
@click.argument("what", metavar="status", type=click.Choice(["status"]))
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def command(what: str, folder: Path, *, as_json: bool) -> None:
    """Show how far an agent is in the net cycle that closed last, and whom it waits for.

    It reads what the agent of the directory has written down, running or not.
    """
    _ = what
    status = net_status(folder, read_settings(folder))
    if as_json:
        click.echo(json.dumps(status.facts(), indent=2, sort_keys=True))
        return
    if not status.role:
        click.echo("The agent takes part in no net cycle: see net.coordinator in its settings.")
        return
    show(Console(), table(f"Net cycle, {status.role}", ("", ""), _rows(status)))


def _rows(status: NetStatus) -> list[tuple[str, str]]:
    rows = [
        ("Coordinator", status.coordinator),
        ("Closed at", moment(status.closed)),
        ("Phase", f"{status.phase}, until {moment(status.ends)}"),
        ("Next closes at", moment(status.closes)),
        ("Attempt", "none yet" if status.attempt is None else str(status.attempt + 1)),
        ("Accounts", number(status.accounts)),
    ]
    if status.role == "party":
        waiting = plural(status.products, "product")
        rows.append(("Not settled", f"{waiting}, {number(status.payment)} base units"))
        rows.append(("Own row", _row(status)))
    rows.append(("Batch", status.batch or "none"))
    if status.batch:
        done = "submitted" if status.role == "coordinator" else "signed"
        rows.append((done.capitalize(), "yes" if status.signed else "no"))
    rows.append(("Missing", ", ".join(map(short, status.missing)) or "nobody"))
    if status.reason:
        rows.append(("Not netted, as", status.reason))
    return rows


def _row(status: NetStatus) -> str:
    row = status.row
    if row is None:
        return "none"
    change = f"{'pays' if row.change < 0 else 'is paid'} {number(abs(row.change))} base units"
    counted = f"{plural(row.trades, 'trade')}, {plural(row.listings, 'listing')}"
    return f"{change}; {counted}; {plural(row.nonces, 'nonce')}"
