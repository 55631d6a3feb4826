"""What the paper prints: the data of its experiment, and the numbers it reports."""

from fabmarket.game import Game

DEMANDERS = ("MRD1", "MRD2", "MRD3")
PARTIES = (*DEMANDERS, "MRS")

START_DEMAND, START_SUPPLY = 100.0, 200.0
"""Section 5.2: V_d = [100, 100, 100], W_s = [200]; units."""

ITERATIONS_HERE, ITERATIONS_THERE = 15, 35
"""Section 5.2: the paper's process against the comparator's, "close to convergence"."""

TABLE_2: dict[str, tuple[float, ...]] = {
    "Converge speed": (52, 54, 50, 45),
    "Load overhead": (48, 45, 55, 59),
    "Converge cost": (58, 60, 65, 70),
    "Supply demand balance": (78, 82, 71, 65),
}
"""Rows of Table 2 in the order of PARTIES; no unit is printed."""


def market() -> Game:
    """The game of section 5.2: a = 0.8, b = 0.2, Y, D_d and D_s as printed."""
    return Game(benefit=[100, 200, 200], cost=[45, 45, 15], supplier_cost=10, a=0.8, b=0.2)
