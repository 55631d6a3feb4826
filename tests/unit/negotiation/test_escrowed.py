"""Trades whose payment waits for delivery: agreed on, paid for, bonded, settled and followed."""

from dataclasses import replace

import pytest

from fabmarket.identity import Key
from fabmarket.market.delivery import INSTANT, escrow_of
from fabmarket.market.events import (
    Cause,
    Delivered,
    Deposited,
    Escrowed,
    NetSettled,
    Released,
    Settled,
    Skipped,
    Withdrawn,
)
from fabmarket.market.exchange import (
    Deliver,
    Deposit,
    Dispute,
    Expire,
    Release,
    SettleEscrow,
    SettleEscrowBatch,
    SignedTrade,
    Withdraw,
)
from fabmarket.market.messages import Offer, Opening, Selection
from fabmarket.market.net import PAID, PAYS, Row, pack
from fabmarket.market.parameters import HOURS
from fabmarket.market.trade import Escrow, Trade
from fabmarket.market.units import NO_LIMIT, name_to_bytes32
from fabmarket.negotiation.accepting import Accepts
from fabmarket.negotiation.moves import News, Ticked
from fabmarket.negotiation.purse import Purse
from fabmarket.negotiation.supplier import offering
from fabmarket.negotiation.supplier.step import ESCROW_BATCH
from fabmarket.negotiation.wants import NO_MONEY, NO_SUCH_DELIVERY, NOT_SETTLED, OTHER_DELIVERY
from tests.unit.negotiation.wire import HELD, LENGTH, ORIGIN, RHYTHM

MILL = name_to_bytes32("mill")
RICH = 10**9


def news(wire, kind):
    return [(who, told) for who, told in wire.told if isinstance(told, kind)]


def purses_are_balances(wire):
    """What everybody thinks it holds is what the exchange holds for it."""
    for address, state in wire.states.items():
        assert state.purse.balance == wire.held(address), address


# The whole way


@pytest.mark.parametrize("concept", ["balanced", "bargaining"])
def test_a_market_settles_in_escrow_and_both_sides_follow(wire, concept):
    seller = wire.supplier("s", concept=concept, delivery=HELD, money=RICH)
    buyer = wire.demander("d", wire.want("task", (MILL, 5, 90)))
    wire.until("open")
    ((_, move),) = wire.submits
    assert isinstance(move, SettleEscrow)
    wire.settle()
    (escrowed,) = [each for each in wire.settled if isinstance(each, Escrowed)]
    trade = escrowed.terms
    payment = trade.quantity * trade.unit_price
    assert trade.escrow == escrow_of(HELD, payment, MILL, 0, ORIGIN, ORIGIN + LENGTH)
    assert trade.escrow.bond == payment // 10 > 0
    assert wire.states_of(buyer) == ["served"]
    assert wire.held(buyer) == 10**12 - payment - payment // 20
    assert wire.held(seller) == RICH - payment // 10 - payment // 20
    purses_are_balances(wire)
    assert [who for who, _ in news(wire, Escrowed)] == [seller, buyer]
    wire.tick(ORIGIN)
    wire.does(seller, Deliver(trade, trade.quantity))
    wire.does(buyer, Release(trade, payment))
    assert [who for who, _ in news(wire, Delivered)] == [seller, buyer]
    causes = [told.cause for _, told in news(wire, Released)]
    assert causes == [Cause.ACCEPTED, Cause.ACCEPTED]
    assert (wire.held(seller), wire.held(buyer)) == (RICH + payment, 10**12 - payment)
    purses_are_balances(wire)
    assert all(len(state.purse.escrows) == 0 for state in wire.states.values())


def test_nobody_hears_of_other_people_s_escrows(wire):
    seller = wire.supplier("s", delivery=HELD, money=RICH)
    stranger = wire.demander("stranger")
    other = wire.supplier("other", money=RICH)
    wire.demander("d", wire.want("task", (MILL, 5, 90)))
    wire.until("open")
    wire.settle()
    (escrowed,) = [each for each in wire.settled if isinstance(each, Escrowed)]
    wire.tick(ORIGIN)
    wire.does(seller, Deliver(escrowed.terms, 1))
    assert not {stranger, other} & {who for who, _ in wire.told}
    purses_are_balances(wire)


def test_balances_are_followed_through_disputes_parts_and_deadlines(wire):
    seller = wire.supplier("s", slots=(0, 1), delivery=HELD, money=RICH)
    wants = [wire.want(name, (MILL, 20, 90), slot=slot) for slot, name in enumerate("ab")]
    buyer = wire.demander("d", *wants)
    wire.until("open")
    wire.settle()
    first, second = [each.terms for each in wire.settled if isinstance(each, Escrowed)]
    wire.does(buyer, Release(first, 7))
    wire.tick(first.escrow.deliver_from)
    wire.does(seller, Deliver(first, 3))
    wire.does(buyer, Dispute(first, b"e" * 32))
    purses_are_balances(wire)
    wire.tick(second.escrow.deliver_by)
    wire.does(buyer, Expire(second))
    wire.tick(wire.now + HOURS.grace_time)
    wire.exchange = replace(wire.exchange, block=HOURS.grace_blocks)
    wire.does(buyer, Release(first, 8))
    wire.does(buyer, Withdraw(wire.token, 100, buyer))
    purses_are_balances(wire)
    assert len(wire.states[buyer].purse.escrows) == 2
    told = [told for who, told in wire.told if who == seller and not isinstance(told, News)]
    heard = {type(each).__name__ for each in told}
    assert heard == {"Escrowed", "Delivered", "Disputed", "GraceOpened", "Released"}


def test_several_trades_are_settled_at_a_time_and_one_that_fails_stops_no_other(wire):
    seller = wire.supplier("s", batch=True, delivery=HELD, money=RICH)
    buyers = [wire.demander(name, wire.want("task", (MILL, 5, 60))) for name in "abc"]
    wire.until("open")
    wire.tick(wire.now + 1, seller)
    ((_, move),) = wire.submits
    assert isinstance(move, SettleEscrowBatch)
    broke = move.trades[0].trade.demander
    wire.does(broke, Withdraw(wire.token, 10**12, broke))
    wire.settle()
    (skipped,) = [each for each in wire.settled if isinstance(each, Skipped)]
    assert skipped.demander == broke
    assert sorted(wire.states_of(each) for each in buyers) == [["agreed"], ["served"], ["served"]]
    (sale,) = wire.states[seller].sales.values()
    assert sale.locked == wire.states[seller].purse.balance - wire.states[seller].free > 0
    wire.tick(sale.until)
    assert wire.states[seller].free == wire.states[seller].purse.balance
    assert wire.attempts(broke) == [NOT_SETTLED]
    purses_are_balances(wire)


def test_more_than_a_transaction_holds_goes_into_several(wire):
    seller = wire.supplier("s", batch=True, delivery=HELD)
    trade = Trade(wire.listing(seller, 0), seller, wire.token, 1, 1, 10**6, 0)
    agreed = (SignedTrade(trade, b"s", b""),) * (2 * ESCROW_BATCH + 1)
    wire.states[seller] = replace(wire.states[seller], agreed=agreed)
    wire.give(seller, Ticked(wire.now))
    sizes = [len(move.trades) for _, move in wire.submits]
    assert sizes == [ESCROW_BATCH, ESCROW_BATCH, 1]


# What a demander accepts


REFUSED = {
    "delivery later than that": {"deliver_within": HOURS.delivery_window - 1},
    "too little time to dispute": {"dispute_within": HOURS.dispute_window + 1},
    "held too long": {"longest": 10_000},
    "paid for nothing": {"silence_share": 9_999},
    "half where nobody rules": {"undecided_share": 4_999},
    "too small a bond": {"bond_share": 1_001},
    "too small a penalty": {"exit_penalty": 5_001},
}


@pytest.mark.parametrize("bound", REFUSED.values(), ids=REFUSED.keys())
def test_terms_that_the_owner_does_not_accept_are_not_taken_up(wire, bound):
    wire.supplier("s", delivery=HELD, money=RICH)
    buyer = wire.demander("d", wire.want("task", (MILL, 5, 90)), accepts=Accepts(**bound))
    wire.round()
    assert wire.attempts(buyer) == [OTHER_DELIVERY]
    assert wire.states_of(buyer) == ["unserved"]
    assert wire.heard(Selection) == []


def test_payment_at_once_is_refused_where_the_owner_wants_escrow(wire):
    wire.supplier("s")
    dearer = wire.supplier("t", delivery=HELD, money=RICH, maintenance=20)
    want = wire.want("task", (MILL, 5, 90))
    buyer = wire.demander("d", want, accepts=Accepts(instant=False))
    wire.round()
    (escrowed,) = [each for each in wire.settled if isinstance(each, Escrowed)]
    assert wire.seller_of(escrowed.terms) == dearer
    assert wire.attempts(buyer) == [OTHER_DELIVERY]


IMPOSSIBLE = {
    "too little time to deliver": {"deliver_within": HOURS.delivery_window - 2},
    "too little time to dispute": {"dispute_within": HOURS.dispute_window - 1},
    "too little time to rule": {"decide_within": HOURS.hearing + HOURS.decision_window - 1},
    "held too long": {"decide_within": HOURS.longest_life},
    "a share above all": {"late_share": 10_001},
    "a bond above the payment": {"bond_share": 10_001},
}


@pytest.mark.parametrize("change", IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_terms_that_the_exchange_refuses_are_neither_offered_nor_taken_up(
    wire, monkeypatch, change
):
    wire.supplier("s", delivery=replace(HELD, **change), money=RICH)
    buyer = wire.demander("d", wire.want("task", (MILL, 5, 90)))
    wire.round()
    assert wire.heard(Offer) == []
    monkeypatch.setattr(offering, "can_settle", lambda *_: True)
    wire.round()
    assert len(wire.heard(Offer)) == 1
    assert wire.attempts(buyer) == [NO_SUCH_DELIVERY]
    assert wire.heard(Selection) == []


# What a demander can pay


def test_what_cannot_be_paid_is_not_taken_up_until_there_is_money(wire):
    wire.supplier("s", delivery=HELD, money=RICH)
    buyer = wire.demander("d", wire.want("task", (MILL, 5, 60)), money=50, rounds=3)
    wire.round()
    assert wire.heard(Selection) == []
    assert wire.attempts(buyer) == [NO_MONEY]
    assert wire.states_of(buyer) == ["open"]
    wire.does(buyer, Deposit(wire.token, 10**6))
    wire.round()
    assert wire.states_of(buyer) == ["served"]


@pytest.mark.parametrize("concept", ["balanced", "bargaining"])
def test_a_trade_that_cannot_be_paid_is_not_signed(wire, concept):
    wire.supplier("s", concept=concept)
    buyer = wire.demander("d", wire.want("task", (MILL, 5, 60)), rounds=1)
    wire.until("choose")
    wire.open()
    wire.does(buyer, Withdraw(wire.token, 10**12 - 20, buyer))
    wire.pump()
    assert wire.heard(Trade) == []
    assert wire.attempts(buyer) == [NO_MONEY]
    assert wire.states_of(buyer) == ["unserved"]


def test_what_is_signed_for_one_want_is_not_pledged_for_another(wire):
    """Enough for one of two and a half: the second of one session is given up."""
    wire.supplier("s")
    wants = [wire.want(name, (MILL, 5, 60)) for name in "ab"]
    buyer = wire.demander("d", *wants, money=75, rounds=1)
    wire.until("open")
    assert sorted(wire.states_of(buyer)) == ["agreed", "unserved"]
    assert len(wire.heard(Trade)) == 1
    wire.settle()
    assert (wire.refused, wire.held(buyer) >= 0) == ([], True)


# What a supplier can bond


def test_who_cannot_bond_says_so_and_what_it_would_take(wire):
    seller = wire.supplier("s", delivery=HELD, money=0)
    buyer = wire.demander("d", wire.want("task", (MILL, 50, 90)), rounds=3)
    wire.round()
    assert wire.heard(Offer) == []
    ((who, told), *_) = news(wire, News)
    needed = int(dict(told.facts)["needed"])
    assert (who, told) == (
        seller,
        News.of("short", demander=buyer, needed=str(needed), free="0"),
    )
    assert offering.lacking(wire.states[seller]) > 0
    wire.does(seller, Deposit(wire.token, needed))
    assert offering.lacking(wire.states[seller]) == 0
    said = len(news(wire, News))
    wire.round()
    assert wire.heard(Offer) != []
    assert [told.line for _, told in news(wire, News)[said:]] == ["priced"]


def test_nothing_is_offered_that_cannot_be_bonded(wire):
    seller = wire.supplier("s", delivery=HELD, money=5)
    wire.demander("whole", wire.want("task", (MILL, 5, 90), divisible=False), rounds=3)
    wire.round()
    assert wire.heard(Offer) == []
    wire.does(seller, Deposit(wire.token, RICH))
    wire.round()
    assert [type(each) for each in wire.settled].count(Escrowed) == 1


def test_a_trade_that_cannot_be_bonded_is_not_countersigned(wire):
    seller = wire.supplier("s", delivery=HELD, money=RICH)
    wire.demander("d", wire.want("task", (MILL, 5, 90)))
    wire.until("choose")
    wire.open()
    wire.does(seller, Withdraw(wire.token, RICH - 5, seller))
    wire.pump()
    assert wire.reasons(seller) == ["trade that our account has too little to bond"]
    assert wire.submits == []


def test_what_is_countersigned_is_not_bonded_twice(wire):
    """Enough for one bond of two: the second is not countersigned while the first may settle."""
    seller = wire.supplier("s", slots=(0, 1), delivery=HELD, money=10)
    for slot, name in enumerate("ab"):
        wire.demander(name, wire.want("task", (MILL, 5, 90), slot=slot))
    wire.until("open")
    assert len(wire.submits) == 1
    assert wire.reasons(seller) == ["trade that our account has too little to bond"]
    wire.settle()
    assert wire.refused == []
    purses_are_balances(wire)


# A hostile party


def test_an_opening_on_other_terms_of_delivery_is_refused(trap):
    market = trap(delivery=HELD, money=RICH)
    for change in (INSTANT, replace(HELD, bond_share=0), replace(HELD, late_share=1)):
        assert "other terms" in market.tempt(*market.opening(delivery=change))
    for start in (0, ORIGIN - 1, ORIGIN + 1):
        assert "other terms" in market.tempt(*market.opening(slot_start=start))
    assert market.tempt(*market.opening()) is None


ALTERED = {
    "at once": lambda it: Escrow(),
    "another bond": lambda it: replace(it, bond=it.bond + 1),
    "another slot": lambda it: replace(it, slot=it.slot + 1),
    "another resource": lambda it: replace(it, resource=bytes(32)),
    "delivered earlier": lambda it: replace(it, deliver_from=it.deliver_from - 1),
    "less time to deliver": lambda it: replace(it, deliver_by=it.deliver_by - 1),
    "more time to dispute": lambda it: replace(it, dispute_by=it.dispute_by + 1),
    "more time to rule": lambda it: replace(it, decide_by=it.decide_by + 1),
    "another share": lambda it: replace(it, silence_share=0),
    "another penalty": lambda it: replace(it, exit_penalty=10_000),
}


@pytest.mark.parametrize("altered", ALTERED.values(), ids=ALTERED.keys())
def test_a_trade_with_another_escrow_is_not_countersigned(wire, altered):
    seller = wire.supplier("s", delivery=HELD, money=RICH)
    wire.demander("d", wire.want("task", (MILL, 5, 90)))
    wire.until("choose")
    wire.open()
    while not wire.heard(Trade):
        to, received = wire.queue.popleft()
        wire.give(to, received)
    (trade,) = wire.heard(Trade)
    wire.queue.clear()
    wire.say(replace(trade, escrow=altered(trade.escrow)), seller)
    wire.pump()
    assert wire.reasons(seller) == ["trade on other terms than agreed"]
    assert wire.submits == []
    wire.say(trade, seller)
    wire.pump()
    assert len(wire.submits) == 1


def test_the_opening_says_what_the_offer_said(wire):
    wire.supplier("s", delivery=HELD, money=RICH)
    wire.demander("d", wire.want("task", (MILL, NO_LIMIT, 90)))
    wire.round()
    (offer,), (opening,) = wire.heard(Offer), wire.heard(Opening)
    assert offer.delivery == opening.delivery == HELD
    assert (opening.slot_start, opening.slot_end) == (ORIGIN, ORIGIN + LENGTH)
    assert opening.ends == RHYTHM.ends(offer.opens)


# The account


ME, OTHER, TOKEN, GOLD = (
    Key.derive("purse", name).address for name in ("me", "other", "token", "gold")
)


def test_a_cycle_pays_and_takes_what_its_row_says():
    rows = (Row(ME, 1, 30, PAYS, 0), Row(OTHER, 1, 30, PAID, 0))
    cycle = NetSettled(bytes(32), TOKEN, bytes(32), pack(rows), ())
    assert Purse(100).after(cycle, ME, TOKEN).balance == 70
    assert Purse(100).after(cycle, OTHER, TOKEN).balance == 130


@pytest.mark.parametrize(
    "event",
    [
        Deposited(OTHER, TOKEN, 5),
        Deposited(ME, GOLD, 5),
        Withdrawn(ME, GOLD, 5, ME),
        Settled(b"l" * 32, OTHER, b"t" * 32, TOKEN, 0),
        Settled(b"l" * 32, ME, b"t" * 32, GOLD, 0),
        Released(b"t" * 32, Cause.ACCEPTED, 5, 5, closed=True),
        NetSettled(bytes(32), GOLD, bytes(32), pack((Row(ME, 1, 30, PAYS, 0),)), ()),
        NetSettled(bytes(32), TOKEN, bytes(32), pack((Row(OTHER, 1, 30, PAYS, 0),)), ()),
    ],
    ids=lambda event: type(event).__name__,
)
def test_what_does_not_concern_the_account_leaves_it_the_same(event):
    """The very same, so that nothing is written down of it."""
    purse = Purse(100)
    assert purse.after(event, ME, TOKEN) is purse
