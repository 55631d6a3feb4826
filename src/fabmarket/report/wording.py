"""How amounts, quantities, names and concepts are put into words, the same everywhere."""

import re
from fractions import Fraction
from math import ceil
from typing import Any

CONCEPTS = {
    "simultaneous": (
        "All choose at once, each demander its quantity and the supplier its capacity, and nobody "
        "could do better by changing only their own choice."
    ),
    "demanders-lead": (
        "The demanders commit to their quantities first, knowing how the supplier will answer; "
        "the supplier then offers the capacity that suits it best."
    ),
    "supplier-anticipates": (
        "The supplier fixes its capacity first, anticipating what each demander will then order."
    ),
    "balanced": (
        "The supplier delivers exactly what is ordered and is paid for exactly that; only the "
        "demanders choose, and the price never falls below the supplier's own cost."
    ),
}

_HIDDEN = re.compile(
    # Control characters but line breaks and tabs, marks that turn the direction of writing, line
    # separators, and halves of characters.
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_FINER = 4  # extra decimal places for amounts that are not whole base units


def money(
    amount: int | float, currency: dict[str, Any], *, signed: bool = False, symbol: bool = True
) -> str:
    """An amount of base units (10**-decimals of the currency) as people write it.

    Whole amounts are exact at any size. A fractional one (an equilibrium price) is rounded four
    places below the base unit. Zeros beyond the second place are dropped. `signed` puts a plus
    before a gain.
    """
    places: int = currency["decimals"]
    if isinstance(amount, float):
        whole = round(Fraction(amount) * 10**_FINER)
        text = _grouped(whole, places + _FINER, min(places, 2))
    else:
        whole = amount
        text = _grouped(amount, places, min(places, 2))
    if signed and whole > 0:
        text = "+" + text
    return f"{text} {currency['symbol']}" if symbol else text


def number(value: int | float) -> str:
    """A quantity or count: thousands grouped, at most four places, no trailing zeros."""
    if isinstance(value, float):
        return _grouped(round(Fraction(value) * 10**_FINER), _FINER, 0)
    return _grouped(value, 0, 0)


def _grouped(scaled: int, places: int, keep: int) -> str:
    """`scaled` / 10**places with grouped thousands and at least `keep` decimal places."""
    whole, rest = divmod(abs(scaled), 10**places)
    fraction = f"{rest:0{places}d}"[:places] if places else ""
    shortest = fraction.rstrip("0")
    fraction = shortest if len(shortest) >= keep else fraction[:keep]
    sign = "-" if scaled < 0 else ""
    return f"{sign}{whole:,}.{fraction}" if fraction else f"{sign}{whole:,}"


def gain(amount: float, currency: dict[str, Any]) -> str:
    """An upper bound on a gain in base units: money rounded up, `anything` when there is none."""
    if amount <= 0:
        return "anything"
    places: int = currency["decimals"]
    bound = ceil(Fraction(amount) * 10**_FINER)
    return f"{_grouped(bound, places + _FINER, min(places, 2))} {currency['symbol']}"


def residual(value: float) -> str:
    """How well equilibrium conditions hold, as the end of that sentence."""
    return "exactly" if value == 0 else f"to a relative error of {value:.1e}"


def escaped(text: str) -> str:
    r"""Text of others as a terminal or page may show it: what it could hide or do is spelt out.

    >>> escaped("\x1b[2J")
    '\\x1b[2J'
    """
    return _HIDDEN.sub(lambda found: found[0].encode("unicode-escape").decode(), text)


def readable(value: Any) -> Any:
    """A JSON value with every text in it `escaped`, keys too."""
    match value:
        case str():
            return escaped(value)
        case dict():
            return {escaped(key): readable(one) for key, one in value.items()}
        case list():
            return [readable(one) for one in value]
    return value


def short(address: str) -> str:
    """A hexadecimal address or hash as 0x1234…abcd; anything short is left alone."""
    return f"{address[:6]}…{address[-4:]}" if len(address) > 13 else address


def duration(seconds: float) -> str:
    """A length of time in the largest unit that divides it: 86400 is `1 day`."""
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            return plural(int(seconds // size), name)
    return "1 second" if seconds == 1 else f"{number(seconds)} seconds"


def plural(count: int, noun: str) -> str:
    """`1 trade`, `2 trades`, `1,000 trades`; a word ending in y becomes -ies."""
    if count == 1:
        return f"1 {noun}"
    many = noun[:-1] + "ies" if re.search("[^aeiou]y$", noun) else noun + "s"
    return f"{count:,} {many}"


def natural(text: str) -> list[tuple[int, str]]:
    """A sort key under which machine-2 comes before machine-10."""
    return [
        (int(part), "") if part.isdecimal() else (-1, part)
        for part in re.split(r"(\d+)", text)
        if part
    ]
