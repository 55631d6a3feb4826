"""A market whose price is sought on a grid, in whole numbers from end to end.

At a price p a member asks for v = clip((c - p)/s, 0, cap), where s is the same for all and public.
Times s that is an amount of money, clip(c - p, 0, s cap), without a division. Counted in
parts of a tick (FINE of them) every answer is a whole number, and "more is wanted than there is"
says sum > there(p), exactly. The price is the lowest of the grid at which no more is wanted.
"""

from bisect import bisect_left
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, inf

from fabmarket.errors import Refused
from fabmarket.game import PriceRule

PROBES = 20
"""Signs that are opened, whatever they say: the grid has 2**PROBES prices."""
TOP = (1 << PROBES) - 1
"""Index of the highest price of the grid."""
FINE = 1000
"""Parts of a tick in which money is counted."""
FEWEST, MOST = 3, 65_536
"""Members. Of two, each knows the other's answer from the price."""
BITS = 48
"""Of a sum less what there is, with its sign: MOST answers below FINE * 2**PROBES."""
_BOUND = 1 << (BITS - 2)


class NotSecret(Refused):
    """No secret search for this market; the message says why and what to do."""


@dataclass(frozen=True)
class Line:
    """What a member answers at every price, in parts of a tick; known to the member alone.

    Attributes:
        margin: how far its margin lies above the lowest price of the grid; 0 if it does not.
        most: the most that it asks for, times s.
    """

    margin: int
    most: int

    def answer(self, index: int) -> int:
        """What it asks for at a price of the grid, times s."""
        return min(max(self.margin - index * FINE, 0), self.most)


@dataclass(frozen=True)
class Market:
    """What everybody knows: the rule, with exact numbers, and the tick of the grid, money > 0.

    The grid starts at the rule's floor.
    """

    rule: PriceRule
    tick: Fraction

    def __post_init__(self) -> None:
        if self.tick <= 0:
            raise NotSecret(f"a tick of {self.tick}; give one above 0")

    @classmethod
    def of(cls, terms: Mapping[str, str]) -> "Market":
        """The market that `terms` wrote down."""
        numbers = {name: terms[name] for name in ("a", "b", "supplier_cost", "supply_cap")}
        exact = {name: inf if said == "inf" else Fraction(said) for name, said in numbers.items()}
        return cls(PriceRule(terms["concept"], **exact), Fraction(terms["tick"]))

    def terms(self) -> dict[str, str]:
        """All of it in words, every number exact."""
        rule = self.rule
        numbers = {"a": rule.a, "b": rule.b, "supplier_cost": rule.supplier_cost}
        said = {**numbers, "supply_cap": rule.supply_cap, "tick": self.tick}
        return {"concept": rule.concept, **{name: str(number) for name, number in said.items()}}

    def price(self, index: int) -> Fraction:
        """The price of an index, money per unit."""
        return Fraction(self.rule.floor) + index * self.tick

    def line(self, margin: Fraction, cap: Fraction | float) -> Line:
        """A member's line, margin and cap rounded down to the parts in which money is counted.

        Args:
            margin: benefit less own cost, money per unit.
            cap: the most it can use, units; inf for no bound.

        Raises:
            NotSecret: the margin lies above the grid, so that the search could miss it.
        """
        if margin > self.price(TOP):
            raise NotSecret(
                f"a margin of {float(margin):g} above the grid's highest price,"
                f" {float(self.price(TOP)):g}; give a larger tick"
            )
        above = max(floor(self._parts(margin - self.rule.floor)), 0)
        return Line(
            above, above if cap == inf else min(floor(self._parts(self._money(cap))), above)
        )

    def quantity(self, line: Line, index: int) -> Fraction:
        """The units that a member asks for at a price of the grid."""
        return line.answer(index) * self.tick / (FINE * Fraction(self.rule.slope))

    def there(self, index: int) -> int:
        """How much there is at a price of the grid, times s: a sum above this is too much."""
        return min(floor(self._there(Fraction(index * FINE))), _BOUND)

    def search(self) -> Generator[int, bool, int]:
        """Yield PROBES indices; sent whether more is wanted there, return the price's index."""
        low, high = 0, TOP
        while low < high:
            middle = (low + high) // 2
            if (yield middle):
                low = middle + 1
            else:
                high = middle
        return low

    def open_price(self, lines: Sequence[Line]) -> Fraction:
        """The price that those find who see all lines: the lowest at which enough is there.

        Exact, and not on the grid; no less than the floor.
        """

        def excess(at: Fraction) -> Fraction:
            wanted = [min(max(one.margin - at, Fraction(0)), Fraction(one.most)) for one in lines]
            return sum(wanted, -self._there(at))

        kinks = {Fraction(one.margin - part) for one in lines for part in (0, one.most)}
        if self.rule.supply_cap < inf:
            full = self.rule.b if self.rule.concept == "simultaneous" else self.rule.slope
            start = 0 if self.rule.concept == "simultaneous" else self.rule.floor
            kinks.add(self._parts(full * Fraction(self.rule.supply_cap) - start))
        places = sorted({Fraction(0), *(one for one in kinks if one > 0)})
        first = bisect_left(places, True, key=lambda at: excess(at) <= 0)
        found = places[first]
        if first:
            before = places[first - 1]
            left, right = excess(before), excess(found)
            found = before + (found - before) * left / (left - right)
        return Fraction(self.rule.floor) + found * self.tick / FINE

    def index_of(self, price: Fraction) -> int:
        """The lowest index of the grid whose price is no lower."""
        return ceil((price - self.rule.floor) / self.tick)

    def _there(self, at: Fraction) -> Fraction:
        price = self.rule.floor + at * self.tick / FINE
        return self._parts(self._money(self.rule.total_at(price)))

    def _money(self, units: Fraction | float) -> Fraction:
        return Fraction(self.rule.slope) * Fraction(units)

    def _parts(self, money: Fraction | float) -> Fraction:
        return Fraction(money) * FINE / self.tick
