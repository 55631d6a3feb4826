"""The root of a game's price equation, by compiled loops or by NumPy.

Both give the same number to 1e-12; which one runs is the caller's choice, not the environment's.
"""

from functools import cache
from importlib.util import find_spec

from fabmarket.errors import missing
from fabmarket.game.closed_forms import root
from fabmarket.game.errors import Unsupported
from fabmarket.game.model import Game

WORTH_COMPILING = 50_000
"""From how many demanders on loading the compiled loops pays, if nobody says otherwise."""


@cache
def can_compile() -> bool:
    """Whether numba is installed (extra `fast`)."""
    return find_spec("numba") is not None


def price_root(
    game: Game, weight: float, requirement: root.Requirement, compiled: bool | None = None
) -> float:
    """The lowest q with sum_j clip(c_j - q, 0, weight cap_j) <= R(q).

    Args:
        game: margins and caps.
        weight: by how much a demander's own unit raises its price.
        requirement: R.
        compiled: True for compiled loops, False for NumPy, None for compiled loops if numba is
            installed and there are at least WORTH_COMPILING demanders.

    Raises:
        Unsupported: compiled loops are asked for but numba is not installed.
    """
    if compiled and not can_compile():
        raise Unsupported(missing("compiled=True needs numba", "fast", "leave it out"))
    if compiled is None:
        compiled = len(game.benefit) >= WORTH_COMPILING and can_compile()
    if not compiled:
        if game.capped:
            return root.lowest_root(game.margin, weight * game.cap, requirement)
        return root.uncapped_root(game.margin, requirement)
    if game.capped:
        from fabmarket.game.pivoting import Demand, capped_root  # noqa: PLC0415 - loads numba

        demand = Demand(game.benefit, game.cost, game.cap, weight)
        return float(capped_root(demand, requirement))
    from fabmarket.game.kernels import uncapped_root  # noqa: PLC0415 - loads numba

    return float(uncapped_root(game.benefit, game.cost, requirement))
