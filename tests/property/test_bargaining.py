"""Bargaining for two: who concedes how, and when there is a deal."""

from hypothesis import given, settings
from hypothesis import strategies as st

from fabmarket.identity import Key, keccak
from fabmarket.market.delivery import INSTANT
from fabmarket.market.messages import Member, Opening, PriceTerms
from fabmarket.negotiation.bargaining import (
    PROPOSALS,
    Bargain,
    Position,
    follow_counter,
    respond,
)
from fabmarket.negotiation.hosting import roster_of

SUPPLIER = Key.derive("session", "supplier").address
DEMANDER = Key.derive("session", "0").address


def digest_of(message):
    return keccak(repr(message).encode())


positions = st.builds(Position, st.integers(0, 400), st.integers(0, 400))


def struck(buyer, seller):
    member = Member(DEMANDER, bytes(32), bytes(32), 5, True, 0)
    terms = PriceTerms("bargaining", 0, 0, 0, 5, SUPPLIER)
    opening = Opening(
        SUPPLIER, bytes(32), 0, 1, terms, INSTANT, 1, roster_of((member,))[0].hash, 15, 60
    )
    bargain = Bargain(digest_of(opening), opening, member)
    while bargain.outcome is None:
        me = bargain.turn_of
        counter = respond(bargain, me, buyer if me == DEMANDER else seller)
        bargain = follow_counter(bargain, counter, digest_of(counter))
    return bargain


@settings(max_examples=300)
@given(st.integers(1, 400), st.integers(1, 400), st.integers(0, 400), st.integers(0, 400))
def test_a_bargain_ends_in_a_deal_exactly_if_the_reserves_leave_room(bid, worth, ask, cost):
    bid, ask = min(bid, worth), max(ask, cost)
    bargain = struck(Position(bid, worth), Position(ask, cost))
    assert len(bargain.counters) <= 2 * PROPOSALS + 2
    if worth >= cost:
        assert max(cost, 1) <= bargain.outcome <= worth
    else:
        assert bargain.outcome == 0
    for counter in bargain.counters:
        if counter.reason == "propose":
            mine = counter.sender == DEMANDER
            assert bid <= counter.unit_price <= worth if mine else cost <= counter.unit_price <= ask


@given(positions)
def test_a_position_moves_from_its_first_price_to_its_reserve_and_never_back(position):
    path = [position.proposal(turn) for turn in range(PROPOSALS + 3)]
    assert path[0] == position.first
    assert path[PROPOSALS - 1 :] == [position.reserve] * 4
    assert path in (sorted(path), sorted(path, reverse=True))
