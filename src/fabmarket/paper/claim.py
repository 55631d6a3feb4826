"""A claim of the paper beside what it comes to: a verdict from Python, the words from a template.

`claims/<id>.txt` is the one place where a claim is put into words, for terminal, JSON and page. It
is a Jinja template, rendered with the numbers that the claim's subject measured, and sets:

- `title`, `place`, `words`, `reason`, `how`: as in `Claim`;
- `got`: paragraphs, an empty line between two;
- `tables`, if any: an empty line between two, each a caption and rows of `| cell | cell |`, the
  first of them the heads;
- `figures`, if any: lines of `name: caption`.

The text is plain: v_dj for an index, ² for a power; the page sets them. A name that nothing
measured is an error.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from fabmarket.errors import Bug
from fabmarket.paper.printed import PARTIES
from fabmarket.report.wording import percent, places, power, seconds

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
        id: short name, unique; the anchor on the page and the name of the template.
        title: the claim in a few of our words.
        place: where the paper makes it.
        words: the paper's own, quoted.
        verdict: one of VERDICTS.
        reason: the verdict in one sentence.
        got: what comes out here, a paragraph each.
        how: how it was computed.
        tables: what is too much for a paragraph.
        figures: the figures that show it, name to caption.
    """

    id: str
    title: str
    place: str
    words: str
    verdict: str
    reason: str
    got: tuple[str, ...]
    how: str
    tables: tuple[Table, ...]
    figures: dict[str, str]

    def as_json(self) -> Facts:
        """The claim as a JSON value."""
        return asdict(self)


def holds_if(condition: object) -> str:
    """HOLDS or FAILS."""
    return HOLDS if condition else FAILS


def tell(name: str, verdict: str, facts: Facts) -> Claim:
    """The claim put into words by its template, from what its subject measured.

    Raises:
        KeyError: the template leaves out a part that every claim has.
        jinja2.UndefinedError: the template names something that was not measured.
    """
    told = vars(TEMPLATES.get_template(f"claims/{name}.txt").make_module(facts))
    return Claim(
        id=name,
        title=_line(told["title"]),
        place=_line(told["place"]),
        words=_line(told["words"]),
        verdict=verdict,
        reason=_line(told["reason"]),
        got=tuple(_line(paragraph) for paragraph in told["got"].strip().split("\n\n")),
        how=_line(told["how"]),
        tables=_tables(told.get("tables", "").strip()),
        figures=dict(line.split(": ", 1) for line in told.get("figures", "").strip().splitlines()),
    )


def _line(text: str) -> str:
    return " ".join(text.split())


def _tables(text: str) -> tuple[Table, ...]:
    tables = []
    for part in filter(None, text.split("\n\n")):
        caption, *rows = part.splitlines()
        columns, *cells = (tuple(row.strip()[2:-2].split(" | ")) for row in rows)
        if any(len(row) != len(columns) for row in cells):
            raise Bug(f"a row of the table {caption!r} has not {len(columns)} cells")
        tables.append(Table(caption, columns, tuple(cells)))
    return tuple(tables)


def change(value: float | None) -> str:
    """As `percent`; a dash for None, where there is no percentage."""
    return "–" if value is None else percent(value)


def listed(values: Sequence[float], most: int = 2) -> str:
    """Numbers in parentheses, as a vector is written."""
    return f"({', '.join(places(value, most) for value in values)})"


def _templates() -> Environment:
    """The templates of this room: claims are plain text, the page is HTML and escapes."""
    made = Environment(
        loader=PackageLoader("fabmarket.paper", "."),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "places": places,
        "power": power,
        "seconds": seconds,
        "change": change,
        "listed": listed,
    }
    made.globals |= {"parties": PARTIES}
    return made


TEMPLATES = _templates()
