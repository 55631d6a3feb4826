"""A price that rises with excess demand; everybody answers the price alone.

At an announced price p demander j asks for clip((c_j - p)/a, 0, cap_j) and the supplier offers
clip((p - d_s)/b, 0, W). What they choose implies the price a S - b w, and the next announcement
moves the given part of the way there: p + step (a S - b w - p). As a function of p the bracket
falls with a slope between 1 and m + 2, whence the condition. It stands in for the price-adjustment
comparator of the paper, whose reference is lost; such a dynamic is used for power grids by
Maharjan et al., "Dependable demand response management in the smart grid: a Stackelberg game
approach", IEEE Trans. Smart Grid 4, 2013.
"""

from collections.abc import Iterator

import numpy as np

from fabmarket.game.dynamics.play import Stepped
from fabmarket.game.dynamics.state import Interior, State
from fabmarket.game.model import Game


def replies(game: Game, price: float) -> State:
    """What everybody chooses if the price is to come out as announced."""
    demand = np.clip((game.margin - price) / game.a, 0.0, game.cap)
    offered = (price - game.supplier_cost) / game.b
    return State(demand, min(max(offered, 0.0), game.supply_cap), price)


def excess(game: Game, state: State) -> float:
    """a S - b w - p: how far the price implied by the quantities lies above the announced one."""
    return game.a * float(state.demand.sum()) - game.b * state.supply - state.price


class Tatonnement(Stepped):
    """Price adjustment with a constant step.

    Attributes:
        step: eta, the part of the way to the implied price; > 0, default 1/(m + 2).

    Raises:
        InvalidGame: a step that is not positive.
    """

    name = "tatonnement"
    condition = "step < 2/(m + 2); locally < 2/(k + 2) with k demanders and the supplier free"
    remedy = "take a step below 2/(m + 2)"

    def radius(self, game: Game, free: Interior) -> float:
        """|1 - step (n + 1)|."""
        return abs(1 - self.length(game) * (free.parties + 1))

    def rounds(self, game: Game, start: State) -> Iterator[State]:
        """One announcement and everybody's reply to it a round, from the start's price."""
        step, state = self.length(game), replies(game, start.price)
        while True:
            state = replies(game, state.price + step * excess(game, state))
            yield state

    def length(self, game: Game) -> float:
        """The step, or the one that is safe whoever is free."""
        return self.step or 1 / (len(game.margin) + 2)
