"""A trial step, then the real step along the slopes found at the trial's end.

Korpelevich, "The extragradient method for finding saddle points and other problems", Matecon 12,
1976: converges for rates below 1/L, L = a (m + 2), even in games without a potential. At exactly
1/L the trial step cancels the error in the total but the real one keeps it, so if all parties are
free that error stays for ever; one party at a bound is enough to lose it.
"""

from fabmarket.game.dynamics.gradient import descend
from fabmarket.game.dynamics.play import Stepped
from fabmarket.game.dynamics.state import Interior
from fabmarket.game.model import Game, Vector


class Extragradient(Stepped):
    """Extragradient play; one round asks everybody twice.

    Attributes:
        step: the rate in units of 1/(2a), as in `Gradient`; > 0, default 2/(m + 2), that is 1/L.

    Raises:
        InvalidGame: a step that is not positive.
    """

    name = "extragradient"
    condition = "step < 2/(m + 2), or equal to it where somebody is at a bound"
    remedy = "take a step below 2/(m + 2)"

    def length(self, game: Game) -> float:
        """The step, or 1/L."""
        return self.step or 2 / (len(game.margin) + 2)

    def radius(self, game: Game, free: Interior) -> float:
        """max |1 - s + s^2|, s = step/2 * curvature."""
        half = self.length(game) / 2
        return max((abs(1 - half * e + (half * e) ** 2) for e in free.curvatures), default=0.0)

    def after(self, game: Game, demand: Vector, supply: float) -> tuple[Vector, float]:
        """One trial and one real step."""
        step = self.length(game)
        trial = descend(game, demand, supply, (demand, supply), step)
        return descend(game, demand, supply, trial, step)
