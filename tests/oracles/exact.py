"""The same concepts in rational numbers: no rounding anywhere, by sorting and running sums.

Written independently of the float forms, to check them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import inf, isinf

from fabmarket.game.aggregate import PriceRule
from fabmarket.game.errors import InvalidGame, NoEquilibrium, Unsupported
from fabmarket.game.model import CONCEPTS, Game, refuse_bounds

Rational = Fraction | int | str | float

_NOTHING = Fraction(0)


@dataclass(frozen=True, init=False)
class ExactGame:
    """The data of one game as Fractions; a float counts as the binary fraction it is.

    Attributes:
        margin: c = benefit - cost, money per unit, one for each demander; may be negative.
        supplier_cost: d_s, money per unit, >= 0.
        a: weight of total demand in the price, > 0.
        b: weight of supply in the price, > 0.
        cap: the most each demander can use, units, None for no bound.
        supply_cap: W, units, None for no bound.
        rounded: the same game in float64.

    Raises:
        InvalidGame: as `Game`; or a text that is no number.
    """

    margin: tuple[Fraction, ...]
    supplier_cost: Fraction
    a: Fraction
    b: Fraction
    cap: tuple[Fraction | None, ...]
    supply_cap: Fraction | None
    rounded: Game

    def __init__(
        self,
        benefit: Sequence[Rational],
        cost: Sequence[Rational],
        supplier_cost: Rational,
        a: Rational,
        b: Rational,
        *,
        cap: Sequence[Rational | None] | None = None,
        supply_cap: Rational | None = None,
    ) -> None:
        worth = [_exact("benefit", y) for y in benefit]
        own = [_exact("cost", d) for d in cost]
        start, weight, share = _exact("d_s", supplier_cost), _exact("a", a), _exact("b", b)
        caps = [None] * len(worth) if cap is None else [_bound("cap", u) for u in cap]
        most = _bound("supply_cap", supply_cap)
        rounded = Game(
            [float(y) for y in worth],
            [float(d) for d in own],
            start,
            weight,
            share,
            cap=None if cap is None else [inf if u is None else float(u) for u in caps],
            supply_cap=inf if most is None else most,
        )
        values = {
            "margin": tuple(y - d for y, d in zip(worth, own, strict=True)),
            "supplier_cost": start,
            "a": weight,
            "b": share,
            "cap": tuple(caps),
            "supply_cap": most,
            "rounded": rounded,
        }
        for field, value in values.items():
            object.__setattr__(self, field, value)


@dataclass(frozen=True)
class ExactEquilibrium:
    """As `Equilibrium`, in Fractions and without a certificate."""

    concept: str
    price: Fraction
    demand: tuple[Fraction, ...]
    supply: Fraction
    demander_profit: tuple[Fraction, ...]
    supplier_profit: Fraction
    total_demand: Fraction
    note: str = ""
    multiplier: Fraction = _NOTHING


def solve_exact(game: ExactGame, concept: str, *, coupled: bool = False) -> ExactEquilibrium:
    """The equilibrium under one of CONCEPTS, exactly; O(m log m) operations on Fractions.

    Raises:
        Unsupported, NoEquilibrium: as `solve`.
    """
    if concept not in CONCEPTS:
        raise Unsupported(f"unknown concept {concept!r}; use one of {CONCEPTS}")
    if coupled and concept != "simultaneous":
        raise Unsupported(f"the coupling S <= w is offered under simultaneous, not under {concept}")
    price, demand, supply, note, multiplier = (_coupled if coupled else _FORMS[concept])(game)
    return ExactEquilibrium(
        concept=concept,
        price=price,
        demand=demand,
        supply=supply,
        demander_profit=tuple(v * (c - price) for v, c in zip(demand, game.margin, strict=True)),
        supplier_profit=supply * (price - game.supplier_cost),
        total_demand=sum(demand, _NOTHING),
        note=note,
        multiplier=multiplier,
    )


_Outcome = tuple[Fraction, tuple[Fraction, ...], Fraction, str, Fraction]
_Line = tuple[Fraction | None, Fraction, Fraction]
"""A piece of R: where it ends (None: nowhere), and R(q) = level + slope q on it."""


def _exact(field: str, value: Rational) -> Fraction:
    try:
        return Fraction(value)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
        raise InvalidGame(f"{field} is {value!r}; give a finite number") from error


def _bound(field: str, value: Rational | None) -> Fraction | None:
    if value is None or (isinstance(value, float) and isinf(value) and value > 0):
        return None
    return _exact(field, value)


def _asked(
    margin: Sequence[Fraction], bound: Sequence[Fraction | None], price: Fraction
) -> Fraction:
    """A(q) = sum_j clip(c_j - q, 0, u_j)."""
    total = _NOTHING
    for c, u in zip(margin, bound, strict=True):
        if c > price:
            total += c - price if u is None else min(c - price, u)
    return total


def _root(
    margin: Sequence[Fraction], bound: Sequence[Fraction | None], pieces: Sequence[_Line]
) -> Fraction:
    """The lowest q with A(q) <= R(q); below the lowest kink A must exceed R, or R must rise."""
    kinks = set(margin) | {end for end, _, _ in pieces if end is not None}
    kinks |= {c - u for c, u in zip(margin, bound, strict=True) if u is not None}
    prices = sorted(kinks)

    def line(price: Fraction | None) -> tuple[Fraction, Fraction]:
        for end, level, slope in pieces[:-1]:
            if price is not None and end is not None and price <= end:
                return level, slope
        return pieces[-1][1:]

    first, last = 0, len(prices)
    while first < last:
        middle = (first + last) // 2
        level, slope = line(prices[middle])
        if _asked(margin, bound, prices[middle]) <= level + slope * prices[middle]:
            last = middle
        else:
            first = middle + 1
    low = prices[first - 1] if first > 0 else None
    high = prices[first] if first < len(prices) else None
    total, count = _NOTHING, 0
    for c, u in zip(margin, bound, strict=True):
        if u is not None and high is not None and c - u >= high:
            total += u
        elif high is not None and c >= high and (u is None or (low is not None and c - u <= low)):
            total += c
            count += 1
    level, slope = line(high)
    return (total - level) / (count + slope)


def _scaled(game: ExactGame, weight: Fraction) -> list[Fraction | None]:
    return [None if u is None else weight * u for u in game.cap]


def _replies(game: ExactGame, weight: Fraction, price: Fraction) -> tuple[Fraction, ...]:
    replies = []
    for c, u in zip(game.margin, game.cap, strict=True):
        wanted = max((c - price) / weight, _NOTHING)
        replies.append(wanted if u is None else min(wanted, u))
    return tuple(replies)


def _plain(offset: Fraction) -> list[_Line]:
    return [(None, offset, Fraction(1))]


def _simultaneous(game: ExactGame) -> _Outcome:
    start = game.supplier_cost
    pieces: list[_Line] = [(start, _NOTHING, Fraction(1)), (None, -start, Fraction(2))]
    if game.supply_cap is not None:
        full = start + game.b * game.supply_cap
        pieces[1:] = [(full, -start, Fraction(2)), (None, full - start, Fraction(1))]
    price = _root(game.margin, _scaled(game, game.a), pieces)
    supply = max((price - start) / game.b, _NOTHING)
    if game.supply_cap is not None:
        supply = min(supply, game.supply_cap)
    return price, _replies(game, game.a, price), supply, "", _NOTHING


def _coupled(game: ExactGame) -> _Outcome:
    free = _simultaneous(game)
    if sum(free[1]) <= free[2]:
        return free
    start, ratio = game.supplier_cost, game.a / game.b
    pieces: list[_Line] = [(start, _NOTHING, _NOTHING), (None, -ratio * start, ratio)]
    if game.supply_cap is not None:
        full = start + game.b * game.supply_cap
        pieces[1:] = [(full, -ratio * start, ratio), (None, game.a * game.supply_cap, _NOTHING)]
    worth = _root(game.margin, _scaled(game, game.a), pieces)
    demand = _replies(game, game.a, worth)
    total = sum(demand, _NOTHING)
    price = (game.a - game.b) * total
    if total > 0 and price < start:
        raise NoEquilibrium(
            f"with S <= w imposed {total} units would be traded at a price of {price}, below the"
            f" supplier's cost of {start}; leave the coupling out or use balanced"
        )
    return price, demand, total, "", worth - price


def _demanders_lead(game: ExactGame) -> _Outcome:
    refuse_bounds(game.rounded, "demanders-lead")
    start, a, free = game.supplier_cost, game.a, [None] * len(game.margin)
    above = _root(game.margin, free, _plain(-start / 2))
    below = _root(game.margin, free, _plain(_NOTHING))
    with_supply = _replies(game, a / 2, above)
    without = _replies(game, a, below)
    kept = []
    if above > start and not _crossing_pays(game, with_supply, above):
        kept.append((above, with_supply, (above - start) / game.b))
    if below <= start and not _crossing_pays(game, without, below):
        kept.append((below, without, _NOTHING))
    if not kept:
        raise NoEquilibrium(
            "demanders-lead has no equilibrium here: total demand is so near the"
            f" {start / a} at which supply starts that a demander always gains by crossing it;"
            " use simultaneous or balanced"
        )
    note = ""
    if len(kept) > 1:
        note = f"two equilibria: this one, and one without supply at price {below}"
    return (*kept[0], note, _NOTHING)


def _crossing_pays(game: ExactGame, demand: Sequence[Fraction], price: Fraction) -> bool:
    """Whether a demander gains by taking the total across S = d_s/a, all others standing still."""
    start, a = game.supplier_cost, game.a
    total = sum(demand, _NOTHING)
    for c, v in zip(game.margin, demand, strict=True):
        others = total - v
        edge = start / a - others
        if price > start:
            other = min(max((c / a - others) / 2, _NOTHING), max(edge, _NOTHING))
            paid = a * (others + other)
        else:
            other = max((2 * c - start) / (2 * a) - others / 2, edge, _NOTHING)
            paid = (a * (others + other) + start) / 2
        if other * (c - paid) > v * (c - price):
            return True
    return False


def _supplier_anticipates(game: ExactGame) -> _Outcome:
    bound, start = _scaled(game, game.a), game.supplier_cost
    top = _root(game.margin, bound, _plain(_NOTHING))
    if top <= start:
        return top, _replies(game, game.a, top), _NOTHING, "", _NOTHING
    bottom = start
    if game.supply_cap is not None:
        least = _root(game.margin, bound, _plain(game.b * game.supply_cap))
        bottom = max(start, min(top, least))
    changes = [(c, c, 1) for c in game.margin]
    for c, u in zip(game.margin, bound, strict=True):
        if u is not None:
            changes.append((c - u, u - c, -1))
    changes.sort(reverse=True)
    level, count = _NOTHING, 0
    best: tuple[Fraction, Fraction] | None = None
    ends = [kink for kink, _, _ in changes]
    for (high, rise, change), low in zip(changes, [*ends[1:], None], strict=True):
        level += rise
        count += change
        least = bottom if low is None else max(low, bottom)
        most = min(high, top)
        if least > most:
            continue
        price = min(max((level / (count + 1) + start) / 2, least), most)
        profit = (level - (count + 1) * price) * (price - start)
        if best is None or profit >= best[0]:
            best = profit, price
    price = top if best is None else best[1]
    supply = (_asked(game.margin, bound, price) - price) / game.b
    return price, _replies(game, game.a, price), supply, "", _NOTHING


def _paper_literal(game: ExactGame) -> _Outcome:
    refuse_bounds(game.rounded, "paper-literal")
    total, parties = sum(game.margin, _NOTHING), len(game.margin) + 1
    price = (total / parties + game.supplier_cost) / 2
    supply = (total - parties * game.supplier_cost) / (2 * game.b)
    return price, tuple((c - price) / game.a for c in game.margin), supply, "", _NOTHING


def _balanced(game: ExactGame) -> _Outcome:
    caps = [inf if cap is None else cap for cap in (*game.cap, game.supply_cap)]
    rule = PriceRule("balanced", game.a, game.b, game.supplier_cost, caps.pop())
    slope = game.a - game.b
    bound = _scaled(game, slope)
    price = _root(game.margin, bound, _plain(_NOTHING))
    if game.supply_cap is not None and price > slope * game.supply_cap:
        price = _root(game.margin, bound, [(None, slope * game.supply_cap, _NOTHING)])
    demand = _replies(game, slope, max(price, game.supplier_cost))
    if price < game.supplier_cost:
        price = game.supplier_cost
        shares = rule.floor_shares(demand, caps, rule.total_at(price))
        demand = tuple(Fraction(share) for share in shares)
    return price, demand, sum(demand, _NOTHING), "", _NOTHING


_FORMS = {
    "simultaneous": _simultaneous,
    "demanders-lead": _demanders_lead,
    "supplier-anticipates": _supplier_anticipates,
    "paper-literal": _paper_literal,
    "balanced": _balanced,
}
