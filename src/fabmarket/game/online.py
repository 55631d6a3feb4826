"""The price of a running market: one demander changes, the price follows.

    market = Online(game)
    market.change(17, benefit=120.0)    # the new price

Exactness: the piece of the price equation is found and its line summed in pairs of floats, so the
price differs from that of `solve` by rounding only, however many changes went before. Cost: time
and memory O(m) to set up after a sort, then two or four moves along a shelf of 256 kinks and a
descent of a tree, O(log m).
"""

from math import inf

import numpy as np

from fabmarket.game import shelves
from fabmarket.game.aggregate import PriceRule
from fabmarket.game.closed_forms.root import Requirement
from fabmarket.game.errors import InvalidGame, Unsupported
from fabmarket.game.model import Game, Vector

_NOWHERE = (-inf, -inf)
_MOST_SPLITS = 4


class Online:
    """One game under "simultaneous" or "balanced", whose demanders may change one at a time.

    Attributes:
        concept: the concept that is followed.
        price: the equilibrium price now; equal to that of `solve(self.game(), concept)` up to
            rounding.

    Raises:
        Unsupported: another concept, or a game with budgets.
        NoEquilibrium: "balanced" with a <= b.
    """

    def __init__(self, game: Game, concept: str = "simultaneous") -> None:
        if concept not in {"simultaneous", "balanced"}:
            raise Unsupported(
                f"following changes is offered under simultaneous and balanced, not under {concept}"
            )
        if game.budgeted:
            raise Unsupported("following changes is offered without budgets; use solve")
        rule = PriceRule(concept, game.a, game.b, game.supplier_cost)
        self.concept = concept
        self._weight = float(rule.slope)
        self._first = game
        self._benefit, self._cost, self._cap = (
            game.benefit.copy(),
            game.cost.copy(),
            game.cap.copy(),
        )
        start = game.supplier_cost
        self._requirement = Requirement()
        if concept == "simultaneous":
            self._requirement = Requirement(start=start, full=start + game.b * game.supply_cap)
        self._whole = np.zeros((2, 3))
        self._lay(game)
        self.price = self._priced(_NOWHERE, _NOWHERE)

    def change(
        self,
        demander: int,
        *,
        benefit: float | None = None,
        cost: float | None = None,
        cap: float | None = None,
    ) -> float:
        """Give one demander new numbers and return the new price.

        Args:
            demander: its index.
            benefit, cost, cap: the new values; None leaves a value as it is.

        Raises:
            InvalidGame: there is no such demander, or a number is negative, NaN or (but for a cap)
                infinite; nothing is changed then.
        """
        j = demander
        if not 0 <= j < len(self._benefit):
            raise InvalidGame(f"there is no demander {j}; give 0 to {len(self._benefit) - 1}")
        old = self._benefit.item(j), self._cost.item(j), self._cap.item(j)
        y = old[0] if benefit is None else float(benefit)
        d = old[1] if cost is None else float(cost)
        u = old[2] if cap is None else float(cap)
        if not (0 <= y < inf and 0 <= d < inf and u >= 0):
            raise InvalidGame(
                f"demander {j} would have benefit {y}, cost {d}, cap {u}; give numbers >= 0, finite"
                " but for the cap"
            )
        self._benefit[j], self._cost[j], self._cap[j] = y, d, u
        if self._used.item() + _MOST_SPLITS > len(self._kinks):
            self._lay(self.game())
            self.price = self._priced(_NOWHERE, _NOWHERE)
        else:
            self.price = self._priced(self._kinks_of(*old), self._kinks_of(y, d, u))
        return self.price

    def game(self) -> Game:
        """The game as it is now, to be solved and certified in full."""
        first = self._first
        return Game(
            self._benefit,
            self._cost,
            first.supplier_cost,
            first.a,
            first.b,
            cap=self._cap,
            supply_cap=first.supply_cap,
        )

    def _kinks_of(self, benefit: float, cost: float, cap: float) -> tuple[float, float]:
        margin = benefit - cost
        return margin, margin - self._weight * cap

    def _priced(self, before: tuple[float, float], after: tuple[float, float]) -> float:
        price = shelves.move(
            self._kinks, self._weights, self._places, self._edges, self._sums, self._tree,
            self._whole, self._used, *before, *after, *self._requirement,
        )  # fmt: skip
        if self.concept == "simultaneous":
            return float(price)
        if price > self._weight * self._first.supply_cap:
            scarce = Requirement(offset=self._weight * self._first.supply_cap, slope=0.0)
            price = shelves.lowest_root(
                self._kinks, self._weights, self._places, self._edges, self._tree,
                self._whole, self._used, *scarce,
            )  # fmt: skip
        return max(float(price), self._first.supplier_cost)

    def _lay(self, game: Game) -> None:
        """Put all kinks on half-filled shelves, with as many rows to spare."""
        kinks, weights = _distinct(game.margin, game.margin - self._weight * game.cap)
        half = shelves.SHELF // 2
        count = max(-(-len(kinks) // half), 1)
        rows = 2 * count + 8
        self._kinks, self._weights = np.empty((rows, 2 * half)), np.empty((rows, 2 * half))
        self._places = np.zeros((rows, 2), dtype=np.int64)
        self._edges = np.full(rows + 1, -inf)
        self._sums, self._tree = np.zeros((rows, 3)), np.zeros((rows + 1, 3))
        self._used = np.array([count])
        self._places[:, 0] = np.arange(rows)
        self._whole[:] = 0.0
        for shelf in range(count):
            own = slice(shelf * half, min((shelf + 1) * half, len(kinks)))
            size = own.stop - own.start
            self._kinks[shelf, :size], self._weights[shelf, :size] = kinks[own], weights[own]
            self._places[shelf, 1] = size
            if shelf > 0:
                self._edges[shelf] = kinks[own.start]
        shelves.total(self._kinks, self._weights, self._places, self._sums, self._whole, count)
        shelves.plant(self._sums, self._tree, count)


def _distinct(starts: Vector, full: Vector) -> tuple[Vector, Vector]:
    """The kinks in rising order, each once, and their weights; those without weight left out."""
    full = full[np.isfinite(full)]
    kinks, place = np.unique(np.concatenate([starts, full]), return_inverse=True)
    signs = np.concatenate([np.ones(len(starts)), -np.ones(len(full))])
    weights = np.bincount(place, weights=signs, minlength=len(kinks))
    kept = weights != 0
    return kinks[kept], weights[kept]
