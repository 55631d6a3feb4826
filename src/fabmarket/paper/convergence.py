"""The paper's Fig. 5: how many iterations the parties need, and what "15 against 35" can mean.

The comparator, "the power grid supply and demand game model", is cited as an empty space. A price
dynamic, as used for power grids (see `fabmarket.game.dynamics.tatonnement`), stands in for it.
"""

import warnings
from itertools import islice

import numpy as np

from fabmarket.game import Game, solve
from fabmarket.game.dynamics import (
    AggregateNewton,
    Anderson,
    DivergenceWarning,
    Dynamic,
    Extragradient,
    GaussSeidel,
    Gradient,
    Jacobi,
    JacobiThenSupplier,
    Nesterov,
    Play,
    Relaxed,
    Tatonnement,
    start_at,
)
from fabmarket.paper.claim import NOT_IDENTIFIED, Facts, holds_if
from fabmarket.paper.equilibria import written
from fabmarket.paper.printed import (
    ITERATIONS_HERE,
    ITERATIONS_THERE,
    START_DEMAND,
    START_SUPPLY,
    market,
)
from fabmarket.report.wording import power

LEVELS = (1e-2, 1e-3, 1e-6, 1e-9)
"""Errors whose first round is reported."""
DYNAMICS: tuple[tuple[str, Dynamic], ...] = (
    ("Gauss–Seidel best response", GaussSeidel()),
    ("MRDs at once, then MRS", JacobiThenSupplier()),
    ("all at once (Jacobi)", Jacobi()),
    ("relaxed", Relaxed()),
    ("gradient", Gradient()),
    ("extragradient", Extragradient()),
    ("Nesterov", Nesterov()),
    ("price tâtonnement, step 0.1", Tatonnement(0.1)),
    ("price tâtonnement, step 0.05", Tatonnement(0.05)),
    ("Anderson on Gauss–Seidel", Anderson()),
    ("Newton on the aggregate price", AggregateNewton()),
)
"""Every dynamic, with the steps of the report; the first is the process the paper describes."""
ROUNDS = 130
_STEPS = np.geomspace(0.25, 0.01, 650)  # 1/4 is the step that contracts most with 3 free parties
_COUNTS = range(10, 61)
_PAIR_LEVELS = LEVELS[:3]


def played(game: Game, dynamic: Dynamic, rounds: int) -> Play:
    """So many rounds from the paper's start, converging or not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DivergenceWarning)
        start = start_at(game, START_DEMAND, START_SUPPLY)
        play = Play(game, dynamic, start, allow_divergence=True)
    for _ in islice(play, rounds):
        pass
    return play


def plays() -> list[tuple[str, Play]]:
    """Every one of DYNAMICS, ROUNDS rounds long, by name."""
    game = market()
    return [(name, played(game, dynamic, ROUNDS)) for name, dynamic in DYNAMICS]


def measure(all_plays: list[tuple[str, Play]]) -> Facts:
    """Rounds to each error for every dynamic, and the steps that give any count one likes."""
    game = market()
    return {
        "printed": [ITERATIONS_HERE, ITERATIONS_THERE],
        "start": {"demand": START_DEMAND, "supply": START_SUPPLY},
        "equilibrium": written(solve(game, "simultaneous")),
        "dynamics": [
            {
                "name": name,
                "dynamic": play.dynamic.name,
                "radius": play.radius,
                "rounds_to": {power(level): play.rounds_to(level) for level in LEVELS},
                "errors": play.errors,
            }
            for name, play in all_plays
        ],
        "any_pair": _any_pair(game),
    }


def _any_pair(game: Game) -> Facts:
    """For each error and each count of rounds a step of one and the same dynamic that takes it."""
    steps: dict[str, dict[str, float]] = {power(level): {} for level in _PAIR_LEVELS}
    curves: dict[str, list[int]] = {power(level): [] for level in _PAIR_LEVELS}
    for step in _STEPS.tolist():
        play = Play(game, Tatonnement(step), start_at(game, START_DEMAND, START_SUPPLY))
        play.until(_PAIR_LEVELS[-1], 2000)
        for level in _PAIR_LEVELS:
            count = play.rounds_to(level)
            if count is not None:
                curves[power(level)].append(count)
                steps[power(level)].setdefault(str(count), step)
    slow = played(game, Tatonnement(0.05), ITERATIONS_THERE)
    return {
        "dynamic": "tatonnement",
        "steps": _STEPS.tolist(),
        "rounds": curves,
        "step_for": steps,
        "counts": [_COUNTS.start, _COUNTS.stop - 1],
        "missing": {
            level: [count for count in _COUNTS if str(count) not in found]
            for level, found in steps.items()
        },
        "same_play": {
            "step": 0.05,
            "tolerance_for": {
                str(count): slow.errors[count] for count in (ITERATIONS_HERE, ITERATIONS_THERE)
            },
        },
    }


def verdicts(facts: Facts) -> dict[str, str]:
    """Play reaches the equilibrium; "15 against 35" says nothing."""
    own = facts["dynamics"][0]["rounds_to"]
    return {
        "reaches-equilibrium": holds_if(own[power(LEVELS[-1])] is not None),
        "faster": NOT_IDENTIFIED,
    }
