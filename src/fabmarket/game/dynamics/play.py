"""Playing a dynamic: an iterator over its rounds that keeps all of them."""

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import ClassVar

import numpy as np

from fabmarket.errors import Refused
from fabmarket.game.dynamics.state import Interior, State, interior, start_at, state_of
from fabmarket.game.equilibrium import solve
from fabmarket.game.errors import InvalidGame
from fabmarket.game.model import Equilibrium, Game, Vector, refuse_budgets


class Diverges(Refused):
    """The dynamic cannot converge in this game; the message gives the spectral radius."""


class DivergenceWarning(UserWarning):
    """As Diverges, where the caller allowed it."""


class Dynamic(ABC):
    """A rule by which the parties of a `simultaneous` game change their quantities, round by round.

    Attributes:
        name: what it is called everywhere.
        condition: when it converges, in words.
        remedy: what to do instead where it does not.
    """

    name: ClassVar[str]
    condition: ClassVar[str]
    remedy: ClassVar[str] = "use gauss-seidel, which always converges"

    @abstractmethod
    def radius(self, game: Game, free: Interior) -> float | None:
        """The spectral radius of one round among the parties in `free`.

        Close to the equilibrium the error shrinks by this factor a round; from 1 on it does not.
        None where a round is no linear map.
        """

    def rounds(self, game: Game, start: State) -> Iterator[State]:
        """Endlessly, the state after each round; one round is every party once."""
        demand, supply = start.demand, start.supply
        while True:
            demand, supply = self.after(game, demand, supply)
            yield state_of(game, demand, supply)

    def after(self, game: Game, demand: Vector, supply: float) -> tuple[Vector, float]:
        """Demand and supply after one round, where that is all a round needs to know."""
        raise NotImplementedError


@dataclass(frozen=True)
class Stepped(Dynamic):
    """A dynamic whose parties go a given part of their way.

    Attributes:
        step: its length, > 0; None for the dynamic's usual one.

    Raises:
        InvalidGame: a step outside (0, longest].
    """

    step: float | None = None
    longest: ClassVar[float] = inf

    def __post_init__(self) -> None:
        step, most = self.step, self.longest
        if step is not None and not (0 < step <= most and np.isfinite(step)):
            allowed = "a positive number" if most == inf else f"a number in (0, {most:g}]"
            raise InvalidGame(f"step is {step}; give {allowed}")

    def length(self, game: Game) -> float:
        """The step, or the one that contracts most if all parties are free: 4/(m + 3)."""
        return self.step or 4 / (len(game.margin) + 3)

    def radius(self, game: Game, free: Interior) -> float:
        """max |1 - step/2 * curvature|."""
        step = self.length(game)
        return max((abs(1 - step / 2 * curvature) for curvature in free.curvatures), default=0.0)


class Play(Iterator[State]):
    """One play of a game, in progress; every round so far is kept.

    >>> from fabmarket.game.dynamics import AggregateNewton
    >>> Play(Game([100, 200, 200], [45, 45, 15], 10, 0.8, 0.2), AggregateNewton()).until(1e-9, 50)
    2

    Attributes:
        game: what is played.
        dynamic: how.
        equilibrium: the `simultaneous` equilibrium, from `solve`, which errors are measured from.
        radius: the dynamic's spectral radius there, or None.
        history: states, the start first, so that history[r] is the state after round r.
        errors: one for each state: the larger of max|v - v*| / max v* and |w - w*| / w*. Where
            the divisor is 0 the error is in units.
    """

    def __init__(
        self,
        game: Game,
        dynamic: Dynamic,
        start: State | None = None,
        *,
        opening: Sequence[State] = (),
        allow_divergence: bool = False,
    ) -> None:
        """Start a play from `start`, by default from nothing demanded and nothing supplied.

        Args:
            game: what is played.
            dynamic: how.
            start: the state before the first round.
            opening: rounds already played by other rules; the dynamic goes on from the last.
            allow_divergence: warn instead of refusing.

        Raises:
            Diverges: the spectral radius is 1 or more, and `allow_divergence` is False.
            Unsupported: the game has budgets, with which replies are no longer linear.
        """
        refuse_budgets(game, "dynamics")
        self.game = game
        self.dynamic = dynamic
        self.equilibrium: Equilibrium = solve(game, "simultaneous")
        free = interior(game, self.equilibrium)
        self.radius = dynamic.radius(game, free)
        if self.radius is not None and self.radius >= 1:
            message = (
                f"{dynamic.name} does not converge: its spectral radius is {self.radius:.6g} with"
                f" {free.parties} parties strictly between their bounds; {dynamic.remedy}"
            )
            if not allow_divergence:
                raise Diverges(f"{message}, or allow divergence to see it")
            warnings.warn(message, DivergenceWarning, stacklevel=2)
        begun = start_at(game, 0.0, 0.0) if start is None else start
        self.history = [begun, *opening]
        self.errors = [self._error(state) for state in self.history]
        self._rounds = dynamic.rounds(game, self.history[-1])

    def __next__(self) -> State:
        """Play one round.

        Raises:
            Diverges: the profits grew out of the range of float64.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            state = next(self._rounds)
            error = self._error(state)
            demanders, supplier = state.profits(self.game)
        # Profits are squares of quantities, so they are the first to overflow.
        if not np.isfinite([error, float(np.abs(demanders).max()), supplier]).all():
            raise Diverges(
                f"{self.dynamic.name} left the range of numbers in round {len(self.history)};"
                " play fewer rounds"
            )
        self.history.append(state)
        self.errors.append(error)
        return state

    def until(self, tolerance: float, most: int) -> int | None:
        """Play on until the error is at most `tolerance`, or `most` rounds have been played in all.

        Returns `rounds_to(tolerance)`.
        """
        while self.errors[-1] > tolerance and len(self.history) <= most:
            next(self)
        return self.rounds_to(tolerance)

    def rounds_to(self, tolerance: float) -> int | None:
        """The first round from which on, as far as played, the error stays at most `tolerance`.

        None if the last error is larger.
        """
        beyond = [r for r, error in enumerate(self.errors) if not error <= tolerance]
        first = beyond[-1] + 1 if beyond else 0
        return first if first < len(self.errors) else None

    def _error(self, state: State) -> float:
        sought = self.equilibrium
        demand = float(np.abs(state.demand - sought.demand).max())
        supply = abs(state.supply - sought.supply)
        return max(demand / (float(sought.demand.max()) or 1.0), supply / (sought.supply or 1.0))
