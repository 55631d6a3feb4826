"""`network init`: keys, owners, and one description that all validators' genesis is made of."""

import errno
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_bytes

from fabmarket.chain.open import DEV_CHAIN_ID
from fabmarket.chain.rpc import dev_funder
from fabmarket.errors import Bug, Refused, TryAgain
from fabmarket.identity import Key
from fabmarket.identity.keystore import create
from fabmarket.local.files import draw_passphrase
from fabmarket.local.founding import Progress, unheard
from fabmarket.local.network import namespaces
from fabmarket.local.network.files import (
    Facts,
    Place,
    Validator,
    command,
    write_consortium,
    write_facts,
)
from fabmarket.local.network.program import configure, draw_keys, validator_binary
from fabmarket.local.ports import free_ports
from fabmarket.simulation.setup import demo_deployer

VALIDATORS = 4
"""The fewest of which one may be missing."""
MOST = 16
"""Each is a process of some 160 MB."""
BLOCK_TIME = 300
"""Milliseconds between a block and the next."""
BLOCK_GAS = 30_000_000
_COIN = 10**24
"""Wei of the development account: it pays for whatever demo is run here."""
_KEYS = "Keys and genesis"
PORTS = (26656, 8545, 26657)
"""Peer, JSON-RPC and RPC of a validator that has an address of its own."""


class Exists(Refused):
    """Something is already where the network is to be."""


class JustMade(TryAgain):
    """Another command has made something there meanwhile."""


@dataclass(frozen=True)
class Plan:
    """What a network begins with.

    `deployers` and `senders` are who may deploy and who may send at all, None for everybody; the
    owners of seats always may both. `min_gas_price` is wei for a unit of gas.
    """

    validators: int = VALIDATORS
    chain_id: int = DEV_CHAIN_ID
    deployers: tuple[str, ...] | None = None
    senders: tuple[str, ...] | None = None
    min_gas_price: int = 0
    block_time: int = BLOCK_TIME
    is_apart: bool = False
    """Whether each validator has a network namespace of its own."""


def usual_deployers() -> tuple[str, ...]:
    """Return who may deploy where nobody says: the development account, and the demo's deployer."""
    return dev_funder().address, demo_deployer(1).address


def init(root: Path, plan: Plan, progress: Progress = unheard) -> Facts:
    """Make a network's directory, all of it or nothing.

    Raises Exists, JustMade, NotBuilt, and what the program refuses.
    """
    binary = validator_binary()
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise Exists(f"{root}: exists and is not empty; give a new directory")
    if plan.is_apart:
        namespaces.require()
    root.parent.mkdir(parents=True, exist_ok=True)
    draft = Place(root.with_name(f".{root.name}.{os.getpid()}"))
    try:
        draft.root.mkdir(mode=0o700)
        facts = _made(draft, binary, plan, progress)
        _put(draft.root, root)
    except BaseException:
        shutil.rmtree(draft.root, ignore_errors=True)
        raise
    return facts


def _put(draft: Path, root: Path) -> None:
    """Give a directory its name, which an empty one may have. Raises JustMade."""
    try:
        draft.rename(root)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        raise JustMade(
            f"{root}: another command has just made this; look at it with {command('status', root)}"
        ) from error


def _made(place: Place, binary: Path, plan: Plan, progress: Progress) -> Facts:
    for folder in (place.owners, place.running, place.validators):
        folder.mkdir(mode=0o700)
    passphrase = draw_passphrase(place.passphrase)
    names = [f"validator-{at + 1}" for at in range(plan.validators)]
    subnet = namespaces.free_subnet() if plan.is_apart else ""
    validators: list[Validator] = []
    steps = 2 * len(names)
    for name, (peer, http, rpc) in zip(names, addresses(subnet, 0, len(names)), strict=True):
        progress(_KEYS, len(validators), steps)
        owner = make_owner(place, name, passphrase)
        node_id, key = draw_keys(binary, place.home(name))
        validators.append(Validator(name, owner, key, node_id, peer, http, rpc))
    facts = Facts(plan.chain_id, plan.block_time, subnet, tuple(validators))
    owners = tuple(each.owner for each in validators)
    write_consortium(
        place,
        {
            "chain_id": plan.chain_id,
            "genesis_time": datetime.fromtimestamp(int(time.time()), UTC).strftime(
                "%Y-%m-%dT%H:%M:%SZ"
            ),
            "seats": [
                {
                    "name": each.name,
                    "owner": each.owner,
                    "key": each.key,
                    "node_id": each.node_id,
                    "address": each.peer,
                }
                for each in validators
            ],
            "deployers": _with(plan.deployers, owners),
            "senders": _with(plan.senders, owners),
            "min_gas_price": plan.min_gas_price,
            "block_gas": BLOCK_GAS,
            "coins": {dev_funder().address: str(_COIN)},
        },
    )
    made = set()
    for done, each in enumerate(validators, len(names)):
        progress(_KEYS, done, steps)
        made.add(configure(binary, place, each, facts.others(each.name), plan.block_time))
    if len(made) != 1:
        raise Bug("one description gives validators different beginnings")
    progress(_KEYS, steps, steps)
    write_facts(place, facts)
    return facts


def make_owner(place: Place, name: str, passphrase: str) -> str:
    """Make the keystore of a new owner, and return its address."""
    key = Key(token_bytes(32))
    create(place.keystore(name), key, passphrase)
    return key.address


def addresses(subnet: str, first: int, count: int) -> list[tuple[str, str, str]]:
    """Return so many places for peers, JSON-RPC and RPC; the first is the `first` of its subnet."""
    if subnet:
        hosts = [namespaces.host(subnet, first + at) for at in range(count)]
        return [tuple(f"{host}:{port}" for port in PORTS) for host in hosts]  # type: ignore[misc]
    ports = iter(free_ports(len(PORTS) * count))
    return [tuple(f"127.0.0.1:{next(ports)}" for _ in PORTS) for _ in range(count)]  # type: ignore[misc]


def _with(listed: Sequence[str] | None, owners: Sequence[str]) -> list[str] | None:
    return None if listed is None else list(dict.fromkeys((*listed, *owners)))
