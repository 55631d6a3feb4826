"""Which machine works on what when: rows of machines, time from left to right.

Names stand in a column of their own beside the picture, so that it can be scrolled under them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from fabmarket.api.pages.charts.axes import Axis, times
from fabmarket.api.pages.charts.svg import cut, element, picture, text_width
from fabmarket.report.wording import escaped, short

_BAR, _PAD, _HEAD = 20, 5, 24
_ROW, _NAMES = 34, 116
_LEAST, _MOST = 1010, 6000
"""Pixels of a bar, around the bars of a row, of the times above; of a row at least, of the column
of names; of the whole."""
_COLUMN = 30
"""Pixels that the shortest job has, if the whole does not grow too wide."""
_BETWEEN = 92
"""Pixels between two times."""


@dataclass(frozen=True)
class Job:
    """A bar: of a lane from begin to end (seconds), with what it says and where it leads.

    `kind` is the place of what it belongs to, which gives colour and pattern; `state` is "" or
    "late", "waits" or "lost", which are marked beside the colour; or "open": nothing is
    booked, and the bar is the time in which it may be, an outline without colour.
    """

    lane: int
    begins: int
    ends: int
    kind: int
    label: str
    hint: str
    href: str = ""
    state: str = ""


@dataclass(frozen=True)
class Lane:
    """A machine: its name, and whose it is."""

    name: str
    owner: str


@dataclass(frozen=True)
class Gantt:
    """The names of the lanes as a picture, and beside it that of their jobs."""

    title: str
    names: Markup
    svg: Markup


def gantt(
    title: str, told: str, lanes: Sequence[Lane], jobs: Sequence[Job], now: int
) -> Gantt | None:
    """Return the chart; None without a job. The present, if it lies within, is drawn as a line."""
    if not jobs:
        return None
    first, last = min(job.begins for job in jobs), max(job.ends for job in jobs)
    last = max(last, first + 1)
    shortest = max(1, min(job.ends - job.begins for job in jobs))
    width = min(_MOST, max(_LEAST, _COLUMN * (last - first) / shortest))
    scale = (width - 2) / (last - first)
    rows = [_stacked([job for job in jobs if job.lane == place]) for place in range(len(lanes))]
    heights = [max(_ROW, 2 * _PAD + (_BAR + 2) * len(row)) for row in rows]
    bottom = _HEAD + sum(heights)
    drawn = [_patterns(), *_times(first, last, scale, bottom, now)]
    top = _HEAD
    for row, height in zip(rows, heights, strict=True):
        drawn.append(element("path", d=f"M0 {top}H{width:.0f}", class_="grid"))
        for level, line in enumerate(row):
            y = top + _PAD + level * (_BAR + 2)
            drawn += [_bar(job, 1 + (job.begins - first) * scale, y, scale) for job in line]
        top += height
    if first <= now <= last:
        x = 1 + (now - first) * scale
        drawn.append(element("path", d=f"M{x:.1f} {_HEAD - 6}V{bottom}", class_="now"))
    svg = picture(title, told, width, bottom + 2, *drawn, role="group")
    return Gantt(title, _names(lanes, heights, bottom + 2), svg)


def _names(lanes: Sequence[Lane], heights: Sequence[int], height: int) -> Markup:
    drawn, top = [], _HEAD
    for lane, room in zip(lanes, heights, strict=True):
        name, owner = cut(escaped(lane.name), _NAMES - 12), short(lane.owner)
        drawn.append(element("path", d=f"M0 {top}H{_NAMES}", class_="grid"))
        drawn.append(element("text", name, x=8, y=top + 14, class_="name"))
        drawn.append(element("text", owner, x=8, y=top + 27, class_="tick"))
        top += room
    said = ", ".join(f"{lane.name} of {short(lane.owner)}" for lane in lanes)
    return picture("Machines, from the top", said, _NAMES, height, *drawn)


def _stacked(jobs: Sequence[Job]) -> list[list[Job]]:
    """Lines of jobs of which none overlap: a machine may do several at once."""
    lines: list[list[Job]] = []
    for job in sorted(jobs, key=lambda each: (each.begins, each.ends, each.kind)):
        line = next((each for each in lines if each[-1].ends <= job.begins), None)
        if line is None:
            lines.append(line := [])
        line.append(job)
    return lines


def _bar(job: Job, x: float, y: float, scale: float) -> Markup:
    width = max(3.0, (job.ends - job.begins) * scale - 1.5)
    place = {"x": x, "y": y, "width": width, "height": _BAR, "rx": 3.0}
    is_open, pattern = job.state == "open", job.kind // 8 % 3
    drawn = [element("title", job.hint)]
    if is_open:
        drawn.append(element("rect", **place, class_="open", fill="url(#pattern-open)"))
    else:
        drawn.append(element("rect", **place, class_=f"f{job.kind % 8}"))
    if pattern and not is_open:
        drawn.append(element("rect", **place, fill=f"url(#pattern-{pattern})"))
    if job.state and not is_open:
        drawn.append(element("rect", **place, class_=f"state {job.state}"))
    mark = {"late": "! ", "lost": "✕ ", "waits": "… ", "open": "not booked: "}.get(job.state, "")
    text = cut(mark + escaped(job.label), width - 8)
    if text_width(text) <= width - 4:
        drawn.append(
            element(
                "text", text, x=x + 5, y=y + 14, class_=None if is_open else f"on{job.kind % 8}"
            )
        )
    group = element("g", *drawn)
    return element("a", group, href=job.href) if job.href else group


def _times(first: int, last: int, scale: float, bottom: int, now: int) -> list[Markup]:
    drawn, axis = [], Axis("", now)
    for time in times(first, last, _BETWEEN / scale):
        x = 1 + (time - first) * scale
        drawn.append(element("path", d=f"M{x:.1f} {_HEAD - 4}V{bottom}", class_="grid"))
        drawn.append(
            element(
                "text",
                axis.text(time),
                x=x + 3,
                y=_HEAD - 9,
                class_="tick",
                **axis.time(time),
            )
        )
    return drawn


def _patterns() -> Markup:
    def pattern(name: str, shape: Markup) -> Markup:
        return element(
            "pattern", shape, id=name, width=6, height=6, patternUnits="userSpaceOnUse",
            patternTransform="rotate(45)",
        )  # fmt: skip

    stripe = element("rect", width=2, height=6, class_="weave")
    hatch = element("path", d="M0 0V6", class_="hatch")
    dot = element("circle", cx=2, cy=2, r=1.3, class_="weave")
    return element(
        "defs",
        pattern("pattern-1", stripe),
        pattern("pattern-2", dot),
        pattern("pattern-open", hatch),
    )
