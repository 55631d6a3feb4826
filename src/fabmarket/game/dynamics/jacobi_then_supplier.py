"""Demanders reply all at once, then the supplier replies to what they have just asked for."""

from fabmarket.game.dynamics.play import Dynamic
from fabmarket.game.dynamics.state import Interior, supply_wish, wishes, within
from fabmarket.game.model import Game, Vector


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

    def after(self, game: Game, demand: Vector, supply: float) -> tuple[Vector, float]:
        """The demanders' replies, then the supplier's."""
        asked, _ = within(game, wishes(game, demand, supply), supply)
        return within(game, asked, supply_wish(game, float(asked.sum())))
