"""`fabmarket status`: what the agent of a directory knows and does, read from its journal."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from fabmarket.cli.terminal import table
from fabmarket.identity.keystore import address_of_keystore
from fabmarket.node.escrows import EscrowStatus
from fabmarket.node.lines import place_of
from fabmarket.node.moments import moment
from fabmarket.node.past import Forgotten
from fabmarket.node.products import ProductStatus
from fabmarket.node.settings import KEYSTORE, read_settings
from fabmarket.node.status import Status, has_begun, is_running, status_of
from fabmarket.report.terminal import show
from fabmarket.report.wording import escaped, money, number, one_line, plural, to_come


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
        "begun": has_begun(folder),
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
    click.echo(f"{facts['role']} {facts['address']}, {state}, door at {place_of(facts['door'])}")
    if not facts["begun"]:
        waits = "It is just starting, and has reached no node of its market yet: see its log."
        click.echo(escaped(waits if facts["running"] else "It has not been started yet."))
        return
    click.echo(
        f"{_read(status)}; {plural(status.letters, 'letter')} and"
        f" {plural(status.moves, 'transaction')} on their way; {_done(status)}"
    )
    if status.waits:
        click.echo(one_line(f"Waits: {status.waits}"))
    gone = status.forgotten
    if gone.messages:
        click.echo(f"Forgotten, of what was over by {moment(gone.before)}: {_done(gone)}")
    _print_balance(status)
    for each in status.todo:
        click.echo(one_line(f"To do: {each}"))
    if status.next_intent:
        click.echo(f"Calls that others submitted for it: those below intent {status.next_intent}")
    if facts["role"] == "operator":
        waiting = f"{status.requests} requests wait for your word; {status.disputes} disputes"
        click.echo(f"{waiting}: see fabmarket requests, fabmarket disputes")
    if status.wants:
        rows = [[escaped(each.name), each.state, each.reason] for each in status.wants]
        show(console, table("Wants", ("Want", "State", "Last reason"), rows))
    if status.products:
        _print_products(console, status)
    _print_stock(console, status)
    _print_escrows(console, status)
    if status.orders:
        rows = [
            [str(each.number), each.order, each.state, escaped(each.reason)]
            for each in status.orders
        ]
        show(console, table("Orders", ("Order", "What", "State", "Reason"), rows))
    if status.peers:
        rows = [
            [each.address, escaped(each.sells), escaped(place_of(each.url))]
            for each in status.peers
        ]
        show(console, table("Cards on the board", ("Address", "Sells", "Door"), rows))


def _print_stock(console: Console, status: Status) -> None:
    """What a supplier has, and who left awards of it unsigned."""
    if status.stock:
        rows = [
            [
                str(each.slot),
                *map(number, (each.attested, each.available, each.promised)),
                "" if each.sealed is None else number(each.sealed),
            ]
            for each in status.stock
        ]
        names = ("Slot", "Attested", "For sale", "Promised", "Sealed")
        show(console, table("Stock", names, rows))
    if status.unsigned:
        rows = [
            [
                each.demander,
                number(each.awards),
                moment(each.until) if each.until > status.time else number(None),
            ]
            for each in status.unsigned
        ]
        title = "Awards left unsigned"
        show(console, table(title, ("Demander", "Awards", "No offer until"), rows))


def _print_escrows(console: Console, status: Status) -> None:
    if status.escrows:
        rows = [_escrow(each, status.time) for each in status.escrows]
        columns = (
            "Trade",
            "As",
            "State",
            "Units used",
            "Payment",
            "Next deadline",
            "You can",
            "Split offered",
        )
        show(console, table("Escrows", columns, rows))


def _print_products(console: Console, status: Status) -> None:
    rows = [
        [escaped(each.name), each.state, _round(each, status.time), *_prices(each)]
        for each in status.products
    ]
    columns = ("Product", "State", "Round", "Least cost", "Price")
    show(console, table("Products", columns, rows))
    reasons = [
        f"Last reason, {each.name}: {each.reason}" for each in status.products if each.reason
    ]
    for line in (*map(one_line, reasons), *[""] * bool(reasons)):
        click.echo(line)
    steps = [
        [
            escaped(f"{product.name} / {each.operation}"),
            each.supplier[:12],
            str(each.slot),
            *map(number, (each.units, each.unit_price)),
            f"{each.trade[:12]}{', lost' if each.lost else ''}",
        ]
        for product in status.products
        for each in product.chain
    ]
    if steps:
        names = ("Product / operation", "Supplier", "Slot", "Units", "Unit price", "Trade")
        show(console, table("Products, step by step", names, steps))


def _round(product: ProductStatus, now: int) -> str:
    if not product.phase:
        return ""
    at = f"{product.phase}, beat {product.beat} of {product.beats}"
    return f"{at}; signed {to_come(product.signs_at, now)}"


def _prices(product: ProductStatus) -> tuple[str, str]:
    """Of what is not known, nothing."""
    rest = "rest " if product.rest else ""
    return (
        f"{rest}{number(product.least)}" if product.least else "",
        number(product.payment) if product.chain or product.payment else "",
    )


def _done(counted: Status | Forgotten) -> str:
    return f"{plural(counted.sessions, 'session')}, {plural(counted.trades, 'trade')}"


def _read(status: Status) -> str:
    if status.block < 0:
        return "Nothing read of the chain yet"
    return f"Chain read up to block {status.block} of {moment(status.time)}"


def _print_balance(status: Status) -> None:
    """Base units, and what the token calls them where it says so."""
    balance = status.balance
    held = balance.payments + balance.bonds + balance.deposits
    click.echo(
        f"Balance {_amount(balance.free, status)}; in escrow {_amount(held, status)}:"
        f" payments {number(balance.payments)}, bonds {number(balance.bonds)},"
        f" deposits {number(balance.deposits)}"
    )


def _amount(base_units: int, status: Status) -> str:
    if status.currency is None:
        return number(base_units)
    return f"{number(base_units)} ({escaped(money(base_units, asdict(status.currency)))})"


def _escrow(escrow: EscrowStatus, now: int) -> list[str]:
    offer = escrow.split
    return [
        escrow.trade[:12],
        escrow.role,
        escrow.state,
        f"{number(escrow.reported)} of {number(escrow.quantity)}",
        number(escrow.payment),
        to_come(escrow.deadline, now),
        ", ".join(escrow.can),
        "" if offer is None else f"{number(offer.to_supplier)} / {number(offer.to_demander)}",
    ]
