"""Whole conversations of demanders and suppliers, and what is left when one fails."""

import numpy as np
import pytest

from fabmarket.game import Game, solve
from fabmarket.market.events import Listed, Settled, SlotAttested, pack_terms
from fabmarket.market.exchange import RaiseEpoch, Withdraw
from fabmarket.market.messages import Close, Counter, Demand, Quote, Refusal, Selection
from fabmarket.market.rhythm import TRADE_VALIDITY
from fabmarket.negotiation.moves import Ordered, Recorded, Ticked
from fabmarket.negotiation.wants import (
    NO_ANSWER,
    NO_ROOM,
    NO_SUPPLY,
    NOT_SETTLED,
    SOLD_OUT,
    TOO_DEAR,
)
from tests.unit.negotiation.wire import LATHE, MILL, RHYTHM, deaf


def test_the_paper_s_market_settles_at_its_equilibrium(wire):
    seller = wire.supplier(
        "MRS", 600, concept="demanders-lead", a=800_000, b=200_000, maintenance=10
    )
    margins = {"MRD1": 55, "MRD2": 155, "MRD3": 185}
    buyers = {
        name: wire.demander(name, wire.want("task", (MILL, None, margin)))
        for name, margin in margins.items()
    }
    wire.round()
    (close,) = wire.heard(Close)
    assert close.price == 115
    assert {(each.demander, each.quantity) for each in wire.settled} == {
        (buyers["MRD2"], 100),
        (buyers["MRD3"], 175),
    }
    assert wire.held(seller) == 275 * 115
    assert wire.heard(Quote)[-1].supply == 525 * 10**6
    assert wire.states_of(buyers["MRD2"]) == wire.states_of(buyers["MRD3"]) == ["served"]
    assert wire.attempts(buyers["MRD1"]) == [TOO_DEAR]
    assert wire.ignored == []


@pytest.mark.parametrize("concept", ["balanced", "simultaneous", "demanders-lead"])
def test_supplier_and_members_reach_the_solved_price(wire, concept):
    wire.supplier("s", 10**6, concept=concept, a=2_000_000, b=1_000_000, maintenance=7)
    margins = [40, 90, 90, 3, 120]
    for i, margin in enumerate(margins):
        wire.demander(f"d{i}", wire.want("task", (MILL, None, margin)))
    wire.round()
    (close,) = wire.heard(Close)
    solved = solve(Game(np.array([float(c) for c in margins]), np.zeros(5), 7.0, 2.0, 1.0), concept)
    assert abs(close.price - solved.price) <= 1
    assert len(wire.settled) == sum(margin > close.price for margin in margins)


def test_two_sub_tasks_of_one_demander_settle_in_one_session(wire):
    seller = wire.supplier("s")
    buyer = wire.demander("d", wire.want("one", (MILL, 30, 100)), wire.want("two", (MILL, 20, 100)))
    wire.round()
    assert wire.states_of(buyer) == ["served", "served"]
    assert len(wire.settled) == 2
    assert wire.held(seller) == 10**12 - wire.held(buyer)


def test_regression_equal_awards_of_one_demander_settle_both(wire):
    """Both trades say the same but for their nonce; the second was taken for a replay."""
    wire.supplier("s")
    buyer = wire.demander("d", wire.want("one", (MILL, 20, 100)), wire.want("two", (MILL, 20, 100)))
    wire.round()
    assert wire.states_of(buyer) == ["served", "served"]
    assert [each.quantity for each in wire.settled] == [20, 20]


def test_short_of_room_larger_answers_go_first_then_by_hash(wire):
    wire.supplier("s", 12)
    buyers = {
        margin: wire.demander(
            f"d{margin}", wire.want("task", (MILL, 5, margin), divisible=False), rounds=1
        )
        for margin in (50, 60, 70)
    }
    twin = wire.demander("twin", wire.want("task", (MILL, 5, 50), divisible=False), rounds=1)
    wire.round()
    assert wire.states_of(buyers[70]) == wire.states_of(buyers[60]) == ["served"]
    left = {buyers[50]: wire.states_of(buyers[50]), twin: wire.states_of(twin)}
    assert sorted(left.values()) == [["unserved"], ["unserved"]]
    assert wire.attempts(twin) == [NO_ROOM]


def test_an_unserved_sub_task_tries_its_next_alternative(wire):
    mill = wire.supplier("mill", 5)
    lathe = wire.supplier("lathe", 5, resource=LATHE, maintenance=12)
    rich = wire.demander("rich", wire.want("task", (MILL, 5, 90), divisible=False))
    poor = wire.demander(
        "poor", wire.want("task", (MILL, 5, 60), (LATHE, 5, 60), divisible=False), rounds=2
    )
    wire.round()
    assert wire.states_of(rich) == ["served"]
    assert wire.states_of(poor) == ["open"]
    assert wire.attempts(poor) == [TOO_DEAR]
    wire.round()
    assert wire.states_of(poor) == ["served"]
    assert [wire.seller_of(sale) for sale in wire.settled] == [mill, lathe]
    assert [demand.sequence for demand in wire.heard(Demand) if demand.demander == poor] == [0, 1]
    wire.round()
    assert len(wire.heard(Demand)) == 3


def test_nobody_publishes_more_often_than_its_limit(wire):
    wire.supplier("mill", 5)
    wire.supplier("lathe", 5, resource=LATHE)
    wire.demander("rich", wire.want("task", (MILL, 5, 90), divisible=False))
    poor = wire.demander(
        "poor", wire.want("task", (MILL, 5, 60), (LATHE, 5, 60), divisible=False), rounds=1
    )
    wire.round()
    assert wire.states_of(poor) == ["unserved"]
    wire.round()
    assert len([demand for demand in wire.heard(Demand) if demand.demander == poor]) == 1


def test_without_an_offer_a_sub_task_is_published_again_and_in_the_end_unserved(wire):
    wire.supplier("s")
    buyer = wire.demander(
        "d", wire.want("task", (LATHE, 5, 60)), wire.want("late", (MILL, 5, 60), slot=3)
    )
    wire.round()
    assert wire.states_of(buyer) == ["open", "open"]
    wire.round()
    assert wire.states_of(buyer) == ["unserved", "unserved"]
    assert wire.attempts(buyer) == []
    assert [(who, want.state) for who, want in wire.told] == [(buyer, "unserved")] * 2


def test_what_is_worth_too_little_is_not_even_negotiated(wire):
    wire.supplier("s", maintenance=60)
    buyer = wire.demander("d", wire.want("task", (MILL, 5, 60)))
    wire.round()
    assert wire.states_of(buyer) == ["unserved"]
    assert wire.attempts(buyer) == [TOO_DEAR]
    assert wire.heard(Selection) == []


def test_demand_too_small_to_draw_supply_ends_without_a_price(wire):
    wire.supplier("s", concept="simultaneous", a=800_000, b=200_000, maintenance=50)
    buyer = wire.demander("d", wire.want("task", (MILL, None, 60)), rounds=1)
    wire.round()
    assert wire.states_of(buyer) == ["unserved"]
    assert wire.attempts(buyer) == [NO_SUPPLY]
    assert wire.heard(Close)[-1].price == 0


def test_a_silent_supplier_is_given_up_at_the_end_of_its_session_and_no_earlier(wire):
    seller = wire.supplier("s")
    buyer = wire.demander("d", wire.want("task", (MILL, 5, 60)))
    wire.until("choose")
    wire.steps[seller] = deaf
    wire.open()
    wire.tick(RHYTHM.ends(wire.beat) - 1)
    wire.pump()
    assert wire.states_of(buyer) == ["negotiating"]
    wire.end()
    assert wire.states_of(buyer) == ["open"]
    assert wire.attempts(buyer) == [NO_ANSWER]


def test_a_bargain_is_struck_and_settled(wire):
    seller = wire.supplier("s", concept="bargaining", maintenance=40)
    buyer = wire.demander("d", wire.want("task", (MILL, 6, 100)))
    wire.round()
    (sale,) = wire.settled
    assert (sale.demander, wire.seller_of(sale), sale.quantity) == (buyer, seller, 6)
    assert 40 <= sale.unit_price <= 100
    assert sale.unit_price == wire.heard(Counter)[-1].unit_price
    assert wire.states[seller].shelves[sale.listing].room == 94


def test_regression_without_room_a_bargain_is_refused_for_that_and_not_for_its_surplus(wire):
    seller = wire.supplier("s", 10, concept="bargaining", maintenance=40)
    buyers = [
        wire.demander(f"d{i}", wire.want("task", (MILL, 6, 100), divisible=False), rounds=1)
        for i in range(2)
    ]
    wire.round()
    assert sorted(wire.states_of(buyer)[0] for buyer in buyers) == ["served", "unserved"]
    (refusal,) = wire.heard(Refusal)
    assert (refusal.supplier, refusal.reason) == (seller, SOLD_OUT)
    loser = next(buyer for buyer in buyers if wire.states_of(buyer) == ["unserved"])
    assert wire.attempts(loser) == [SOLD_OUT]


def test_regression_a_dear_alternative_does_not_raise_the_bid_for_a_poor_one(wire):
    """The opening bid was half the dearest alternative's worth, even above this one's worth."""
    wire.supplier("s", concept="bargaining", maintenance=10)
    buyer = wire.demander("d", wire.want("task", (LATHE, 6, 1_000), (MILL, 6, 30)))
    wire.round()
    assert wire.states_of(buyer) == ["served"]
    assert max(each.unit_price for each in wire.heard(Counter) if each.sender == buyer) <= 30
    assert wire.settled[0].unit_price <= 30


def test_regression_a_free_supplier_still_sells_at_a_price_that_can_settle(wire):
    """The chain refuses a price of 0."""
    wire.supplier("s", concept="simultaneous", maintenance=0, a=1_000, b=1_000)
    buyer = wire.demander("d", wire.want("task", (MILL, 50, 2)), wire.want("more", (MILL, 50, 2)))
    wire.round()
    assert {quote.price for quote in wire.heard(Quote)} >= {1}
    assert min(quote.price for quote in wire.heard(Quote)) == 1
    assert wire.refused == []
    assert "negotiating" not in wire.states_of(buyer)


def test_regression_a_signed_trade_that_may_still_settle_is_not_published_again(wire):
    """Whoever holds it could otherwise make the demander buy twice."""
    seller = wire.supplier("s")
    buyer = wire.demander("d", wire.want("task", (MILL, 5, 60)), rounds=5)
    wire.until("open")
    held, wire.submits = wire.submits, []
    wire.end()
    assert len(held) == 1
    assert wire.states_of(buyer) == ["agreed"]
    wire.round()
    assert len(wire.heard(Demand)) == 1
    wire.submits = held
    wire.settle()
    assert wire.states_of(buyer) == ["served"]
    assert wire.states[seller].shelves[wire.settled[0].listing].room == 95


def test_a_signed_trade_that_can_no_longer_settle_is_published_again(wire):
    wire.supplier("s")
    wire.supplier("t")
    buyer = wire.demander("d", wire.want("task", (MILL, 5, 60)))
    wire.until("open")
    (lost,) = wire.trades()
    wire.submits.clear()
    wire.end()
    wire.tick(lost.valid_until - 1)
    assert wire.states_of(buyer) == ["agreed"]
    wire.tick(lost.valid_until)
    assert wire.states_of(buyer) == ["open"]
    assert wire.attempts(buyer) == [NOT_SETTLED]
    wire.round()
    assert wire.states_of(buyer) == ["served"]


def test_regression_a_nonce_whose_trade_ran_out_leaves_no_gap(wire):
    """A gap would keep the demander's next epoch shut for ever."""
    wire.supplier("s")
    wire.supplier("t")
    wire.demander("d", wire.want("one", (MILL, 5, 60)), wire.want("two", (MILL, 5, 60)))
    wire.until("open")
    lost = wire.trades()[0]
    wire.submits.pop(0)
    wire.settle()
    wire.end()
    wire.tick(lost.valid_until)
    wire.round()
    assert lost.nonce == 0
    assert sorted(event.nonce for event in wire.settled) == [0, 1]


def test_a_broke_demander_s_trade_is_refused_by_the_chain(wire):
    wire.supplier("s")
    buyer = wire.demander("d", wire.want("task", (MILL, 5, 60)), money=1_000)
    wire.until("open")
    wire.does(buyer, Withdraw(wire.token, 990, buyer))
    wire.settle()
    assert wire.refused == ["InsufficientBalance"]
    assert wire.states_of(buyer) == ["agreed"]
    wire.tick(RHYTHM.ends(wire.beat) + TRADE_VALIDITY)
    assert wire.attempts(buyer) == [NOT_SETTLED]
    assert wire.held(buyer) == 10


def test_regression_what_is_listed_anew_leaves_promises_standing(wire):
    seller = wire.supplier("s", 10, concept="bargaining", maintenance=40)
    wire.demander("d", wire.want("task", (MILL, 6, 100)))
    wire.until("open")
    listing = wire.listing(seller, 0)
    assert wire.states[seller].shelves[listing].room == 4
    wire.tell(SlotAttested(seller, MILL, 0, 12, 2, 10**9))
    wire.tell(Listed(listing, seller, MILL, 0, 2, 12))
    assert wire.states[seller].shelves[listing].room == 6


def test_regression_a_sale_of_another_resource_of_the_supplier_is_not_this_shelf_s(wire):
    seller = wire.supplier("s")
    buyer = wire.demander("d")
    listing = wire.listing(seller, 0, LATHE)
    sale = Settled(listing, buyer, bytes(32), wire.token, pack_terms(1, 1, 0))
    before = wire.states[seller]
    wire.give(seller, Recorded(sale))
    assert wire.states[seller] == before


def test_the_clock_of_a_participant_is_the_chain_s_and_never_goes_back(wire):
    seller = wire.supplier("s")
    for now in (77_777, 70_000):
        wire.give(seller, Ticked(now))
        assert wire.states[seller].now == 77_777


def test_regression_who_wakes_up_after_its_last_beat_gives_up(wire):
    """It once waited for good: no publication was left, and its want stayed open."""
    buyer = wire.demander("late", wire.want("task", (MILL, 10, 100)), rounds=2)
    wire.supplier("mill")
    for left in (1, 0):
        wire.publish(buyer)
        wire.pump()
        wire.tick(wire.states[buyer].opens, buyer)
        (want,) = wire.wants(buyer)
        assert want.state == ("open" if left else "unserved")
        wire.end()


def test_a_move_that_the_owner_orders_is_submitted_and_nothing_else_follows(wire):
    for address in (wire.supplier("s"), wire.demander("d")):
        before = wire.states[address]
        wire.give(address, Ordered(RaiseEpoch(wire.token)))
        assert wire.submits.pop() == (address, RaiseEpoch(wire.token))
        assert wire.states[address] is before
