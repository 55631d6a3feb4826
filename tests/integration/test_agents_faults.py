"""Faults of the machine that an agent runs on: a disk that is full, a clock that is wrong."""

import resource
import subprocess
import sys
import time
from contextlib import closing

import pytest

from fabmarket.chain import Settings, open_engine
from fabmarket.market.rhythm import TRADE_VALIDITY
from fabmarket.market.trade import Trade
from fabmarket.node import Journal, evidence_of
from tests.nodes import DEV_CHAIN_ID, rpc
from tests.street import (
    PATIENCE,
    PROGRAM,
    ended,
    environment,
    found,
    free_port,
    logged,
    settled,
    start,
    wait_until,
)

TEN_MINUTES = 600


@pytest.fixture
def anvil_at(needs_anvil):
    """A node that makes a block a second, from a time on."""

    def opened(genesis_time):
        engine = open_engine("anvil", Settings(chain_id=DEV_CHAIN_ID, genesis_time=genesis_time))
        rpc(engine, "evm_setAutomine", True)
        engines.append(engine)
        return engine

    engines = []
    yield opened
    for engine in engines:
        engine.close()


class Pair:
    """A supplier's and a demander's directories and logs."""

    def __init__(self, node, folder, period):
        self.street = found(open_engine(node.url, Settings()), period)
        rpc(node, "evm_setAutomine", False)
        rpc(node, "evm_setIntervalMining", 1)
        (self.supplier,), (self.demander,) = (
            self.street.parties.suppliers,
            self.street.parties.demanders,
        )
        self.folders = {
            each: self.street.directory(folder / each.role, each, free_port())
            for each in (self.supplier, self.demander)
        }
        self.logs = {each: folder / f"{each.role}.log" for each in self.folders}

    def journal(self, party):
        return closing(Journal.reading(self.folders[party] / "journal.sqlite"))

    def wait_for(self, party, line):
        problem = f"no line {line}: {self.logs[party]}"
        return wait_until(lambda: [*logged(self.logs[party], line)], PATIENCE, problem)

    def is_refused(self, party):
        """Whether a message came that could not be written down."""
        said = logged(self.logs[party], "full")
        return any("the journal cannot be written" in each["reason"] for each in said)


def started_into(pipe_to, folder):
    """An agent whose log another process writes, so that it writes nothing but its databases."""
    command = [sys.executable, "-c", PROGRAM, "agent", str(folder), "--json-log"]
    agent = subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment()
    )
    with pipe_to.open("wb") as file:
        writer = subprocess.Popen(["cat"], stdin=agent.stdout, stdout=file)  # noqa: S607
    agent.stdout.close()
    return agent, writer


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits another process by prlimit")
def test_fault_14_on_a_full_disk_an_agent_signs_nothing_and_goes_on_with_room(node, tmp_path):
    pair = Pair(node, tmp_path, 40)
    supplier = pair.supplier
    agent, writer = started_into(pair.logs[supplier], pair.folders[supplier])
    with ended(agent, writer):
        pair.wait_for(supplier, "mined")  # its card is announced
        hard = resource.prlimit(agent.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(agent.pid, resource.RLIMIT_FSIZE, (1, hard))
        with ended(start(pair.folders[pair.demander], pair.logs[pair.demander], "--json-log")):
            wait_until(lambda: pair.is_refused(supplier), PATIENCE, "the disk takes all")
            assert agent.poll() is None
            assert not [*logged(pair.logs[supplier], "sent")]
            with pair.journal(supplier) as journal:
                assert journal.letters() == []
            resource.prlimit(agent.pid, resource.RLIMIT_FSIZE, (hard, hard))
            (served,) = pair.wait_for(pair.demander, "served")
    (event,) = settled(pair.street)
    assert f"0x{event.trade.hex()}" == served["trade"]


@pytest.mark.slow
@pytest.mark.parametrize("ahead", [TEN_MINUTES, -TEN_MINUTES])
def test_fault_15_chain_time_decides_where_the_clock_is_ten_minutes_off(anvil_at, tmp_path, ahead):
    """The chain's time is that much ahead of the machine's clock; a trade ends by the chain's."""
    period = 20
    pair = Pair(anvil_at(int(time.time()) + ahead), tmp_path, period)
    agents = [start(pair.folders[each], pair.logs[each], "--json-log") for each in pair.folders]
    with ended(*agents):
        (served,) = pair.wait_for(pair.demander, "served")
        (event,) = settled(pair.street)
        assert f"0x{event.trade.hex()}" == served["trade"]
    with pair.journal(pair.demander) as journal:
        (session,) = journal.sessions()
        evidence = evidence_of(journal, session)
    (trade,) = (each.message for each in evidence.envelopes if isinstance(each.message, Trade))
    (settlement,) = evidence.settlements
    at = pair.street.engine.header(settlement.block).time
    assert at < trade.valid_until <= at + period + TRADE_VALIDITY
