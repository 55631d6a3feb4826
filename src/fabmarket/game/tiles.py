"""Many small games at once: the price of each, several games to a vector register.

Games are taken in tiles of TILE, their margins turned so that one demander of all games of the tile
lies side by side; each Newton step then is arithmetic on whole tiles without a branch. With caps
every game is settled alone (`pivoting`). Tiles run in parallel. Compiled by numba where it is
installed.
"""

from math import inf

import numpy as np

from fabmarket.game.kernels import COMPILED, compiled, numba, parallel
from fabmarket.game.model import Vector
from fabmarket.game.pivoting import settle

TILE = 64
STRIDE = 4
GROUP = 16
_each = numba.prange if COMPILED else range


@compiled
def _turn(benefit: Vector, cost: Vector, first: int, size: int, margin: Vector) -> None:
    """Fill the scratch of `_tile` with margins, and its two rows with the sums to start from."""
    rows = len(margin) - 2
    level, count = margin[rows], margin[rows + 1]
    for i in range(size):
        for j in range(benefit.shape[1]):
            margin[j, i] = benefit[first + i, j] - cost[first + i, j]
    for i in range(size):
        level[i] = 0.0
        count[i] = rows // STRIDE
    for j in range(0, rows, STRIDE):
        for i in range(size):
            c0, c1, c2, c3 = margin[j, i], margin[j + 1, i], margin[j + 2, i], margin[j + 3, i]
            level[i] += max(c0, c1, c2, c3)


@compiled
def _tile(
    benefit: Vector,
    cost: Vector,
    start: Vector,
    full: Vector,
    first: int,
    margin: Vector,
    price: Vector,
) -> None:
    """Newton steps for the games of one tile, until nobody drops out of any.

    The start is the root for the largest margins of every STRIDE demanders alone: a lower bound.

    R = max(q, min(2q - d_s, q + bW)), so a line's root is min(q_1, max(q_2, q_3)) of the three.
    margin is scratch: a row for each demander of the tile's games, up to a multiple of STRIDE, and
    two rows for sums. Rows beyond the last demander are -inf.
    """
    size = min(TILE, len(benefit) - first)
    rows = len(margin) - 2
    level, count = margin[rows], margin[rows + 1]
    _turn(benefit, cost, first, size, margin)
    q, d, top = price[first : first + size], start[first : first + size], full[first : first + size]
    q[:] = -inf
    before = inf
    while True:
        for i in range(size):
            share = 1.0 / (count[i] + 1.0)
            supplied = (level[i] + d[i]) / (count[i] + 2.0)
            sold_out = (level[i] - (top[i] - d[i])) * share
            q[i] = max(q[i], min(level[i] * share, max(supplied, sold_out)))
            level[i] = 0.0
            count[i] = 0.0
        for j in range(0, rows, STRIDE):
            for i in range(size):
                p = q[i]
                c0, c1, c2, c3 = margin[j, i], margin[j + 1, i], margin[j + 2, i], margin[j + 3, i]
                level[i] += (
                    (c0 if c0 > p else 0.0)
                    + (c1 if c1 > p else 0.0)
                    + (c2 if c2 > p else 0.0)
                    + (c3 if c3 > p else 0.0)
                )
                count[i] += (
                    (1.0 if c0 > p else 0.0)
                    + (1.0 if c1 > p else 0.0)
                    + (1.0 if c2 > p else 0.0)
                    + (1.0 if c3 > p else 0.0)
                )
        buyers = 0.0
        for i in range(size):
            buyers += count[i]
        if buyers == before:
            break
        before = buyers


@parallel
def uncapped_prices(
    benefit: Vector, cost: Vector, start: Vector, full: Vector, price: Vector
) -> None:
    """The prices of games without caps; benefit and cost of shape (games, demanders)."""
    rows = (benefit.shape[1] + STRIDE - 1) // STRIDE * STRIDE
    tiles = (len(benefit) + TILE - 1) // TILE
    for group in _each((tiles + GROUP - 1) // GROUP):
        margin = np.full((rows + 2, TILE), -inf)
        for tile in range(group * GROUP, min(group * GROUP + GROUP, tiles)):
            _tile(benefit, cost, start, full, tile * TILE, margin, price)


@parallel
def capped_prices(
    benefit: Vector, cost: Vector, bound: Vector, start: Vector, full: Vector, price: Vector
) -> None:
    """The prices of games with bounds u = a cap."""
    share, m = GROUP * TILE, benefit.shape[1]
    for group in _each((len(benefit) + share - 1) // share):
        margins, bounds = np.empty(m), np.empty(m)
        for game in range(group * share, min(group * share + share, len(benefit))):
            for j in range(m):
                margins[j] = benefit[game, j] - cost[game, j]
                bounds[j] = bound[game, j]
            price[game] = settle(
                margins, bounds, m, -inf, inf, 0.0, 0.0, 0.0, 1.0, start[game], full[game], 1.0
            )
