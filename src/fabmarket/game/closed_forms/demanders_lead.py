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

from fabmarket.game.closed_forms.root import Requirement
from fabmarket.game.errors import NoEquilibrium, Unsupported
from fabmarket.game.fast import price_root
from fabmarket.game.model import Game, Outcome, Vector

_ROUNDING = 1e-12


def refuse_bounds(game: Game, concept: str) -> None:
    """Raise Unsupported if the game has a finite cap, which this concept is not offered with."""
    if game.capped:
        j = int(np.argmax(np.isfinite(game.cap)))
        raise Unsupported(
            f"{concept} is offered without demand caps; cap[{j}] is {game.cap[j]}, leave it"
            " out or use simultaneous, supplier-anticipates or balanced"
        )
    if game.supply_cap < inf:
        raise Unsupported(
            f"{concept} is offered without a supply cap (where it binds, demanders-lead has a"
            f" continuum of equilibria); supply_cap is {game.supply_cap}, leave it out or use"
            " another concept"
        )


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
    others = demand.sum() - demand
    threshold = game.supplier_cost / game.a
    smaller = np.clip((game.margin / game.a - others) / 2, 0.0, np.maximum(threshold - others, 0.0))
    gain = smaller * (game.margin - game.a * (others + smaller)) - demand * (game.margin - price)
    if _gains(gain, game):
        return None
    return Outcome(price, demand, (price - game.supplier_cost) / game.b)


def _without_supply(game: Game, compiled: bool | None) -> Outcome | None:
    price = price_root(game, game.a, Requirement(), compiled)
    if price > game.supplier_cost:
        return None
    demand = np.maximum(game.margin - price, 0.0) / game.a
    others = demand.sum() - demand
    start = game.supplier_cost
    larger = (2 * game.margin - start) / (2 * game.a) - others / 2
    larger = np.maximum(larger, np.maximum(start / game.a - others, 0.0))
    paid = (game.a * (others + larger) + start) / 2
    gain = larger * (game.margin - paid) - demand * (game.margin - price)
    if _gains(gain, game):
        return None
    return Outcome(price, demand, 0.0)


def _gains(gain: Vector, game: Game) -> bool:
    """Whether somebody gains more than rounding can explain; profits are at most c^2/a."""
    size = float(np.square(game.margin).max()) / game.a
    return bool((gain > _ROUNDING * size).any())
