"""Each thing that happens to a trade in escrow has its line, which says all that it promises."""

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
from fabmarket.node.lines import LINES, line_of

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
