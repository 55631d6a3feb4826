"""Two real nodes with one past that go on as two chains: nobody acts until they tell one."""

import shutil
import threading
import urllib.parse
from contextlib import ExitStack

import pytest

from fabmarket.api.following import Feed
from fabmarket.chain import NodesDisagree, Settings, comparing, open_engine, posting
from fabmarket.ledger import Follower, Ledger, LedgerError
from fabmarket.node.lines import LINES
from tests.integration.conftest import refused
from tests.nodes import Anvil, binary_of_anvil, relay, rpc
from tests.street import (
    PATIENCE,
    ended,
    found,
    free_port,
    logged,
    run,
    said,
    settled,
    start,
    wait_until,
)

ELSEWHERE = "0x" + "7" * 40


class Twins:
    """A market, and two nodes that have its past; between each of them and us stands a relay."""

    def __init__(self, folder, stack, period=40):
        binary = binary_of_anvil()
        self.nodes = [Anvil(binary, folder / "first.json")]
        stack.callback(lambda: [each.kill() for each in self.nodes])
        self.street = found(open_engine(self.nodes[0].url, Settings()), period)
        self.nodes[0].end()
        shutil.copy(folder / "first.json", folder / "second.json")
        self.nodes[0].start()
        self.nodes.append(Anvil(binary, folder / "second.json"))
        self.engines = [open_engine(each.url, Settings()) for each in self.nodes]
        # Whatever it makes from now on is another block than the first one's.
        rpc(self.engines[1], "anvil_setCoinbase", ELSEWHERE)
        self.relays = [stack.enter_context(relay(each.url)) for each in self.nodes]
        self.urls = [each.url for each in self.relays]

    def mine(self, first, second):
        for engine, blocks in zip(self.engines, (first, second), strict=True):
            rpc(engine, "anvil_mine", hex(blocks))

    def both(self):
        return open_engine(",".join(self.urls), Settings())

    def heal(self):
        """The second node tells what the first one tells."""
        self.relays[1].node = urllib.parse.urlsplit(self.nodes[0].url)


@pytest.fixture
def twins(needs_anvil, tmp_path):
    with ExitStack() as stack:
        yield Twins(tmp_path, stack)


def test_one_that_is_behind_disagrees_with_nobody(twins):
    twins.mine(5, 0)
    engine = twins.both()
    engine.require_one_chain(0, at_once=True)
    assert engine.block_number() == twins.engines[0].block_number()


def test_above_what_is_final_they_may_differ(twins):
    twins.mine(3, 2)
    twins.both().require_one_chain(2, at_once=True)
    with pytest.raises(NodesDisagree):
        twins.both().require_one_chain(1, at_once=True)


def test_both_nodes_the_block_and_its_hashes_are_said(twins):
    twins.mine(3, 2)
    number = twins.engines[1].block_number()
    engine = twins.both()
    with pytest.raises(NodesDisagree) as caught:
        engine.require_one_chain(0)  # the first comparison is waited for
    hashes = [each.header(number).hash for each in twins.engines]
    assert caught.value.number == number
    assert caught.value.told == tuple(zip(twins.urls, hashes, strict=True))
    assert f"block {number} is 0x{hashes[0].hex()} at {twins.urls[0]}" in str(caught.value)


def test_that_one_of_them_is_gone_settles_nothing_and_that_they_agree_does(twins):
    twins.mine(2, 2)
    engine = twins.both()
    for fault in (None, "drop"):
        twins.relays[1].fault = fault
        with pytest.raises(NodesDisagree):
            engine.require_one_chain(0, at_once=True)
    twins.heal()
    with pytest.raises(NodesDisagree):
        engine.require_one_chain(0, at_once=True)
    twins.relays[1].fault = None
    engine.require_one_chain(0, at_once=True)


def test_a_silent_node_delays_nobody(twins, monkeypatch):
    """It is asked in a thread of its own; work is asked of the first node alone."""
    monkeypatch.setattr(comparing, "_WAIT", 0.0)
    monkeypatch.setattr(posting, "TIMEOUT", 3600.0)
    engine = twins.both()
    twins.relays[1].fault = "stall"
    for _ in range(3):
        engine.require_one_chain(0)
        assert engine.now() > 0
    twins.relays[1].ended.set()


def test_now_and_then_is_enough(twins, monkeypatch):
    monkeypatch.setattr(comparing, "EVERY", 3600.0)
    engine = twins.both()
    for _ in range(50):
        engine.require_one_chain(0)
    assert twins.relays[1].asked["eth_getBlockByNumber"] < 5


def test_a_node_that_lies_about_the_past_stops_the_follower_and_nothing_is_taken_back(twins):
    """Only the second answers for a moment, with another past: nobody can tell that it lies. When
    the first is back the two are compared, before anything is called a reorganisation.
    """
    engine, log = twins.both(), Ledger()
    twins.mine(3, 0)
    follower = Follower(engine, twins.street.market.exchange, log)
    follower.follow()
    before = log.followed()
    twins.mine(0, 5)
    twins.relays[0].fault, twins.relays[0].few = "drop", 1
    for follow in (follower.follow, lambda: list(follower.poll())):
        with pytest.raises(NodesDisagree):
            follow()
        assert log.followed() == before
    twins.relays[0].few, twins.relays[0].fault = None, "drop"
    alone = Follower(twins.both(), twins.street.market.exchange, log)
    with pytest.raises(LedgerError, match="reorganised deeper than 0 blocks"):
        alone.follow()
    assert log.followed() == before


def test_a_server_says_so_and_reads_no_more(twins):
    twins.mine(2, 2)
    follower = Follower(twins.both(), twins.street.market.exchange, Ledger())
    halted = threading.Event()
    feed = Feed(follower, 0, lambda _: halted.set(), lambda: None, lambda *_: None)
    feed.start()
    assert halted.wait(PATIENCE)
    assert feed.following().state == "halted"
    assert "the nodes do not tell one chain" in feed.following().reason


def test_an_audit_gives_no_verdict(twins, fabmarket):
    market = twins.street.market.exchange.address
    about = "audit", "--rpc", ",".join(twins.urls), "--market", market
    assert fabmarket(*about).code == 0
    twins.mine(2, 2)
    refused(fabmarket(*about), "the nodes do not tell one chain", *twins.urls)


def test_a_demo_ends_with_it(twins, fabmarket):
    twins.mine(2, 2)
    ran = fabmarket("demo", "--engine", ",".join(twins.urls))
    refused(ran, "the nodes do not tell one chain", *twins.urls)


@pytest.mark.slow
def test_an_agent_signs_nothing_until_they_agree(twins, tmp_path):
    """It says why, in its log and its status; what is said to it, and ordered, waits."""
    rpc(twins.engines[0], "evm_setIntervalMining", 1)
    street = twins.street
    (supplier,), (demander,) = street.parties.suppliers, street.parties.demanders
    seller = street.directory(tmp_path / "s", supplier, free_port(), '", "'.join(twins.urls))
    buyer = street.directory(tmp_path / "d", demander, free_port())
    logs = tmp_path / "s.log", tmp_path / "d.log"
    agent = start(seller, logs[0], "--json-log")
    with ended(agent):
        with ended(start(buyer, logs[1], "--json-log")):
            wait_until(lambda: logged(logs[0], "heard"), PATIENCE, "they do not meet")
        assert not logged(logs[0], "apart")  # the second is behind
        twins.mine(0, 5)
        (apart,) = wait_until(lambda: logged(logs[0], "apart"), PATIENCE, "it does not notice")
        assert all(url in apart["reason"] for url in twins.urls)
        status = said("status", seller)
        assert status["waits"].startswith("nothing is signed until the nodes agree: ")
        assert "Waits: nothing is signed" in run("status", seller).stdout
        placed = run("unlist", seller, 0, 1, "--no-wait")
        assert placed.returncode == 0, placed.stderr
        with ended(start(buyer, logs[1], "--json-log")):
            put_off = "our nodes do not tell one chain just now"
            wait_until(
                lambda: any(put_off in each["outcome"] for each in logged(logs[1], "sent")),
                PATIENCE,
                "nothing is put off",
            )
            assert not logged(logs[1], "served")
            twins.heal()
            wait_until(lambda: logged(logs[0], "found"), PATIENCE, "it does not go on")
            wait_until(lambda: logged(logs[0], "ordered"), PATIENCE, "an order is lost")
            wait_until(lambda: logged(logs[1], "served"), PATIENCE, "no trade")
            assert said("status", seller)["waits"] == ""
        assert agent.poll() is None
    lines = [each["line"] for each in logged(logs[0], *LINES)]
    meanwhile = lines[lines.index("apart") : lines.index("found")]
    assert not {"heard", "ordered", "mined", "announcing", "priced"} & set(meanwhile)
    assert len(settled(street)) == 1


@pytest.mark.slow
def test_a_chain_that_stands_still_is_waited_for(needs_anvil, tmp_path):
    """As where too few validators are left: who waits says so, and goes on; nothing is doubled."""
    with ExitStack() as stack:
        twins = Twins(tmp_path, stack)
        node, street = twins.engines[0], twins.street
        rpc(node, "evm_setIntervalMining", 1)
        rpc(node, "evm_setAutomine", False)
        parties = (*street.parties.suppliers, *street.parties.demanders)
        folders, logs, agents = [], [], []
        for party in parties:
            folders.append(street.directory(tmp_path / party.role, party, free_port()))
            logs.append(tmp_path / f"{party.role}.log")
            agents.append(start(folders[-1], logs[-1], "--json-log"))
            stack.enter_context(ended(agents[-1]))
        wait_until(lambda: logged(logs[1], "heard"), PATIENCE, "they do not talk")
        rpc(node, "evm_setIntervalMining", 0)
        for folder, log in zip(folders, logs, strict=True):
            still, *_ = wait_until(lambda log=log: logged(log, "still"), PATIENCE, "nobody says so")
            assert still["seconds"] >= 30
            assert "the chain stands still since" in said("status", folder)["waits"]
        rpc(node, "evm_setIntervalMining", 1)
        for log in logs:
            wait_until(lambda log=log: logged(log, "found"), PATIENCE, "they do not go on")
        wait_until(lambda: logged(logs[1], "served"), PATIENCE, "no trade")
        assert [each.poll() for each in agents] == [None, None]
        assert [said("status", folder)["waits"] for folder in folders] == ["", ""]
        assert len(settled(street)) == 1
