"""Products that are booked: what that binds, for how long, and what of it is sold."""

from dataclasses import replace

import pytest

from fabmarket.identity import ZERO_BYTES32, Key
from fabmarket.market.products import (
    Confirm,
    Release,
)
from fabmarket.market.trade import Trade, bundle_of
from tests.unit.negotiation.enemy import FIRST, SIGNING, Enemy, pass_to
from tests.unit.negotiation.wire import MILL, ORIGIN, RHYTHM


def signed(enemy, hold, nonce, **changes):
    """The trade of a booked bid, as the mill expects it."""
    line = hold.lines[0]
    trade = Trade(
        listing=line.listing,
        demander=enemy.address,
        token=enemy.wire.token,
        quantity=line.quantity,
        unit_price=line.unit_price,
        valid_until=enemy.wire.now + 900,
        nonce=nonce,
        supplier_nonce=hold.nonce,
        listing_epoch=0,
        transcript=hold.bid.terms.id,
    )
    trade = replace(trade, **changes)
    return replace(trade, bundle=bundle_of([trade]))


def test_of_two_bids_of_one_product_one_is_sold(enemy):
    """Room is kept for one of them. Signed both, they would take what others have booked."""
    wire = enemy.wire
    first = enemy.booked(enemy.bid(10), FIRST)
    second = enemy.booked(enemy.bid(10), FIRST + RHYTHM.period, replaces=first.bid.terms.id)
    assert len(wire.states[enemy.mill].seller.booked) == 2
    shelf = wire.states[enemy.mill].shelves[wire.listing(enemy.mill, 0, MILL)]
    assert (shelf.available, shelf.promised) == (20, 10)
    pass_to(wire, SIGNING, 1)
    assert enemy.say(signed(enemy, first, 0)) is None
    assert enemy.say(signed(enemy, second, 1)) == "trade that was not agreed"
    shelf = wire.states[enemy.mill].shelves[wire.listing(enemy.mill, 0, MILL)]
    assert shelf.promised == 10


def test_nothing_is_signed_before_the_round_of_signing(enemy):
    """Signed between grant and confirmation, one room would be promised twice, and sold twice."""
    wire = enemy.wire
    first = enemy.booked(enemy.bid(10), FIRST)
    pass_to(wire, FIRST + RHYTHM.period, 1)
    assert enemy.say(signed(enemy, first, 0)) is None
    assert wire.postponed[-1][1] == "trade of a booking that may still change"
    pass_to(wire, SIGNING, 1)
    assert enemy.say(signed(enemy, first, 0)) is None
    assert not wire.states[enemy.mill].seller.booked[first.bid.terms.id].unsigned


def test_a_bid_takes_the_place_of_all_that_its_product_has_booked_and_it_does_not_name(enemy):
    """One deposit would lock slot after slot until the cycle ends."""
    wire = enemy.wire
    for at in range(5):
        enemy.booked(enemy.bid(20), FIRST + at * RHYTHM.period, slot=at)
    shelves = wire.states[enemy.mill].shelves.values()
    assert sorted(each.promised for each in shelves) == [0, 0, 0, 0, 20]


@pytest.mark.parametrize("named", [True, False])
def test_a_premium_is_not_lost_by_bidding_again(enemy, named):
    """It was booked at 100: the rival has gone elsewhere, and 10 is listed."""
    wire = enemy.wire
    rival = Enemy(wire, "rival")
    assert rival.need() is None
    bids = [(enemy, enemy.bid(20, rate=500)), (rival, rival.bid(20, rate=90))]
    for each, bid in bids:
        assert each.seal(bid) is None
    pass_to(wire, FIRST, 2)
    for each, bid in bids:
        assert each.say(bid) is None
    pass_to(wire, FIRST, 3)
    first = bids[0][1].terms.id
    assert enemy.say(Confirm(enemy.address, first, (enemy.answers()[0].signed,))) is None
    (line,) = wire.states[enemy.mill].seller.booked[first].lines
    assert line.unit_price == 100
    pass_to(wire, FIRST + 10 * RHYTHM.period, 1)
    if not named:
        assert enemy.say(Release(enemy.address, first)) is None
    again = enemy.bid(20, rate=0, replaces=first if named else ZERO_BYTES32)
    enemy.seal(again)
    pass_to(wire, FIRST + 10 * RHYTHM.period, 2)
    assert enemy.say(again) == "bid at another price than listed"


@pytest.mark.parametrize(
    "change",
    [
        {"unit_price": 9},
        {"quantity": 21},
        {"listing_epoch": 1},
        {"token": Key.derive("other token").address},
        {"valid_until": ORIGIN + 1},
    ],
)
def test_a_trade_on_other_terms_is_not_countersigned(enemy, change):
    hold = enemy.booked(enemy.bid(10), FIRST)
    pass_to(enemy.wire, SIGNING, 1)
    assert enemy.say(signed(enemy, hold, 0, **change)) == "trade on other terms than agreed"


def test_who_books_and_never_signs_keeps_the_room_until_the_cycle_is_over(enemy):
    wire, mill = enemy.wire, enemy.mill
    enemy.booked(enemy.bid(10), FIRST)
    pass_to(wire, FIRST + 18 * RHYTHM.period, 0)
    state = wire.states[mill]
    assert all(shelf.promised == 0 for shelf in state.shelves.values())
    assert state.unsigned[enemy.address].count == 1
