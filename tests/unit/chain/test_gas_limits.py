"""What a move is sent with; that each needs less, the stories of the differential tests measure."""

from fabmarket.chain import TRANSACTION_GAS
from fabmarket.chain.calls import gas_limit
from fabmarket.identity import Key
from fabmarket.market.exchange import Settle, SettleBatch, SignedTrade
from fabmarket.market.trade import Trade
from fabmarket.negotiation.supplier.step import BATCH

ANNE, BERT = (Key.derive(name).address for name in ("anne", "bert"))
SIGNED = SignedTrade(Trade(bytes(32), ANNE, BERT, 1, 1, 2**40, 0), bytes(65), bytes(65))


def test_the_largest_batch_of_a_supplier_is_the_largest_that_a_transaction_has_gas_for():
    assert gas_limit(SettleBatch((SIGNED,) * BATCH)) <= TRANSACTION_GAS
    assert gas_limit(SettleBatch((SIGNED,) * (BATCH + 1))) > TRANSACTION_GAS


def test_a_batch_of_one_gets_no_more_than_a_trade_of_its_own():
    assert gas_limit(SettleBatch((SIGNED,))) <= gas_limit(Settle(SIGNED))
