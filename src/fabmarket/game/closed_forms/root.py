"""Where a falling sum of clipped lines meets a rising line with kinks.

A(q) = sum_j clip(c_j - q, 0, u_j) is what demanders with margins c ask for at price q, in units of
price; R(q) is what must be asked for. Both are piecewise linear, so the root lies on one piece,
where one division gives it. The piece is found without sorting, by Newton steps and pivots on
kinks between two prices that enclose the root (semismooth Newton with safeguards: Qi & Sun, "A
nonsmooth version of Newton's method", 1993; the shrinking pool is that of quickselect). This is
the form for NumPy; `kernels` and `pivoting` hold the same for compiled loops.
"""

from math import inf
from typing import NamedTuple

import numpy as np

from fabmarket.game.model import Vector


class Requirement(NamedTuple):
    """R(q) = offset + slope q + steep clip(q - start, 0, full - start); slope, steep >= 0."""

    offset: float = 0.0
    slope: float = 1.0
    start: float = inf
    full: float = inf
    steep: float = 1.0


def required(q: float, rule: Requirement) -> float:
    """R(q)."""
    if q <= rule.start:
        return rule.offset + rule.slope * q
    return rule.offset + rule.slope * q + rule.steep * (min(q, rule.full) - rule.start)


def meet(level: float, count: float, rule: Requirement) -> float:
    """The q at which the line level - count q meets R; inf where both are level."""
    above, steep = level - rule.offset, rule.steep
    if count + rule.slope == 0:
        return rule.start + above / steep if steep > 0 and above > 0 else inf
    q = above / (count + rule.slope)
    if q <= rule.start:
        return q
    q = (above + steep * rule.start) / (count + rule.slope + steep)
    if q <= rule.full:
        return q
    return (above - steep * (rule.full - rule.start)) / (count + rule.slope)


def uncapped_root(margin: Vector, requirement: Requirement) -> float:
    """The lowest q with sum_j (c_j - q)+ <= R(q).

    For any subset of the demanders the line through their margins lies below A, so its root is a
    lower bound: that of all is taken, those not above it are dropped, and so on until none is
    (Michelot, "A finite algorithm for finding the projection of a point onto the canonical simplex
    of R^n", 1986). Each step costs what is left.
    """
    q = max(
        meet(float(margin.max()), 1.0, requirement),
        meet(float(margin.sum()), margin.size, requirement),
    )
    while True:
        above = margin[margin > q]
        if above.size == margin.size or above.size + requirement.slope == 0:
            return q
        q = max(q, meet(float(above.sum()), above.size, requirement))
        margin = above


def lowest_root(margin: Vector, bound: Vector, requirement: Requirement) -> float:
    """The lowest q with A(q) <= R(q).

    Where that is no finite number (R level and never above A) the lowest kink.

    Args:
        margin: c, shape (m,), finite.
        bound: u, shape (m,), >= 0; inf for no bound.
        requirement: R, not negative beyond max c.
    """
    low, high = -inf, inf
    level, count = 0.0, 0
    newton = inf
    while margin.size:
        # (1) Probe where Newton leads, or, where that is no help, a kink that halves the pool.
        q = newton if low < newton < high else _pivot(margin, bound, low, high)
        part = np.clip(margin - q, 0.0, bound)
        asked = level - count * q + float(part.sum())
        moving = count + int(np.count_nonzero((part > 0) & (part < bound)))
        if asked > required(q, requirement):
            low = q
        else:
            high = q
        # (2) Whoever has no kink left between the two prices asks for a line; the pool shrinks.
        full = margin - bound
        filled = full >= high
        linear = (margin >= high) & (full <= low)
        level += float(bound[filled].sum() + margin[linear].sum())
        count += int(np.count_nonzero(linear))
        kept = ~filled & ~linear & (margin > low)
        before = margin.size
        margin, bound = margin[kept], bound[kept]
        useful = 2 * margin.size <= before
        newton = meet(asked + moving * q, moving, requirement) if useful else inf
    return min(max(meet(level, count, requirement), low), high)


def _pivot(margin: Vector, bound: Vector, low: float, high: float) -> float:
    """A middling kink strictly between low and high: the median of up to some hundred."""
    step = max(margin.size // 101, 1)
    kinks = np.where(margin < high, margin, margin - bound)[::step]
    return float(np.partition(kinks, kinks.size // 2)[kinks.size // 2])
