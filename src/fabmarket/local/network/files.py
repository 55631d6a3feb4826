"""The directory of a network: what is where in it, and what is written down of the network."""

import json
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from fabmarket.errors import Refused
from fabmarket.local.files import alone_in, write_whole
from fabmarket.local.processes import Process

NAME = re.compile("[a-z][a-z0-9-]{0,31}")
"""What a validator may be called: it names files."""
_MADE_BY = "fabmarket network"


class NoNetwork(Refused):
    """A directory is not that of a network which `fabmarket network` made."""


@dataclass(frozen=True)
class Validator:
    """A validator of this machine: whose seat it fills, its keys, and where it is reached.

    `owner` votes; `key` is the ed25519 key that signs blocks. Others of the network reach it at
    `peer`, who uses the chain at `http`, and who looks after it at `rpc`, all HOST:PORT.
    """

    name: str
    owner: str
    key: str
    node_id: str
    peer: str
    http: str
    rpc: str

    @property
    def url(self) -> str:
        """Where its JSON-RPC is."""
        return f"http://{self.http}"


@dataclass(frozen=True)
class Facts:
    """What is written down of a network. `block_time`: milliseconds of pause after each block.

    `subnet`: what the addresses begin with where each validator has a network namespace of its
    own, as 10.77.3; else empty. `gone`: those that were removed, who may come back.
    """

    chain_id: int
    block_time: int
    subnet: str
    validators: tuple[Validator, ...]
    gone: tuple[Validator, ...] = ()

    @property
    def engine(self) -> str:
        """All URLs, as `--engine` takes them."""
        return ",".join(each.url for each in self.validators)

    def named(self, name: str) -> Validator:
        """Return a validator. Raises NoNetwork where none is called that."""
        for each in self.validators:
            if each.name == name:
                return each
        names = ", ".join(each.name for each in self.validators)
        raise NoNetwork(f"no validator is called {name}; there are {names}")

    def others(self, name: str) -> list[Validator]:
        """Return all validators but one."""
        return [each for each in self.validators if each.name != name]

    def having(self, validator: Validator) -> "Facts":
        """Return them with one validator more."""
        gone = tuple(each for each in self.gone if each.name != validator.name)
        return replace(self, validators=(*self.validators, validator), gone=gone)

    def without(self, name: str) -> "Facts":
        """Return them with one validator less."""
        gone = (*self.gone, self.named(name))
        return replace(self, validators=tuple(self.others(name)), gone=gone)


@dataclass(frozen=True)
class Place:
    """Where everything is in a network's directory."""

    root: Path

    @property
    def facts(self) -> Path:
        """What the network is."""
        return self.root / "network.json"

    @property
    def consortium(self) -> Path:
        """What the chain begins with: each validator's genesis is made of it."""
        return self.root / "consortium.json"

    @property
    def markets(self) -> Path:
        """The directories of the markets that were set up on it."""
        return self.root / "markets.json"

    @property
    def passphrase(self) -> Path:
        """The passphrase of the owners' keystores here."""
        return self.root / "passphrase"

    @property
    def owners(self) -> Path:
        """The keystores of those who vote."""
        return self.root / "owners"

    @property
    def running(self) -> Path:
        """A file for each process: see `processes`."""
        return self.root / "run"

    @property
    def validators(self) -> Path:
        """The validators' homes."""
        return self.root / "validators"

    def home(self, name: str) -> Path:
        """A validator's home: its keys, its configuration, its chain."""
        return self.validators / name

    def log(self, name: str) -> Path:
        """What a validator prints."""
        return self.home(name) / "log"

    def signed(self, name: str) -> Path:
        """What says which block a validator has signed last; without it none starts."""
        return self.home(name) / "data" / "priv_validator_state.json"

    def keystore(self, name: str) -> Path:
        """The keystore of a validator's owner."""
        return self.owners / f"{name}.json"

    def process(self, name: str) -> Process:
        """A validator's process."""
        return Process(self.running / name)


def command(*words: object) -> str:
    """Return `fabmarket network` with these words, as a shell takes it."""
    return shlex.join(("fabmarket", "network", *map(str, words)))


@contextmanager
def worked_on(root: Path) -> Iterator[tuple[Place, Facts]]:
    """Within, no other command works on the network of a directory. Raises AtWork, NoNetwork."""
    place = Place(root)
    facts_of(place)  # that there is one, before anything is opened
    with alone_in(root):
        yield place, facts_of(place)


def write_facts(place: Place, facts: Facts) -> None:
    """Write down what the network is, on disk for good."""
    write_whole(place.facts, {"made_by": _MADE_BY, **asdict(facts)})


def write_consortium(place: Place, said: Mapping[str, Any]) -> None:
    """Write down what the chain begins with."""
    write_whole(place.consortium, said)


def facts_of(place: Place) -> Facts:
    """Return what is written down of a network. Raises NoNetwork."""
    try:
        said = dict(json.loads(place.facts.read_bytes()))
        if said.pop("made_by") == _MADE_BY:
            validators = tuple(Validator(**each) for each in said.pop("validators"))
            gone = tuple(Validator(**each) for each in said.pop("gone", ()))
            if all(NAME.fullmatch(each.name) for each in (*validators, *gone)):
                return Facts(**said, validators=validators, gone=gone)
    except (OSError, ValueError, TypeError, KeyError):
        pass
    raise NoNetwork(
        f"{place.root}: holds no network that fabmarket network has made; give the directory of one"
    )


def remove(place: Place) -> None:
    """Remove all that belongs to a network, what says so last; what others put there stays."""
    for folder in (place.validators, place.owners, place.running):
        if folder.exists():
            shutil.rmtree(folder)
    for file in (place.markets, place.passphrase, place.consortium, place.facts):
        file.unlink(missing_ok=True)


def chosen(facts: Facts, names: Sequence[str]) -> list[Validator]:
    """Return the validators of these names, all where none is named. Raises NoNetwork."""
    return [facts.named(name) for name in names] or list(facts.validators)
