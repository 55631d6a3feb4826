"""Best responses one after another: each party sees what those before it have just chosen.

One round minimises the potential over one coordinate after the other, so it descends until nobody
can improve: convergence for every number of parties, from any start, with any bounds (coordinate
descent on a strictly convex function over a box; Tseng, "Convergence of a block coordinate descent
method for nondifferentiable minimization", J. Optim. Theory Appl. 109, 2001). The paper's process.

Among n free parties a round is x -> -(D + L)^-1 U x with 2 on the diagonal of D and 1 everywhere
in L and U. The determinant of a matrix that is 2z on the diagonal, z below and 1 above is
(z (2z - 1)^n - z^n) / (z - 1), so the eigenvalues that are not 0 solve (2z - 1)^n = z^(n-1):
z = (1 + u z^((n-1)/n)) / 2 for the n-th roots u of 1 but 1 itself. Iterating that contracts, and
the largest |z| belongs to u = exp(2 pi i / n). It nears 1 like 1 - O(1/n^2).
"""

from cmath import exp, pi

import numpy as np

from fabmarket.game.dynamics.play import Dynamic
from fabmarket.game.dynamics.state import Interior, supply_wish
from fabmarket.game.model import Game, Vector

_ITERATIONS = 64  # each halves the error


def sweep(game: Game, demand: Vector, supply: float) -> tuple[Vector, float]:
    """One round: the demanders in their order, then the supplier."""
    chosen = demand.tolist()
    total = float(demand.sum())
    shift = game.b * supply
    for j, (margin, cap) in enumerate(zip(game.margin.tolist(), game.cap.tolist(), strict=True)):
        others = total - chosen[j]
        wish = (margin - game.a * others + shift) / (2 * game.a)
        chosen[j] = min(max(wish, 0.0), cap)
        total = others + chosen[j]
    after = np.array(chosen)
    offered = supply_wish(game, float(after.sum()))
    return after, min(max(offered, 0.0), game.supply_cap)


class GaussSeidel(Dynamic):
    """Best responses in turn, the supplier last."""

    name = "gauss-seidel"
    condition = "always; about m^2 rounds for m demanders served"

    def radius(self, game: Game, free: Interior) -> float:
        """The largest |z| with (2z - 1)^n = z^(n-1), z != 1; 0 for n < 2."""
        n = free.parties
        if n < 2:
            return 0.0
        turn = exp(2j * pi / n)
        z = 0.5 + 0.5j
        for _ in range(_ITERATIONS):
            z = (1 + turn * z ** ((n - 1) / n)) / 2
        return abs(z)

    def after(self, game: Game, demand: Vector, supply: float) -> tuple[Vector, float]:
        """One sweep."""
        return sweep(game, demand, supply)
