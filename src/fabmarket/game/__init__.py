"""Arrays in, an equilibrium and a checkable certificate out."""

from fabmarket.game.aggregate import PriceRule, kept
from fabmarket.game.certificate import verify
from fabmarket.game.equilibrium import equilibrium_price, solve
from fabmarket.game.errors import (
    InvalidGame,
    NoEquilibrium,
    NotCertified,
    Unsupported,
)
from fabmarket.game.model import CONCEPTS, TOLERANCE, Certificate, Equilibrium, Game

__all__ = [
    "CONCEPTS",
    "TOLERANCE",
    "Certificate",
    "Equilibrium",
    "Game",
    "InvalidGame",
    "NoEquilibrium",
    "NotCertified",
    "PriceRule",
    "Unsupported",
    "equilibrium_price",
    "kept",
    "solve",
    "verify",
]
