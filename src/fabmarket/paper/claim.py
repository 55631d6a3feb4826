"""A claim of the paper beside what it comes to."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fabmarket.report.wording import places

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


def listed(values: Sequence[float], most: int = 2) -> str:
    """Numbers in parentheses, as a vector is written."""
    return f"({', '.join(places(value, most) for value in values)})"
