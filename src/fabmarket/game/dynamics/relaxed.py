"""Everybody goes part of the way to its best response at once.

With T(x) the best responses to x, the round x + t (T(x) - x) lowers the potential by at least
t (2a - t L/2) |T(x) - x|^2, where L = a (m + 2) is its largest curvature: t < 4/(m + 2) suffices.
Between the curvatures 1 and m + 2 the step 4/(m + 3) is best; the error then shrinks by
(m + 1)/(m + 3) a round.
"""

from fabmarket.game.dynamics.play import Stepped
from fabmarket.game.dynamics.state import supply_wish, wishes, within
from fabmarket.game.model import Game, Vector


class Relaxed(Stepped):
    """A step of the given length towards the best responses.

    Attributes:
        step: 1 goes all the way (`jacobi`); in (0, 1], default 4/(m + 3).

    Raises:
        InvalidGame: a step outside (0, 1].
    """

    longest = 1.0
    name = "relaxed"
    condition = "step < 4/(m + 2)"
    remedy = "take a step below 4/(m + 2)"

    def after(self, game: Game, demand: Vector, supply: float) -> tuple[Vector, float]:
        """One step."""
        step = self.length(game)
        reply, answer = within(
            game, wishes(game, demand, supply), supply_wish(game, float(demand.sum()))
        )
        return demand + step * (reply - demand), supply + step * (answer - supply)
