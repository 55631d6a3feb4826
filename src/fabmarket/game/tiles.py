"""Many small games at once: the price of each, several games to a vector register.

Games are taken in tiles of TILE, their numbers turned so that one demander of all games of the tile
lies side by side; each Newton step then is arithmetic on whole tiles without a branch. Tiles run in
parallel. Compiled by numba where it is installed.

R = max(q, min(2q - d_s, q + bW)), so its root with a line is min(q_1, max(q_2, q_3)) of the three.

What is known of the games of a tile lies in one array, the number x of game i at lanes[x + i], with
x one of _LEVEL to _EXTRA: of several arrays the compiler would not know that they do not overlap.
"""

from math import inf

import numpy as np

from fabmarket.game.kernels import COMPILED, compiled, numba, parallel
from fabmarket.game.model import Vector

TILE = 64
STRIDE = 4
GROUP = 16
_LEVEL, _COUNT, _PRICE, _LOW, _HIGH, _START, _EXTRA = range(0, 7 * TILE, TILE)
_LANES = 7 * TILE
_each = numba.prange if COMPILED else range


@compiled
def _turn(benefit: Vector, cost: Vector, margin: Vector) -> None:
    """One row of margins for each demander, in it one place for each game."""
    m = benefit.shape[1]
    whole = m // STRIDE * STRIDE
    for i in range(len(benefit)):
        for first in range(0, whole, STRIDE):
            for j in range(first, first + STRIDE):
                margin[j, i] = benefit[i, j] - cost[i, j]
        for j in range(whole, m):
            margin[j, i] = benefit[i, j] - cost[i, j]


@compiled
def _turn_caps(cap: Vector, weight: Vector, bound: Vector) -> None:
    """One row of bounds u = weight cap for each demander, in it one place for each game."""
    m = cap.shape[1]
    whole = m // STRIDE * STRIDE
    for i in range(len(cap)):
        for first in range(0, whole, STRIDE):
            for j in range(first, first + STRIDE):
                bound[j, i] = weight[i] * cap[i, j]
        for j in range(whole, m):
            bound[j, i] = weight[i] * cap[i, j]


@compiled
def _meet(level: float, count: float, start: float, extra: float) -> float:
    """The q at which level - count q meets R; in one division, as nothing else takes that long."""
    share = 1.0 / ((count + 1.0) * (count + 2.0))
    alone = share * (count + 2.0)
    supplied = (level + start) * (share * (count + 1.0))
    return min(level * alone, max(supplied, (level - extra) * alone))


@compiled
def _begin(margin: Vector, start: Vector, extra: Vector, lanes: Vector) -> None:
    """The price for the largest margins of every STRIDE demanders alone, without caps."""
    for i in range(len(start)):
        lanes[_START + i] = start[i]
        lanes[_EXTRA + i] = extra[i]
    for i in range(TILE):
        lanes[_LEVEL + i] = 0.0
    for j in range(0, len(margin), STRIDE):
        for i in range(TILE):
            c0, c1, c2, c3 = margin[j, i], margin[j + 1, i], margin[j + 2, i], margin[j + 3, i]
            lanes[_LEVEL + i] += max(c0, c1, c2, c3)
    count = float(len(margin) // STRIDE)
    for i in range(TILE):
        start_, extra_ = lanes[_START + i], lanes[_EXTRA + i]
        lanes[_PRICE + i] = _meet(lanes[_LEVEL + i], count, start_, extra_)
        lanes[_LEVEL + i] = 0.0
        lanes[_COUNT + i] = 0.0


@compiled
def _ask(margin: Vector, lanes: Vector) -> None:
    """Add up level and count of each game at its price."""
    for j in range(0, len(margin), STRIDE):
        for i in range(TILE):
            p = lanes[_PRICE + i]
            c0, c1, c2, c3 = margin[j, i], margin[j + 1, i], margin[j + 2, i], margin[j + 3, i]
            lanes[_LEVEL + i] += (
                (c0 if c0 > p else 0.0)
                + (c1 if c1 > p else 0.0)
                + (c2 if c2 > p else 0.0)
                + (c3 if c3 > p else 0.0)
            )
            lanes[_COUNT + i] += (
                (1.0 if c0 > p else 0.0)
                + (1.0 if c1 > p else 0.0)
                + (1.0 if c2 > p else 0.0)
                + (1.0 if c3 > p else 0.0)
            )


@compiled
def _ask_capped(margin: Vector, bound: Vector, lanes: Vector) -> None:
    """The same with caps."""
    for j in range(len(margin)):
        for i in range(TILE):
            p, c, u = lanes[_PRICE + i], margin[j, i], bound[j, i]
            lanes[_LEVEL + i] += (u if c - u > p else c) if c > p else 0.0
            lanes[_COUNT + i] += 1.0 if (c > p) & (c - u <= p) else 0.0


@compiled
def _step_up(lanes: Vector) -> float:
    """A Newton step of each game; how many buyers there were."""
    buyers = 0.0
    for i in range(TILE):
        level, count = lanes[_LEVEL + i], lanes[_COUNT + i]
        step = _meet(level, count, lanes[_START + i], lanes[_EXTRA + i])
        lanes[_PRICE + i] = max(lanes[_PRICE + i], step)
        buyers += count
        lanes[_LEVEL + i] = 0.0
        lanes[_COUNT + i] = 0.0
    return buyers


@compiled
def _step_inside(lanes: Vector) -> float:
    """A Newton step of each game, or where that leaves (low, high) the middle; how many moved."""
    moved = 0.0
    for i in range(TILE):
        level, count, p = lanes[_LEVEL + i], lanes[_COUNT + i], lanes[_PRICE + i]
        start, extra = lanes[_START + i], lanes[_EXTRA + i]
        scarce = level - count * p > max(p, min(2.0 * p - start, p + extra))
        low = p if scarce else lanes[_LOW + i]
        high = lanes[_HIGH + i] if scarce else p
        step = _meet(level, count, start, extra)
        step = step if (step == p) | ((step > low) & (step < high)) else 0.5 * (low + high)
        step = step if (step > low) & (step < high) else p
        moved += 1.0 if step != p else 0.0
        lanes[_LOW + i] = low
        lanes[_HIGH + i] = high
        lanes[_PRICE + i] = step
        lanes[_LEVEL + i] = 0.0
        lanes[_COUNT + i] = 0.0
    return moved


@parallel
def uncapped_prices(
    benefit: Vector, cost: Vector, start: Vector, extra: Vector, price: Vector
) -> None:
    """The prices of games without caps; benefit and cost of shape (games, demanders), extra = bW.

    The first price is a lower bound, so steps only go up; done when nobody drops out of a game.
    """
    rows = (benefit.shape[1] + STRIDE - 1) // STRIDE * STRIDE
    share = GROUP * TILE
    for group in _each((len(benefit) + share - 1) // share):
        margin, lanes = np.full((rows, TILE), -inf), np.zeros(_LANES)
        for first in range(group * share, min(group * share + share, len(benefit)), TILE):
            games = slice(first, first + TILE)
            _turn(benefit[games], cost[games], margin)
            _begin(margin, start[games], extra[games], lanes)
            before, buyers = -1.0, 0.0
            while buyers != before:
                before = buyers
                _ask(margin, lanes)
                buyers = _step_up(lanes)
            for i in range(len(price[games])):
                price[first + i] = lanes[_PRICE + i]


@parallel
def capped_prices(
    benefit: Vector,
    cost: Vector,
    cap: Vector,
    weight: Vector,
    start: Vector,
    extra: Vector,
    price: Vector,
) -> None:
    """The prices of games with bounds u = weight cap.

    Each step moves one of the two prices between which it is kept, and each piece of A leads to one
    price only, so there is an end: when no step moves any more.
    """
    rows = (benefit.shape[1] + STRIDE - 1) // STRIDE * STRIDE
    share = GROUP * TILE
    for group in _each((len(benefit) + share - 1) // share):
        margin, lanes = np.full((rows, TILE), -inf), np.zeros(_LANES)
        bound = np.zeros((rows, TILE))
        for first in range(group * share, min(group * share + share, len(benefit)), TILE):
            games = slice(first, first + TILE)
            _turn(benefit[games], cost[games], margin)
            _turn_caps(cap[games], weight[games], bound)
            _begin(margin, start[games], extra[games], lanes)
            for i in range(TILE):
                lanes[_PRICE + i] = max(lanes[_PRICE + i], 0.0)
                lanes[_LOW + i] = 0.0
                lanes[_HIGH + i] = inf
            moved = 1.0
            while moved > 0.0:
                _ask_capped(margin, bound, lanes)
                moved = _step_inside(lanes)
            for i in range(len(price[games])):
                price[first + i] = lanes[_PRICE + i]
