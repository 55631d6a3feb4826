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
from math import inf

from fabmarket.game.errors import InvalidGame, NoEquilibrium, Unsupported

Number = int | float | Fraction

_CONCEPTS = ("simultaneous", "demanders-lead", "balanced")


def _exact(value: Number) -> float | Fraction:
    """Ints become Fractions, lest dividing two of them gives a float."""
    return Fraction(value) if isinstance(value, int) else value


def kept(step: Number, low: Number, high: Number) -> float | Fraction:
    """The safeguard of Newton steps: a step that leaves (low, high) is replaced by the middle.

    >>> kept(9, 2, 6), kept(3, 2, 6), kept(9, 2, inf)
    (Fraction(4, 1), Fraction(3, 1), Fraction(9, 1))

    Args:
        step: where Newton leads.
        low: the highest price known to be too low, -inf if there is none.
        high: the lowest price known to be high enough, inf if there is none; where either is
            infinite, there is no middle and the step is kept.
    """
    if low < step < high or low == -inf or high == inf:
        return _exact(step)
    return (_exact(low) + _exact(high)) / 2


@dataclass(frozen=True)
class PriceRule:
    """How price, demand and supply hang together in one concept.

    >>> rule = PriceRule("balanced", Fraction(4, 5), Fraction(1, 5), 10)
    >>> replies = [rule.demand_at(margin, inf, 10) for margin in (55, 155, 185)]
    >>> sum(replies) > rule.total_at(10), rule.next_price(10, sum(replies), moving=3, members=3)
    (True, Fraction(395, 4))

    Under "demanders-lead" the root is the one candidate with supply; near the supply threshold it
    may be no equilibrium, which `solve` and `verify` tell. It is offered without caps.

    Rounds are taken as they are: prices must not lie below `floor`, nor replies outside [0, cap].
    Whoever runs a session sees to that (`negotiation.session` refuses such moves).

    Attributes:
        concept: "simultaneous", "demanders-lead" or "balanced".
        a: price per unit of total demand, > 0.
        b: price per unit of supply, > 0; below a for "balanced".
        supplier_cost: d_s, the supplier's cost per unit, >= 0.
        supply_cap: W, the most the supplier can supply; inf for no bound. "demanders-lead" has
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
    supply_cap: Number = inf

    def __post_init__(self) -> None:
        if self.concept not in _CONCEPTS:
            raise Unsupported(f"no price rule for {self.concept!r}; use one of {_CONCEPTS}")
        for name in ("a", "b", "supplier_cost", "supply_cap"):
            value, positive = getattr(self, name), name in ("a", "b")
            bounded = value < inf or (value == inf and name == "supply_cap")
            if not (value >= 0 and bounded) or (positive and value == 0):
                least = "> 0" if positive else ">= 0"
                raise InvalidGame(f"{name} is {value}; give a finite number {least}")
            object.__setattr__(self, name, _exact(value))
        if self.concept == "demanders-lead" and self.supply_cap < inf:
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
        if self.concept == "simultaneous":
            return self.a
        return self.a / 2 if self.concept == "demanders-lead" else self.a - self.b

    @property
    def floor(self) -> float | Fraction:
        """The lowest price a session may announce: d_s, below which the supplier supplies nothing.

        Where the excess is still negative at the floor, "balanced" trades there
        (`floor_shares`); the other two have no supply.
        """
        return self.supplier_cost

    def demand_at(self, margin: Number, cap: Number, price: Number) -> float | Fraction:
        """The quantity v(p) a demander of this margin asks for when the price comes out as p.

        Its profit is v (margin - P), where P rises by s for each unit it adds. The derivative
        (margin - P) - s v is zero at v = (margin - P)/s, and P there must be p itself: hence
        clip((margin - p)/s, 0, cap). This already counts the demander's own effect on the price,
        so no sum of the others is needed to answer.

        Args:
            margin: c, the demander's benefit less its own cost per unit; may be negative.
            cap: the most it can use; inf for no bound, as always under "demanders-lead".
            price: the announced price, >= floor.
        """
        return min(max((margin - price) / self.slope, Fraction(0)), cap)

    def total_at(self, price: Number) -> float | Fraction:
        """T(p): the total demand that makes p the price, which is not below the floor.

        "simultaneous": p = aS - bw and w = clip((p - d_s)/b, 0, W) give
        (p + clip(p - d_s, 0, bW))/a. "demanders-lead": (2p - d_s)/a. "balanced": p/(a - b), at
        most W; at W the price may be anything from (a - b)W up, because it rations.
        """
        if self.concept == "balanced":
            return min(price / (self.a - self.b), self.supply_cap)
        return (price + min(price - self.floor, self.b * self.supply_cap)) / self.a

    def supply_at(self, price: Number, total: Number) -> float | Fraction:
        """The supplier's quantity w at this price: its best response, or under "balanced" the
        total that was ordered, as far as W allows.
        """
        wished = total if self.concept == "balanced" else (price - self.floor) / self.b
        return min(wished, self.supply_cap)

    def next_price(
        self, price: Number, total: Number, *, moving: int, members: int
    ) -> float | Fraction:
        """The next price to announce: one Newton step on G, from the sums of the replies.

        Only interior replies (0 < v < cap) move with the price. On a kink the derivative taken
        is one of its two sides, which suffices: see docs/explanation/game.md, where the session
        is shown to be finite. Without caps G is convex and plain steps do. With caps they can go
        round in a circle; keep them between what earlier rounds enclose (`kept`).

        Returns `price` itself when it is the root, or when it is the floor and the replies fall
        short even there (then see `floor_shares`): the session is over.

        Args:
            price: the announced price, >= floor.
            total: the sum of the replies to it.
            moving: how many replies are interior.
            members: how many replies there are, at least 1.
        """
        excess = _exact(total) - self.total_at(price)
        if excess == 0:
            return price
        steepness = moving / self.slope + self._total_slope(price, upward=excess > 0)
        if steepness > 0:
            return max(price + excess / steepness, self.floor)
        if excess < 0:
            return self.floor
        return price + max(price, excess * self.slope / members)

    def floor_shares(
        self, replies: Sequence[Number], caps: Sequence[Number], target: Number
    ) -> tuple[float | Fraction, ...]:
        """Who gets how much at the floor price, where replies fall short of the rule's total.

        "balanced" only: at price d_s everyone whose margin exceeds d_s would rather have more, up
        to the total d_s/(a - b) at which the price would start to rise. The total is shared in
        proportion to the replies, that is to (c_j - d_s)+, and nobody gets more than its cap:
        min(cap_j, f r_j) with the factor f that fills the total.

        Args:
            replies: every demander's reply at the floor.
            caps: every demander's cap, inf for no bound.
            target: the total to share, usually `total_at(floor)`; less is shared where W or the
                caps of those with a positive reply allow no more.
        """
        left = min(target, self.supply_cap)
        shares: list[float | Fraction] = [Fraction(0)] * len(replies)
        # By the factor that fills each.
        order = sorted(
            (_exact(cap) / reply, j)
            for j, (reply, cap) in enumerate(zip(replies, caps, strict=True))
            if reply > 0
        )
        # What the demanders from each place on ask for together; summed from the end, because
        # taking floats off a total could leave nothing of the small ones.
        wanted: list[float | Fraction] = [Fraction(0)]
        for _, j in reversed(order):
            wanted.append(wanted[-1] + replies[j])
        wanted.reverse()
        for at, (factor, j) in enumerate(order):
            if factor * wanted[at] >= left:
                for _, rest in order[at:]:
                    shares[rest] = left * replies[rest] / wanted[at]
                break
            shares[j] = caps[j]
            left = max(left - caps[j], Fraction(0))
        return tuple(shares)

    def _total_slope(self, price: Number, *, upward: bool) -> float | Fraction:
        """T'(p), on the side the price is to move to."""
        slope = self.a - self.b
        balanced = self.concept == "balanced"
        kink = (slope if balanced else self.b) * self.supply_cap + (0 if balanced else self.floor)
        below = price < kink or (price == kink and not upward)
        if balanced:
            return 1 / slope if below else Fraction(0)
        return (2 if below else 1) / self.a
