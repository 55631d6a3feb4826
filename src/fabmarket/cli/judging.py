"""`fabmarket disputes`, `rule`, `show`: what the operators decide, and what they are shown."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from fabmarket.cli.inputs import read_input
from fabmarket.cli.ordering import ordering
from fabmarket.cli.terminal import table
from fabmarket.negotiation.orders import Order
from fabmarket.node.cases import disputes_of
from fabmarket.node.moments import moment
from fabmarket.node.ordered import judging
from fabmarket.node.oversight import exhibits_of, in_dispute, operator_state
from fabmarket.node.owner import BadOrder, Owner
from fabmarket.report.terminal import show
from fabmarket.report.wording import escaped, number, one_line, to_come
from fabmarket.report.writing import place


class Share(click.ParamType[int]):
    """A share with its unit: 50%, with at most two decimals, or 5000bp."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return basis points."""
        try:
            return judging.basis_points(str(value))
        except BadOrder as error:
            self.fail(str(error), param, ctx)


@click.command(
    "disputes",
    epilog="""\b
Examples:
  fabmarket disputes our-operator
  fabmarket disputes our-operator --out evidence   # the files that the parties showed
  fabmarket disputes our-operator --json
""",
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="OUT", help="Write the evidence there."
)
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def disputes_command(folder: Path, out: Path | None, as_json: bool) -> None:
    """List the disputes that an operator rules on.

    Those first that are to be ruled on first, with the evidence that was shown, until when a ruling
    can be waited for, and what the operators proposed: the supplier's shares of payment, bond and
    deposits.
    """
    owner = Owner(folder)
    if out is not None:
        files = {
            f"{key.hex()[:16]}-{each.party[2:10]}-{each.hash.hex()[:8]}": each.file
            for key, case in in_dispute(operator_state(owner)).items()
            for each in exhibits_of(owner, case)
        }
        if files:
            place(files, out)
    facts = [asdict(each) for each in disputes_of(owner)]
    if as_json:
        click.echo(json.dumps(facts, indent=2, sort_keys=True))
    else:
        _print(facts, out, owner.time)


def _print(facts: list[dict[str, Any]], out: Path | None, now: int) -> None:
    rows = [
        [
            each["trade"][:14],
            number(each["payment"]),
            f"{number(each['delivered'])} of {number(each['sold'])}",
            to_come(each["hearing_until"], now),
            to_come(each["decide_by"], now),
        ]
        for each in facts
    ]
    columns = ("Trade", "Held", "Delivered, as stated", "Hearing over", "Rule by")
    show(Console(), table("Disputes", columns, rows))
    for each in facts:
        for line in (*_shown(each), *_rulings(each)):
            click.echo(one_line(f"{each['trade'][:14]}: {line}"))
    if out is not None:
        click.echo(escaped(f"Files: {out}"))


def _shown(dispute: dict[str, Any]) -> Iterator[str]:
    for each in dispute["shown"]:
        where = each["place"] or f"{each['bytes']} bytes"
        same = ", which the dispute names" if each["as_disputed"] else ""
        yield f"{each['party']} shows {each['hash'][:14]}, {where}{same}"


def _rulings(dispute: dict[str, Any]) -> Iterator[str]:
    for each in dispute["proposed"]:
        own = ", you among them" if each["own"] else ""
        signed = f"signed by {len(each['signed'])} of {dispute['needed']}{own}"
        yield f"proposed {_shares(each)}, {signed}"
    posted = dispute["posted"]
    if posted["number"]:
        yield f"posted {_shares(posted)}, to be executed from {moment(posted['executable_at'])} on"


def _shares(ruling: dict[str, Any]) -> str:
    payment, bond, deposits = (f"{each / 100:g}%" for each in ruling["shares"])
    said = f"{payment} of the payment, {bond} of the bond, {deposits} of deposits"
    return f"as {ruling['number']}: {said}"


@click.command(
    "rule",
    epilog="""\b
Examples:
  fabmarket rule our-operator 0x8c1e --payment-share 100% --bond-share 100% --deposit-share 50%
  fabmarket rule our-operator 0x8c1e --payment-share 0% --bond-share 2500bp --deposit-share 0%
""",
)
@ordering
@click.argument("trade")
@click.option("--payment-share", type=Share(), required=True, help="Of the payment still held.")
@click.option("--bond-share", type=Share(), required=True, help="Of the supplier's bond.")
@click.option("--deposit-share", type=Share(), required=True, help="Of both deposits together.")
def rule_command(
    owner: Owner, trade: str, payment_share: int, bond_share: int, deposit_share: int
) -> Order:
    """Say what the supplier is to get of what a disputed trade holds.

    The demander gets the rest. A share is written with its unit, as 50% or 5000bp. Once as many
    operators as are needed have said the same, and the hearing is over, one of them posts the
    ruling; when its window is over anybody may have it executed. To change your mind say something
    else: your later word counts.
    """
    return judging.ruled(owner, trade, payment_share, bond_share, deposit_share)


@click.command(
    "show",
    epilog="""\b
Examples:
  fabmarket show my-agent 0x8c1e measured.pdf
  fabmarket show my-agent 0x8c1e film.mp4 --place https://mill.example/film.mp4
""",
)
@ordering
@click.argument("trade")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--place", "where", metavar="TEXT", help="Where a file is that is not sent itself.")
def show_command(owner: Owner, trade: str, file: Path, where: str | None) -> Order:
    """Show the operators evidence of a disputed trade of ours.

    A file of up to 400,000 bytes is sent; of a larger one, or with --place, its hash and where it
    is. It goes, sealed, to the operators that rule on the trade, and to nobody else. The file that
    `fabmarket dispute` named on the chain is not shown by itself.
    """
    content = read_input(file, judging.LARGEST_SHOWN)
    return judging.shown(owner, trade, content, str(file), where)
