"""`fabmarket compare`: the concepts and the mechanisms on the same reports."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from fabmarket.cli.game_file import game_argument
from fabmarket.cli.played import by_clock, rounds_of
from fabmarket.cli.terminal import plot_option, progress, save_picture, table
from fabmarket.game import Game, NotCertified
from fabmarket.game.mechanisms import RULES, Comparison, Lie, compare
from fabmarket.negotiation.course import CLOCK
from fabmarket.report.canvas import ACCENT, PALE, WARM, sheet
from fabmarket.report.terminal import show
from fabmarket.report.wording import number, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_RULES = (*RULES, CLOCK)


@click.command(
    "compare",
    epilog="""\b
Examples, in a clone:
  fabmarket compare scenarios/game.csv
  fabmarket compare scenarios/game.csv --rule simultaneous --rule balanced --json
  fabmarket compare scenarios/game.csv --supply-cap 300 --plot compare.svg
""",
)
@game_argument
@click.option(
    "--rule",
    "rules",
    type=click.Choice(_RULES),
    multiple=True,
    metavar="NAME",
    help=f"One of {', '.join(_RULES)}; may be repeated  [default: all]",
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@plot_option
def command(game: Game, rules: tuple[str, ...], as_json: bool, plot: Path | None) -> None:
    """Weigh concepts and mechanisms, and what a lie earns.

    FILE (- for standard input) is as for `fabmarket solve`. For each rule: welfare, what the
    demanders pay, what the supplier books, and what a demander could gain at most by reporting
    another margin than its own, everybody else being honest; and how many prices a session quotes.
    VCG and uniform price need a cap for each demander and a supply cap, the clock a supply cap and
    whole numbers.
    """
    chosen = list(dict.fromkeys(rules)) or list(_RULES)
    with progress() as bar:
        task = bar.add_task("Looking for lies", total=len(chosen) * len(game.margin))
        found: list[Comparison] = []
        for at, rule in enumerate(chosen):
            told = partial(bar.advance, task)
            found.extend([by_clock(game)] if rule == CLOCK else compare(game, [rule], told))
            bar.update(task, completed=(at + 1) * len(game.margin))
    rounds = {rule: rounds_of(game, rule) for rule in chosen}
    if plot is not None:
        save_picture(plot, partial(_picture, found))
    if as_json:
        rows = [_as_json(one, rounds[one.rule]) for one in found]
        click.echo(json.dumps(rows, indent=2, allow_nan=False))
    else:
        _print(game, found, rounds, Console())
    for one in found:
        if one.reason.startswith(NotCertified.OPENING):
            raise NotCertified(one.reason)


def _as_json(one: Comparison, rounds: int | None) -> dict[str, Any]:
    if one.demand is None:
        return {"rule": one.rule, "reason": one.reason}
    return {
        "rule": one.rule,
        "price": one.price,
        "demand": one.demand.tolist(),
        "supply": one.supply,
        "welfare": one.welfare,
        "revenue": one.revenue,
        "booked": one.booked,
        "rounds": rounds,
        "lies": [
            {"report": lie.report, "honest": lie.honest, "profit": lie.profit, "gain": lie.gain}
            for lie in one.lies
        ],
    }


def _print(
    game: Game, found: Sequence[Comparison], rounds: Mapping[str, int | None], console: Console
) -> None:
    held = [one for one in found if one.demand is not None]
    if held:
        columns = ["rule", "price", "welfare", "revenue", "booked", "rounds", "best lie"]
        rows = [
            [
                one.rule,
                number(one.price),
                number(one.welfare),
                number(one.revenue),
                number(one.booked),
                number(rounds[one.rule]),
                number(max(lie.gain for lie in one.lies)),
            ]
            for one in held
        ]
        show(console, table("At honest reports", columns, rows))
        rows = [
            [str(j), number(float(game.margin[j])), *(_gain(one.lies[j]) for one in held)]
            for j in range(len(game.margin))
        ]
        title = "What the best lie about its margin gains each demander"
        show(console, table(title, ["demander", "margin", *(one.rule for one in held)], rows))
    for one in found:
        if one.reason:
            console.print(f"{one.rule}: none. {one.reason}", markup=False, highlight=False)


def _gain(lie: Lie) -> str:
    """In per cent, or in money where honesty earns nothing."""
    if lie.gain == 0:
        return "0"
    if lie.honest > 0:
        return percent(100 * lie.gain / lie.honest)
    return f"+{number(lie.gain)}"


def _picture(found: Sequence[Comparison]) -> "Figure":
    """Welfare, what demanders pay and what the supplier books, rule by rule."""
    held = [one for one in found if one.demand is not None]
    figure = sheet(8.6, 1.4 + 0.8 * len(held))
    axes = figure.subplots()
    bars = (
        ("welfare", [one.welfare for one in held], ACCENT),
        ("paid by demanders", [one.revenue for one in held], WARM),
        ("booked by the supplier", [one.booked for one in held], PALE),
    )
    for at, (name, lengths, colour) in enumerate(bars):
        places = [row + 0.27 * (at - 1) for row in range(len(held))]
        drawn = axes.barh(places, lengths, height=0.25, color=colour, label=name)
        axes.bar_label(drawn, labels=[number(length) for length in lengths], padding=4, size=8)
    axes.set_yticks(range(len(held)), [one.rule for one in held])
    axes.invert_yaxis()
    axes.margins(x=0.14)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("money")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure
