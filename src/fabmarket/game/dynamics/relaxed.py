"""Everybody goes part of the way to its best response at once.

With T(x) the best responses to x, the round x + t (T(x) - x) lowers the potential by at least
t (2a - t L/2) |T(x) - x|^2, where L = a (m + 2) is its largest curvature: t < 4/(m + 2) suffices.
Between the curvatures 1 and m + 2 the step 4/(m + 3) is best; the error then shrinks by
(m + 1)/(m + 3) a round.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from fabmarket.game.dynamics.play import Dynamic, checked_step
from fabmarket.game.dynamics.state import (
    Interior,
    State,
    state_of,
    supply_wish,
    wishes,
    within,
)
from fabmarket.game.model import Game


def best_step(game: Game) -> float:
    """4/(m + 3): the step that contracts most if all parties are free."""
    return 4 / (len(game.margin) + 3)


@dataclass(frozen=True)
class Relaxed(Dynamic):
    """A step of the given length towards the best responses.

    Attributes:
        step: 1 goes all the way (`jacobi`); in (0, 1], default 4/(m + 3).

    Raises:
        InvalidGame: a step outside (0, 1].
    """

    step: float | None = None
    name = "relaxed"
    condition = "step < 4/(m + 2)"
    remedy = "take a step below 4/(m + 2)"

    def __post_init__(self) -> None:
        checked_step(self.step, most=1.0)

    def radius(self, game: Game, free: Interior) -> float:
        """max |1 - step/2 * curvature|."""
        step = self.step or best_step(game)
        return max((abs(1 - step / 2 * curvature) for curvature in free.curvatures), default=0.0)

    def rounds(self, game: Game, start: State) -> Iterator[State]:
        """One step a round."""
        step = self.step or best_step(game)
        demand, supply = start.demand, start.supply
        while True:
            reply, answer = within(
                game, wishes(game, demand, supply), supply_wish(game, float(demand.sum()))
            )
            demand = demand + step * (reply - demand)
            supply = supply + step * (answer - supply)
            yield state_of(game, demand, supply)
