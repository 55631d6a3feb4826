"""`fabmarket deliver`, `accept`, `dispute`, ...: what becomes of trades in escrow."""

from pathlib import Path

import click

from fabmarket.cli.inputs import Whole, read_input
from fabmarket.cli.ordering import ordering, relayable
from fabmarket.market.units import LARGEST_AMOUNT, LARGEST_QUANTITY
from fabmarket.negotiation.orders import Order
from fabmarket.node.ordered import delivering
from fabmarket.node.owner import Owner

_SHARE = Whole(0, LARGEST_AMOUNT)
_trade = click.argument("digits", metavar="TRADE")


@click.command(
    "deliver",
    epilog="""\b
Examples:
  fabmarket deliver my-agent 0x3f
  fabmarket deliver my-agent 0x3f --quantity 8
""",
)
@relayable
@_trade
@click.option(
    "--quantity", type=Whole(1, LARGEST_QUANTITY), metavar="N", help="So many units; else all."
)
def deliver_command(owner: Owner, digits: str, quantity: int | None) -> Order:
    """State that a trade in escrow was delivered: the supplier's.

    Once, from the term deliverFrom on and in time. TRADE is 0x and the first digits of its digest.
    """
    return delivering.delivered(owner, digits, quantity)


@click.command(
    "accept",
    epilog="""\b
Examples:
  fabmarket accept my-agent 0x3f
  fabmarket accept my-agent 0x3f --amount 500
""",
)
@relayable
@_trade
@click.option(
    "--amount", type=Whole(1, LARGEST_AMOUNT), metavar="N", help="So much of the payment; else all."
)
def accept_command(owner: Owner, digits: str, amount: int | None) -> Order:
    """Pay the supplier what a trade in escrow holds: the demander's.

    With all of the payment the trade is closed; a part can be paid at any time. In a dispute,
    accepting costs the demander its deposit. TRADE is 0x and the first digits of its digest.
    """
    return delivering.accepted(owner, digits, amount)


@click.command(
    "dispute",
    epilog="""\b
Examples:
  fabmarket dispute my-agent 0x3f --evidence protocol.pdf
""",
)
@relayable
@_trade
@click.option(
    "--evidence",
    type=click.Path(path_type=Path),
    metavar="FILE",
    required=True,
    help="What shows that it was not delivered as agreed; its hash goes on the chain.",
)
def dispute_command(owner: Owner, digits: str, evidence: Path) -> Order:
    """Dispute a stated delivery: the demander's, for the operators to rule on.

    A copy of the evidence is kept in the agent's directory, for its hash is all that the chain
    says. TRADE is 0x and the first digits of its digest.
    """
    content = read_input(evidence, delivering.LARGEST_EVIDENCE)
    return delivering.disputed(owner, digits, content, str(evidence))


@click.command(
    "refund",
    epilog="""\b
Examples:
  fabmarket refund my-agent 0x3f
""",
)
@relayable
@_trade
def refund_command(owner: Owner, digits: str) -> Order:
    """Have the payment of a trade in escrow go back to the demander.

    A supplier gives it back, and loses what the exit penalty, or from deliverBy on the late one,
    takes of its bond. A demander takes it back, which the contract allows it where less is attested
    than was sold. TRADE is 0x and the first digits of its digest.
    """
    return delivering.refunded(owner, digits)


@click.command(
    "expire",
    epilog="""\b
Examples:
  fabmarket expire my-agent 0x3f
""",
)
@ordering
@_trade
def expire_command(owner: Owner, digits: str) -> Order:
    """Have a deadline that has passed decide: anybody's.

    The first time opens a grace period, in which whoever was to act still may; the second time,
    after it, pays as the terms say. TRADE is 0x and the first digits of its digest.
    """
    return delivering.expired(owner, digits)


@click.command(
    "execute",
    epilog="""\b
Examples:
  fabmarket execute my-agent 0x3f
""",
)
@ordering
@_trade
def execute_command(owner: Owner, digits: str) -> Order:
    """Carry out the operators' ruling after its window: anybody's.

    TRADE is 0x and the first digits of its digest.
    """
    return delivering.executed(owner, digits)


@click.command(
    "void",
    epilog="""\b
Examples:
  fabmarket void my-agent 0x3f
""",
)
@relayable
@_trade
def void_command(owner: Owner, digits: str) -> Order:
    """Withdraw consent to every split of a trade in escrow that was signed so far.

    TRADE is 0x and the first digits of its digest.
    """
    return delivering.voided(owner, digits)


@click.command(
    "split",
    epilog="""\b
Examples:
  fabmarket split my-agent 0x3f --to-supplier 600
  fabmarket split my-agent 0x3f --to-demander 0 --days 2
""",
)
@ordering
@_trade
@click.option("--to-supplier", type=_SHARE, metavar="N", help="What the supplier gets.")
@click.option("--to-demander", type=_SHARE, metavar="N", help="What the demander gets.")
@click.option(
    "--days",
    type=Whole(1, 3650),
    metavar="N",
    default=7,
    show_default=True,
    help="How long the other party may take to agree.",
)
def split_command(
    owner: Owner, digits: str, to_supplier: int | None, to_demander: int | None, days: int
) -> Order:
    """Divide all that a trade in escrow holds, if its other party agrees.

    Payment, bond and both deposits; of the two shares one is enough, the other gets the rest. The
    first to say it sends the other's agent a signed offer, which `fabmarket status` shows there;
    once the other owner says the same, its agent submits both signatures. TRADE is 0x and the first
    digits of its digest.
    """
    return delivering.split(owner, digits, to_supplier, to_demander, days)
