"""All at once (Nash): demanders and supplier each take the others' quantities as given.

First-order conditions: c_j - q - a v_j = 0 and q - d_s - b w = 0, clipped at the bounds. With them
q = a S - b w becomes sum_j clip(c_j - q, 0, a cap_j) = q + clip(q - d_s, 0, b W), whose right side
rises, so there is exactly one root. Without bounds q = max_k (C_k + d_s)/(k + 2), where C_k sums
the k >= 0 largest margins; max_k C_k/(k + 1) if that leaves the supplier idle;
max_k (C_k - bW)/(k + 1) if W binds. Existence and uniqueness: with x = (v, -bw/a) it is a Cournot
game of m + 1 players with linear demand, hence a weighted potential game with a strictly concave
potential.
"""

import numpy as np

from fabmarket.game.closed_forms.root import Requirement
from fabmarket.game.fast import price_root
from fabmarket.game.model import Game, Outcome


def simultaneous_requirement(game: Game) -> Requirement:
    """q + clip(q - d_s, 0, bW)."""
    start = game.supplier_cost
    return Requirement(start=start, full=start + game.b * game.supply_cap)


def simultaneous_price(game: Game, compiled: bool | None = None) -> float:
    """The price alone; any caps."""
    return price_root(game, game.a, simultaneous_requirement(game), compiled)


def simultaneous(game: Game, compiled: bool | None = None) -> Outcome:
    """Price and quantities when everybody moves at once; any caps."""
    price = simultaneous_price(game, compiled)
    demand = np.clip((game.margin - price) / game.a, 0.0, game.cap)
    supply = min(max((price - game.supplier_cost) / game.b, 0.0), game.supply_cap)
    return Outcome(price, demand, supply)
