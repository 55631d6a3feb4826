"""Demanders reply all at once, then the supplier replies to what they have just asked for."""

from collections.abc import Iterator

import numpy as np

from fabmarket.game.dynamics.play import Dynamic
from fabmarket.game.dynamics.state import Interior, State, state_of, supply_wish, wishes
from fabmarket.game.model import Game


class JacobiThenSupplier(Dynamic):
    """Demanders at once, the supplier after them.

    The supplier's answer takes half of a common overshoot back: with k free demanders a round is
    1/2 on differences and 1/2 - k/4 on their sum, or (1 - k)/2 where the supplier sits at a bound.
    """

    name = "jacobi-then-supplier"
    condition = (
        "locally, where fewer than 6 demanders are strictly between their bounds"
        " (fewer than 3 if the supplier is at one of its own)"
    )
    remedy = "use relaxed, the same with a shorter step, or gauss-seidel"

    def radius(self, game: Game, free: Interior) -> float:
        """max(1/2, |1/2 - k/4|), or max(1/2, (k - 1)/2) with the supplier at a bound."""
        k = free.demanders
        if k == 0:
            return 0.0
        common = abs(0.5 - k / 4) if free.supplier else (k - 1) / 2
        return max(0.5 if k > 1 else 0.0, common)

    def rounds(self, game: Game, start: State) -> Iterator[State]:
        """The demanders' replies, then the supplier's, a round."""
        demand, supply = start.demand, start.supply
        while True:
            demand = np.clip(wishes(game, demand, supply), 0.0, game.cap)
            answer = supply_wish(game, float(demand.sum()))
            supply = min(max(answer, 0.0), game.supply_cap)
            yield state_of(game, demand, supply)
