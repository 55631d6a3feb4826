"""Cycle after cycle the products' rounds leave nothing behind, and each state comes back whole."""

import pytest

from fabmarket.identity.codec import decode, encode
from fabmarket.market.rounds import Rounds
from fabmarket.negotiation.products import reasons
from tests.unit.negotiation.wire import LATHE, MILL, RHYTHM, Wire

SLOTS = range(30, 36)
CYCLES = 6


@pytest.fixture
def shop(wire):
    wire.supplier("mill", 10, slots=SLOTS, maintenance=10)
    wire.supplier("lathe", 10, resource=LATHE, slots=SLOTS, maintenance=20)
    return wire


def turned(name, **other):
    return Wire.product(name, [(MILL, 5)], [(LATHE, 5)], value=1_000, slots=(30, 36), **other)


def through(shop, cycle):
    """A cycle of the rounds, and what every state is as text after it."""
    length = Rounds(RHYTHM).length
    begun = RHYTHM.origin + cycle * length
    for now in range(begun, begun + length, RHYTHM.quarter):
        shop.tick(now)
        shop.pump()
        shop.settle()
    return {address: encode(state) for address, state in shop.states.items()}


def test_bundles_that_do_not_settle_leave_nothing_behind(shop):
    """Signed, countersigned and never mined, five times; a bit of a number is no growth."""
    shop.settle = shop.submits.clear
    buyer = shop.buyer("b", turned("part"), cycles=CYCLES)
    sizes = [
        {address: len(text) for address, text in through(shop, cycle).items()}
        for cycle in range(CYCLES)
    ]
    assert shop.purchases(buyer)["part"].state == "signed"
    assert shop.purchases(buyer)["part"].reason == reasons.BUNDLE_NOT_SETTLED
    for address in shop.states:
        found = [each[address] for each in sizes[1:]]
        assert max(found) - min(found) < 100


def test_every_state_of_a_cycle_comes_back_from_its_text(shop):
    """Whatever is under way when a participant stops is there when it starts again."""
    texts, give = [], shop.give

    def stopped(address, given):
        give(address, given)
        state = shop.states[address]
        texts.append(encode(state))
        shop.states[address] = decode(type(state), texts[-1])
        assert shop.states[address] == state

    shop.give = stopped
    first = shop.buyer("first", turned("one"), turned("two"))
    second = shop.buyer("second", turned("three", lateness=9, due=32))
    through(shop, 0)
    assert {each.state for each in shop.purchases(first, second).values()} == {"bought"}
    assert max(map(len, texts)) < 100_000


def test_of_a_cycle_that_is_over_a_supplier_keeps_nothing(shop):
    buyers = [shop.buyer(f"b{number}", turned(f"part {number}")) for number in range(4)]
    through(shop, 0)
    shop.tick(shop.now + RHYTHM.quarter)
    assert [each.state for each in shop.purchases(*buyers).values()] == 4 * ["bought"]
    sellers = [state.seller for state in shop.states.values() if hasattr(state, "seller")]
    for seller in sellers:
        kept = (seller.needs, seller.plans, seller.told, seller.bids, seller.holds, seller.booked)
        assert not any(map(len, kept))
        assert not len(seller.sealed)
