"""Each thing that happens to a trade in escrow has its line, which says all that it promises."""

from dataclasses import replace
from string import Formatter

import pytest

from fabmarket.market.events import (
    Cause,
    Delivered,
    Disputed,
    Escrowed,
    GraceOpened,
    Released,
    RulingPosted,
    Uncovered,
)
from fabmarket.market.trade import Escrow, Trade
from fabmarket.negotiation.products import reasons
from fabmarket.negotiation.products.plan import Product
from fabmarket.negotiation.products.purchase import Purchase, operation_id
from fabmarket.node.lines import LINES, line_of, line_of_product

IT = b"t" * 32
SOLD = Trade(b"l" * 32, "0x1", "0x2", 3, 7, 9, 0, escrow=Escrow(deliver_by=50))
SAID = {
    Escrowed(IT, SOLD, 1, 5): "21 held until delivery, to be stated before 50",
    Delivered(IT, 2, 5): "delivery of 2 stated",
    Disputed(IT, b"\xee", 5): "delivery disputed, evidence 0xee",
    Uncovered(IT, 5): "payment refunded, less is attested than sold",
    GraceOpened(IT, 1, 60, 7): "a deadline passed, whoever was to act still may until 60",
    RulingPosted(IT, 2, 3_000, 0, 0, 70, 7): "ruling 2 from 70, 3000 to supplier",
    Released(
        IT, Cause.LATE, 4, 17, True
    ): "late, with bond and deposits 4 to supplier, 17 to demander",
}


@pytest.mark.parametrize("event", SAID, ids=lambda event: type(event).__name__)
def test_a_line_of_an_escrow_says_what_happened(event):
    line, facts = line_of(event)
    facts["trade"] = f"0x{event.trade.hex()}"
    assert {field for _, field, _, _ in Formatter().parse(LINES[line]) if field} == set(facts)
    assert LINES[line].format(**facts) == f"{SAID[event]}: trade 0x{IT.hex()}"


AXLE = Purchase(Product(b"a" * 32, (), 0, 0, 0, 9, 0, 1), cycles=3)
NAMES = {b"a" * 32: "axle", operation_id(b"a" * 32, 1): "axle / turning"}


@pytest.mark.parametrize(
    ("purchase", "said"),
    [
        (
            replace(AXLE, state="bought", paid=60, bundle=IT),
            f"axle: bought for 60, bundle 0x{IT.hex()}",
        ),
        (
            replace(AXLE, reason=reasons.NO_ROOM_LEFT),
            f"axle: not bought: {reasons.NO_ROOM_LEFT}; 3 more cycles to come",
        ),
        (
            replace(AXLE, reason=reasons.TAKEN_BACK, lost=frozenset({1})),
            "axle: planned anew, as axle / turning will not be delivered; 3 more cycles to come",
        ),
    ],
    ids=["bought", "not bought", "planned anew"],
)
def test_a_line_of_a_product_says_what_it_has_come_to(purchase, said):
    line, facts = line_of_product(purchase, NAMES)
    assert LINES[line].format(**facts) == said
