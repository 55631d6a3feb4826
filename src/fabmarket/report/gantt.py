"""Which machine works on which product when: one SVG, from the facts alone.

A row for each machine, a column for each slot in which anything is listed; slots without are a
narrow gap. A bar is as wide as its share of what the machine has in that slot, so that what stays
empty was not sold. Within a slot no order is agreed: bars stand there in the order of the products.
Ink and lines take the colour of the text around them, so that the picture suits any page.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any
from xml.sax.saxutils import escape

from fabmarket.report.canvas import COLOURS, label
from fabmarket.report.reading import Facts, People, outcome
from fabmarket.report.wording import duration, plural, share, span

_PLOT = 820
_COLUMN = (44, 84)
_NARROW = 6
_GAP = 8
_ROW = 34
_BAR = 24
_TOP = 66
_SHARE = 44
_LETTER = 6.1
"""Pixels: of all columns and gaps together, if that leaves a column between the least and the most;
the least where the chart is to fit a page, so that a bar of all that is listed is 4 wide; of a gap;
of a row, and a bar in it; above the rows, and right of them; of a letter of the usual size."""
_ENTRY = 210
_LINE = 20
"""Pixels of an entry of the legend, and between its lines."""
_LEAST_TICK = 64
"""Pixels between two times on the axis."""
_STYLE = (
    "<style>svg:root{color-scheme:light dark;color:CanvasText;background:Canvas;"
    'font-family:system-ui,"DejaVu Sans",sans-serif}</style>'
)
_OTHER = "#8a94a0"
_HATCH = "url(#hatch)"


@dataclass(frozen=True)
class _Bar:
    """Units of a slot for the product at place `at`, None for a sub-task of none."""

    at: int | None
    slot: int
    units: int
    text: str
    is_kept: bool


def gantt(facts: Facts, *, fits: bool = False) -> bytes:
    """Return the chart as an SVG file; one sentence if there are no products.

    Wide enough for the numbers in most bars or, if it `fits`, for as many slots as a page can show
    without them.
    """
    if not facts["products"]:
        return _nothing()
    return _Chart(facts, _NARROW if fits else _COLUMN[0]).file()


def colour(at: int) -> str:
    """Return the colour of the product at place `at`: a hue, then its darker and lighter tints.

    >>> colour(0), colour(7), colour(14)
    ('#0072b2', '#004a73', '#72b1d4')
    """
    tint, hue = divmod(at, len(COLOURS))
    parts = [int(COLOURS[hue][start : start + 2], 16) for start in (1, 3, 5)]
    if tint % 3 == 1:
        parts = [13 * part // 20 for part in parts]
    if tint % 3 == 2:
        parts = [(11 * part + 9 * 255) // 20 for part in parts]
    return "#" + "".join(f"{part:02x}" for part in parts)


def _ink(fill: str) -> str:
    """Black or white, whichever is read better on it (WCAG 2)."""
    parts = [int(fill[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return "#000" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 else "#fff"


class _Chart:
    def __init__(self, facts: Facts, least: int) -> None:
        self.facts, self.least = facts, least
        self.people = People(facts)
        self.rows: list[dict[str, Any]] = facts["utilisation"]
        self.bars: dict[tuple[str, str], list[_Bar]] = _bars(facts)
        names = [text for row in self.rows for text in self.names(row)]
        self.left = 16 + _LETTER * max(len(text) for text in names)
        self.place = self._columns()
        self.right = self.place[-1]
        self.bottom = _TOP + _ROW * len(self.rows)

    def names(self, row: dict[str, Any]) -> tuple[str, str]:
        return label(row["resource"]), label(self.people.name(row["supplier"]))

    def _columns(self) -> list[float]:
        """Where each slot begins, and where the last ends."""
        slots = max(len(row["listed"]) for row in self.rows)
        self.open = {
            slot for row in self.rows for slot, units in enumerate(row["listed"]) if units
        } | {bar.slot for bars in self.bars.values() for bar in bars}
        gaps = [
            _GAP if slot not in self.open and (not slot or slot - 1 in self.open) else 0
            for slot in range(slots)
        ]
        fitting = (_PLOT - sum(gaps)) / max(1, len(self.open))
        self.column = max(self.least, min(_COLUMN[1], fitting))
        widths = [self.column if slot in self.open else gap for slot, gap in enumerate(gaps)]
        return list(accumulate(widths, initial=self.left))

    def file(self) -> bytes:
        columns = max(1, int((self.right + _SHARE - 16) // _ENTRY))
        legend = list(self._legend(columns))
        lines = -(-len(legend) // columns)
        width = max(self.right + _SHARE, _ENTRY + 32, 16 + _LETTER * len(self._told()))
        height = self.bottom + 34 + _LINE * lines + 12
        title = _escaped(self._title())
        body = [
            f'<text x="16" y="22" font-size="15" font-weight="600">{title}</text>',
            f'<text x="16" y="40" fill-opacity=".75">{_escaped(self._told())}</text>',
            *self._axis(),
            *(part for number, row in enumerate(self.rows) for part in self._row(number, row)),
            *legend,
        ]
        return _svg(width, height, self._title(), body)

    def _title(self) -> str:
        products = self.facts["products"]
        complete = sum(each["complete"] for each in products)
        return f"{complete} of {plural(len(products), 'product')} complete"

    def _told(self) -> str:
        length = duration(self.facts["scenario"]["slot_length"])
        return f"Machines by slot of {length}; a full column is all that was listed of it"

    def _axis(self) -> Iterator[str]:
        """Numbers of the slots above, chain time since slot 0 below."""
        length, last = self.facts["scenario"]["slot_length"], -_LEAST_TICK * 1.0
        step, named = math.ceil((2 * _LETTER + 6) / self.column), 0.0
        yield f'<text x="{_px(self.left - 8)}" y="58" text-anchor="end">slot</text>'
        y = self.bottom + 16
        yield f'<text x="{_px(self.left - 8)}" y="{y}" text-anchor="end">begins after</text>'
        for slot, (x, end) in enumerate(pairwise(self.place)):
            if slot not in self.open:
                continue
            middle, half = (x + end) / 2, (_LETTER * len(str(slot)) + 6) / 2
            if slot % step == 0 and middle - half >= named:
                yield f'<text x="{_px(middle)}" y="58" text-anchor="middle">{slot}</text>'
                named = middle + half
            if x - last >= _LEAST_TICK:
                time = span(slot * length) if slot else "0"
                yield f'<path d="M{_px(x)} {self.bottom}v5" stroke="currentColor"/>'
                yield f'<text x="{_px(x)}" y="{y}">{time}</text>'
                last = x

    def _row(self, number: int, row: dict[str, Any]) -> Iterator[str]:
        y = _TOP + _ROW * number
        resource, owner = self.names(row)
        yield f'<text x="16" y="{y + 14}" font-weight="600">{_escaped(resource)}</text>'
        yield (
            f'<text x="16" y="{y + 27}" font-size="9.5" fill-opacity=".75">{_escaped(owner)}</text>'
        )
        bars = self.bars.get((row["resource"], row["supplier"]), [])
        for slot, (x, end) in enumerate(pairwise(self.place)):
            listed = row["listed"][slot] if slot < len(row["listed"]) else 0
            here = [bar for bar in bars if bar.slot == slot]
            if not listed and not here:
                continue
            kept = sum(bar.units for bar in here if bar.is_kept)
            shade = round(0.05 + 0.13 * min(1, kept / max(1, listed)), 2)
            yield _rect(x + 1, y + 3, end - x - 2, _ROW - 6, f'fill-opacity="{shade}"')
            yield from self._cell(here, max(listed, sum(bar.units for bar in here)), x, y)
        yield f'<text x="{_px(self.right + 8)}" y="{y + 21}">{share(row["share"])}</text>'

    def _cell(self, bars: list[_Bar], units: int, x: float, y: int) -> Iterator[str]:
        """The bars of a machine in a slot, from `x` on; `units` are as wide as the column."""
        room = self.column - 2
        x += 1
        for bar in bars:
            width = room * bar.units / units
            fill = _OTHER if bar.at is None else colour(bar.at)
            at, height = (x, y + (_ROW - _BAR) / 2, max(width - 1, 0.8)), _BAR
            yield f"<g><title>{_escaped(bar.text)}</title>"
            yield _rect(*at, height, f'fill="{fill}" rx="2"')
            if not bar.is_kept:
                yield _rect(*at, height, f'fill="{_HATCH}" stroke="currentColor" rx="2"')
            text = "" if bar.at is None else str(bar.at + 1)
            if text and bar.is_kept and width >= _LETTER * len(text) + 2:
                yield (
                    f'<text x="{_px(x + (width - 1) / 2)}" y="{y + 21}" text-anchor="middle"'
                    f' fill="{_ink(fill)}" font-weight="600">{text}</text>'
                )
            yield "</g>"
            x += width

    def _legend(self, columns: int) -> Iterator[str]:
        """Every product with its number, and what became of it."""
        entries = [
            (colour(at), str(at + 1), f"{label(one['name'], 16)}: {outcome(one)}", one["complete"])
            for at, one in enumerate(self.facts["products"])
        ]
        bars = [bar for each in self.bars.values() for bar in each]
        if any(bar.at is None for bar in bars):
            entries.append((_OTHER, "", "sub-tasks bought singly", True))
        if any(not bar.is_kept for bar in bars):
            entries.append((_HATCH, "", "striped: does not count any more", True))
        lines = -(-len(entries) // columns)
        for place, (fill, number, text, filled) in enumerate(entries):
            column, line = divmod(place, lines)
            x, y = 16 + _ENTRY * column, self.bottom + 34 + _LINE * line
            look = f'fill="{fill}"' if filled else f'fill="none" stroke="{fill}" stroke-width="2"'
            ink = _ink(fill) if filled and fill.startswith("#") else "currentColor"
            if fill == _HATCH:
                yield _rect(x, y, 22, 14, f'fill="{_OTHER}" rx="2"')
            yield (
                f"<g>{_rect(x, y, 22, 14, look)}"
                f'<text x="{x + 11}" y="{y + 11}" text-anchor="middle" fill="{ink}"'
                f' font-weight="600">{number}</text>'
                f'<text x="{x + 28}" y="{y + 11}">{_escaped(text)}</text></g>'
            )


def _bars(facts: Facts) -> dict[tuple[str, str], list[_Bar]]:
    """By resource and supplier, what was sold: products in their order, then single sub-tasks."""
    found: dict[tuple[str, str], list[_Bar]] = {}
    of_products = set()
    for at, product in enumerate(facts["products"]):
        for step in product["steps"]:
            of_products.add(step["trade"])
            text = f"{product['name']} / {step['operation']}: {step['quantity']} {step['unit']}s"
            kept = step["state"] == "sold"
            bar = _Bar(at, step["slot"], step["quantity"], text, kept)
            found.setdefault((step["resource"], step["supplier"]), []).append(bar)
    for trade in facts["trades"]:
        if trade["id"] not in of_products:
            text = f"{trade['subtask']}: {trade['quantity']} {trade['unit']}s"
            bar = _Bar(None, trade["slot"], trade["quantity"], text, is_kept=True)
            found.setdefault((trade["resource"], trade["supplier"]), []).append(bar)
    return found


def _nothing() -> bytes:
    sentence = "No product was asked for."
    return _svg(320, 40, sentence, [f'<text x="16" y="25">{sentence}</text>'])


def _svg(width: float, height: float, title: str, body: list[str]) -> bytes:
    hatch = (
        '<defs><pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse"'
        ' patternTransform="rotate(45)"><rect width="2.5" height="5" fill="#fff"/>'
        "</pattern></defs>"
    )
    size = f'width="{_px(width)}" height="{_px(height)}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {_px(width)} {_px(height)}">'
        f"<title>{_escaped(title)}</title>{_STYLE}{hatch}"
        f'<g fill="currentColor" font-size="11">{"".join(body)}</g></svg>\n'
    ).encode()


def _rect(x: float, y: float, width: float, height: float, look: str) -> str:
    at = f'x="{_px(x)}" y="{_px(y)}" width="{_px(width)}" height="{_px(height)}"'
    return f"<rect {at} {look}/>"


def _px(value: float) -> str:
    """A length in pixels, to a tenth."""
    return str(round(value, 1)).removesuffix(".0")


def _escaped(text: str) -> str:
    return escape("".join(letter if letter.isprintable() else " " for letter in text))
