"""Two axes with round ticks, and where a value stands between them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from fabmarket.api.pages.charts.svg import element, text_width
from fabmarket.api.pages.clock import brief_utc, form_of, timed, utc
from fabmarket.report.wording import number

WIDE, NARROW = 540, 340
"""Pixels of a chart on a desk and on a phone."""
_TOP, _BOTTOM, _RIGHT = 26, 40, 14
_LINE = 16
_STEPS = (
    *(1, 2, 5, 10, 30),
    *(60 * each for each in (1, 2, 5, 10, 15, 30)),
    *(3_600 * each for each in (1, 2, 3, 6, 12)),
    *(86_400 * each for each in (1, 2, 3, 4, 7, 14, 28, 91, 364)),
)
"""Seconds between two times that people count in."""


_LEAST, _ALIKE = 1e-300, 1e-9
"""What is below is zero to an axis; ends that differ by such a part of themselves are one."""


def plainly(value: float) -> str:
    """Return a number as an axis has it: in full below a billion."""
    if abs(value) >= 1e9:
        return f"{value:.3g}".replace("e+", "e")
    return number(int(value)) if value == int(value) else number(float(value))


@dataclass(frozen=True)
class Axis:
    """What an axis measures, with its unit, and how a value on it is written.

    With a present, `now`, it measures times: seconds, with ticks that people count in. An axis that
    is not `from_zero` begins near the least value.
    """

    label: str
    now: int | None = None
    from_zero: bool = True

    def text(self, value: float) -> str:
        """Return a value as it stands at a tick."""
        return plainly(value) if self.now is None else brief_utc(int(value), self.now)

    def cell(self, value: float) -> Markup | str:
        """Return a value as it stands in a table."""
        return plainly(value) if self.now is None else timed(int(value), self.now)

    def hint(self, value: float) -> str:
        """Return a value for whoever points at it."""
        return plainly(value) if self.now is None else utc(int(value))

    def time(self, value: float) -> dict[str, str]:
        """Return the attributes by which a script puts a time into the reader's zone."""
        if self.now is None:
            return {}
        return {"data_time": f"{round(value)}", "data_form": form_of(round(value), self.now)}


def ticks(low: float, high: float, most: int) -> list[float]:
    """Return at most `most` + 1 round numbers, 1, 2 or 5 times a power of ten apart, that embrace.

    >>> ticks(0, 87.5, 5)
    [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]
    """
    largest = max(abs(low), abs(high))
    if largest < _LEAST:
        low = high = largest = 0.0
    span = high - low
    if span <= largest * _ALIKE:  # no number that is written could tell one end from the other
        low, span = high, largest or 1.0
    rough = span / max(1, most)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(
        power * each for each in (1, 2, 5, 10, 20) if _count(low, high, power * each) <= most
    )
    first = math.floor(low / step + 1e-9)
    last = max(first + 1, math.ceil(high / step - 1e-9))
    return [float(f"{place * step:.12g}") for place in range(first, last + 1)]


def times(low: float, high: float, least: float) -> list[int]:
    """Return the round times from low to high, seconds, at least so many apart.

    >>> times(50, 200, 40)
    [60, 120, 180]
    """
    step = next((each for each in _STEPS if each >= least), math.ceil(least))
    return list(range(math.ceil(low / step) * step, math.floor(high) + 1, step))


def _count(low: float, high: float, step: float) -> int:
    return math.ceil(high / step - 1e-9) - math.floor(low / step + 1e-9)


class Frame:
    """The rectangle that a chart draws in, with its axes."""

    def __init__(
        self, width: int, height: int, xs: Sequence[float], ys: Sequence[float], x: Axis, y: Axis
    ) -> None:
        self.width, self.height, self._x, self._y = width, height, x, y
        most = max(2, width // 110)
        self.x_ticks: Sequence[float] = ticks(min(xs), max(xs), most)
        self.first, self.last = self.x_ticks[0], self.x_ticks[-1]
        if x.now is not None:
            self.first, self.last = min(xs), max(*xs, min(xs) + 1)
            self.x_ticks = times(self.first, self.last, (self.last - self.first) / most)
        base = [0.0] if y.from_zero else []
        self.y_ticks = ticks(min([*ys, *base]), max([*ys, *base]), max(2, height // 48))
        self.left = 12 + max(text_width(y.text(each)) for each in self.y_ticks)
        self.right = width - _RIGHT
        self.top, self.bottom = _TOP, height - _BOTTOM

    def across(self, value: float) -> float:
        """Return the pixel of a value of the x axis."""
        part = (value - self.first) / (self.last - self.first)
        return self.left + (self.right - self.left) * part

    def up(self, value: float) -> float:
        """Return the pixel of a value of the y axis."""
        first, last = self.y_ticks[0], self.y_ticks[-1]
        return self.bottom - (self.bottom - self.top) * ((value - first) / (last - first))

    def heights(self) -> list[Markup]:
        """Return the grid and the numbers of the y axis, and what it measures."""
        drawn = [element("text", self._y.label, x=0, y=12, class_="axis")]
        for each in self.y_ticks:
            y = self.up(each)
            line = "base" if each == 0 else "grid"
            drawn.append(element("path", d=f"M{self.left:.1f} {y:.1f}H{self.right}", class_=line))
            drawn.append(self._text(self._y.text(each), self.left - 6, y + 4, "end"))
        return drawn

    def widths(self) -> list[Markup]:
        """Return the numbers of the x axis, as many as have room, and what it measures."""
        y, free = self.bottom + 16, -math.inf
        drawn = []
        for each in self.x_ticks:
            x, text = self.across(each), self._x.text(each)
            half = text_width(text) / 2
            x = min(max(x, half), self.width - half)
            if x - half > free:
                drawn.append(self._text(text, x, y, "middle", self._x.time(each)))
                free = x + half + 8
        return [*drawn, self.below()]

    def below(self) -> Markup:
        """Return what the x axis measures."""
        return element(
            "text", self._x.label, x=self.right, y=self.height - 6, text_anchor="end", class_="axis"
        )

    def _text(
        self, text: str, x: float, y: float, anchor: str, time: Mapping[str, str] | None = None
    ) -> Markup:
        return element("text", text, x=x, y=y, text_anchor=anchor, class_="tick", **(time or {}))


def legend(names: Sequence[tuple[str, Markup]], width: int) -> tuple[list[Markup], int]:
    """Return the entries, each a name and its swatch of 18 pixels, and the height they take."""
    drawn, x, y = [], 0.0, 12
    for name, swatch in names:
        room = 46 + text_width(name)
        if x and x + room > width:
            x, y = 0.0, y + _LINE
        entry = element("text", name, x=24, y=0, class_="tick")
        drawn.append(element("g", swatch, entry, transform=f"translate({x:.1f} {y})"))
        x += room
    return drawn, y + 6 if names else 0
