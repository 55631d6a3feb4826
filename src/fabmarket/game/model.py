"""The game and its answer: m demanders and one supplier, at one price.

Demander j asks for v_j in [0, cap_j] and earns v_j (benefit_j - q - cost_j); the supplier
supplies w in [0, W] and earns w (q - d_s). The price is q = a S - b w with S = sum_j v_j. These
are equations (11)-(19) of the paper, with the letters of its experiment: a weighs demand, b
supply. Prices are money per unit, quantities units, profits money.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import inf
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fabmarket.game.errors import InvalidGame, Unsupported

Vector = NDArray[np.float64]
Numbers = Vector | Sequence[float | Fraction]

LEAST, MOST = 1e-75, 1e75
"""Every number of a game is 0 or lies between these (a bound may also be inf): then no product or
square of numbers, nor what a solver makes of them, overflows or vanishes in float64."""

TOLERANCE = 1e-9
"""How far from perfect a certified answer may be, relative to the size of the terms."""

CONCEPTS = (
    "simultaneous",
    "demanders-lead",
    "supplier-anticipates",
    "paper-literal",
    "balanced",
)
"""The concepts `solve` knows, told apart by who moves first. "paper-literal" is the paper's own
equation (19), whose answer in general is no equilibrium, as its certificate shows."""


def checked(
    field: str,
    numbers: Any,
    shape: tuple[int, ...] | None = None,
    *,
    positive: bool = False,
    infinite: bool = False,
    ranged: bool = True,
) -> Vector:
    """A read-only copy as float64, checked number by number.

    Args:
        field: its name, for the error.
        numbers: what was given.
        shape: what it is broadcast to; None for any.
        positive: whether 0 is refused.
        infinite: whether inf is allowed.
        ranged: whether it must lie in the range from LEAST to MOST, as everything given must.

    Raises:
        InvalidGame: naming field, index and value.
    """
    try:
        array = np.array(numbers, dtype=np.float64, order="C")
    except (TypeError, ValueError, OverflowError) as error:
        what = f"{numbers!r}; give a number" if shape == () else f"not a list of numbers: {error}"
        raise InvalidGame(f"{field} is {what}") from error
    if shape is not None and array.shape != shape:
        try:
            array = np.ascontiguousarray(np.broadcast_to(array, shape))
        except ValueError as error:
            wanted = shape or "one number"
            raise InvalidGame(f"{field} has shape {array.shape}; give {wanted}") from error
    wrong = ~(array > 0) if positive else ~(array >= 0)
    if not infinite:
        wrong |= np.isinf(array)
    allowed = f"a{'' if infinite else ' finite'} number {'>' if positive else '>='} 0"
    extreme = (array > 0) & (array < LEAST) | (array > MOST) & (array < inf)
    in_range = f"give a number between {LEAST:g} and {MOST:g}, by choosing other units"
    for places, remedy in ((wrong, f"give {allowed}"), (extreme, in_range)):
        if places.any() and (ranged or places is wrong):
            at = tuple(int(i) for i in np.argwhere(places)[0])
            raise InvalidGame(f"{field}{list(at) if at else ''} is {array[at]}; {remedy}")
    array.flags.writeable = False
    return array


def vector(
    field: str,
    numbers: Numbers,
    *,
    like: tuple[str, Vector] | None = None,
    infinite: bool = False,
) -> Vector:
    """As `checked`, for a row of numbers, as many as `like`, a name and its value, has."""
    array = checked(field, numbers, infinite=infinite)
    if array.ndim != 1 or array.size == 0:
        what = "is empty" if array.size == 0 else "is no list of numbers"
        raise InvalidGame(f"{field} {what}; give one number for each")
    if like is not None and len(array) != len(like[1]):
        raise InvalidGame(
            f"{field} has {len(array)} numbers but {like[0]} has {len(like[1])}; give as many"
        )
    return array


def _bounds(field: str, numbers: Numbers | None, benefit: Vector) -> Vector:
    """Upper bounds, infinite if there are none; those take no memory."""
    if numbers is None:
        return np.broadcast_to(np.float64(inf), benefit.shape)
    return vector(field, numbers, like=("benefit", benefit), infinite=True)


@dataclass(frozen=True, eq=False, init=False)
class Game:
    """The data of one game; lists and Fractions become read-only float64 arrays.

    >>> Game([100, 200, 200], [45, 45, 15], supplier_cost=10, a=0.8, b=0.2).margin.tolist()
    [55.0, 155.0, 185.0]

    Attributes:
        benefit: y, shape (m,): what one unit is worth to each demander.
        cost: d, shape (m,): each demander's own cost per unit.
        supplier_cost: d_s, the supplier's cost per unit, >= 0.
        a: weight of total demand in the price, > 0.
        b: weight of supply in the price, > 0.
        cap: shape (m,): the most each demander can use; inf, or no cap at all, for no bound.
        supply_cap: W, the most the supplier can supply; inf for no bound.
        budget: shape (m,), money: the most each demander can pay, v q <= budget; inf, or no budget
            at all, for no bound.
        capped: whether any demand cap is finite.
        budgeted: whether any budget is finite.

    Raises:
        InvalidGame: empty or unequal arrays, a number that is negative, NaN or infinite (caps may
            be infinite), or not 0 and out of the range from LEAST to MOST, a or b zero; the
            message names field and index.
    """

    benefit: Vector
    cost: Vector
    supplier_cost: float
    a: float
    b: float
    cap: Vector
    supply_cap: float
    budget: Vector
    capped: bool
    budgeted: bool

    def __init__(
        self,
        benefit: Numbers,
        cost: Numbers,
        supplier_cost: float | Fraction,
        a: float | Fraction,
        b: float | Fraction,
        *,
        cap: Numbers | None = None,
        supply_cap: float | Fraction = inf,
        budget: Numbers | None = None,
    ) -> None:
        worth = vector("benefit", benefit)
        caps = _bounds("cap", cap, worth)
        budgets = _bounds("budget", budget, worth)
        fields = {
            "benefit": worth,
            "cost": vector("cost", cost, like=("benefit", worth)),
            "supplier_cost": float(checked("supplier_cost", supplier_cost, ())),
            "a": float(checked("a", a, (), positive=True)),
            "b": float(checked("b", b, (), positive=True)),
            "cap": caps,
            "supply_cap": float(checked("supply_cap", supply_cap, (), infinite=True)),
            "budget": budgets,
            "capped": cap is not None and bool(np.isfinite(caps).any()),
            "budgeted": budget is not None and bool(np.isfinite(budgets).any()),
        }
        for field, value in fields.items():
            object.__setattr__(self, field, value)

    @property
    def margin(self) -> Vector:
        """c = benefit - cost, shape (m,): the price above which a demander buys nothing.

        May be negative.
        """
        return self.benefit - self.cost


def refuse_bounds(game: Game, concept: str) -> None:
    """Raise Unsupported if the game has a finite cap, which this concept is not offered with."""
    if game.capped:
        j = int(np.argmax(np.isfinite(game.cap)))
        raise Unsupported(
            f"{concept} is offered without demand caps; cap[{j}] is {game.cap[j]}, leave it"
            " out or use simultaneous, supplier-anticipates or balanced"
        )
    if game.supply_cap < inf:
        raise Unsupported(
            f"{concept} is offered without a supply cap (where it binds, demanders-lead has a"
            f" continuum of equilibria); supply_cap is {game.supply_cap}, leave it out or use"
            " another concept"
        )


def refuse_budgets(game: Game, what: str) -> None:
    """Raise Unsupported if the game has a budget, with which this is not offered."""
    if game.budgeted:
        j = int(np.argmax(np.isfinite(game.budget)))
        raise Unsupported(
            f"{what} are offered without budgets; budget[{j}] is {game.budget[j]}, leave it out"
        )


class Outcome(NamedTuple):
    """What a closed form yields: price, each demander's quantity, supply, a remark or "", and the
    multiplier of S <= w.
    """

    price: float
    demand: Vector
    supply: float
    note: str = ""
    multiplier: float = 0.0


@dataclass(frozen=True, eq=False)
class Certificate:
    """What was checked about an answer, and how far it is from perfect.

    It covers the deviations it names and nothing else: one party changes its own quantity, while
    the quantities of the others stay fixed or answer as the concept says. It says nothing of
    coalitions, nor of reporting or answering as if one's margin were another.

    Attributes:
        deviations: the deviations that were tried, in words.
        max_unilateral_gain: money; the most that any single party could gain by one of them, 0 at
            an equilibrium up to rounding.
        residual: the largest violation of the concept's conditions, each divided by the size of
            its own terms; 0 at an equilibrium up to rounding.
        gains: money, each >= 0: one for every demander in order, then the supplier's, where the
            concept lets the supplier choose.
        relative_gain: the largest gain relative to the money at stake for its party: what the
            party moves before and after the deviation, at its benefit, its cost or the price,
            whichever is largest. Where all share a bound ("balanced", and S <= w) at least 1e-5 of
            what all pay.
    """

    deviations: tuple[str, ...]
    max_unilateral_gain: float
    residual: float
    gains: Vector
    relative_gain: float

    @property
    def holds(self) -> bool:
        """Whether residual and relative gain are at most TOLERANCE, whatever the units."""
        return self.residual <= TOLERANCE and self.relative_gain <= TOLERANCE


@dataclass(frozen=True, eq=False)
class Equilibrium:
    """An equilibrium of one game under one concept.

    Attributes:
        concept: one of CONCEPTS.
        price: q, money per unit.
        demand: v, shape (m,), units.
        supply: w, units.
        demander_profit: v (c - q), shape (m,), money.
        supplier_profit: w (q - d_s), money, as the concept books it; under "balanced", where
            w = S, that is what the demanders really pay.
        total_demand: S, units.
        certificate: the deviations checked against this answer.
        note: what else must be said, such as a second equilibrium; "" if nothing.
        coupled: whether S <= w was imposed.
        multiplier: lambda >= 0, money per unit: what one more unit of supply would be worth to
            everybody where S <= w binds; 0 elsewhere.
    """

    concept: str
    price: float
    demand: Vector
    supply: float
    demander_profit: Vector
    supplier_profit: float
    total_demand: float
    certificate: Certificate
    note: str = ""
    coupled: bool = False
    multiplier: float = 0.0

    @property
    def unfunded(self) -> float:
        """q (w - S), money: what the supplier books beyond what the demanders pay.

        Zero under "balanced"; the other concepts do not make demand and supply meet. Negative
        where demanders pay for more than is supplied.
        """
        return self.price * (self.supply - self.total_demand)
