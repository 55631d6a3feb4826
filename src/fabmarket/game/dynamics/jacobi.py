"""Best responses all at once, demanders and supplier: each sees the last round only."""

from fabmarket.game.dynamics.play import Dynamic
from fabmarket.game.dynamics.state import Interior, supply_wish, wishes, within
from fabmarket.game.model import Game, Vector


class Jacobi(Dynamic):
    """Everybody replies to the last round at once.

    A round is I - (I + 1 1')/2 among n free parties: 1/2 on differences, (1 - n)/2 on the sum.
    With three or more the sum overshoots; the bound at 0 then makes a cycle of it, or it grows.
    """

    name = "jacobi"
    condition = "locally, where at most 2 parties are strictly between their bounds"
    remedy = "use relaxed, the same with a shorter step, or gauss-seidel"

    def radius(self, game: Game, free: Interior) -> float:
        """max(1/2, (n - 1)/2), the 1/2 only for n >= 2."""
        return max((abs(1 - curvature / 2) for curvature in free.curvatures), default=0.0)

    def after(self, game: Game, demand: Vector, supply: float) -> tuple[Vector, float]:
        """One simultaneous reply."""
        return within(game, wishes(game, demand, supply), supply_wish(game, float(demand.sum())))
