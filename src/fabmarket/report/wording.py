"""How amounts, quantities, names and concepts are put into words, the same everywhere.

The one home of formatted numbers: the report, the terminal of every command, the paper's page and
all pictures write them by these functions. JSON and CSV hold numbers, never these texts.
"""

import re
from decimal import ROUND_HALF_EVEN, ROUND_UP, Context, Decimal
from typing import Any

CONCEPTS = {
    "clock": (
        "The price rises until what is wanted fits; each unit costs what the others made it cost, "
        "so that nobody earns more by itself with another answer than the true one."
    ),
    "simultaneous": (
        "All choose at once, each demander its quantity and the supplier its capacity, and nobody "
        "would earn more with another quantity of its own, the other quantities fixed."
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

IN_THE_GAME = (
    "in the game by choosing another quantity alone, the other quantities fixed or answering as "
    "the concept says"
)
"""What a certificate bounds the gain of; the end of a sentence."""

NOT_IN_THE_NEGOTIATION = (
    "Not covered is the negotiation, where an answer can lie with profit: on the paper's data the "
    "third demander earns 14,045 instead of 12,250 if it answers as if its margin were 238 instead "
    "of 185."
)

LIES = (
    "A lie is another answer of one seat, the others' as given; what it gains is counted with what "
    "a unit is worth to the seat."
)
"""What a certificate of a session says of lies."""

READ_MORE = "docs/explanation/truthfulness.md"

COVERED = (
    f"what a party could gain at most {IN_THE_GAME}. {NOT_IN_THE_NEGOTIATION} More: {READ_MORE}"
)
"""The three together, for the line below a table."""

ALONE = (
    "Alone: what price and lateness would have come to with nobody else there, at the last prices; "
    "rest: those of what was still to be bought after a loss."
)
"""What is said of the column that tells what rivals cost a product."""

NOT_ALL_SOLD = (
    "Supply is what the game's supplier would offer at the price, where it books price × supply; "
    "only what is agreed is sold."
)

_EXACT = Context(prec=1000)  # no double or amount has more digits than that
_DIGITS = 6
_PLAIN = range(-4, 15)  # powers of ten that are written out; beyond them stands an exponent


_HIDDEN = re.compile(
    # Control characters but line breaks and tabs, marks that turn the direction of writing, line
    # separators, and halves of characters.
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def number(value: int | float | None) -> str:
    """A quantity or count: thousands grouped; a float with six significant digits, no zeros behind.

    The whole part is never cut: 1,234,567.8 is 1,234,568. A dash for None.

    >>> number(1234567), number(1 / 3), number(-0.5), number(2.5e-9), number(None)
    ('1,234,567', '0.333333', '−0.5', '2.5e-9', '–')
    """
    if value is None:
        return "–"
    return _minus(f"{value:,}") if isinstance(value, int) else _rounded(value, _DIGITS)


def places(value: float, most: int = 2) -> str:
    """A number to at most so many places, for sentences that compare numbers of one kind.

    >>> places(1234.5, 0), places(-0.004), places(84.375, 3)
    ('1,234', '0', '84.375')
    """
    text = _without_zeros(f"{value:,.{most}f}", 0)
    return "0" if text == "-0" else _minus(text)


def money(
    amount: int | float | None,
    currency: dict[str, Any],
    *,
    signed: bool = False,
    symbol: bool = True,
) -> str:
    """An amount of base units (10**-decimals of the currency) as people write it.

    Whole amounts are exact at any size. A float (an equilibrium price) has six significant digits
    and never less than two places of a currency that has them. Zeros beyond the second place are
    dropped. `signed` puts a plus before a gain. A dash for None.

    >>> money(-1234567, {"symbol": "EUR", "decimals": 2})
    '−12,345.67 EUR'
    """
    if amount is None:
        return "–"
    finest: int = currency["decimals"]
    exact = Decimal(str(amount)).scaleb(-finest, _EXACT)
    if isinstance(amount, float):
        shown = min(max(_DIGITS - 1 - exact.adjusted(), min(finest, 2)), finest + _DIGITS)
        exact = exact.quantize(Decimal(1).scaleb(-shown), ROUND_HALF_EVEN, _EXACT)
    text = _minus(_without_zeros(f"{exact:,f}", min(finest, 2)))
    if signed and exact > 0:
        text = "+" + text
    return f"{text} {currency['symbol']}" if symbol else text


def tiny(value: float) -> str:
    """An error or a gain that should be 0, as a bound: rounded up, below 1 to two digits.

    >>> tiny(0.0), tiny(1.23e-12), tiny(0.0312), tiny(658.8541)
    ('0', '1.3e-12', '0.032', '658.855')
    """
    return _rounded(value, 2 if abs(value) < 1 else _DIGITS, ROUND_UP)


def gain(amount: float, currency: dict[str, Any]) -> str:
    """The bound on a gain in base units, in currency units: as `tiny`."""
    return f"{tiny(amount / 10 ** currency['decimals'])} {currency['symbol']}"


def percent(share: float) -> str:
    """A change in per cent, signed, one place: +14.7 %."""
    return f"{_minus(f'{share:+.1f}')} %" if round(share, 1) else "0.0 %"


def share(part: float) -> str:
    """A part of a whole in per cent, to the nearest whole number: 43 % for 0.4337."""
    return f"{100 * part:.0f} %"


def power(value: float) -> str:
    """A power of ten: 1e-9 for 0.000000001."""
    return _exponent(f"{value:.0e}")


def seconds(value: float) -> str:
    """A time that was measured: three digits."""
    return f"{_rounded(value, 3)} s"


def residual(value: float) -> str:
    """How well equilibrium conditions hold, as the end of that sentence."""
    return "exactly" if value == 0 else f"to a relative error of {tiny(value)}"


def _rounded(value: float, digits: int, rounding: str = ROUND_HALF_EVEN) -> str:
    """So many significant digits, but the whole part in full unless it is beyond all counting."""
    exact = Decimal(str(float(value)))
    if not exact:
        return "0"
    step = exact.adjusted() - digits + 1
    rounded = exact.quantize(
        Decimal(1).scaleb(step if exact.adjusted() not in _PLAIN else min(step, 0)),
        rounding,
        _EXACT,
    )
    if rounded.adjusted() in _PLAIN:
        return _minus(_without_zeros(f"{rounded:,f}", 0))
    mantissa, _, exponent = f"{rounded:.{digits - 1}e}".partition("e")
    return _minus(_exponent(f"{_without_zeros(mantissa, 0)}e{exponent}"))


def _without_zeros(text: str, keep: int) -> str:
    """Zeros at the end of a fraction dropped, but for `keep` places."""
    whole, _, fraction = text.partition(".")
    fraction = fraction[:keep] + fraction[keep:].rstrip("0")
    return f"{whole}.{fraction}" if fraction else whole


def _exponent(text: str) -> str:
    return re.sub(r"e[+]?(-?)0*(\d)", r"e\1\2", text).removesuffix("e0")


def _minus(text: str) -> str:
    """The sign people write, which is no hyphen."""
    return text.replace("-", "−", 1) if text.startswith("-") else text


def escaped(text: str) -> str:
    r"""Text of others as a terminal or page may show it: what it could hide or do is spelt out.

    >>> escaped("\x1b[2J")
    '\\x1b[2J'
    """
    return _HIDDEN.sub(lambda found: found[0].encode("unicode-escape").decode(), text)


def one_line(text: str) -> str:
    r"""Text of others where each line means something: `escaped`, and no break ends the line.

    >>> one_line("a note\n12:00:00  sold 5")
    'a note\\n12:00:00  sold 5'
    """
    return escaped(text).replace("\n", "\\n").replace("\t", "\\t")


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


def span(seconds: int) -> str:
    """A time that is to come, in its two largest units.

    >>> span(59), span(3_600), span(90_061)
    ('59 s', '1 h 0 min', '1 d 1 h')
    """
    minutes, hours, days = seconds // 60, seconds // 3_600, seconds // 86_400
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{seconds} s"


def to_come(time: int, now: int) -> str:
    """When something is, seen from `now`, both in seconds of chain time.

    >>> to_come(1_090, 1_000), to_come(1_000, 1_000)
    ('in 1 min', 'passed')
    """
    return f"in {span(time - now)}" if time > now else "passed"


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
