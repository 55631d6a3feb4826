"""Arrays in, an equilibrium and a checkable certificate out."""

from fabmarket.game.aggregate import PriceRule
from fabmarket.game.certificate import verify
from fabmarket.game.equilibrium import equilibrium_price, solve
from fabmarket.game.errors import InvalidGame, InvalidRound, NoEquilibrium, Unsupported
from fabmarket.game.model import CONCEPTS, Certificate, Equilibrium, Game

__all__ = [
    "CONCEPTS",
    "Certificate",
    "Equilibrium",
    "Game",
    "InvalidGame",
    "InvalidRound",
    "NoEquilibrium",
    "PriceRule",
    "Unsupported",
    "equilibrium_price",
    "solve",
    "verify",
]
