"""Demanders commit first, the supplier answers with its best response.

The answer to S is w = (aS - d_s)+/(2b), so a demander faces the price (aS + d_s)/2 once a S > d_s,
and a S before. The price thus rises by a below the threshold S = d_s/a and by a/2 above it: each
demander's profit has a convex kink there, nobody's best response lies on it, and at most one
equilibrium lies on either side:

(1) with supply: v = 2 (c - q)+/a, q = max_k (C_k + d_s/2)/(k + 1), if q > d_s;
(2) without:     v = (c - q)+/a,   q = max_k C_k/(k + 1),           if q <= d_s.

Either is an equilibrium only if nobody gains by taking the total across the threshold alone. For
(1) nobody can when S - max v >= d_s/a; then it is also the only one.
"""

from math import inf

import numpy as np

from fabmarket.game.certificate import certificate_of
from fabmarket.game.closed_forms.root import Requirement
from fabmarket.game.errors import NoEquilibrium
from fabmarket.game.fast import price_root
from fabmarket.game.model import Game, Outcome, Vector, refuse_bounds

_ROUNDING = 1e-12


def demanders_lead(game: Game, compiled: bool | None = None) -> Outcome:
    """Price and quantities when the demanders move first.

    Raises:
        Unsupported: a finite cap or supply cap.
        NoEquilibrium: neither candidate survives a demander who crosses the threshold.
    """
    refuse_bounds(game, "demanders-lead")
    start = game.supplier_cost
    tried = [
        Outcome(price, demand, max(price - start, 0.0) / game.b)
        for price, demand in candidates(game, np.array([start]), compiled)
    ]
    # Those under which nobody gains more than rounding can explain by crossing the threshold.
    found = [
        one
        for one in tried
        if certificate_of(game, "demanders-lead", one).relative_gain <= _ROUNDING
    ]
    if not found:
        raise NoEquilibrium(
            "demanders-lead has no equilibrium here: total demand is so near the"
            f" {start / game.a} at which supply starts that a demander always"
            " gains by crossing it; use simultaneous or balanced"
        )
    best, note = found[-1], ""
    if len(found) > 1:
        note = f"two equilibria: this one, and one without supply at price {found[0].price}"
    elif best.supply > 0 and float(best.demand.sum() - best.demand.max()) < start / game.a:
        note = (
            "S - max v < d_s/a, so uniqueness does not follow from the general condition;"
            " the only other candidate was tried and is no equilibrium"
        )
    return best._replace(note=note)


def candidates(
    game: Game, cost: Vector, compiled: bool | None = None
) -> list[tuple[float, Vector]]:
    """(price, demand) for each number l of active suppliers whose price fits that number, l rising.

    With one supplier those are (2) and (1); with costs of shape (n,) see `suppliers`.
    """
    found, spent, since = [], 0.0, -inf
    for active, until in enumerate([*np.sort(cost).tolist(), inf], start=1):
        price = price_root(game, game.a / active, Requirement(offset=-spent / active), compiled)
        if since < price <= until:
            found.append((price, active * np.maximum(game.margin - price, 0.0) / game.a))
        spent, since = spent + until, until
    return found
