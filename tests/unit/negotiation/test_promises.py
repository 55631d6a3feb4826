"""Units are promised once: while they are talked about, awarded, or signed for."""

from dataclasses import replace

import pytest

from fabmarket.identity import Key
from fabmarket.market.exchange import Settle, SettleBatch, SignedTrade, Unlist
from fabmarket.market.messages import Offer, Opening, Refusal, Selection
from fabmarket.market.trade import Trade
from fabmarket.market.units import name_to_bytes32
from fabmarket.negotiation.moves import Ticked
from fabmarket.negotiation.supplier.step import BATCH
from fabmarket.negotiation.wants import SOLD_OUT
from tests.unit.negotiation.wire import RHYTHM, deaf

MILL = name_to_bytes32("mill")


def shelf(wire, seller):
    return wire.states[seller].shelves[wire.listing(seller, 0)]


def test_what_a_session_may_award_is_not_offered_for_the_next_beat(wire):
    """The session of a beat still goes on when demands for the next one come."""
    seller = wire.supplier("s", 50)
    wire.demander("lazy", wire.want("task", (MILL, 30, 100)))
    wire.until("choose")
    wire.open()
    wire.queue.clear()  # the opening is lost: the session waits
    late = wire.demander("late", wire.want("task", (MILL, 40, 100)))
    wire.publish(late)
    wire.pump()
    assert (shelf(wire, seller).promised, shelf(wire, seller).room) == (50, 0)
    assert {offer.opens for offer in wire.heard(Offer)} == {wire.beat - RHYTHM.period}
    wire.choose()
    wire.pump()
    assert all(selection.demander != late for selection in wire.heard(Selection))
    assert shelf(wire, seller).promised == 0


def test_only_what_a_bargain_leaves_is_offered_for_the_next_beat(wire):
    seller = wire.supplier("s", 10, concept="bargaining", maintenance=40)
    wire.demander("first", wire.want("task", (MILL, 6, 100)))
    wire.until("choose")
    wire.open()
    wire.queue.clear()
    late = [
        wire.demander(f"late{units}", wire.want("task", (MILL, units, 100))) for units in (3, 4)
    ]
    whole = wire.demander("whole", wire.want("task", (MILL, 5, 100), divisible=False))
    wire.publish(*late, whole)
    wire.pump()
    offers = [offer for offer in wire.heard(Offer) if offer.opens == wire.beat]
    assert [(offer.quantity, offer.terms.capacity) for offer in offers] == [(3, 4), (4, 4)]
    assert shelf(wire, seller).room == 4


@pytest.mark.parametrize("concept", ["balanced", "bargaining"])
def test_what_is_taken_off_the_market_between_offer_and_beat_is_refused(wire, concept):
    seller = wire.supplier("s", 10, concept=concept)
    buyer = wire.demander("d", wire.want("task", (MILL, 6, 100)), rounds=1)
    wire.until("choose")
    wire.does(seller, Unlist(MILL, 0, 5))
    wire.open()
    wire.pump()
    assert [each.reason for each in wire.heard(Refusal)] == [SOLD_OUT]
    assert wire.heard(Opening) == []
    assert wire.attempts(buyer) == [SOLD_OUT]


def test_what_was_awarded_and_is_not_signed_in_time_is_free_again(wire):
    seller = wire.supplier("s", 50)
    wire.demander("d", wire.want("task", (MILL, 30, 100)))
    wire.until("choose")
    wire.open()
    while wire.queue:
        to, received = wire.queue.popleft()
        if not isinstance(received.message, Trade):
            wire.give(to, received)
    assert (wire.submits, shelf(wire, seller).promised) == ([], 30)
    wire.tick(RHYTHM.ends(wire.beat) - 1, seller)
    assert shelf(wire, seller).room == 20
    wire.end(seller)
    assert (shelf(wire, seller).promised, shelf(wire, seller).room) == (0, 50)
    assert not len(wire.states[seller].awards)


def test_what_is_countersigned_is_promised_until_it_settles_or_no_longer_can(wire):
    seller = wire.supplier("s", 50)
    wire.demander("d", wire.want("one", (MILL, 30, 100)), wire.want("two", (MILL, 5, 100)))
    wire.until("open")
    first, lost = wire.submits
    wire.submits = [first]
    wire.settle()
    left = lost[1].signed.trade
    wire.end(seller)
    assert shelf(wire, seller).promised == left.quantity
    assert shelf(wire, seller).available == 50 - wire.settled[0].quantity
    wire.tick(left.valid_until - 1, seller)
    assert shelf(wire, seller).promised == left.quantity
    wire.tick(left.valid_until, seller)
    assert shelf(wire, seller).promised == 0


def test_all_of_a_listing_is_sold_over_overlapping_beats_and_nothing_twice(wire):
    """Each beat somebody does not answer at once, and somebody else comes for the rest."""
    seller = wire.supplier("s", 100)
    for number in range(6):
        wire.demander(f"d{number}", wire.want("task", (MILL, 30, 100)), rounds=3)
    for number in range(6):
        slow = wire.demander(f"slow{number}", wire.want("task", (MILL, 25, 90)), rounds=1)
        wire.until("choose")
        wire.steps[slow] = deaf
        wire.open()
        wire.pump()
        wire.time_up()
        wire.pump()
        if number % 2:
            wire.settle()  # else the trades are settled after the next beat's demands
    wire.settle()
    assert sum(sale.quantity for sale in wire.settled) == 100
    assert wire.refused == []
    assert (shelf(wire, seller).available, shelf(wire, seller).promised) == (0, 0)


# A supplier that settles several trades at a time


def test_a_batch_supplier_settles_at_the_tick_what_it_agreed_on(wire):
    seller = wire.supplier("s", batch=True)
    for name in "abc":
        wire.demander(name, wire.want("task", (MILL, 5, 60)))
    wire.until("open")
    assert wire.submits == []
    assert len(wire.states[seller].agreed) == 3
    wire.tick(wire.now + 1, seller)
    ((who, move),) = wire.submits
    assert who == seller
    assert isinstance(move, SettleBatch)
    assert {signed.supplier for signed in move.trades} == {b""}
    assert wire.states[seller].agreed == ()
    wire.settle()
    assert (len(wire.settled), wire.refused) == (3, [])
    wire.tick(wire.now + 1, seller)
    assert wire.submits == []


def test_more_than_a_transaction_holds_goes_into_several(wire):
    seller = wire.supplier("s", batch=True)
    buyer = Key.derive("buyer").address
    trade = Trade(wire.listing(seller, 0), buyer, wire.token, 1, 1, 10**6, 0)
    agreed = tuple(
        SignedTrade(replace(trade, nonce=nonce), b"s", b"") for nonce in range(2 * BATCH + 1)
    )
    wire.states[seller] = replace(wire.states[seller], agreed=agreed)
    wire.give(seller, Ticked(wire.now))
    batches = [move.trades for _, move in wire.submits]
    assert [len(batch) for batch in batches] == [BATCH, BATCH, 1]
    assert sum(batches, ()) == agreed


def test_without_a_batch_each_trade_is_submitted_when_it_comes(wire):
    wire.supplier("s")
    for name in "ab":
        wire.demander(name, wire.want("task", (MILL, 5, 60)))
    wire.until("open")
    assert [type(move) for _, move in wire.submits] == [Settle, Settle]
