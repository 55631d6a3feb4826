"""Everybody follows the slope of its own profit, and stops at its bounds.

A profit's slope is 2a (for the supplier 2b) times the way to the best response, so a gradient step
is a step on that way; unlike in `relaxed`, bounds are applied after it. On the potential this is
projected gradient descent: it contracts for rates below 2/L, L = a (m + 2), and most at 4/(m + 3)
of the way (Polyak, "Introduction to Optimization", 1987).
"""

from fabmarket.game.dynamics.play import Stepped
from fabmarket.game.dynamics.state import supply_wish, wishes, within
from fabmarket.game.model import Game, Vector


def descend(
    game: Game, demand: Vector, supply: float, at: tuple[Vector, float], step: float
) -> tuple[Vector, float]:
    """From (demand, supply) one projected step along the slopes found `at` another point."""
    there, offered = at
    return within(
        game,
        demand + step * (wishes(game, there, offered) - there),
        supply + step * (supply_wish(game, float(there.sum())) - offered),
    )


class Gradient(Stepped):
    """Projected gradient play.

    Attributes:
        step: the rate in units of 1/(2a), so that 1 goes all the way to the best response before
            bounds; > 0, default 4/(m + 3).

    Raises:
        InvalidGame: a step that is not positive.
    """

    name = "gradient"
    condition = "step < 4/(m + 2)"
    remedy = "take a step below 4/(m + 2)"

    def after(self, game: Game, demand: Vector, supply: float) -> tuple[Vector, float]:
        """One step."""
        return descend(game, demand, supply, (demand, supply), self.length(game))
