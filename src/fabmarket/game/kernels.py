"""Loops over all demanders, compiled by numba where it is installed, plain Python where not.

Same root as `closed_forms.root`, and its letters: here without caps, in `pivoting` with them.
Nothing is sorted. Imported only when needed, because importing numba takes longer than solving a
small game.
"""

from collections.abc import Callable
from importlib import import_module
from math import inf
from typing import Any, TypeVar, cast

import numpy as np

from fabmarket.game.closed_forms import root
from fabmarket.game.closed_forms.root import Requirement
from fabmarket.game.model import Vector

_Function = TypeVar("_Function", bound=Callable[..., Any])

try:
    numba: Any = import_module("numba")
except ImportError:
    numba = None

COMPILED = numba is not None
"""Whether the loops of this module are machine code."""

BLOCK = 128
_CLOSE = 255 / 256
_FAST = {"reassoc", "nnan", "nsz", "contract"}


def compiled(function: _Function) -> _Function:
    """Machine code of a loop; sums may be taken in any order."""
    if numba is None:
        return function
    how = {"fastmath": _FAST, "error_model": "numpy"}
    try:
        loop = numba.njit(cache=True, **how)(function)
    except RuntimeError:  # there is no place to keep it, which costs a compilation each time
        loop = numba.njit(**how)(function)
    return cast(_Function, loop)


meet = compiled(root.meet)


@compiled
def block_maxima(benefit: Vector, cost: Vector, maxima: Vector) -> None:
    """The largest margin of each block of BLOCK demanders.

    Four running maxima, because the compiler does not split one into vector lanes by itself.
    """
    for block in range(len(maxima)):
        y = benefit[block * BLOCK : (block + 1) * BLOCK]
        d = cost[block * BLOCK : (block + 1) * BLOCK]
        first = second = third = fourth = -inf
        whole = len(y) // 4 * 4
        for j in range(0, whole, 4):
            first = max(first, y[j] - d[j])
            second = max(second, y[j + 1] - d[j + 1])
            third = max(third, y[j + 2] - d[j + 2])
            fourth = max(fourth, y[j + 3] - d[j + 3])
        for j in range(whole, len(y)):
            first = max(first, y[j] - d[j])
        maxima[block] = max(first, second, third, fourth)


@compiled
def asked_above(
    benefit: Vector, cost: Vector, maxima: Vector, q: float, beyond: float
) -> tuple[float, float, float]:
    """(sum of c - q, number, number above q + beyond) of the margins above q; blocks without one
    are not read.
    """
    asked, count, far = 0.0, 0.0, 0.0
    for block in range(len(maxima)):
        if maxima[block] > q:
            y = benefit[block * BLOCK : (block + 1) * BLOCK]
            d = cost[block * BLOCK : (block + 1) * BLOCK]
            part, number, distant = 0.0, 0.0, 0.0
            for j in range(len(y)):
                above = y[j] - d[j] - q
                part += max(above, 0.0)
                number += 1.0 if above > 0.0 else 0.0
                distant += 1.0 if above > beyond else 0.0
            asked += part
            count += number
            far += distant
    return asked, count, far


@compiled
def uncapped_root(benefit: Vector, cost: Vector, rule: Requirement) -> float:
    """The root without caps, in one pass over the data and a little more.

    A is convex, and the root for any subset of the demanders is a lower bound of the root, so
    Newton steps only ever go up, and drop demanders for good.

    (1) Read everything once for the largest margin of each block.
    (2) Newton steps among these maxima alone: a lower bound, usually a close one.
    (3) Newton steps on all, reading only blocks whose maximum is above the price; done when a
        step drops nobody. That is known at once where nobody lies between the price and close to
        the largest margin, as when many margins are equal.
    """
    maxima = np.empty((len(benefit) + BLOCK - 1) // BLOCK)
    block_maxima(benefit, cost, maxima)
    top = maxima.max()
    q = meet(top, 1.0, rule)
    left = 0.0
    while True:
        asked, count = 0.0, 0.0
        for block in range(len(maxima)):
            above = maxima[block] - q
            asked += max(above, 0.0)
            count += 1.0 if above > 0.0 else 0.0
        if count == left:
            break
        left = count
        q = max(q, meet(asked + count * q, count, rule))
    left = -1.0
    while True:
        beyond = _CLOSE * (top - q)
        asked, count, far = asked_above(benefit, cost, maxima, q, beyond)
        if count == left or count + rule.slope == 0:
            return q
        left = count
        step = max(meet(asked + count * q, count, rule), q)
        if far == count and step <= q + beyond:
            return step
        q = step
