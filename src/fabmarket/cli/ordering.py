"""What the commands have in common by which an owner orders something of its agent."""

import functools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from fabmarket.cli.inputs import InputError, Whole
from fabmarket.cli.passphrase import option as passphrase_option
from fabmarket.cli.passphrase import passphrase
from fabmarket.errors import Refused
from fabmarket.identity.keystore import unlock
from fabmarket.market.exchange import Relay
from fabmarket.negotiation.orders import Order
from fabmarket.node.intents import RELAYED, about, signed_intent, written
from fabmarket.node.owner import Owner, write_whole
from fabmarket.node.participant import Outcome
from fabmarket.node.placed import state_of
from fabmarket.node.settings import KEYSTORE
from fabmarket.report.wording import one_line

_LOOK = 0.1
"""Seconds between looks whether an agent has caught up."""


folder_argument = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
no_wait_option = click.option("--no-wait", is_flag=True, help="Do not wait until it is done.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print what came of it as JSON.")


class OrderFailed(Refused):
    """An order was refused, by the agent or on the chain; says why."""


def ordering(order_of: Callable[..., Order]) -> Callable[..., None]:
    """Make a command's body of a function that returns the order for what the owner said.

    It is given `owner` and the command's own parameters; DIR, --no-wait and --json come with this.
    """

    @folder_argument
    @no_wait_option
    @json_option
    @functools.wraps(order_of)
    def command(folder: Path, no_wait: bool, as_json: bool, **said: Any) -> None:
        owner = Owner(folder)
        if not no_wait:
            await_knowledge(owner)
        carry_out(owner, order_of(owner, **said), no_wait=no_wait, as_json=as_json)

    return command


def await_knowledge(owner: Owner) -> None:
    """Wait until an agent that was just started knows what an order is checked against."""
    if owner.is_catching_up:
        click.echo("The agent is catching up with the chain; waiting for it.", err=True)
    while owner.is_catching_up:
        time.sleep(_LOOK)


def relayable(order_of: Callable[..., Order]) -> Callable[..., None]:
    """The same for a move of the contract, which --intent signs for somebody else to submit."""

    @folder_argument
    @click.option(
        "--intent",
        "file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Sign it for another to submit, into this file, instead of ordering it.",
    )
    @click.option(
        "--hours",
        type=Whole(1, 8760),
        metavar="N",
        default=24,
        show_default=True,
        help="How long that can be submitted.",
    )
    @passphrase_option
    @no_wait_option
    @json_option
    @functools.wraps(order_of)
    def command(
        folder: Path,
        file: Path | None,
        hours: int,
        passphrase_file: Path | None,
        no_wait: bool,
        as_json: bool,
        **said: Any,
    ) -> None:
        owner = Owner(folder)
        if file is not None or not no_wait:
            await_knowledge(owner)
        order = order_of(owner, **said)
        if file is None:
            return carry_out(owner, order, no_wait=no_wait, as_json=as_json)
        if not isinstance(order, RELAYED):
            raise InputError("this needs no coin, only the agent; leave --intent out")
        key = unlock(folder / KEYSTORE, passphrase(passphrase_file))
        relay = signed_intent(key, owner.domain, order, owner.intents, owner.time + hours * 3600)
        write_whole(file, written(relay))
        _signed(relay, file, as_json=as_json)

    return command


def _signed(relay: Relay, file: Path, *, as_json: bool) -> None:
    intent, call = relay.intent, type(relay.move).__name__
    if as_json:
        facts = {"account": intent.account, "call": call, "nonce": intent.nonce}
        more = {"deadline": intent.deadline, "file": str(file)}
        click.echo(json.dumps(facts | more, indent=2, sort_keys=True))
        return
    click.echo(one_line(f"{file}: {about(relay)}. Have it submitted with `fabmarket relay`."))


def carry_out(owner: Owner, order: Order, *, no_wait: bool, as_json: bool) -> None:
    """Place an order, wait for what comes of it if asked to, and print that.

    OrderFailed if it was refused or failed.
    """
    number = owner.place(order)
    if no_wait or not owner.is_running:
        return _waits(number, as_json=as_json, runs=owner.is_running)
    if not as_json:
        click.echo(f"Order {number} is placed; it is done also if you stop waiting.", err=True)
    _ended(number, owner.outcome(number), as_json=as_json)


def _waits(number: int, *, as_json: bool, runs: bool) -> None:
    if as_json:
        click.echo(_facts(number, "waiting"))
        return
    when = "the agent does it next" if runs else "no agent runs here; it is done once one does"
    click.echo(f"Order {number} is placed: {when}.")


def _ended(number: int, outcome: Outcome, *, as_json: bool) -> None:
    mined = {"block": outcome.block, "transaction": f"0x{outcome.transaction.hex()}"}
    place = mined if outcome.transaction else {}
    if as_json:
        click.echo(_facts(number, state_of(outcome), reason=outcome.reason, **place))
    if outcome.state != "done":
        raise OrderFailed(f"order {number} {outcome.state}: {outcome.reason}")
    if not as_json:
        where = f": transaction {mined['transaction']} in block {outcome.block}" if place else ""
        click.echo(one_line(f"Order {number} is {state_of(outcome)}{where}."))


def _facts(number: int, state: str, **more: Any) -> str:
    facts = {"order": number, "state": state, "reason": "", "block": None, "transaction": None}
    return json.dumps(facts | more, indent=2, sort_keys=True)
