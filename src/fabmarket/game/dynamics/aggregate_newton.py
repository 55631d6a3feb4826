"""Newton's method on the one number that matters, the price.

As in `tatonnement` everybody answers the announced price, but the step is the excess divided by
its slope, which is 1 plus the number of replies strictly between their bounds: two sums a round.
The excess is piecewise linear and falls with a slope of at least 1, so a step from the piece that
holds the root is exact. Rounds enclose the root between a price that was too low and one too high;
a step that leaves the interval goes to its middle (docs/explanation/game.md shows that this ends).
"""

from collections.abc import Iterator
from math import inf

import numpy as np

from fabmarket.game.aggregate import kept
from fabmarket.game.dynamics.play import Dynamic
from fabmarket.game.dynamics.state import Interior, State
from fabmarket.game.dynamics.tatonnement import excess, replies
from fabmarket.game.model import Game


class AggregateNewton(Dynamic):
    """Newton on the excess of the implied over the announced price."""

    name = "aggregate-newton"
    condition = "always, after finitely many rounds"

    def radius(self, game: Game, free: Interior) -> float:
        """0: the last round is exact."""
        return 0.0

    def rounds(self, game: Game, start: State) -> Iterator[State]:
        """One announcement and everybody's reply to it a round, from the start's price."""
        low, high = -inf, inf
        state = replies(game, start.price)
        while True:
            over = excess(game, state)
            if over > 0:
                low = state.price
            elif over < 0:
                high = state.price
            moving = (state.demand > 0) & (state.demand < game.cap)
            slope = 1 + np.count_nonzero(moving) + (0 < state.supply < game.supply_cap)
            price = state.price + over / float(slope)
            state = replies(game, price if over == 0 else float(kept(price, low, high)))
            yield state
