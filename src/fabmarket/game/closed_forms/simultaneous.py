"""All at once (Nash): demanders and supplier each take the others' quantities as given.

First-order conditions: c_j - q - a v_j = 0 and q - d_s - b w = 0, clipped at the bounds. With them
q = a S - b w becomes sum_j clip(c_j - q, 0, a cap_j) = q + clip(q - d_s, 0, b W), whose right side
rises, so there is exactly one root. Without bounds q = max_k (C_k + d_s)/(k + 2), where C_k sums
the k largest margins; max_k C_k/(k + 1) if that leaves the supplier idle; max_k (C_k - bW)/(k + 1)
if W binds. Existence and uniqueness: with x = (v, -bw/a) it is a Cournot game of m + 1 players
with linear demand, hence a weighted potential game with a strictly concave potential.
"""

import numpy as np

from fabmarket.game.closed_forms.root import lowest_root
from fabmarket.game.model import Game, Outcome


def simultaneous(game: Game) -> Outcome:
    """Price and quantities when everybody moves at once; any caps."""
    start = game.supplier_cost
    full = start + game.b * game.supply_cap

    def required(price: float) -> tuple[float, float]:
        if price <= start:
            return 0.0, 1.0
        return (-start, 2.0) if price <= full else (full - start, 1.0)

    price = lowest_root(game.margin, game.a * game.cap, required, (start, full))
    demand = np.clip((game.margin - price) / game.a, 0.0, game.cap)
    supply = min(max((price - start) / game.b, 0.0), game.supply_cap)
    return Outcome(price, demand, supply)
