"""Demanders only; supply follows demand, and the supplier is paid for exactly what it delivers.

With w = S the price rule is max((a - b) S, d_s). Each demander raises the price by s = a - b per
unit, so v = clip((c - q)/s, 0, cap) and the price is the root of sum_j clip(c_j - q, 0, s cap_j)
= q; without caps max_k C_k/(k + 1). Two bounds change that:

(1) S would exceed W: the price is the lowest p with sum_j clip((c_j - p)/s, 0, cap_j) = W. What
    p is above s W is a scarcity premium, the same for all (the normalised equilibrium of Rosen,
    "Existence and uniqueness of equilibrium points for concave n-person games", 1965).
(2) The price would be below d_s: it is d_s, and since everyone with c_j > d_s would rather have
    more until the price starts to rise, S = d_s/s (or what W and the caps leave of it), shared in
    proportion to (c_j - d_s)+.
"""

import numpy as np

from fabmarket.game.aggregate import PriceRule
from fabmarket.game.closed_forms.precise import filling, precise_demand
from fabmarket.game.closed_forms.root import Requirement
from fabmarket.game.fast import price_root
from fabmarket.game.model import Game, Outcome


def balanced(game: Game, compiled: bool | None = None) -> Outcome:
    """Price and quantities when supply follows demand; any caps.

    Raises:
        NoEquilibrium: a <= b, where the price would fall as demand rises.
    """
    rule = PriceRule("balanced", game.a, game.b, game.supplier_cost, game.supply_cap)
    slope = game.a - game.b
    price = price_root(game, slope, Requirement(), compiled)
    if price > slope * game.supply_cap:
        fill = Requirement(offset=slope * game.supply_cap, slope=0.0)
        price, demand = precise_demand(game, slope, fill, compiled)
    else:
        demand = np.clip((game.margin - price) / slope, 0.0, game.cap)
    if price < game.supplier_cost:
        price = game.supplier_cost
        replies = np.clip((game.margin - price) / slope, 0.0, game.cap)
        shares = rule.floor_shares(replies.tolist(), game.cap.tolist(), rule.total_at(price))
        demand = np.array([float(share) for share in shares])
    demand = filling(demand, game)
    return Outcome(price, demand, float(demand.sum()))
