"""`fabmarket relay`: an agent with coin submits what another account has signed."""

from pathlib import Path

import click

from fabmarket.cli.inputs import read_input
from fabmarket.cli.ordering import ordering
from fabmarket.negotiation.orders import Order
from fabmarket.node.intents import LARGEST, about, read_intent
from fabmarket.node.owner import Owner
from fabmarket.report.wording import one_line


@click.command(
    "relay",
    epilog="""\b
Examples:
  fabmarket relay my-agent signed.txt
""",
)
@ordering
@click.argument("file", type=click.Path(path_type=Path))
def command(owner: Owner, file: Path) -> Order:
    """Submit, and pay the gas for, what another account has signed.

    FILE is what its owner wrote with --intent. It is tried on the chain first; what would fail is
    refused, and costs nothing.
    """
    relay = read_intent(owner.domain, read_input(file, LARGEST), str(file))
    click.echo(one_line(f"This pays for: {about(relay)}."), err=True)
    return relay
