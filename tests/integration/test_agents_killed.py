"""A street of agents, one of which is killed every few seconds: all are served, and once."""

import random
import time
from contextlib import ExitStack, closing

import pytest

from fabmarket.chain import Settings, open_engine
from fabmarket.node import Journal, evidence_of, replay
from tests.nodes import rpc
from tests.street import ended, found, free_port, locked, logged, settled, start, wait_until

SECONDS = 45
"""For which agents are killed."""
pytestmark = pytest.mark.slow


def test_whoever_is_killed_whenever_every_want_is_served_once(node, tmp_path):
    draw = random.Random(11)
    street = found(open_engine(node.url, Settings()), 40, suppliers=2, demanders=3)
    rpc(street.engine, "evm_setAutomine", False)
    rpc(street.engine, "evm_setIntervalMining", 1)
    suppliers, demanders = street.parties.suppliers, street.parties.demanders
    people = (*suppliers, *demanders)
    token, exchange = street.market.token.address, street.market.exchange
    before = {each.address: exchange.balance_of(each.address, token) for each in people}
    folders = {each: street.directory(tmp_path / each.name, each, free_port()) for each in people}
    logs = {each: tmp_path / f"{each.name}.log" for each in people}
    with ExitStack() as stack:

        def begin(party):
            process = start(folders[party], logs[party], "--json-log")
            stack.enter_context(ended(process))
            return process

        running = {each: begin(each) for each in people}
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            time.sleep(draw.uniform(4, 10))
            victim = draw.choice(people)
            assert running[victim].poll() is None, logs[victim].read_text()
            running[victim].kill()
            running[victim].wait()
            running[victim] = begin(victim)
        wait_until(
            lambda: all(any(logged(logs[each], "served")) for each in demanders),
            300,
            "not all served",
        )
        assert [each.poll() for each in running.values()] == [None] * len(people)
    events = settled(street)
    assert sorted(event.demander for event in events) == sorted(each.address for each in demanders)
    after = {each.address: exchange.balance_of(each.address, token) for each in people}
    taken = {each: before[each] - after[each] for each in after}
    for event in events:
        assert taken[event.demander] == locked(event.payment)[0]
    bonded = sum(taken[each.address] for each in suppliers)
    assert bonded == sum(locked(event.payment)[1] for event in events)
    for each in people:
        with closing(Journal.reading(folders[each] / "journal.sqlite")) as journal:
            for session in journal.sessions():
                replay(evidence_of(journal, session))
