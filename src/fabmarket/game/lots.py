"""Whole lots: every quantity is a multiple of one lot, all move at once.

The game of "simultaneous" has a weighted potential (Monderer & Shapley, "Potential games", 1996),

    P = sum_j c_j v_j - a sum_j v_j^2 - a sum_(i<j) v_i v_j + b w S - (b/a) w (b w + d_s),

which rises by a demander's own gain, and by b/a times the supplier's, when one of them moves alone.
It is bounded, so moves that each gain something must end, and they end in an equilibrium among
whole lots. There may be several. The rule that picks one, and settles ties: start from the
equilibrium of "simultaneous" rounded, halves down; let the demanders move in the order of falling
margin, the earlier first among equals, then the supplier, round by round; a party moves only if it
gains, to its best quantity, to the smaller of two equally good ones.
"""

from math import ceil, floor, inf

import numpy as np

from fabmarket.game.certificate import certificate, fitting, price_violation
from fabmarket.game.closed_forms.simultaneous import simultaneous
from fabmarket.game.equilibrium import require, stated
from fabmarket.game.model import Certificate, Equilibrium, Game, Outcome, checked, refuse_budgets

_ROUNDING = 1e-12


def solve_lots(game: Game, lot: float = 1.0) -> Equilibrium:
    """An equilibrium of "simultaneous" in whole lots; O(m) a round.

    The certificate checks deviations to whole lots; with any quantity allowed somebody could in
    general gain a little (see `verify`).

    >>> found = solve_lots(Game([100, 200, 200], [45, 45, 15], 10, 0.8, 0.2), lot=10)
    >>> found.demand.tolist(), found.supply
    ([0.0, 90.0, 120.0], 390.0)

    Args:
        game: the data; bounds are rounded down to whole lots.
        lot: units in a lot, > 0.

    Raises:
        InvalidGame: the lot is not a finite number > 0.
        Unsupported: the game has budgets.
    """
    lot = float(checked("lot", lot, (), positive=True))
    refuse_budgets(game, "whole lots")
    free = simultaneous(game)
    margin, a, b, start = _integers(game, lot)
    most = [_whole(cap, lot) for cap in game.cap.tolist()]
    near = [ceil(v / lot - 0.5) for v in free.demand.tolist()]
    demand = [int(min(n, top)) for n, top in zip(near, most, strict=True)]
    supply = int(min(ceil(free.supply / lot - 0.5), _whole(game.supply_cap, lot)))
    total = sum(demand)
    order = sorted(range(len(margin)), key=lambda j: -margin[j])
    moved = True
    while moved:
        moved = False
        for j in order:
            rest = margin[j] - a * (total - demand[j]) + b * supply
            best = _best(demand[j], rest, a, most[j])
            moved |= best != demand[j]
            total += best - demand[j]
            demand[j] = best
        best = _best(supply, a * total - start, b, _whole(game.supply_cap, lot))
        moved |= best != supply
        supply = best
    quantity = np.minimum(np.array(demand, dtype=np.float64) * lot, game.cap)
    supplied = min(supply * lot, game.supply_cap)
    price = game.a * float(quantity.sum()) - game.b * supplied
    outcome = Outcome(price, quantity, supplied, f"whole lots of {lot}")
    proof = verify_lots(game, lot, outcome)
    require(proof, "simultaneous")
    return stated(game, "simultaneous", outcome, proof)


def verify_lots(game: Game, lot: float, outcome: Outcome | Equilibrium) -> Certificate:
    """Every party's best gain among whole lots, the others standing still; O(m).

    The residual is the relative violation of price rule, bounds and wholeness.

    Args:
        game: the data.
        lot: units in a lot, > 0.
        outcome: price, demand of shape (m,) and supply, to be checked.

    Raises:
        InvalidGame: the lot is not a finite number > 0; or the quantities do not fit the game
            (number of demanders, NaN, infinite).
    """
    lot = float(checked("lot", lot, (), positive=True))
    found = fitting(game, outcome.price, outcome.demand, outcome.supply)
    # Every party earns n (rest - weight n) with n units.
    now, most = np.append(found.demand, found.supply), np.append(game.cap, game.supply_cap)
    weight = np.where(np.arange(len(now)) < len(game.cap), game.a, game.b)
    rest = np.append(
        game.margin - game.a * (found.total - found.demand) + found.offered,
        found.asked - game.supplier_cost,
    )
    top = np.clip(rest / (2 * weight), 0.0, most)
    gains, moved = np.zeros_like(now), now
    for tried in (np.floor(top / lot) * lot, np.ceil(top / lot) * lot):
        allowed = np.where(tried <= most, tried, 0.0)
        gain = allowed * (rest - weight * allowed) - now * (rest - weight * now)
        moved = np.where(gain > gains, now + allowed, moved)
        gains = np.maximum(gains, gain)
    outside = max(float(np.max(now - most)), float(np.max(-now)), 0.0)
    broken = float(np.abs(now - np.minimum(np.rint(now / lot) * lot, most)).max())
    residual = max(price_violation(found), max(outside, broken) / (float(now.max()) or 1.0))
    deviations = (
        f"each demander: any whole number of lots of {lot} in [0, cap], the rest unchanged",
        f"the supplier: any whole number of lots of {lot} in [0, W], demands unchanged",
    )
    worth = np.append(np.maximum(game.benefit, game.cost), found.asked)
    return certificate(deviations, residual, gains, moved * np.maximum(worth, abs(found.price)))


def _integers(game: Game, lot: float) -> tuple[list[int], int, int, int]:
    """(c, a lot, b lot, d_s) times one power of two that makes them all integers: moves then gain
    or do not, without rounding, so that they end.
    """
    numbers = [*game.margin.tolist(), game.a * lot, game.b * lot, game.supplier_cost]
    ratios = [number.as_integer_ratio() for number in numbers]
    scale = max(bottom for _, bottom in ratios)
    scaled = [top * (scale // bottom) for top, bottom in ratios]
    return scaled[:-3], scaled[-3], scaled[-2], scaled[-1]


def _whole(bound: float, lot: float) -> float:
    """How many lots fit into a bound; three of 0.1 into 0.3, whatever the binary digits say."""
    if bound == inf:
        return inf
    near = round(bound / lot)
    return near if abs(near * lot - bound) <= _ROUNDING * bound else floor(bound / lot)


def _best(now: int, rest: int, weight: int, most: float) -> int:
    """The smallest of the best numbers n of lots in [0, most] for a profit of n (rest - weight n),
    or `now` if that is as good.
    """
    best = max(-((weight - rest) // (2 * weight)), 0)  # the nearest to the peak, of two the smaller
    if best > most:
        best = int(most)
    return best if (best - now) * (rest - weight * (best + now)) > 0 else now
