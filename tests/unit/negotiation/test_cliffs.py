"""An answer that wants all at one price and nothing at the next, which no margin would give."""

import pytest

from fabmarket.market.messages import Close, Member, PriceTerms, Reply
from fabmarket.market.units import MICRO, NO_LIMIT
from tests.property.sessions import DEMANDERS, TOKEN, opened

MARGINS = (55, 155, 185)
PAPER = {"supply_weight": 200_000, "maintenance": 10, "capacity": 600, "token": TOKEN}


def with_cliff(concept, last, units):
    """The paper's session, its third demander wanting so many units up to a last price."""
    terms = PriceTerms(concept=concept, demand_weight=800_000, **PAPER)
    members = tuple(
        Member(DEMANDERS[at], bytes([at]) * 32, bytes([at]) * 32, NO_LIMIT, True, at)
        for at in range(3)
    )
    room = opened(terms, members)
    while not isinstance(room.say(), Close):
        for at in (0, 1):
            room.take(at, room.answer_of(at, MARGINS[at]))
        quote = room.hosted.rounds[-1]
        wanted = units * MICRO if quote.quote.price <= last else 0
        room.take(2, Reply(DEMANDERS[2], room.hosted.id, 2, quote.digest, wanted, ()))
    return room.hosted


@pytest.mark.parametrize(
    ("concept", "honest"),
    [("demanders-lead", 12_250), ("balanced", 8_640), ("simultaneous", 11_956)],
)
def test_a_cliff_in_the_answers_earns_no_more_than_another_margin_would(concept, honest):
    """It bought all 600 units at the price below its cliff: 63,000 instead of 12,250."""
    gains = []
    for last in range(10, 185, 5):
        session = with_cliff(concept, last, 600)
        (*_, units), (*_, payment) = session.awards, session.payments
        gains.append(MARGINS[2] * units - payment)
    assert max(gains) < 1.36 * honest
    assert min(gains) >= 0


def test_at_a_cliff_a_seat_gets_what_one_base_unit_less_adds_to_a_demand():
    """Under demanders-lead that is 1/.4 units: it wanted nothing at 81."""
    session = with_cliff("demanders-lead", 80, 600)
    assert session.price == 80
    assert session.awards[2] == 2
