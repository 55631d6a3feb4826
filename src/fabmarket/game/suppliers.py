"""Several suppliers of one resource: q = a S - b sum_i w_i, supplier i earns w_i (q - d_i).

Let l suppliers with costs below the price be active and D_l sum their costs. Then

    simultaneous          q = (C_k + D_l)/(k + l + 1),      v = (c - q)+/a,       w = (q - d)+/b,
    demanders-lead        q = (C_k + D_l/(l + 1))/(k + 1),  v = (l + 1)(c - q)+/a, w = (q - d)+/b,
    supplier-anticipates  q = (C_k/(k + 1) + D_l)/(l + 1),  v = (c - q)+/a, w = (k + 1)(q - d)+/b,

where in the last the suppliers move first, all at once. "simultaneous" has exactly one
equilibrium, caps and supply caps included. The other two are offered without bounds. There a
leader's profit has convex kinks, where a follower starts or stops; so for every number of active
parties the one candidate that fits is taken, and kept if nobody gains by leading the others across
a kink. There may be none or several left.
"""

from dataclasses import dataclass
from math import inf

import numpy as np

from fabmarket.game.certificate import fitting, judged
from fabmarket.game.closed_forms.demanders_lead import candidates
from fabmarket.game.closed_forms.root import Requirement, lowest_root
from fabmarket.game.equilibrium import require
from fabmarket.game.errors import NoEquilibrium, Unsupported
from fabmarket.game.model import Certificate, Game, Numbers, Vector, refuse_bounds, vector

_CONCEPTS = ("simultaneous", "demanders-lead", "supplier-anticipates")
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False, init=False)
class SupplierGame:
    """The data of a game with n suppliers.

    Attributes:
        demand: the demanders, a and b, with the cheapest supplier alone.
        supplier_cost: d, shape (n,).
        supply_cap: W, shape (n,); inf for no bound.

    Raises:
        InvalidGame: as `Game`, for the suppliers' arrays too.
    """

    demand: Game
    supplier_cost: Vector
    supply_cap: Vector

    def __init__(
        self,
        benefit: Numbers,
        cost: Numbers,
        supplier_cost: Numbers,
        a: float,
        b: float,
        *,
        cap: Numbers | None = None,
        supply_cap: Numbers | None = None,
    ) -> None:
        costs = vector("supplier_cost", supplier_cost)
        most = np.full_like(costs, inf) if supply_cap is None else supply_cap
        fields = {
            "demand": Game(benefit, cost, costs.min(), a, b, cap=cap),
            "supplier_cost": costs,
            "supply_cap": vector("supply_cap", most, like=("supplier_cost", costs), infinite=True),
        }
        for field, value in fields.items():
            object.__setattr__(self, field, value)


@dataclass(frozen=True, eq=False)
class SupplierEquilibrium:
    """As `Equilibrium`, with supply and supplier_profit of shape (n,); the certificate's gains are
    the demanders', then the suppliers'.
    """

    concept: str
    price: float
    demand: Vector
    supply: Vector
    demander_profit: Vector
    supplier_profit: Vector
    certificate: Certificate
    note: str = ""

    @property
    def total_demand(self) -> float:
        """S, units."""
        return float(self.demand.sum())

    @property
    def unfunded(self) -> float:
        """q (sum w - S), money: what the suppliers book beyond what the demanders pay."""
        return self.price * (float(self.supply.sum()) - self.total_demand)


_Outcome = tuple[float, Vector, Vector]


def solve_suppliers(game: SupplierGame, concept: str) -> SupplierEquilibrium:
    """The equilibrium with several suppliers, and its certificate.

    >>> game = SupplierGame([100, 200, 200], [45, 45, 15], [30, 10], 0.8, 0.2)
    >>> found = solve_suppliers(game, "simultaneous")
    >>> found.price, found.supply.round(9).tolist()
    (76.0, [230.0, 330.0])

    Raises:
        Unsupported: another concept ("balanced" does not say who of them delivers); a bound, but
            for "simultaneous".
        NoEquilibrium: no candidate survives a leader who crosses a kink.
    """
    if concept not in _CONCEPTS:
        raise Unsupported(f"no form with several suppliers for {concept!r}; use one of {_CONCEPTS}")
    if concept == "simultaneous":
        found = [_simultaneous(game)]
    else:
        _refuse_bounds(game, concept)
        lead = _demanders_lead(game) if concept == "demanders-lead" else _suppliers_lead(game)
        found = [
            outcome
            for outcome in lead
            if _certificate(game, concept, outcome).relative_gain <= _ROUNDING
        ]
    if not found:
        raise NoEquilibrium(
            f"{concept} has no equilibrium here: whatever the number of active suppliers, a leader"
            " gains by changing it; use simultaneous"
        )
    price, demand, supply = found[-1]
    checked = _certificate(game, concept, found[-1])
    require(checked, concept)
    note = ""
    if len(found) > 1:
        others = ", ".join(str(outcome[0]) for outcome in found[:-1])
        note = f"{len(found)} equilibria: this one, and others at prices {others}"
    return SupplierEquilibrium(
        concept=concept,
        price=price,
        demand=demand,
        supply=supply,
        demander_profit=demand * (game.demand.margin - price) + 0.0,
        supplier_profit=supply * (price - game.supplier_cost) + 0.0,
        certificate=checked,
        note=note,
    )


def verify_suppliers(game: SupplierGame, answer: SupplierEquilibrium) -> Certificate:
    """Check price, demand and supplies of an answer by playing every party's deviations.

    Raises:
        InvalidGame: the quantities do not fit the game.
        Unsupported: as `solve_suppliers`.
    """
    if answer.concept not in _CONCEPTS:
        raise Unsupported(f"unknown concept {answer.concept!r}; use one of {_CONCEPTS}")
    if answer.concept != "simultaneous":
        _refuse_bounds(game, answer.concept)
    return _certificate(game, answer.concept, (answer.price, answer.demand, answer.supply))


def _refuse_bounds(game: SupplierGame, concept: str) -> None:
    refuse_bounds(game.demand, concept)
    if np.isfinite(game.supply_cap).any():
        i = int(np.argmax(np.isfinite(game.supply_cap)))
        raise Unsupported(
            f"{concept} is offered without supply caps; the supplier with cost"
            f" {game.supplier_cost[i]} has {game.supply_cap[i]}, leave it out or use simultaneous"
        )


def _simultaneous(game: SupplierGame) -> _Outcome:
    """A supplier that answers clip(q - d, 0, bW) is a demander of margin d + bW and bound bW, but
    for a constant: clip(q - d, 0, B) = B - clip(d + B - q, 0, B).
    """
    side, start = game.demand, game.supplier_cost
    bound = side.a * side.cap
    # Without supply the price is highest; what a supplier would offer above it must not be added,
    # lest its size hide a small price's digits.
    price = lowest_root(side.margin, bound, Requirement())
    if price > start.min():
        most = np.minimum(side.b * game.supply_cap, np.maximum(price - start, 0.0))
        price = lowest_root(
            np.concatenate([side.margin, start + most]),
            np.concatenate([bound, most]),
            Requirement(offset=float(most.sum())),
        )
    demand = np.clip((side.margin - price) / side.a, 0.0, side.cap)
    return price, demand, np.clip((price - start) / side.b, 0.0, game.supply_cap)


def _demanders_lead(game: SupplierGame) -> list[_Outcome]:
    return [
        (price, demand, np.maximum(price - game.supplier_cost, 0.0) / game.demand.b)
        for price, demand in candidates(game.demand, game.supplier_cost)
    ]


def _suppliers_lead(game: SupplierGame) -> list[_Outcome]:
    """One candidate for each number k of buyers and l of active suppliers whose price fits both."""
    side, start = game.demand, game.supplier_cost
    margin = np.append(np.sort(side.margin)[::-1], -inf)
    level = np.concatenate([[0.0], np.cumsum(margin[:-1])])
    buyers = np.arange(len(margin))
    above = np.concatenate([[inf], margin[:-1]])
    found: list[_Outcome] = []
    spent, since = 0.0, -inf
    for active, until in enumerate([*np.sort(start).tolist(), inf], start=1):
        price = (level / (buyers + 1) + spent) / active
        fits = (price < above) & (price >= margin) & (price > since) & (price <= until)
        spent, since = spent + until, until
        for k in np.flatnonzero(fits):
            q = float(price[k])
            supply = (k + 1) * np.maximum(q - start, 0.0) / side.b
            found.append((q, np.maximum(side.margin - q, 0.0) / side.a, supply))
    return sorted(found, key=lambda outcome: -outcome[0])


def _certificate(game: SupplierGame, concept: str, outcome: _Outcome) -> Certificate:
    suppliers = game.supplier_cost, game.supply_cap
    return judged(fitting(game.demand, *outcome, suppliers=suppliers), concept)
