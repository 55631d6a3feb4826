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

from fabmarket.game.closed_forms.demanders_lead import refuse_bounds
from fabmarket.game.closed_forms.root import Requirement, lowest_root
from fabmarket.game.errors import InvalidGame, NoEquilibrium, Unsupported
from fabmarket.game.model import Certificate, Game, Numbers, Vector, vector

_CONCEPTS = ("simultaneous", "demanders-lead", "supplier-anticipates")
_ROUNDING = 1e-12


@dataclass(frozen=True, eq=False, init=False)
class SupplierGame:
    """The data of a game with n suppliers.

    Attributes:
        demand: the demanders, a and b, with the cheapest supplier alone.
        supplier_cost: d, shape (n,), rising; suppliers are put in this order.
        supply_cap: W, shape (n,), in the same order; inf for no bound.
        order: shape (n,): which of the suppliers given each of these is.

    Raises:
        InvalidGame: as `Game`, for the suppliers' arrays too.
    """

    demand: Game
    supplier_cost: Vector
    supply_cap: Vector
    order: Vector

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
        given = vector("supplier_cost", supplier_cost)
        order = np.argsort(given, kind="stable")
        costs = given[order]
        most = np.full_like(costs, inf)
        if supply_cap is not None:
            checked = vector("supply_cap", supply_cap, like=("supplier_cost", given), infinite=True)
            most = checked[order]
        object.__setattr__(self, "demand", Game(benefit, cost, costs[0], a, b, cap=cap))
        object.__setattr__(self, "supplier_cost", costs)
        object.__setattr__(self, "supply_cap", most)
        object.__setattr__(self, "order", order)


@dataclass(frozen=True, eq=False)
class SupplierEquilibrium:
    """As `Equilibrium`, with supply and supplier_profit of shape (n,), in the order of the game's
    `supplier_cost`; the certificate's gains are the demanders', then the suppliers'.
    """

    concept: str
    price: float
    demand: Vector
    supply: Vector
    demander_profit: Vector
    supplier_profit: Vector
    certificate: Certificate
    note: str = ""


_Outcome = tuple[float, Vector, Vector]


def solve_suppliers(game: SupplierGame, concept: str) -> SupplierEquilibrium:
    """The equilibrium with several suppliers, and its certificate.

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
        found = [outcome for outcome in lead if _survives(game, concept, outcome)]
    if not found:
        raise NoEquilibrium(
            f"{concept} has no equilibrium here: whatever the number of active suppliers, a leader"
            " gains by changing it; use simultaneous"
        )
    price, demand, supply = found[-1]
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
        certificate=_certificate(game, concept, found[-1]),
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
    for name, given, wanted in (
        ("demands", answer.demand, game.demand.margin),
        ("supplies", answer.supply, game.supplier_cost),
    ):
        if given.shape != wanted.shape or not np.isfinite(given).all():
            raise InvalidGame(f"{name} are {given}; give {len(wanted)} finite numbers")
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
    most = np.minimum(side.b * game.supply_cap, np.maximum(side.margin.max() - start, 0.0))
    price = lowest_root(
        np.concatenate([side.margin, start + most]),
        np.concatenate([side.a * side.cap, most]),
        Requirement(offset=float(most.sum())),
    )
    demand = np.clip((side.margin - price) / side.a, 0.0, side.cap)
    return price, demand, np.clip((price - start) / side.b, 0.0, game.supply_cap)


def _demanders_lead(game: SupplierGame) -> list[_Outcome]:
    """One candidate for each number l of active suppliers, if its price fits that number."""
    side, start = game.demand, np.append(game.supplier_cost, inf)
    found, active_cost = [], 0.0
    for active in range(len(start)):
        active_cost += start[active - 1] if active else 0.0
        requirement = Requirement(offset=-active_cost / (active + 1))
        price = lowest_root(side.margin, np.full_like(side.margin, inf), requirement)
        if (active == 0 or price > start[active - 1]) and price <= start[active]:
            demand = (active + 1) * np.maximum(side.margin - price, 0.0) / side.a
            found.append((price, demand, np.maximum(price - start[:-1], 0.0) / side.b))
    return found


def _suppliers_lead(game: SupplierGame) -> list[_Outcome]:
    """One candidate for each number k of buyers and l of active suppliers whose price fits both."""
    side, start = game.demand, game.supplier_cost
    margin = np.append(np.sort(side.margin)[::-1], -inf)
    level = np.concatenate([[0.0], np.cumsum(margin[:-1])])
    buyers = np.arange(len(margin))
    above = np.concatenate([[inf], margin[:-1]])
    ends = np.append(start, inf)
    active_cost = np.concatenate([[0.0], np.cumsum(start)])
    found: list[_Outcome] = []
    for active in range(len(start) + 1):
        price = (level / (buyers + 1) + active_cost[active]) / (active + 1)
        fits = (price < above) & (price >= margin) & (price <= ends[active])
        if active:
            fits &= price > ends[active - 1]
        for k in np.flatnonzero(fits):
            q = float(price[k])
            supply = (k + 1) * np.maximum(q - start, 0.0) / side.b
            found.append((q, np.maximum(side.margin - q, 0.0) / side.a, supply))
    return sorted(found, key=lambda outcome: -outcome[0])


def _survives(game: SupplierGame, concept: str, outcome: _Outcome) -> bool:
    """Whether nobody gains more than rounding can explain; profits are at most c^2/a or c^2/b."""
    size = float(np.square(game.demand.margin).max())
    size /= min(game.demand.a, game.demand.b)
    gains = _certificate(game, concept, outcome).gains
    return bool((gains <= _ROUNDING * (1 + len(gains)) * size).all())


def _certificate(game: SupplierGame, concept: str, outcome: _Outcome) -> Certificate:
    price, demand, supply = outcome
    side = game.demand
    asked, offered = side.a * float(demand.sum()), side.b * float(supply.sum())
    demanders = _demander_gains(game, outcome, answered=concept == "demanders-lead")
    leading = concept == "supplier-anticipates"
    suppliers = _leader_gains(game, supply) if leading else _supplier_gains(game, outcome)
    gains = np.maximum(np.concatenate([demanders, suppliers]), 0.0)
    outside = max(
        float(np.max(-demand)),
        float(np.max(-supply)),
        float(np.max(demand - side.cap)),
        float(np.max(supply - game.supply_cap)),
        0.0,
    )
    size = max(abs(price), asked, offered) or 1.0
    quantity = max(float(np.abs(demand).max()), float(np.abs(supply).max())) or 1.0
    answers = "the suppliers answering the new total" if concept == "demanders-lead" else ""
    follow = "the demanders answering with their equilibrium" if leading else ""
    deviations = (
        "each demander: any quantity in [0, cap], the other demands unchanged and "
        + (answers or "supplies too"),
        "each supplier: any quantity in [0, W], the other supplies unchanged and "
        + (follow or "demands too"),
    )
    residual = max(abs(price - (asked - offered)) / size, outside / quantity)
    return Certificate(deviations, float(gains.max()), residual, gains)


def _demander_gains(game: SupplierGame, outcome: _Outcome, *, answered: bool) -> Vector:
    """Each demander's best gain; over every line of the price if the suppliers answer."""
    _, demand, supply = outcome
    side, total = game.demand, float(demand.sum())
    others = total - demand
    lines = [(-side.b * float(supply.sum()), side.a, -inf, inf)]
    if answered:
        # With l suppliers active q = (aS + D_l)/(l + 1), up to the total at which the next starts.
        lines, cost, since = [], 0.0, -inf
        for active, start in enumerate(np.append(game.supplier_cost, inf)):
            until = (start * (active + 1) - cost) / side.a
            lines.append((cost / (active + 1), side.a / (active + 1), since, until))
            cost, since = cost + start, until
    best, now = np.zeros_like(demand), 0.0
    for intercept, slope, since, until in lines:
        if since <= total <= until:
            now = intercept + slope * total
        top = (side.margin - intercept - slope * others) / (2 * slope)
        high = np.minimum(np.maximum(until - others, 0.0), side.cap)
        low = np.minimum(np.maximum(since - others, 0.0), side.cap)
        tried = np.clip(top, low, high)
        earned = tried * (side.margin - intercept - slope * (others + tried))
        best = np.maximum(best, np.where((until - others >= 0) & (low <= high), earned, 0.0))
    gains: Vector = best - demand * (side.margin - now)
    return gains


def _supplier_gains(game: SupplierGame, outcome: _Outcome) -> Vector:
    """Each supplier's best gain while everybody else stands still."""
    _, demand, supply = outcome
    side = game.demand
    alone = side.a * float(demand.sum()) - side.b * (float(supply.sum()) - supply)
    tried = np.clip((alone - game.supplier_cost) / (2 * side.b), 0.0, game.supply_cap)
    earned = tried * (alone - side.b * tried - game.supplier_cost)
    gains: Vector = earned - supply * (alone - side.b * supply - game.supplier_cost)
    return gains


def _leader_gains(game: SupplierGame, supply: Vector) -> Vector:
    """Each supplier's best gain, the demanders answering: it picks the price on every piece.

    With k buyers b w_total = C_k - (k + 1) q, for q between the k-th margin and the next.
    """
    side = game.demand
    margin = np.sort(side.margin)[::-1]
    level = np.concatenate([[0.0], np.cumsum(margin)])
    slope = np.arange(len(level)) + 1.0
    high, low = np.concatenate([[inf], margin]), np.append(margin, -inf)
    gains = np.empty_like(supply)
    for i, start in enumerate(game.supplier_cost):
        rivals = side.b * float(supply.sum() - supply[i])
        ceiling = (level - rivals) / slope  # where its own supply is zero
        top = np.minimum(np.clip((ceiling + start) / 2, low, high), ceiling)
        earned = (level - slope * top - rivals) * (top - start) / side.b
        here = np.flatnonzero(level - slope * high <= side.b * float(supply.sum()))[-1]
        price = (level[here] - side.b * float(supply.sum())) / slope[here]
        best = float(earned[top >= low].max(initial=0.0))
        gains[i] = best - supply[i] * (price - start)
    return gains
