"""`fabmarket network add-validator`, `agree` and what goes with them: what owners decide."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import wrap
from typing import Any

import click
from click.core import ParameterSource

from fabmarket.chain import look_at, open_node
from fabmarket.chain.consortium import (
    MOST_PRICE,
    Consortium,
    ConsortiumContract,
    Gas,
    Right,
    Wanted,
    quorum,
)
from fabmarket.cli.inputs import Address, InputError, Whole
from fabmarket.cli.network_running import DIRECTORY, as_json, folder, root_of
from fabmarket.cli.passphrase import option as passphrase_option
from fabmarket.cli.passphrase import passphrase
from fabmarket.cli.terminal import phases
from fabmarket.identity.keystore import unlock
from fabmarket.local.network.files import NAME, Facts, Place, command, facts_of, worked_on
from fabmarket.local.network.seats import Changed, add_validator, engine_of, remove_validator
from fabmarket.local.network.standing import require_blocks, require_blocks_of
from fabmarket.local.network.votes import DAYS, Vote, agree, agree_all, owners_of
from fabmarket.node.moments import moment
from fabmarket.report.wording import escaped, plural

_HOURS = 24
_HOUR = 3600
_MOST_GAS = 2**63 - 1
_KEY = 32
_WIDE = 72
"""What is left of 80 columns beside the names of lines."""
_RIGHTS = {"deploy": Right.DEPLOY, "send": Right.SEND}

network = click.option(
    "--network",
    "folder",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=DIRECTORY,
    show_default=True,
    help="A network of this machine, whose owners all vote.",
)
elsewhere = click.option(
    "--engine",
    metavar="URLS",
    help="Nodes of a chain elsewhere, URL,URL, in place of --network.",
)
name = click.argument("name", metavar="NAME")


@click.command(
    "add-validator",
    epilog="""\b
Examples:
  fabmarket network add-validator validator-5
  fabmarket network add-validator validator-5 plant --json
""",
)
@name
@folder
@as_json
def add_command(name: str, folder: Path, *, as_json: bool) -> None:
    """Make one validator more, and have the owners give it a seat.

    It fetches the chain first, then the owners whose keystores are in DIR agree, and when it
    returns the validator votes. Where they are too few it says how many are missing: see
    `fabmarket network agree`.
    """
    root = root_of(folder)
    with phases() as told:
        changed = add_validator(root, name, told)
    _print_changed(changed, "admit", "has a seat and votes", as_json=as_json)


@click.command(
    "remove-validator",
    epilog="""\b
Examples:
  fabmarket network remove-validator validator-5
  fabmarket network remove-validator validator-5 plant --json
""",
)
@name
@folder
@as_json
def remove_command(name: str, folder: Path, *, as_json: bool) -> None:
    """Have the owners take a validator's seat, and end it.

    Its home and its owner's keystore stay in DIR; add-validator with its name brings it back.
    """
    root = root_of(folder)
    with phases() as told:
        changed = remove_validator(root, name, told)
    _print_changed(changed, "remove", "has no seat any more and has ended", as_json=as_json)


def _print_changed(changed: Changed, what: str, done: str, *, as_json: bool) -> None:
    of, vote = changed.validator, changed.vote
    if as_json:
        said = {"name": of.name, "owner": of.owner, "key": of.key, "url": of.url}
        facts = {**said, "engine": changed.facts.engine, **_vote_facts(vote)}
        click.echo(json.dumps(facts, indent=2, sort_keys=True))
        return
    if vote is None or vote.is_done:
        click.echo(f"{of.name} {done}.")
        click.echo(f"{'Engine':<8}{changed.facts.engine}")
        return
    values = f"{of.owner} {of.key}" if what == "admit" else of.owner
    click.echo(_waits(vote))
    elsewhere = f"--engine URLS --chain-id {changed.facts.chain_id} --keystore FILE"
    click.echo(f"Each of the others says: fabmarket network agree {what} {values} {elsewhere}")


def _waits(vote: Vote) -> str:
    more = vote.needed - len(vote.wanting)
    return f"Wanted by {plural(len(vote.wanting), 'owner')}; {vote.needed} are needed, {more} more."


def _vote_facts(vote: Vote | None) -> dict[str, Any]:
    if vote is None:
        return {"done": True, "wanting": [], "needed": None}
    return {"done": vote.is_done, "wanting": list(vote.wanting), "needed": vote.needed}


def _admit(contract: ConsortiumContract, owner: str, key: str) -> bytes:
    try:
        read = bytes.fromhex(key.removeprefix("0x"))
    except ValueError:
        read = b""
    if len(read) != _KEY:
        raise InputError(f"{key}: is no validator's key; give the 64 digits of `validator keys`")
    return contract.admit_data(_account(owner), read)


def _allow(contract: ConsortiumContract, right: str, account: str) -> bytes:
    return contract.allow_data(_right(right), _account(account), allowed=True)


def _forbid(contract: ConsortiumContract, right: str, account: str) -> bytes:
    return contract.allow_data(_right(right), _account(account), allowed=False)


def _gas(contract: ConsortiumContract, price: str, limit: str) -> bytes:
    wei, most = Whole(0, MOST_PRICE), Whole(0, _MOST_GAS)
    return contract.gas_data(Gas(wei.convert(price, None, None), most.convert(limit, None, None)))


def _account(said: str) -> str:
    return Address().convert(said, None, None)


def _owner(what: str, said: str, facts: Facts) -> str:
    """Whose seat goes, where a validator is named."""
    return facts.named(said).owner if what == "remove" and NAME.fullmatch(said) else said


def _right(said: str) -> Right:
    if said not in _RIGHTS:
        raise InputError(f"{said}: is no right; give deploy or send")
    return _RIGHTS[said]


_DECISIONS: Mapping[str, tuple[tuple[str, ...], Callable[..., bytes]]] = {
    "admit": (("OWNER", "KEY"), _admit),
    "remove": (("OWNER",), lambda contract, owner: contract.remove_data(_account(owner))),
    "allow": (("RIGHT", "ACCOUNT"), _allow),
    "forbid": (("RIGHT", "ACCOUNT"), _forbid),
    "open": (("RIGHT",), lambda contract, to: contract.open_data(_right(to), everybody=True)),
    "close": (("RIGHT",), lambda contract, to: contract.open_data(_right(to), everybody=False)),
    "gas": (("PRICE", "LIMIT"), _gas),
}


@click.command(
    "agree",
    epilog="""\b
What there is to agree to; a RIGHT is deploy or send:
  admit OWNER KEY       give an owner a seat, of a validator with that key
  remove OWNER          take an owner's seat; with --network a validator's name will do
  allow RIGHT ACCOUNT   put an account on the list of a right
  forbid RIGHT ACCOUNT  take it off
  open RIGHT            give a right to everybody
  close RIGHT           give it to its list alone
  gas PRICE LIMIT       wei a unit of gas costs at least, and the most gas of a block

\b
Examples:
  fabmarket network agree allow deploy 0x70997970C51812dc3A010C7d01b50e0d17dc79C8
  fabmarket network agree close send --network plant
  fabmarket network agree remove validator-4 --network plant
  fabmarket network agree close send --engine URL,URL --chain-id 31337 --keystore owner.json
""",
)
@click.argument("what", type=click.Choice(tuple(_DECISIONS)))
@click.argument("values", metavar="[VALUE]...", nargs=-1)
@network
@elsewhere
@click.option("--chain-id", type=Whole(1), help="With --engine: the chain that it must be.")
@click.option(
    "--keystore",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="With --engine: the keystore of the one owner who votes.",
)
@passphrase_option
@click.option(
    "--hours",
    type=Whole(1, 24 * DAYS),
    default=_HOURS,
    show_default=True,
    help="For how long the owner wants it.",
)
@click.option("--take-back", is_flag=True, help="Want it no more.")
@as_json
def agree_command(
    what: str,
    values: tuple[str, ...],
    *,
    folder: Path,
    engine: str | None,
    chain_id: int | None,
    keystore: Path | None,
    passphrase_file: Path | None,
    hours: int,
    take_back: bool,
    as_json: bool,
) -> None:
    """Say for owners of seats what they want, which is done once more than two thirds do.

    On this machine all owners of a network say it, one after the other, until it is done; with
    --engine, --chain-id and --keystore one owner, at any node of the chain.
    """
    names, made = _DECISIONS[what]
    if len(values) != len(names):
        raise InputError(f"{what} takes {' '.join(names)}; {len(values)} values are given")
    given = engine, chain_id, keystore
    if any(each is None for each in given) and given != (None, None, None):
        raise InputError(
            "--engine, --chain-id and --keystore go together; give all three, or --network"
        )
    _require_one_chain(engine)
    if keystore is None and passphrase_file is not None:
        raise InputError("--passphrase-file opens --keystore; a network has its own passphrase")
    seconds, ended = 0 if take_back else hours * _HOUR, None
    if engine is not None and chain_id is not None and keystore is not None:
        key = unlock(keystore, passphrase(passphrase_file))
        node = open_node([engine], chain_id, key)
        call = made(ConsortiumContract(node), *values)
        require_blocks(node)
        vote = agree(node, key, call, seconds)
    else:
        with worked_on(root_of(folder)) as (place, facts):
            node = engine_of(place, facts)
            values = tuple(_owner(what, each, facts) for each in values)
            call = made(ConsortiumContract(node), *values)
            require_blocks_of(node, place, facts)
            vote = agree_all(node, owners_of(place, facts), call, seconds)
            if what == "remove" and vote.is_done:
                owner = values[0].lower()
                ended = next(
                    (one.name for one in facts.validators if one.owner.lower() == owner), None
                )
    if as_json:
        click.echo(json.dumps(_vote_facts(vote), indent=2, sort_keys=True))
    else:
        click.echo("It is done." if vote.is_done else _waits(vote))
    if ended is not None:
        end = escaped(command("remove-validator", ended, folder))
        click.echo(f"{ended} has no seat any more; end it with {end}", err=True)


def _require_one_chain(engine: str | None) -> None:
    """Raise InputError where a network here and a chain elsewhere are both named."""
    source = click.get_current_context().get_parameter_source("folder")
    if engine is not None and source is not ParameterSource.DEFAULT:
        raise InputError("--engine and --network name two chains; give one of them")


@click.command(
    "agreed",
    epilog="""\b
Examples:
  fabmarket network agreed
  fabmarket network agreed --engine http://127.0.0.1:8545 --json
""",
)
@network
@elsewhere
@as_json
def agreed_command(*, folder: Path, engine: str | None, as_json: bool) -> None:
    """List what owners of seats want that is not done yet, and what is in force."""
    _require_one_chain(engine)
    names = {}
    if engine is None:
        place = Place(root_of(folder))
        facts = facts_of(place)
        names = {each.owner: each.name for each in facts.validators}
        node = engine_of(place, facts)
    else:
        node = look_at([engine], None)  # what is signed for nobody may be read on any chain
    contract = ConsortiumContract(node)
    state, wanted = contract.state(), contract.wanted()
    needed = quorum(len(state.seats))
    if as_json:
        said = {
            "version": state.version,
            "seats": [{"owner": each.owner, "key": f"0x{each.key.hex()}"} for each in state.seats],
            "deploy": {"everybody": state.deploy.everybody, "accounts": state.deploy.accounts},
            "send": {"everybody": state.send.everybody, "accounts": state.send.accounts},
            "gas": {"min_price": state.gas.min_price, "block_limit": state.gas.block_limit},
            "needed": needed,
            "wanted": [_wanted_facts(each) for each in wanted],
        }
        click.echo(json.dumps(said, indent=2, sort_keys=True))
        return
    _print_agreed(state, wanted, names)


def _print_agreed(state: Consortium, wanted: list[Wanted], names: Mapping[str, str]) -> None:
    """What is in force and what is wanted; `names`: whose owner an account is, where known."""
    needed = quorum(len(state.seats))
    _print_lines("Seats", [f"{len(state.seats)}, of whose owners {needed} decide"])
    for seat in state.seats:
        _print_lines("Seat", [_named(seat.owner, names), f"0x{seat.key.hex()}"])
    for right, access in (("Deploy", state.deploy), ("Send", state.send)):
        accounts = [_named(each, names) for each in access.accounts] or ["nobody else"]
        _print_lines(right, ["everybody"] if access.everybody else accounts)
    _print_lines("Gas", [f"{state.gas.min_price} wei at least, {state.gas.block_limit} a block"])
    for each in wanted:
        _print_lines("Wanted", wrap(" ".join(_said(each)), _WIDE, break_long_words=False))
        by = [
            f"{names.get(word.owner, word.owner)}, until {moment(word.until)}"
            for word in each.words
        ]
        _print_lines("", [f"by {plural(len(by), 'owner')}; {needed} are needed", *by])


def _named(account: str, names: Mapping[str, str]) -> str:
    return f"{account}  {names[account]}" if account in names else account


def _print_lines(what: str, lines: list[str]) -> None:
    for line in lines:
        click.echo(f"{what:<8}{escaped(line)}")
        what = ""


def _said(wanted: Wanted) -> list[str]:
    """A decision in the words of `agree`, where it has some."""
    match wanted.function, wanted.values:
        case "admit", (owner, key):
            return ["admit", owner, f"0x{key.hex()}"]
        case "remove", (owner,):
            return ["remove", owner]
        case "allow", (right, account, allowed):
            return ["allow" if allowed else "forbid", Right(right).name.lower(), account]
        case "open", (right, everybody):
            return ["open" if everybody else "close", Right(right).name.lower()]
        case "setGas", ((price, limit),):
            return ["gas", str(price), str(limit)]
        case _:
            return [f"0x{wanted.call.hex()}"]


def _wanted_facts(wanted: Wanted) -> dict[str, Any]:
    words = [{"owner": each.owner, "until": each.until} for each in wanted.words]
    return {"what": _said(wanted), "call": f"0x{wanted.call.hex()}", "words": words}
