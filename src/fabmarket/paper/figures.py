"""The paper's figures drawn from what was measured here."""

from functools import partial
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from fabmarket.paper.claim import Facts
from fabmarket.paper.effort import drawn, exchanges, loads
from fabmarket.paper.printed import ITERATIONS_HERE, ITERATIONS_THERE, PARTIES
from fabmarket.report.canvas import ACCENT, INK, MUTED, PALE, WARM, render
from fabmarket.report.wording import places, power

_WIDTH = 8.6  # inches, the page's column
# Colours that stay apart for every kind of sight (Okabe and Ito, 2008).
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#6b4ca0", "#7a7a7a")
_DASHES = ("-", "--", "-.", ":")
_SMALLEST = 1e-12
_LONGEST = 50


def draw_all(facts: Facts) -> dict[str, tuple[bytes, bytes]]:
    """Every figure as (PNG, SVG), by the name it has in the claims."""
    drawings = {
        "convergence": partial(_convergence, facts["convergence"]),
        "pairs": partial(_pairs, facts["convergence"]["any_pair"]),
        "load": partial(_load, facts["effort"]),
        "cost": partial(_cost, facts["effort"]),
        "balance": partial(_balance, facts["effort"]),
        "perturbation": partial(_perturbation, facts["perturbation"]),
        "supplier": partial(_supplier, facts["theory"]),
        "fairness": partial(_fairness, facts["fairness"]),
    }
    return {name: render(draw) for name, draw in drawings.items()}


def _panel(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    return figure, figure.subplots()


def _beside(axes: Axes) -> None:
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def _whole_steps(axes: Axes, label: str = "iteration") -> None:
    axes.set_xlabel(label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _log_errors(axis: Any) -> None:
    axis.set_major_formatter(FuncFormatter(lambda value, _: power(value)))


def _grouped(axis: Any) -> None:
    axis.set_major_formatter(FuncFormatter(lambda value, _: places(value)))


def _style(at: int) -> dict[str, Any]:
    return {
        "c": _COLOURS[at % len(_COLOURS)],
        "ls": _DASHES[(at + at // len(_COLOURS)) % len(_DASHES)],
        "lw": 1.7,
    }


def _convergence(facts: Facts) -> Figure:
    figure, axes = _panel(4.4)
    for at, one in enumerate(facts["dynamics"]):
        heights = [max(error, _SMALLEST) for error in one["errors"][: _LONGEST + 1]]
        axes.plot(range(len(heights)), heights, label=one["name"], **_style(at))
    axes.set_yscale("log")
    axes.set_ylim(_SMALLEST, 10)
    _log_errors(axes.yaxis)
    axes.minorticks_off()
    axes.set_title("Distance from the equilibrium, relative")
    _whole_steps(axes)
    _beside(axes)
    return figure


def _pairs(facts: Facts) -> Figure:
    figure, axes = _panel(3.8)
    for at, (level, counts) in enumerate(facts["rounds"].items()):
        axes.plot(facts["steps"], counts, label=f"error {level}", **_style(at))
    for count in (ITERATIONS_HERE, ITERATIONS_THERE):
        axes.axhline(count, c=INK, lw=0.9, ls=(0, (4, 3)))
        axes.annotate(
            f"{count} iterations", (0.25, count), (-4, 3), textcoords="offset points", ha="right"
        )
    axes.set_ylim(0, 80)
    axes.set_xlim(0, 0.25)
    axes.set_xlabel("step of the price")
    axes.set_title("Iterations until the error stays below a level")
    _beside(axes)
    return figure


def _load(facts: Facts) -> Figure:
    figure, axes = _panel(3.8)
    for at, one in enumerate(drawn(facts)):
        points = [
            (loads(one["dynamic"], count)[0], max(error, _SMALLEST))
            for count, error in enumerate(one["errors"][: _LONGEST + 1])
        ]
        quotes, replies = exchanges(one["dynamic"])
        label = f"{one['name']} ({quotes} + {replies} messages)"
        axes.plot([x for x, _ in points], [y for _, y in points], label=label, **_style(at))
    axes.set_yscale("log")
    axes.set_ylim(_SMALLEST, 10)
    axes.set_xlim(0, 26_000)
    _log_errors(axes.yaxis)
    axes.minorticks_off()
    _grouped(axes.xaxis)
    axes.set_xlabel("bytes sent and received by one demander")
    axes.set_title("Distance from the equilibrium, relative")
    _below(figure)
    return figure


def _below(figure: Figure) -> None:
    figure.legend(loc="outside lower left", ncols=2)


def _cost(facts: Facts) -> Figure:
    figure, axes = _panel(3.8)
    for at, one in enumerate(drawn(facts)):
        path = one["cost_path"][: _LONGEST // 2 + 1]
        axes.plot(range(len(path)), path, label=one["name"], **_style(at))
    axes.axhline(0, c=PALE, lw=1)
    _grouped(axes.yaxis)
    axes.set_title("Profit lost so far, money (below 0: gained)")
    _whole_steps(axes)
    _below(figure)
    return figure


def _balance(facts: Facts) -> Figure:
    figure, axes = _panel(3.8)
    for at, one in enumerate(drawn(facts)):
        path = one["balance"][: _LONGEST // 2 + 1]
        axes.plot(range(len(path)), path, label=one["name"], **_style(at))
    end = facts["concepts"]["simultaneous"]["balance"]
    axes.axhline(end, c=INK, lw=0.9, ls=(0, (4, 3)))
    axes.annotate(places(end, 1), (_LONGEST / 2, end), (0, 5), textcoords="offset points")
    axes.set_ylim(0, 105)
    axes.set_title("100 · min(S, w) / max(S, w)")
    _whole_steps(axes)
    _below(figure)
    return figure


def _perturbation(facts: Facts) -> Figure:
    figure = Figure(figsize=(_WIDTH, 5.4), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2, 3))
    steps = range(15)
    above.plot(steps, [facts["steps"][at]["price"] for at in steps], "o-", ms=4, c=ACCENT)
    above.axhline(facts["before"]["price"], c=WARM, ls="--", lw=1.2)
    above.set_title("Price")
    below.axhline(0, c=PALE, lw=1)
    for party, name in enumerate(PARTIES):
        path = [facts["steps"][at]["changes"][party] for at in steps]
        known = [value for value in path if value is not None]
        if len(known) == len(path):
            below.plot(steps, known, "o-", ms=4, label=name, c=_COLOURS[party])
    below.set_title("Profit against the equilibrium, per cent")
    _whole_steps(below, "step (0: MRD3 raises, 1: MRS answers, then sweeps)")
    _beside(below)
    return figure


def _supplier(facts: Facts) -> Figure:
    figure, axes = _panel(3.6)
    curve = facts["supplier_curve"]
    axes.plot(curve["supply"], curve["profit"], c=ACCENT, lw=1.8)
    marks = (
        ("supplier_anticipates", "the maximum", WARM, "bottom", 9, (0, 8)),
        ("paper_literal", "equation 19", INK, "top", 8, (0, -8)),
    )
    for key, name, colour, where, size, offset in marks:
        at, profit = facts[key]["supply"], facts[key]["profits"][-1]
        axes.plot([at], [profit], "o", ms=size, c=colour)
        text = f"{name}\nw = {places(at)}, profit {places(profit, 1)}"
        axes.annotate(
            text,
            (at, profit),
            offset,
            textcoords="offset points",
            ha="right",
            va=where,
            color=colour,
        )
    axes.set_xlim(550, 1100)
    axes.set_ylim(35_500, 41_500)
    _grouped(axes.yaxis)
    _grouped(axes.xaxis)
    axes.set_xlabel("supply w")
    axes.set_title("The supplier's profit")
    return figure


def _fairness(facts: Facts) -> Figure:
    figure, axes = _panel(2.9)
    names = list(facts["concepts"])
    left = [0.0] * len(names)
    for party, name in enumerate(PARTIES):
        shares = [facts["concepts"][concept]["shares"][party] for concept in names]
        bars = axes.barh(
            names, shares, left=left, height=0.62, label=name, color=_COLOURS[party], alpha=0.7
        )
        labels = [places(share, 0) if share >= 4 else "" for share in shares]
        axes.bar_label(bars, labels=labels, label_type="center", color=INK)
        left = [a + b for a, b in zip(left, shares, strict=True)]
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlim(0, 100)
    axes.tick_params(axis="y", colors=MUTED)
    axes.set_title("Share of all profit, per cent")
    _beside(axes)
    return figure
