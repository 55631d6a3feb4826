"""Values in words: whoever reads what is wrong with a log reads hashes as they stand elsewhere."""

from dataclasses import fields, replace

import pytest

from fabmarket.market.events import EVENTS, Delivered, Deployed, OperatorsSet, TokenSet
from fabmarket.market.exchange import EscrowState, Exchange, Held, Inconsistent, record
from fabmarket.market.telling import told
from fabmarket.market.trade import market_domain

HASH = bytes(range(32))


def test_bytes_are_told_in_digits_however_deep_they_lie():
    assert told(HASH) == f"0x{HASH.hex()}"
    assert told((1, (HASH, "a"))) == f"(1, (0x{HASH.hex()}, a))"
    assert told(Delivered(HASH, 3, 7)) == f"Delivered(trade=0x{HASH.hex()}, quantity=3, since=7)"
    assert "state=funded" in told(replace(Held(), state=EscrowState.FUNDED))
    assert told(True) == "True"


def made_up(kind):
    """An event of this kind that says nothing sensible."""
    return kind(*(HASH for _ in fields(kind)))


@pytest.mark.parametrize("kind", sorted({*EVENTS} - {Deployed, OperatorsSet, TokenSet}, key=str))
def test_regression_no_event_that_is_refused_is_printed_as_python_writes_bytes(kind):
    state = Exchange.undeployed(market_domain(1, "0x" + "1" * 40))
    with pytest.raises(Inconsistent) as refused:
        record(state, made_up(kind))
    assert f"0x{HASH.hex()}" in str(refused.value)
    assert "b'" not in str(refused.value)
