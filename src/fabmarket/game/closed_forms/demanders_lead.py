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

import numpy as np

from fabmarket.game.certificate import certificate_of
from fabmarket.game.closed_forms.root import Requirement
from fabmarket.game.errors import NoEquilibrium
from fabmarket.game.fast import price_root
from fabmarket.game.model import Game, Outcome, refuse_bounds

_ROUNDING = 1e-12


def demanders_lead(game: Game, compiled: bool | None = None) -> Outcome:
    """Price and quantities when the demanders move first.

    Raises:
        Unsupported: a finite cap or supply cap.
        NoEquilibrium: neither candidate survives a demander who crosses the threshold.
    """
    refuse_bounds(game, "demanders-lead")
    with_supply = _with_supply(game, compiled)
    without = _without_supply(game, compiled)
    if with_supply is None:
        if without is None:
            raise NoEquilibrium(
                "demanders-lead has no equilibrium here: total demand is so near the"
                f" {game.supplier_cost / game.a} at which supply starts that a demander always"
                " gains by crossing it; use simultaneous or balanced"
            )
        return without
    if without is not None:
        return with_supply._replace(
            note=f"two equilibria: this one, and one without supply at price {without.price}"
        )
    others = float(with_supply.demand.sum() - with_supply.demand.max())
    if others < game.supplier_cost / game.a:
        return with_supply._replace(
            note="S - max v < d_s/a, so uniqueness does not follow from the general condition;"
            " the only other candidate was tried and is no equilibrium"
        )
    return with_supply


def _with_supply(game: Game, compiled: bool | None) -> Outcome | None:
    half = game.supplier_cost / 2
    price = price_root(game, game.a / 2, Requirement(offset=-half), compiled)
    if price <= game.supplier_cost:
        return None
    demand = 2 * np.maximum(game.margin - price, 0.0) / game.a
    return _kept(game, Outcome(price, demand, (price - game.supplier_cost) / game.b))


def _without_supply(game: Game, compiled: bool | None) -> Outcome | None:
    price = price_root(game, game.a, Requirement(), compiled)
    if price > game.supplier_cost:
        return None
    return _kept(game, Outcome(price, np.maximum(game.margin - price, 0.0) / game.a, 0.0))


def _kept(game: Game, outcome: Outcome) -> Outcome | None:
    """The candidate, if nobody gains more than rounding can explain by crossing the threshold."""
    gain = certificate_of(game, "demanders-lead", outcome).relative_gain
    return outcome if gain <= _ROUNDING else None
