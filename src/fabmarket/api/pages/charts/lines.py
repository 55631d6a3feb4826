"""Lines over a common axis, and single points with a name."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from fabmarket.api.pages.charts.axes import NARROW, WIDE, Axis, Frame, legend
from fabmarket.api.pages.charts.svg import Chart, element, picture, text_width

_HEIGHT = 260
_DASHES = (None, "7 4", "2 3", "9 3 2 3")
_FEW = 24
"""Lines of so many points have a dot for each."""


@dataclass(frozen=True)
class Series:
    """A named line through points, from left to right."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Mark:
    """A point that has a name, as the equilibrium among the curves."""

    name: str
    x: float
    y: float


def lines(
    title: str,
    told: str,
    series: Sequence[Series],
    x: Axis,
    y: Axis,
    marks: Sequence[Mark] = (),
    desk: int = WIDE,
    *,
    by_height: bool = False,
) -> Chart | None:
    """Return the chart of the series, told apart by colour and dashes; None without a point.

    `desk` is its width where there is room, pixels. The table has a row for each place on the x
    axis, or with `by_height` for each on the y axis, where the series have those in common.
    """
    points = [point for each in series for point in each.points]
    points += [(mark.x, mark.y) for mark in marks]
    if not points:
        return None
    wide, narrow = (_drawn(title, told, series, marks, x, y, w) for w in (desk, NARROW))
    at, of = (y, x) if by_height else (x, y)
    turned = [[point[::-1] if by_height else point for point in each.points] for each in series]
    values = [dict(points) for points in turned]
    rows = tuple(
        (at.cell(place), *(of.text(each[place]) if place in each else "–" for each in values))
        for place in sorted({place for each in values for place in each})
    )
    columns = (at.label, *(f"{each.name}, {of.label}" for each in series))
    return Chart(title, told, wide, narrow, columns, rows)


def _drawn(
    title: str,
    told: str,
    series: Sequence[Series],
    marks: Sequence[Mark],
    x: Axis,
    y: Axis,
    width: int,
) -> Markup:
    xs = [point[0] for each in series for point in each.points] + [mark.x for mark in marks]
    ys = [point[1] for each in series for point in each.points] + [mark.y for mark in marks]
    frame = Frame(width, _HEIGHT, xs, ys, x, y)
    drawn = [*frame.heights(), *frame.widths()]
    has_dots = all(len(each.points) <= _FEW for each in series)
    for place, each in enumerate(series):
        drawn += _line(frame, place, each, x, y, has_dots=has_dots)
    for place, mark in enumerate(marks):
        at = frame.across(mark.x), frame.up(mark.y)
        left = at[0] + text_width(mark.name) + 10 > frame.right
        drawn.append(element("circle", cx=at[0], cy=at[1], r=4.5, class_="mark"))
        drawn.append(
            element(
                "text",
                mark.name,
                x=at[0] + (-9 if left else 9),
                y=at[1] + 20 if place % 2 else max(at[1] - 9, frame.top),
                text_anchor="end" if left else "start",
                class_="name",
            )
        )
    entries = [(each.name, _swatch(place)) for place, each in enumerate(series)]
    shown, room = legend(entries if len(series) > 1 else [], width)
    whole = element("g", *shown, transform=f"translate(0 {_HEIGHT})") if shown else Markup()
    return picture(title, told, width, _HEIGHT + room, *drawn, whole)


def _line(
    frame: Frame, place: int, series: Series, x: Axis, y: Axis, *, has_dots: bool
) -> list[Markup]:
    at = [(frame.across(value), frame.up(height)) for value, height in series.points]
    path = "M" + "L".join(f"{left:.1f} {top:.1f}" for left, top in at)
    drawn = [element("path", d=path, class_=f"line l{place % 8}", stroke_dasharray=_dash(place))]
    if has_dots:
        for (left, top), (value, height) in zip(at, series.points, strict=True):
            hint = element("title", f"{x.hint(value)}: {y.text(height)}")
            drawn.append(element("circle", hint, cx=left, cy=top, r=3, class_=f"f{place % 8}"))
    return drawn


def _swatch(place: int) -> Markup:
    return element("path", d="M0 -4h18", class_=f"line l{place % 8}", stroke_dasharray=_dash(place))


def _dash(place: int) -> str | None:
    return _DASHES[place % len(_DASHES)]
