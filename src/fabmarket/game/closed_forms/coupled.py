"""All at once, but no more may be asked for than is supplied: S <= w.

A shared constraint makes this a generalised game; the answer is its normalised (variational)
equilibrium, in which everybody feels the same multiplier lambda >= 0 of S <= w (Rosen, "Existence
and uniqueness of equilibrium points for concave n-person games", 1965). With p = q + lambda the
first-order conditions are those of "simultaneous" at p:

    v = clip((c - p)/a, 0, cap),    w = clip((p - d_s)/b, 0, W).

If S <= w without lambda, that is the answer. Else S = w, so p is the root of
sum_j clip(c_j - p, 0, a cap_j) = (a/b) clip(p - d_s, 0, bW); q = (a - b) S, lambda = p - q. Without
bounds p = (b C_k + a d_s)/(a + b k). The price rule then may give q < d_s (it always does where
a < b, or a = b and d_s > 0, and anything is traded): the supplier would pay to deliver, and there
is no such market.
"""

from operator import itemgetter

from fabmarket.game.closed_forms.precise import precise_demand
from fabmarket.game.closed_forms.root import Requirement
from fabmarket.game.closed_forms.simultaneous import simultaneous
from fabmarket.game.errors import NoEquilibrium
from fabmarket.game.model import Game, Outcome

_ROUNDING = 1e-12


def coupled(game: Game, compiled: bool | None = None) -> Outcome:
    """Price, quantities and multiplier where demand may not exceed supply; any caps.

    Raises:
        NoEquilibrium: meeting all demand takes a price below the supplier's cost.
    """
    free = simultaneous(game, compiled)
    if float(free.demand.sum()) <= free.supply:
        return free
    # S = w either as the supplier would have it, or as W bounds it: at the higher of two prices.
    start, ratio = game.supplier_cost, game.a / game.b
    rising = Requirement(slope=0.0, start=start, steep=ratio)
    worth, demand = precise_demand(game, game.a, rising, compiled)
    if game.supply_cap < float(game.cap.sum()):
        fill = Requirement(offset=game.a * game.supply_cap, slope=0.0)
        worth, demand = max(
            precise_demand(game, game.a, fill, compiled), (worth, demand), key=itemgetter(0)
        )
    total = float(demand.sum())
    price = (game.a - game.b) * total
    if total > 0 and price < start * (1 - _ROUNDING):
        raise NoEquilibrium(
            f"with S <= w imposed {total} units would be traded at a price of {price}, below the"
            f" supplier's cost of {start}; leave the coupling out or use balanced"
        )
    price = max(price, start) if total > 0 else price
    return Outcome(price, demand, total, multiplier=worth - price)
