"""A claim of the paper beside what it comes to."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

HOLDS = "holds"
FAILS = "fails"
NOT_IDENTIFIED = "not identified"
"""The paper does not say enough for the claim to be true or false."""

VERDICTS = (HOLDS, FAILS, NOT_IDENTIFIED)

Facts = dict[str, Any]
"""A JSON value: what one subject measured."""


@dataclass(frozen=True)
class Table:
    """A table ready to print: every cell is text, the first column names the row."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Claim:
    """One claim.

    Attributes:
        id: short name, unique; the anchor on the page.
        title: the claim in a few of our words.
        place: where the paper makes it.
        words: the paper's own, quoted.
        verdict: one of VERDICTS.
        reason: the verdict in one sentence.
        got: what comes out here, a paragraph each.
        how: how it was computed.
        tables: what is too much for a paragraph.
        figures: names of the figures that show it.
    """

    id: str
    title: str
    place: str
    words: str
    verdict: str
    reason: str
    got: tuple[str, ...]
    how: str
    tables: tuple[Table, ...] = ()
    figures: tuple[str, ...] = ()

    def as_json(self) -> Facts:
        """The claim as a JSON value."""
        return asdict(self)


def holds_if(condition: bool) -> str:
    """HOLDS or FAILS."""
    return HOLDS if condition else FAILS


def table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """A Table from any sequences."""
    return Table(caption, tuple(columns), tuple(tuple(row) for row in rows))


def amount(value: float, places: int = 2) -> str:
    """A number with grouped thousands and at most so many places, without trailing zeros."""
    text = f"{value:,.{places}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text.replace("-", "−")


def percent(value: float) -> str:
    """A change in per cent, signed, one place."""
    return f"{value:+.1f} %".replace("-", "−") if round(value, 1) else "0.0 %"


def power(value: float) -> str:
    """1e-9 for 0.000000001."""
    return f"{value:.0e}".replace("e-0", "e-").replace("e+00", "")


def listed(values: Sequence[float], places: int = 2) -> str:
    """Numbers in parentheses, as a vector is written."""
    return f"({', '.join(amount(value, places) for value in values)})"
