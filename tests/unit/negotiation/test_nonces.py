"""Under which nonces participants sign: their own, free, and so that each trade can end alone."""

import pytest

from fabmarket.identity import Key
from fabmarket.market.events import (
    Deposited,
    EpochRaised,
    Listed,
    NetSettled,
    NoncesCancelled,
    Settled,
    pack_terms,
)
from fabmarket.market.exchange import Cancel, RaiseEpoch, RaiseListingEpoch, Unlist
from fabmarket.market.messages import Opening, Refusal
from fabmarket.market.net import PAID, PAYS, Row, pack
from fabmarket.market.trade import NONCES, nonce_of
from fabmarket.negotiation import demander, supplier
from fabmarket.negotiation.moves import Recorded
from fabmarket.negotiation.nonces import Nonces
from fabmarket.negotiation.wants import NO_NONCE
from tests.unit.negotiation.wire import LATHE, MILL

ALL = (1 << NONCES) - 1
ME, OTHER, TOKEN, GOLD = (Key.derive(name).address for name in ("me", "other", "token", "gold"))


def sold_under(wire, opening):
    """The supplier's nonces of a session's seats."""
    return [place.value for place in wire.places(opening).values()]


def bought(account, nonce, token=TOKEN):
    return Settled(bytes(32), account, bytes(32), token, pack_terms(1, 1, nonce))


def test_nonces_are_what_the_account_s_events_leave():
    nonces = Nonces()
    rows = (Row(ME, 6 << 30, 5, PAYS, 0), Row(OTHER, 1, 5, PAID, 0))
    for event in (
        bought(ME, nonce_of(0, 3)),
        bought(OTHER, nonce_of(0, 4)),
        bought(ME, nonce_of(0, 5), GOLD),
        NoncesCancelled(ME, TOKEN, 0, 1 << 95),
        NoncesCancelled(ME, GOLD, 0, ALL),
        EpochRaised(OTHER, TOKEN, 9),
        EpochRaised(ME, GOLD, 9),
        NetSettled(bytes(32), TOKEN, bytes(32), pack(rows), ()),
        NetSettled(bytes(32), GOLD, bytes(32), pack(rows), ()),
    ):
        nonces = nonces.after(event, ME, TOKEN)
    used = {3, 95, 31, 32}
    assert nonces == Nonces(0, sum(1 << bit for bit in used))
    assert nonces.free() == [bit for bit in range(NONCES) if bit not in used]
    assert all(nonces.is_free(bit) == (bit not in used) for bit in range(NONCES))
    assert not nonces.is_free(NONCES)  # there is none
    assert not nonces.is_free(nonce_of(1, 0))
    assert nonces.after(EpochRaised(ME, TOKEN, 70), ME, TOKEN) == Nonces(70)


def test_the_first_purchase_of_the_next_epoch_opens_it():
    assert Nonces(4, ALL).after(bought(ME, nonce_of(5, 0)), ME, TOKEN) == Nonces(5, 1)


@pytest.mark.parametrize("concept", ["balanced", "bargaining"])
def test_every_seat_has_a_nonce_of_its_own_and_one_trade_is_cancelled_alone(wire, concept):
    seller = wire.supplier("s", concept=concept)
    buyers = [wire.demander(name, wire.want(name, (MILL, 5, 90))) for name in "abc"]
    wire.until("open")
    trades = wire.trades()
    assert sorted(trade.supplier_nonce for trade in trades) == [93, 94, 95]
    wire.does(seller, Cancel(wire.token, 1 << trades[1].supplier_nonce))
    wire.settle()
    assert wire.refused == ["NonceUsed"]
    kept = {trades[0].demander, trades[2].demander}
    assert {event.demander for event in wire.settled} == kept
    wire.end()
    assert {each for each in buyers if wire.states_of(each) == ["served"]} == kept


def test_a_nonce_is_sold_under_again_once_its_trade_has_settled_or_run_out(wire):
    seller = wire.supplier("s")
    wire.demander("a", wire.want("a", (MILL, 5, 90)))
    wire.until("open")
    (lost,) = wire.trades()
    wire.submits.clear()
    wire.end()
    assert [sale.supplier_nonce for sale in wire.states[seller].sales.values()] == [
        lost.supplier_nonce
    ]
    wire.demander("b", wire.want("b", (MILL, 5, 90)))
    wire.round()
    assert sold_under(wire, wire.heard(Opening)[-1]) == [94]  # 95 may still settle
    assert not wire.refused
    wire.tick(lost.valid_until)
    assert not len(wire.states[seller].sales)
    wire.demander("c", wire.want("c", (MILL, 5, 90)))
    wire.round()
    assert wire.settled[-1].quantity == 5
    assert max(sold_under(wire, wire.heard(Opening)[-1])) == 95


def test_more_seats_than_nonces_share_them_evenly(wire):
    seller = wire.supplier("s", slots=(0, 1))
    wire.does(seller, Cancel(wire.token, ALL & ~0b11000))
    wants = [wire.want(str(i), (MILL, 3, 90), slot=i % 2) for i in range(5)]
    buyer = wire.demander("d", *wants)
    wire.round()
    used = [nonce for each in wire.heard(Opening) for nonce in sold_under(wire, each)]
    assert sorted(used) == [3, 3, 4, 4, 4]
    assert wire.states_of(buyer) == ["served"] * 5


@pytest.mark.parametrize("concept", ["balanced", "bargaining"])
def test_without_a_nonce_left_selections_are_refused_until_the_epoch_is_raised(wire, concept):
    seller = wire.supplier("s", concept=concept)
    other = wire.supplier("t", concept=concept, maintenance=20)
    buyer = wire.demander("d", wire.want("task", (MILL, 5, 90)), rounds=3)
    # To cancel the last nonce would raise the epoch; a cycle uses it up.
    wire.does(seller, Cancel(wire.token, ALL & ~1))
    row = pack((Row(seller, 1, 0, PAID, 0),))
    wire.tell(NetSettled(bytes(32), wire.token, bytes(32), row, ()))
    wire.until("open")
    assert [refusal.reason for refusal in wire.heard(Refusal)] == [NO_NONCE]
    assert wire.states_of(buyer) == ["open"]
    wire.end()
    wire.does(seller, RaiseEpoch(wire.token))
    late = wire.demander("e", wire.want("task", (MILL, 5, 90)))
    wire.round()
    assert (wire.states_of(buyer), wire.states_of(late)) == (["served"], ["served"])
    by = {wire.seller_of(sale) for sale in wire.settled}
    assert by == {seller, other}


def test_a_trade_under_a_nonce_used_since_is_not_countersigned(wire):
    seller = wire.supplier("s")
    wire.demander("d", wire.want("task", (MILL, 5, 90)))
    wire.until("choose")
    wire.open()
    wire.does(seller, Cancel(wire.token, 1 << 95))
    wire.pump()
    assert wire.submits == []
    assert wire.reasons(seller) == ["trade under a nonce of ours that is used up"]


def test_a_buyer_signs_under_nonces_that_are_not_cancelled_and_of_its_epoch(wire):
    wire.supplier("s")
    buyer = wire.demander("d", *(wire.want(str(i), (MILL, 3, 90)) for i in range(3)))
    wire.does(buyer, RaiseEpoch(wire.token))
    epoch = wire.states[buyer].nonces.epoch
    wire.does(buyer, Cancel(wire.token, 0b101))
    wire.round()
    assert sorted(sale.nonce for sale in wire.settled) == [
        nonce_of(epoch, bit) for bit in (1, 3, 4)
    ]
    wire.does(buyer, RaiseEpoch(wire.token))
    assert not len(wire.states[buyer].signed)


def test_a_buyer_goes_on_into_the_next_epoch(wire):
    wire.supplier("s")
    buyer = wire.demander("d", *(wire.want(str(i), (MILL, 3, 90)) for i in range(3)))
    wire.does(buyer, Cancel(wire.token, ALL & ~1))
    wire.round()
    assert [sale.nonce for sale in wire.settled] == [0, nonce_of(1, 0), nonce_of(1, 1)]


def test_trades_are_for_the_epoch_that_a_listing_has(wire):
    """Taking the last unit off the market voids what was signed; what is listed anew is sold."""
    seller = wire.supplier("s", slots=(0, 1))
    wire.does(seller, Unlist(MILL, 0, 100))
    listing = wire.listing(seller, 0)
    wire.tell(Listed(listing, seller, MILL, 0, 60, 60))
    wire.does(seller, RaiseListingEpoch(MILL, 1))
    buyer = wire.demander("d", wire.want("a", (MILL, 5, 90)), wire.want("b", (MILL, 5, 90), slot=1))
    wire.round()
    assert wire.states_of(buyer) == ["served"] * 2
    assert wire.exchange.listings[listing].epoch > 0


def test_one_firm_sells_and_buys_under_one_account(wire):
    """Its steps hear of the same events; each signs under nonces that the other leaves free."""
    firm = wire.supplier("firm", slots=(0, 1))
    lathe = wire.supplier("lathe", resource=LATHE, slots=(0, 1))
    wants = (wire.want(str(i), (LATHE, 5, 90)) for i in range(3))
    buying = wire.buying(firm, *wants, rounds=1)
    wire.tell(Deposited(firm, wire.token, 10**6))
    for event in wire.past:
        buying, _ = demander.step(buying, Recorded(event))
    wire.states[firm] = (wire.states[firm], buying)

    def both(state, given):
        selling, sold = supplier.step(state[0], given)
        buying, bought = demander.step(state[1], given)
        return (selling, buying), (*sold, *bought)

    wire.steps[firm] = both
    wire.demander("d", wire.want("x", (MILL, 5, 90)), wire.want("y", (MILL, 5, 90), slot=1))
    wire.until("open")
    of_firm = {move.signed.trade.supplier_nonce for who, move in wire.submits if who == firm}
    by_firm = {move.signed.trade.nonce for who, move in wire.submits if who == lathe}
    assert (of_firm, by_firm) == ({94, 95}, {0, 1, 2})
    wire.settle()
    assert not wire.refused
    assert {wire.seller_of(sale) for sale in wire.settled} == {firm, lathe}
    assert wire.states[firm][0].nonces == wire.states[firm][1].nonces == Nonces(0, 0b111)
