"""Many resources at once: games of equally many demanders each, all under "simultaneous".

>>> games = Batch([[100, 200, 200], [9, 8, 7]], [[45, 45, 15], [0, 0, 0]], 10, 0.8, 0.2)
>>> games.quantities(games.prices())[1].tolist()
[387.5, 0.0]
"""

from dataclasses import dataclass
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fabmarket.game.errors import InvalidGame
from fabmarket.game.model import TOLERANCE, Numbers, Vector, checked


@dataclass(frozen=True, eq=False)
class BatchCertificate:
    """As `Certificate`, a number for each game: `max_unilateral_gain`, `relative_gain` and
    `residual` of shape (n,).
    """

    max_unilateral_gain: Vector
    relative_gain: Vector
    residual: Vector

    @property
    def holds(self) -> NDArray[np.bool_]:
        """Whether both are at most TOLERANCE, shape (n,)."""
        both: NDArray[np.bool_] = np.maximum(self.relative_gain, self.residual) <= TOLERANCE
        return both


@dataclass(frozen=True, eq=False, init=False)
class Batch:
    """The data of n games with m demanders each, as read-only float64 arrays.

    Attributes:
        benefit, cost: shape (n, m); cost may be given as anything that broadcasts to it.
        supplier_cost, a, b: shape (n,), or one number for all.
        cap: shape (n, m), or None for no caps at all.
        supply_cap: shape (n,), inf for no bound.

    Raises:
        InvalidGame: shapes do not fit, or a number is NaN, negative, or (bounds excepted) infinite;
            the message names field and index.
    """

    benefit: Vector
    cost: Vector
    supplier_cost: Vector
    a: Vector
    b: Vector
    cap: Vector | None
    supply_cap: Vector

    def __init__(
        self,
        benefit: Any,
        cost: Any,
        supplier_cost: Any,
        a: Any,
        b: Any,
        *,
        cap: Any = None,
        supply_cap: Any = inf,
    ) -> None:
        worth = checked("benefit", benefit)
        if worth.ndim != 2 or worth.size == 0:
            raise InvalidGame(
                f"benefit has shape {worth.shape}; give a row for each game, a column for each"
                " demander"
            )
        whole, single = worth.shape, worth.shape[:1]
        fields: dict[str, Vector | None] = {
            "benefit": worth,
            "cost": checked("cost", cost, whole),
            "supplier_cost": checked("supplier_cost", supplier_cost, single),
            "a": checked("a", a, single, positive=True),
            "b": checked("b", b, single, positive=True),
            "cap": None if cap is None else checked("cap", cap, whole, infinite=True),
            "supply_cap": checked("supply_cap", supply_cap, single, infinite=True),
        }
        for field, value in fields.items():
            object.__setattr__(self, field, value)

    def prices(self) -> Vector:
        """The equilibrium price of every game, shape (n,), by sorting; O(nm log m)."""
        if self.cap is None:
            return self._uncapped()
        return self._capped(self.a[:, None] * self.cap)

    def quantities(self, price: Numbers | float) -> tuple[Vector, Vector]:
        """(demand, supply) at these prices, shapes (n, m) and (n,).

        Args:
            price: shape (n,), or one number for all; >= 0, as every price of these games is.

        Raises:
            InvalidGame: the shape does not fit, or a price is negative, NaN or infinite.
        """
        price = checked("price", price, self.benefit.shape[:1], ranged=False)
        demand = np.maximum(self.benefit - self.cost - price[:, None], 0.0) / self.a[:, None]
        if self.cap is not None:
            np.minimum(demand, self.cap, out=demand)
        supply = np.clip((price - self.supplier_cost) / self.b, 0.0, self.supply_cap)
        return demand, supply

    def certify(self, price: Vector, demand: Vector, supply: Vector) -> BatchCertificate:
        """What `verify` would say of each game: every party's deviations, the others' quantities
        fixed.

        >>> games = Batch([[100, 200, 200], [9, 8, 7]], [[45, 45, 15], [0, 0, 0]], 10, 0.8, 0.2)
        >>> price = games.prices()
        >>> games.certify(price, *games.quantities(price)).holds.tolist()
        [True, True]

        Args:
            price: shape (n,).
            demand: shape (n, m).
            supply: shape (n,).
        """
        a, b, start = self.a, self.b, self.supplier_cost
        asked, offered = a * demand.sum(axis=1), b * supply
        size = np.max([np.abs(price), asked, offered], axis=0)
        room = np.inf if self.cap is None else self.cap - demand
        # (1) Gains: a demander that takes x more gains x (h - a x), h its marginal profit at the
        # price that the quantities make; below, at the one that is stated.
        slope = self.benefit - self.cost - (asked - offered)[:, None] - a[:, None] * demand
        taken = np.clip(slope / (2 * a[:, None]), -demand, room)
        gain = (taken * (slope - a[:, None] * taken)).max(axis=1, initial=0.0)
        worth = np.maximum(np.maximum(self.benefit, self.cost), np.abs(price)[:, None])
        stake = (2 * demand + taken) * worth
        marginal = asked - 2 * offered - start
        sold = np.clip(marginal / (2 * b), -supply, self.supply_cap - supply)
        earned = np.maximum(sold * (marginal - b * sold), 0.0)
        staked = (2 * supply + sold) * np.max([start, asked, offered], axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            each = np.nan_to_num(taken * (slope - a[:, None] * taken) / stake, nan=0.0)
            relative = np.maximum(each.max(axis=1), np.nan_to_num(earned / staked, nan=0.0))
        # (2) Residuals: price rule, and marginal profits as far as there is room to follow them.
        slope = self.benefit - self.cost - price[:, None] - a[:, None] * demand
        more = np.minimum(np.maximum(slope, 0.0), a[:, None] * room)
        less = np.minimum(np.maximum(-slope, 0.0), a[:, None] * demand)
        supplier = np.where(
            marginal > 0,
            np.minimum(marginal, b * (self.supply_cap - supply)),
            np.minimum(-marginal, offered),
        )
        residual = np.max(
            [
                np.abs(price - (asked - offered)) / _or_one(size),
                np.maximum(more, less).max(axis=1) / _or_one(np.maximum(size, start)),
                supplier / _or_one(np.max([asked, offered, start], axis=0)),
            ],
            axis=0,
        )
        return BatchCertificate(np.maximum(gain, earned), relative, residual)

    def _uncapped(self) -> Vector:
        """The closed forms over all k."""
        margin = np.sort(self.benefit - self.cost, axis=1)[:, ::-1]
        total = np.zeros((len(margin), margin.shape[1] + 1))
        np.cumsum(margin, axis=1, out=total[:, 1:])
        count = np.arange(total.shape[1])
        alone, supplied, sold_out = self._meet(total, count)
        price: Vector = np.minimum(
            alone.max(axis=1), np.maximum(supplied.max(axis=1), sold_out.max(axis=1))
        )
        return price

    def _capped(self, bound: Vector) -> Vector:
        """Find the piece between two kinks that holds the root, solve its line."""
        margin = self.benefit - self.cost
        least = np.where(np.isinf(bound), -inf, margin - bound)
        kinks = np.concatenate([margin, least], axis=1)
        order = np.argsort(-kinks, axis=1)
        kinks = np.take_along_axis(kinks, order, axis=1)
        sign = np.where(order < margin.shape[1], 1.0, -1.0)
        sign[np.isinf(kinks)] = 0.0
        count = np.cumsum(sign, axis=1)
        level = np.cumsum(sign * np.where(np.isinf(kinks), 0.0, kinks), axis=1)
        # Below kink i, down to the next, A(q) = level - count q; the first piece on whose lower end
        # too much is asked for holds the root. The last piece has no lower end.
        start, most = self.supplier_cost[:, None], (self.b * self.supply_cap)[:, None]
        ends = np.append(kinks[:, 1:], np.full((len(kinks), 1), -inf), axis=1)
        with np.errstate(invalid="ignore"):
            offered = ends + np.clip(ends - start, 0.0, most)
            too_much = (level - count * ends > offered) | np.isinf(ends)
        piece = np.argmax(too_much, axis=1)[:, None]
        high, low = (
            np.take_along_axis(kinks, piece, axis=1),
            np.take_along_axis(ends, piece, axis=1),
        )
        # Above the first kink nobody buys; else the line once more, from plain sums.
        some = kinks[:, :1] + np.clip(kinks[:, :1] - start, 0.0, most) >= 0
        linear = some & (margin >= high) & (least <= low)
        filled = some & (least >= high)
        level = (np.where(filled, bound, 0.0) + np.where(linear, margin, 0.0)).sum(axis=1)
        alone, supplied, sold_out = self._meet(level[:, None], linear.sum(axis=1)[:, None])
        price: Vector = np.minimum(alone, np.maximum(supplied, sold_out))[:, 0]
        return price

    def _meet(self, level: Vector, count: Any) -> tuple[Vector, Vector, Vector]:
        """Where level - count q meets q, 2q - d_s and q + bW, of which R is the middle one."""
        alone = level / (count + 1)
        supplied = (level + self.supplier_cost[:, None]) / (count + 2)
        return alone, supplied, (level - (self.b * self.supply_cap)[:, None]) / (count + 1)


def _or_one(size: Vector) -> Vector:
    return np.where(size > 0, size, 1.0)
