"""`fabmarket register`, `list`, `open`, `unlist`: what a supplier's agent has for sale."""

from pathlib import Path

import click

from fabmarket.cli.inputs import InputError, Whole, read_input
from fabmarket.cli.ordering import relayable
from fabmarket.cli.tables import tell_faults
from fabmarket.market.units import LARGEST_QUANTITY
from fabmarket.negotiation.orders import Order
from fabmarket.node.ordered import capacity
from fabmarket.node.owner import Owner
from fabmarket.report.wording import escaped
from fabmarket.scenario.tables import LARGEST_TABLE, WrongTables, offered, read_sheets

_SLOT = Whole(0, 2**40)
_QUANTITY = Whole(1, LARGEST_QUANTITY)


@click.command(
    "register",
    epilog="""\b
Examples:
  fabmarket register my-agent hour
""",
)
@relayable
@click.argument("unit")
def register_command(owner: Owner, unit: str) -> Order:
    """Register the resource that the settings name, for good.

    UNIT is the name of what is counted, as in hour or piece. Calendar and resource are those of the
    settings. Operators attest capacity of what is registered.
    """
    return capacity.registered(owner, unit)


@click.command(
    "list",
    epilog="""\b
Examples:
  fabmarket list my-agent 0 100
  fabmarket list my-agent --from calendar.csv
""",
)
@relayable
@click.argument("slot", type=_SLOT, required=False)
@click.argument("quantity", type=_QUANTITY, required=False)
@click.option(
    "--from",
    "table",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Offer what this table of a calendar says, and is not offered yet.",
)
def list_command(owner: Owner, slot: int | None, quantity: int | None, table: Path | None) -> Order:
    """Offer capacity for sale: so many units more of a slot.

    The operators must have attested as much. The agent sells what is listed at the prices of its
    settings. Of a table (CSV or Excel) each slot is offered up to what it says there, so that the
    same command may be given again.
    """
    if table is not None and slot is None:
        return _listed_by_table(owner, table)
    if table is not None or slot is None or quantity is None:
        raise InputError("give SLOT and QUANTITY, or --from FILE")
    return capacity.listed(owner, slot, quantity)


def _listed_by_table(owner: Owner, path: Path) -> Order:
    calendar = owner.calendar
    owner.listing(0)  # a supplier alone has any
    sheets = read_sheets(read_input(path, LARGEST_TABLE), str(path))
    try:
        units, notes = offered(sheets, calendar.origin, calendar.slot_length)
    except WrongTables as error:
        tell_faults(error)
        raise
    for note in notes:
        click.echo(escaped(f"Note: {note}."), err=True)
    order, left = capacity.listed_up_to(owner, units)
    if left:
        said = f"{left} more slots are left; once this is done, give the same command again"
        click.echo(said, err=True)
    return order


@click.command(
    "open",
    epilog="""\b
Examples:
  fabmarket open my-agent 3
""",
)
@relayable
@click.argument("slot", type=_SLOT)
def open_command(owner: Owner, slot: int) -> Order:
    """Open a sealed slot, and offer all of it for sale.

    From then on everybody knows how many units were attested, whether they sell or not.
    """
    return capacity.opened(owner, slot)


@click.command(
    "unlist",
    epilog="""\b
Examples:
  fabmarket unlist my-agent 0 20
  fabmarket unlist my-agent 0
""",
)
@relayable
@click.argument("slot", type=_SLOT)
@click.argument("quantity", type=_QUANTITY, required=False)
def unlist_command(owner: Owner, slot: int, quantity: int | None) -> Order:
    """Take capacity off the market: so many units of a slot that are not sold.

    Without QUANTITY all of them; with the last of them what was signed for the slot and has not
    settled is void.
    """
    return capacity.unlisted(owner, slot, quantity)
