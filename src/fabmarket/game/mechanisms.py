"""Mechanisms beside the game, and what a lie about one's margin would earn under each.

A mechanism takes the reported margins c (and d_s, which the operator knows), and decides who gets
how much at what payment. Two are offered, both efficient at honest reports:

- VCG (Clarke, "Multipart pricing of public goods", Public Choice 11, 1971): each demander pays what
  its presence costs everybody else, the supplier's cost of delivery included;
- a uniform price: the lowest at which no more is asked for than W, and not below d_s.

Welfare is sum c_j v_j - d_s w. Both need caps and W: a demander's margin is the same for every
unit, so without bounds the welfare of a unit traded can be had any number of times.

A concept of the game becomes a mechanism if an operator plays it on reported margins. `best_lie`
tells what a demander could then gain by reporting another margin than its own, everybody else
being honest. The largest gain is zero only under VCG.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from math import inf
from operator import itemgetter

import numpy as np

from fabmarket.errors import Refused
from fabmarket.game.closed_forms.root import Requirement
from fabmarket.game.closed_forms.simultaneous import simultaneous_requirement
from fabmarket.game.closed_forms.supplier_anticipates import supplier_anticipates
from fabmarket.game.equilibrium import solve
from fabmarket.game.errors import InvalidGame, NoEquilibrium, NotCertified, Unsupported
from fabmarket.game.model import Equilibrium, Game, Vector, refuse_budgets

MECHANISMS = ("vcg", "uniform-price")
"""The mechanisms offered, by name."""

RULES = ("simultaneous", "demanders-lead", "supplier-anticipates", "balanced", *MECHANISMS)
"""The concepts and mechanisms that `compare` and `best_lie` know, by name."""

_GRID = 256  # reports tried between nothing and the largest that can matter
_ZOOM, _FINE = 16, 17  # each zoom narrows the search 8 times: 8^16 > 2^48
_SAME = 1e-9  # relative; two prices closer than this are one


class Unbounded(Refused):
    """A mechanism needs a bound that the game does not have; the message names it."""


@dataclass(frozen=True)
class Clearing:
    """What a mechanism decides, exactly.

    Attributes:
        mechanism: one of MECHANISMS.
        price: money per unit, the same for all; None under "vcg", where there is none.
        demand: v, units; demand that meets W exactly at the margin is shared in proportion to cap.
        payment: money, one for each demander. The supplier gets the sum.
        supply: w = S, units.
        welfare: sum (c_j - d_s) v_j, money.
    """

    mechanism: str
    price: Fraction | None
    demand: tuple[Fraction, ...]
    payment: tuple[Fraction, ...]
    supply: Fraction
    welfare: Fraction


class _MeritOrder:
    """Demand above cost, best margin first: what any amount of capacity is worth."""

    def __init__(self, game: Game) -> None:
        _refuse_unbounded(game)
        self.cost = Fraction(game.supplier_cost)
        self.capacity = Fraction(game.supply_cap)
        given = (each.tolist() for each in (game.benefit, game.cost, game.cap))
        self.demanders = [
            (Fraction(y) - Fraction(d), Fraction(cap)) for y, d, cap in zip(*given, strict=True)
        ]
        wanting = [(c, cap) for c, cap in self.demanders if c > self.cost and cap > 0]
        wanting.sort(key=itemgetter(0), reverse=True)
        self.levels = [c for c, _ in wanting]
        self.filled = list(accumulate((cap for _, cap in wanting), initial=Fraction(0)))
        gains = ((c - self.cost) * cap for c, cap in wanting)
        self.worth = list(accumulate(gains, initial=Fraction(0)))

    def welfare(self, capacity: Fraction) -> Fraction:
        """The most that `capacity` units can be worth beyond their cost."""
        at = bisect_left(self.filled, capacity) - 1
        if at < 0 or at == len(self.levels):
            return self.worth[max(at, 0)]
        return self.worth[at] + (self.levels[at] - self.cost) * (capacity - self.filled[at])

    def price(self) -> Fraction:
        """The lowest price, from cost up, at which no more than the capacity is asked for."""
        if self.capacity >= self.filled[-1]:
            return self.cost
        at = bisect_left(self.filled, self.capacity)
        # Exactly filled by those before `at`: the price must keep out the next one, no more.
        return self.levels[at if self.filled[at] == self.capacity else at - 1]

    def shares(self) -> tuple[Fraction, ...]:
        """Who gets how much: all above the price their caps, those at it what is left, by cap."""
        price = self.price()
        above = sum((cap for c, cap in self.demanders if c > price), Fraction(0))
        level = sum((cap for c, cap in self.demanders if c == price > self.cost), Fraction(0))
        part = (self.capacity - above) / level if level else Fraction(0)
        return tuple(
            cap if c > price else cap * part if c == price else Fraction(0)
            for c, cap in self.demanders
        )

    def vcg_payment(self, margin: Fraction, cap: Fraction, units: Fraction) -> Fraction:
        """What one who gets `units` of its cap costs the others.

        With U(x) the most that x units are worth beyond cost, the others could have
        U(W + cap_j) - (c_j - d_s) cap_j without j, who would otherwise fill its cap first.
        """
        if units == 0:
            return units
        alone = self.welfare(self.capacity + cap) - (margin - self.cost) * cap
        return alone - (self.welfare(self.capacity) - margin * units)


def _refuse_unbounded(game: Game) -> None:
    refuse_budgets(game, "mechanisms and lies")
    if game.supply_cap == inf:
        raise Unbounded(
            "mechanisms need a supply cap: without one capacity is not scarce and there is nothing"
            " to allocate; give supply_cap"
        )
    if not np.isfinite(game.cap).all():
        j = int(np.argmax(~np.isfinite(game.cap)))
        raise Unbounded(
            f"mechanisms need a cap for each demander: cap[{j}] is inf, and a constant margin"
            " without a cap asks for any quantity; give a finite cap"
        )


def clear(game: Game, mechanism: str) -> Clearing:
    """The efficient allocation, and what a mechanism makes each pay for it; O(m log m).

    >>> game = Game([9, 7], [0, 0], 1, 2, 1, cap=[3, 3], supply_cap=4)
    >>> [str(part) for part in (*clear(game, "vcg").demand, *clear(game, "vcg").payment)]
    ['3', '1', '15', '1']
    >>> str(clear(game, "uniform-price").price)
    '7'

    Args:
        game: the reports, and d_s, which the operator knows.
        mechanism: "vcg", each pays what it costs the others; "uniform-price", the same for all:
            the lowest from d_s up at which at most W is asked for.

    Raises:
        Unbounded: a cap or the supply cap is infinite.
        Unsupported: a budget, or another mechanism.
    """
    if mechanism not in MECHANISMS:
        raise Unsupported(f"unknown mechanism {mechanism!r}; use one of {MECHANISMS}")
    return _cleared(_MeritOrder(game), mechanism)


def _cleared(order: _MeritOrder, mechanism: str) -> Clearing:
    demand = order.shares()
    price = None if mechanism == "vcg" else order.price()
    payment = tuple(
        order.vcg_payment(margin, cap, units) if price is None else price * units
        for (margin, cap), units in zip(order.demanders, demand, strict=True)
    )
    best = order.welfare(order.capacity)
    return Clearing(mechanism, price, demand, payment, sum(demand, Fraction(0)), best)


@dataclass(frozen=True)
class Lie:
    """The most a demander can gain by reporting another margin, everybody else being honest.

    Attributes:
        report: the margin to report; its own where no lie pays. Where the gain is only approached
            (a report just above another's), the limit.
        honest: its profit at the truth, money.
        profit: its profit, at its true margin, after the lie, money.
    """

    report: float
    honest: float
    profit: float

    @property
    def gain(self) -> float:
        """Money, >= 0."""
        return self.profit - self.honest


def best_lie(game: Game, rule: str, who: int) -> Lie:
    """What demander `who` gains at most by misreporting its margin under a concept or mechanism.

    Exact up to rounding, O(m) after O(m log m), but for "supplier-anticipates": there the supplier
    jumps from one set of buyers to another, so reports are searched (256, then narrowed around the
    best one): never overstated. Under "demanders-lead" only lies that leave a supply are tried, and
    near the threshold, where reports may have no equilibrium, a better one may be missed.

    >>> lie = best_lie(Game([100, 200, 200], [45, 45, 15], 10, 0.8, 0.2), "simultaneous", 1)
    >>> round(lie.gain / lie.honest, 6)
    0.333333

    Args:
        game: the true data.
        rule: one of RULES.
        who: the demander's index, from 0.

    Raises:
        Unsupported: another rule, a budget, or a bound the concept is not offered with.
        NoEquilibrium: the concept has none at the true data.
        Unbounded: a mechanism without caps.
        InvalidGame: no such demander.
    """
    if not 0 <= who < len(game.margin):
        raise InvalidGame(f"no demander {who}; give an index in 0..{len(game.margin) - 1}")
    if rule in MECHANISMS:
        order = _MeritOrder(game)
        return _lie_to_mechanism(order, _cleared(order, rule), who)
    if rule not in RULES:
        raise Unsupported(f"lies under {rule!r} are not known; use one of {RULES}")
    refuse_budgets(game, "mechanisms and lies")
    return _lie_in_concept(game, solve(game, rule), who)


def _lie_to_mechanism(order: _MeritOrder, decided: Clearing, who: int) -> Lie:
    """Under VCG the truth is dominant. Under the uniform price j may ask for less, and pay less:

    with a report r below the price it gets what those above r leave of W and pays r. Just above
    the next margin, or cost, r is lowest for the quantity.
    """
    (own, cap), units = order.demanders[who], decided.demand[who]
    best, report = own * units - decided.payment[who], own
    honest = float(best)
    if decided.price is not None and units > 0:
        everything = order.capacity + cap
        # Before the first of equal levels is the sum of caps above it; before the others it is
        # larger, which leaves less.
        for level, filled in zip(order.levels, order.filled, strict=False):
            if level < decided.price and (own - level) * (everything - filled) > best:
                best, report = (own - level) * (everything - filled), level
        left = everything - order.filled[-1]
        if (own - order.cost) * left > best and decided.price > order.cost:
            best, report = (own - order.cost) * left, order.cost
    return Lie(float(report), honest, float(best))


def _lie_in_concept(game: Game, truth: Equilibrium, who: int) -> Lie:
    own = float(game.margin[who])
    honest = float(truth.demander_profit[who])
    search = _search if truth.concept == "supplier-anticipates" else _scan
    report, profit = search(game, truth.concept, who)
    return Lie(report, honest, profit) if profit > honest else Lie(own, honest, honest)


def _scan(game: Game, concept: str, who: int) -> tuple[float, float]:
    """(report, profit) of the best lie where one price p settles everything.

    In terms of price, the others leave R(p) = s T(p) - s sum v_i(p), with s the slope of a reply,
    to j, who gets v = R(p)/s if it reports p + s v. So it chooses the p that maximises
    R(p) (c - p)/s over 0 <= R <= s cap, a parabola between the kinks of R.
    """
    own = float(game.margin[who])
    slope, rule, lowest = _requirement(game, concept)
    if own <= lowest:
        return own, 0.0
    bound = slope * game.cap
    others = np.delete(game.margin, who), np.delete(bound, who)
    full = others[0] - others[1]
    points = np.concatenate([others[0], full, [rule.start, rule.full, lowest, own]])
    prices = np.unique(np.clip(points, lowest, own))
    steep = rule.steep * np.maximum(np.minimum(prices, rule.full) - rule.start, 0.0)
    left = rule.offset + rule.slope * prices + steep - _asked(*others, prices)
    best = [
        *_tops(prices, left, own, float(bound[who])),
        # At the lowest price more may be left than j can use: shares are cut there.
        (lowest, min(max(float(left[0]), 0.0), float(bound[who]))),
    ]
    best.sort(key=lambda one: one[1] * (one[0] - own))
    for price, share in best:
        report = price + share
        if concept != "demanders-lead" or _leads_to(_reporting(game, who, report), concept, price):
            return report, share / slope * (own - price)
    return own, 0.0


def _tops(prices: Vector, left: Vector, own: float, most: float) -> list[tuple[float, float]]:
    """(p, R(p)) where R(p) (own - p) is largest on each piece of R on which 0 < R < most."""
    tops = []
    for low, high, first, last in zip(prices[:-1], prices[1:], left[:-1], left[1:], strict=True):
        if last <= 0 or first >= most:
            continue
        rate = (last - first) / (high - low)
        if rate <= 0:
            tops.append((float(low), float(first)))
            continue
        start = low - min(first, 0.0) / rate
        end = high - max(last - most, 0.0) / rate
        top = min(max((own + low - first / rate) / 2, start), end)
        tops.append((float(top), float(first + rate * (top - low))))
    return tops


def _leads_to(game: Game, concept: str, price: float) -> bool:
    """Whether this game has an equilibrium, and at this price."""
    try:
        return abs(solve(game, concept).price - price) <= _SAME * max(price, 1.0)
    except (NoEquilibrium, NotCertified):
        return False


def _requirement(game: Game, concept: str) -> tuple[float, Requirement, float]:
    """Slope s of a reply, s T(p), and the lowest price to consider."""
    start = game.supplier_cost
    if concept == "simultaneous":
        return game.a, simultaneous_requirement(game), 0.0
    if concept == "demanders-lead":
        return game.a / 2, Requirement(offset=-start / 2), start
    slope = game.a - game.b
    return slope, Requirement(slope=0.0, start=0.0, full=slope * game.supply_cap), start


def _asked(margin: Vector, bound: Vector, prices: Vector) -> Vector:
    """sum_i clip(c_i - p, 0, u_i) at each of the prices, by running sums over sorted kinks."""
    full = margin - bound
    entering, leaving = np.sort(margin), np.sort(full[np.isfinite(full)])

    def above(kinks: Vector) -> Vector:
        sums = np.concatenate([[0.0], np.cumsum(kinks[::-1])])[::-1]
        at = np.searchsorted(kinks, prices, side="right")
        total: Vector = sums[at] - prices * (len(kinks) - at)
        return total

    asked: Vector = above(entering) - above(leaving)
    return asked


def _search(game: Game, concept: str, who: int) -> tuple[float, float]:
    """(report, profit) of the best report found under "supplier-anticipates".

    Only a price below c_j pays. While j is not full the price is at least report/(2 (m + 1)), and a
    report of c_j + a cap_j fills j at any price that pays; nothing beyond either need be tried.
    """
    own = float(game.margin[who])
    if own <= 0:
        return own, 0.0

    def profit(report: float) -> float:
        price, demand, *_ = supplier_anticipates(_reporting(game, who, report))
        return float(demand[who]) * (own - price)

    high = min(2 * (len(game.margin) + 1) * own, own + game.a * float(game.cap[who]))
    reports = [own, *(own * t / _GRID for t in range(_GRID))]
    reports += [own + (high - own) * (t / _GRID) ** 2 for t in range(1, _GRID + 1)]
    best = max(reports, key=profit)
    width = max(own / _GRID, 2 * (high - own) / _GRID)
    for _ in range(_ZOOM):
        fine = np.linspace(max(best - width, 0.0), best + width, _FINE)
        best = max([best, *fine.tolist()], key=profit)
        width *= 2 / (_FINE - 1)
    return best, profit(best)


def _reporting(game: Game, who: int, report: float) -> Game:
    """The game as it looks when demander `who` reports this margin."""
    benefit, cost = game.benefit.copy(), game.cost.copy()
    benefit[who], cost[who] = max(report, 0.0), max(-report, 0.0)
    numbers = game.supplier_cost, game.a, game.b
    return Game(benefit, cost, *numbers, cap=game.cap, supply_cap=game.supply_cap)


@dataclass(frozen=True, eq=False)
class Comparison:
    """One concept or mechanism on one game.

    Attributes:
        rule: its name.
        reason: why it has no outcome here; "" if it has one, and then the rest is set.
        price: money per unit; None where there is no single one.
        demand: v, shape (m,), units.
        supply: w, units.
        welfare: sum c_j v_j - d_s w, money, demands being served in proportion where S > w.
        revenue: money, what the demanders pay.
        booked: money, what the supplier books; more than the revenue where w > S.
        lies: the best lie of each demander.
    """

    rule: str
    reason: str = ""
    price: float | None = None
    demand: Vector | None = None
    supply: float = 0.0
    welfare: float = 0.0
    revenue: float = 0.0
    booked: float = 0.0
    lies: tuple[Lie, ...] = ()


def compare(
    game: Game, rules: Sequence[str] = RULES, told: Callable[[], None] = lambda: None
) -> Iterator[Comparison]:
    """Each rule's outcome at honest reports, and each demander's best lie under it, one by one.

    A rule that has no outcome in this game yields its reason instead. `told` is called after each
    demander's lie has been found.

    >>> game = Game([100, 200, 200], [45, 45, 15], 10, 0.8, 0.2)
    >>> [(one.rule, round(one.welfare)) for one in compare(game, ["demanders-lead", "balanced"])]
    [('demanders-lead', 42625), ('balanced', 30972)]

    Raises:
        Unsupported: a rule that is not in RULES.
    """
    for rule in rules:
        if rule not in RULES:
            raise Unsupported(f"unknown rule {rule!r}; use one of {RULES}")
        try:
            yield _compared(game, rule, told)
        except (Unsupported, NoEquilibrium, NotCertified, Unbounded) as error:
            yield Comparison(rule, reason=str(error))


def _compared(game: Game, rule: str, told: Callable[[], None]) -> Comparison:
    def lies(one: Callable[[int], Lie]) -> Iterator[Lie]:
        for who in range(len(game.margin)):
            yield one(who)
            told()

    if rule in MECHANISMS:
        order = _MeritOrder(game)
        decided = _cleared(order, rule)
        paid = float(sum(decided.payment, Fraction(0)))
        return Comparison(
            rule,
            price=None if decided.price is None else float(decided.price),
            demand=np.array(decided.demand, dtype=np.float64),
            supply=float(decided.supply),
            welfare=float(decided.welfare),
            revenue=paid,
            booked=paid,
            lies=tuple(lies(lambda who: _lie_to_mechanism(order, decided, who))),
        )
    refuse_budgets(game, "mechanisms and lies")
    found = solve(game, rule)
    total = found.total_demand
    served = min(1.0, found.supply / total) if total else 0.0
    return Comparison(
        rule,
        price=found.price,
        demand=found.demand,
        supply=found.supply,
        welfare=float(game.margin @ found.demand) * served - game.supplier_cost * found.supply,
        revenue=found.price * total,
        booked=found.price * found.supply,
        lies=tuple(lies(lambda who: _lie_in_concept(game, found, who))),
    )
