"""The limits that Python keeps are those of the contract's source."""

import re
from pathlib import Path

import pytest

from fabmarket.chain.engine import TRANSACTION_GAS
from fabmarket.market.exchange.step import MAX_PAUSE
from fabmarket.market.trade import NONCES, TIME_LIMIT
from fabmarket.market.units import LARGEST_AMOUNT, LARGEST_QUANTITY, NO_LIMIT

SOURCES = Path(__file__).parents[3] / "contracts" / "src"


def declared(file: str, pattern: str) -> str:
    text = (SOURCES / file).read_text("utf-8")
    found = re.findall(pattern, text)
    assert found, f"{file} has nothing like {pattern}"
    assert len(set(found)) == 1
    return found[0]


def test_slots_end_within_as_many_bits():
    assert 1 << int(declared("base/State.sol", r"TIME_BITS = (\d+);")) == TIME_LIMIT


def test_an_epoch_has_as_many_nonces():
    assert int(declared("libraries/Words.sol", r"return bit > (\d+) ")) == NONCES - 1
    assert int(declared("interfaces/IAccounts.sol", r"uint(\d+) used;")) == NONCES


def test_amounts_and_prices_have_as_many_bits():
    for file, pattern in (
        ("Accounts.sol", r"> type\(uint(\d+)\)\.max - total\) revert AmountTooLarge"),
        ("interfaces/IAccounts.sol", r"uint(\d+) balance;"),
        ("interfaces/IResourceTrading.sol", r"uint(\d+) unitPrice;"),
    ):
        assert 2 ** int(declared(file, pattern)) - 1 == LARGEST_AMOUNT


@pytest.mark.parametrize("name", ["quantity", "attested", "committed", "available", "slot"])
def test_quantities_and_slots_have_as_many_bits(name):
    bits = int(declared("interfaces/IResourceVerification.sol", rf"    uint(\d+) {name};"))
    assert 2**bits - 1 == NO_LIMIT == LARGEST_QUANTITY + 1


def test_a_pause_lasts_as_long():
    assert int(declared("Operators.sol", r"MAX_PAUSE = (\d+) days;")) * 86_400 == MAX_PAUSE


def test_a_transaction_uses_at_most_what_eip_7825_allows():
    assert TRANSACTION_GAS == 2**24
