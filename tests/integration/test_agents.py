"""Two agents as real processes trade over HTTP on a real node, and one of them is killed."""

import json
import signal
from pathlib import Path

import pytest

from fabmarket.chain import Settings, open_engine
from tests.nodes import rpc
from tests.street import Street, ended, found, free_port, start, wait_until


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


def lines(log: Path, *names: str) -> list[dict]:
    if not log.exists():
        return []
    said = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return [each for each in said if each["line"] in names]


def kinds(log: Path, line: str) -> list[str]:
    return [each["kind"] for each in lines(log, line)]


class Couple:
    """A supplier's and a demander's directory, their logs, and their processes."""

    def __init__(self, street: Street, folder: Path) -> None:
        parties = street.parties
        self.supplier, self.demander = parties.suppliers[0], parties.demanders[0]
        self.logs = {
            party: folder / f"{party.role}.log" for party in (self.supplier, self.demander)
        }
        self.folders = {
            party: street.directory(folder / party.role, party, free_port()) for party in self.logs
        }

    def start(self, party):
        return start(self.folders[party], self.logs[party], "--json-log")


def stock_and_money(street: Street) -> tuple[int, int]:
    """What the demander has left in the exchange, and what the supplier has got."""
    token, exchange = street.market.token.address, street.market.exchange
    parties = (street.parties.demanders[0], street.parties.suppliers[0])
    left, got = (exchange.balance_of(party.address, token) for party in parties)
    return left, got


def test_two_agents_trade_and_end_when_they_are_told(street, tmp_path):
    couple = Couple(street, tmp_path)
    before = stock_and_money(street)
    supplier, demander = couple.start(couple.supplier), couple.start(couple.demander)
    with ended(supplier, demander):
        wait_until(lambda: lines(couple.logs[couple.demander], "served"), 120, "no trade")
        wait_until(lambda: lines(couple.logs[couple.supplier], "settled"), 60, "none is heard of")
        for process in (supplier, demander):
            process.send_signal(signal.SIGTERM)
        assert [process.wait(20) for process in (supplier, demander)] == [0, 0]
    assert lines(couple.logs[couple.demander], "ended")
    (sold,) = lines(couple.logs[couple.supplier], "settled")
    (served,) = lines(couple.logs[couple.demander], "served")
    assert (served["want"], served["trade"]) == ("milling", sold["trade"])
    paid = sold["quantity"] * sold["unit_price"]
    left, got = stock_and_money(street)
    assert (left, got) == (before[0] - paid, before[1] + paid)
    assert sold["quantity"] == 10


@pytest.mark.slow
@pytest.mark.parametrize(
    ("victim", "word"),
    [("supplier", "Selection"), ("supplier", "Trade"), ("demander", "Selection")],
)
def test_killed_in_the_middle_it_goes_on_and_buys_once(unhurried_street, tmp_path, victim, word):
    """SIGKILL when a word is under way: the other waits, and one trade comes of it."""
    street = unhurried_street
    couple = Couple(street, tmp_path)
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
            wait_until(lambda: lines(couple.logs[couple.demander], "served"), 240, "no trade")
            assert stays.poll() is None
            assert again.poll() is None
    left, got = stock_and_money(street)
    assert before[0] - left == got - before[1] == 10 * 10


def test_a_second_agent_of_one_directory_refuses_to_start(street, tmp_path):
    couple = Couple(street, tmp_path)
    with ended(couple.start(couple.supplier)):
        log = couple.logs[couple.supplier]
        wait_until(lambda: lines(log, "begun"), 60, "it does not start")
        second = couple.start(couple.supplier)
        with ended(second):
            assert second.wait(60) == 2
        assert "an agent runs from this directory already" in log.read_text()


def test_no_secret_is_in_any_log(street, tmp_path):
    couple = Couple(street, tmp_path)
    processes = [couple.start(party) for party in couple.logs]
    with ended(*processes):
        wait_until(lambda: lines(couple.logs[couple.demander], "served"), 120, "no trade")
    for party, log in couple.logs.items():
        text = log.read_text().lower()
        assert party.key.reveal().hex() not in text
        assert "correct horse" not in text
