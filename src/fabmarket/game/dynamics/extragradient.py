"""A trial step, then the real step along the slopes found at the trial's end.

Korpelevich, "The extragradient method for finding saddle points and other problems", Matecon 12,
1976: converges for rates below 1/L, L = a (m + 2), even in games without a potential. At exactly
1/L the trial step cancels the error in the total but the real one keeps it, so if all parties are
free that error stays for ever; one party at a bound is enough to lose it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from fabmarket.game.dynamics.gradient import descend
from fabmarket.game.dynamics.play import Dynamic, checked_step
from fabmarket.game.dynamics.state import Interior, State, state_of
from fabmarket.game.model import Game


@dataclass(frozen=True)
class Extragradient(Dynamic):
    """Extragradient play; one round asks everybody twice.

    Attributes:
        step: the rate in units of 1/(2a), as in `Gradient`; > 0, default 2/(m + 2), that is 1/L.

    Raises:
        InvalidGame: a step that is not positive.
    """

    step: float | None = None
    name = "extragradient"
    condition = "step < 2/(m + 2), or equal to it where somebody is at a bound"
    remedy = "take a step below 2/(m + 2)"

    def __post_init__(self) -> None:
        checked_step(self.step)

    def radius(self, game: Game, free: Interior) -> float:
        """max |1 - s + s^2|, s = step/2 * curvature."""
        half = self._step(game) / 2
        return max((abs(1 - half * e + (half * e) ** 2) for e in free.curvatures), default=0.0)

    def rounds(self, game: Game, start: State) -> Iterator[State]:
        """One trial and one real step a round."""
        step = self._step(game)
        demand, supply = start.demand, start.supply
        while True:
            trial = descend(game, demand, supply, (demand, supply), step)
            demand, supply = descend(game, demand, supply, trial, step)
            yield state_of(game, demand, supply)

    def _step(self, game: Game) -> float:
        return self.step or 2 / (len(game.margin) + 2)
