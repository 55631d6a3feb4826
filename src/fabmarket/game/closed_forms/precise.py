"""Demands that are precise however large prices are against what a unit changes them by.

A price rounded to its last digit says little about c_j - p where a demander's own units hardly move
the price, as when a small W binds. So the root is found twice: once for a price, and once more in
the offsets of the margins from that price, whose size is that of the demands. Where W is taken
whole, the demands sum to it to the last digit.
"""

from math import inf

import numpy as np

from fabmarket.game.closed_forms.root import Requirement, lowest_root, uncapped_root
from fabmarket.game.fast import price_root
from fabmarket.game.model import Game, Vector

_ROUNDING = 1e-12
_PARTIES = 16  # whose last digits are tried
_DIGITS = 4  # by how many units in the last place one may give way


def precise_demand(
    game: Game, slope: float, required: Requirement, compiled: bool | None = None
) -> tuple[float, Vector]:
    """(p, v): the lowest price with sum_j clip(c_j - p, 0, slope cap_j) <= R(p), and the demands.

    Args:
        game: margins, caps and W.
        slope: by how much a demander's own unit raises its price.
        required: R.
        compiled: see `solve`; for the first of the two roots.
    """
    price = price_root(game, slope, required, compiled)
    offset = game.margin - price
    shifted = required._replace(
        offset=required.offset + required.slope * price,
        start=required.start - price,
        full=required.full - price,
    )
    if game.capped:
        rest = lowest_root(offset, slope * game.cap, shifted)
    else:
        rest = uncapped_root(offset, shifted)
    return price + rest, filling(np.clip((offset - rest) / slope, 0.0, game.cap), game)


def filling(demand: Vector, game: Game) -> Vector:
    """The demands, some of their last digits changed so that a sum next to W is W.

    Nobody gets anything who asked for nothing, or more than its cap.
    """
    most = game.supply_cap
    gap = most - float(demand.sum())
    if gap == 0 or most == inf or abs(gap) > _ROUNDING * most:
        return demand
    room = np.minimum(demand, game.cap - demand)
    buyers = np.argpartition(-room, min(_PARTIES, room.size) - 1)[:_PARTIES]
    order = [who for who in buyers[np.argsort(-room[buyers])].tolist() if demand[who] > 0]
    if _filled(demand, game, order):
        return demand
    for who in order:  # rounding to even leaps over W; from a digit beside, it may not
        kept = demand.copy()
        for _ in range(_DIGITS):
            demand[who] = np.nextafter(demand[who], 0.0)
            if _filled(demand, game, [other for other in order if other != who]):
                return demand
        demand[:] = kept
    return demand


def _filled(demand: Vector, game: Game, order: list[int]) -> bool:
    """Whether the demands sum to W, the gap given to one of these or parts of it to several."""
    gap = game.supply_cap - float(demand.sum())
    for who in order:
        for part in (1.0, 0.5, 1.5):
            if gap == 0:
                return True
            kept = demand[who]
            demand[who] = min(max(kept + part * gap, 0.0), game.cap[who])
            left = game.supply_cap - float(demand.sum())
            if abs(left) < abs(gap):
                gap = left
            else:
                demand[who] = kept
    return gap == 0
