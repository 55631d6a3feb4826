"""Is this an equilibrium? Answered from the model alone, not from the solver's formulas.

Each concept says who may deviate and what the others do then. A deviating party's profit is a
continuous function of its own quantity made of parabolas and lines, so its maximum lies at a
bound, at a kink or at the top of a piece: all of these are tried, and the profit of each is
computed by playing the deviation through the price rule.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf

import numpy as np

from fabmarket.game.closed_forms.demanders_lead import refuse_bounds
from fabmarket.game.errors import InvalidGame, NoEquilibrium, Unsupported
from fabmarket.game.model import CONCEPTS, Certificate, Equilibrium, Game, Outcome, Vector

_DEMANDERS = "each demander: any quantity in [0, cap], "
_DEVIATIONS = {
    "simultaneous": (
        _DEMANDERS + "the other quantities unchanged",
        "the supplier: any quantity in [0, W], demands unchanged",
    ),
    "demanders-lead": (
        _DEMANDERS + "the other demands unchanged and the supplier answering the new total",
        "the supplier: any quantity >= 0, demands unchanged",
    ),
    "supplier-anticipates": (
        _DEMANDERS + "the other quantities unchanged",
        "the supplier: any quantity in [0, W], the demanders answering with their equilibrium",
    ),
    "paper-literal": (
        _DEMANDERS + "the other quantities unchanged",
        "the supplier: any quantity >= 0, the demanders answering with their equilibrium",
    ),
    "balanced": (
        _DEMANDERS + "the other demands unchanged, supply following and any scarcity premium kept",
    ),
}
_COUPLED = (
    _DEMANDERS + "within what the others leave of the supply, the other quantities unchanged",
    "the supplier: any quantity in [S, W], demands unchanged",
)
_ROUNDING = 1e-12
_AT_BOUND = 1e-9


@dataclass(frozen=True)
class _Market:
    """One concept's world around an answer.

    price_at: total demand -> price, everyone else answering as the concept says; its pieces, from
        the left, are the lines `intercept + slope * total`, which meet at the total `kink`.
    """

    price_at: Callable[[Vector], Vector]
    lines: tuple[tuple[float, float], ...]
    kink: float | None
    violations: tuple[float, ...]
    supplier_gain: float | None


def verify(game: Game, equilibrium: Equilibrium) -> Certificate:
    """Check price, demand and supply of an answer, wherever it came from.

    The profits it states are not used: a party's profit is computed anew before and after its
    deviation. Cost O(m), and O(m log m) where the supplier anticipates.

    Raises:
        InvalidGame: the quantities do not fit the game (number of demanders, NaN, infinite).
        Unsupported: an unknown concept, or bounds the concept is not offered with.
        NoEquilibrium: "balanced" with a <= b.
    """
    found = equilibrium
    outcome = Outcome(found.price, found.demand, found.supply, multiplier=found.multiplier)
    return certificate_of(game, found.concept, outcome, found.coupled)


def certificate_of(
    game: Game, concept: str, outcome: Outcome, coupled: bool = False
) -> Certificate:
    """As `verify`, for price and quantities that are not an Equilibrium yet."""
    if concept not in CONCEPTS:
        raise Unsupported(f"unknown concept {concept!r}; use one of {CONCEPTS}")
    outcome = fitting(game, outcome)
    demand = outcome.demand
    market = _coupled(game, outcome) if coupled else _MARKETS[concept](game, outcome)
    limit = _limits(game, outcome, market, coupled)
    gains = _demander_gains(game, demand, market, limit)
    if market.supplier_gain is not None:
        gains = np.append(gains, market.supplier_gain)
    residual = max(market.violations + _bound_violations(game, outcome))
    residual = max(residual, _marginal_violation(game, outcome, market, limit))
    deviations = _COUPLED if coupled else _DEVIATIONS[concept]
    if game.budgeted:
        deviations = (deviations[0] + ", within its budget", *deviations[1:])
    return Certificate(deviations, float(gains.max()), float(residual), gains)


def fitting(game: Game, outcome: Outcome) -> Outcome:
    """The outcome with its demand as an array, one finite number for each demander.

    Raises:
        InvalidGame: there are more or fewer, or a number is NaN or infinite.
    """
    demand = np.asarray(outcome.demand, dtype=np.float64)
    if demand.shape != game.margin.shape:
        raise InvalidGame(f"{demand.size} demands for {game.margin.size} demanders; give each one")
    stated = [demand.sum(), outcome.price, outcome.supply, outcome.multiplier]
    if not np.isfinite(stated).all():
        raise InvalidGame("price, demand or supply is not finite; there is nothing to verify")
    return outcome._replace(demand=demand)


def _limits(game: Game, outcome: Outcome, market: _Market, coupled: bool) -> Vector:
    """The most each demander may take, the others standing still; shape (m,)."""
    others = outcome.demand.sum() - outcome.demand
    limit = game.cap
    if coupled:
        limit = np.clip(outcome.supply - others, 0.0, limit)
    if game.budgeted:
        # v (intercept + slope (others + v)) <= B; the root's form has no cancellation for rest > 0.
        intercept, slope = market.lines[0]
        rest = intercept + slope * others
        root = np.sqrt(np.square(rest) + 4 * slope * game.budget)
        with np.errstate(divide="ignore", invalid="ignore"):
            most = np.where(rest > 0, 2 * game.budget / (root + rest), (root - rest) / (2 * slope))
        limit = np.minimum(limit, np.where(np.isinf(game.budget), inf, most))
    return limit


def _demander_gains(game: Game, demand: Vector, market: _Market, limit: Vector) -> Vector:
    """By how much each demander could raise its own profit, shape (m,), >= 0."""
    others = demand.sum() - demand

    def profit(quantity: Vector) -> Vector:
        return quantity * (game.margin - market.price_at(others + quantity))

    candidates = [np.zeros_like(demand), np.where(np.isfinite(limit), limit, 0.0)]
    if market.kink is not None:
        candidates.append(np.clip(market.kink - others, 0.0, limit))
    for intercept, slope in market.lines:
        if slope > 0:
            top = (game.margin - intercept - slope * others) / (2 * slope)
            candidates.append(np.clip(top, 0.0, limit))
    best: Vector = np.max([profit(quantity) for quantity in candidates], axis=0)
    return np.maximum(best - profit(demand), 0.0)


def _marginal_violation(game: Game, outcome: Outcome, market: _Market, limit: Vector) -> float:
    """By how much a marginal unit more, or less, would still pay, relative to the price.

    A slope of profit counts only as far as there is room to follow it. A limit that all share has
    no room to spare for any of them; there the multiplier takes its place.
    """
    demand, price = outcome.demand, outcome.price + outcome.multiplier
    limit = limit if outcome.multiplier == 0 else game.cap
    total = float(demand.sum())
    down = up = market.lines[-1][1]
    if market.kink is not None:
        slack = _ROUNDING * max(total, market.kink)
        down = market.lines[0 if total <= market.kink + slack else 1][1]
        up = market.lines[0 if total < market.kink - slack else 1][1]
    steepest = max(slope for _, slope in market.lines)
    gap = game.margin - price
    more = np.minimum(np.maximum(gap - up * demand, 0.0), steepest * (limit - demand))
    less = np.minimum(np.maximum(down * demand - gap, 0.0), steepest * demand)
    return float(max(more.max(), less.max())) / _size(price, steepest * total, game.supplier_cost)


def _size(*terms: float) -> float:
    """What a violation is measured against: the largest of its terms, 1 if all are zero."""
    return max(abs(term) for term in terms) or 1.0


def _bound_violations(game: Game, outcome: Outcome) -> tuple[float, ...]:
    price, demand, supply = outcome[:3]
    outside = max(float((-demand).max()), float((demand - game.cap).max()), 0.0)
    beyond = max(-supply, supply - game.supply_cap, 0.0)
    paid = price * demand
    overspent = max(float((paid - game.budget).max()), 0.0)
    return (
        outside / _size(float(np.abs(demand).max())),
        beyond / _size(supply),
        overspent / _size(float(paid.max())),
    )


def _price_violation(game: Game, outcome: Outcome) -> float:
    """|q - (aS - bw)|, relative."""
    asked, offered = game.a * float(outcome.demand.sum()), game.b * outcome.supply
    return abs(outcome.price - (asked - offered)) / _size(outcome.price, asked, offered)


def _supplier_gain(game: Game, outcome: Outcome, least: float = 0.0) -> float:
    """The supplier's best gain over all w in [least, W] while demands stand still."""
    asked = game.a * float(outcome.demand.sum())

    def profit(supply: float) -> float:
        return supply * (asked - game.b * supply - game.supplier_cost)

    top = min(max((asked - game.supplier_cost) / (2 * game.b), least), game.supply_cap)
    candidates = [least, top] + ([game.supply_cap] if game.supply_cap < inf else [])
    return max(max(map(profit, candidates)) - profit(outcome.supply), 0.0)


def _supplier_violation(game: Game, outcome: Outcome) -> float:
    """The supplier's marginal profit where there is room to follow it, relative to the price."""
    asked = game.a * float(outcome.demand.sum())
    supply, offered = outcome.supply, game.b * outcome.supply
    marginal = asked - 2 * offered - game.supplier_cost + outcome.multiplier
    more = min(max(marginal, 0.0), game.b * (game.supply_cap - supply))
    less = min(max(-marginal, 0.0), offered)
    return max(more, less) / _size(asked, offered, game.supplier_cost)


def _simultaneous(game: Game, outcome: Outcome) -> _Market:
    shift = game.b * outcome.supply
    return _Market(
        lambda total: game.a * total - shift,
        ((-shift, game.a),),
        None,
        (_price_violation(game, outcome), _supplier_violation(game, outcome)),
        _supplier_gain(game, outcome),
    )


def _coupled(game: Game, outcome: Outcome) -> _Market:
    """As "simultaneous", within S <= w; the multiplier is part of everybody's marginal profit."""
    total, supply = float(outcome.demand.sum()), outcome.supply
    free = _simultaneous(game, outcome)
    excess = (total - supply) / _size(total, supply)
    worth = outcome.multiplier / _size(outcome.price, outcome.multiplier)
    violations = (*free.violations, max(excess, 0.0), max(-worth, 0.0), worth * max(-excess, 0.0))
    return replace(
        free, violations=violations, supplier_gain=_supplier_gain(game, outcome, least=total)
    )


def _demanders_lead(game: Game, outcome: Outcome) -> _Market:
    refuse_bounds(game, "demanders-lead")
    start = game.supplier_cost

    def price_at(total: Vector) -> Vector:
        answer = np.maximum(game.a * total - start, 0.0) / (2 * game.b)
        return game.a * total - game.b * answer

    return _Market(
        price_at,
        ((0.0, game.a), (start / 2, game.a / 2)),
        start / game.a,
        (_price_violation(game, outcome), _supplier_violation(game, outcome)),
        _supplier_gain(game, outcome),
    )


def _supplier_anticipates(game: Game, outcome: Outcome) -> _Market:
    given = _simultaneous(game, outcome)
    return _Market(
        given.price_at,
        given.lines,
        None,
        (_price_violation(game, outcome),),
        max(_lead_profit(game) - _lead_profit(game, outcome.supply), 0.0),
    )


def _paper_literal(game: Game, outcome: Outcome) -> _Market:
    """As "supplier-anticipates", against the profit that is stated: negative quantities make one
    that no supply would earn.
    """
    refuse_bounds(game, "paper-literal")
    own = outcome.supply * (outcome.price - game.supplier_cost)
    gain = max(_lead_profit(game) - own, 0.0)
    return replace(_supplier_anticipates(game, outcome), supplier_gain=gain)


def _lead_profit(game: Game, supply: float | None = None) -> float:
    """What the supplier earns with this supply, or else the most over all w in [0, W], the
    demanders answering each w.

    Walks down from the highest price at which anyone buys: supply and price then trade along
    straight lines from one kink of the demanders' answer to the next, and profit w (q - d_s) is a
    parabola on each.
    """
    start = game.supplier_cost
    entering = np.stack([game.margin, np.ones_like(game.margin)])
    full = game.margin - game.a * game.cap
    leaving = np.stack([full, -np.ones_like(full)])[:, np.isfinite(full)]
    level = np.array([[start], [0.0]])
    price, change = np.concatenate([entering, leaving, level], axis=1)
    order = np.argsort(-price, kind="stable")
    price, buyers = price[order], np.cumsum(change[order])
    asked = np.concatenate([[0.0], np.cumsum(buyers[:-1] * -np.diff(price))])
    kinks = (asked - price) / game.b
    # From kink i on the price falls by rate[i] per unit of supply, from base[i] at none. (A kink
    # at a negative supply lies above the price demanders pay when there is no supply at all.)
    rate = game.b / (1 + buyers)
    base = price + rate * kinks

    def profit(quantity: Vector) -> Vector:
        earned: Vector = quantity * (base - rate * quantity - start)
        return earned

    if supply is not None:
        here = max(int(np.searchsorted(kinks, supply, side="right")) - 1, 0)
        return float(profit(np.full_like(base, supply))[here])
    # Below the last kink at or above cost nothing is earned, so its piece need not be searched;
    # nor those that lie outside [0, W], whose lines do not hold there.
    least = np.clip(kinks, 0.0, game.supply_cap)
    most = np.append(least[1:], least[-1])
    top = np.clip((base - start) / (2 * rate), least, most)
    best = np.max([profit(quantity) for quantity in (least, most, top)], axis=0)
    return max(float(best[least < most].max(initial=0.0)), 0.0)


def _balanced(game: Game, outcome: Outcome) -> _Market:
    slope, start = game.a - game.b, game.supplier_cost
    if slope <= 0:
        raise NoEquilibrium(f"balanced needs a > b; a is {game.a}, b is {game.b}")
    total = float(outcome.demand.sum())
    scarce = total >= game.supply_cap * (1 - _AT_BOUND)
    premium = max(outcome.price - slope * total, 0.0) if scarce else 0.0
    rule = max(slope * total + premium, start)
    size = _size(outcome.price, start, slope * total)
    return _Market(
        lambda asked: np.maximum(slope * asked + premium, start),
        ((start, 0.0), (premium, slope)),
        max(start - premium, 0.0) / slope,
        (
            abs(outcome.price - rule) / size,
            abs(outcome.supply - total) / _size(total, outcome.supply),
            max(start - outcome.price, 0.0) / size,
        ),
        None,
    )


_MARKETS = {
    "simultaneous": _simultaneous,
    "demanders-lead": _demanders_lead,
    "supplier-anticipates": _supplier_anticipates,
    "paper-literal": _paper_literal,
    "balanced": _balanced,
}
