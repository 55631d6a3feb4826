"""Gradient play with momentum.

Nesterov, "Introductory Lectures on Convex Optimization", 2004, constant-step scheme III for a
strongly convex function, projected: rate 1/L, momentum (r - 1)/(r + 1) with r^2 = L/a = m + 2. The
error falls like (1 - 1/r)^rounds: O(sqrt(m)) rounds where plain gradient play needs O(m).
"""

from collections.abc import Iterator
from math import sqrt

from fabmarket.game.dynamics.gradient import descend
from fabmarket.game.dynamics.play import Dynamic
from fabmarket.game.dynamics.state import Interior, State, state_of
from fabmarket.game.model import Game


def _momentum(game: Game) -> float:
    root = sqrt(len(game.margin) + 2)
    return (root - 1) / (root + 1)


class Nesterov(Dynamic):
    """Projected gradient play with constant momentum."""

    name = "nesterov"
    condition = "always; about sqrt(m) rounds for each digit"

    def radius(self, game: Game, free: Interior) -> float:
        """The largest root of z^2 - (1 + beta) h z + beta h, h = 1 - curvature/(m + 2)."""
        beta, steepest = _momentum(game), len(game.margin) + 2
        largest = 0.0
        for curvature in free.curvatures:
            h = 1 - curvature / steepest
            half = (1 + beta) * h / 2
            beyond = half * half - beta * h
            # A pair of complex roots has the modulus sqrt(beta h).
            root = half + sqrt(beyond) if beyond >= 0 else sqrt(beta * h)
            largest = max(largest, root)
        return largest

    def rounds(self, game: Game, start: State) -> Iterator[State]:
        """One step from the point the momentum leads to, a round."""
        beta, step = _momentum(game), 2 / (len(game.margin) + 2)
        demand, supply = ahead, offered = start.demand, start.supply
        while True:
            before, had = demand, supply
            demand, supply = descend(game, ahead, offered, (ahead, offered), step)
            ahead = demand + beta * (demand - before)
            offered = supply + beta * (supply - had)
            yield state_of(game, demand, supply)
