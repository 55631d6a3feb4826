"""Own negotiations round by round: what a party heard, and its own answers, of each kind."""

from dataclasses import replace
from functools import cache
from typing import get_args

import pytest

from fabmarket.chain import Settings, open_engine
from fabmarket.market.events import EVENTS
from fabmarket.market.messages import Message
from fabmarket.market.units import MICRO
from fabmarket.node.rounds import negotiated, sessions_of
from fabmarket.node.told import EVENTS_OF_US, MESSAGES
from fabmarket.scenario import paper_market
from fabmarket.simulation import run_market
from tests.unit.node.test_crashes import clock_market
from tests.unit.node.town import Town

MASKED = {"balanced": lambda: paper_market(1), "clock": clock_market}


@cache
def town(concept):
    return Town(concept).settled()


@cache
def masked(concept):
    with open_engine("embedded", Settings()) as engine:
        scenario = replace(MASKED[concept](), least=3)
        outcome = run_market(scenario, engine, 1, lambda *_: None)
        outcome.store.close()
    return outcome


def parties(concept, *, is_masked):
    """Journal and address of everybody, the supplier first."""
    if not is_masked:
        people = town(concept).people
        return [(people[name].journal, people[name].address) for name in ("cleo", "anne", "bert")]
    outcome = masked(concept)
    found = (*outcome.parties.suppliers, *outcome.parties.demanders)
    return [(outcome.journals[each.address], each.address) for each in found]


@pytest.mark.parametrize(
    ("concept", "is_masked"), [("balanced", False), ("balanced", True), ("clock", True)]
)
def test_parties_see_the_same_prices_and_sums_and_each_its_own_answers(concept, is_masked):
    (journal, supplier), *members = parties(concept, is_masked=is_masked)
    session = journal.sessions()[0]
    hosted = negotiated(journal, supplier, session, {})
    assert hosted.session.role == "supplier"
    assert hosted.session.masked == is_masked
    assert (hosted.outcome, hosted.session.ended) == ("agreed", True)
    assert hosted.session.rounds >= len(hosted.rounds) > 1
    prices = [each.price for each in hosted.rounds]
    assert hosted.session.price in prices
    sums = [each.sum for each in hosted.rounds]
    assert None not in sums[:-1]
    answers, opened = [0] * len(prices), 0
    for journal, address in members:
        if journal.message(session) is None:
            continue
        seated = negotiated(journal, address, session, {})
        assert seated.session.role == "member"
        assert [each.price for each in seated.rounds] == prices
        assert [each.sum for each in seated.rounds][: len(sums) - 1] == sums[:-1]
        for at, each in enumerate(seated.rounds):
            assert all(answer.own for answer in each.answers)
            answers[at] += sum(answer.quantity for answer in each.answers)
            opened += len(each.answers)
        assert {each.demander for each in seated.awards} <= {address}
    assert opened == sum(len(each.answers) for each in hosted.rounds) > 0
    if not is_masked:
        assert answers[:-1] == sums[:-1]
    if concept == "clock":
        assert all(each % MICRO == 0 for each in answers)
    bought = sum(each.units for each in hosted.awards)
    assert 0 < bought <= hosted.capacity


def test_a_bargain_is_shown_counter_by_counter():
    (journal, supplier), *_ = parties("bargaining", is_masked=False)
    for session in journal.sessions():
        shown = negotiated(journal, supplier, session, {})
        assert shown.session.rounds == len(shown.rounds) >= 2
        speakers = [each.by for each in shown.rounds]
        assert speakers[0] != supplier
        assert speakers[1] == supplier
        if shown.awards:
            assert shown.session.price == shown.rounds[-1].price == shown.awards[0].price


def test_sessions_are_listed_with_their_trades():
    (journal, supplier), *_ = parties("balanced", is_masked=False)
    (row,) = sessions_of(journal, supplier, journal.sessions())
    assert row.trades == tuple(f"0x{each.hex()}" for each in journal.trades())
    assert row.slot_start < row.slot_end


def test_there_are_words_for_all_that_is_said_and_logged():
    assert {each.__name__ for each in _kinds(Message)} == set(MESSAGES)
    assert {each.__name__ for each in EVENTS} | {"Card", "Letter"} == set(EVENTS_OF_US)


def _kinds(union):
    """The classes in a union of unions."""
    found = get_args(union)
    return {kind for each in found for kind in _kinds(each)} if found else {union}
