"""`fabmarket report`, `acknowledge`, `object`, `usage`: how far deliveries have come."""

import json
import time
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from fabmarket.cli.inputs import InputError, Whole, read_input
from fabmarket.cli.ordering import (
    OrderFailed,
    await_knowledge,
    carry_out,
    json_option,
    no_wait_option,
    ordering,
)
from fabmarket.cli.terminal import table
from fabmarket.identity import digest
from fabmarket.market.exchange import EscrowState
from fabmarket.market.units import LARGEST_QUANTITY
from fabmarket.market.usage import LONGEST_NOTE
from fabmarket.negotiation.orders import Order
from fabmarket.node.moments import moment
from fabmarket.node.ordered import delivering
from fabmarket.node.owner import Owner
from fabmarket.node.prefix import one_of
from fabmarket.node.readings import LARGEST, NoReading, ask, last_of
from fabmarket.node.reports import Report, reports_of
from fabmarket.report.terminal import show
from fabmarket.report.wording import escaped, number, one_line
from fabmarket.scenario import decode

_EVERY = 2.0
"""Seconds between two looks at a feed."""
_trade = click.argument("digits", metavar="TRADE")


class _Note(click.types.StringParamType):
    """A text that fits a message."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text, if it is not too long."""
        if len(value) > LONGEST_NOTE:
            self.fail(f"has {len(value)} characters; {LONGEST_NOTE} are the most", param, ctx)
        return str(value)


@click.command(
    "report",
    epilog="""\b
Examples:
  fabmarket report my-agent 0x3f 6 --note "third pallet"
  fabmarket report my-agent 0x3f --csv counter.csv
  fabmarket report my-agent 0x3f --feed http://127.0.0.1:8080/units
""",
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@_trade
@click.argument("units", metavar="[UNITS]", required=False, type=Whole(0, LARGEST_QUANTITY))
@click.option("--note", type=_Note(), metavar="TEXT", default="", help="What to say with it.")
@click.option(
    "--csv",
    "readings",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The last row of it counts: at,units.",
)
@click.option("--feed", metavar="URL", help="What this URL answers, as often as it changes.")
@no_wait_option
@json_option
def report_command(
    folder: Path,
    digits: str,
    units: int | None,
    note: str,
    readings: Path | None,
    feed: str | None,
    *,
    no_wait: bool,
    as_json: bool,
) -> None:
    """Tell the demander how much of a trade in escrow is used: the supplier's.

    UNITS are all that are used so far. The agent signs it and sends it to the demander's, which
    can accept it or object. A feed answers a number or {"units": 7}; it is asked until delivery is
    stated, the trade is closed, or you interrupt it. TRADE is 0x and the first digits of its
    digest.
    """
    if sum(each is not None for each in (units, readings, feed)) != 1:
        raise InputError("say what is used in one way: UNITS, --csv or --feed")
    owner = Owner(folder)
    if not no_wait:
        await_knowledge(owner)
    if feed is not None:
        return _follow(owner, digits, feed, note, as_json=as_json)
    if readings is None:
        order = delivering.reported(owner, digits, units or 0, None, note)
    else:
        text = decode(read_input(readings, LARGEST), str(readings), LARGEST)
        last = last_of(text, str(readings))
        order = delivering.reported(owner, digits, last.units, last.at, note)
    carry_out(owner, order, no_wait=no_wait, as_json=as_json)


def _follow(owner: Owner, digits: str, url: str, note: str, *, as_json: bool) -> None:
    """Report what a feed says whenever that changes, as long as there is something to deliver."""
    if not url.startswith(("http://", "https://")):
        raise InputError(f"{url[:60]!r} is no URL; begin it with http:// or https://")
    name, said, reason, waits = digest(owner.domain, owner.escrow(digits)), None, "", False
    while True:
        owner.read_on()
        if owner.exchange.held[name].state != EscrowState.FUNDED:
            ended = "Delivery is stated, or the trade is closed; the feed is asked no more."
            return click.echo(ended, err=True)
        try:
            units = ask(url)
        except NoReading as error:
            if str(error) != reason:
                click.echo(one_line(f"{error}; it is asked again"), err=True)
            reason = str(error)
        else:
            reason = ""
            begins = owner.exchange.escrows[name].escrow.deliver_from
            if said is None and owner.time < begins and not waits:
                waits = True
                click.echo(f"The slot begins at {moment(begins)}; reported from then on.", err=True)
            if units != said and owner.time >= begins:
                said = units
                order = delivering.reported(owner, f"0x{name.hex()}", units, None, note)
                _report(owner, order, as_json=as_json)
        time.sleep(_EVERY)


def _report(owner: Owner, order: Order, *, as_json: bool) -> None:
    """Report what a feed says; where it is refused, the feed may say something better later."""
    try:
        carry_out(owner, order, no_wait=False, as_json=as_json)
    except OrderFailed as error:
        click.echo(one_line(str(error)), err=True)


@click.command(
    "acknowledge",
    epilog="""\b
Examples:
  fabmarket acknowledge my-agent 0x3f
  fabmarket acknowledge my-agent 0x3f --note "counted at the gate"
""",
)
@ordering
@_trade
@click.option("--note", type=_Note(), metavar="TEXT", default="", help="What to say with it.")
def acknowledge_command(owner: Owner, digits: str, note: str) -> Order:
    """Accept the last report of what is used of a trade in escrow.

    The demander's agent signs that, and both signatures are evidence. No money moves: see
    `fabmarket accept`. TRADE is 0x and the first digits of its digest.
    """
    return delivering.answered(owner, digits, accepted=True, note=note)


@click.command(
    "object",
    epilog="""\b
Examples:
  fabmarket object my-agent 0x3f --reason "two parts are cracked"
""",
)
@ordering
@_trade
@click.option("--reason", type=_Note(), metavar="TEXT", required=True, help="Why not.")
def object_command(owner: Owner, digits: str, reason: str) -> Order:
    """Object to the last report of what is used of a trade in escrow.

    The supplier's agent hears the reason. Nothing else follows: see `fabmarket dispute`. TRADE is
    0x and the first digits of its digest.
    """
    return delivering.answered(owner, digits, accepted=False, note=reason)


@click.command(
    "usage",
    epilog="""\b
Examples:
  fabmarket usage my-agent
  fabmarket usage my-agent 0x3f --json
""",
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("digits", metavar="[TRADE]", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def usage_command(folder: Path, digits: str | None, as_json: bool) -> None:
    """List who reported what is used of trades, and what the other answered.

    Of all trades, closed ones too, or of TRADE: 0x and the first digits of its digest.
    """
    found = reports_of(Owner(folder).folder)
    if digits is not None:
        trades = dict.fromkeys(each.usage.trade for each in found)
        trade = one_of(digits, trades, "trade with reports")
        found = [each for each in found if each.usage.trade == trade]
    facts = [_facts(each) for each in found]
    if as_json:
        click.echo(json.dumps(facts, indent=2, sort_keys=True))
    elif facts:
        columns = ("Trade", "Report", "Units", "At", "Note", "Answer", "Its note")
        show(Console(), table("Usage", columns, [_row(each) for each in facts]))
    else:
        click.echo("Nothing was reported so far.")


def _facts(report: Report) -> dict[str, Any]:
    usage, receipt = report.usage, report.receipt
    answer = {
        "demander": "" if receipt is None else receipt.demander,
        "accepted": None if receipt is None else receipt.accepted,
        "note": "" if receipt is None else receipt.note,
    }
    return {
        "trade": f"0x{usage.trade.hex()}",
        "digest": f"0x{report.digest.hex()}",
        "supplier": usage.supplier,
        "number": usage.sequence,
        "units": usage.units,
        "at": usage.at,
        "note": usage.note,
        "answer": answer,
    }


def _row(report: dict[str, Any]) -> list[str]:
    answer = report["answer"]
    said = {None: "", True: "accepted", False: "objected"}[answer["accepted"]]
    return [
        report["trade"][:12],
        str(report["number"]),
        number(report["units"]),
        moment(report["at"]),
        escaped(report["note"]),
        said,
        escaped(answer["note"]),
    ]
