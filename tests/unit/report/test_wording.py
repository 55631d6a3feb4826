import pytest

from fabmarket.report.wording import duration, gain, money, natural, number, plural, residual, short

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
        (-1_234_567, CENTS, "-12,345.67 EUR"),
        (1_500_000_000_000_000_000, WEI, "1.50 ETH"),
        (1, WEI, "0.000000000000000001 ETH"),
        (10**48 + 1, WEI, f"{10**30:,}.000000000000000001 ETH"),
        (115.0, WHOLE, "115 FMC"),
        (185 / 3, WHOLE, "61.6667 FMC"),
        (34 / 3 * 1000, CENTS, "113.333333 EUR"),
        (-0.5, WHOLE, "-0.5 FMC"),
    ],
)
def test_money(amount, currency, text):
    assert money(amount, currency) == text


def test_a_gain_carries_its_sign_and_a_column_can_drop_the_symbol():
    assert money(500, CENTS, signed=True) == "+5.00 EUR"
    assert money(0, CENTS, signed=True) == "0.00 EUR"
    assert money(-500, CENTS, signed=True, symbol=False) == "-5.00"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1_234_567, "1,234,567"), (112.5, "112.5"), (275.0, "275"), (1 / 3, "0.3333")],
)
def test_number(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (-1e-9, "anything"),
        (0.0, "anything"),
        (1e-12, "0.000001 EUR"),
        (3.5, "0.035 EUR"),
        (100.00001, "1.000001 EUR"),
    ],
)
def test_the_bound_on_a_gain_is_rounded_up(amount, text):
    assert gain(amount, CENTS) == text


def test_residual():
    assert residual(0.0) == "exactly"
    assert residual(2e-13) == "to a relative error of 2.0e-13"


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
