"""A row of the leakage table: how often an attack finds the truth, and how often it would bare."""

from collections.abc import Callable
from dataclasses import dataclass

from fabmarket.simulation.outcome import Outcome


@dataclass(frozen=True)
class Leak:
    """How often `viewer` finds what is `sought` by `attack`, exactly, in so many `tries` of a run.

    Shares from 0 to 1: `success` with the walls up, `control` by the same attack without the wall
    that stands against it, `guessing` of who knows the public terms alone and says the likeliest.
    A `control` near 1 shows that the attack is one; where it is no higher than `success`, nothing
    is protected. `unlike` says what is otherwise in the control than in `success`, if that is not
    simply that the whole market has no walls; `note` what else must be said, such as that the
    market is too small.
    """

    viewer: str
    attack: str
    sought: str
    tries: int
    success: float
    guessing: float
    control: float
    note: str = ""
    unlike: str = ""


Attack = Callable[[Outcome, Outcome], Leak | None]
"""Of the outcome of a run with all walls up and that of the same market with none; None where
there is nothing to attack.
"""
