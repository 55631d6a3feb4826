"""What this room refuses.

Refused
├── InvalidGame     numbers that describe no game
├── Unsupported     a concept, or a bound under it, for which no exact form is offered
├── NoEquilibrium   the game is sound but the concept has no equilibrium in it
└── NotCertified    the answer's certificate is above its tolerance
"""

from fabmarket.errors import Refused


class InvalidGame(Refused):
    """The numbers describe no game; the message names field, index and value."""


class Unsupported(Refused):
    """The concept is unknown, or offered only without the bound that was given."""


class NoEquilibrium(Refused):
    """The concept has no equilibrium in this game; the message says why."""


class NotCertified(Refused):
    """An answer was found, but its certificate is above its tolerance; the message says by how
    much. The numbers lie too far apart for float64.
    """

    OPENING = "no equilibrium was certified"
    """What each message begins with."""
