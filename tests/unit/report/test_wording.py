import doctest
import re
from pathlib import Path

import numpy as np
import pytest

import fabmarket
from fabmarket.report import wording
from fabmarket.report.wording import (
    duration,
    gain,
    money,
    natural,
    number,
    percent,
    places,
    plural,
    power,
    residual,
    seconds,
    short,
    tiny,
)

WHOLE = {"symbol": "FMC", "decimals": 0}
CENTS = {"symbol": "EUR", "decimals": 2}
WEI = {"symbol": "ETH", "decimals": 18}


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (0, WHOLE, "0 FMC"),
        (31_625, WHOLE, "31,625 FMC"),
        (0, CENTS, "0.00 EUR"),
        (5, CENTS, "0.05 EUR"),
        (-1_234_567, CENTS, "−12,345.67 EUR"),
        (1_500_000_000_000_000_000, WEI, "1.50 ETH"),
        (1, WEI, "0.000000000000000001 ETH"),
        (10**48 + 1, WEI, f"{10**30:,}.000000000000000001 ETH"),
        (115.0, WHOLE, "115 FMC"),
        (185 / 3, WHOLE, "61.6667 FMC"),
        (34 / 3 * 1000, CENTS, "113.333 EUR"),
        (123_456_789.125, CENTS, "1,234,567.89 EUR"),
        (1.5e18, WEI, "1.50 ETH"),
        (-0.5, WHOLE, "−0.5 FMC"),
    ],
)
def test_money(amount, currency, text):
    assert money(amount, currency) == text


def test_a_gain_carries_its_sign_and_a_column_can_drop_the_symbol():
    assert money(500, CENTS, signed=True) == "+5.00 EUR"
    assert money(0, CENTS, signed=True) == "0.00 EUR"
    assert money(-500, CENTS, signed=True, symbol=False) == "−5.00"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0"),
        (-0.0, "0"),
        (1_234_567, "1,234,567"),
        (-1_234_567, "−1,234,567"),
        (1_234_567.8, "1,234,568"),
        (112.5, "112.5"),
        (275.0, "275"),
        (1 / 3, "0.333333"),
        (999_999.95, "1,000,000"),
        (0.000123456789, "0.000123457"),
        (0.00001234567, "1.23457e-5"),
        (10**30, f"{10**30:,}"),
        (1.5e20, "1.5e20"),
        (5e-324, "5e-324"),
        (np.float64(0.1), "0.1"),
    ],
)
def test_number(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1.21e-12, "1.3e-12"),
        (2e-9, "2e-9"),
        (0.0301, "0.031"),
        (0.999, "1"),
        (658.8541, "658.855"),
        (-1.21e-12, "−1.3e-12"),
    ],
)
def test_what_should_be_nothing_is_a_bound_and_rounded_up(value, text):
    assert tiny(value) == text


def test_a_gain_is_said_in_currency_units():
    assert gain(1.21e-10, CENTS) == "1.3e-12 EUR"
    assert gain(3.5, CENTS) == "0.035 EUR"
    assert gain(65_885.41, CENTS) == "658.855 EUR"


def test_residual():
    assert residual(0.0) == "exactly"
    assert residual(2e-13) == "to a relative error of 2e-13"


def test_numbers_of_sentences():
    assert places(1234567.891) == "1,234,567.89"
    assert places(100) == "100"
    assert places(-0.001) == "0"
    assert places(-2.5) == "−2.5"
    assert places(84.375, 0) == "84"
    assert percent(-28.88) == "−28.9 %"
    assert percent(-0.01) == "0.0 %"
    assert power(1e-9) == "1e-9"
    assert power(1.0) == "1"
    assert power(1e10) == "1e10"
    assert seconds(0.002134) == "0.00213 s"
    assert seconds(1234.5) == "1,234 s"


def test_examples_in_the_docstrings_run():
    failed, tried = doctest.testmod(wording)
    assert tried >= 4
    assert not failed


def test_numbers_are_formatted_in_one_place():
    """`solve` wrote six digits, the page four places, the paper two, and each its own minus."""
    room = Path(fabmarket.__file__).parent
    own = re.compile(r"\{[^{}]*:[+,]*,?(\.\d+[efg%]|,\d*[efgd]?)\}|'%\.\d+[efg]' \|")
    found = [
        f"{path.relative_to(room)}: {line.strip()}"
        for path in sorted([p for one in ("cli", "report", "paper") for p in room.glob(f"{one}/*")])
        if path.suffix in (".py", ".html") and path.name != "wording.py"
        for line in path.read_text("utf-8").splitlines()
        if own.search(line)
    ]
    assert found == []


def test_addresses_are_shortened_and_short_words_are_not():
    assert short("0x1234567890abcdef1234567890abcdef1234abcd") == "0x1234…abcd"
    assert short("machine") == "machine"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (86_400, "1 day"),
        (7_200, "2 hours"),
        (5_400, "90 minutes"),
        (90, "90 seconds"),
        (1, "1 second"),
        (0.5, "0.5 seconds"),
    ],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_plural():
    assert plural(1, "trade") == "1 trade"
    assert plural(0, "trade") == "0 trades"
    assert plural(2_000, "party") == "2,000 parties"
    assert plural(2, "day") == "2 days"


def test_machine_2_comes_before_machine_10():
    names = ["machine-10", "lathe", "machine-2", "10", "machine"]
    assert sorted(names, key=natural) == ["lathe", "machine", "machine-2", "machine-10", "10"]
