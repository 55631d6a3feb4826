"""The market in one number: who asks how much at a price, and how much must be asked for it.

Every concept offered here has the same shape. A demander's best response depends on the others
through the price alone, v_j(p) = clip((c_j - p)/s, 0, cap_j), and a price p can only come from
one total T(p). The equilibrium price is therefore the root of the excess

    G(p) = sum_j v_j(p) - T(p),

continuous, piecewise linear and falling. A session finds it by announcing prices and summing
signed replies; nobody has to reveal a margin beforehand. With Fractions (or ints) every number
is exact, so that any party recomputes the outcome from the signed rounds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite

from fabmarket.game.errors import InvalidGame, InvalidRound, NoEquilibrium, Unsupported

Number = int | float | Fraction

_CONCEPTS = ("simultaneous", "demanders-lead", "balanced")


def _exact(value: Number) -> float | Fraction:
    """Ints become Fractions, lest dividing two of them gives a float."""
    return Fraction(value) if isinstance(value, int) else value


def kept(step: Number, low: Number | None, high: Number | None) -> float | Fraction:
    """The safeguard of Newton steps: a step that leaves (low, high) is replaced by the middle.

    >>> kept(9, 2, 6), kept(3, 2, 6), kept(9, 2, None)
    (Fraction(4, 1), Fraction(3, 1), Fraction(9, 1))

    Args:
        step: where Newton leads.
        low: the highest price known to be too low, None if there is none.
        high: the lowest price known to be high enough, None if there is none; where either is
            None, there is no middle and the step is kept.
    """
    if low is None or high is None or low < step < high:
        return _exact(step)
    return (_exact(low) + _exact(high)) / 2


@dataclass(frozen=True)
class PriceRule:
    """How price, demand and supply hang together in one concept.

    >>> rule = PriceRule("balanced", Fraction(4, 5), Fraction(1, 5), 10)
    >>> replies = [rule.demand_at(margin, None, 10) for margin in (55, 155, 185)]
    >>> sum(replies) > rule.total_at(10), rule.next_price(10, replies, [None] * 3)
    (True, Fraction(395, 4))

    Under "demanders-lead" the root is the one candidate with supply; near the supply threshold it
    may be no equilibrium, which `solve` and `verify` tell.

    Attributes:
        concept: "simultaneous", "demanders-lead" or "balanced".
        a: price per unit of total demand, > 0.
        b: price per unit of supply, > 0; below a for "balanced".
        supplier_cost: d_s, the supplier's cost per unit, >= 0.
        supply_cap: W, the most the supplier can supply; None for no bound. "demanders-lead" has
            none (with W binding it has a continuum of equilibria).

    Raises:
        InvalidGame: a number is negative, zero where it must not be, or not finite.
        Unsupported: another concept, or a supply cap under "demanders-lead".
        NoEquilibrium: "balanced" with a <= b.
    """

    concept: str
    a: Number
    b: Number
    supplier_cost: Number
    supply_cap: Number | None = None

    def __post_init__(self) -> None:
        if self.concept not in _CONCEPTS:
            raise Unsupported(f"no price rule for {self.concept!r}; use one of {_CONCEPTS}")
        for name in ("a", "b", "supplier_cost", "supply_cap"):
            value = getattr(self, name)
            if value is None and name == "supply_cap":
                continue
            if not isfinite(value) or value < 0:
                raise InvalidGame(f"{name} is {value}; give a finite number that is not negative")
            if value == 0 and name in ("a", "b"):
                raise InvalidGame(f"{name} is 0; give a positive number")
            object.__setattr__(self, name, _exact(value))
        if self.concept == "demanders-lead" and self.supply_cap is not None:
            raise Unsupported(
                f"demanders-lead has no unique equilibrium under a supply cap ({self.supply_cap});"
                " leave the cap out or use simultaneous or balanced"
            )
        if self.concept == "balanced" and self.a <= self.b:
            raise NoEquilibrium(
                f"balanced needs a > b, else the price falls as demand rises; a is {self.a},"
                f" b is {self.b}"
            )

    @property
    def slope(self) -> float | Fraction:
        """s: by how much a demander's own unit raises the price it pays for all its units.

        a when supply stands still ("simultaneous"); a/2 when the supplier's reply
        w = (aS - d_s)/(2b) takes half of it back ("demanders-lead"); a - b when supply follows
        demand one for one ("balanced").
        """
        a, b = _exact(self.a), _exact(self.b)
        if self.concept == "simultaneous":
            return a
        return a / 2 if self.concept == "demanders-lead" else a - b

    @property
    def floor(self) -> float | Fraction:
        """The lowest price a session may announce: d_s, below which the supplier supplies nothing.

        Where the excess is still negative at the floor, "balanced" trades there
        (`floor_shares`); the other two have no supply.
        """
        return _exact(self.supplier_cost)

    def demand_at(self, margin: Number, cap: Number | None, price: Number) -> float | Fraction:
        """The quantity v(p) a demander of this margin asks for when the price comes out as p.

        Its profit is v (margin - P), where P rises by s for each unit it adds. The derivative
        (margin - P) - s v is zero at v = (margin - P)/s, and P there must be p itself: hence
        clip((margin - p)/s, 0, cap). This already counts the demander's own effect on the price,
        so no sum of the others is needed to answer.

        Args:
            margin: c, the demander's benefit less its own cost per unit; may be negative.
            cap: the most it can use; None for no bound. Not offered under "demanders-lead".
            price: the announced price, >= floor.

        Raises:
            InvalidRound: the price is below the floor, or the cap negative.
            Unsupported: a cap under "demanders-lead".
        """
        price = self._announced(price)
        self._check_caps([cap])
        wanted = max((_exact(margin) - price) / self.slope, Fraction(0))
        return wanted if cap is None else min(wanted, _exact(cap))

    def total_at(self, price: Number) -> float | Fraction:
        """T(p): the total demand that makes p the price.

        "simultaneous": p = aS - bw and w = clip((p - d_s)/b, 0, W) give
        (p + clip(p - d_s, 0, bW))/a. "demanders-lead": (2p - d_s)/a. "balanced": p/(a - b), at
        most W; at W the price may be anything from (a - b)W up, because it rations.

        Raises:
            InvalidRound: the price is below the floor.
        """
        price = self._announced(price)
        a, b, cap = _exact(self.a), _exact(self.b), self.supply_cap
        if self.concept == "balanced":
            total = price / (a - b)
            return total if cap is None else min(total, _exact(cap))
        supply = price - self.floor
        return (price + (supply if cap is None else min(supply, b * cap))) / a

    def supply_at(self, price: Number, total: Number) -> float | Fraction:
        """The supplier's quantity w at this price: its best response, or under "balanced" the
        total that was ordered, as far as W allows.

        Raises:
            InvalidRound: the price is below the floor.
        """
        price = self._announced(price)
        if self.concept == "balanced":
            ordered = _exact(total)
            return ordered if self.supply_cap is None else min(ordered, _exact(self.supply_cap))
        supply = (price - self.floor) / _exact(self.b)
        return supply if self.supply_cap is None else min(supply, _exact(self.supply_cap))

    def next_price(
        self, price: Number, demands: Sequence[Number], caps: Sequence[Number | None]
    ) -> float | Fraction:
        """The next price to announce: one Newton step on G, from the replies to `price`.

        Only interior replies (0 < v < cap) move with the price. On a kink the derivative taken
        is one of its two sides, which suffices: see docs/explanation/game.md, where the session
        is shown to be finite. Without caps G is convex and plain steps do. With caps they can go
        round in a circle; keep them between what earlier rounds enclose (`kept`).

        Returns `price` itself when it is the root, or when it is the floor and the replies fall
        short even there (then see `floor_shares`): the session is over.

        Args:
            price: the announced price, >= floor.
            demands: every demander's reply to it.
            caps: every demander's cap, None for no bound, in the same order.

        Raises:
            InvalidRound: the price is below the floor, a reply is negative or above its cap, or
                there is not one cap to each reply.
            Unsupported: a cap under "demanders-lead".
        """
        price = self._announced(price)
        self._check_replies(demands, caps)
        excess = sum(demands) - self.total_at(price)
        if excess == 0:
            return price
        moving = sum(
            1 for v, cap in zip(demands, caps, strict=True) if v > 0 and (cap is None or v < cap)
        )
        steepness = moving / self.slope + self._total_slope(price, upward=excess > 0)
        if steepness > 0:
            return max(price + excess / steepness, self.floor)
        if excess < 0:
            return self.floor
        return price + max(price, excess * self.slope / len(demands))

    def floor_shares(
        self, replies: Sequence[Number], caps: Sequence[Number | None], target: Number
    ) -> tuple[float | Fraction, ...]:
        """Who gets how much at the floor price, where replies fall short of the rule's total.

        "balanced" only: at price d_s everyone whose margin exceeds d_s would rather have more, up
        to the total d_s/(a - b) at which the price would start to rise. The total is shared in
        proportion to the replies, that is to (c_j - d_s)+, and nobody gets more than its cap:
        min(cap_j, f r_j) with the factor f that fills the total.

        Args:
            replies: every demander's reply at the floor.
            caps: every demander's cap, None for no bound.
            target: the total to share, usually `total_at(floor)`; less is shared where W or the
                caps of those with a positive reply allow no more.

        Raises:
            Unsupported: another concept; only "balanced" trades at its floor.
            InvalidRound: a reply is negative or above its cap, or there is not one cap to each.
        """
        if self.concept != "balanced":
            raise Unsupported(f"{self.concept} has no supply at its floor; only balanced shares it")
        self._check_replies(replies, caps)
        left = _exact(target)
        if self.supply_cap is not None:
            left = min(left, _exact(self.supply_cap))
        shares: list[float | Fraction] = [Fraction(0)] * len(replies)
        open_ended = [j for j, cap in enumerate(caps) if cap is None]
        bounded = sorted(
            (_exact(cap) / reply, j, _exact(cap))
            for j, (reply, cap) in enumerate(zip(replies, caps, strict=True))
            if cap is not None and reply > 0
        )
        # What the demanders from each place on ask for together; summed from the end, because
        # taking floats off a total could leave nothing of the small ones.
        wanted = [sum((_exact(replies[j]) for j in open_ended), Fraction(0))]
        for _, j, _ in reversed(bounded):
            wanted.append(wanted[-1] + replies[j])
        wanted.reverse()
        full = 0
        while full < len(bounded) and bounded[full][0] * wanted[full] < left:
            _, j, cap = bounded[full]
            shares[j] = cap
            left = max(left - cap, Fraction(0))
            full += 1
        for j in [*open_ended, *(j for _, j, _ in bounded[full:])]:
            if replies[j] > 0:
                shares[j] = left * replies[j] / wanted[full]
        return tuple(shares)

    def _total_slope(self, price: float | Fraction, *, upward: bool) -> float | Fraction:
        """T'(p), on the side the price is to move to."""
        a, b, cap = _exact(self.a), _exact(self.b), self.supply_cap
        free: float | Fraction
        bound: float | Fraction
        if self.concept == "balanced":
            kink = None if cap is None else (a - b) * cap
            free, bound = 1 / (a - b), Fraction(0)
        else:
            kink = None if cap is None else self.floor + b * cap
            free, bound = 2 / a, 1 / a
        if kink is None or price < kink or (price == kink and not upward):
            return free
        return bound

    def _announced(self, price: Number) -> float | Fraction:
        if not price >= self.floor:
            raise InvalidRound(f"price {price} is below the floor {self.floor}; announce that")
        return _exact(price)

    def _check_caps(self, caps: Sequence[Number | None]) -> None:
        for cap in caps:
            if cap is None:
                continue
            if not cap >= 0:
                raise InvalidRound(f"cap {cap} is negative; give the most that can be used")
            if self.concept == "demanders-lead":
                raise Unsupported(
                    f"demanders-lead is offered without demand caps; cap is {cap}, leave it out"
                    " or use simultaneous or balanced"
                )

    def _check_replies(self, demands: Sequence[Number], caps: Sequence[Number | None]) -> None:
        if len(demands) != len(caps):
            raise InvalidRound(f"{len(demands)} replies but {len(caps)} caps; give one to each")
        self._check_caps(caps)
        for j, (v, cap) in enumerate(zip(demands, caps, strict=True)):
            if not v >= 0 or (cap is not None and v > cap):
                raise InvalidRound(f"reply {j} is {v}; it must lie between 0 and its cap {cap}")
