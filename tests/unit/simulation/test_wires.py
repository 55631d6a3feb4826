"""What whoever watches the wires sees of a run, with letters sealed and without."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from fabmarket.chain import Settings, open_engine
from fabmarket.scenario import paper_market
from fabmarket.simulation import Fate, run_market


def run(seed=1, *, sealed, schedule=None):
    """The paper's market of three demanders, masked, and its trades netted."""
    scenario = replace(paper_market(seed), least=3)
    with open_engine("embedded", Settings()) as engine:
        outcome = run_market(
            scenario,
            engine,
            seed,
            lambda *_: None,
            settle="net",
            schedule=schedule,
            sealed=sealed,
        )
        outcome.store.close()
    return outcome


@pytest.fixture(scope="module")
def clear():
    return run(sealed=False)


@pytest.fixture(scope="module")
def sealed():
    return run(sealed=True)


def said(outcome):
    """Every message of every participant, in its order."""
    found = {}
    for address, journal in outcome.journals.items():
        with closing(sqlite3.connect(":memory:")) as copy:
            copy.deserialize(journal.dump())
            query = "SELECT digest, kind, body FROM message ORDER BY rowid"
            found[address] = copy.execute(query).fetchall()
    assert all(found.values())
    return found


def test_sealed_letters_say_the_same(clear, sealed):
    assert said(sealed) == said(clear)
    assert sealed.trades == clear.trades
    assert sealed.trades
    assert sealed.tally == clear.tally
    receipts = [[receipt for _, receipt in each.sent] for each in (sealed, clear)]
    assert receipts[0] == receipts[1]


def test_who_writes_to_whom_and_when_is_seen_either_way(clear, sealed):
    assert len(sealed.wires) == len(clear.wires) == clear.tally.delivered
    for one, other in zip(sealed.wires, clear.wires, strict=True):
        assert (one.time, one.sender_host) == (other.time, other.sender_host)
        assert one.recipient_host == other.recipient_host
        assert one.size > other.size == len(other.clear)
        assert one.clear is None


def test_with_letters_lost_and_late_what_is_sent_again_is_seen_again(clear):
    sendings = []

    def every_third_is_lost(*_):
        sendings.append(1)
        return Fate(() if len(sendings) % 3 == 0 else (len(sendings) % 2,))

    bad = run(sealed=True, schedule=every_third_is_lost)
    assert bad.trades
    assert len(bad.wires) == len(sendings) + 1  # a stranger's is not lost
    times = [seen.time for seen in bad.wires]
    assert times == sorted(times)
    assert len({seen.letter for seen in bad.wires}) == len(bad.wires)
