"""Where a falling sum of clipped lines meets a rising line with kinks.

A(q) = sum_j clip(c_j - q, 0, u_j) is what demanders with margins c ask for at price q, in units of
price; R(q) is what must be asked for. Both are piecewise linear, so the root lies on one piece,
which a search of the sorted kinks finds; there one division gives it, without iteration. The
kinks are sorted once and A is summed afresh for each probe: O(m log m), and no error from
accumulating prefix sums.
"""

from collections.abc import Callable, Iterable
from math import inf

import numpy as np

from fabmarket.game.model import Vector

Line = Callable[[float], tuple[float, float]]
"""From a price to (level, slope) of the piece of R that ends there: R(q) = level + slope q."""


def kinks_of(margin: Vector, bound: Vector) -> Vector:
    """The prices at which a demander starts to buy (c) or becomes full (c - u), unsorted."""
    full = margin - bound
    return np.concatenate([margin, full[np.isfinite(full)]])


def demand_line(margin: Vector, bound: Vector, low: float, high: float) -> tuple[float, int]:
    """(level, count) with A(q) = level - count q for q in [low, high], which holds no kink."""
    full = margin - bound
    interior = (margin >= high) & (full <= low)
    level = margin[interior].sum() + bound[full >= high].sum()
    return float(level), int(np.count_nonzero(interior))


def lowest_root(margin: Vector, bound: Vector, required: Line, kinks: Iterable[float]) -> float:
    """The lowest q with A(q) <= R(q).

    Args:
        margin: c, shape (m,).
        bound: u, shape (m,), >= 0; inf for no bound.
        required: R, not falling, and rising beyond max c unless it is >= 0 there.
        kinks: where R changes slope; infinite ones are ignored.
    """
    extra = np.array([kink for kink in kinks if kink < inf])
    prices = np.unique(np.concatenate([kinks_of(margin, bound), extra]))

    def met(price: float) -> bool:
        level, slope = required(price)
        return bool(np.clip(margin - price, 0.0, bound).sum() <= level + slope * price)

    # (1) The first kink at which the requirement is met ends the piece that holds the root.
    first, last = 0, len(prices)
    while first < last:
        middle = (first + last) // 2
        if met(float(prices[middle])):
            last = middle
        else:
            first = middle + 1
    low = float(prices[first - 1]) if first > 0 else -inf
    high = float(prices[first]) if first < len(prices) else inf
    # (2) On that piece both sides are lines. If both are level they differ by rounding only.
    level, count = demand_line(margin, bound, low, high)
    offset, slope = required(high)
    if count + slope == 0:
        return high
    return min(max((level - offset) / (count + slope), low), high)
