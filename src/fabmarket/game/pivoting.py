"""The root with caps: Newton steps, and pivots among the kinks where Newton does not help.

With caps A is neither convex nor concave, so a Newton step may overshoot. The root is therefore
kept between two prices, low < root <= high, which decide most demanders: below both kinks of a
demander it takes u_j, between them c_j - q, above them nothing. Only those with a kink strictly
between low and high stay in the pool. Compiled by numba where it is installed (see kernels).
"""

from math import inf
from typing import NamedTuple

import numpy as np

from fabmarket.game.closed_forms import root
from fabmarket.game.closed_forms.root import Requirement
from fabmarket.game.kernels import BLOCK, compiled, meet
from fabmarket.game.model import Vector

_SAMPLE = 2048
_GROUPS = 4
_BLOCK = 32
_CLOSE = 1 / 64
_SMALL = 63

required = compiled(root.required)


class Demand(NamedTuple):
    """All demanders: margins benefit - cost and bounds weight cap."""

    benefit: Vector
    cost: Vector
    cap: Vector
    weight: float


class Pool(NamedTuple):
    """Room for the margins and bounds of those who are not decided yet."""

    margins: Vector
    bounds: Vector


@compiled
def asked_at(demand: Demand, left: float, right: float) -> tuple[float, float]:
    """(A(left), A(right)) over all data, blockwise sums."""
    more, less = 0.0, 0.0
    for block in range((len(demand.benefit) + BLOCK - 1) // BLOCK):
        y = demand.benefit[block * BLOCK : (block + 1) * BLOCK]
        d = demand.cost[block * BLOCK : (block + 1) * BLOCK]
        k = demand.cap[block * BLOCK : (block + 1) * BLOCK]
        first, second = 0.0, 0.0
        for j in range(len(y)):
            c, u = y[j] - d[j], demand.weight * k[j]
            first += min(max(c - left, 0.0), u)
            second += min(max(c - right, 0.0), u)
        more += first
        less += second
    return more, less


@compiled
def gather(demand: Demand, low: float, high: float, pool: Pool) -> tuple[int, float, float]:
    """Fill the pool with those who have a kink in (low, high); (size, level, count) of the others.

    Between the two prices the others ask for level - count q. The pool needs a place to spare.
    Blocks are short, since one with anybody for the pool is read twice.
    """
    size, level, count = 0, 0.0, 0.0
    for block in range((len(demand.benefit) + _BLOCK - 1) // _BLOCK):
        y = demand.benefit[block * _BLOCK : (block + 1) * _BLOCK]
        d = demand.cost[block * _BLOCK : (block + 1) * _BLOCK]
        k = demand.cap[block * _BLOCK : (block + 1) * _BLOCK]
        part, number, open_ = 0.0, 0.0, 0.0
        for j in range(len(y)):
            c, u = y[j] - d[j], demand.weight * k[j]
            filled = c - u >= high
            linear = (c >= high) & (c - u <= low)
            part += u if filled else (c if linear else 0.0)
            number += 1.0 if linear else 0.0
            open_ += 0.0 if filled | linear | (c <= low) else 1.0
        level += part
        count += number
        if open_ > 0.0:
            # Without a branch: who does not belong in the pool is overwritten by the next.
            for j in range(len(y)):
                c, u = y[j] - d[j], demand.weight * k[j]
                pool.margins[size] = c
                pool.bounds[size] = u
                size += (c > low) & (c - u < high) & ((c < high) | (c - u > low))
    return size, level, count


@compiled
def excess(pool: Pool, size: int, q: float, level: float, count: float, rule: Requirement) -> float:
    """A(q) - R(q), where a pool and the line level - count q make up A; -q for infinite q."""
    if abs(q) == inf:
        return -q
    asked = level - count * q
    for i in range(size):
        asked += min(max(pool.margins[i] - q, 0.0), pool.bounds[i])
    return asked - required(q, rule)


@compiled
def pivot(margins: Vector, bounds: Vector, size: int, low: float, high: float) -> float:
    """A kink strictly between low and high: any of a small pool, of a large one the median of some
    of its kinks, evenly taken.
    """
    if size <= _SMALL:
        only: float = margins[size // 2]
        return only if only < high else only - bounds[size // 2]
    step = (size + _SMALL - 1) // _SMALL
    kinks = np.empty(_SMALL)
    taken = 0
    for i in range(0, size, step):
        c = margins[i]
        kinks[taken] = c if c < high else c - bounds[i]
        taken += 1
    kinks = np.sort(kinks[:taken])
    middle: float = kinks[taken // 2]
    return middle


@compiled
def settle(
    pool: Pool,
    size: int,
    low: float,
    high: float,
    level: float,
    count: float,
    rule: Requirement,
) -> float:
    """The root from a pool, level and count: shrinks the pool, which it overwrites, to nothing."""
    margins, bounds = pool.margins, pool.bounds
    newton = inf
    while size > 0:
        q = newton
        if not low < q < high:
            q = pivot(margins, bounds, size, low, high)
        asked, number = level - count * q, count
        for i in range(size):
            above = max(margins[i] - q, 0.0)
            asked += min(above, bounds[i])
            number += 1.0 if (above > 0.0) & (above < bounds[i]) else 0.0
        if asked > required(q, rule):
            low = q
        else:
            high = q
        # Those who no longer have a kink between low and high leave the pool.
        kept = 0
        for i in range(size):
            c, u = margins[i], bounds[i]
            if c - u >= high:
                level += u
            elif c >= high and c - u <= low:
                level += c
                count += 1.0
            elif c > low:
                margins[kept] = c
                bounds[kept] = u
                kept += 1
        newton = inf
        if 2 * kept <= size and number + rule.slope > 0:
            newton = meet(asked + number * q, number, rule)
        size = kept
    return min(max(meet(level, count, rule), low), high)


@compiled
def guesses(demand: Demand, pool: Pool, rule: Requirement) -> tuple[float, float]:
    """The lowest and the highest root of _GROUPS even samples."""
    left, right = inf, -inf
    m = len(demand.benefit)
    step = m // _SAMPLE
    for group in range(_GROUPS):
        size = 0
        for j in range(group * step, m, _GROUPS * step):
            pool.margins[size] = demand.benefit[j] - demand.cost[j]
            pool.bounds[size] = demand.weight * demand.cap[j]
            size += 1
        part = size / m
        share = Requirement(
            part * rule.offset, part * rule.slope, rule.start, rule.full, part * rule.steep
        )
        guess = settle(pool, size, -inf, inf, 0.0, 0.0, share)
        left, right = min(left, guess), max(right, guess)
    return left, right


@compiled
def root_near(demand: Demand, pool: Pool, left: float, right: float, rule: Requirement) -> float:
    """The root, in one pass if it is in (left, right], left < right.

    If it is not, the next pass looks beyond the end where it must be, farther than the line through
    both ends leads, and each time bolder.
    """
    low, high, bold = -inf, inf, 1.0
    while True:
        size, level, count = gather(demand, left, right, pool)
        more = excess(pool, size, left, level, count, rule)
        less = excess(pool, size, right, level, count, rule)
        width = bold * (right - left)
        if left > low and more <= 0.0:
            width += width * -more / (more - less) if more > less else inf
            left, right, high = left - width, left, left
        elif right < high and less > 0.0:
            width += width * less / (more - less) if more > less else inf
            left, right, low = right, right + width, right
        else:
            return settle(pool, size, left, right, level, count, rule)
        bold *= 4.0


@compiled
def capped_root(demand: Demand, rule: Requirement) -> float:
    """The root with bounds u = weight cap, in about two passes over the data.

    (1) Solve for some samples of the demanders: two guesses, mostly on both sides of the root.
    (2) One secant step through both, over all. Newton steps would need the slope of A at a point,
        which is mere chance where each demander's c - u and c are close together.
    (3) Decide everybody who has no kink close to where that step leads; if the root is there,
        settle it among the few others, else look further.
    """
    m = len(demand.benefit)
    pool = Pool(np.empty(m + 1), np.empty(m + 1))
    left, right = -inf, inf
    if m >= 2 * _SAMPLE:
        left, right = guesses(demand, pool, rule)
        more, less = asked_at(demand, left, right)
        more -= required(left, rule)
        less -= required(right, rule)
        center = left + (right - left) * more / (more - less) if more > less else left
        width = _CLOSE * max(abs(center - left), abs(center - right))
        width += 1e-12 * abs(center) + 1e-300
        left, right = center - width, center + width
    return root_near(demand, pool, left, right, rule)
