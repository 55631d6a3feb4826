"""`fabmarket up` and `down`: a market of real processes comes, goes, and comes back as it was."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from fabmarket.chain import ExchangeContract, TokenContract
from fabmarket.chain.local import LocalNode
from fabmarket.identity.keystore import address_of_keystore
from fabmarket.ledger import Ledger
from fabmarket.local.files import Place
from fabmarket.local.joining import COINS, MONEY
from fabmarket.local.processes import end
from fabmarket.node.settings import (
    ENTRY,
    EVENTS,
    FILE,
    KEYSTORE,
    Settings,
    read_settings,
)
from fabmarket.node.status import status_of
from tests.street import PROGRAM, ended, start, wait_until

OPERATORS = ["operator-1", "operator-2", "operator-3"]
pytestmark = pytest.mark.usefixtures("needs_anvil")


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-c", PROGRAM, *map(str, arguments)]


def run(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run(  # noqa: S603
        command(*arguments), capture_output=True, text=True, check=False, timeout=600
    )


def told(*arguments: object) -> dict:
    ran = run(*arguments, "--json")
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@contextmanager
def taken_down(root: Path):
    """Whatever happens, nothing of it runs on."""
    try:
        yield
    finally:
        run("down", root, "--remove")


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "market"
    with taken_down(root):
        yield root


def is_alive(number: int) -> bool:
    """Whether a process runs; one that nobody has asked after is over."""
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def is_open(url: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) == 0


def numbers(facts: dict) -> dict[str, int]:
    found = {each["name"]: each["process"] for each in facts["participants"]}
    others = {name: facts[name]["process"] for name in ("node", "dashboard")}
    return found | others


def urls(facts: dict) -> list[str]:
    doors = [each["door"] for each in facts["participants"]]
    return [facts["node"]["url"], facts["dashboard"]["url"], *doors]


def balances(facts: dict) -> dict[str, int]:
    node = LocalNode(int(facts["node"]["url"].rpartition(":")[2]))
    market = facts["market"]
    exchange = ExchangeContract(node, market["exchange"])
    return {
        each["name"]: exchange.balance_of(each["address"], market["token"])
        for each in facts["participants"]
    }


def joined(root: Path, folder: Path) -> Settings:
    """What a supplier begins with that comes to the market; it has coin and money."""
    secret = root / "passphrase"
    made = run("init", "supplier", folder, "--market", root, "--passphrase-file", secret)
    assert made.returncode == 0, made.stderr
    settings = read_settings(folder)
    node = LocalNode(int(settings.chain.urls[0].rpartition(":")[2]))
    address = address_of_keystore(folder / KEYSTORE)
    assert node.native_balance(address) == COINS * 10**18
    assert TokenContract(node, settings.market.token).balance_of(address) == MONEY
    return settings


def followed(path: Path) -> int:
    with closing(Ledger.reading(path)) as store:
        return store.followed()[0]


def is_served(folder: Path, *names: str) -> bool:
    status = status_of(folder, read_settings(folder))
    wants = {each.name: each.state for each in status.wants}
    return all(wants[name] == "served" for name in names)


@pytest.mark.slow
def test_a_market_comes_and_goes_and_comes_back(root, tmp_path):
    facts = told("up", root, "--suppliers", 2, "--demanders", 1)
    assert facts["new"]
    assert all(map(is_alive, numbers(facts).values()))
    assert all(map(is_open, urls(facts)))
    before = balances(facts)
    demander = root / "demander-1"
    wait_until(lambda: is_served(demander, "milling", "turning"), 300, "no trade")
    after = balances(facts)  # payment, bonds and deposits are in escrow
    assert all(after[name] < before[name] for name in ("supplier-1", "supplier-2", "demander-1"))

    newcomer = joined(root, tmp_path / "newcomer")
    assert newcomer.market.exchange == facts["market"]["exchange"]
    assert newcomer.sells.resource == "grinding"
    assert not is_open(newcomer.door.url)

    gone = told("down", root)
    agents = ["demander-1", *OPERATORS, "supplier-1", "supplier-2"]
    assert gone["ended"] == ["dashboard", *agents, "node"]
    assert (gone["killed"], gone["chain_lost"], gone["removed"]) == ([], False, False)
    assert not any(map(is_alive, numbers(facts).values()))
    assert not any(map(is_open, urls(facts)))
    assert run("down", root).stdout == f"Nothing runs in {root}.\n"

    late = run("init", "demander", tmp_path / "late", "--market", root)
    assert late.returncode == 2
    assert "the market does not run; fabmarket up" in late.stderr
    assert not (tmp_path / "late").exists()
    for url in urls(facts):
        with socket.create_server(("127.0.0.1", int(url.rpartition(":")[2]))):
            refused = run("up", root)
        assert refused.returncode == 2
        assert f"port {url.rpartition(':')[2]}, which this market has had" in refused.stderr
        assert not any(each.runs() for each in Place(root).processes())

    again = told("up", root)
    assert not again["new"]
    started = ["node", *OPERATORS, "supplier-1", "supplier-2", "demander-1", "dashboard"]
    assert again["started"] == started
    assert (again["market"], urls(again)) == (facts["market"], urls(facts))
    assert again["dashboard"]["entry"] == facts["dashboard"]["entry"]
    assert balances(again) == after
    assert is_served(demander, "milling", "turning")
    twice = run("up", root)
    assert twice.stdout.startswith("All of it runs already.\n")
    rows = [line.rstrip() for line in twice.stdout.splitlines() if "…" in line]
    assert {row.split()[0] for row in rows} == {*started} - {"node", "dashboard"}
    assert max(map(len, rows)) <= 80  # it was 103 wide
    entry = facts["dashboard"]["entry"]
    assert f"Look      {entry}\n" in twice.stdout
    token = entry.partition("#")[2]
    assert token == (demander / ENTRY).read_text().strip()
    assert not any(token in log.read_text() for log in Place(root).logs.iterdir())
    other = run("up", root, "--suppliers", 3)
    assert other.returncode == 2
    assert "the market that is there has 2 suppliers, not 3" in other.stderr

    os.kill(numbers(again)["supplier-1"], signal.SIGKILL)
    wait_until(lambda: not Place(root).process("supplier-1").runs(), 60, "it lives")
    mended = told("up", root)
    assert mended["started"] == ["supplier-1"]
    unlike = {name for name, number in numbers(again).items() if numbers(mended)[name] != number}
    assert unlike == {"supplier-1"}

    (place, secret), log = (Place(root), root / "passphrase"), tmp_path / "by-hand.log"
    end([place.process("demander-1")], 60)
    own = start(demander, log, "--passphrase-file", str(secret))
    with ended(own):
        wait_until(lambda: is_open(urls(facts)[-1]), 60, "it does not start")
        assert told("up", root)["started"] == []
        refused = run("down", root, "--remove")
        assert refused.returncode == 2
        assert "demander-1: runs by hand from what is to be removed" in refused.stderr
        gone = told("down", root)
        assert gone["left"] == ["demander-1"]
        assert gone["ended"] == ["dashboard", *OPERATORS, "supplier-1", "supplier-2", "node"]
        assert own.poll() is None
    assert told("down", root, "--remove")["removed"]
    assert not root.exists()
    assert not any(map(is_alive, numbers(mended).values()))


@pytest.mark.slow
def test_a_chain_that_was_not_written_is_not_gone_on_with(root):
    facts = told("up", root, "--suppliers", 1, "--demanders", 1)
    assert told("down", root)["chain_lost"] is False
    chain = Place(root).chain.read_bytes()
    again = told("up", root)
    events = root / "demander-1" / EVENTS
    wait_until(lambda: followed(events) > json.loads(chain)["best_block_number"], 120, "it stands")
    os.kill(numbers(again)["node"], signal.SIGKILL)
    wait_until(lambda: not is_alive(numbers(again)["node"]), 60, "it lives")
    assert Place(root).chain.read_bytes() == chain
    for said in ("its node was killed and could not write its chain", "its chain is damaged"):
        refused = run("up", root)
        assert refused.returncode == 2, refused.stdout
        assert said in refused.stderr
        assert f"fabmarket down --remove {root}" in refused.stderr
        assert not any(map(is_alive, numbers(again).values()))
        assert not is_open(facts["node"]["url"])
        Place(root).chain.write_bytes(chain[:1000])
    Place(root).chain.unlink()
    assert "could not write its chain" in run("up", root).stderr


@pytest.mark.slow
@pytest.mark.parametrize("when", ["founding", "agents"])
def test_interrupted_it_leaves_nothing_that_runs(root, when):
    place = Place(root)
    process = subprocess.Popen(command("up", root))  # noqa: S603
    with ended(process):
        at = place.running / ("node" if when == "founding" else "demander-1")
        wait_until(lambda: at.exists() or process.poll() is not None, 300, "it does not start")
        process.send_signal(signal.SIGTERM)
        assert process.wait(300) == 143
    assert not any(each.runs() for each in place.processes())
    assert root.exists() == (when == "agents")
    if when == "agents":
        assert not told("up", root)["new"]


@pytest.mark.slow
def test_killed_it_leaves_nothing_that_down_does_not_end(root):
    place = Place(root)
    process = subprocess.Popen(command("up", root))  # noqa: S603
    with ended(process):
        wait_until((root / "supplier-1").exists, 300, "it does not come so far")
        process.send_signal(signal.SIGKILL)
        process.wait()
    node = place.process("node").number()
    assert node is not None
    passphrase = place.passphrase.read_text()
    assert told("up", root, "--suppliers", 1, "--demanders", 1)["new"]
    assert not is_alive(node)
    assert place.passphrase.read_text() != passphrase
    assert read_settings(root / "demander-1").role == "demander"
    assert not (root / "demander-2" / FILE).exists()


def test_without_anvil_it_is_said_how_to_get_it(root, monkeypatch):
    monkeypatch.setenv("FABMARKET_ANVIL", str(root / "none"))
    refused = run("up", root)
    assert refused.returncode == 2
    assert "set it to anvil's native binary" in refused.stderr
    assert not root.exists()
    assert run("down", root).stdout == f"Nothing runs in {root}.\n"


def test_what_is_no_market_is_left_alone(root):
    root.mkdir()
    (root / "mine").touch()
    for arguments in (["up", root], ["down", root], ["down", root, "--remove"]):
        refused = run(*arguments)
        assert refused.returncode == 2
        assert "holds no market that fabmarket up has made" in refused.stderr
    assert [each.name for each in root.iterdir()] == ["mine"]


def test_what_runs_of_a_market_that_is_removed_by_hand_ends_by_itself(root):
    processes = numbers(told("up", root, "--suppliers", 1, "--demanders", 1))
    assert all(map(is_alive, processes.values()))
    shutil.rmtree(root)
    wait_until(lambda: not any(map(is_alive, processes.values())), 600, "something runs on")
