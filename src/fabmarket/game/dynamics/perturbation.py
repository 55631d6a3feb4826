"""Somebody departs from the equilibrium; the others answer, and play resumes."""

from math import isfinite

from fabmarket.game.dynamics.play import Dynamic, Play
from fabmarket.game.dynamics.state import start_at, state_of, supply_wish
from fabmarket.game.equilibrium import solve
from fabmarket.game.errors import InvalidGame
from fabmarket.game.model import Game


def perturb(
    game: Game, dynamic: Dynamic, who: int, percent: float, *, allow_divergence: bool = False
) -> Play:
    """The play that follows when demander `who` raises its equilibrium demand by `percent`.

    history[0] is the state with the raised demand, everybody else unmoved; history[1] adds the
    supplier's answer; from there on the dynamic plays. `equilibrium` of the play is the state
    before, and the one to which it returns: the raise is not a change of the game.

    >>> from fabmarket.game.dynamics import GaussSeidel
    >>> play = perturb(Game([100, 200, 200], [45, 45, 15], 10, 0.8, 0.2), GaussSeidel(), 2, 20)
    >>> [round(state.price, 6) for state in play.history]
    [107.0, 97.25]

    Args:
        game: the data.
        dynamic: how play resumes.
        who: the demander's index, from 0.
        percent: by how much it raises, at least -100; negative lowers.
        allow_divergence: see Play.

    Raises:
        InvalidGame: no such demander, one that demands nothing, or a demand beyond its cap.
        Diverges: see Play.
    """
    before = solve(game, "simultaneous")
    if not 0 <= who < len(before.demand):
        raise InvalidGame(f"no demander {who}; give an index in 0..{len(before.demand) - 1}")
    if before.demand[who] == 0:
        raise InvalidGame(
            f"demander {who} demands nothing at equilibrium, so no percentage changes that;"
            " choose one that is served"
        )
    if not (isfinite(percent) and percent >= -100):
        raise InvalidGame(f"the raise is {percent} %; give a finite number of at least -100")
    demand = before.demand.copy()
    demand[who] *= 1 + percent / 100
    raised = start_at(game, demand, before.supply)
    supply = min(max(supply_wish(game, float(demand.sum())), 0.0), game.supply_cap)
    answered = state_of(game, demand, supply)
    return Play(game, dynamic, raised, opening=[answered], allow_divergence=allow_divergence)
