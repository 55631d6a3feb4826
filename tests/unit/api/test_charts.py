"""Charts: round ticks, no room wasted or overrun, and every figure in the table."""

import doctest
import itertools
import re
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabmarket.api.pages import clock, shell
from fabmarket.api.pages.charts import Axis, Bar, Job, Lane, Mark, Series, bars, gantt, lines
from fabmarket.api.pages.charts import axes as axes_module
from fabmarket.api.pages.charts import svg as svg_module
from fabmarket.api.pages.charts.axes import ticks, times

AMOUNTS = st.floats(-1e60, 1e60, allow_nan=False)


@pytest.mark.parametrize("module", [axes_module, svg_module, clock, shell])
def test_the_examples_in_the_docstrings_hold(module: ModuleType) -> None:
    tried = doctest.testmod(module)
    assert tried.attempted
    assert not tried.failed


@given(AMOUNTS, AMOUNTS, st.integers(2, 12))
def test_ticks_are_few_rise_evenly_and_embrace(one: float, other: float, most: int) -> None:
    low, high = sorted((one, other))
    found = ticks(low, high, most)
    assert 2 <= len(found) <= most + 2
    slack = 1e-6 * max(abs(low), abs(high), abs(high - low))
    assert found[0] <= low + slack
    assert found[-1] >= high - slack
    steps = [after - before for before, after in itertools.pairwise(found)]
    assert min(steps) > 0
    assert max(steps) == pytest.approx(min(steps), rel=1e-6, abs=1e-9 * max(map(abs, found)))


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 5e-324), (-5e-324, 0.0), (0.0, 0.0), (1e16, 1e16 + 2), (-7.0, -7.0)]
)
def test_regression_an_axis_of_no_range_that_is_written_has_ticks(low: float, high: float) -> None:
    series = [Series("one", [(low, low), (high, high)])]
    assert len(set(ticks(low, high, 5))) >= 2
    assert lines("T", "t", series, Axis("x"), Axis("y", from_zero=False)) is not None
    assert bars("T", "t", [Bar("one", low), Bar("two", high)], Axis("x"), Axis("y")) is not None


@given(st.integers(0, 2**40), st.integers(1, 2**32), st.integers(1, 10))
def test_times_lie_within_and_apart(low: int, length: int, parts: int) -> None:
    least = length / parts
    found = times(low, low + length, least)
    assert len(found) <= parts + 1
    assert all(low <= each <= low + length for each in found)
    assert all(b - a >= least for a, b in itertools.pairwise(found))


def numbers(svg: str, name: str) -> list[float]:
    return [float(each) for each in re.findall(rf' {name}="(-?[\d.]+)"', svg)]


@given(st.lists(st.tuples(AMOUNTS, AMOUNTS), min_size=1, max_size=40, unique_by=lambda p: p[0]))
def test_lines_stay_within_their_picture(points: list[tuple[float, float]]) -> None:
    series = [Series("one", sorted(points))]
    mark = Mark("here", *points[0])
    chart = lines("Title", "Told.", series, Axis("x"), Axis("y"), [mark])
    assert chart is not None
    assert len(chart.rows) == len({Axis("x").text(x) for x, _ in points}) or len(chart.rows) > 1
    for svg, width in ((chart.wide, 540), (chart.narrow, 340)):
        assert all(0 <= each <= width for each in numbers(str(svg), "cx"))
        assert all(0 <= each <= 260 for each in numbers(str(svg), "cy"))


def test_a_table_by_height_has_a_row_for_each_price() -> None:
    falling = Series("demand", [(9.0, 1.0), (5.0, 2.0)])
    rising = Series("supply", [(1.0, 1.0), (2.0, 2.0)])
    axes = Axis("units"), Axis("price")
    chart = lines("T", "t", [falling, rising], *axes, by_height=True)
    assert chart is not None
    assert chart.columns == ("price", "demand, units", "supply, units")
    assert chart.rows == (("1", "9", "1"), ("2", "5", "2"))


def test_bars_say_the_same_in_the_table_and_stand_apart() -> None:
    of = [Bar(f"{day} May", float(day), ("2 trades",)) for day in range(1, 32)]
    chart = bars("Volume", "By day.", of, Axis("day"), Axis("paid, EUR"), ("trades",))
    assert chart is not None
    assert chart.columns == ("day", "paid, EUR", "trades")
    assert chart.rows[30] == ("31 May", "31", "2 trades")
    for svg in (chart.wide, chart.narrow):
        x, width = numbers(str(svg), "x"), numbers(str(svg), "width")
        assert len(x) >= 31
        rects = re.findall(r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)"', str(svg))
        edges = [(float(a), float(a) + float(b)) for a, b in rects]
        assert all(before[1] <= after[0] for before, after in itertools.pairwise(edges))
        assert width[0] in (540, 340)


def test_no_data_is_no_chart() -> None:
    assert lines("T", "t", [], Axis("x"), Axis("y")) is None
    assert bars("T", "t", [], Axis("x"), Axis("y")) is None
    assert gantt("T", "t", [], [], 0) is None


def test_what_a_machine_does_at_the_same_time_stands_in_lines_below_each_other() -> None:
    lanes = [Lane("mill", "0x" + 40 * "1"), Lane("lathe", "0x" + 40 * "2")]
    jobs = [
        Job(0, 0, 3_600, 0, "1", "first"),
        Job(0, 0, 3_600, 1, "2", "second"),
        Job(0, 3_600, 7_200, 2, "3", "third", "/trades/0x1", "late"),
        Job(1, 0, 7_200, 11, "12", "fourth"),
    ]
    chart = gantt("T", "t", lanes, jobs, 3_600)
    assert chart is not None
    found = re.findall(r"<title>(\w+)</title><rect x=\"([\d.]+)\" y=\"([\d.]+)\"", str(chart.svg))
    place = {name: (float(x), float(y)) for name, x, y in found}
    assert place["first"][1] != place["second"][1]
    assert place["third"][1] == place["first"][1]
    assert place["third"][0] > place["first"][0]
    assert place["fourth"][1] > place["second"][1]
    assert 'href="/trades/0x1"' in chart.svg
    assert 'class="state late"' in chart.svg
    assert "url(#pattern-1)" in chart.svg
    assert 'class="now"' in chart.svg


def test_names_of_strangers_are_text_in_a_chart() -> None:
    name = "</text><script>alert(1)</script>\u202e"
    job = Job(0, 0, 1, 0, name, name, 'x" onload="alert(1)')
    chart = gantt(name, name, [Lane(name, name)], [job], 0)
    other = lines(name, name, [Series(name, [(0, 1)])], Axis(name), Axis(name), [Mark(name, 0, 1)])
    assert chart is not None
    assert other is not None
    for svg in (chart.svg, chart.names, other.wide):
        assert "<script" not in svg
        assert '" onload="' not in svg
        assert "\u202e" not in svg


def test_what_is_not_booked_is_an_outline_without_the_colour_of_what_is() -> None:
    jobs = [Job(0, 0, 9, 0, "turn", "", state="waits"), Job(0, 9, 18, 0, "mill", "", state="open")]
    drawn = gantt("Plan", "", [Lane("lathe", "0x1")], jobs, 0)
    assert drawn is not None
    rows = re.findall("<g>.*?</g>", drawn.svg)
    booked, unbooked = (each for each in rows if "<rect" in each)
    assert 'class="f0"' in booked
    assert 'class="f0"' not in unbooked
    assert "not booked: mill" in unbooked
