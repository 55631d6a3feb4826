"""`fabmarket deposit`, `withdraw`: the agent's money in the exchange."""

import click

from fabmarket.cli.inputs import Whole
from fabmarket.cli.ordering import ordering, relayable
from fabmarket.market.units import LARGEST_AMOUNT
from fabmarket.negotiation.orders import Order
from fabmarket.node.ordered import money
from fabmarket.node.owner import Owner

_AMOUNT = Whole(1, LARGEST_AMOUNT)


@click.command(
    "deposit",
    epilog="""\b
Examples:
  fabmarket deposit my-agent 40000
  fabmarket deposit my-agent 40000 --no-wait
""",
)
@ordering
@click.argument("amount", type=_AMOUNT)
def deposit_command(owner: Owner, amount: int) -> Order:
    """Pay money into the exchange.

    AMOUNT is in base units of the market's token, and comes out of the account's wallet. Two
    transactions: the token is told that the exchange may take just this amount, and the exchange
    takes it.
    """
    return money.paid_in(owner, amount)


@click.command(
    "withdraw",
    epilog="""\b
Examples:
  fabmarket withdraw my-agent 40000
  fabmarket withdraw my-agent 40000 --to 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266
""",
)
@relayable
@click.argument("amount", type=_AMOUNT)
@click.option("--to", metavar="ADDRESS", help="Whose wallet they go to; else the account's own.")
def withdraw_command(owner: Owner, amount: int, to: str | None) -> Order:
    """Take money out of the exchange.

    AMOUNT is in base units of the market's token. What is held in escrow cannot be taken out.
    """
    return money.withdrawn(owner, amount, to)
