"""`fabmarket register`, `list`, `open`, `unlist`: what a supplier's agent has for sale."""

import click

from fabmarket.cli.inputs import Whole
from fabmarket.cli.ordering import relayable
from fabmarket.market.units import LARGEST_QUANTITY
from fabmarket.negotiation.orders import Order
from fabmarket.node.ordered import capacity
from fabmarket.node.owner import Owner

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
""",
)
@relayable
@click.argument("slot", type=_SLOT)
@click.argument("quantity", type=_QUANTITY)
def list_command(owner: Owner, slot: int, quantity: int) -> Order:
    """Offer capacity for sale: so many units more of a slot.

    The operators must have attested as much. The agent sells what is listed at the prices of its
    settings.
    """
    return capacity.listed(owner, slot, quantity)


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
