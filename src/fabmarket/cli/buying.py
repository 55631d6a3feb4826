"""`fabmarket want`, `product`, `cancel`, `approve`: what an agent is to buy, and what no longer."""

from pathlib import Path

import click

from fabmarket.cli.inputs import InputError, Whole, read_input
from fabmarket.cli.ordering import ordering, relayable
from fabmarket.market.units import LARGEST_AMOUNT, LARGEST_QUANTITY
from fabmarket.negotiation.orders import AddProduct, AddWant, Order
from fabmarket.node.ordered import buying
from fabmarket.node.owner import Owner
from fabmarket.node.settings import WantTable, WayTable, parse_product
from fabmarket.report.wording import escaped
from fabmarket.scenario import LARGEST_FILE, decode

_AMOUNT = Whole(0, LARGEST_AMOUNT)
_SLOT = Whole(0, 2**32)


@click.command(
    "want",
    epilog="""\b
Examples:
  fabmarket want my-agent turning --slot 2 --resource S --quantity 10 --benefit 100 --cost 45
""",
)
@ordering
@click.argument("name")
@click.option("--slot", type=_SLOT, required=True, help="In which slot of the calendar.")
@click.option("--resource", metavar="NAME", required=True, help="Capacity of what does it.")
@click.option(
    "--quantity",
    type=Whole(1, LARGEST_QUANTITY),
    metavar="N",
    help="How many units; else as many as pay.",
)
@click.option("--benefit", type=_AMOUNT, metavar="N", required=True, help="What a unit is worth.")
@click.option(
    "--cost", type=_AMOUNT, metavar="N", default=0, help="What a unit costs beside its price."
)
@click.option("--divisible", is_flag=True, help="A part of the quantity is of use, too.")
def want_command(
    owner: Owner,
    name: str,
    slot: int,
    resource: str,
    quantity: int | None,
    benefit: int,
    cost: int,
    divisible: bool,
) -> Order:
    """Have a demander's agent buy something more.

    NAME is what you call it, as in the settings. The agent publishes what it still wants as often
    as `releases` says, counted anew.
    """
    way = WayTable(resource=resource, quantity=quantity, benefit=benefit, cost=cost)
    table = WantTable(name=name, slot=slot, divisible=divisible, alternatives=[way])
    order = buying.wanted(owner, table)
    _say_if_it_waits(owner, order, f"--want {name}")
    return order


def _say_if_it_waits(owner: Owner, wanted: AddWant | AddProduct, named: str) -> None:
    if buying.needs_approval(owner, wanted):
        order = f"fabmarket approve {owner.folder} {named}"
        said = f"It may cost more than policy.approve_above, and waits: {order}"
        click.echo(escaped(said), err=True)


@click.command(
    "product",
    epilog="""\b
Examples:
  fabmarket product my-agent bracket.toml
""",
)
@ordering
@click.argument("file", type=click.Path(path_type=Path))
def product_command(owner: Owner, file: Path) -> Order:
    """Have a demander's agent buy a whole product, or nothing of it.

    FILE describes it as the settings do, in a table [[products]]. The agent tries in as many cycles
    of the products' rounds as that says, from the cycle on that is under way.
    """
    text = decode(read_input(file, LARGEST_FILE), str(file), LARGEST_FILE)
    order = buying.product(owner, parse_product(text, str(file)))
    _say_if_it_waits(owner, order, f"--product {order.name}")
    return order


@click.command(
    "cancel",
    epilog="""\b
Examples:
  fabmarket cancel my-agent --want milling
  fabmarket cancel my-agent --product bracket
  fabmarket cancel my-agent --trade 0x3f
  fabmarket cancel my-agent --all
""",
)
@relayable
@click.option("--want", "name", metavar="NAME", help="A want for which nothing is signed yet.")
@click.option("--product", metavar="NAME", help="A product that is not signed yet.")
@click.option("--trade", metavar="TRADE", help="A trade that is signed and has not settled.")
@click.option("--listing", "slot", type=_SLOT, metavar="SLOT", help="All signed for this slot.")
@click.option("--all", "everything", is_flag=True, help="All that is signed and has not settled.")
def cancel_command(
    owner: Owner,
    name: str | None,
    product: str | None,
    trade: str | None,
    slot: int | None,
    everything: bool,
) -> Order:
    """Take back what has not settled yet.

    A want or a product is given up, with what is booked for it; a trade loses the nonce that it was
    signed under; everything signed in the token, or for a slot of ours, is void at once. TRADE is
    0x and the first digits of its digest.
    """
    given = [name is not None, product is not None, trade is not None, slot is not None, everything]
    if given.count(True) != 1:
        raise InputError("give one of --want, --product, --trade, --listing and --all")
    if name is not None:
        return buying.no_want(owner, name)
    if product is not None:
        return buying.no_product(owner, product)
    if slot is not None:
        return buying.nothing_of(owner, slot)
    return buying.nothing(owner) if trade is None else buying.no_trade(owner, trade)


@click.command(
    "approve",
    epilog="""\b
Examples:
  fabmarket approve my-agent --want milling
  fabmarket approve my-agent --product bracket
  fabmarket approve my-agent --trade 0x3f
""",
)
@ordering
@click.option("--want", "name", metavar="NAME", help="A want that may cost too much.")
@click.option("--product", metavar="NAME", help="A product that is worth too much.")
@click.option("--trade", metavar="TRADE", help="A trade that we are to sell under.")
def approve_command(
    owner: Owner, name: str | None, product: str | None, trade: str | None
) -> Order:
    """Approve what may cost or bring more than the policy lets pass.

    That is `policy.approve_above` in the settings.

    A want is negotiated, a product bid for from then on. A trade is countersigned, if it can still
    settle; TRADE is 0x and the first digits of its digest, as the log shows it.
    """
    if [name, product, trade].count(None) != 2:
        raise InputError("give one of --want, --product and --trade")
    wanted = name if product is None else product
    if wanted is not None:
        return buying.approved(owner, wanted)
    return buying.approved_trade(owner, trade or "")
