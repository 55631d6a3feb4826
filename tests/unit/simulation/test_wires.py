"""What whoever watches the wires sees of a run, with letters sealed and without."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import pytest

from fabmarket.chain import Settings, open_engine
from fabmarket.identity.codec import decode
from fabmarket.identity.sealing import OVERHEAD, SMALLEST_BUCKET, bucket
from fabmarket.market.masked import Unmasking
from fabmarket.node.envelope import Envelope
from fabmarket.scenario import paper_market
from fabmarket.scenario.files import parse_scenario
from fabmarket.simulation import Fate, run_market

SCENARIOS = Path(__file__).parents[3] / "scenarios"


def run(seed=1, *, sealed, schedule=None, demanders=3, least=3):
    """The paper's market, with its demanders over again, masked, and its trades netted."""
    paper = paper_market(seed)
    names = map(str, range(demanders))
    again = (replace(each, name=name) for each, name in zip(cycle(paper.demanders), names))
    scenario = replace(paper, demanders=tuple(again), least=least)
    return played(scenario, seed, sealed=sealed, schedule=schedule)


def played(scenario, seed=1, *, sealed, schedule=None):
    """A market, its trades netted."""
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


def told_by(outcome):
    """What the letters of a run say and somebody could look for: who, in which session, what."""
    for seen in outcome.wires:
        message = decode(Envelope, seen.clear).message
        yield "kind", f'"{type(message).__name__}"'.encode()
    accounts = [party.address for party in outcome.parties.everyone]
    yield from (("account", bytes.fromhex(each[2:])) for each in accounts)
    yield from (("account", each[2:].encode()) for each in accounts)
    for journal in outcome.journals.values():
        for session in journal.sessions():
            yield "session", session
            yield "session", session.hex().encode()
            for text in journal.talk(session):
                signature = decode(Envelope, text).signature
                yield "signature", signature
                yield "signature", signature.hex().encode()


def test_sealed_bytes_name_no_account_no_session_and_no_kind(clear, sealed):
    """Of the same market in clear each of these is found."""
    sought = set(told_by(clear))
    shown, said = (b"\n".join(seen.letter for seen in each.wires) for each in (sealed, clear))
    found = {kind for kind, text in sought if text in said}
    assert found == {"kind", "account", "session", "signature"}
    assert {text for _, text in sought if text in shown} == set()


def test_in_a_small_market_all_letters_are_of_one_size(sealed):
    assert {seen.size for seen in sealed.wires} == {SMALLEST_BUCKET + OVERHEAD}


@pytest.mark.parametrize(("least", "larger"), [(0, set()), (8, {"MaskedOpening"})])
def test_with_eight_seats_all_but_masked_openings_are_of_one_size(least, larger):
    market = run(sealed=False, demanders=8, least=least)
    sizes = {}
    for seen in market.wires:
        kind = type(decode(Envelope, seen.clear).message).__name__
        sizes[kind] = max(sizes.get(kind, 0), bucket(seen.size))
    assert ("MaskedQuote" if least else "Quote") in sizes
    assert {kind for kind, size in sizes.items() if size > SMALLEST_BUCKET} == larger


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


def test_a_word_of_a_session_is_as_large_to_whoever_gets_it():
    """How large it was told how long the path of a seat is, and so, with few seats, which it is."""
    outcome = run(sealed=True, demanders=11, least=5)
    (host,) = {each.address for each in outcome.parties.suppliers}
    sizes = {}
    for seen in outcome.wires:
        if seen.sender_host == host and seen.recipient_host in outcome.journals:
            sizes.setdefault(seen.recipient_host, []).append(seen.size)
    members = {party.address for party in outcome.parties.demanders}
    words = min(len(sent) for to, sent in sizes.items() if to in members)
    assert words > 5
    assert len({tuple(sent[:words]) for to, sent in sizes.items() if to in members}) == 1
    assert len({size for sent in sizes.values() for size in sent}) > 1


def test_regression_what_a_seat_opens_of_a_clock_is_as_large_whoever_buys():
    """Who was in at the end opens all rounds, others two: the larger letters were the buyers'."""
    text = (SCENARIOS / "clock.toml").read_text("utf-8").replace("step = 4", "step = 32")
    scenario = replace(parse_scenario(text, "clock.toml", 1, str), least=3)
    clear, sealed = (played(scenario, sealed=each) for each in (False, True))
    (talk,) = clear.talks
    assert len(talk.talk.heard) > 20
    words = [decode(Envelope, seen.clear).message for seen in clear.wires]
    opened = {each.demander: at for at, each in enumerate(words) if isinstance(each, Unmasking)}
    bought = {trade.event.demander for trade in clear.trades}
    assert bought < set(opened)
    larger = {who: bucket(clear.wires[at].size) > SMALLEST_BUCKET for who, at in opened.items()}
    assert {who for who, is_larger in larger.items() if is_larger} == bought
    assert len({sealed.wires[at].size for at in opened.values()}) == 1


def test_letters_of_a_session_leave_in_an_order_that_does_not_tell_seats():
    """They left in the order of the seats: who watched the links and knew the cards had all."""
    outcome = run(sealed=True, demanders=11, least=5)
    talk = outcome.talks[0]
    seats = [member.demander for member in talk.members]
    opens = talk.talk.opening.ends - outcome.rhythm.period
    (host,) = {each.address for each in outcome.parties.suppliers}
    sent = (each for each in outcome.wires if each.sender_host == host and each.time >= opens)
    order = list(dict.fromkeys(each.recipient_host for each in sent))[: len(seats)]
    assert order == sorted(seats) != seats
