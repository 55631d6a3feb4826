"""`up` and `down`: a market's directory, its node and its agents, and how they come and go.

Whenever it is cut short, the next `up` goes on: a founding that did not come to its end is begun
anew, a market that is founded is founded once. The node is started before the agents and ended
after them, so that its chain is never shorter than what they have followed.
"""

import http.client
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from secrets import token_bytes
from typing import TypeVar

from fabmarket.chain import EngineUnavailable, anvil_binary, look_at
from fabmarket.chain.local import LocalNode, node_command
from fabmarket.chain.rpc import RpcEngine
from fabmarket.errors import Refused
from fabmarket.identity import Key
from fabmarket.ledger import Ledger
from fabmarket.local import sample
from fabmarket.local.files import (
    NODE,
    PAGES,
    Facts,
    Member,
    NoMarket,
    Place,
    begin,
    facts_of,
    founded,
    is_empty,
    remove,
    worked_on,
)
from fabmarket.local.founding import Founded, Progress, found, make_directory
from fabmarket.local.network import files as networks
from fabmarket.local.network.markets import is_on, remember
from fabmarket.local.network.seats import let_deploy
from fabmarket.local.ports import free_ports, require_free
from fabmarket.local.processes import NotStarted, Process, end, last_words
from fabmarket.node.settings import EVENTS
from fabmarket.node.status import is_running
from fabmarket.scenario import Scenario

T = TypeVar("T")

_KEYS = "Keys, one for each participant"
_AGENTS = "Agents"
_PAGES = "Dashboard"
_WHOSE = "market"
_PROGRAM = "from fabmarket.cli.main import main; main()"
_START = 300.0
"""Seconds that a process may take until it answers."""
_AGENT_END = 60.0
_NODE_END = 300.0
"""Seconds that a process is given to end; the node writes its chain, which takes its time."""
_LOOK = 0.1


class OtherMarket(Refused):
    """The market in the directory is not the one that is asked for."""


class StillRuns(Refused):
    """An agent that its owner has started runs from a directory that is to be removed."""


class ChainLost(Refused):
    """The chain's file lacks what agents have followed: their journals are of no more use."""


@dataclass(frozen=True)
class Up:
    """A market that runs: what was `started` just now, and the number of every process."""

    facts: Facts
    is_new: bool
    started: tuple[str, ...]
    numbers: dict[str, int]


@dataclass(frozen=True)
class Down:
    """What `ended` by itself, what was `killed`, which agents are `left`, as their owner has
    started them, and whether the node ran and wrote no chain.
    """

    ended: tuple[str, ...] = ()
    killed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    is_lost: bool = False


def up(
    root: Path,
    suppliers: int | None,
    demanders: int | None,
    progress: Progress,
    network: Path | None = None,
) -> Up:
    """Found a market in a directory if there is none, and start all of it that does not run.

    Numbers that are given must be those of the market that is there. With `network`, the directory
    of one that runs, the market is founded there, else on a node of its own.
    """
    is_here = root.exists()
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    with worked_on(root) as place:
        facts = None if is_empty(place) else facts_of(place)
        is_new = facts is None
        if facts is None:
            scenario = sample.sample_market(suppliers or sample.USUAL, demanders or sample.USUAL)
            facts = _founded(place, network, scenario, progress, is_here=is_here)
        elif network is not None:
            _require_network(facts, network)
        _require_number(facts, "supplier", suppliers)
        _require_number(facts, "demander", demanders)
        begun = [place.process(NODE)] if is_new and facts.node_port is not None else []
        started = _started(place, facts, begun, progress)
        numbers = {each.name: each.number() for each in place.processes()}
        alive = {name: number for name, number in numbers.items() if number is not None}
        return Up(facts, is_new, tuple(each.name for each in started), alive)


def _require_number(facts: Facts, role: str, wanted: int | None) -> None:
    has = sum(each.role == role for each in facts.members)
    if wanted not in (None, has):
        raise OtherMarket(
            f"the market that is there has {has} {role}s, not {wanted};"
            f" leave --{role}s out, or give another directory"
        )


def _require_network(facts: Facts, network: Path) -> None:
    if not is_on(facts, networks.facts_of(networks.Place(network))):
        raise OtherMarket(
            f"the market that is there is not on the network in {network}; leave --network out, or"
            " give another directory"
        )


def down(root: Path, *, is_removed: bool) -> Down:
    """End all that runs of a market, the node last, and remove its directory if that is wanted."""
    with worked_on(root) as place:
        try:
            facts = facts_of(place)
        except NoMarket:
            if not is_removed or not place.facts.exists():
                raise
            facts = None
        left = _left(place, facts)
        if left and is_removed:
            problem = f"{', '.join(left)}: runs by hand from what is to be removed"
            raise StillRuns(f"{problem}; end it where it was started, then start again")
        ended, killed, is_lost = _ended(place, is_founded=facts is not None)
        if is_removed:
            remove(place)
    if is_removed:
        with suppress(OSError):  # something of others is in it
            root.rmdir()
    return Down(ended, killed, left, is_lost)


def _left(place: Place, facts: Facts | None) -> tuple[str, ...]:
    """The agents that run and that no `up` has started."""
    return tuple(
        each.name
        for each in (facts.members if facts else ())
        if is_running(place.root / each.name) and not place.process(each.name).runs()
    )


def _ended(place: Place, *, is_founded: bool) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    """End all; what did so by itself, what was killed, and whether the chain is lost by that."""
    node = place.process(NODE)
    agents = [each for each in place.processes() if each != node]
    before = _written(place)
    was_running = node.runs()
    ended, killed = end(agents, _AGENT_END)
    node_ended, node_killed = end([node], _NODE_END)
    is_lost = was_running and is_founded and _written(place) == before
    return (*ended, *node_ended), (*killed, *node_killed), is_lost


def _written(place: Place) -> int:
    """When the chain was last written, in a form that tells two writings apart; 0 for never."""
    return place.chain.stat().st_mtime_ns if place.chain.exists() else 0


def _founded(
    place: Place, network: Path | None, scenario: Scenario, progress: Progress, *, is_here: bool
) -> Facts:
    """Found the market from the beginning; where that fails nothing of it stays."""
    if place.facts.exists():
        end(place.processes(), _NODE_END)
        remove(place)
    sellers = [each.name for each in scenario.suppliers]
    buyers = [each.name for each in scenario.demanders]
    names = [*(f"operator-{at + 1}" for at in range(scenario.operators)), *sellers, *buyers]
    begin(place, names)
    try:
        free, page_port, *ports = free_ports(2 + len(names))
        engine, deployer = _begun(place, free) if network is None else _on_network(place, network)
        market = found(engine, scenario, sample.PERIOD, 0, progress, deployer)
        members = _directories(place, market, dict(zip(names, ports, strict=True)), progress)
        if isinstance(engine, LocalNode):
            engine.make_blocks()
        port = free if network is None else None
        facts = Facts(port, page_port, market.places, sample.SLOTS, sample.PERIOD, tuple(members))
        founded(place, facts)
        return facts
    except BaseException:
        end(place.processes(), _NODE_END)
        remove(place)
        if not is_here:
            place.root.rmdir()
        raise


def _begun(place: Place, port: int) -> tuple[RpcEngine, None]:
    """A new node of the market's own, on which anybody may found it."""
    command = node_command(anvil_binary(), port, place.chain, founded=False)
    place.process(NODE).start(command, place.log(NODE))
    return _reached(place, port), None


def _on_network(place: Place, network: Path) -> tuple[RpcEngine, Key]:
    """A network, which remembers the market, and a new key that its owners let found it."""
    deployer = Key(token_bytes(32))
    let_deploy(network, deployer.address)
    remember(network, place.root)
    facts = networks.facts_of(networks.Place(network))
    return look_at([facts.engine], facts.chain_id), deployer


def _directories(
    place: Place, market: Founded, ports: dict[str, int], progress: Progress
) -> list[Member]:
    """Make everybody's directory."""
    passphrase = place.passphrase.read_text("ascii").strip()
    parties = market.parties
    people = (*parties.operators, *parties.suppliers, *parties.demanders)
    members = []
    for done, (party, (name, port)) in enumerate(zip(people, ports.items(), strict=True)):
        progress(_KEYS, done, len(people))
        settings = market.settings(party, port)
        make_directory(place.root / name, party.key, passphrase, settings)
        members.append(Member(name, party.role, party.address, port))
    progress(_KEYS, len(people), len(people))
    return members


def _started(place: Place, facts: Facts, begun: list[Process], progress: Progress) -> list[Process]:
    """Start all that does not run, and return it behind what has `begun` just before.

    Where that fails all of it ends again.
    """
    node = place.process(NODE)
    started = [*begun]
    try:
        if facts.node_port is None:
            engine = look_at([facts.places.url], facts.places.chain_id)
            _require_chain(place, facts, engine, f"{place.root}: its network's chain is lost")
        elif not node.runs():
            # Agents whose node is gone have nothing to do, and must not meet an older chain.
            names = (*(each.name for each in facts.members), PAGES)
            end([place.process(name) for name in names], _AGENT_END)
            started.append(node)
            _start_node(place, facts, facts.node_port)
        missing = [each for each in facts.members if not is_running(place.root / each.name)]
        pages = place.process(PAGES)
        lacks_pages = can_serve() and not pages.runs()
        progress(_AGENTS, 0, len(missing))
        require_free([*(each.port for each in missing), *[facts.page_port] * lacks_pages], _WHOSE)
        for each in missing:
            started.append(place.process(each.name))
            started[-1].start(_agent_command(place, each), place.log(each.name))
        for done, each in enumerate(missing, 1):
            _await(place, each.name, partial(_answers, each.port))
            progress(_AGENTS, done, len(missing))
        if lacks_pages:
            progress(_PAGES, 0, 1)
            started.append(pages)
            pages.start(_serve_command(place, facts), place.log(PAGES))
            _await(place, PAGES, partial(_answers, facts.page_port))
            progress(_PAGES, 1, 1)
    except BaseException:
        end([each for each in started if each != node], _AGENT_END)
        end([each for each in started if each == node], _NODE_END)
        raise
    return started


def _start_node(place: Place, facts: Facts, port: int) -> None:
    """Start the node on the chain that it has left, which agents may not be ahead of."""
    lost = f"{place.root}: its node was killed and could not write its chain, which is lost"
    if not place.chain.exists():
        raise ChainLost(f"{lost}; {_again(place)}")
    require_free([port], _WHOSE)
    command = node_command(anvil_binary(), port, place.chain, founded=True)
    place.process(NODE).start(command, place.log(NODE))
    try:
        engine = _reached(place, port)
    except NotStarted as error:
        raise ChainLost(f"{error}; if its chain is damaged, {_again(place)}") from error
    _require_chain(place, facts, engine, lost)


def _require_chain(place: Place, facts: Facts, engine: RpcEngine, lost: str) -> None:
    """Raise ChainLost unless the chain has what agents have followed."""
    head = engine.block_number()
    for each in facts.members:
        followed = _followed(place.root / each.name / EVENTS)
        if followed is None:
            continue
        number, block_hash = followed
        if number > head or engine.header(number).hash != block_hash:
            raise ChainLost(f"{lost} from block {min(number, head)} on; {_again(place)}")


def _again(place: Place) -> str:
    return f"fabmarket down --remove {place.root}, then fabmarket up begins a new market"


def _followed(path: Path) -> tuple[int, bytes] | None:
    if not path.exists():
        return None
    with closing(Ledger.reading(path, is_kept=True)) as store:
        return store.followed()


def _agent_command(place: Place, member: Member) -> list[str]:
    folder, passphrase = str(place.root / member.name), str(place.passphrase)
    return [
        *(sys.executable, "-P", "-c", _PROGRAM),
        *("agent", folder, "--passphrase-file", passphrase),
    ]


def _serve_command(place: Place, facts: Facts) -> list[str]:
    folder, port = str(place.root / facts.members[-1].name), str(facts.page_port)
    return [sys.executable, "-P", "-c", _PROGRAM, "serve", folder, "--port", port]


def can_serve() -> bool:
    """Return whether what `fabmarket serve` needs is installed."""
    return all(map(find_spec, ("fastapi", "jinja2", "sqlalchemy", "uvicorn")))


def _reached(place: Place, port: int) -> LocalNode:
    """Return the node once it answers."""

    def node() -> LocalNode | None:
        try:
            return LocalNode(port)
        except EngineUnavailable:
            return None

    return _await(place, NODE, node)


def _await(place: Place, name: str, answer: Callable[[], T | None]) -> T:
    """Return what a process answers, once it does. NotStarted where it does not."""
    deadline = time.monotonic() + _START
    while not (said := answer()):
        if not place.process(name).runs():
            words = last_words(place.log(name))
            raise NotStarted(f"{name} ended at once: {words}; its log is {place.log(name)}")
        if time.monotonic() > deadline:
            raise NotStarted(
                f"{name} does not answer after {_START:.0f} s; its log is {place.log(name)}"
            )
        time.sleep(_LOOK)
    return said


def _answers(port: int) -> bool:
    """Whether a door is open."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=_LOOK * 20)
    try:
        link.request("GET", "/")
        return link.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        link.close()
