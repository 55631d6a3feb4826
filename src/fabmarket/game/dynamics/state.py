"""Where a play stands, and what everybody would do next.

Scaling supply to x_0 = -b w / a makes all parties alike: with x = (x_0, v) each of them minimises
over its bounds the potential of a Cournot game,

    P(x) = a/2 (sum x_i^2 + (sum x_i)^2) - sum h_i x_i,    h = (d_s, c),

which is strictly convex, so its one minimum is the `simultaneous` equilibrium. Its second
derivative a (I + 1 1') has the eigenvalues a and a (n + 1) on n parties; every spectral radius of
this package follows from them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from fabmarket.game.errors import InvalidGame
from fabmarket.game.model import Equilibrium, Game, Vector

_KINK = 1e-9  # of the largest demand: closer to a bound than this counts as on it


@dataclass(frozen=True, eq=False)
class State:
    """Quantities and the price they make.

    Attributes:
        demand: v, shape (m,), units.
        supply: w, units.
        price: q, money per unit: a S - b w, or in a price dynamic the price announced.
    """

    demand: Vector
    supply: float
    price: float

    def profits(self, game: Game) -> tuple[Vector, float]:
        """What each demander, shape (m,), and the supplier earn here, in money."""
        earned: Vector = self.demand * (game.margin - self.price)
        return earned, self.supply * (self.price - game.supplier_cost)


def state_of(game: Game, demand: Vector, supply: float) -> State:
    """The state with these quantities, at the price a S - b w."""
    return State(demand, supply, game.a * float(demand.sum()) - game.b * supply)


def start_at(game: Game, demand: float | Sequence[float] | Vector, supply: float) -> State:
    """A checked state to start from; one number as demand stands for every demander.

    Raises:
        InvalidGame: not one demand for each demander, a quantity that is not finite, negative or
            above its cap, or quantities so large that profits overflow.
    """
    wanted = np.asarray(demand, dtype=np.float64)
    if wanted.shape not in ((), game.margin.shape):
        raise InvalidGame(
            f"{wanted.size} demands to start from for {game.margin.size} demanders; give one"
            " number, or one for each"
        )
    full = np.broadcast_to(wanted, game.margin.shape).copy()
    wrong = ~np.isfinite(full) | (full < 0) | (full > game.cap)
    if wrong.any():
        j = int(np.argmax(wrong))
        raise InvalidGame(f"demand[{j}] starts at {full[j]}; give a number in [0, {game.cap[j]}]")
    if not (np.isfinite(supply) and 0 <= supply <= game.supply_cap):
        raise InvalidGame(f"supply starts at {supply}; give a number in [0, {game.supply_cap}]")
    with np.errstate(over="ignore", invalid="ignore"):
        state = state_of(game, full, float(supply))
        earned, booked = state.profits(game)
    if not (np.isfinite(earned).all() and isfinite(booked)):
        raise InvalidGame(
            f"demands up to {full.max():g} and a supply of {supply:g} to start from make profits"
            " beyond float64; start with less"
        )
    return state


def wishes(game: Game, demand: Vector, supply: float) -> Vector:
    """(c_j - a (S - v_j) + b w) / (2a), shape (m,): best responses before any bound is applied."""
    others = demand.sum() - demand
    wanted: Vector = (game.margin - game.a * others + game.b * supply) / (2 * game.a)
    return wanted


def supply_wish(game: Game, total: float) -> float:
    """(a S - d_s) / (2b): the supplier's best response before any bound is applied."""
    return (game.a * total - game.supplier_cost) / (2 * game.b)


def within(game: Game, demand: Vector, supply: float) -> tuple[Vector, float]:
    """The quantities, each moved to its nearest bound if it lies outside."""
    return np.clip(demand, 0.0, game.cap), min(max(supply, 0.0), game.supply_cap)


@dataclass(frozen=True)
class Interior:
    """Who moves freely around an equilibrium.

    Attributes:
        demanders: how many demands lie strictly between 0 and their cap.
        supplier: whether supply lies strictly between 0 and W.
    """

    demanders: int
    supplier: bool

    @property
    def parties(self) -> int:
        """n: demanders and supplier together."""
        return self.demanders + self.supplier

    @property
    def curvatures(self) -> tuple[float, ...]:
        """The different eigenvalues of I + 1 1' on n parties."""
        return {0: (), 1: (2.0,)}.get(self.parties, (1.0, self.parties + 1.0))


def interior(game: Game, equilibrium: Equilibrium) -> Interior:
    """Who lies strictly between its bounds; one that lies on a kink counts as bound."""
    slack = _KINK * float(equilibrium.demand.max())
    free = (equilibrium.demand > slack) & (equilibrium.demand < game.cap - slack)
    room = _KINK * equilibrium.supply
    supplying = room < equilibrium.supply < game.supply_cap - room
    return Interior(int(np.count_nonzero(free)), supplying)
