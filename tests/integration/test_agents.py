"""Two agents as real processes trade over HTTP on a real node, and one of them is killed."""

import http.client
import json
import random
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from fabmarket.chain import Settings, open_engine
from fabmarket.identity import Key, digest
from fabmarket.identity.codec import encode
from fabmarket.identity.sealing import LARGEST_LETTER, SealingKey, sealed
from fabmarket.market.messages import Reply
from fabmarket.node import Journal, Replayed, evidence_of, replay
from fabmarket.node.envelope import Envelope
from fabmarket.node.status import waits_for
from tests.certificates import Authority
from tests.nodes import relay, rpc
from tests.street import (
    PROGRAM,
    Street,
    announce_card,
    ended,
    found,
    free_port,
    locked,
    logged,
    start,
    wait_until,
)

STRANGER = Key.derive("agents tests", "a stranger")


def founded(node, period: int) -> Street:
    """A market on a node that makes a block a second."""
    engine = open_engine(node.url, Settings())
    made = found(engine, period)
    rpc(engine, "evm_setAutomine", False)
    rpc(engine, "evm_setIntervalMining", 1)
    return made


@pytest.fixture
def street(node) -> Street:
    return founded(node, 8)


@pytest.fixture
def unhurried_street(node) -> Street:
    """Its sessions outlast the start of a process on a busy machine."""
    return founded(node, 40)


def kinds(log: Path, line: str) -> list[str]:
    return [each["kind"] for each in logged(log, line)]


class Couple:
    """A supplier's and a demander's directory, their logs, and their processes."""

    def __init__(self, street: Street, folder: Path, supplier: str | None = None) -> None:
        """`supplier`: the URL at which the supplier has its node, if another."""
        parties = street.parties
        self.supplier, self.demander = parties.suppliers[0], parties.demanders[0]
        self.logs = {
            party: folder / f"{party.role}.log" for party in (self.supplier, self.demander)
        }
        self.ports = {party: free_port() for party in self.logs}
        self.folders = {
            party: street.directory(folder / party.role, party, self.ports[party], url)
            for party, url in ((self.supplier, supplier), (self.demander, None))
        }

    def start(self, party):
        return start(self.folders[party], self.logs[party], "--json-log")


def run_status(folder: Path) -> dict:
    command = [sys.executable, "-c", PROGRAM, "status", str(folder), "--json"]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)  # noqa: S603


def proved(folder: Path) -> Replayed:
    """What an agent's journal proves of its one session."""
    with closing(Journal.reading(folder / "journal.sqlite")) as journal:
        (session,) = journal.sessions()
        return replay(evidence_of(journal, session))


def stock_and_money(street: Street) -> tuple[int, int]:
    """What demander and supplier have in the exchange beside what is in escrow."""
    token, exchange = street.market.token.address, street.market.exchange
    parties = (street.parties.demanders[0], street.parties.suppliers[0])
    left, free = (exchange.balance_of(party.address, token) for party in parties)
    return left, free


def test_two_agents_trade_and_end_when_they_are_told(street, tmp_path):
    couple = Couple(street, tmp_path)
    before = stock_and_money(street)
    supplier, demander = couple.start(couple.supplier), couple.start(couple.demander)
    with ended(supplier, demander):
        wait_until(lambda: logged(couple.logs[couple.demander], "served"), 120, "no trade")
        for log in couple.logs.values():
            wait_until(lambda log=log: logged(log, "escrowed"), 60, "none is heard of")
        wait_until(lambda: logged(couple.logs[couple.supplier], "settled"), 60, "none is heard of")
        for process in (supplier, demander):
            process.send_signal(signal.SIGTERM)
        assert [process.wait(20) for process in (supplier, demander)] == [0, 0]
    assert logged(couple.logs[couple.demander], "ended")
    (sold,) = logged(couple.logs[couple.supplier], "settled")
    (served,) = logged(couple.logs[couple.demander], "served")
    status = run_status(couple.folders[couple.demander])
    assert [(each["name"], each["state"]) for each in status["wants"]] == [("milling", "served")]
    assert {each["url"]: each["sells"] for each in status["peers"]} == {
        f"http://127.0.0.1:{couple.ports[couple.supplier]}": "S",
        f"http://127.0.0.1:{couple.ports[couple.demander]}": "",
    }
    assert (served["want"], served["trade"]) == ("milling", sold["trade"])
    shown = [proved(couple.folders[party]) for party in couple.logs]
    assert [[each.hex() for each in talk.trades] for talk in shown] == [[sold["trade"][2:]]] * 2
    assert [len(talk.settlements) for talk in shown] == [1, 1]
    paid = sold["quantity"] * sold["unit_price"]
    taken = tuple(had - has for had, has in zip(before, stock_and_money(street), strict=True))
    assert taken == locked(paid)
    for log in couple.logs.values():
        (escrowed,) = logged(log, "escrowed")
        assert (escrowed["trade"], escrowed["payment"]) == (sold["trade"], paid)
    assert sold["quantity"] == 10


def test_two_agents_of_a_consortium_trade_over_tls(street, tmp_path):
    couple = Couple(street, tmp_path)
    authority = Authority.new("the consortium")
    for folder in couple.folders.values():
        authority.written(folder / "ca.pem")
        authority.issue(folder / "door.pem", folder / "key.pem")
        text = (folder / "agent.toml").read_text()
        text = text.replace('url = "http://127.0.0.1', 'url = "https://127.0.0.1')
        text = text.replace('certificate = ""', 'certificate = "door.pem"')
        text = text.replace('\nkey = ""', '\nkey = "key.pem"')
        text = text.replace('authorities = ""', 'authorities = "ca.pem"')
        (folder / "agent.toml").write_text(text)
    supplier, demander = couple.start(couple.supplier), couple.start(couple.demander)
    with ended(supplier, demander):
        wait_until(lambda: logged(couple.logs[couple.demander], "served"), 600, "no trade")
        cards = wait_until(lambda: logged(couple.logs[couple.demander], "card"), 600, "no card")
    assert {each["url"].partition(":")[0] for each in cards} == {"https"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("victim", "word"),
    [("supplier", "Selection"), ("supplier", "Trade"), ("demander", "Selection")],
)
def test_killed_in_the_middle_it_goes_on_and_buys_once(unhurried_street, tmp_path, victim, word):
    """SIGKILL when a word is under way: the other waits, and one trade comes of it.

    The demander takes blocks for final two later than the supplier does.
    """
    street = unhurried_street
    couple = Couple(street, tmp_path)
    settings = couple.folders[couple.demander] / "agent.toml"
    settings.write_text(settings.read_text().replace("finality = 0", "finality = 2"))
    before = stock_and_money(street)
    line = "heard" if victim == "supplier" else "sent"
    killed = couple.supplier if victim == "supplier" else couple.demander
    other = couple.demander if victim == "supplier" else couple.supplier
    first, stays = couple.start(killed), couple.start(other)
    with ended(first, stays):
        wait_until(lambda: word in kinds(couple.logs[killed], line), 240, f"no {word}")
        first.send_signal(signal.SIGKILL)
        first.wait()
        again = couple.start(killed)
        with ended(again):
            wait_until(lambda: logged(couple.logs[couple.demander], "served"), 240, "no trade")
            assert stays.poll() is None
            assert again.poll() is None
    taken = tuple(had - has for had, has in zip(before, stock_and_money(street), strict=True))
    assert taken == locked(10 * 10)


def test_a_second_agent_of_one_directory_refuses_to_start(street, tmp_path):
    couple = Couple(street, tmp_path)
    with ended(couple.start(couple.supplier)):
        log = couple.logs[couple.supplier]
        wait_until(lambda: logged(log, "begun"), 60, "it does not start")
        second = couple.start(couple.supplier)
        with ended(second):
            assert second.wait(60) == 2
        assert "an agent runs from this directory already" in log.read_text()


def test_no_secret_is_in_any_log(street, tmp_path):
    couple = Couple(street, tmp_path)
    processes = [couple.start(party) for party in couple.logs]
    with ended(*processes):
        wait_until(lambda: logged(couple.logs[couple.demander], "served"), 120, "no trade")
    for party, log in couple.logs.items():
        text = log.read_text().lower()
        assert party.key.reveal().hex() not in text
        assert "correct horse" not in text


def test_while_a_node_is_lost_an_agent_waits_and_goes_on(street, node, tmp_path):
    with relay(node.url) as between:
        couple = Couple(street, tmp_path, supplier=between.url)
        log = couple.logs[couple.supplier]
        supplier = couple.start(couple.supplier)
        with ended(supplier):
            wait_until(lambda: logged(log, "mined"), 60, "it does not start")
            between.fault = 503
            wait_until(lambda: logged(log, "lost"), 60, "it does not notice")
            folder = couple.folders[couple.supplier]
            # A regression: pages over its ledger did not know that its node was gone.
            wait_until(lambda: "node" in waits_for(folder), 60, "nobody else is told")
            between.fault = None
            wait_until(lambda: logged(log, "found"), 60, "it does not come back")
            wait_until(lambda: waits_for(folder) == "", 60, "others are not told of that")
            demander = couple.start(couple.demander)
            with ended(demander):
                wait_until(lambda: logged(log, "settled"), 120, "no trade")
            assert supplier.poll() is None
            between.fault = "stall"
            supplier.send_signal(signal.SIGTERM)
            assert supplier.wait(20) == 0


def test_a_chain_that_takes_back_what_was_final_ends_an_agent(street, tmp_path):
    couple = Couple(street, tmp_path)
    log = couple.logs[couple.supplier]
    supplier = couple.start(couple.supplier)
    with ended(supplier):
        wait_until(lambda: logged(log, "mined"), 60, "it does not start")
        rpc(street.engine, "anvil_reorg", 3, [])
        assert supplier.wait(60) == 2
    assert "the chain was reorganised deeper than 0 blocks" in log.read_text()
    assert logged(log, "ended")


def test_honest_trade_goes_on_while_strangers_misbehave(unhurried_street, tmp_path):
    """Noise, floods, slow heads, brackets well sealed, answers in sessions that are none."""
    street = unhurried_street
    couple = Couple(street, tmp_path)
    supplier, demander = couple.start(couple.supplier), couple.start(couple.demander)
    log = couple.logs[couple.supplier]
    with ended(supplier, demander):
        wait_until(lambda: logged(log, "begun"), 60, "it does not start")
        with Strangers(couple.ports[couple.supplier], street, couple.supplier) as strangers:
            wait_until(lambda: logged(couple.logs[couple.demander], "served"), 240, "no trade")
        resident = int(Path(f"/proc/{supplier.pid}/statm").read_text().split()[1]) * 4096
        supplier.send_signal(signal.SIGTERM)
        assert supplier.wait(20) == 0
    assert resident < 400 << 20
    assert {200, 0} & set(strangers.answers) == {0}  # 0: hung up on
    assert {413, 422} <= set(strangers.answers)
    assert "Traceback" not in log.read_text()
    assert len(log.read_text()) < 20_000


class Strangers:
    """Threads that send to a door what no honest agent would, until they are told to stop."""

    def __init__(self, port: int, street: Street, victim) -> None:
        self.port, self.victim = port, victim
        self.domain = street.market.domain
        self.answers: Counter[int] = Counter()
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(act,), daemon=True)
            for act in (self._noise, self._brackets, self._large, self._slow, self._forged)
        ]

    def __enter__(self) -> "Strangers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, act) -> None:
        while not self._stopping.wait(0.02):
            try:
                self.answers[act()] += 1
            except (OSError, http.client.HTTPException):
                self.answers[0] += 1

    def _post(self, body: bytes) -> int:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            link.request("POST", "/letters", body)
            return link.getresponse().status
        finally:
            link.close()

    def _sealed(self, text: bytes) -> int:
        public = SealingKey(self.victim.key).public
        letter = sealed(self.domain, STRANGER.address, self.victim.address, public, text)
        return self._post(letter)

    def _noise(self) -> int:
        return self._post(random.randbytes(random.randrange(5000)))

    def _brackets(self) -> int:
        return self._sealed(b"[" * 200_000)

    def _large(self) -> int:
        return self._post(b"x" * (LARGEST_LETTER + 1))

    def _slow(self) -> int:
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as link:
            link.sendall(b"POST /letters HTTP/1.1\r\nContent-Le")
            self._stopping.wait(0.2)
        return 0

    def _forged(self) -> int:
        """An answer in a session that there is not, well signed by a stranger."""
        reply = Reply(STRANGER.address, bytes(32), 0, bytes(32), 1)
        signature = STRANGER.sign(digest(self.domain, reply))
        return self._sealed(encode(Envelope(reply, signature)))


def test_what_is_out_of_date_when_an_agent_starts_is_not_sent(street, tmp_path):
    """Or a letter that the agent could not bear to send would meet it again at every start."""
    couple = Couple(street, tmp_path)
    party, log = couple.supplier, couple.logs[couple.supplier]
    announce_card(street, STRANGER)
    agent = couple.start(party)
    with ended(agent):
        wait_until(lambda: logged(log, "begun"), 120, "it does not start")
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(60) == 0
    with closing(Journal(couple.folders[party] / "journal.sqlite")) as journal:
        journal.post(STRANGER.address, 1, "Offer", b"long ago")
    with ended(couple.start(party)):
        (sent,) = wait_until(lambda: logged(log, "sent"), 120, "it is kept")
    # With the reason after it where it was tried: nobody is at that address.
    assert (sent["peer"], sent["outcome"]) == (STRANGER.address, "out of date")
