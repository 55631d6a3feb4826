"""Whoever is silent stops nobody: members are dropped, suppliers given up, promises end."""

import pytest

from fabmarket.market.messages import Close, Demand, Opening, Quote, Reply
from fabmarket.market.units import name_to_bytes32
from fabmarket.negotiation import demander, supplier
from fabmarket.negotiation.wants import DROPPED, NO_ANSWER
from tests.unit.negotiation.wire import RHYTHM, deaf

MILL = name_to_bytes32("mill")


@pytest.fixture
def market(wire):
    """One supplier of 100 units; a lively demander, and one that will be lazy."""
    wire.seller = wire.supplier("s")
    wire.lively = wire.demander("lively", wire.want("task", (MILL, 30, 100)))
    wire.lazy = wire.demander("lazy", wire.want("task", (MILL, 40, 100)))
    return wire


def room(market):
    return market.states[market.seller].shelves[market.listing(market.seller, 0)].room


def test_a_member_silent_for_a_round_is_dropped_and_the_others_buy(market):
    market.until("choose")
    market.steps[market.lazy] = deaf
    market.open()
    market.pump()
    assert len(market.heard(Quote)) == 1
    assert market.heard(Close) == []
    market.tick(market.now + RHYTHM.quarter - 1)
    market.pump()
    assert len(market.heard(Quote)) == 1  # its time is not up
    market.tick(market.now + 1)
    market.pump()
    (gone,) = market.heard(Quote)[1].dropped
    assert market.places(market.heard(Opening)[0])[gone].value > 0
    assert {reply.demander for reply in market.heard(Reply)} == {market.lively}
    (close,) = market.heard(Close)
    assert (close.awarded, close.dropped) == (30, ())
    market.settle()
    assert market.states_of(market.lively) == ["served"]
    assert room(market) == 70


def test_a_member_silent_in_the_end_gets_nothing_and_the_others_all(market):
    market.until("choose")
    heard = []

    def silent_in_the_end(state, given):
        if isinstance(getattr(given, "message", None), Quote):
            heard.append(given.message)
            if len(heard) > 1:
                return state, ()
        return demander.step(state, given)

    market.steps[market.lazy] = silent_in_the_end
    market.open()
    market.pump()
    assert len(heard) > 1
    while not market.heard(Close):
        market.time_up()
        market.pump()
    (close,) = market.heard(Close)
    assert close.awarded == 30
    assert sum(len(word.dropped) for word in (*market.heard(Quote), close)) == 1
    assert market.attempts(market.lazy) == []  # it cannot follow: it has not heard the quotes
    market.settle()
    assert [sale.demander for sale in market.settled] == [market.lively]
    market.end()
    assert market.attempts(market.lazy) == [NO_ANSWER]


def test_an_answer_in_the_last_second_of_a_round_gives_the_next_all_of_its_time(market):
    market.until("choose")

    def once(state, given):
        if isinstance(getattr(given, "message", None), Quote) and given.message.round > 0:
            return state, ()
        return demander.step(state, given)

    market.steps[market.lazy] = once
    market.open()
    opened = market.now
    waiting = list(market.queue)
    market.queue.clear()
    market.tick(opened + RHYTHM.quarter - 1)
    market.queue.extend(waiting)
    market.pump()
    assert len(market.heard(Quote)) == 2
    market.tick(opened + 2 * RHYTHM.quarter - 2)
    assert len(market.heard(Quote)) == 2
    market.tick(opened + 2 * RHYTHM.quarter - 1)
    assert [len(word.dropped) for word in (*market.heard(Quote)[2:], *market.heard(Close))] == [1]


def test_a_session_whose_members_are_all_silent_closes_and_frees_what_it_held(market):
    market.until("choose")
    market.steps[market.lazy] = market.steps[market.lively] = deaf
    market.open()
    market.pump()
    assert room(market) == 0
    market.time_up()
    market.pump()
    (close,) = market.heard(Close)
    assert (close.sum, close.awarded, close.dropped) == (0, 0, (0, 1))
    assert room(market) == 100


def test_a_member_whose_answer_was_lost_is_told_and_tries_again(market):
    market.until("choose")
    market.open()
    while market.queue:
        to, received = market.queue.popleft()
        lost = isinstance(received.message, Reply) and received.message.demander == market.lazy
        if not lost:
            market.give(to, received)
    market.time_up()
    market.pump()
    assert market.attempts(market.lazy) == [DROPPED]
    assert market.states_of(market.lazy) == ["open"]
    market.settle()
    market.supplier("t")
    market.end()
    market.round()
    assert market.states_of(market.lazy) == ["served"]
    assert [sale.quantity for sale in market.settled] == [30, 40]
    assert market.seller_of(market.settled[1]) != market.seller


@pytest.mark.parametrize("concept", ["balanced", "bargaining"])
def test_a_supplier_silent_after_the_opening_costs_its_session_and_no_more(wire, concept):
    silent = wire.supplier("s", concept=concept, maintenance=5)
    buyer = wire.demander("d", wire.want("task", (MILL, 5, 60)))
    wire.until("choose")
    wire.open()
    wire.steps[silent] = deaf
    late = None
    while wire.queue:
        to, received = wire.queue.popleft()
        if isinstance(received.message, Quote):
            late = received
        elif to != silent:
            wire.give(to, received)
    wire.end()
    assert wire.attempts(buyer) == [NO_ANSWER]
    assert not len(wire.states[buyer].talks)
    if late is not None:
        wire.give(buyer, late)
        assert "no seat in" in wire.reasons(buyer)[-1]
        assert wire.heard(Reply) == []
    other = wire.supplier("other", maintenance=10)
    wire.round()
    assert [wire.seller_of(sale) for sale in wire.settled] == [other]


def test_a_supplier_that_was_down_for_a_beat_is_tried_again_if_it_is_the_only_one(wire):
    """Its machine was started anew, say: that is no reason to give the sub-task up."""
    only = wire.supplier("s")
    buyer = wire.demander("d", wire.want("task", (MILL, 5, 60)))
    wire.until("choose")
    wire.open()
    wire.steps[only] = deaf
    wire.pump()
    wire.end()
    assert wire.attempts(buyer) == [NO_ANSWER]
    wire.steps[only] = supplier.step
    wire.tick(wire.now + 1)
    wire.round()
    assert [wire.seller_of(sale) for sale in wire.settled] == [only]
    assert wire.states_of(buyer) == ["served"]


def test_a_supplier_that_was_silent_comes_after_all_that_were_not_tried(wire):
    """However cheap: else one that lures and never finishes would take up every beat."""
    lures = wire.supplier("s", maintenance=5)
    other = wire.supplier("other", maintenance=20)
    buyer = wire.demander("d", wire.want("task", (MILL, 5, 60)))

    def only_offers(state, given):
        if isinstance(getattr(given, "message", None), Demand):
            return supplier.step(state, given)
        return (state, ()) if hasattr(given, "message") else supplier.step(state, given)

    wire.steps[lures] = only_offers
    wire.until("choose")
    wire.open()
    wire.pump()
    wire.end()
    assert wire.attempts(buyer) == [NO_ANSWER]
    wire.round()
    assert [wire.seller_of(sale) for sale in wire.settled] == [other]


def test_a_silent_bargainer_s_units_are_free_again_at_the_session_s_end(wire):
    wire.seller = wire.supplier("s", 10, concept="bargaining", maintenance=40)
    buyer = wire.demander("d", wire.want("task", (MILL, 6, 100)))
    wire.until("choose")
    wire.steps[buyer] = deaf
    wire.open()
    wire.pump()
    wire.tick(RHYTHM.ends(wire.beat) - 1)
    assert room(wire) == 4
    wire.end()
    assert room(wire) == 10
    assert not len(wire.states[wire.seller].talks)
