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
_GROUPS = 4
_BLOCK = 32
_CLOSE = 1 / 64
_SMALL = 63


required = compiled(root.required)


@compiled
def asked_at(
    benefit: Vector, cost: Vector, cap: Vector, weight: float, left: float, right: float
) -> tuple[float, float]:
    """(A(left), A(right)) over all data, blockwise sums."""
    more, less = 0.0, 0.0
    for block in range((len(benefit) + BLOCK - 1) // BLOCK):
        y = benefit[block * BLOCK : (block + 1) * BLOCK]
        d = cost[block * BLOCK : (block + 1) * BLOCK]
        k = cap[block * BLOCK : (block + 1) * BLOCK]
        first, second = 0.0, 0.0
        for j in range(len(y)):
            c, u = y[j] - d[j], weight * k[j]
            first += min(max(c - left, 0.0), u)
            second += min(max(c - right, 0.0), u)
        more += first
        less += second
    return more, less


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

    Between the two prices the others ask for level - count q. The pool needs a place to spare.
    Blocks are short, since one with anybody for the pool is read twice.
    """
    size, level, count = 0, 0.0, 0.0
    for block in range((len(benefit) + _BLOCK - 1) // _BLOCK):
        y = benefit[block * _BLOCK : (block + 1) * _BLOCK]
        d = cost[block * _BLOCK : (block + 1) * _BLOCK]
        k = cap[block * _BLOCK : (block + 1) * _BLOCK]
        part, number, open_ = 0.0, 0.0, 0.0
        for j in range(len(y)):
            c, u = y[j] - d[j], weight * k[j]
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
                c, u = y[j] - d[j], weight * k[j]
                margins[size] = c
                bounds[size] = u
                size += (c > low) & (c - u < high) & ((c < high) | (c - u > low))
    return size, level, count


@compiled
def excess(
    margins: Vector,
    bounds: Vector,
    size: int,
    q: float,
    level: float,
    count: float,
    offset: float,
    slope: float,
    start: float,
    full: float,
    steep: float,
) -> float:
    """A(q) - R(q), where a pool and the line level - count q make up A; -q for infinite q."""
    if abs(q) == inf:
        return -q
    asked = level - count * q
    for i in range(size):
        asked += min(max(margins[i] - q, 0.0), bounds[i])
    return asked - required(q, offset, slope, start, full, steep)


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
def guesses(
    benefit: Vector,
    cost: Vector,
    cap: Vector,
    weight: float,
    offset: float,
    slope: float,
    start: float,
    full: float,
    steep: float,
    margins: Vector,
    bounds: Vector,
) -> tuple[float, float]:
    """The lowest and the highest root of _GROUPS even samples; margins and bounds are scratch."""
    left, right = inf, -inf
    step = len(benefit) // _SAMPLE
    for group in range(_GROUPS):
        size = 0
        for j in range(group * step, len(benefit), _GROUPS * step):
            margins[size] = benefit[j] - cost[j]
            bounds[size] = weight * cap[j]
            size += 1
        part = size / len(benefit)
        guess = settle(
            margins, bounds, size, -inf, inf, 0.0, 0.0,
            part * offset, part * slope, start, full, part * steep,
        )  # fmt: skip
        left, right = min(left, guess), max(right, guess)
    return left, right


@compiled
def root_near(
    benefit: Vector,
    cost: Vector,
    cap: Vector,
    weight: float,
    left: float,
    right: float,
    offset: float,
    slope: float,
    start: float,
    full: float,
    steep: float,
    margins: Vector,
    bounds: Vector,
) -> float:
    """The root, in one pass if it is in (left, right], left < right; margins, bounds are scratch.

    If it is not, the next pass looks beyond the end where it must be, farther than the line through
    both ends leads, and each time bolder.
    """
    low, high, bold = -inf, inf, 1.0
    while True:
        size, level, count = gather(benefit, cost, cap, weight, left, right, margins, bounds)
        more = excess(margins, bounds, size, left, level, count, offset, slope, start, full, steep)
        less = excess(margins, bounds, size, right, level, count, offset, slope, start, full, steep)
        width = bold * (right - left)
        if left > low and more <= 0.0:
            width += width * -more / (more - less) if more > less else inf
            left, right, high = left - width, left, left
        elif right < high and less > 0.0:
            width += width * less / (more - less) if more > less else inf
            left, right, low = right, right + width, right
        else:
            return settle(
                margins, bounds, size, left, right, level, count, offset, slope, start, full, steep
            )
        bold *= 4.0


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

    (1) Solve for some samples of the demanders: two guesses, mostly on both sides of the root.
    (2) One secant step through both, over all. Newton steps would need the slope of A at a point,
        which is mere chance where each demander's c - u and c are close together.
    (3) Decide everybody who has no kink close to where that step leads; if the root is there,
        settle it among the few others, else look further.
    """
    m = len(benefit)
    margins, bounds = np.empty(m + 1), np.empty(m + 1)
    left, right = -inf, inf
    if m >= 2 * _SAMPLE:
        left, right = guesses(
            benefit, cost, cap, weight, offset, slope, start, full, steep, margins, bounds
        )
        more, less = asked_at(benefit, cost, cap, weight, left, right)
        more -= required(left, offset, slope, start, full, steep)
        less -= required(right, offset, slope, start, full, steep)
        center = left + (right - left) * more / (more - less) if more > less else left
        width = _CLOSE * max(abs(center - left), abs(center - right))
        width += 1e-12 * abs(center) + 1e-300
        left, right = center - width, center + width
    return root_near(
        benefit, cost, cap, weight, left, right, offset, slope, start, full, steep, margins, bounds
    )
