"""How long the price of a game takes: ours beside every other way, in one run.

    python benchmarks/game.py [--quick] [--json] [--repeats N]

Milliseconds are the median of the repeats, after one call that is not counted (it compiles). All
solvers get the same arrays and give the price of "simultaneous". Cases:

uncapped    benefits uniform in 50..250, costs in 0..50, d_s = 10, a = .8, b = .2
sorted, reverse, clustered, geometric
            the same without caps, margins rising, falling, of seven values, over 17 decades
capped      uniform caps, which bind for most of those who buy
batch       m games of 16 demanders each; batch-capped with caps

`fabmarket` runs compiled loops if numba is installed, `fabmarket-numpy` never. `floor` is one pass
over the inputs, a plain sum: benefit and cost, and caps where there are any;
`numpy-sort` and `brentq` are what one would write without us; `piqp` and `clarabel` solve the same
game as a quadratic programme, written sparse (with the total and the supply as variables of their
own), set-up included. A solver that is not installed has a row that says so, and so has one that
would take too long (`left out`). --quick leaves out piqp, clarabel and ten million demanders.
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from math import inf

import numpy as np
from rich.console import Console
from rich.table import Table

from fabmarket.game import Game, equilibrium_price, fast
from fabmarket.game.batch import Batch
from fabmarket.game.kernels import COMPILED, compiled

SIZES = (3, 1_000, 100_000, 1_000_000, 10_000_000)
START, A, B = 10.0, 0.8, 0.2
ORDERS = ("uncapped", "sorted", "reverse", "clustered", "geometric")
LARGEST = {"piqp": 100_000, "clarabel": 100_000, "numpy-sort": 10_000_000, "brentq": 10_000_000}
NEEDS = {"brentq": "scipy", "piqp": "piqp", "clarabel": "clarabel"}
SLOW = "" if COMPILED else "numba is not installed (extra fast)"
Run = Callable[[], object]


@dataclass
class Row:
    solver: str
    case: str
    m: int
    milliseconds: float | None
    note: str = ""


@compiled
def read(first: np.ndarray, second: np.ndarray) -> float:
    total = 0.0
    for j in range(len(first)):
        total += first[j] + second[j]
    return total


@compiled
def read_three(first: np.ndarray, second: np.ndarray, third: np.ndarray) -> float:
    total = 0.0
    for j in range(len(first)):
        total += first[j] + second[j] + third[j]
    return total


def margins(case: str, m: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    benefit, cost = rng.uniform(50, 250, m), rng.uniform(0, 50, m)
    if case in {"sorted", "reverse"}:
        order = np.argsort(benefit - cost)
        order = order if case == "sorted" else order[::-1]
        return benefit[order].copy(), cost[order].copy()
    if case == "clustered":
        return rng.integers(5, 12, m) * 20.0 + 10, np.full(m, 10.0)
    if case == "geometric":
        return np.exp(rng.uniform(-34, 6, m)), np.zeros(m)
    return benefit, cost


def by_sort(game: Game) -> float:
    """Sort, then the closed forms over all k; with caps sort all kinks and interpolate."""
    margin = game.benefit - game.cost
    if not game.capped:
        total = np.cumsum(np.sort(margin)[::-1])
        k = np.arange(1, len(total) + 1)
        alone = (total / (k + 1)).max()
        return alone if alone <= START else ((total + START) / (k + 2)).max()
    kinks = np.concatenate([margin, margin - A * game.cap])
    sign = np.repeat([1.0, -1.0], len(margin))
    order = np.argsort(-kinks)
    kinks, sign = kinks[order], sign[order]
    count, level = np.cumsum(sign), np.cumsum(sign * kinks)
    excess = level - count * kinks - kinks - np.maximum(kinks - START, 0)
    piece = int(np.argmax(excess > 0)) - 1
    both = (level[piece] + START) / (count[piece] + 2)
    return both if both > START else level[piece] / (count[piece] + 1)


def by_brentq(game: Game) -> float:
    from scipy.optimize import brentq  # noqa: PLC0415 - may be absent

    margin, bound = game.benefit - game.cost, A * game.cap
    asked = np.empty_like(margin)

    def excess(price: float) -> float:
        np.subtract(margin, price, out=asked)
        np.maximum(asked, 0.0, out=asked)
        if game.capped:
            np.minimum(asked, bound, out=asked)
        return asked.sum() - price - max(price - START, 0.0)

    return brentq(excess, 0.0, margin.max(), xtol=1e-12, rtol=1e-14)


def programme(game: Game) -> tuple:
    """Minimise a/2 |x|^2 + a/2 t^2 - c.v - d_s z with t = sum v + z, z = -bw/a <= 0."""
    from scipy import sparse  # noqa: PLC0415 - may be absent

    m = len(game.benefit)
    weights = sparse.diags(np.full(m + 2, A), format="csc")
    linear = np.concatenate([-(game.benefit - game.cost), [-START, 0.0]])
    total = sparse.csc_matrix(np.concatenate([np.ones(m + 1), [-1.0]])[None, :])
    upper = np.concatenate([game.cap, [0.0, inf]])
    lower = np.concatenate([np.zeros(m), [-inf, -inf]])
    return weights, linear, total, lower, upper


def by_piqp(game: Game) -> float:
    import piqp  # noqa: PLC0415 - may be absent

    weights, linear, total, lower, upper = programme(game)
    solver = piqp.SparseSolver()
    solver.settings.eps_abs = solver.settings.eps_rel = 1e-9
    solver.setup(weights, linear, total, np.zeros(1), x_l=lower, x_u=upper)
    solver.solve()
    return A * float(solver.result.x[-1])


def by_clarabel(game: Game) -> float:
    import clarabel  # noqa: PLC0415 - may be absent
    from scipy import sparse  # noqa: PLC0415 - may be absent

    weights, linear, total, lower, upper = programme(game)
    chosen = sparse.eye(len(linear), format="csc")
    most, least = np.isfinite(upper), np.isfinite(lower)
    rows = sparse.vstack([total, chosen[most], -chosen[least]], format="csc")
    right = np.concatenate([[0.0], upper[most], -lower[least]])
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    cones = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(len(right) - 1)]
    solver = clarabel.DefaultSolver(weights, linear, rows, right, cones, settings)
    return A * float(solver.solve().x[-1])


PEERS: dict[str, Callable[[Game], float]] = {
    "numpy-sort": by_sort,
    "brentq": by_brentq,
    "piqp": by_piqp,
    "clarabel": by_clarabel,
}


def games(sizes: tuple[int, ...], rng: np.random.Generator) -> Iterator[tuple[str, int, Game]]:
    for m in sizes:
        for case in (*ORDERS, "capped"):
            if m < 1_000 and case in ORDERS[1:]:
                continue
            benefit, cost = margins(case, m, rng)
            cap = rng.uniform(0, 1, m) * 300 / m if case == "capped" else None
            yield case, m, Game(benefit, cost, START, A, B, cap=cap)


def millis(run: Run, repeats: int, budget: float = 3.0) -> float:
    """The median, of fewer repeats where they would take longer than the budget (seconds)."""
    run()
    taken: list[float] = []
    while len(taken) < repeats and (len(taken) < 3 or sum(taken) < budget):
        began = time.perf_counter()
        run()
        taken.append(time.perf_counter() - began)
    return 1e3 * statistics.median(taken)


def absent(solver: str) -> str:
    """Why a solver cannot run; empty if it can."""
    for module in {NEEDS.get(solver, "numpy"), "scipy" if solver in NEEDS else "numpy"}:
        if find_spec(module) is None:
            return f"absent: {module} is not installed (extra bench)"
    return ""


def measure(case: str, m: int, game: Game, args: argparse.Namespace) -> Iterator[Row]:
    budget = 0.4 if args.quick else 3.0
    arrays = (game.benefit, game.cost, game.cap)
    floor = (lambda: read_three(*arrays)) if game.capped else (lambda: read(*arrays[:2]))
    yield Row("floor", case, m, millis(floor, args.repeats, budget), SLOW)
    for solver, loops in {"fabmarket": COMPILED, "fabmarket-numpy": False}.items():
        taken = millis(
            lambda loops=loops: equilibrium_price(game, compiled=loops), args.repeats, budget
        )
        yield Row(solver, case, m, taken, "" if loops else SLOW)
    plain = equilibrium_price(game, compiled=False)
    for solver, peer in PEERS.items():
        why = absent(solver)
        if not why and solver in {"piqp", "clarabel"} and args.quick:
            why = "left out by --quick"
        if not why and m > LARGEST[solver]:
            why = "left out: too slow at this size"
        if not why and solver in {"piqp", "clarabel"} and case not in {"uncapped", "capped"}:
            why = "left out: measured for uncapped and capped only"
        if why:
            yield Row(solver, case, m, None, why)
            continue
        error = abs(peer(game) / plain - 1)
        taken = millis(lambda peer=peer: peer(game), args.repeats, budget)
        yield Row(solver, case, m, taken, f"price off by {error:.0e}" if error > 1e-9 else "")


def measure_batch(args: argparse.Namespace, rng: np.random.Generator) -> Iterator[Row]:
    count = 100_000
    benefit, cost = rng.uniform(50, 250, (count, 16)), rng.uniform(0, 50, (count, 16))
    free = Batch(benefit, cost, START, A, B)
    caps = Batch(benefit, cost, START, A, B, cap=rng.uniform(0, 100, benefit.shape))
    flat = free.benefit.ravel(), free.cost.ravel()
    yield Row("floor", "batch", count, millis(lambda: read(*flat), args.repeats), SLOW)
    three = caps.benefit.ravel(), caps.cost.ravel(), caps.cap.ravel()
    yield Row(
        "floor", "batch-capped", count, millis(lambda: read_three(*three), args.repeats), SLOW
    )
    for case, many in {"batch": free, "batch-capped": caps}.items():
        yield Row("fabmarket-numpy", case, count, millis(lambda many=many: many.prices(), 5))


def ratios(rows: list[Row]) -> dict[str, float]:
    """The targets' ratios, as far as both of their numbers were measured."""
    taken = {(row.solver, row.case, row.m): row.milliseconds for row in rows}

    def over(first: tuple[str, str, int], second: tuple[str, str, int]) -> float | None:
        one, two = taken.get(first), taken.get(second)
        return round(one / two, 2) if one and two else None

    found, million = {}, 1_000_000
    for case in ORDERS:
        for m in (million, 10 * million):
            ours = ("fabmarket", case, m)
            found[f"{case} over floor at {m}"] = over(ours, ("floor", case, m))
        ours = ("fabmarket", case, million)
        found[f"brentq over {case} at {million}"] = over(("brentq", case, million), ours)
    ours = ("fabmarket", "capped", million)
    found["capped over uncapped at 1000000"] = over(ours, ("fabmarket", "uncapped", million))
    found["capped over its floor at 1000000"] = over(ours, ("floor", "capped", million))
    return {name: ratio for name, ratio in found.items() if ratio is not None}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="at most 45 s")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--repeats", type=int, default=0, help="default 21, with --quick 9")
    args = parser.parse_args()
    args.repeats = args.repeats or (9 if args.quick else 21)
    rng = np.random.default_rng(1)
    rows: list[Row] = []
    for case, m, game in games(SIZES[:-1] if args.quick else SIZES, rng):
        rows.extend(measure(case, m, game, args))
    rows.extend(measure_batch(args, rng))
    report(rows, as_json=args.json)


def report(rows: list[Row], *, as_json: bool) -> None:
    about = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "python": platform.python_version(),
        "numba": fast.can_compile(),
        "ratios": ratios(rows),
    }
    if as_json:
        print(json.dumps({**about, "rows": [asdict(row) for row in rows]}, indent=2))
        return
    table = Table("solver", "case", "m", "milliseconds", "note")
    for row in rows:
        taken = "" if row.milliseconds is None else f"{row.milliseconds:.4g}"
        table.add_row(row.solver, row.case, f"{row.m:,}", taken, row.note)
    console = Console()
    console.print(table)
    for name, ratio in about["ratios"].items():
        console.print(f"{name}: {ratio}")


if __name__ == "__main__":
    main()
