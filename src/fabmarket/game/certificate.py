"""Is this an equilibrium? Answered from the model alone, not from the solver's formulas.

Each concept says who may deviate and what the others do then. A deviating party's profit is a
continuous function of its own quantity made of parabolas and lines, so its maximum lies at the top
of a piece or at one of the piece's ends: all of these are tried. A gain is worked out from the
change of quantity and the margin above the price, so that it is exact where both are small.
"""

from dataclasses import dataclass, replace
from math import inf

import numpy as np

from fabmarket.game.errors import InvalidGame, NoEquilibrium, Unsupported
from fabmarket.game.model import (
    CONCEPTS,
    Certificate,
    Equilibrium,
    Game,
    Outcome,
    Vector,
    refuse_bounds,
)

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


@dataclass(frozen=True)
class Piece:
    """The price on a stretch of total demand, everyone else answering as the concept says.

    At total demand S + x, since <= x <= until, it is the price at S plus offset plus slope x.
    """

    slope: float
    offset: float = 0.0
    since: float = -inf
    until: float = inf


@dataclass(frozen=True)
class _Market:
    """One concept's world around an answer.

    Attributes:
        price: what the concept's rule makes of the quantities.
        gap: shape (m,), each margin less that price.
        pieces: of the price around the total, from the left.
        violations: of the concept's own conditions, relative.
        supplier: (gain, money at stake) of the supplier; None if it does not choose.
    """

    price: float
    gap: Vector
    pieces: tuple[Piece, ...]
    violations: tuple[float, ...]
    supplier: tuple[float, float] | None


def verify(game: Game, equilibrium: Equilibrium) -> Certificate:
    """Check price, demand and supply of an answer, wherever it came from.

    The profits it states are not used. Cost O(m), and O(m log m) where the supplier anticipates.

    >>> from fabmarket.game import Game, solve, verify
    >>> game = Game([100, 200, 200], [45, 45, 15], 10, 0.8, 0.2)
    >>> verify(game, solve(game, "simultaneous")).holds
    True

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
    market = _coupled(game, outcome) if coupled else _MARKETS[concept](game, outcome)
    limit = _limits(game, outcome, market, coupled)
    gains, stakes = demander_gains(game, outcome, market.gap, market.pieces, limit)
    if market.supplier is not None:
        gains, stakes = np.append(gains, market.supplier[0]), np.append(stakes, market.supplier[1])
    residual = max(market.violations + _bound_violations(game, outcome))
    residual = max(residual, _marginal_violation(game, outcome, market, limit))
    deviations = _COUPLED if coupled else _DEVIATIONS[concept]
    if game.budgeted:
        deviations = (deviations[0] + ", within its budget", *deviations[1:])
    return certificate(deviations, residual, gains, stakes)


def certificate(
    deviations: tuple[str, ...], residual: float, gains: Vector, stakes: Vector
) -> Certificate:
    """With each gain, as far as it is above 0, weighed against the money at its party's stake."""
    gains = np.maximum(gains, 0.0)
    paying = gains > 0
    relative = float((gains[paying] / stakes[paying]).max(initial=0.0))
    return Certificate(deviations, float(gains.max()), float(residual), gains, relative)


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
        slope = market.pieces[0].slope
        rest = market.price - slope * outcome.demand
        root = np.sqrt(np.square(rest) + 4 * slope * game.budget)
        with np.errstate(divide="ignore", invalid="ignore"):
            most = np.where(rest > 0, 2 * game.budget / (root + rest), (root - rest) / (2 * slope))
        limit = np.minimum(limit, np.where(np.isinf(game.budget), inf, most))
    return limit


def demander_gains(
    game: Game, outcome: Outcome, gap: Vector, pieces: tuple[Piece, ...], limit: Vector
) -> tuple[Vector, Vector]:
    """By how much each demander could raise its own profit, and the money at stake, shape (m,)."""
    demand, gains, stakes = outcome.demand, np.zeros_like(gap), np.ones_like(gap)
    for piece in pieces:
        low, high = -demand, limit - demand
        if len(pieces) > 1:
            low, high = np.maximum(low, piece.since), np.minimum(high, piece.until)
        here = gap - piece.offset if piece.offset else gap
        if piece.slope > 0:
            change = (here - piece.slope * demand) / (2 * piece.slope)
            change = np.minimum(np.maximum(change, low), high)
        else:
            change = np.where(here > 0, high, low)
        gain = change * (here - piece.slope * (demand + change))
        if piece.offset:
            gain -= demand * piece.offset
        who = np.flatnonzero((gain > gains) & (low <= high))
        gains[who] = gain[who]
        worth = np.maximum(np.maximum(game.benefit[who], game.cost[who]), abs(outcome.price))
        stakes[who] = (np.abs(demand[who]) + np.abs(demand[who] + change[who])) * worth
    return gains, stakes


def _marginal_violation(game: Game, outcome: Outcome, market: _Market, limit: Vector) -> float:
    """By how much a marginal unit more, or less, would still pay, relative to the price.

    A slope of profit counts only as far as there is room to follow it. A limit that all share has
    no room to spare for any of them; there the multiplier takes its place.
    """
    demand, price = outcome.demand, outcome.price + outcome.multiplier
    limit = limit if outcome.multiplier == 0 else game.cap
    total = float(demand.sum())
    first, last = market.pieces[0], market.pieces[-1]
    slack = _ROUNDING * (abs(first.until) + total) if first.until < inf else 0.0
    down = (first if first.until >= -slack else last).slope
    up = (first if first.until > slack else last).slope
    steepest = max(piece.slope for piece in market.pieces)
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


def _supplier(game: Game, outcome: Outcome, least: float = 0.0) -> tuple[float, float]:
    """The supplier's best gain over all w in [least, W] while demands stand still, and its stake"""
    asked, supply = game.a * float(outcome.demand.sum()), outcome.supply
    room = asked - 2 * game.b * supply - game.supplier_cost
    change = min(max(room / (2 * game.b), least - supply), game.supply_cap - supply)
    moved = abs(supply) + abs(supply + change)
    worth = max(game.supplier_cost, asked, game.b * abs(supply))
    return change * (room - game.b * change), moved * worth


def _supplier_violation(game: Game, outcome: Outcome) -> float:
    """The supplier's marginal profit where there is room to follow it, relative to the price."""
    asked = game.a * float(outcome.demand.sum())
    supply, offered = outcome.supply, game.b * outcome.supply
    marginal = asked - 2 * offered - game.supplier_cost + outcome.multiplier
    more = min(max(marginal, 0.0), game.b * (game.supply_cap - supply))
    less = min(max(-marginal, 0.0), offered)
    return max(more, less) / _size(asked, offered, game.supplier_cost)


def _simultaneous(game: Game, outcome: Outcome) -> _Market:
    price = game.a * float(outcome.demand.sum()) - game.b * outcome.supply
    return _Market(
        price,
        game.margin - price,
        (Piece(game.a),),
        (_price_violation(game, outcome), _supplier_violation(game, outcome)),
        _supplier(game, outcome),
    )


def _coupled(game: Game, outcome: Outcome) -> _Market:
    """As "simultaneous", within S <= w; the multiplier is part of everybody's marginal profit."""
    total, supply = float(outcome.demand.sum()), outcome.supply
    free = _simultaneous(game, outcome)
    excess = (total - supply) / _size(total, supply)
    worth = outcome.multiplier / _size(outcome.price, outcome.multiplier)
    violations = (*free.violations, max(excess, 0.0), max(-worth, 0.0), worth * max(-excess, 0.0))
    return replace(free, violations=violations, supplier=_supplier(game, outcome, least=total))


def _demanders_lead(game: Game, outcome: Outcome) -> _Market:
    refuse_bounds(game, "demanders-lead")
    total = float(outcome.demand.sum())
    short = game.supplier_cost / game.a - total  # of the kink, where supply starts
    slopes = game.a, game.a / 2
    here = slopes[0] if short >= 0 else slopes[1]
    price = game.a * total - max(game.a * total - game.supplier_cost, 0.0) / 2
    return _Market(
        price,
        game.margin - price,
        (
            Piece(slopes[0], (here - slopes[0]) * short, until=short),
            Piece(slopes[1], (here - slopes[1]) * short, since=short),
        ),
        (_price_violation(game, outcome), _supplier_violation(game, outcome)),
        _supplier(game, outcome),
    )


def _supplier_anticipates(game: Game, outcome: Outcome) -> _Market:
    best, stake = _lead_profit(game)
    own, moved = _lead_profit(game, outcome.supply)
    return replace(
        _simultaneous(game, outcome),
        violations=(_price_violation(game, outcome),),
        supplier=(best - own, stake + moved),
    )


def _paper_literal(game: Game, outcome: Outcome) -> _Market:
    """As "supplier-anticipates", against the profit that is stated: negative quantities make one
    that no supply would earn.
    """
    refuse_bounds(game, "paper-literal")
    own = outcome.supply * (outcome.price - game.supplier_cost)
    best, stake = _lead_profit(game)
    return replace(_supplier_anticipates(game, outcome), supplier=(best - own, stake + abs(own)))


def _lead_profit(game: Game, supply: float | None = None) -> tuple[float, float]:
    """What the supplier earns with this supply, or else the most over all w in [0, W], the
    demanders answering each w; and the money it moves, at the largest margin or cost.

    Walks down from the highest price at which anyone buys: supply and price then trade along
    straight lines from one kink of the demanders' answer to the next, and profit w (q - d_s) is a
    parabola on each.
    """
    start = game.supplier_cost
    worth = max(start, float(np.abs(game.margin).max()))
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
        return float(profit(np.full_like(base, supply))[here]), abs(supply) * worth
    # Below cost nothing is earned, so those pieces need not be searched; nor those that lie outside
    # [0, W], whose lines do not hold there.
    least = np.clip(kinks, 0.0, game.supply_cap)
    most = np.append(least[1:], least[-1])
    searched = (least < most) & (price > start)
    top = np.where(searched, np.clip((base - start) / (2 * rate), least, most), 0.0)
    earned = profit(top)
    pick = int(np.argmax(earned))
    return max(float(earned[pick]), 0.0), float(top[pick]) * worth


def _balanced(game: Game, outcome: Outcome) -> _Market:
    slope, start = game.a - game.b, game.supplier_cost
    if slope <= 0:
        raise NoEquilibrium(f"balanced needs a > b; a is {game.a}, b is {game.b}")
    total = float(outcome.demand.sum())
    scarce = total >= game.supply_cap * (1 - _ROUNDING)
    premium = max(outcome.price - slope * total, 0.0) if scarce else 0.0
    price = max(slope * total + premium, start)
    size = _size(outcome.price, start, slope * total)
    short = max(start - premium, 0.0) / slope - total  # of the kink, where the price starts to rise
    gap = _beside(game, outcome, slope) if premium > 0 else game.margin - price
    here = 0.0 if short > 0 else slope
    return _Market(
        price,
        gap,
        (
            Piece(0.0, here * short, until=short),
            Piece(slope, (here - slope) * short, since=short),
        ),
        (
            abs(outcome.price - price) / size,
            abs(outcome.supply - total) / _size(total, outcome.supply),
            max(start - outcome.price, 0.0) / size,
        ),
        None,
    )


def _beside(game: Game, outcome: Outcome, slope: float) -> Vector:
    """Each margin less the price, where a premium makes that price.

    The premium is whatever fills W, and a price says it to its own last digit only, which may be
    more than a demander's whole profit on a unit. Of the premiums that round to the price the one
    at which the largest buyer below its cap wants no change is taken; margins are compared with
    the buyer's, not with the price.
    """
    demand, margin = outcome.demand, game.margin
    inside = np.where(demand < game.cap, demand, 0.0)
    buyer = int(np.argmax(inside))
    wanted = slope * float(demand[buyer])
    off = abs(margin[buyer] - wanted - outcome.price)
    if inside[buyer] <= 0 or off > _ROUNDING * _size(outcome.price, margin[buyer]):
        return margin - outcome.price
    gap: Vector = (margin - margin[buyer]) + wanted
    return gap


_MARKETS = {
    "simultaneous": _simultaneous,
    "demanders-lead": _demanders_lead,
    "supplier-anticipates": _supplier_anticipates,
    "paper-literal": _paper_literal,
    "balanced": _balanced,
}
