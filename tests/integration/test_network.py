"""`fabmarket network`: real validators come, go, come back, and are missed or not."""

import json
import os
import shutil
import signal
import stat
from contextlib import suppress
from pathlib import Path

import pytest

from fabmarket.local.network.comet import Comet, NoAnswer
from fabmarket.local.network.files import Place, facts_of
from fabmarket.local.network.running import down, up
from fabmarket.local.network.state import NetworkState, status
from tests.integration.conftest import refused, run_command
from tests.street import wait_until

pytestmark = pytest.mark.usefixtures("needs_validator")

NAMES = ["validator-1", "validator-2", "validator-3", "validator-4"]
LONG = 300
"""Seconds in which a chain on a busy machine does anything."""


@pytest.fixture(scope="module")
def root(needs_validator, tmp_path_factory):
    root = tmp_path_factory.mktemp("network") / "plant"
    made = run_command("network", "init", root, "--json")
    assert made.code == 0, made.stderr
    try:
        yield root
    finally:
        down(root, is_removed=True)
        assert not root.exists()


@pytest.fixture
def network(root):
    """All of it runs."""
    up(root)
    return root


def kill(root: Path, *names: str) -> None:
    for name in names:
        process = Place(root).process(name)
        os.kill(process.number(), signal.SIGKILL)
        wait_until(lambda process=process: not process.runs(), LONG, f"{name} runs on")


def reached(root: Path, number: int) -> NetworkState:
    """How it is once it has a block."""
    wait_until(lambda: (status(root).head or 0) >= number, LONG, f"block {number} does not come")
    return status(root)


def hashes(root: Path, number: int) -> set[str]:
    """What the validators that run say is the hash of a block."""
    said = set()
    for each in facts_of(Place(root)).validators:
        with suppress(NoAnswer):
            said.add(Comet(each.rpc).commit(number).hash)
    return said


def test_all_of_it_comes_up_agrees_and_says_so(network):
    said = run_command("network", "status", network, "--json").facts
    state = said["state"]
    assert (state["seats"], state["needed"], state["present"]) == (4, 3, 4)
    assert state["quorum"]
    assert state["agreed"]
    assert state["missing"] == []
    assert [each["name"] for each in state["validators"]] == NAMES
    assert all(each["serves"] and each["is_seated"] for each in state["validators"])
    assert len({each["hash"] for each in state["validators"]}) == 1
    shown = run_command("network", "status", network)
    assert "4 of 4 present, 3 needed" in shown.stdout
    assert said["engine"] in shown.stdout.replace("\n", "")


def test_what_is_secret_is_for_its_owners_eyes(root):
    place = Place(root)
    keystores = [place.keystore(name) for name in NAMES]
    homes = [place.home(name) / "config" for name in NAMES]
    keys = [home / file for home in homes for file in ("priv_validator_key.json", "node_key.json")]
    for file in (place.passphrase, *keystores, *keys):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE(root.stat().st_mode) == 0o700


def test_the_chain_stays_when_all_go_and_come_back(network):
    before = reached(network, 3)
    old = hashes(network, 2)
    ended = run_command("network", "down", network, "--json").facts
    assert sorted(ended["ended"]) == NAMES
    assert run_command("network", "down", network).stdout.startswith("Nothing of that runs")
    refused(run_command("network", "status", network), "no validator answers", code=75)
    again = run_command("network", "up", network, "--json").facts
    assert sorted(again["started"]) == NAMES
    assert again["state"]["head"] > before.head
    assert hashes(network, 2) == old
    assert run_command("network", "up", network, "--json").facts["started"] == []


def test_one_of_four_is_killed_and_nobody_waits(network):
    kill(network, "validator-2")
    before = status(network)
    after = reached(network, before.head + 5)
    assert after.missing == ["validator-2"]
    assert (after.present, after.has_quorum, after.is_agreed) == (3, True, True)
    ran = run_command("network", "status", network)
    assert ran.code == 0
    assert "Missing validator-2" in ran.stdout
    back = run_command("network", "up", network, "validator-2", "--json").facts
    assert back["started"] == ["validator-2"]
    assert back["state"]["missing"] == []
    assert back["state"]["present"] == 4


def test_two_of_four_are_killed_and_the_chain_stands_still_without_a_fork(network):
    kill(network, "validator-1", "validator-4")
    wait_until(lambda: status(network).still_since is not None, LONG, "it goes on")
    state = status(network)
    assert state.missing == ["validator-1", "validator-4"]
    assert not state.has_quorum
    assert state.is_agreed
    stood = state.head
    refused(
        run_command("network", "status", network),
        "2 of 4 seats present, 3 are needed; missing: validator-1, validator-4",
        code=75,
    )
    known = hashes(network, stood - 1)
    assert status(network).head == stood
    one = run_command("network", "up", network, "validator-1", "--json").facts["state"]
    assert one["head"] > stood
    assert one["missing"] == ["validator-4"]
    assert up(network).state.missing == []
    assert hashes(network, stood - 1) == known


def test_a_validator_that_comes_back_empty_catches_up(network):
    reached(network, 5)
    kill(network, "validator-3")
    data = Place(network).home("validator-3") / "data"
    kept = (data / "priv_validator_state.json").read_bytes()
    shutil.rmtree(data)
    data.mkdir(mode=0o700)
    (data / "priv_validator_state.json").write_bytes(kept)
    state = up(network).state
    assert state.missing == []
    assert len(hashes(network, 3)) == 1


def test_a_validator_that_does_not_start_is_named_with_its_last_words(network):
    kill(network, "validator-4")
    genesis = Place(network).home("validator-4") / "config" / "genesis.json"
    kept = genesis.read_bytes()
    genesis.write_text("{")
    try:
        refused(run_command("network", "up", network), "validator-4 ended at once", "log")
        assert status(network).present == 3
    finally:
        genesis.write_bytes(kept)


def test_what_is_not_there_is_named(network, tmp_path):
    place = tmp_path / "other"
    refused(run_command("network", "status", place), "network init", str(place))
    refused(run_command("network", "init", network), "is not empty")
    refused(run_command("network", "down", network, "validator-9"), "validator-9", "validator-1")
    place.mkdir()
    (place / "mine").write_text("{}")
    refused(run_command("network", "up", place), "holds no network")
    assert json.loads((place / "mine").read_text()) == {}
