"""A street of agents, one of which is killed every few seconds: all are served, and once."""

import json
import random
import time
from contextlib import ExitStack, closing

import pytest

from fabmarket.chain import Settings, open_engine
from fabmarket.ledger import EventStore, Follower
from fabmarket.market.events import Event, Settled
from fabmarket.node import Journal, evidence_of, replay
from tests.nodes import rpc
from tests.street import ended, found, free_port, start, wait_until

SECONDS = 45
"""For which agents are killed."""
pytestmark = pytest.mark.slow


def said(log, line):
    """The lines of one name in a log; the last one may be cut off by the kill."""
    for text in log.read_text().splitlines() if log.exists() else ():
        if text.startswith("{") and text.endswith("}"):
            facts = json.loads(text)
            if facts["line"] == line:
                yield facts


def settled(street):
    """What the chain says, read anew from its beginning."""
    store = EventStore[Event]()
    for _ in Follower[Event](street.engine, street.market.exchange, store).poll():
        pass
    return [event for event in store.events() if isinstance(event, Settled)]


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
            lambda: all(any(said(logs[each], "served")) for each in demanders),
            300,
            "not all served",
        )
        assert [each.poll() for each in running.values()] == [None] * len(people)
    events = settled(street)
    assert sorted(event.demander for event in events) == sorted(each.address for each in demanders)
    after = {each.address: exchange.balance_of(each.address, token) for each in people}
    assert sum(after.values()) == sum(before.values())
    for event in events:
        assert before[event.demander] - after[event.demander] == event.quantity * event.unit_price
    for each in people:
        with closing(Journal.reading(folders[each] / "journal.sqlite")) as journal:
            for session in journal.sessions():
                replay(evidence_of(journal, session))
