"""The paper's Table 1 on chain: test 1 passes, tests 2 to 4 are refused and leave their trace."""

import pytest

from fabmarket.market.exchange import Slot
from fabmarket.market.trade import listing_id
from fabmarket.market.units import name_to_bytes32
from fabmarket.scenario import TABLE_1

M1, M2, M3 = map(name_to_bytes32, ("m1", "m2", "m3"))

EXPECTED = {
    1: ("accepted", None),
    2: ("NotAttested", "NotAttested: resource m3, reported 30, attested 0"),
    3: ("OverReported", "OverReported: resource m1, reported 20, attested 10"),
    4: ("NotAttested", "NotAttested: resource m3, reported 20, attested 0"),
}


@pytest.mark.parametrize("number", EXPECTED)
def test_outcome_and_error_are_the_papers(paper, number):
    result = paper[0].tests[number - 1]
    assert result.test.number == number
    assert (result.outcome, result.explanation()) == EXPECTED[number]
    assert result.test.expected == result.outcome
    assert result.passed


def test_the_error_carries_resource_slot_reported_and_attested(paper):
    values = [result.error and result.error.values for result in paper[0].tests]
    assert values == [None, (M3, 0, 30, 0), (M1, 0, 20, 10, 0), (M3, 0, 20, 0)]


def test_a_refusal_is_mined_as_a_failed_transaction_without_logs(paper):
    for result in paper[0].tests:
        assert result.receipt.status == (result.test.number == 1)
        assert bool(result.receipt.logs) == (result.test.number == 1)
        assert result.receipt.gas_used > 21_000
    assert len({result.receipt.transaction for result in paper[0].tests}) == 4


def test_a_refusal_lists_nothing_not_even_what_was_in_order(paper):
    outcome = paper[0]
    exchange = outcome.market.exchange
    end = outcome.market.origin + outcome.market.slot_length
    for result in outcome.tests:
        for name, attested in TABLE_1[0].attested:
            resource = name_to_bytes32(name)
            slot = exchange.slot_of(result.supplier, resource, 0)
            listing = exchange.listing_of(listing_id(result.supplier, resource, 0, end))
            listed = dict(result.test.reported)[name] if result.test.number == 1 else 0
            assert (slot.attested, slot.committed) == (attested, listed)
            assert listing.available == listed
        assert exchange.slot_of(result.supplier, M3, 0) == Slot()
    assert [result.listed for result in outcome.tests] == [30, 0, 0, 0]
