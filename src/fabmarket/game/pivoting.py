"""The root with caps: Newton steps, and pivots among the kinks where Newton does not help.

With caps A is neither convex nor concave, so a Newton step may overshoot. The root is therefore
kept between two prices, low < root <= high, which decide most demanders: below both kinks of a
demander it takes u_j, between them c_j - q, above them nothing. Only those with a kink strictly
between low and high stay in the pool. Compiled by numba where it is installed (see kernels).
"""

from math import inf

import numpy as np

from fabmarket.game.closed_forms import root
from fabmarket.game.kernels import BLOCK, compiled, meet
from fabmarket.game.model import Vector

_SAMPLE = 2048
_FRACTION = 1 / 64
_WIDER = 64
_SMALL = 63


required = compiled(root.required)


@compiled
def asked_at(
    benefit: Vector, cost: Vector, cap: Vector, weight: float, q: float
) -> tuple[float, float]:
    """(A(q), number of demanders between their kinks) over all data, blockwise sums."""
    asked, count = 0.0, 0.0
    for block in range((len(benefit) + BLOCK - 1) // BLOCK):
        y = benefit[block * BLOCK : (block + 1) * BLOCK]
        d = cost[block * BLOCK : (block + 1) * BLOCK]
        k = cap[block * BLOCK : (block + 1) * BLOCK]
        part, number = 0.0, 0.0
        for j in range(len(y)):
            above = max(y[j] - d[j] - q, 0.0)
            bound = weight * k[j]
            part += min(above, bound)
            number += 1.0 if (above > 0.0) & (above < bound) else 0.0
        asked += part
        count += number
    return asked, count


@compiled
def gather(
    benefit: Vector,
    cost: Vector,
    cap: Vector,
    weight: float,
    low: float,
    high: float,
    margins: Vector,
    bounds: Vector,
) -> tuple[int, float, float]:
    """Fill the pool with those who have a kink in (low, high); (size, level, count) of the others.

    Between the two prices the others ask for level - count q.
    """
    size, level, count = 0, 0.0, 0.0
    for block in range((len(benefit) + BLOCK - 1) // BLOCK):
        y = benefit[block * BLOCK : (block + 1) * BLOCK]
        d = cost[block * BLOCK : (block + 1) * BLOCK]
        k = cap[block * BLOCK : (block + 1) * BLOCK]
        part, number, open_ = 0.0, 0.0, 0.0
        for j in range(len(y)):
            c = y[j] - d[j]
            u = weight * k[j]
            least = c - u
            filled = least >= high
            linear = (c >= high) & (least <= low)
            part += u if filled else (c if linear else 0.0)
            number += 1.0 if linear else 0.0
            open_ += 0.0 if filled | linear | (c <= low) else 1.0
        level += part
        count += number
        if open_ > 0.0:
            for j in range(len(y)):
                c = y[j] - d[j]
                u = weight * k[j]
                if c > low and c - u < high and not (c >= high and c - u <= low):
                    margins[size] = c
                    bounds[size] = u
                    size += 1
    return size, level, count


@compiled
def pool_at(margins: Vector, bounds: Vector, size: int, q: float) -> float:
    """What the pool asks for at q."""
    asked = 0.0
    for i in range(size):
        asked += min(max(margins[i] - q, 0.0), bounds[i])
    return asked


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
    margins: Vector,
    bounds: Vector,
    size: int,
    low: float,
    high: float,
    level: float,
    count: float,
    offset: float,
    slope: float,
    start: float,
    full: float,
    steep: float,
) -> float:
    """The root from a pool, level and count: shrinks the pool, which it overwrites, to nothing."""
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
        if asked > required(q, offset, slope, start, full, steep):
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
        if 2 * kept <= size and number + slope > 0:
            newton = meet(asked + number * q, number, offset, slope, start, full, steep)
        size = kept
    return min(max(meet(level, count, offset, slope, start, full, steep), low), high)


@compiled
def sample(
    benefit: Vector,
    cost: Vector,
    cap: Vector,
    weight: float,
    step: int,
    margins: Vector,
    bounds: Vector,
) -> int:
    """Put every step-th demander into the pool; how many."""
    size = 0
    for j in range(0, len(benefit), step):
        margins[size] = benefit[j] - cost[j]
        bounds[size] = weight * cap[j]
        size += 1
    return size


@compiled
def capped_root(
    benefit: Vector,
    cost: Vector,
    cap: Vector,
    weight: float,
    offset: float,
    slope: float,
    start: float,
    full: float,
    steep: float,
) -> float:
    """The root with bounds u = weight cap, in about two passes over the data.

    (1) Solve for an even sample of the demanders: a guess.
    (2) One Newton step from the guess, over all.
    (3) Decide everybody who has no kink close to where that step leads; if the root is there,
        settle it among the few others, else look further around.
    """
    m = len(benefit)
    margins, bounds = np.empty(m), np.empty(m)
    step = max(m // _SAMPLE, 1)
    size = sample(benefit, cost, cap, weight, step, margins, bounds)
    part = size / m
    low, high = -inf, inf
    guess = settle(
        margins, bounds, size, low, high, 0.0, 0.0,
        part * offset, part * slope, start, full, part * steep,
    )  # fmt: skip
    if step == 1:
        return guess
    asked, count = asked_at(benefit, cost, cap, weight, guess)
    if asked > required(guess, offset, slope, start, full, steep):
        low = guess
    else:
        high = guess
    center = guess
    if count + slope > 0:
        center = meet(asked + count * guess, count, offset, slope, start, full, steep)
    width = max(_FRACTION * abs(center - guess), 1e-12 * abs(center))
    while True:
        left, right = max(low, center - width), min(high, center + width)
        if left >= right:
            left, right = low, high
        size, level, count = gather(benefit, cost, cap, weight, left, right, margins, bounds)
        if left > low:
            asked = level - count * left + pool_at(margins, bounds, size, left)
            if asked <= required(left, offset, slope, start, full, steep):
                high = left
                width *= _WIDER
                continue
        if right < high:
            asked = level - count * right + pool_at(margins, bounds, size, right)
            if asked > required(right, offset, slope, start, full, steep):
                low = right
                width *= _WIDER
                continue
        return settle(
            margins, bounds, size, left, right, level, count, offset, slope, start, full, steep
        )
