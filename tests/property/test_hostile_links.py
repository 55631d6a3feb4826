"""Markets over links that delay, reorder, duplicate and drop, by a schedule drawn from a seed.

Fault 19. While nothing is lost for good a market ends with the same trades as over perfect links;
what is lost for good costs whoever it concerns a trade, and nobody gets a wrong one.
FABMARKET_FUZZ=long draws many more schedules.
"""

import os
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fabmarket.chain import Settings, open_engine
from fabmarket.cli.verify import shown_by
from fabmarket.market.events import Settled
from fabmarket.node import evidence_of, forks
from fabmarket.scenario import paper_market, parse_scenario
from fabmarket.simulation import Fate, run, run_market
from fabmarket.simulation.setup import parties_of
from tests.unit.node.test_crashes import bargaining_market, clock_market

LONG = os.environ.get("FABMARKET_FUZZ") == "long"
SCENARIOS = Path(__file__).parents[2] / "scenarios"
PERIOD = 600
"""Seconds between beats: rounds last a quarter, and a session must end in half of it."""
SLOWEST = 20
"""Seconds that a letter can be on its way. With `LOSSES` a question and its answer take 48 at most,
a round may take 150; the letters of a session here, one after the other, end within 300.
"""
LOSSES = 2
"""How often a letter, or the answer that it is taken, is lost at most: sent again after 2 s."""


def job_shop():
    name = "mk01-roomy.toml"
    return parse_scenario(
        (SCENARIOS / name).read_text(), name, 1, lambda file: (SCENARIOS / file).read_text()
    )


def doubling_clock():
    """Five quotes, so that the session ends in time over the worst of these links."""
    market = clock_market()
    (seller,) = market.suppliers
    return replace(market, suppliers=(replace(seller, step=1),))


def masked_market():
    """The paper's, masked: one member that is lost for good opens it, an answer late does not."""
    return replace(paper_market(1), least=3)


def masked_clock():
    return replace(doubling_clock(), least=3)


MARKETS = {
    "paper": paper_market,
    "masked": masked_market,
    "masked clock": masked_clock,
    "bargaining": bargaining_market,
    "clock": doubling_clock,
    "mk01": job_shop,
}


@cache
def market(name):
    return paper_market(1) if name == "paper" else MARKETS[name]()


class Hostile:
    """What becomes of each sending. Who is `cut` off sends and gets nothing, from some time on."""

    def __init__(self, seed, cut=(), *, after=0):
        self._random, self._lost = Random(seed), {}
        self._cut, self._after, self._hits = frozenset(cut), after, 0

    def __call__(self, sender, letter):
        random = self._random
        if {sender, letter.recipient} & self._cut:
            self._hits += 1
            if self._hits > self._after:
                return Fate(())
        copies = random.choice((1, 1, 1, 2, 3))
        delays = tuple(random.randint(0, SLOWEST) for _ in range(copies))
        place = sender, letter.number
        if self._lost.get(place, 0) < LOSSES and random.random() < 0.3:
            self._lost[place] = self._lost.get(place, 0) + 1
            return random.choice((Fate(()), Fate(delays, answer_lost=True)))
        return Fate(delays)


def played(name, schedule=None):
    """The outcome over these links, in a rhythm that leaves letters the time they may take."""
    with pytest.MonkeyPatch.context() as patch, open_engine("embedded", Settings()) as engine:
        patch.setattr(run, "VIRTUAL_PERIOD", PERIOD)
        outcome = run_market(market(name), engine, 1, lambda *_: None, schedule=schedule)
        events = list(outcome.store.events())
        outcome.store.close()
    return outcome, events


def terms(outcome):
    """Who bought how much of which listing, at what price; no two of them are the same."""
    found = [
        (each.event.demander, each.event.listing, each.event.quantity, each.event.unit_price)
        for each in outcome.trades
    ]
    assert len(set(found)) == len(found)
    return set(found)


@cache
def perfect(name):
    outcome, _ = played(name)
    assert outcome.tally.ignored.keys() <= {"bad signature"}
    return terms(outcome)


def check(name, seed):
    outcome, _ = played(name, Hostile(seed))
    assert terms(outcome) == perfect(name)
    assert outcome.audit.ok
    assert {want.state for _, want in outcome.wants.values()} <= {"served", "unserved"}


def test_there_is_something_to_lose():
    assert [len(perfect(name)) for name in MARKETS] == [2, 2, 3, 3, 3, 55]


@pytest.mark.parametrize("name", ["paper", "masked", "masked clock", "bargaining", "clock"])
@settings(max_examples=2_000 if LONG else 5)
@given(seed=st.integers(0, 2**32))
def test_the_trades_are_those_over_perfect_links(name, seed):
    check(name, seed)


@settings(max_examples=200 if LONG else 1)
@given(seed=st.integers(0, 2**32))
def test_a_job_shop_s_trades_are_those_over_perfect_links(seed):
    check("mk01", seed)


def parties(name):
    """How many participants a market has."""
    scenario = market(name)
    return len(scenario.demanders) + len(scenario.suppliers)


def check_cut(name, seed, who, after):
    """Whoever is cut off may miss its trade; what settles is what both sides' journals prove."""
    everyone = parties_of(market(name), 1)
    (cut,) = [[*everyone.demanders, *everyone.suppliers][who].address]
    outcome, events = played(name, Hostile(seed, [cut], after=after))
    assert outcome.audit.ok
    assert sum(outcome.after.values()) == sum(outcome.before.values())
    settled = [event for event in events if isinstance(event, Settled)]
    assert sorted(event.trade for event in settled) == sorted(
        each.event.trade for each in outcome.trades
    )
    sold = {}
    for event in settled:
        files = [
            evidence_of(journal, event.trade)
            for journal in outcome.journals.values()
            if journal.session_of(event.trade)
        ]
        assert len(files) == 2
        assert not forks(files)
        for shown in map(shown_by, files):
            trade = shown.trades[event.trade]
            assert (trade.quantity, trade.unit_price) == (event.quantity, event.unit_price)
        sold[event.listing] = sold.get(event.listing, 0) + event.quantity
    assert all(units <= outcome.listed[listing].quantity for listing, units in sold.items())
    # A clock's two halves of a payment are one purchase.
    bought = {(each.want, each.receipt.transaction) for each in outcome.trades}
    assert len({want for want, _ in bought}) == len(bought)
    return outcome


@pytest.mark.parametrize("name", ["paper", "masked", "masked clock", "bargaining", "clock"])
@settings(max_examples=2_000 if LONG else 4)
@given(data=st.data())
def test_no_wrong_trade_settles_where_somebody_is_cut_off(name, data):
    who = data.draw(st.integers(0, parties(name) - 1))
    after = data.draw(st.integers(0, 25))
    check_cut(name, data.draw(st.integers(0, 2**32)), who, after)


@settings(max_examples=200 if LONG else 1)
@given(data=st.data())
def test_no_wrong_trade_settles_in_a_job_shop_either(data):
    who = data.draw(st.integers(0, parties("mk01") - 1))
    check_cut("mk01", data.draw(st.integers(0, 2**32)), who, data.draw(st.integers(0, 60)))


@pytest.mark.parametrize("name", ["paper", "masked", "masked clock", "bargaining", "clock"])
def test_whoever_is_cut_off_from_the_start_does_not_trade(name):
    """The others do; without its supplier nobody does."""
    buyer, seller = parties(name) - 2, parties(name) - 1
    outcome = check_cut(name, 0, buyer, 0)
    found = {each.event.demander for each in outcome.trades}
    assert outcome.parties.demanders[buyer].address not in found
    assert found
    assert not check_cut(name, 0, seller, 0).trades
