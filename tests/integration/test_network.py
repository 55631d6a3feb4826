"""`fabmarket network`: real validators come, go, come back, and are missed or not."""

import json
import shlex
import shutil
import stat
import subprocess
from contextlib import closing
from pathlib import Path
from secrets import token_bytes

import pytest

from fabmarket.chain import ExchangeContract, Sender, Transaction
from fabmarket.errors import Refused
from fabmarket.identity import Key
from fabmarket.local.network import namespaces
from fabmarket.local.network.files import Place, facts_of
from fabmarket.local.network.program import validator_binary
from fabmarket.local.network.running import down, up
from fabmarket.local.network.seats import engine_of, let_deploy
from fabmarket.local.network.state import status
from fabmarket.market.rhythm import Rhythm
from fabmarket.node import Journal, Outbox
from fabmarket.node.settings import read_settings
from fabmarket.node.status import status_of
from fabmarket.simulation.contracts import open_board
from tests.integration.conftest import refused, run_command
from tests.networks import LONG, NAMES, hashes, kill, may_deploy, reached, stands
from tests.pushing import KEY, participant_of
from tests.street import wait_until

pytestmark = pytest.mark.usefixtures("needs_validator")

CHAIN = 31337
NOWHERE = "0x" + 40 * "1"


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
    assert f"Engine  {said['engine']}\n" in shown.stdout
    rows = [line.rstrip() for line in shown.stdout.splitlines() if "validator-" in line]
    assert len(rows) == 4
    assert max(map(len, rows)) <= 80


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
    stands(network)
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


def test_regression_a_validator_that_has_lost_its_disk_comes_back_as_it_is_told(network):
    """It was refused, and the guide said that it catches up."""
    reached(network, 5)
    kill(network, "validator-2")
    place = Place(network)
    shutil.rmtree(place.home("validator-2") / "data")
    ran = run_command("network", "up", network, "validator-2")
    refused(ran, "priv_validator_state.json is missing", "one above the newest block")
    words = ran.stderr.partition("lost for good: ")[2].partition(", with N")[0]
    above = str(status(network).head + 1)
    command = [above if word == "N" else word for word in shlex.split(words)]
    subprocess.run(command, check=True)  # noqa: S603
    up(network, ["validator-2"])
    reached(network, int(above) + 5)
    wait_until(lambda: has_signed(network, "validator-2"), LONG, "it does not sign")
    assert status(network).present == 4


def has_signed(root, name):
    return any(each.name == name and each.has_signed for each in status(root).validators)


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


@pytest.mark.slow
def test_a_market_of_agents_trades_on_it_while_a_validator_is_gone(network, tmp_path):
    market, other = tmp_path / "market", tmp_path / "other"
    few = ("--suppliers", 2, "--demanders", 1, "--network")
    try:
        facts = run_command("up", market, *few, network, "--json").facts
        assert facts["node"]["process"] is None
        assert facts["node"]["url"] == facts_of(Place(network)).engine
        asked = [read_settings(market / f"operator-{at}").chain.urls for at in (1, 2, 3)]
        assert all(len(urls) == 4 for urls in asked)
        assert len({urls[0] for urls in asked}) == 3
        kill(network, "validator-3")
        demander = market / "demander-1"
        wait_until(lambda: is_served(demander, "milling", "turning"), LONG, "no trade")
        assert not run_command("down", market, "--json").facts["chain_lost"]
        assert status(network).missing == ["validator-3"]
        refused(run_command("up", market, "--network", other), "holds no network")
        again = run_command("up", market, "--json").facts
        assert not again["new"]
        assert again["market"] == facts["market"]
        assert is_served(demander, "milling", "turning")
        kept = run_command("network", "down", network, "--remove")
        refused(kept, "demander-1", f"fabmarket down {market}")
        assert status(network).missing == ["validator-3"]
    finally:
        run_command("down", market, "--remove")
    assert not market.exists()
    assert status(network).has_quorum


def is_served(folder: Path, *names: str) -> bool:
    known = status_of(folder, read_settings(folder))
    wants = {each.name: each.state for each in known.wants}
    return all(wants[name] == "served" for name in names)


def test_validators_with_network_cards_of_their_own_and_one_cut_off(needs_validator, tmp_path):
    try:
        namespaces.require()
    except Refused as error:
        pytest.skip(str(error))
    root = tmp_path / "apart"
    made = run_command("network", "init", root, "--namespaces", "--json").facts
    try:
        facts = facts_of(Place(root))
        assert [each["url"] for each in made["validators"]] == [
            f"http://{facts.subnet}.{10 + at}:8545" for at in range(4)
        ]
        assert up(root).state.present == 4
        card = namespaces.card(facts, facts.named("validator-1"))
        subprocess.run(["ip", "link", "set", card, "down"], check=True)  # noqa: S603, S607
        before = status(root)
        assert before.missing == ["validator-1"]
        assert reached(root, before.head + 3).has_quorum
        subprocess.run(["ip", "link", "set", card, "up"], check=True)  # noqa: S603, S607
        wait_until(lambda: status(root).missing == [], LONG, "it does not come back")
        assert status(root).is_agreed
    finally:
        down(root, is_removed=True)
    links = subprocess.run(["ip", "link"], capture_output=True, text=True, check=True)  # noqa: S607
    assert card not in links.stdout
    assert not root.exists()


def test_what_is_not_there_is_named(network, tmp_path):
    place = tmp_path / "other"
    for words in (("status", place), ("down", place), ("up", place, "validator-1")):
        ran = run_command("network", *words)
        refused(ran, f"{place}: holds no network", "give the directory of one")
        assert "init" not in ran.stderr
    refused(run_command("network", "init", network), "is not empty")
    refused(run_command("network", "down", network, "validator-9"), "validator-9", "validator-1")
    place.mkdir()
    (place / "mine").write_text("{}")
    refused(run_command("network", "up", place), "holds no network")
    assert json.loads((place / "mine").read_text()) == {}


def test_regression_a_validator_in_place_of_the_directory_is_no_new_network(
    root, tmp_path, monkeypatch
):
    """`up validator-2` made a second chain of the same number in a directory of that name."""
    (tmp_path / "fabmarket-network").symlink_to(root)
    monkeypatch.chdir(tmp_path)
    for words in (("validator-2",), ("validator-2", "validator-3")):
        for what in ("up", "down"):
            said = f"run fabmarket network {what} fabmarket-network {' '.join(words)}"
            refused(run_command("network", what, *words), said)
    assert [each.name for each in tmp_path.iterdir()] == ["fabmarket-network"]
    refused(run_command("network", "down", "validator-9"), "give the directory of one")


def test_regression_who_comes_second_hears_what_another_command_has_made(
    needs_validator, tmp_path, monkeypatch
):
    """It was told that a directory is not empty, to mend that and to start again."""
    root, program = tmp_path / "plant", tmp_path / "validator"
    first = f"mkdir -p {root}; touch {root}/network.json"
    program.write_text(f'#!/bin/sh\n{first}; exec {validator_binary()} "$@"\n')
    program.chmod(0o700)
    monkeypatch.setenv("FABMARKET_VALIDATOR", str(program))
    for command in (("init", root, "--validators", 1), ("up", root)):
        ran = run_command("network", *command)
        refused(ran, "another command has just made", f"network status {root}", code=75)
        assert sorted(each.name for each in tmp_path.iterdir()) == ["plant", "validator"]
        shutil.rmtree(root)


def test_an_account_that_the_chain_does_not_know_sends_several_at_once_without_coin(network):
    """Its nodes take one at a time of such an account, and say that it were delegated."""
    newcomer = Key(token_bytes(32))
    with engine_of(Place(network), facts_of(Place(network))) as node:
        sender = Sender(node)
        for at in range(4):
            sender.queue(Transaction(newcomer, f"word {at}", newcomer.address, b"", 21_000))
        assert len(sender.must_succeed()) == 4
        assert node.native_balance(newcomer.address) == 0
        assert node.nonce(newcomer.address) == 4


def test_a_validator_is_added_by_a_later_program_than_the_chain_began_with(
    needs_validator, tmp_path
):
    """It made a genesis with its own contract's code, and was alone on that chain."""
    root = tmp_path / "one"
    assert run_command("network", "init", root, "--validators", 1).code == 0
    place = Place(root)
    (only,) = facts_of(place).validators
    genesis = place.home(only.name) / "config" / "genesis.json"
    said = json.loads(genesis.read_text())
    said["app_state"]["evm"]["accounts"][0]["code"] += "00"  # never reached
    genesis.write_text(json.dumps(said, indent=2))
    try:
        up(root)
        assert run_command("network", "add-validator", "two", root, "--json").facts["done"]
        reached(root, status(root).head + 2)
        assert (place.home("two") / "config" / "genesis.json").read_bytes() == genesis.read_bytes()
        down(root)
        up(root)
        reached(root, status(root).head + 2)
    finally:
        down(root, is_removed=True)


def test_an_agent_that_the_chain_does_not_know_sends_several_at_once_and_loses_nobody(network):
    """The agent said that the chain were lost, and waited for longer each time."""
    founder = Key(token_bytes(32))
    let_deploy(network, founder.address)
    with engine_of(Place(network), facts_of(Place(network))) as node, closing(Journal()) as journal:
        wait_until(lambda: may_deploy(node, founder.address), LONG, "it may not deploy")
        rhythm = Rhythm(node.now(), 60)
        board = open_board(node, Sender(node), founder, NOWHERE, rhythm)
        participant = participant_of(node, NOWHERE, NOWHERE, journal)
        payloads = [bytes([at]) * 100 for at in range(4)]
        for each in payloads:
            participant.announce(each)
        outbox = Outbox(KEY, journal, node, ExchangeContract(node, NOWHERE), board=board)
        mined = []

        def is_empty():
            mined.extend(outbox.push())
            return not journal.moves()

        wait_until(is_empty, LONG, "something waits for ever")
        assert [each.nonce for each, _ in mined] == [0, 1, 2, 3]
        assert all(receipt.status == 1 for _, receipt in mined)
        blocks = [receipt.block for _, receipt in mined]
        assert blocks == sorted(blocks)
        logs = node.logs(blocks[0], blocks[-1], board.address)
        assert [board.event(log).payload for log in logs] == payloads
