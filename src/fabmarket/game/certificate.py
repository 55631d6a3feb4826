"""Is this an equilibrium? Answered from the model alone, not from the solver's formulas.

Each concept says who may deviate and what the others do then. A deviating party's profit is a
continuous function of its own quantity made of parabolas and lines, so its maximum lies at the top
of a piece or at one of the piece's ends: all of these are tried. A gain is worked out from the
change of quantity and the margin above the price, so that it is exact where both are small.
"""

from dataclasses import dataclass, replace
from math import inf, isfinite
from typing import NamedTuple

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
_SHARED = 1e-5  # times TOLERANCE: more than rounding makes of a sum
_NONE = np.empty(0), np.empty(0)


class Piece(NamedTuple):
    """The price on a stretch of total demand, everyone else answering as the concept says.

    At total demand S + x, since <= x <= until, it is the price at S plus offset plus slope x.
    """

    slope: float
    offset: float = 0.0
    since: float = -inf
    until: float = inf


@dataclass(frozen=True)
class Answer:
    """An answer to be judged: shape (m,) for the demanders, (n,) for the suppliers, mostly one.

    Attributes:
        game: the demanders, a and b.
        cost, most: what a unit costs each supplier, and its bound.
        price, demand, supply, multiplier: as stated.
        asked, offered: aS and bw, what the quantities add to the price and take from it.
    """

    game: Game
    cost: Vector
    most: Vector
    price: float
    demand: Vector
    supply: Vector
    multiplier: float
    total: float
    asked: float
    offered: float


@dataclass(frozen=True)
class _Market:
    """One concept's world around an answer.

    Attributes:
        price: what the concept's rule makes of the quantities.
        gap: shape (m,), each margin less that price.
        pieces: of the price around the total, from the left.
        violations: of the concept's own conditions, relative.
        suppliers: (gains, money at stake), shape (n,); nothing if they do not choose.
    """

    price: float
    gap: Vector
    pieces: tuple[Piece, ...]
    violations: tuple[float, ...]
    suppliers: tuple[Vector, Vector] = _NONE


def verify(game: Game, equilibrium: Equilibrium) -> Certificate:
    """Check price, demand and supply of an answer, wherever it came from.

    The profits it states are not used. Where the supplier anticipates, what its stated supply earns
    is counted after the demanders have answered it, whatever demands are stated. Cost O(m), and
    O(m log m) there.

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
    price, demand, supply, _, multiplier = outcome
    return judged(fitting(game, price, demand, supply, multiplier), concept, coupled)


def fitting(
    game: Game,
    price: float,
    demand: Vector,
    supply: float | Vector,
    multiplier: float = 0.0,
    suppliers: tuple[Vector, Vector] | None = None,
) -> Answer:
    """The answer to a game with one supplier, or with those of these costs and bounds.

    Raises:
        InvalidGame: a party has no quantity or more than one, or a number is NaN or infinite.
    """
    demand, supplied = np.asarray(demand, dtype=np.float64), np.ravel(supply)
    cost, most = suppliers or (np.array([game.supplier_cost]), np.array([game.supply_cap]))
    if demand.shape != game.margin.shape:
        raise InvalidGame(f"{demand.size} demands for {game.margin.size} demanders; give each one")
    if supplied.shape != cost.shape:
        raise InvalidGame(f"{supplied.size} supplies for {cost.size} suppliers; give each one")
    total, offered = float(demand.sum()), game.b * float(supplied.sum())
    if not all(map(isfinite, (total, price, offered, multiplier))):
        raise InvalidGame("price, demand or supply is not finite; there is nothing to verify")
    asked = game.a * total
    return Answer(game, cost, most, price, demand, supplied, multiplier, total, asked, offered)


def judged(answer: Answer, concept: str, coupled: bool = False) -> Certificate:
    """What the deviations of a concept say of an answer."""
    game = answer.game
    market = _coupled(answer) if coupled else _MARKETS[concept](answer)
    limit = _limits(answer, market, coupled)
    gains, stakes = demander_gains(answer, market, limit)
    if coupled or concept == "balanced":
        # Demands that fill a bound all share leave room of its last digit, which is no one's stake.
        paid = answer.total * (abs(answer.price) + answer.multiplier)
        stakes = np.maximum(stakes, _SHARED * paid)
    residual = max(market.violations + _bound_violations(answer))
    residual = max(residual, _marginal_violation(answer, market, limit))
    deviations = _COUPLED if coupled else _DEVIATIONS[concept]
    if game.budgeted:
        deviations = (deviations[0] + ", within its budget", *deviations[1:])
    if len(answer.cost) > 1:
        own = deviations[1].removeprefix("the supplier") + ", the other supplies unchanged"
        answering = deviations[0].replace("the supplier", "the suppliers")
        deviations = (answering, "each supplier" + own)
    gains = np.concatenate([gains, market.suppliers[0]])
    stakes = np.concatenate([stakes, market.suppliers[1]])
    return certificate(deviations, residual, gains, stakes)


def certificate(
    deviations: tuple[str, ...], residual: float, gains: Vector, stakes: Vector
) -> Certificate:
    """With each gain, as far as it is above 0, weighed against the money at its party's stake."""
    gains = np.maximum(gains, 0.0)
    paying = gains > 0
    relative = float((gains[paying] / stakes[paying]).max(initial=0.0))
    return Certificate(deviations, float(gains.max()), float(residual) + 0.0, gains, relative)


def _limits(answer: Answer, market: _Market, coupled: bool) -> Vector:
    """The most each demander may take, the others standing still; shape (m,)."""
    game, demand = answer.game, answer.demand
    limit = game.cap
    if coupled:
        limit = np.clip(answer.supply.sum() - (answer.total - demand), 0.0, limit)
    if game.budgeted:
        # v (intercept + slope (others + v)) <= B; the root's form has no cancellation for rest > 0.
        slope = market.pieces[0].slope
        rest = market.price - slope * demand
        root = np.sqrt(np.square(rest) + 4 * slope * game.budget)
        with np.errstate(divide="ignore", invalid="ignore"):
            most = np.where(rest > 0, 2 * game.budget / (root + rest), (root - rest) / (2 * slope))
        limit = np.minimum(limit, np.where(np.isinf(game.budget), inf, most))
    return limit


def demander_gains(answer: Answer, market: _Market, limit: Vector) -> tuple[Vector, Vector]:
    """By how much each demander could raise its own profit, and the money at stake, shape (m,)."""
    game, demand, gap, pieces = answer.game, answer.demand, market.gap, market.pieces
    gains, stakes = np.zeros_like(gap), np.ones_like(gap)
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
        worth = np.maximum(np.maximum(game.benefit[who], game.cost[who]), abs(answer.price))
        stakes[who] = (np.abs(demand[who]) + np.abs(demand[who] + change[who])) * worth
    return gains, stakes


def _marginal_violation(answer: Answer, market: _Market, limit: Vector) -> float:
    """By how much a marginal unit more, or less, would still pay, relative to the price.

    A slope of profit counts only as far as there is room to follow it. A limit that all share has
    no room to spare for any of them; there the multiplier takes its place.
    """
    game, demand, total = answer.game, answer.demand, answer.total
    price = answer.price + answer.multiplier
    limit = limit if answer.multiplier == 0 else game.cap
    # On a kink, or next to it, the price has two slopes.
    slack = _ROUNDING * total
    down = next(piece.slope for piece in market.pieces if piece.until >= -slack)
    up = next(piece.slope for piece in market.pieces if piece.until > slack)
    steepest = max(piece.slope for piece in market.pieces)
    gap = game.margin - price
    more = np.minimum(np.maximum(gap - up * demand, 0.0), steepest * (limit - demand))
    less = np.minimum(np.maximum(down * demand - gap, 0.0), steepest * demand)
    size = _size(price, steepest * total, float(answer.cost.max()))
    return float(max(more.max(), less.max())) / size


def _size(*terms: float) -> float:
    """What a violation is measured against: the largest of its terms, 1 if all are zero."""
    return max(abs(term) for term in terms) or 1.0


def _bound_violations(answer: Answer) -> tuple[float, ...]:
    violations = []
    for quantity, most in ((answer.demand, answer.game.cap), (answer.supply, answer.most)):
        low, high = float(quantity.min()), float(quantity.max())
        beyond = max(-low, float((quantity - most).max()), 0.0)
        violations.append(beyond / _size(low, high))
    if answer.game.budgeted:
        paid = answer.price * answer.demand
        overspent = max(float((paid - answer.game.budget).max()), 0.0)
        violations.append(overspent / _size(float(paid.max())))
    return tuple(violations)


def price_violation(answer: Answer) -> float:
    """|q - (aS - bw)|, relative."""
    off = answer.price - (answer.asked - answer.offered)
    return abs(off) / _size(answer.price, answer.asked, answer.offered)


def _suppliers(answer: Answer, least: float = 0.0) -> tuple[Vector, Vector]:
    """Each supplier's best gain over all w in [least, W], all else standing still, and its stake"""
    b, supply = answer.game.b, answer.supply
    room = answer.asked - answer.offered - b * supply - answer.cost
    change = np.minimum(np.maximum(room / (2 * b), least - supply), answer.most - supply)
    worth = np.maximum(answer.cost, max(answer.asked, abs(answer.offered)))
    return change * (room - b * change), (np.abs(supply) + np.abs(supply + change)) * worth


def _supplier_violation(answer: Answer) -> float:
    """Marginal profit of suppliers where there is room to follow it, relative to the price."""
    own = answer.game.b * answer.supply
    marginal = answer.asked - answer.offered - own - answer.cost + answer.multiplier
    more = np.minimum(np.maximum(marginal, 0.0), answer.game.b * (answer.most - answer.supply))
    less = np.minimum(np.maximum(-marginal, 0.0), own)
    size = _size(answer.asked, answer.offered, float(answer.cost.max()))
    return float(max(more.max(), less.max())) / size


def _simultaneous(answer: Answer) -> _Market:
    price = answer.asked - answer.offered
    return _Market(
        price,
        answer.game.margin - price,
        (Piece(answer.game.a),),
        (price_violation(answer), _supplier_violation(answer)),
        _suppliers(answer),
    )


def _coupled(answer: Answer) -> _Market:
    """As "simultaneous", within S <= w; the multiplier is part of everybody's marginal profit."""
    total, supply = answer.total, float(answer.supply.sum())
    free = _simultaneous(answer)
    excess = (total - supply) / _size(total, supply)
    worth = answer.multiplier / _size(answer.price, answer.multiplier)
    violations = (*free.violations, max(excess, 0.0), max(-worth, 0.0), worth * max(-excess, 0.0))
    return replace(free, violations=violations, suppliers=_suppliers(answer, least=total))


def _demanders_lead(answer: Answer) -> _Market:
    """With l suppliers active q = (aS + D_l)/(l + 1), up to the total at which the next starts."""
    refuse_bounds(answer.game, "demanders-lead")
    pieces: list[Piece] = []
    price, here = answer.asked, 0.0
    offset, spent, since = 0.0, 0.0, -inf
    for active, start in enumerate([*np.sort(answer.cost).tolist(), inf], start=1):
        slope = answer.game.a / active
        until = (start * active - spent) / answer.game.a - answer.total
        pieces.append(Piece(slope, offset, since, until))
        if since < 0:
            here, price = offset, (answer.asked + spent) / active
        offset += (slope - answer.game.a / (active + 1)) * until
        spent, since = spent + start, until
    return _Market(
        price,
        answer.game.margin - price,
        tuple(piece._replace(offset=piece.offset - here) for piece in pieces),
        (price_violation(answer), _supplier_violation(answer)),
        _suppliers(answer),
    )


def _supplier_anticipates(answer: Answer) -> _Market:
    both = [_lead_profit(answer, who) for who in range(len(answer.cost))]
    best, stake, own, moved = (np.array(column) for column in zip(*both, strict=True))
    return replace(
        _simultaneous(answer),
        violations=(price_violation(answer),),
        suppliers=(best - own, stake + moved),
    )


def _paper_literal(answer: Answer) -> _Market:
    """As "supplier-anticipates", against the profit that is stated: negative quantities make one
    that no supply would earn.
    """
    refuse_bounds(answer.game, "paper-literal")
    own = answer.supply * (answer.price - answer.cost)
    best, stake, *_ = _lead_profit(answer, 0)
    suppliers = best - own, stake + np.abs(own)
    return replace(
        _simultaneous(answer), violations=(price_violation(answer),), suppliers=suppliers
    )


def _lead_profit(answer: Answer, who: int) -> tuple[float, float, float, float]:
    """The most that a supplier earns over all w in [0, W], the demanders answering each w and the
    other suppliers standing still, and the money it moves, at the largest margin or cost; the
    same two for the supply that is stated.

    Walks down from the highest price at which anyone buys: supply and price then trade along
    straight lines from one kink of the demanders' answer to the next, and profit w (q - d_s) is a
    parabola on each.
    """
    game, supply, start = answer.game, float(answer.supply[who]), float(answer.cost[who])
    worth = max(start, float(np.abs(game.margin).max()))
    entering = np.stack([game.margin, np.ones_like(game.margin)])
    full = game.margin - game.a * game.cap
    leaving = np.stack([full, -np.ones_like(full)])[:, np.isfinite(full)]
    level = np.array([[start], [0.0]])
    price, change = np.concatenate([entering, leaving, level], axis=1)
    order = np.argsort(-price, kind="stable")
    price, buyers = price[order], np.cumsum(change[order])
    asked = np.concatenate([[0.0], np.cumsum(buyers[:-1] * -np.diff(price))])
    kinks = (asked - price) / game.b - (float(answer.supply.sum()) - supply)
    # From kink i on the price falls by rate[i] per unit of supply, from base[i] at none. (A kink
    # at a negative supply lies above the price demanders pay when there is no supply at all.)
    rate = game.b / (1 + buyers)
    base = price + rate * kinks
    here = max(int(np.searchsorted(kinks, supply, side="right")) - 1, 0)
    own = supply * float(base[here] - rate[here] * supply - start)
    # Below cost nothing is earned, so those pieces need not be searched; nor those that lie outside
    # [0, W], whose lines do not hold there.
    least = np.clip(kinks, 0.0, answer.most[who])
    most = np.append(least[1:], least[-1])
    searched = (least < most) & (price > start)
    top = np.where(searched, np.clip((base - start) / (2 * rate), least, most), 0.0)
    earned = top * (base - rate * top - start)
    pick = int(np.argmax(earned))
    return max(float(earned[pick]), 0.0), float(top[pick]) * worth, own, abs(supply) * worth


def _balanced(answer: Answer) -> _Market:
    game, total, supply = answer.game, answer.total, float(answer.supply[0])
    slope, start = game.a - game.b, game.supplier_cost
    if slope <= 0:
        raise NoEquilibrium(f"balanced needs a > b; a is {game.a}, b is {game.b}")
    scarce = total >= game.supply_cap * (1 - _ROUNDING)
    premium = max(answer.price - slope * total, 0.0) if scarce else 0.0
    price = max(slope * total + premium, start)
    size = _size(answer.price, start, slope * total)
    short = max(start - premium, 0.0) / slope - total  # of the kink, where the price starts to rise
    gap = _beside(answer, slope) if premium > 0 else game.margin - price
    here = 0.0 if short > 0 else slope
    return _Market(
        price,
        gap,
        (
            Piece(0.0, here * short, until=short),
            Piece(slope, (here - slope) * short, since=short),
        ),
        (
            abs(answer.price - price) / size,
            abs(supply - total) / _size(total, supply),
            max(start - answer.price, 0.0) / size,
        ),
    )


def _beside(answer: Answer, slope: float) -> Vector:
    """Each margin less the price, where a premium makes that price.

    The premium is whatever fills W, and a price says it to its own last digit only, which may be
    more than a demander's whole profit on a unit. Of the premiums that round to the price the one
    at which the largest buyer below its cap wants no change is taken; margins are compared with
    the buyer's, not with the price.
    """
    game, demand, margin = answer.game, answer.demand, answer.game.margin
    inside = np.where(demand < game.cap, demand, 0.0)
    buyer = int(np.argmax(inside))
    wanted = slope * float(demand[buyer])
    off = abs(margin[buyer] - wanted - answer.price)
    if inside[buyer] <= 0 or off > _ROUNDING * _size(answer.price, margin[buyer]):
        return margin - answer.price
    gap: Vector = (margin - margin[buyer]) + wanted
    return gap


_MARKETS = {
    "simultaneous": _simultaneous,
    "demanders-lead": _demanders_lead,
    "supplier-anticipates": _supplier_anticipates,
    "paper-literal": _paper_literal,
    "balanced": _balanced,
}
