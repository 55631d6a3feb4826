"""The pictures of a run, each drawn from the facts alone."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from fabmarket.report.canvas import ACCENT, COLOURS, INK, MUTED, PALE, WARM, label
from fabmarket.report.reading import (
    Facts,
    People,
    clock_path,
    equilibrium_of,
    featured_equilibrium,
    featured_session,
    member_labels,
    price_errors,
    sold,
)
from fabmarket.report.wording import money, natural, number, plural

WIDTH = 5.0
"""Inches. On a phone of 390 px a point of type is then a pixel: read without scrolling sideways."""

MOST_LINES = len(COLOURS)
MOST_BARS = 30
_MOST_WRITTEN = 12  # slots whose cells have room for a number
_MARKS = ("o", "s", "^", "D", "v", "P", "X")


def rounds(facts: Facts) -> Figure:
    """The featured negotiation: price per round and, in a session, each demander's answer to it.

    Of a clock: what is wanted at each price, and what each seat pays.
    """
    session = featured_session(facts)
    if session is None:
        return _nothing("No negotiation took place.")
    if session["kind"] == "bargaining":
        return _concessions(facts, session)
    if session["clock"]:
        return _clock(facts, session)
    figure = Figure(figsize=(WIDTH, 4.4), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    played = [one["round"] for one in session["rounds"]]
    above.plot(played, _units(facts, [one["price"] for one in session["rounds"]]), "o-", c=ACCENT)
    target = equilibrium_of(facts, session)
    if target is not None:
        height = _units(facts, [target["price"]])[0]
        above.axhline(height, c=WARM, ls="--", lw=1.2, label="equilibrium")
    _price_axis(facts, above, "Price announced by the supplier")
    _replies(facts, below, session, played)
    below.set_xlabel("round")
    below.set_ylabel("units")
    below.set_title("Demand each demander answered with")
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    below.yaxis.set_major_formatter(FuncFormatter(_grouped))
    _room(below)
    _legend_below(figure)
    return figure


def _replies(facts: Facts, axes: Axes, session: dict[str, Any], played: list[int]) -> None:
    """One line per member; beyond the palette the smallest ones share a grey.

    Of a masked session there is the sum alone.
    """
    if session["masked"]:
        sums = [one["sum"] for one in session["rounds"]]
        axes.plot(played, sums, marker=_MARKS[0], c=COLOURS[0], label="all members together")
        return
    labels = member_labels(session, People(facts))
    last = session["rounds"][-1]["replies"]
    loudest = sorted(range(len(labels)), key=lambda at: (-last[at], at))[:MOST_LINES]
    quiet = [at for at in range(len(labels)) if at not in loudest]
    for at in quiet:
        axes.plot(played, [one["replies"][at] for one in session["rounds"]], c=PALE, lw=1)
    for style, at in enumerate(sorted(loudest)):
        axes.plot(
            played,
            [one["replies"][at] for one in session["rounds"]],
            marker=_MARKS[style],
            c=COLOURS[style],
            label=label(labels[at]),
        )
    if quiet:
        axes.plot([], [], c=PALE, label=f"{len(quiet)} more")


def _concessions(facts: Facts, session: dict[str, Any]) -> Figure:
    """Bilateral bargaining: what each side named, round by round."""
    figure = Figure(figsize=(WIDTH, 3.0), layout="constrained")
    axes = figure.subplots()
    for side, colour, mark in (("supplier", ACCENT, "s"), ("demander", WARM, "o")):
        turns = [one for one in session["rounds"] if one["by"] == side]
        prices = _units(facts, [one["price"] for one in turns])
        axes.plot([one["round"] for one in turns], prices, marker=mark, c=colour, label=side)
    _price_axis(facts, axes, "Price named by each side")
    axes.set_xlabel("round")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _legend_below(figure)
    return figure


def _clock(facts: Facts, session: dict[str, Any]) -> Figure:
    """What is wanted as the price goes up, where that fits the room, and what each seat pays."""
    paid = _paid(facts, session)
    figure = Figure(figsize=(WIDTH, 3.9 + 0.34 * len(paid)), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=(2.6, 0.6 + 0.34 * len(paid)))
    path, room = clock_path(session), session["clock"]["room"]
    prices = _units(facts, [price for _, price in path])
    above.plot([units for units, _ in path], prices, c=ACCENT, label="wanted")
    quotes = _units(facts, [one["price"] for one in session["rounds"]])
    wanted = [one["sum"] for one in session["rounds"]]
    above.plot(wanted, quotes, "o", c=ACCENT, ms=4, label="quoted")
    above.axvline(room, c=INK, ls="--", lw=1.2, label=f"room: {number(room)}")
    if session["price"] is not None:
        stop = _units(facts, [session["price"]])[0]
        above.plot([min(room, wanted[0])], [stop], "s", c=WARM, label="stopped")
    above.set_xlim(0, max(room, *wanted) * 1.06)
    above.set_xlabel("units wanted")
    above.xaxis.set_major_formatter(FuncFormatter(_grouped))
    _price_axis(facts, above, "The price goes up until what is wanted fits")
    amounts = _units(facts, [payment for _, _, payment in paid])
    drawn = below.barh(range(len(paid)), amounts, height=0.66, color=ACCENT)
    below.bar_label(drawn, labels=[plural(units, "unit") for _, units, _ in paid], padding=4)
    below.set_yticks(range(len(paid)), [name for name, *_ in paid])
    below.set_ylim(len(paid) - 0.4, -0.6)
    below.grid(visible=False, axis="y")
    below.set_xlim(0, max(*amounts, 1.0) * 1.3)
    below.xaxis.set_major_formatter(FuncFormatter(_grouped))
    below.set_xlabel(facts["scenario"]["currency"]["symbol"])
    below.set_title("What each seat pays, and for how many units")
    above.legend(loc="upper right", fontsize=9)
    return figure


def _paid(facts: Facts, session: dict[str, Any]) -> list[tuple[str, int, int]]:
    """Label, units and payment of each seat of a clock, most first; the last ones together."""
    labels = map(label, member_labels(session, People(facts)))
    seats = [
        (label, one["units"], one["payment"])
        for label, one in zip(labels, session["members"], strict=True)
    ]
    seats.sort(key=lambda seat: -seat[2])
    rest = seats[MOST_BARS:]
    if not rest:
        return seats
    together = sum(units for _, units, _ in rest), sum(payment for *_, payment in rest)
    return [*seats[:MOST_BARS], (f"{len(rest)} more", *together)]


def _legend_below(figure: Figure) -> None:
    """What the colours mean, under the picture, where a narrow screen does not cut it off."""
    figure.legend(loc="outside lower left", ncols=3)


def equilibrium(facts: Facts) -> Figure:
    """Demand per demander at the featured equilibrium, their sum, and the supply offered."""
    found = featured_equilibrium(facts)
    if found is None:
        return _nothing("No equilibrium was computed.")
    people = People(facts)
    ranked = sorted(zip(found["demanders"], found["demand"], strict=True), key=lambda one: -one[1])
    shown = [(label(people.name(who)), value, ACCENT) for who, value in ranked[:MOST_BARS]]
    rest = ranked[MOST_BARS:]
    if rest:
        shown.append((f"{len(rest)} more", sum(value for _, value in rest), ACCENT))
    shown.append(("all demand", sum(found["demand"]), INK))
    shown.append(("supply offered", found["supply"], WARM))
    figure = Figure(figsize=(WIDTH, 1.1 + 0.34 * len(shown)), layout="constrained")
    axes = figure.subplots()
    lengths = [value for _, value, _ in shown]
    drawn = axes.barh(
        range(len(shown)), lengths, height=0.66, color=[colour for *_, colour in shown]
    )
    axes.bar_label(drawn, labels=[number(value) for value in lengths], padding=4, color=INK)
    axes.set_yticks(range(len(shown)), [name for name, *_ in shown])
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.set_xlim(0, max(*lengths, 1.0) * 1.14)
    axes.xaxis.set_major_formatter(FuncFormatter(_grouped))
    axes.set_xlabel("units")
    price = money(found["price"], facts["scenario"]["currency"])
    axes.set_title(label(f"{found['resource']}, slot {found['slot']}: {price} per unit", size=50))
    return figure


def convergence(facts: Facts) -> Figure:
    """Distance of the announced price from the equilibrium price, all sessions, logarithmic.

    A logarithmic axis has no zero, so an exact hit is drawn on a line of its own, below the
    smallest distance that is not zero.
    """
    paths = price_errors(facts)
    if not paths:
        return _nothing("No session with an equilibrium to approach.")
    scale = float(10 ** facts["scenario"]["currency"]["decimals"])
    positive = [gap / scale for path in paths for _, gap in path if gap > 0]
    exact = min(positive, default=1.0) / 10
    figure = Figure(figsize=(WIDTH, 3.0), layout="constrained")
    axes = figure.subplots()
    fade = max(0.15, min(0.9, 8 / len(paths)))
    for path in paths:
        heights = [gap / scale if gap > 0 else exact for _, gap in path]
        axes.plot([at for at, _ in path], heights, "o-", c=ACCENT, ms=4, lw=1.2, alpha=fade)
    axes.set_yscale("log")
    axes.set_ylim(exact / 2, max(positive, default=1.0) * 2)
    hit = any(gap == 0 for path in paths for _, gap in path)
    axes.yaxis.set_major_formatter(
        FuncFormatter(lambda value, _: "exact" if hit and value <= exact else number(value))
    )
    ticks = _decades(exact, max(positive, default=1.0))
    axes.set_yticks([exact, *ticks] if hit else ticks)
    axes.minorticks_off()
    axes.set_xlabel("round")
    axes.set_ylabel(f"{facts['scenario']['currency']['symbol']} per unit")
    many = "1 session" if len(paths) == 1 else f"{len(paths)} sessions"
    axes.set_title(f"Distance from the equilibrium price, {many}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def _decades(exact: float, top: float) -> list[float]:
    """Powers of ten above the line of exact hits, at most about eight of them."""
    powers = [power for power in range(-30, 60) if exact * 2 < 10.0**power <= top * 2]
    step = 1 + len(powers) // 8
    return [10.0**power for power in powers[::-1][::step]][::-1]


def capacity(facts: Facts) -> Figure:
    """Quantity sold, resources down, slots across."""
    quantities = sold(facts)
    if not quantities:
        return _nothing("Nothing was sold.")
    resources = sorted({name for name, _ in quantities}, key=natural)
    slots = range(min(slot for _, slot in quantities), max(slot for _, slot in quantities) + 1)
    grid = [[quantities.get((name, slot), 0) for slot in slots] for name in resources]
    most = max(quantities.values())
    figure = Figure(figsize=(WIDTH, 1.3 + 0.33 * len(resources)), layout="constrained")
    axes = figure.subplots()
    axes.grid(visible=False)
    cells = [[value or float("nan") for value in row] for row in grid]
    image = axes.pcolormesh(
        range(len(slots)),
        range(len(resources)),
        cells,
        cmap="Blues",
        vmin=-0.15 * most,
        vmax=most,
        edgecolors="white",
        linewidth=1.5,
    )
    axes.invert_yaxis()
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_yticks(range(len(resources)), [label(name) for name in resources])
    axes.set_xticks(range(len(slots)), [str(slot) for slot in slots])
    if len(slots) > _MOST_WRITTEN:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("slot")
    axes.set_title("Quantity sold")
    if len(slots) <= _MOST_WRITTEN:
        for down, row in enumerate(grid):
            for across, value in enumerate(row):
                if value:
                    ink = "white" if value > 0.55 * most else INK
                    axes.text(across, down, number(value), c=ink, ha="center", va="center", size=8)
    else:
        scale = figure.colorbar(image, ax=axes)
        for colours in scale.ax.collections:
            colours.set(edgecolor="face", rasterized=False)  # the page's policy lets no picture in
        scale.ax.set_ylim(0, most)
    return figure


def balances(facts: Facts) -> Figure:
    """What each account held before and after; those that moved most, if there are many."""
    people = People(facts)
    moved = [one for one in facts["accounts"] if one["before"] or one["after"]]
    if not moved:
        return _nothing("No account held anything.")
    if len(moved) > MOST_BARS:
        largest = sorted(moved, key=lambda one: -abs(one["after"] - one["before"]))[:MOST_BARS]
        moved = [one for one in moved if one in largest]
    figure = Figure(figsize=(WIDTH, 1.2 + 0.42 * len(moved)), layout="constrained")
    axes = figure.subplots()
    places = range(len(moved))
    before = _units(facts, [one["before"] for one in moved])
    after = _units(facts, [one["after"] for one in moved])
    axes.barh([at - 0.19 for at in places], before, height=0.36, color=PALE, label="before")
    axes.barh([at + 0.19 for at in places], after, height=0.36, color=ACCENT, label="after")
    axes.set_yticks(places, [label(people.name(one["address"])) for one in moved])
    axes.set_ylim(len(moved) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.xaxis.set_major_formatter(FuncFormatter(_grouped))
    axes.set_xlabel(facts["scenario"]["currency"]["symbol"])
    axes.set_title("Balances in the exchange")
    _legend_below(figure)
    return figure


def _nothing(reason: str) -> Figure:
    figure = Figure(figsize=(WIDTH, 1.1), layout="constrained")
    axes = figure.subplots()
    axes.axis("off")
    axes.text(0.5, 0.5, reason, ha="center", va="center", color=MUTED, transform=axes.transAxes)
    return figure


def _price_axis(facts: Facts, axes: Axes, title: str) -> None:
    axes.set_title(title)
    axes.set_ylabel(f"{facts['scenario']['currency']['symbol']} per unit")
    axes.yaxis.set_major_formatter(FuncFormatter(_grouped))
    _room(axes)


def _room(axes: Axes) -> None:
    """Some air above and below, so that a flat line does not lie on the frame."""
    low, high = axes.get_ylim()
    margin = max((high - low) * 0.05, abs(high) * 0.02)
    axes.set_ylim(low - margin, high + margin)


def _units(facts: Facts, amounts: list[int] | list[float]) -> list[float]:
    """Base units as currency units, for an axis."""
    scale = 10 ** facts["scenario"]["currency"]["decimals"]
    return [amount / scale for amount in amounts]


def _grouped(value: float, _position: int | None = None) -> str:
    return number(value)
