"""The supplier moves first, foreseeing the equilibrium among the demanders its supply leads to.

Given w the demanders play v = clip((c - q)/a, 0, cap), so A(q) = sum_j clip(c_j - q, 0, a cap_j)
equals q + b w: the supplier picks a price rather than a quantity and earns
g(q) = (A(q) - q)(q - d_s)/b. On a piece where A(q) = L - k q that is a parabola with its top at
q = (L/(k + 1) + d_s)/2, but across pieces g is not concave (where a demander drops out its slope
jumps up), so every piece is tried. Without caps L = C_k and the best k maximises
(C_k - (k + 1) d_s)+^2/(k + 1). This puts the paper's eq. (19) into (16) with v >= 0 kept.
"""

from math import inf

import numpy as np

from fabmarket.game.closed_forms.root import Requirement
from fabmarket.game.fast import price_root
from fabmarket.game.model import Game, Outcome


def supplier_anticipates(game: Game, compiled: bool | None = None) -> Outcome:
    """Price and quantities when the supplier moves first; any caps.

    Of equally profitable supplies, which only special numbers have, the largest is taken.
    """
    margin, bound, start = game.margin, game.a * game.cap, game.supplier_cost
    # (1) Prices between no supply and full supply, none below cost.
    top = price_root(game, game.a, Requirement(), compiled)
    if top <= start:
        return Outcome(top, np.clip((margin - top) / game.a, 0.0, game.cap), 0.0)
    bottom = start
    if game.supply_cap < inf:
        most = game.b * game.supply_cap
        bottom = price_root(game, game.a, Requirement(offset=most), compiled)
        bottom = max(start, min(top, bottom))
    # (2) A = level - count q on the piece below each kink, by running sums from above.
    full = margin - bound
    prices = np.concatenate([margin, full[np.isfinite(full)]])
    falls = np.where(np.arange(prices.size) < margin.size, 1.0, -1.0)
    order = np.argsort(-prices, kind="stable")
    highs = prices[order]
    lows = np.append(highs[1:], -inf)
    level, count = np.cumsum((falls * prices)[order]), np.cumsum(falls[order])
    # (3) The best price of every piece that lies in the range.
    lows, highs = np.maximum(lows, bottom), np.minimum(highs, top)
    best = np.clip((level / (count + 1) + start) / 2, lows, np.maximum(lows, highs))
    profit = (level - (count + 1) * best) * (best - start)
    profit[lows > highs] = -inf
    pick = len(profit) - 1 - int(np.argmax(profit[::-1]))
    # (4) The winner once more, from plain sums.
    low, high = float(lows[pick]), float(highs[pick])
    linear = (margin >= high) & (full <= low)
    total = float(margin[linear].sum() + bound[full >= high].sum())
    price = min(max((total / (int(np.count_nonzero(linear)) + 1) + start) / 2, low), high)
    asked = float(np.clip(margin - price, 0.0, bound).sum())
    supply = min(max((asked - price) / game.b, 0.0), game.supply_cap)
    if start < price <= bottom:  # at the lowest price all is supplied, whatever rounding says
        supply = game.supply_cap
    return Outcome(price, np.clip((margin - price) / game.a, 0.0, game.cap), supply)
