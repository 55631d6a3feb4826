"""`fabmarket network init`, `up`, `status` and `down`: validators on this machine."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from typing_extensions import override

from fabmarket.chain.consortium import MOST_PRICE
from fabmarket.chain.open import DEV_CHAIN_ID
from fabmarket.cli.exit_codes import AuditFailed
from fabmarket.cli.inputs import Address, InputError, Whole
from fabmarket.cli.terminal import phases, table
from fabmarket.errors import TryAgain
from fabmarket.local.network import running
from fabmarket.local.network.files import Facts, Place, command, facts_of
from fabmarket.local.network.founding import (
    BLOCK_TIME,
    MOST,
    VALIDATORS,
    Plan,
    init,
    usual_deployers,
)
from fabmarket.local.network.state import NetworkState, ValidatorState, status
from fabmarket.report.terminal import show
from fabmarket.report.wording import escaped, plural

DIRECTORY = "fabmarket-network"
_EVERYBODY = "everybody"
_LONGEST_PAUSE = 60_000

folder = click.argument(
    "folder", metavar="[DIR]", type=click.Path(path_type=Path), default=DIRECTORY
)
names = click.argument("names", metavar="[NAME]...", nargs=-1)
as_json = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")


class NoQuorum(TryAgain):
    """Fewer seats are present than make blocks, or no block comes."""


class _Account(Address):
    """An account, or everybody."""

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return _EVERYBODY if value == _EVERYBODY else super().convert(value, param, ctx)


def _planned(function: Callable[..., None]) -> Callable[..., None]:
    """The options that say what a new network begins with."""
    account = _Account()
    for option in reversed(
        (
            click.option(
                "--validators",
                type=Whole(1, MOST),
                default=VALIDATORS,
                show_default=True,
                help="How many; of four one may be missing.",
            ),
            click.option(
                "--chain-id",
                type=Whole(1, 2**53),
                default=DEV_CHAIN_ID,
                show_default=True,
                help="The chain's number.",
            ),
            click.option(
                "--deployer",
                "deployers",
                type=account,
                multiple=True,
                help="Who may deploy beside the owners of seats, or everybody; again for more."
                "  [default: the development account and the demo's deployer]",
            ),
            click.option(
                "--sender",
                "senders",
                type=account,
                multiple=True,
                help="Who may send beside them; again for more.  [default: everybody]",
            ),
            click.option(
                "--min-gas-price",
                type=Whole(0, MOST_PRICE),
                default=0,
                show_default=True,
                help="Wei that a unit of gas costs at least.",
            ),
            click.option(
                "--block-time",
                type=Whole(1, _LONGEST_PAUSE),
                default=BLOCK_TIME,
                show_default=True,
                help="Milliseconds of pause after each block.",
            ),
            click.option(
                "--namespaces",
                "is_apart",
                is_flag=True,
                help="Give each validator a network namespace of its own; needs root.",
            ),
        )
    ):
        function = option(function)
    return function


@click.command(
    "init",
    epilog="""\b
Examples:
  fabmarket network init
  fabmarket network init plant --validators 7 --deployer everybody
  fabmarket network init plant --json
""",
)
@folder
@_planned
@as_json
def init_command(
    folder: Path,
    *,
    as_json: bool,
    deployers: tuple[str, ...],
    senders: tuple[str, ...],
    **said: Any,
) -> None:
    """Make a network's directory: keys, owners, and what the chain begins with.

    Each validator has an owner, whose keystore lies in DIR/owners and whose passphrase in
    DIR/passphrase: use them for nothing of worth.
    """
    root = root_of(folder)
    plan = Plan(
        deployers=_listed(deployers or usual_deployers()),
        senders=_listed(senders or (_EVERYBODY,)),
        **said,
    )
    with phases() as told:
        facts = init(root, plan, told)
    if as_json:
        click.echo(json.dumps(_facts(root, facts), indent=2, sort_keys=True))
        return
    click.echo(f"A network of {plural(plan.validators, 'validator')} is in {escaped(str(folder))}.")
    click.echo(f"{'Start':<8}{escaped(command('up', folder))}")
    click.echo(f"{'Engine':<8}{facts.engine}")


def _listed(accounts: tuple[str, ...]) -> tuple[str, ...] | None:
    return None if _EVERYBODY in accounts else accounts


@click.command(
    "up",
    epilog="""\b
Examples:
  fabmarket network up
  fabmarket network up plant validator-2  # this one alone
  fabmarket network up plant --json
""",
)
@folder
@names
@as_json
def up_command(folder: Path, names: tuple[str, ...], *, as_json: bool) -> None:
    """Start the validators that do not run, all or those that are named.

    Where there is no network yet one is made, as `fabmarket network init` does. It returns when
    they have what the others have, and blocks come if enough seats are present; they run on until
    `fabmarket network down`.
    """
    _require_directory("up", folder, names)
    root = root_of(folder)
    with phases() as told:
        if not names and (not root.exists() or (root.is_dir() and not any(root.iterdir()))):
            init(root, Plan(deployers=usual_deployers()), told)
        result = running.up(root, names, told)
    if as_json:
        said = {"started": list(result.started), "state": result.state.facts()}
        click.echo(json.dumps({**_facts(root, result.facts), **said}, indent=2, sort_keys=True))
    else:
        began = ", ".join(result.started)
        click.echo(f"Started: {began}." if began else "All of it runs already.")
        _print(folder, result.facts, result.state)
    _require_quorum(folder, result.state)


@click.command(
    "down",
    epilog="""\b
Examples:
  fabmarket network down               # up goes on with the chain
  fabmarket network down plant validator-2
  fabmarket network down plant --remove --json
""",
)
@folder
@names
@click.option("--remove", is_flag=True, help="Remove the network, its keys and its chain too.")
@as_json
def down_command(folder: Path, names: tuple[str, ...], *, remove: bool, as_json: bool) -> None:
    """End the validators of a network, all or those that are named.

    The chain stays in DIR. What does not end in time is killed, which no chain minds.
    """
    _require_directory("down", folder, names)
    if names and remove:
        raise InputError("--remove is for a whole network; leave the names out")
    result = running.down(root_of(folder), names, is_removed=remove)
    if as_json:
        said = {"ended": result.ended, "killed": result.killed, "removed": remove}
        click.echo(json.dumps(said, indent=2, sort_keys=True))
        return
    if result.ended:
        click.echo(f"Ended: {', '.join(result.ended)}.")
    if result.killed:
        click.echo(f"Killed, as they did not end in time: {', '.join(result.killed)}.")
    if not (result.ended or result.killed):
        click.echo(f"Nothing of that runs in {escaped(str(folder))}.")
    if remove:
        click.echo(f"Removed: the network in {escaped(str(folder))}.")


@click.command(
    "status",
    epilog="""\b
Examples:
  fabmarket network status
  fabmarket network status plant --json
""",
)
@folder
@as_json
def status_command(folder: Path, *, as_json: bool) -> None:
    """Show the validators, whether they agree, and whether they are enough.

    It ends with 0 if enough seats are present, blocks come and all agree, with 1 if validators have
    different blocks, and else with 75.
    """
    root = root_of(folder)
    facts, state = facts_of(Place(root)), status(root)
    if as_json:
        said = {**_facts(root, facts), "state": state.facts()}
        click.echo(json.dumps(said, indent=2, sort_keys=True))
    else:
        _print(folder, facts, state)
    if state.is_agreed is False:
        raise AuditFailed(f"the validators have different blocks {state.common}; see above")
    _require_quorum(folder, state)


def _require_quorum(folder: Path, state: NetworkState) -> None:
    """Raise NoQuorum where no block comes, or none would."""
    missing = f"; missing: {', '.join(state.missing)}" if state.missing else ""
    if state.head is None or state.seats is None:
        start = command("up", folder)
        raise NoQuorum(f"no validator answers; start them with {start}")
    if not state.has_quorum:
        count = f"{state.present} of {plural(state.seats, 'seat')} present"
        raise NoQuorum(f"{count}, {state.needed} are needed{missing}")
    if state.still_since is not None:
        raise NoQuorum(f"the chain stands still at block {state.head}{missing}")


def _require_directory(what: str, folder: Path, names: tuple[str, ...]) -> None:
    """Raise InputError where a validator of the usual network is named and the directory left out.

    `up` would make a network of that name.
    """
    usual, said = Place(Path(DIRECTORY).absolute()), [str(folder), *names]
    if folder.exists() or not usual.facts.exists():
        return
    if {each.name for each in facts_of(usual).validators}.issuperset(said):
        raise InputError(
            f"{folder}: is no directory, but a validator of {DIRECTORY}; run"
            f" {command(what, DIRECTORY, *said)}"
        )


def root_of(folder: Path) -> Path:
    """Return where a network's directory is. InputError for what is no directory."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is no directory; give another")
    return folder.absolute()


def _facts(root: Path, facts: Facts) -> dict[str, Any]:
    return {
        "directory": str(root),
        "chain_id": facts.chain_id,
        "engine": facts.engine,
        "validators": [
            {"name": each.name, "owner": each.owner, "key": each.key, "url": each.url}
            for each in facts.validators
        ],
    }


def _print(folder: Path, facts: Facts, state: NetworkState) -> None:
    columns = ("Validator", "JSON-RPC", "Process", "Block", "Peers", "Seat", "Signed")
    rows = [_row(each) for each in state.validators]
    show(Console(), table(f"In {escaped(str(folder))}", columns, rows))
    if state.seats is None:
        click.echo(f"{'Seats':<8}unknown, as no validator answers")
    else:
        quorum = "" if state.has_quorum else ": too few, the chain waits"
        count = f"{state.present} of {state.seats} present, {state.needed} needed{quorum}"
        click.echo(f"{'Seats':<8}{count}")
    agreed = "they have DIFFERENT blocks" if state.is_agreed is False else "all agree"
    if state.common is not None:
        click.echo(f"{'Block':<8}{state.common}: {agreed}")
    for each in state.validators if state.is_agreed is False else ():
        click.echo(f"{'':<8}{each.name}: {escaped(each.hash or 'no answer')}")
    if state.still_since is not None:
        ago = time.time() - state.still_since
        click.echo(f"{'Still':<8}no block for {round(ago)} s")
    if state.missing:
        click.echo(f"{'Missing':<8}{', '.join(state.missing)}")
    click.echo(f"{'Engine':<8}{facts.engine}")
    click.echo(f"{'Logs':<8}{escaped(str(folder / 'validators'))}")


def _row(each: ValidatorState) -> list[str]:
    head = "" if each.head is None else f"{each.head}{', behind' if each.is_behind else ''}"
    return [
        each.name,
        each.url.removeprefix("http://"),
        "" if each.process is None else str(each.process),
        head,
        "" if each.peers is None else str(each.peers),
        _yes(each.is_seated),
        _yes(each.has_signed),
    ]


def _yes(said: bool | None) -> str:
    return "" if said is None else "yes" if said else "no"
