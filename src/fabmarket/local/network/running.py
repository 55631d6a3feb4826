"""`network up` and `down`: validators come and go, and their chain stays."""

import shlex
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fabmarket.local.founding import Progress, unheard
from fabmarket.local.network import files, namespaces
from fabmarket.local.network.files import Facts, Place, Validator, chosen, command, worked_on
from fabmarket.local.network.markets import require_unused
from fabmarket.local.network.program import start_command, validator_binary
from fabmarket.local.network.state import NetworkState, state_of
from fabmarket.local.ports import require_free
from fabmarket.local.processes import NotStarted, end, last_words

_STARTING = "Validators"
_START = 300.0
"""Seconds in which a validator answers, and the chain goes on."""
_END = 60.0
"""Seconds that a validator is given to end by itself."""
_LOOK = 0.2


class Disagreement(NotStarted):
    """Validators have different blocks of one number."""


@dataclass(frozen=True)
class Up:
    """A network that runs: which validators were `started` just now, and how all are."""

    facts: Facts
    started: tuple[str, ...]
    state: NetworkState


@dataclass(frozen=True)
class Down:
    """Which validators `ended` by themselves, and which were `killed`."""

    ended: tuple[str, ...]
    killed: tuple[str, ...]


def up(root: Path, names: Sequence[str] = (), progress: Progress = unheard) -> Up:
    """Start the validators that are named, or all, where they do not run.

    It returns when they answer and have what the others have, and, where enough seats are present,
    blocks come. Raises NotStarted naming who does not; the others run on.
    """
    with worked_on(root) as (place, facts):
        started = start(place, facts, chosen(facts, names))
        try:
            state = settled(place, facts, started, progress)
        except NotStarted:
            raise
        except BaseException:
            end([place.process(each.name) for each in started], _END)
            raise
        return Up(facts, tuple(each.name for each in started), state)


def start(place: Place, facts: Facts, wanted: Sequence[Validator]) -> list[Validator]:
    """Start those of them that do not run, without waiting, and return them."""
    binary = validator_binary()
    missing = [each for each in wanted if not place.process(each.name).runs()]
    if facts.subnet:
        namespaces.set_up(facts)
    else:
        places = [where for each in missing for where in (each.peer, each.http, each.rpc)]
        require_free([int(where.rpartition(":")[2]) for where in places], "network")
    for each in missing:
        command = start_command(binary, place.home(each.name))
        if facts.subnet:
            command = ["ip", "netns", "exec", namespaces.namespace(facts, each), *command]
        place.process(each.name).start(command, place.log(each.name))
    return missing


def settled(
    place: Place, facts: Facts, started: Sequence[Validator], progress: Progress = unheard
) -> NetworkState:
    """Return how the network is once those that were started have what the others have.

    Where enough seats are present blocks must come. Raises NotStarted, Disagreement.
    """
    names = {each.name for each in started}
    deadline = time.monotonic() + _START
    first = 0
    while True:
        state = state_of(place, facts)
        waiting = [
            each
            for each in state.validators
            if each.name in names and not (each.is_well and each.serves)
        ]
        progress(_STARTING, len(names) - len(waiting), len(names))
        if state.is_agreed is False:
            raise Disagreement(
                f"{place.root}: the validators have different blocks {state.common};"
                f" see {command('status', place.root)}"
            )
        head = state.head or 0
        first = first or head
        goes_on = head > first and state.still_since is None  # what it had is read first
        if not waiting and head and (goes_on or not state.has_quorum):
            return state
        for each in waiting:
            if not place.process(each.name).runs():
                raise NotStarted(_ended(place, each.name))
        if time.monotonic() > deadline:
            raise NotStarted(_late(place, [each.name for each in waiting]))
        time.sleep(_LOOK)


def _ended(place: Place, name: str) -> str:
    log = place.log(name)
    said = f"{name} ended at once: {last_words(log)}; its log is {log}"
    if place.signed(name).exists():
        return said
    restore = (validator_binary(), "restore", "--home", place.home(name), "--above", "N")
    return (
        f"{said}; if its disk is lost for good: {shlex.join(map(str, restore))}, with N one above"
        f" the newest block of {command('status', place.root)}, then {command('up', place.root)}"
    )


def _late(place: Place, names: Sequence[str]) -> str:
    after = f"after {_START:.0f} s"
    if not names:
        return f"{place.root}: no block comes {after}; the logs are in {place.validators}"
    logs = "; ".join(f"{name}: {last_words(place.log(name))}" for name in names)
    return f"{', '.join(names)} not ready {after} ({logs}); the logs are in {place.validators}"


def down(root: Path, names: Sequence[str] = (), *, is_removed: bool = False) -> Down:
    """End the validators that are named, or all, and remove the network if that is wanted.

    Raises StillUsed where it is to be removed and agents of markets on it run.
    """
    with worked_on(root) as (place, facts):
        if is_removed:
            require_unused(place, facts)
        ended, killed = stop(place, chosen(facts, names))
        if facts.subnet and len(names) == 0:
            namespaces.take_down(facts)
        if is_removed:
            files.remove(place)
    if is_removed:
        with suppress(OSError):  # something of others is in it
            root.rmdir()
    return Down(tuple(ended), tuple(killed))


def stop(place: Place, validators: Sequence[Validator]) -> tuple[list[str], list[str]]:
    """End validators; the names of those that ended by themselves, and of the killed."""
    return end([place.process(each.name) for each in validators], _END)
