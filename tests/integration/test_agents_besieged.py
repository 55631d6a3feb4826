"""An agent's process under tens of thousands of hostile letters: it trades, and does not grow."""

import http.client
import secrets
import signal
import threading
from collections import Counter
from pathlib import Path

import pytest

from fabmarket.chain import Settings, open_engine
from fabmarket.identity import Key
from fabmarket.identity.codec import encode
from fabmarket.identity.sealing import SealingKey, sealed
from fabmarket.market.messages import Alternative, Demand, Reply, SubTask
from fabmarket.market.units import name_to_bytes32
from fabmarket.node.envelope import Envelope, seal
from tests.nodes import rpc
from tests.street import announce_card, ended, found, free_port, logged, start, wait_until

WARM, LETTERS = 2_000, 20_000
"""Letters before the first look at the process's memory, and until the second."""
HOSTS = [f"127.0.0.{number}" for number in range(2, 10)]
GROWTH = 64 << 20
"""Bytes: more than caches that are bounded take, and far less than the letters'."""
EVE = Key.derive("agents besieged", "eve")
pytestmark = pytest.mark.slow


class Siege:
    """A thread for each host, which posts until it is told to stop."""

    def __init__(self, port: int, street, victim) -> None:
        self._port, self._domain = port, street.market.domain
        self._victim, self._reader = victim.address, SealingKey(victim.key).public
        self.answers: Counter[int] = Counter()
        self._lock, self._stopping = threading.Lock(), threading.Event()
        self._threads = [threading.Thread(target=self._post, args=(host,)) for host in HOSTS]

    def __enter__(self) -> "Siege":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def sent(self) -> int:
        return self.answers.total()

    def _post(self, host: str) -> None:
        number, link = 0, None
        while not self._stopping.is_set():
            number += 1
            link = link or http.client.HTTPConnection(
                "127.0.0.1", self._port, timeout=60, source_address=(host, 0)
            )
            try:
                link.request("POST", "/letters", self._letter(number))
                answer = link.getresponse()
                answer.read()
                status = answer.status
            except (OSError, http.client.HTTPException):
                link.close()
                status, link = 0, None
            with self._lock:
                self.answers[status] += 1
        if link is not None:
            link.close()

    def _letter(self, number: int) -> bytes:
        """Each is another; no honest agent sends any of them."""
        match number % 5:
            case 0:
                return secrets.token_bytes(secrets.randbelow(3_000))
            case 1:  # of one without a card
                return self._sealed(b"hello", Key(secrets.token_bytes(32)).address)
            case 2:
                return self._sealed(b"[" * secrets.randbelow(50_000), EVE.address)
            case 3:  # sealed for another
                eve = SealingKey(EVE).public
                return sealed(self._domain, EVE.address, self._victim, eve, b"hello")
            case _:
                reply = Reply(EVE.address, secrets.token_bytes(32), 0, bytes(32), number)
                text = encode(Envelope(reply, seal(EVE, self._domain, reply)[1]))
                return self._sealed(text, EVE.address)

    def _sealed(self, text: bytes, sender: str) -> bytes:
        return sealed(self._domain, sender, self._victim, self._reader, text)


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def test_tens_of_thousands_of_hostile_letters_cost_no_memory_and_no_trade(node, tmp_path):
    street = found(open_engine(node.url, Settings()), 80)
    announce_card(street, EVE)
    rpc(street.engine, "evm_setAutomine", False)
    rpc(street.engine, "evm_setIntervalMining", 1)
    seller, buyer = street.parties.suppliers[0], street.parties.demanders[0]
    port = free_port()
    sells = street.directory(tmp_path / "supplier", seller, port)
    buys = street.directory(tmp_path / "demander", buyer, free_port())
    sold, bought = tmp_path / "supplier.log", tmp_path / "demander.log"
    supplier = start(sells, sold, "--json-log")
    with ended(supplier):
        wait_until(lambda: logged(sold, "begun"), 120, "it does not start")
        with Siege(port, street, seller) as siege:
            wait_until(lambda: siege.sent() >= WARM, 600, "nothing is answered")
            before = resident(supplier.pid)
            demander = start(buys, bought, "--json-log")
            with ended(demander):
                wait_until(lambda: logged(bought, "served"), 600, "no trade")
            wait_until(lambda: siege.sent() >= WARM + LETTERS, 1_800, "nothing is answered")
            after = resident(supplier.pid)
        supplier.send_signal(signal.SIGTERM)
        assert supplier.wait(60) == 0
    assert after - before < GROWTH
    assert 200 not in siege.answers
    assert {422, 503} <= set(siege.answers)
    (*_, counted) = [each["counted"] for each in logged(sold, "door")]
    for reason in ("unknown", "sealed otherwise", "refused: message of a session we do not host"):
        assert f" {reason}" in counted
    assert "Traceback" not in sold.read_text()
    assert len(sold.read_text()) < 40_000


ODD = ["http://xn--a", "http://127.0.0.1:1", "https://127.0.0.1:1", "http://nobody.invalid"]
"""URLs that count, and where no letter arrives."""


def test_no_card_and_no_demand_of_a_stranger_end_an_agent(node, tmp_path):
    """It offers, cannot deliver the offers, and lives. A card without a place does not count."""
    street = found(open_engine(node.url, Settings()), 40)
    strangers = {url: Key.derive("agents besieged", url) for url in ODD}
    for url, key in strangers.items():
        announce_card(street, key, url)
    announce_card(street, EVE, "http://127.0.0.1:99999")
    rpc(street.engine, "evm_setAutomine", False)
    rpc(street.engine, "evm_setIntervalMining", 1)
    seller, port, log = street.parties.suppliers[0], free_port(), tmp_path / "supplier.log"
    supplier = start(street.directory(tmp_path / "supplier", seller, port), log, "--json-log")
    with ended(supplier):
        wait_until(lambda: logged(log, "mined"), 120, "it has not read the chain")
        assert post(port, demand(street, EVE, seller)) == 503  # unknown
        for key in strangers.values():

            def is_taken(key=key) -> bool:
                return post(port, demand(street, key, seller)) == 200

            wait_until(is_taken, 600, "its demand is not taken")
        everybody = {key.address for key in strangers.values()}
        wait_until(lambda: everybody <= {each["peer"] for each in lost(log)}, 600, "no offers")
        assert supplier.poll() is None
        supplier.send_signal(signal.SIGTERM)
        assert supplier.wait(60) == 0


def lost(log: Path) -> list[dict[str, str]]:
    """The offers that were tried in vain until they were out of date."""
    said = logged(log, "sent")
    return [each for each in said if each["outcome"].startswith("out of date: ")]


def post(port: int, body: bytes) -> int:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        link.request("POST", "/letters", body)
        return link.getresponse().status
    finally:
        link.close()


def demand(street, key: Key, seller) -> bytes:
    """A letter that asks, for the next beat, for what the supplier has in its first slot."""
    market, rhythm = street.market, street.founded.rhythm
    opens = rhythm.opens_after(street.engine.now())
    way = Alternative(name_to_bytes32(street.founded.scenario.suppliers[0].resource), 1)
    task = SubTask(bytes(32), market.origin, market.origin + market.slot_length, True, (way,))
    asked = Demand(key.address, 1, rhythm.offers_until(opens), opens, (task,))
    text = encode(Envelope(asked, seal(key, market.domain, asked)[1]))
    return sealed(market.domain, key.address, seller.address, SealingKey(seller.key).public, text)
