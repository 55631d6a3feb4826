"""The directory of a local market: what is where in it, and what is written down of the market."""

import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

from fabmarket.errors import Refused, TryAgain
from fabmarket.local.filling import Places
from fabmarket.local.processes import Process

NODE = "node"
PAGES = "dashboard"
_MADE_BY = "fabmarket up"
_NAME = re.compile("[a-z]+-[0-9]+")


class NoMarket(Refused):
    """A directory is not that of a market which `fabmarket up` founded."""


class AtWork(TryAgain):
    """Another command works on the directory just now."""


@dataclass(frozen=True)
class Member:
    """A participant: its name is that of its directory, `port` its door's."""

    name: str
    role: str
    address: str
    port: int


@dataclass(frozen=True)
class Facts:
    """What stands fast of a founded market; beats come every `period` seconds.

    At `page_port` the pages are served, those of the last participant for its owner. `node_port` is
    None where the market has no node of its own, as on a network.
    """

    node_port: int | None
    page_port: int
    places: Places
    slots: int
    period: int
    members: tuple[Member, ...]

    @property
    def ends(self) -> int:
        """When the last slot ends, seconds of chain time."""
        return self.places.origin + self.slots * self.places.slot_length


@dataclass(frozen=True)
class Place:
    """Where everything is in a market's directory."""

    root: Path

    @property
    def facts(self) -> Path:
        """What the market is; while it is being founded, that it is not founded yet."""
        return self.root / "up.json"

    @property
    def chain(self) -> Path:
        """The node's chain, written when it ends."""
        return self.root / "chain.json"

    @property
    def passphrase(self) -> Path:
        """The passphrase of all keystores here."""
        return self.root / "passphrase"

    @property
    def logs(self) -> Path:
        """What the processes print, a file for each."""
        return self.root / "logs"

    @property
    def running(self) -> Path:
        """A file for each process: see `processes`."""
        return self.root / "run"

    def log(self, name: str) -> Path:
        """The log of a process."""
        return self.logs / f"{name}.log"

    def process(self, name: str) -> Process:
        """A process by its name."""
        return Process(self.running / name)

    def processes(self) -> list[Process]:
        """All that were started from here, running or not; the node last."""
        names = sorted(each.name for each in self.running.glob("*"))
        return [self.process(name) for name in sorted(names, key=lambda name: name == NODE)]


@contextmanager
def alone_in(root: Path) -> Iterator[None]:
    """Within, no other command works on the directory, which is there. Raises AtWork."""
    opened = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(opened)
        raise AtWork(
            f"{root}: another fabmarket command is at work here; wait until it is done"
        ) from error
    try:
        yield
    finally:
        os.close(opened)


@contextmanager
def worked_on(root: Path) -> Iterator[Place]:
    """Within, no other `up` or `down` works on the market of the directory, which is there."""
    with alone_in(root):
        yield Place(root)


def is_empty(place: Place) -> bool:
    """Whether nothing is in the directory, but for what a killed `up` had not written yet."""
    return all(each == _draft(place.facts) for each in place.root.iterdir())


def begin(place: Place, members: list[str]) -> None:
    """Write down that a market is being founded here, and which participants it will have."""
    write_whole(place.facts, {"made_by": _MADE_BY, "members": members})
    for folder in (place.logs, place.running):
        folder.mkdir(mode=0o700)
    draw_passphrase(place.passphrase)


def draw_passphrase(path: Path) -> str:
    """Draw a passphrase, and write it to a new file for its owner's eyes only."""
    drawn = token_urlsafe(24)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(file, "w", encoding="ascii") as writing:
        writing.write(f"{drawn}\n")
    return drawn


def founded(place: Place, facts: Facts) -> None:
    """Write down the market that is founded: from now on it is there, whatever happens."""
    names = [each.name for each in facts.members]
    write_whole(place.facts, {"made_by": _MADE_BY, "members": names, "market": asdict(facts)})


def facts_of(place: Place) -> Facts | None:
    """Return what is written down, None where the founding did not come to its end.

    Raises NoMarket where the directory holds something else.
    """
    said = _read(place).get("market")
    if said is None:
        return None
    try:
        members = tuple(Member(**each) for each in said.pop("members"))
        return Facts(places=Places(**said.pop("places")), members=members, **said)
    except (TypeError, KeyError) as error:
        problem = f"{place.facts}: is not what this fabmarket up writes"
        raise NoMarket(f"{problem}; fabmarket down --remove {place.root} removes it") from error


def remove(place: Place) -> None:
    """Remove all that `up` made, that it made it last; what others put there stays."""
    members = [place.root / name for name in _read(place)["members"]]
    for folder in (*members, place.logs, place.running):
        if folder.exists():
            shutil.rmtree(folder)
    for file in (place.chain, place.passphrase, _draft(place.facts), place.facts):
        file.unlink(missing_ok=True)


def _read(place: Place) -> dict[str, Any]:
    try:
        said = json.loads(place.facts.read_bytes())
        if said["made_by"] == _MADE_BY and all(map(_NAME.fullmatch, said["members"])):
            return dict(said)
    except (OSError, ValueError, TypeError, KeyError):
        pass
    raise NoMarket(
        f"{place.root}: holds no market that fabmarket up has made; give another directory"
    )


def write_whole(path: Path, said: object) -> None:
    """Write a whole file as JSON or nothing, on disk for good, for its owner's eyes only."""
    draft = _draft(path)
    draft.unlink(missing_ok=True)  # one of a killed command could be for others' eyes
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(file, "w", encoding="utf-8") as writing:
        json.dump(said, writing, indent=2)
        writing.flush()
        os.fsync(writing.fileno())
    draft.replace(path)


def _draft(path: Path) -> Path:
    return path.with_suffix(".draft")
