import math
from io import BytesIO
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.axis import Tick
from matplotlib.image import imread
from matplotlib.text import Text

from fabmarket.report import plots
from fabmarket.report.canvas import inline, render
from fabmarket.report.writing import FIGURES

RUNS = (
    "paper_facts",
    "empty_facts",
    "job_shop_facts",
    "bargaining_facts",
    "clock_facts",
    "products_facts",
)


def texts(svg: bytes) -> list[str]:
    root = ElementTree.fromstring(svg)  # noqa: S314 (our own output)
    return [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_of_every_run_is_a_picture_the_same_each_time(run, name, request):
    facts = request.getfixturevalue(run)
    png, svg = render(lambda: getattr(plots, name)(facts))
    assert (png, svg) == render(lambda: getattr(plots, name)(facts))
    assert np.ptp(imread(BytesIO(png))) > 0.5
    assert texts(svg)


def test_the_style_does_not_leak_and_a_users_style_does_not_matter(paper_facts):
    expected = render(lambda: plots.rounds(paper_facts))
    with mpl.rc_context({"font.size": 31, "axes.facecolor": "red", "svg.hashsalt": "other"}):
        assert render(lambda: plots.rounds(paper_facts)) == expected
        assert mpl.rcParams["font.size"] == 31


def test_rounds_show_price_and_demand_per_demander(paper_facts):
    above, below = plots.rounds(paper_facts).axes
    price, target = above.lines
    assert list(price.get_ydata()) == [10, 108, 115]
    assert set(target.get_ydata()) == {115}
    assert [list(line.get_ydata()) for line in below.lines] == [
        [112.5, 0, 0],
        [362.5, 117.5, 100],
        [437.5, 192.5, 175],
    ]
    assert [line.get_label() for line in below.lines] == ["MRD1", "MRD2", "MRD3"]


def test_the_equilibrium_line_is_inside_the_picture(job_shop_facts):
    above, _ = plots.rounds(job_shop_facts).axes
    low, high = above.get_ylim()
    assert low < above.lines[1].get_ydata()[0] < high


def test_beyond_the_palette_the_smallest_demanders_share_a_grey(job_shop_facts):
    (legend,) = plots.rounds(job_shop_facts).legends
    shown = [text.get_text() for text in legend.get_texts()]
    assert shown == ["equilibrium", *(f"job {at}" for at in range(4, 11)), "3 more"]


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("name", FIGURES)
def test_no_text_of_a_figure_is_cut_off_or_unreadable_on_a_phone(run, name, request):
    """Legends stood right of wide figures, which a phone cut off or shrank to six pixels."""
    figures = []

    def draw():
        figures.append(getattr(plots, name)(request.getfixturevalue(run)))
        return figures[0]

    render(draw)
    (figure,) = figures
    size = figure.bbox.size
    shown = [*figure.legends, *figure.findobj(lambda one: isinstance(one, Text) and one.get_text())]
    ticks = {one for axes in figure.axes for one in axes.findobj(Tick)}
    ticked = {one for tick in ticks for one in tick.findobj(Text)}  # some lie beyond the axes
    for one in set(shown) - ticked:
        box = one.get_window_extent()
        assert (box.min >= -1).all(), one
        assert (box.max <= size + 1).all(), one
    phone = (390 - 2 * 16) / (figure.get_figwidth() * 72)
    assert min(one.get_size() * phone for one in shown if isinstance(one, Text)) >= 7.9


def test_bargaining_shows_what_each_side_named(bargaining_facts):
    (axes,) = plots.rounds(bargaining_facts).axes
    assert {line.get_label(): list(line.get_ydata()) for line in axes.lines} == {
        "supplier": [150, 130, 115],
        "demander": [80, 105, 115],
    }


def test_a_clock_shows_what_is_wanted_the_room_where_it_stopped_and_who_pays_what(clock_facts):
    above, below = plots.rounds(clock_facts).axes
    wanted, quoted, room, stopped = above.lines
    corners = [(110, 20), (110, 27), (95, 27), (95, 35), (50, 35), (50, 38)]
    assert list(zip(*wanted.get_data(), strict=True)) == corners
    assert list(zip(*quoted.get_data(), strict=True)) == [(110, 20), (110, 25), (95, 31), (50, 38)]
    assert set(room.get_xdata()) == {60}
    assert list(zip(*stopped.get_data(), strict=True)) == [(60, 35)]
    assert [bar.get_width() for bar in below.patches] == [1_790, 135, 0]
    assert [text.get_text() for text in below.texts] == ["55 units", "5 units", "0 units"]
    assert [text.get_text() for text in below.get_yticklabels()] == ["MRD3", "MRD2", "MRD1"]


def test_a_clock_that_found_no_price_stops_nowhere(clock_facts):
    session = clock_facts["sessions"][0]
    session["price"] = None
    session["clock"]["exits"] = []
    above, _ = plots.rounds(clock_facts).axes
    wanted, _, room = above.lines
    assert list(wanted.get_xdata()) == [110, 110]
    assert set(room.get_xdata()) == {60}


def test_the_seats_of_a_clock_that_pay_least_share_a_bar(clock_facts):
    session = clock_facts["sessions"][0]
    template = session["members"][0]
    session["members"] = [
        template | {"subtask": f"part {at}", "units": 1, "payment": at} for at in range(40)
    ]
    _, below = plots.rounds(clock_facts).axes
    bars = [bar.get_width() for bar in below.patches]
    assert len(bars) == plots.MOST_BARS + 1
    assert bars[-1] == sum(range(10))
    assert below.texts[-1].get_text() == "10 units"


def test_equilibrium_bars(paper_facts):
    (axes,) = plots.equilibrium(paper_facts).axes
    assert [bar.get_width() for bar in axes.patches] == [175, 100, 0, 275, 525]
    assert axes.get_title() == "S, slot 0: 115 FMC per unit"


def test_a_crowd_of_demanders_is_cut_and_the_rest_summed(paper_facts):
    crowd = paper_facts["equilibria"][0]
    crowd["demanders"] = [f"0x{at:040x}" for at in range(40)]
    crowd["demand"] = [float(at) for at in range(40)]
    (axes,) = plots.equilibrium(paper_facts).axes
    widths = [bar.get_width() for bar in axes.patches]
    assert widths[plots.MOST_BARS] == sum(range(10))
    assert widths[-2:] == [sum(range(40)), 525]


def test_an_exact_hit_has_a_line_of_its_own_on_the_logarithmic_axis(paper_facts):
    (axes,) = plots.convergence(paper_facts).axes
    assert list(axes.lines[0].get_ydata()) == [105, 7, pytest.approx(0.7)]
    labels = [axes.yaxis.get_major_formatter()(tick) for tick in axes.get_yticks()]
    assert labels == ["exact", "10", "100"]


def test_convergence_of_sessions_that_start_at_the_equilibrium(paper_facts):
    paper_facts["sessions"][0]["rounds"] = paper_facts["sessions"][0]["rounds"][2:]
    (axes,) = plots.convergence(paper_facts).axes
    assert all(math.isfinite(limit) and limit > 0 for limit in axes.get_ylim())
    assert "exact" in [axes.yaxis.get_major_formatter()(tick) for tick in axes.get_yticks()]


def test_without_an_exact_hit_the_axis_does_not_promise_one(paper_facts):
    paper_facts["equilibria"][0]["price"] = 114.6
    (axes,) = plots.convergence(paper_facts).axes
    assert "exact" not in [axes.yaxis.get_major_formatter()(tick) for tick in axes.get_yticks()]


def test_capacity_has_a_cell_for_every_resource_and_slot_and_a_number_where_sold(job_shop_facts):
    (axes,) = plots.capacity(job_shop_facts).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        f"machine-{at}" for at in range(1, 16)
    ]
    written = sum(int(text.get_text()) for text in axes.texts)
    assert written == job_shop_facts["units_traded"]


def test_a_long_calendar_has_a_scale_instead_of_numbers(paper_facts):
    paper_facts["trades"][1]["slot"] = 40
    axes, scale = plots.capacity(paper_facts).axes
    assert not axes.texts
    assert scale.get_ylim() == (0, 175)


def test_the_scale_of_a_long_calendar_is_drawn_where_no_picture_may_be_loaded(paper_facts):
    paper_facts["trades"][1]["slot"] = 40
    _, svg = render(lambda: plots.capacity(paper_facts))
    assert b"<image" not in svg


def test_balances_leave_out_the_accounts_that_moved_least(job_shop_facts):
    (axes,) = plots.balances(job_shop_facts).axes
    moves = sorted(abs(one["after"] - one["before"]) / 100 for one in job_shop_facts["accounts"])[
        -plots.MOST_BARS :
    ]
    bars = [bar.get_width() for bar in axes.patches]
    before, after = bars[: len(bars) // 2], bars[len(bars) // 2 :]
    drawn = sorted(abs(a - b) for b, a in zip(before, after, strict=True))
    assert drawn == pytest.approx(moves)


def test_hostile_and_foreign_names_are_drawn_as_text(paper_facts):
    for one, name in zip(
        paper_facts["participants"],
        ("<b>$\\frac{", "line\nbreak\x00", "工場 &amp; 工具"),
        strict=False,
    ):
        one["name"] = name
    _, svg = render(lambda: plots.equilibrium(paper_facts))
    assert {"<b>$\\frac{", "line break ", "工場 &amp; 工具"} <= set(texts(svg))


def test_an_inlined_figure_keeps_its_text_and_owns_its_identifiers():
    svg = (
        b'<?xml version="1.0"?><!DOCTYPE svg PUBLIC "x" "http://x">\n'
        b'<svg width="9pt" viewBox="0 0 9 9" xmlns="http://www.w3.org/2000/svg">'
        b'<path id="p"/><use xlink:href="#p"/><g clip-path="url(#p)"/>'
        b'<text>id="p" url(#p)</text></svg>'
    )
    assert inline(svg, "one", 'a "quoted" <label>') == (
        '<svg viewBox="0 0 9 9" role="img" aria-label="a &#34;quoted&#34; &lt;label&gt;">'
        '<path id="one-p"/><use xlink:href="#one-p"/><g clip-path="url(#one-p)"/>'
        '<text>id="p" url(#p)</text></svg>'
    )
