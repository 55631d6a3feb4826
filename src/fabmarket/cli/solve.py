"""`fabmarket solve`: one game, one concept or all of them."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from rich.console import Console

from fabmarket.cli.game_file import game_argument
from fabmarket.cli.terminal import plot_option, save_picture, table
from fabmarket.game import (
    CONCEPTS,
    Equilibrium,
    Game,
    NoEquilibrium,
    NotCertified,
    Unsupported,
    solve,
)
from fabmarket.report.canvas import ACCENT, INK, WARM, sheet
from fabmarket.report.terminal import show
from fabmarket.report.wording import COVERED, number, tiny

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_BARS = 30


def concepts_of(name: str) -> tuple[str, ...]:
    """The concepts a --concept option stands for."""
    return CONCEPTS if name == "all" else (name,)


concept_option = click.option(
    "--concept",
    type=click.Choice([*CONCEPTS, "all"]),
    default="simultaneous",
    show_default=True,
    metavar="NAME",
    help=f"One of {', '.join(CONCEPTS)}, or all. The default is the one that every game has: "
    "demanders-lead, which the paper's market negotiates, has no caps, and balanced, as in the "
    "other markets, needs a > b.",
)


@click.command(
    "solve",
    epilog="""\b
Examples, in a clone:
  fabmarket solve scenarios/game.csv
  fabmarket solve scenarios/game.csv --concept all --plot concepts.svg
  fabmarket solve scenarios/game.csv --coupled --json
  echo '{"benefit": [100, 200, 200], "cost": [45, 45, 15], "supplier_cost": 10,
         "a": 0.8, "b": 0.2}' | fabmarket solve - --concept balanced

\b
A game as CSV, where an empty cap is none:
  # supplier_cost = 10
  # a = 0.8
  # b = 0.2
  benefit,cost,cap
  100,45,
  200,45,120
""",
)
@game_argument
@concept_option
@click.option("--coupled", is_flag=True, help="Impose S <= w; simultaneous only.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@plot_option
def command(game: Game, concept: str, coupled: bool, as_json: bool, plot: Path | None) -> None:
    """Find the equilibrium of a game, with its certificate.

    The certificate covers the game: what any one party gains by another quantity of its own. It
    does not cover a negotiation, where an answer can lie: see docs/explanation/truthfulness.md.

    FILE (- for standard input) is JSON or CSV: benefit, cost and optional cap and budget of each
    demander, and the numbers supplier_cost, a, b and optional supply_cap.
    """
    answers: list[tuple[str, Equilibrium | str]] = []
    failed: NotCertified | None = None
    for name in concepts_of(concept):
        try:
            answers.append((name, solve(game, name, coupled=coupled)))
        except (NoEquilibrium, NotCertified, Unsupported) as error:
            if concept != "all":
                raise
            answers.append((name, str(error)))
            failed = error if isinstance(error, NotCertified) else failed
    if plot is not None:
        save_picture(plot, partial(_picture, [one for _, one in answers]))
    if as_json:
        facts = [answer_as_json(name, one) for name, one in answers]
        click.echo(json.dumps(facts if concept == "all" else facts[0], indent=2, allow_nan=False))
    else:
        _print(game, answers, Console())
    if failed is not None:
        raise failed


def answer_as_json(concept: str, answer: Equilibrium | str) -> dict[str, Any]:
    """An equilibrium, or the reason why there is none, as values JSON has."""
    if isinstance(answer, str):
        return {"concept": concept, "reason": answer}
    return {
        "concept": concept,
        "price": answer.price,
        "demand": answer.demand.tolist(),
        "total_demand": answer.total_demand,
        "supply": answer.supply,
        "profit": {
            "demanders": answer.demander_profit.tolist(),
            "supplier": answer.supplier_profit,
        },
        "unfunded": answer.unfunded,
        "served": served(answer),
        "coupled": answer.coupled,
        "multiplier": answer.multiplier,
        "certificate": {
            "max_unilateral_gain": answer.certificate.max_unilateral_gain,
            "relative_gain": answer.certificate.relative_gain,
            "residual": answer.certificate.residual,
            "deviations": list(answer.certificate.deviations),
        },
        "note": answer.note,
    }


def served(answer: Equilibrium) -> int:
    """How many demanders get something."""
    return int(np.count_nonzero(answer.demand > 0))


def _print(game: Game, answers: Sequence[tuple[str, Equilibrium | str]], console: Console) -> None:
    found = [one for _, one in answers if isinstance(one, Equilibrium)]
    if found:
        names = [one.concept for one in found]
        show(console, table("Equilibria", ["", *names], _summary(game, found)))
        said = f"Best gain: {COVERED}"
        console.print(f"{said}\n", markup=False, highlight=False)
        rows = [
            [str(j), *(number(float(one.demand[j])) for one in found)]
            for j in range(len(game.margin))
        ]
        show(console, table("Demand, units", ["demander", *names], rows))
    for one in found:
        if one.note:
            console.print(f"{one.concept}: {one.note}", markup=False, highlight=False)
    for name, reason in answers:
        if isinstance(reason, str):
            console.print(f"{name}: none. {reason}", markup=False, highlight=False)


def _summary(game: Game, found: Sequence[Equilibrium]) -> list[list[str]]:
    many = len(game.margin)
    return [
        ["price", *(number(one.price) for one in found)],
        ["demand", *(number(one.total_demand) for one in found)],
        ["supply", *(number(one.supply) for one in found)],
        ["served", *(f"{served(one)} of {many}" for one in found)],
        ["demanders earn", *(number(float(one.demander_profit.sum())) for one in found)],
        ["supplier earns", *(number(one.supplier_profit) for one in found)],
        ["unfunded", *(number(one.unfunded) for one in found)],
        ["best gain", *(tiny(one.certificate.max_unilateral_gain) for one in found)],
        ["residual", *(tiny(one.certificate.residual) for one in found)],
    ]


def _picture(answers: Sequence[Equilibrium | str]) -> "Figure":
    """Demand of each demander, the sum and the supply; one panel for each concept."""
    found = [one for one in answers if isinstance(one, Equilibrium)]
    shown = min(len(found[0].demand), _MOST_BARS) if found else 0
    figure = sheet(8.6, max(1.2, len(found) * (1.2 + 0.3 * shown)))
    if not found:
        figure.text(0.5, 0.5, "No equilibrium.", ha="center", va="center")
        return figure
    for axes, one in zip(
        figure.subplots(len(found), 1, sharex=True, squeeze=False)[:, 0], found, strict=True
    ):
        order = np.argsort(-one.demand, kind="stable")[:_MOST_BARS]
        bars = [(f"demander {j}", float(one.demand[j]), ACCENT) for j in order.tolist()]
        rest = one.total_demand - sum(length for _, length, _ in bars)
        if len(one.demand) > _MOST_BARS:
            bars.append((f"{len(one.demand) - _MOST_BARS} more", rest, ACCENT))
        bars += [("all demand", one.total_demand, INK), ("supply", one.supply, WARM)]
        drawn = axes.barh(
            range(len(bars)),
            [length for _, length, _ in bars],
            height=0.66,
            color=[colour for *_, colour in bars],
        )
        axes.bar_label(drawn, labels=[number(length) for _, length, _ in bars], padding=4)
        axes.set_yticks(range(len(bars)), [name for name, *_ in bars])
        axes.invert_yaxis()
        axes.margins(x=0.14)
        axes.grid(visible=False, axis="y")
        axes.set_title(f"{one.concept}: price {number(one.price)}")
    axes.set_xlabel("units")
    return figure
