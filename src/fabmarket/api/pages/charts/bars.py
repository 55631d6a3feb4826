"""Bars, one for each day or name."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from fabmarket.api.pages.charts.axes import NARROW, WIDE, Axis, Frame
from fabmarket.api.pages.charts.svg import Chart, element, picture, text_width

_HEIGHT = 220
_NARROW_GAP = 1.5


@dataclass(frozen=True)
class Bar:
    """What a bar stands for, a name or a time of the axis, how high it is, and its further cells in
    the table."""

    of: str | int
    value: float
    cells: tuple[str, ...] = ()


def bars(
    title: str, told: str, of: Sequence[Bar], x: Axis, y: Axis, further: tuple[str, ...] = ()
) -> Chart | None:
    """Return the chart of the bars, from left to right; None without any.

    `further` names the cells that bars have beside their value.
    """
    if not of:
        return None
    wide, narrow = (_drawn(title, told, of, x, y, width) for width in (WIDE, NARROW))
    rows = tuple(
        (bar.of if isinstance(bar.of, str) else x.cell(bar.of), y.text(bar.value), *bar.cells)
        for bar in of
    )
    return Chart(title, told, wide, narrow, (x.label, y.label, *further), rows)


def _drawn(title: str, told: str, of: Sequence[Bar], x: Axis, y: Axis, width: int) -> Markup:
    heights = [bar.value for bar in of]
    frame = Frame(width, _HEIGHT, [0, 1], heights, Axis(x.label), y)
    drawn = frame.heights()
    room = (frame.right - frame.left) / len(of)
    thick = max(1.0, min(room - _NARROW_GAP, 44.0))
    free = 0.0
    for place, bar in enumerate(of):
        middle = frame.left + (place + 0.5) * room
        top, base = sorted((frame.up(bar.value), frame.up(0)))
        if isinstance(bar.of, str):
            name, pointed, time = bar.of, bar.of, dict[str, str]()
        else:
            name, pointed, time = x.text(bar.of), x.hint(bar.of), x.time(bar.of)
        hint = element("title", ": ".join((pointed, ", ".join((y.text(bar.value), *bar.cells)))))
        drawn.append(
            element(
                "rect",
                hint,
                x=middle - thick / 2,
                y=top,
                width=thick,
                height=max(base - top, 1.0 if bar.value else 0.0),
                rx=min(2.0, thick / 3),
                class_="f0",
            )
        )
        half = text_width(name) / 2
        if middle - half > free and middle + half <= width:
            drawn.append(
                element(
                    "text", name, x=middle, y=frame.bottom + 16, text_anchor="middle",
                    class_="tick", **time,
                )
            )  # fmt: skip
            free = middle + half + 8
    return picture(title, told, width, _HEIGHT, *drawn, frame.below())
