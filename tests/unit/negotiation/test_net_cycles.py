"""Net cycles among participants: in the end each trade is settled once, netted or late."""

from dataclasses import replace

import pytest

from fabmarket.market.cycles import Consent, Counted, Entering, Entry, Joining, Proposal, Roll
from fabmarket.market.exchange import Cancel, RaiseListingEpoch, Withdraw
from fabmarket.market.products import Countersigned
from fabmarket.market.trade import NONCES
from fabmarket.negotiation.demander.state import nonce_for_cycle
from fabmarket.negotiation.moves import Ordered
from fabmarket.negotiation.netting.state import BLOCK
from fabmarket.negotiation.orders import Approve
from fabmarket.negotiation.policy import Policy
from tests.unit.negotiation.nets import CYCLES, Nets
from tests.unit.negotiation.wire import LATHE, MILL, deaf

ALL = range(20)
"""Quarters until all that was agreed has settled, late if not before."""


@pytest.fixture
def market():
    return Nets().trading().agree()


def due(market, trades):
    """What each account gains by trades."""
    due = {}
    for trade in trades:
        seller = market.exchange.listings[trade.listing].supplier
        due[seller] = due.get(seller, 0) + trade.payment
        due[trade.demander] = due.get(trade.demander, 0) - trade.payment
    return due


def settle_once(market, trades, late):
    """All trades settle, once each: so many of them late, the others in one batch."""
    assert market.changes() == due(market, trades.values())
    assert len(market.singles) == late
    assert {each.trade for each in market.singles} <= set(trades)
    assert len(market.batches) == (late < len(trades))
    parties = (*market.buyers, *market.sellers)
    assert all(not market.net(each).deals for each in parties if market.steps[each] is not deaf)


def test_all_trades_of_a_cycle_settle_in_one_batch(market):
    trades = market.agreed()
    assert len(trades) == 6
    market.quarters(0, 1)
    assert market.refused == []
    settle_once(market, trades, 0)
    assert all(market.states_of(each) == ["served"] * 2 for each in market.buyers)
    market.quarters(*ALL)
    settle_once(market, trades, 0)
    assert market.refused == []


def test_no_trade_settles_before_its_cycle_closes(market):
    assert market.settled == []
    market.quarters(0)
    assert market.settled == []


def test_units_sold_in_a_batch_are_promised_no_longer(market):
    market.quarters(0, 1)
    for address in market.sellers:
        for listing, shelf in market.states[address].shelves.items():
            assert shelf.available == market.exchange.listings[listing].available < 100
            assert shelf.promised == 0
        assert set(market.states[address].custom.buyers) == set(market.buyers)


def test_a_buyers_row_uses_up_a_block_and_a_sellers_one_nonce(market):
    market.quarters(0, 1)
    rows = market.rows()
    assert {rows[each].mask for each in market.buyers} == {(1 << BLOCK) - 1}
    assert {rows[each].mask for each in market.sellers} == {1}
    assert all(
        market.states[each].nonces.used == rows[each].mask
        for each in (*market.buyers, *market.sellers)
    )


def test_the_next_cycles_trades_are_signed_under_another_block(market):
    buyer = market.buyers[0]
    state = market.states[buyer]
    (deal, *_) = state.net.deals.values()
    until = deal.signed[0].trade.valid_until
    assert nonce_for_cycle(state, until) == 2
    assert nonce_for_cycle(state, until + 180) == BLOCK


def test_a_supplier_sells_under_none_of_the_nonces_that_rows_use_up(market):
    named = {trade.supplier_nonce for trade in market.agreed().values()}
    assert min(named) > NONCES - 10
    market.quarters(0, 1)
    assert all(not market.states[each].nonces.is_free(0) for each in market.sellers)


def test_who_joins_by_an_earlier_block_than_the_coordinators_takes_part(market):
    trades = market.agreed()
    market.tick(market.closed - 1, market.coordinator)
    market.tick(market.closed, *market.buyers, *market.sellers)
    market.pump()
    assert market.ignored == []
    market.quarters(0, 1)
    settle_once(market, trades, 0)


def test_who_does_not_sign_is_left_out_of_the_second_batch(market):
    trades, silent = market.agreed(), market.buyers[0]
    market.lost = lambda sent: isinstance(sent[0], Consent) and sent[0].party == silent
    market.quarters(0, 1, 2, 3, 4, 5)
    assert market.batches == []
    market.quarters(6)
    assert len(market.batches) == 1
    assert silent not in market.rows()
    assert {each.attempt for each in market.heard(Proposal)} == {0, 1}
    market.quarters(*ALL)
    settle_once(market, trades, 2)


def test_who_breaks_off_after_it_entered_is_left_out_alone(market):
    trades, broken = market.agreed(), market.buyers[0]
    market.lost = lambda sent: isinstance(sent[0], Counted) and sent[0].party == broken
    market.quarters(0, 1, 6)
    assert len(market.batches) == 1
    assert set(market.rows()) == {*market.buyers, *market.sellers} - {broken}
    market.quarters(*ALL)
    settle_once(market, trades, 2)


@pytest.mark.parametrize("kind", [Joining, Entry])
def test_a_seller_that_is_silent_is_left_out_with_its_trades(market, kind):
    trades, silent = market.agreed(), market.sellers[0]
    market.lost = lambda sent: isinstance(sent[0], kind) and sent[0].author == silent
    market.quarters(0, 1, 6)
    assert silent not in market.rows()
    market.quarters(*ALL)
    settle_once(market, trades, 3)


def test_where_a_seller_hears_not_from_a_buyer_the_second_attempt_tries_all_again(market):
    trades = market.agreed()
    words = []

    def lost(sent):
        is_first = isinstance(sent[0], Entering) and not words
        if is_first:
            words.append(sent)
        return is_first

    market.lost = lost
    market.quarters(0, 1, 2, 3, 4, 5)
    assert market.batches == []  # a buyer counts what its seller does not: nothing adds up
    market.quarters(6)
    settle_once(market, trades, 0)


def test_a_buyer_without_a_countersignature_leaves_the_trade_out():
    market = Nets().trading()
    buyer = market.buyers[0]
    market.lost = lambda sent: (
        isinstance(sent[0], Countersigned)
        and sent == (sent[0], buyer)
        and sent[0].supplier == market.sellers[0]
    )
    trades = market.agree().agreed()
    market.quarters(0, 1)
    assert len(market.batches) == 1
    market.quarters(*ALL)
    settle_once(market, trades, 1)


def test_where_nobody_coordinates_all_settles_late(market):
    trades = market.agreed()
    market.steps[market.coordinator] = deaf
    market.quarters(*ALL)
    settle_once(market, trades, len(trades))
    assert market.refused == []


def test_a_buyer_settles_late_what_its_seller_does_not(market):
    trades = market.agreed()
    market.steps[market.coordinator] = deaf
    for seller in market.sellers:
        market.steps[seller] = deaf
    market.quarters(*range(14))
    assert market.singles == []
    market.quarters(14)
    settle_once(market, trades, len(trades))


def test_a_seller_settles_late_what_its_buyer_does_not(market):
    trades = market.agreed()
    for each in (market.coordinator, *market.buyers):
        market.steps[each] = deaf
    market.quarters(12)
    settle_once(market, trades, len(trades))


@pytest.mark.parametrize("quarter", [0, 1])
def test_who_withdraws_before_it_signs_stops_no_trade_of_others(market, quarter):
    trades, poor = market.agreed(), market.buyers[0]
    market.lost = lambda sent: quarter == 0 and isinstance(sent[0], Consent)
    market.quarters(*range(quarter + 1))
    market.does(poor, Withdraw(market.token, market.held(poor) - 1, poor))
    market.before[poor] = market.held(poor)
    market.lost = lambda sent: False
    market.quarters(*ALL)
    others = {name: trade for name, trade in trades.items() if trade.demander != poor}
    if quarter:  # settled before it withdrew
        return
    assert {each.trade for each in market.singles} == set()
    assert market.changes() == due(market, others.values())


def test_a_withdrawal_after_all_have_signed_leaves_all_to_settle_late(market):
    trades, poor = market.agreed(), market.buyers[0]
    market.tick(market.closed)
    market.pump()
    market.tick(market.closed + 15)
    market.pump()
    assert len(market.submits) == 1
    market.does(poor, Withdraw(market.token, market.held(poor) - 1, poor))
    market.before[poor] = market.held(poor)
    market.settle()
    assert market.refused == ["InsufficientBalance"]
    market.quarters(*ALL)
    others = {name: trade for name, trade in trades.items() if trade.demander != poor}
    assert {each.trade for each in market.singles} == set(others)
    assert market.changes() == due(market, others.values())


def test_a_cancelled_nonce_voids_its_trade_alone(market):
    trades, buyer = market.agreed(), market.buyers[0]
    (gone, *_) = (name for name, trade in trades.items() if trade.demander == buyer)
    market.does(buyer, Cancel(market.token, 1 << trades[gone].nonce))
    market.quarters(*ALL)
    del trades[gone]
    assert market.changes() == due(market, trades.values())
    assert len(market.batches) == 1


def test_a_raised_listing_epoch_voids_its_trades_alone(market):
    trades, seller = market.agreed(), market.sellers[0]
    state = market.states[seller]
    market.does(seller, RaiseListingEpoch(state.resource, 0))
    market.quarters(*ALL)
    kept = {name: each for name, each in trades.items() if each.listing not in state.shelves}
    assert market.changes() == due(market, kept.values())


def test_a_product_with_a_missing_supplier_is_left_out_whole():
    market = Nets()
    market.sellers = [
        market.supplier("mill", 100, resource=MILL, slots=range(5), maintenance=10),
        market.supplier("lathe", 100, resource=LATHE, slots=range(5), maintenance=20),
    ]
    product = market.product("part", [(MILL, 5)], [(LATHE, 5)], value=10_000)
    market.buyers = [market.buyer("b0", product)]
    other = market.product("block", [(MILL, 7)], value=10_000)
    market.buyers.append(market.buyer("b1", other))
    market.rounds()
    market.closed = market.net(market.buyers[0]).cycles.closing(market.now)
    market.before = {each: market.held(each) for each in market.keys}
    trades = market.agreed()
    assert len(trades) == 3
    silent = market.sellers[1]
    market.lost = lambda sent: isinstance(sent[0], Joining) and sent[0].author == silent
    market.quarters(0, 1)
    assert set(market.rows()) == {market.sellers[0], market.buyers[1]}
    market.quarters(*ALL)
    settle_once(market, trades, 2)
    bought = market.purchases(*market.buyers)
    assert [each.state for each in bought.values()] == ["bought", "bought"]
    assert len(market.heard(Roll)) == 1


@pytest.mark.parametrize("quarter", [-1, 5])
def test_a_trade_that_waits_for_approval_nets_if_it_comes_in_time(quarter):
    market = Nets().trading(sellers=1)
    (seller,) = market.sellers
    cautious = replace(market.states[seller], policy=Policy(approve_above=0))
    market.states[seller] = cautious
    market.agree()
    trades = market.agreed()
    assert market.net(seller).deals.keys() == set()
    if quarter > 0:
        market.quarters(0, 1, quarter)
    for name in list(market.states[seller].held):
        market.give(seller, Ordered(Approve(name)))
    market.pump()
    market.quarters(*ALL)
    settle_once(market, trades, 0 if quarter < 0 else len(trades))


def test_regression_a_coordinator_that_slept_over_a_cycle_coordinates_the_next(market):
    """It ended with a TypeError at the first block after more than a cycle."""
    market.tick(
        market.closed, market.coordinator
    )  # it knows of this cycle, and sleeps over the next
    later = market.closed + 2 * CYCLES.length
    market.tick(later, market.coordinator)
    state = market.net(market.coordinator)
    assert (state.closed, len(state.joined), state.attempt) == (later, 0, None)
