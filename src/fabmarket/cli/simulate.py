"""`fabmarket simulate`: how the parties would find the equilibrium, round by round."""

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from rich.console import Console

from fabmarket.cli.game_file import game_argument
from fabmarket.cli.inputs import Real, Whole
from fabmarket.cli.terminal import (
    ROWS,
    plot_option,
    progress,
    save_picture,
    table,
)
from fabmarket.errors import Refused
from fabmarket.game import Game
from fabmarket.game.dynamics import (
    DYNAMICS,
    DivergenceWarning,
    Diverges,
    Dynamic,
    Play,
    State,
    Stepped,
    perturb,
    start_at,
)
from fabmarket.report.canvas import PALE, sheet
from fabmarket.report.terminal import show
from fabmarket.report.wording import number, percent, power, tiny
from fabmarket.scenario import is_number, is_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEVELS = (1e-2, 1e-3, 1e-6, 1e-9)
"""The errors whose round is reported."""

_MOST_ROUNDS = 100_000  # all of them are kept

# Colours that stay apart for every kind of sight (Okabe and Ito, 2008); two plays of one colour
# have different dashes, and so have neighbours, which may coincide.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#6b4ca0")
_DASHES = ("-", "--")


_NAMES = {level: power(level) for level in LEVELS}


class NotSimulated(Refused):
    """The options do not go together; the message says which."""


def _raise_of(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> tuple[int, float] | None:
    """Callback of --perturb: a demander's index from 0, and by how much it raises its demand."""
    if value is None:
        return None
    who, _, percent = value.partition(":")
    if not (is_whole(who) and is_number(percent)):
        raise click.BadParameter(f"{value!r} is not WHO:PERCENT, such as 2:20")
    return int(who), float(percent)


@dataclass(frozen=True)
class Begin:
    """Where plays start: the raise of one demander, or given quantities."""

    demand: float = 0.0
    supply: float = 0.0
    disturbed: tuple[int, float] | None = None

    def play(self, game: Game, dynamic: Dynamic, allow_divergence: bool) -> Play:
        """A play from here, no round played yet."""
        if self.disturbed is None:
            start = start_at(game, self.demand, self.supply)
            return Play(game, dynamic, start, allow_divergence=allow_divergence)
        return perturb(game, dynamic, *self.disturbed, allow_divergence=allow_divergence)


@dataclass(frozen=True)
class Run:
    """One dynamic: its play, or why there is none, and what else must be said."""

    dynamic: Dynamic
    play: Play | None
    remark: str = ""


@click.command(
    "simulate",
    epilog="""\b
Examples, in a clone:
  fabmarket simulate scenarios/game.csv --demand 100 --supply 200
  fabmarket simulate scenarios/game.csv --dynamic all --plot convergence.svg
  fabmarket simulate scenarios/game.csv --dynamic tatonnement --step 0.05 --json
  fabmarket simulate scenarios/game.csv --perturb 2:20   # demander 2 asks for 20 % more
  fabmarket simulate scenarios/game.csv --dynamic jacobi --allow-divergence --rounds 40
""",
)
@game_argument
@click.option(
    "--dynamic",
    type=click.Choice([*DYNAMICS, "all"]),
    default="gauss-seidel",
    show_default=True,
    metavar="NAME",
    help=f"One of {', '.join(DYNAMICS)}, or all.",
)
@click.option("--demand", type=Real(), help="What each demander starts with  [default: 0]")
@click.option("--supply", type=Real(), help="What the supplier starts with  [default: 0]")
@click.option(
    "--perturb",
    callback=_raise_of,
    metavar="WHO:PERCENT",
    help="Start from the equilibrium, demander WHO (from 0) asking for PERCENT more.",
)
@click.option("--step", type=Real(), help="For relaxed, gradient, extragradient or tatonnement.")
@click.option(
    "--tolerance",
    type=Real(0),
    default=1e-9,
    show_default=True,
    help="Play until the error is no larger.",
)
@click.option(
    "--rounds",
    type=Whole(1, _MOST_ROUNDS),
    default=1000,
    show_default=True,
    help="Play no more rounds.",
)
@click.option("--allow-divergence", is_flag=True, help="Play even what cannot converge.")
@click.option("--json", "as_json", is_flag=True, help="Print every round as JSON.")
@plot_option
def command(
    game: Game,
    dynamic: str,
    demand: float | None,
    supply: float | None,
    perturb: tuple[int, float] | None,
    step: float | None,
    tolerance: float,
    rounds: int,
    allow_divergence: bool,
    as_json: bool,
    plot: Path | None,
) -> None:
    """Play a game round by round, and see what finds the equilibrium.

    FILE (- for standard input) is as for `fabmarket solve`. The error of a round is the larger of
    max|v - v*| / max v* and |w - w*| / w*, v* and w* being the simultaneous equilibrium. A dynamic
    that cannot converge is refused with its spectral radius.
    """
    if perturb is not None and (demand is not None or supply is not None):
        raise NotSimulated("--perturb starts from the equilibrium; leave --demand, --supply out")
    begin = Begin(demand or 0.0, supply or 0.0, perturb)
    chosen = [one() for one in DYNAMICS.values()] if dynamic == "all" else [_one(dynamic, step)]
    if dynamic == "all" and step is not None:
        raise NotSimulated("--step means something else to each dynamic; choose one with --dynamic")
    runs = []
    with progress() as bar:
        for one in bar.track(chosen, description="Playing"):
            runs.append(_run(game, one, begin, allow_divergence, tolerance, rounds))
    if dynamic != "all" and runs[0].play is None:
        raise NotSimulated(f"{runs[0].remark} (--allow-divergence)")
    if plot is not None:
        save_picture(plot, partial(_picture, game, runs, begin))
    if as_json:
        facts = [_as_json(game, run) for run in runs]
        click.echo(json.dumps(facts if dynamic == "all" else facts[0], indent=2, allow_nan=False))
    else:
        _print(game, runs, begin, Console())


def _one(name: str, step: float | None) -> Dynamic:
    kind = DYNAMICS[name]
    if step is None:
        return kind()
    if issubclass(kind, Stepped):
        return kind(step)
    names = ", ".join(one.name for one in DYNAMICS.values() if issubclass(one, Stepped))
    raise NotSimulated(f"{name} has no --step; it is for {names}")


def _run(
    game: Game,
    dynamic: Dynamic,
    begin: Begin,
    allow_divergence: bool,
    tolerance: float,
    rounds: int,
) -> Run:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DivergenceWarning)
        try:
            play = begin.play(game, dynamic, allow_divergence)
        except Diverges as error:
            return Run(dynamic, None, str(error))
    remark = "".join(str(one.message) for one in caught)
    try:
        play.until(tolerance, rounds)
    except Diverges as error:
        remark = str(error)
    return Run(dynamic, play, remark)


def _as_json(game: Game, run: Run) -> dict[str, Any]:
    facts: dict[str, Any] = {"dynamic": run.dynamic.name, "condition": run.dynamic.condition}
    if run.play is None:
        return {**facts, "reason": run.remark}
    play = run.play
    return {
        **facts,
        "spectral_radius": play.radius,
        "remark": run.remark,
        "rounds_to": {name: play.rounds_to(level) for level, name in _NAMES.items()},
        "equilibrium": {
            "price": play.equilibrium.price,
            "demand": play.equilibrium.demand.tolist(),
            "supply": play.equilibrium.supply,
            "profit": {
                "demanders": play.equilibrium.demander_profit.tolist(),
                "supplier": play.equilibrium.supplier_profit,
            },
        },
        "history": [
            _round_as_json(game, at, state, error)
            for at, (state, error) in enumerate(zip(play.history, play.errors, strict=True))
        ],
    }


def _round_as_json(game: Game, at: int, state: State, error: float) -> dict[str, Any]:
    demanders, supplier = state.profits(game)
    return {
        "round": at,
        "price": state.price,
        "demand": state.demand.tolist(),
        "supply": state.supply,
        "profit": {"demanders": demanders.tolist(), "supplier": supplier},
        "error": error,
    }


def _print(game: Game, runs: Sequence[Run], begin: Begin, console: Console) -> None:
    plays = [run.play for run in runs if run.play is not None]
    if len(runs) == len(plays) == 1:
        show(console, _rounds_table(game, plays[0], begin))
        said = f"Converges: {plays[0].dynamic.condition}"
        console.print(said, markup=False, highlight=False, soft_wrap=True)
    columns = ["rounds to an error of", *_NAMES.values(), "radius", "last"]
    show(console, table("Convergence", columns, [_counts(play) for play in plays]))
    for run in runs:
        if run.remark:
            console.print(run.remark, markup=False, highlight=False, soft_wrap=True)


def _counts(play: Play) -> list[str]:
    reached = [play.rounds_to(level) for level in LEVELS]
    return [
        play.dynamic.name,
        *("–" if at is None else str(at) for at in reached),
        number(play.radius),
        tiny(play.errors[-1]),
    ]


def _rounds_table(game: Game, play: Play, begin: Begin) -> Any:
    """The first and the last rounds; after a perturbation the profits' changes as well."""
    followed = _followed(play, begin)
    columns = ["round", "price", "demand", "supply", "error"]
    if begin.disturbed:
        columns = ["round", "price", "supply", "error", *(f"profit {j}" for j in followed)]
        columns += ["supplier"]
    rows = []
    for at, (state, error) in enumerate(zip(play.history, play.errors, strict=True)):
        row = [str(at), number(state.price), number(float(state.demand.sum()))]
        row += [number(state.supply), tiny(error)]
        if begin.disturbed:
            row = [*row[:2], *row[3:], *_changes(game, play, state, followed)]
        rows.append(row)
    if len(rows) > ROWS:
        rows = [*rows[: ROWS - 3], ["..."] * len(columns), *rows[-2:]]
    title = f"{play.dynamic.name}: {len(play.history) - 1} rounds"
    if begin.disturbed:
        who, raised = begin.disturbed
        title += f" after demander {who} asks for {number(raised)} % more"
    return table(title, columns, rows)


def _followed(play: Play, begin: Begin) -> list[int]:
    """After a perturbation: the one that caused it, and the largest two others."""
    if begin.disturbed is None:
        return []
    who = begin.disturbed[0]
    demand = play.equilibrium.demand
    others = [j for j in np.argsort(-demand, kind="stable").tolist() if j != who and demand[j] > 0]
    return sorted([who, *others[:2]])


def _changes(game: Game, play: Play, state: State, followed: Sequence[int]) -> list[str]:
    """Profits against the equilibrium, in per cent."""
    demanders, supplier = state.profits(game)
    before = play.equilibrium.demander_profit
    return [
        *(_change(float(demanders[j]), float(before[j])) for j in followed),
        _change(supplier, play.equilibrium.supplier_profit),
    ]


def _change(now: float, before: float) -> str:
    return percent(100 * (now / before - 1)) if before > 0 else "–"


def _picture(game: Game, runs: Sequence[Run], begin: Begin) -> "Figure":
    """Error of each round, logarithmic; after a perturbation of one dynamic the profits too."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator  # noqa: PLC0415 - slow

    plays = [run.play for run in runs if run.play is not None]
    single = begin.disturbed is not None and len(plays) == 1
    figure = sheet(8.6, 6.6 if single else 4.2)
    panels = figure.subplots(2 if single else 1, 1, sharex=True, squeeze=False)[:, 0]
    smallest = min((e for play in plays for e in play.errors if e > 0), default=1.0)
    for at, play in enumerate(plays):
        # A logarithmic axis has no zero: an exact hit is drawn a decade below everything else.
        heights = [error or smallest / 10 for error in play.errors]
        style = {"c": _COLOURS[at % len(_COLOURS)], "ls": _DASHES[at % 2]}
        panels[0].plot(range(len(heights)), heights, label=play.dynamic.name, lw=1.6, **style)
    panels[0].set_yscale("log")
    panels[0].yaxis.set_major_formatter(FuncFormatter(lambda value, _: power(value)))
    panels[0].minorticks_off()
    exact = any(0 in play.errors for play in plays)
    remark = " (an error of 0 is drawn a decade below the others)" if exact else ""
    panels[0].set_title(f"Distance from the equilibrium, relative{remark}")
    panels[0].legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    if single:
        _profits(panels[1], game, plays[0], begin)
    panels[-1].set_xlabel("round")
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def _profits(axes: Any, game: Game, play: Play, begin: Begin) -> None:
    followed = _followed(play, begin)
    earned = [state.profits(game) for state in play.history]
    before = play.equilibrium
    lines = [
        (f"demander {j}", [one[j] for one, _ in earned], before.demander_profit[j])
        for j in followed
    ]
    if before.supplier_profit > 0:
        lines.append(("supplier", [one for _, one in earned], before.supplier_profit))
    axes.axhline(0, c=PALE, lw=1)
    for at, (name, profits, base) in enumerate(lines):
        change = [100 * (profit / base - 1) for profit in profits]
        axes.plot(range(len(change)), change, "o-", ms=3, c=_COLOURS[at], label=name)
    axes.set_title("Profit against the equilibrium, per cent")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
