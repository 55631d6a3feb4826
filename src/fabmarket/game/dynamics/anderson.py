"""Gauss-Seidel, sped up by combining the last three rounds.

Anderson, "Iterative procedures for nonlinear integral equations", J. ACM 12, 1965, in the form of
Walker & Ni, "Anderson acceleration for fixed-point iterations", SIAM J. Numer. Anal. 49, 2011,
with depth 2 and one safeguard: the combination is taken only if its potential is no higher than
after the plain round. Every round then descends at least as far as Gauss-Seidel, so it converges
wherever that does. Where two differences span the free directions (two demanders and the supplier
free) the combination of the fourth round is exact.
"""

from collections.abc import Iterator

import numpy as np

from fabmarket.game.dynamics.gauss_seidel import sweep
from fabmarket.game.dynamics.play import Dynamic
from fabmarket.game.dynamics.state import Interior, State, state_of, within
from fabmarket.game.model import Game, Vector

_DEPTH = 2


class Anderson(Dynamic):
    """Anderson(2) on Gauss-Seidel, with descent of the potential as safeguard."""

    name = "anderson"
    condition = "always; every round descends at least as far as one of gauss-seidel"

    def radius(self, game: Game, free: Interior) -> None:
        """None: the combination depends on the rounds before it, so a round is no linear map."""
        return

    def rounds(self, game: Game, start: State) -> Iterator[State]:
        """One sweep and one combination a round."""
        points: list[Vector] = []
        images: list[Vector] = []
        demand, supply = start.demand, start.supply
        while True:
            # (1) One plain round.
            after, offered = sweep(game, demand, supply)
            points = [*points[-_DEPTH:], _scaled(game, demand, supply)]
            images = [*images[-_DEPTH:], _scaled(game, after, offered)]
            demand, supply = after, offered
            # (2) The combination of rounds whose change is smallest.
            if len(points) > 1:
                changes = np.array(images) - np.array(points)
                weights = np.linalg.lstsq(np.diff(changes, axis=0).T, changes[-1], rcond=None)[0]
                mixed = images[-1] - weights @ np.diff(np.array(images), axis=0)
                there, then = within(game, mixed[1:], -game.a / game.b * float(mixed[0]))
                # (3) The safeguard.
                mixed = _scaled(game, there, then)
                if _potential(game, mixed) <= _potential(game, images[-1]):
                    demand, supply = there, then
            yield state_of(game, demand, supply)


def _scaled(game: Game, demand: Vector, supply: float) -> Vector:
    return np.concatenate([[-game.b * supply / game.a], demand])


def _potential(game: Game, point: Vector) -> float:
    drive = game.supplier_cost * point[0] + game.margin @ point[1:]
    return float(game.a / 2 * (point @ point + point.sum() ** 2) - drive)
