"""Three demanders by NashOpt, a solver of generalised Nash equilibria by others, and by us.

    python benchmarks/against_nashopt.py [--games N] [--json]

NashOpt (A. Bemporad, arXiv 2512.23636) knows nothing of prices, kinks or closed forms. It gets each
game in two ways:

profits     every party's profit as a function of all quantities; it differentiates them and finds
            a root of everybody's first-order conditions (Fischer-Burmeister form)
programme   the same as matrices; it finds quantities and multipliers by a mixed-integer programme

S <= w goes in as a constraint that all share, with one multiplier (`variational`). The cases below
go both ways, N random games (default 200) only the second, which is quicker. A difference is that
of the price, relative to ours, or that of a quantity, relative to our largest, whichever is larger;
where ours is 0 it is not relative. Where we refuse S <= w, because the price would not pay the
supplier's cost, NashOpt's price must be below that cost. Ends with 1 if it is not, or if a
difference is above 1e-9.

Needs `nashopt` and `qpsolvers`, which it imports without asking for; `make peers` installs both in
an environment of their own.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from math import inf

import jax.numpy as jnp
import numpy as np
from nashopt import GNEP, GNEP_LQ

from fabmarket.game import Equilibrium, Game, NoEquilibrium, solve

TOLERANCE = 1e-9
LARGEST_NUMBER = 1e4  # the programme's bound on slacks and multipliers; all here are far below it

MARGINS = ([100, 200, 200], [45, 45, 15])
CASES = {
    "the paper's": (Game(*MARGINS, 10, 0.8, 0.2), False),
    "a < b": (Game(*MARGINS, 10, 0.2, 0.8), False),
    "caps and W bind": (
        Game(*MARGINS, 10, 0.8, 0.2, cap=[100, 60, 60], supply_cap=150),
        False,
    ),
    "equal margins": (Game([200] * 3, [45] * 3, 10, 0.8, 0.2), False),
    "a margin is the price": (Game([100, 200, 200], [12.5, 45, 15], 10, 0.8, 0.2), False),
    "no supply": (Game([30, 40, 20], [5, 5, 15], 50, 0.8, 0.2), False),
    "no trade": (Game([30, 40, 20], [45] * 3, 10, 0.8, 0.2), False),
    "S <= w is slack": (Game(*MARGINS, 10, 0.8, 0.2), True),
    "S <= w binds": (Game(*MARGINS, 10, 0.8, 0.6), True),
    "S <= w binds at W": (Game(*MARGINS, 10, 0.8, 0.2, supply_cap=150), True),
    "S <= w cannot pay": (Game(*MARGINS, 10, 0.2, 0.8), True),
}


@dataclass
class Found:
    price: float
    demand: list[float]
    supply: float


@dataclass
class Row:
    case: str
    way: str
    ours: Found | None
    theirs: Found
    difference: float | None
    agrees: bool


def by_profits(game: Game, coupled: bool) -> np.ndarray:
    m = len(game.benefit)

    def price(x: jnp.ndarray) -> jnp.ndarray:
        return game.a * jnp.sum(x[:m]) - game.b * x[m]

    def loss_of(j: int) -> object:
        return lambda x: -x[j] * (game.benefit[j] - price(x) - game.cost[j])

    losses = [*map(loss_of, range(m)), lambda x: -x[m] * (price(x) - game.supplier_cost)]
    shared = {"g": lambda x: jnp.array([jnp.sum(x[:m]) - x[m]]), "ng": 1, "variational": True}
    upper = np.append(game.cap, game.supply_cap)
    solver = GNEP(
        [1] * (m + 1), losses, lb=np.zeros(m + 1), ub=upper, **(shared if coupled else {})
    )
    return solver.solve(verbose=0).x


@contextmanager
def hushed() -> Iterator[None]:
    """HiGHS greets from C, past sys.stdout, whatever its options."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def by_programme(game: Game, coupled: bool) -> np.ndarray:
    m = len(game.benefit)
    weights = np.append(np.full(m, game.a), -game.b)
    quadratic, linear = [], []
    for party, constant in enumerate([*-game.margin, game.supplier_cost]):
        sign = -1.0 if party == m else 1.0
        own = np.zeros(m + 1)
        own[party] = 1.0
        # x_party (weights . x) and x_party constant, as x'Qx/2 and c'x
        quadratic.append(sign * (np.outer(own, weights) + np.outer(weights, own)))
        linear.append(constant * own)
    shared = {"A": np.append(np.ones(m), -1.0)[None, :], "b": np.zeros(1), "variational": True}
    with hushed():
        solver = GNEP_LQ(
            [1] * (m + 1),
            quadratic,
            linear,
            lb=np.zeros(m + 1),
            ub=np.append(game.cap, game.supply_cap),
            M=LARGEST_NUMBER,
            solver="highs",
            **(shared if coupled else {}),
        )
        return solver.solve().x


WAYS = {"profits": by_profits, "programme": by_programme}


def random_games(count: int) -> Iterator[tuple[str, Game, bool]]:
    """Every second one with equal costs and few benefits, every third with S <= w."""
    rng = np.random.default_rng(3)
    for n in range(count):
        benefit = rng.integers(1, 6, 3) * 40.0 if n % 2 else rng.uniform(50, 250, 3)
        cost = np.full(3, 10.0) if n % 2 else rng.uniform(0, 50, 3)
        game = Game(
            benefit,
            cost,
            rng.uniform(0, 60),
            *rng.uniform(0.2, 2, 2),
            cap=np.where(rng.random(3) < 0.5, rng.uniform(0, 150, 3), inf),
            supply_cap=rng.uniform(0, 300) if rng.random() < 0.5 else inf,
        )
        yield f"random {n}", game, n % 3 == 0


def compared(case: str, way: str, game: Game, coupled: bool) -> Row:
    quantities = WAYS[way](game, coupled)
    demand, supply = quantities[:-1], float(quantities[-1])
    price = float(game.a * demand.sum() - game.b * supply)
    theirs = Found(price, demand.tolist(), supply)
    try:
        ours = solve(game, "simultaneous", coupled=coupled)
    except NoEquilibrium:
        return Row(case, way, None, theirs, None, price < game.supplier_cost)
    far = difference(ours, theirs)
    found = Found(ours.price, ours.demand.tolist(), ours.supply)
    return Row(case, way, found, theirs, far, far <= TOLERANCE)


def difference(ours: Equilibrium, theirs: Found) -> float:
    here = np.append(ours.demand, ours.supply)
    off = np.abs(here - [*theirs.demand, theirs.supply]).max() / (here.max() or 1.0)
    return float(max(off, abs(ours.price - theirs.price) / (ours.price or 1.0)))


def line(found: Found | None) -> str:
    if found is None:
        return f"{'refused':>42}"
    units = np.round([*found.demand, found.supply], 3) + 0.0  # no -0.000
    return f"{found.price:9.4f} " + " ".join(f"{one:8.3f}" for one in units)


def report(rows: list[Row]) -> None:
    print(f"{'case':22} {'way':10} {'ours: q':>9} {'v':>26} {'w':>8}  {'NashOpt':>8}  difference")
    for row in rows:
        if row.case.startswith("random") and row.agrees:
            continue
        far = f"{row.difference:.1e}" if row.difference is not None else "below cost"
        end = far if row.agrees else f"{far}  DISAGREES"
        print(f"{row.case:22} {row.way:10} {line(row.ours)}  {line(row.theirs)}  {end}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--games", type=int, default=200, help="random games; default 200")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows = [
        compared(case, way, game, coupled)
        for case, (game, coupled) in CASES.items()
        for way in WAYS
    ]
    rows += [
        compared(case, "programme", game, coupled)
        for case, game, coupled in random_games(args.games)
    ]
    largest = max(row.difference for row in rows if row.difference is not None)
    refused = sum(row.ours is None for row in rows)
    wrong = sum(not row.agrees for row in rows)
    if args.json:
        summary = {"tolerance": TOLERANCE, "largest": largest, "refused": refused, "wrong": wrong}
        print(json.dumps({**summary, "rows": [asdict(row) for row in rows]}, indent=2))
    else:
        report(rows)
        print(
            f"{len(rows)} comparisons: {refused} refused here and below cost there, {wrong}"
            f" disagree; largest difference {largest:.1e}, allowed {TOLERANCE:.0e}"
        )
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
