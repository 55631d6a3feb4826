"""A chain of several validators, cut in two, and with a validator that signs twice."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fabmarket.chain import ConsortiumContract, look_at
from fabmarket.local.network.comet import Comet, validator_address
from fabmarket.local.network.files import Facts, Place, Validator
from fabmarket.local.network.founding import Plan, init
from fabmarket.local.network.program import configure, draw_keys, start_command, validator_binary
from fabmarket.local.network.running import down, up
from fabmarket.local.network.state import status
from fabmarket.local.ports import free_ports
from tests.lines import Line
from tests.networks import LONG, hashes, stands
from tests.street import wait_until

pytestmark = pytest.mark.usefixtures("needs_validator")

STILL = 15
"""Blocks that the side which goes on makes while the other stands still."""


class Lines:
    """Between any two validators a line each way, which can be cut and mended."""

    def __init__(self, facts: Facts) -> None:
        self._lines = {
            (here.name, there.name): Line(there.peer)
            for here in facts.validators
            for there in facts.others(here.name)
        }

    def peers(self, facts: Facts, name: str) -> list[Validator]:
        """The others as a validator is told of them: at this end of its lines."""
        return [
            Validator(**{**vars(each), "peer": self._lines[name, each.name].place})
            for each in facts.others(name)
        ]

    def cut(self, names: set[str]) -> None:
        """Some hear nothing of the rest."""
        for (here, there), line in self._lines.items():
            if (here in names) != (there in names):
                line.cut()

    def mend(self) -> None:
        for line in self._lines.values():
            line.mend()

    def close(self) -> None:
        for line in self._lines.values():
            line.close()


@pytest.fixture(scope="module")
def network(needs_validator, tmp_path_factory) -> Iterator[tuple[Path, Facts, Lines]]:
    root = tmp_path_factory.mktemp("network") / "plant"
    facts = init(root, Plan())
    lines = Lines(facts)
    binary, place = validator_binary(), Place(root)
    for each in facts.validators:
        told = lines.peers(facts, each.name)
        configure(binary, place, each, told, facts.block_time)
    try:
        up(root)
        yield root, facts, lines
    finally:
        down(root, is_removed=True)
        lines.close()


def head(facts: Facts, name: str) -> int:
    return Comet(facts.named(name).rpc).head().number


def goes_on(facts: Facts, name: str, blocks: int = STILL) -> None:
    before = head(facts, name)
    wait_until(lambda: head(facts, name) >= before + blocks, LONG, f"{name} makes no blocks")


def all_have(facts: Facts, number: int) -> None:
    names = [each.name for each in facts.validators]
    wait_until(
        lambda: min(head(facts, name) for name in names) >= number, LONG, f"no block {number}"
    )


def test_cut_three_to_one_the_three_go_on_and_the_one_has_no_blocks_of_its_own(network):
    root, facts, lines = network
    alone = facts.validators[3].name
    goes_on(facts, alone, 2)
    lines.cut({alone})
    others = [each.name for each in facts.others(alone)]
    goes_on(facts, others[0])
    left = head(facts, alone)
    goes_on(facts, others[0])
    assert head(facts, alone) <= left + 1  # what was on its way when the lines were cut
    top = head(facts, others[0])
    lines.mend()
    all_have(facts, top + 2)
    assert len(hashes(root, left + 1)) == 1
    assert len(hashes(root, top)) == 1


def test_cut_two_to_two_nobody_goes_on_and_nothing_forks(network):
    root, facts, lines = network
    goes_on(facts, facts.validators[0].name, 2)
    lines.cut({each.name for each in facts.validators[:2]})
    stands(root)
    state = status(root)
    assert state.is_agreed
    heads = [head(facts, each.name) for each in facts.validators]
    assert max(heads) - min(heads) <= 1
    assert len(hashes(root, min(heads))) == 1
    lines.mend()
    goes_on(facts, facts.validators[0].name)
    all_have(facts, max(heads) + 2)
    assert len(hashes(root, max(heads))) == 1
    wait_until(lambda: status(root).still_since is None, LONG, "it stands still")


@contextmanager
def twin(root: Path, facts: Facts, folder: Path, of: Validator) -> Iterator[None]:
    """A second machine with the same key, as of a backup that was restored beside the first.

    The others have been told of it, as they let in nobody else.
    """
    binary, place = validator_binary(), Place(root)
    home = folder / "twin"
    node_id, _ = draw_keys(binary, home)
    peer, http, rpc = (f"127.0.0.1:{port}" for port in free_ports(3))
    peers = ",".join(f"{each.node_id}@{each.peer}" for each in facts.validators)
    made = ("--consortium", str(place.consortium), "--peers", peers, "--block-time", "300ms")
    at = ("--peer", peer, "--http", http, "--rpc", rpc)
    own = [str(binary), "init", "--home", str(home), *made, *at]
    subprocess.run(own, check=True, capture_output=True)  # noqa: S603
    key = "config/priv_validator_key.json"
    shutil.copy(place.home(of.name) / key, home / key)
    for each in facts.validators:
        with (place.home(each.name) / "config" / "peers").open("a") as named:
            named.write(f"{node_id}@{peer}\n")
    with (folder / "twin.log").open("wb") as log:
        process = subprocess.Popen(start_command(binary, home), stdout=log, stderr=log)  # noqa: S603
    try:
        yield
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_who_signs_twice_loses_the_seat_and_the_others_go_on(network, tmp_path):
    root, facts, _ = network
    guilty = facts.validators[2]
    engine = look_at([facts.validators[0].url], facts.chain_id)
    consortium = ConsortiumContract(engine)
    seats = {seat.owner for seat in consortium.state().seats}
    assert guilty.owner in seats
    with twin(root, facts, tmp_path, guilty):
        wait_until(
            lambda: guilty.key not in Comet(facts.validators[0].rpc).voters(),
            LONG,
            "nobody is punished",
        )
    assert {seat.owner for seat in consortium.state().seats} == seats - {guilty.owner}
    state = status(root)
    assert (state.seats, state.needed) == (3, 3)
    goes_on(facts, facts.validators[0].name)
    signers = Comet(facts.validators[0].rpc).commit(head(facts, facts.validators[0].name)).signers
    assert validator_address(guilty.key) not in signers
