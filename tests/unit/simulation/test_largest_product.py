"""The largest product that a scenario may ask for settles in one transaction."""

from dataclasses import replace

from fabmarket.chain import TRANSACTION_GAS, Settings, open_engine
from fabmarket.market.delivery import Delivery
from fabmarket.market.products import MOST_LINES
from fabmarket.scenario import parse_fjsp, slotted
from fabmarket.simulation import run_market

TERMS = Delivery(86400, 43200, 216000, 0, 10000, 5000, 1000, 10000, 5000)


def gas_of(operations: int) -> int:
    """What the bundle of one product of so many operations takes, into escrow."""
    text = f"1 1\n{operations}" + " 1 1 2" * operations + "\n"
    shop = replace(slotted(parse_fjsp(text, "x"), 1, "x"), slot_length=3600, delivery=TERMS)
    with open_engine("embedded", Settings()) as chain:
        outcome = run_market(shop, chain, 1, lambda *_: None)
        (gas,) = [
            receipt.gas_used
            for transaction, receipt in outcome.sent
            if transaction.action == "settleEscrowBundle" and receipt.status == 1
        ]
    return gas


def test_the_largest_product_settles_in_one_transaction_with_a_sixth_to_spare():
    small, large = gas_of(3), gas_of(13)
    each = -(-(large - small) // 10)  # of an operation more, rounded up
    assert small + each * (MOST_LINES - 3) <= TRANSACTION_GAS * 5 // 6
