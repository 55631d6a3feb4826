"""The equilibria of the paper's game, as JSON values."""

from fabmarket.game import Equilibrium
from fabmarket.paper.claim import Facts

CONCEPTS = ("simultaneous", "demanders-lead", "supplier-anticipates", "balanced")
"""The concepts that are compared; "paper-literal" is no equilibrium (see `theory`)."""


def written(found: Equilibrium) -> Facts:
    """Price, quantities and profits (of PARTIES), and the most one party gains by deviating."""
    return {
        "price": found.price,
        "demand": found.demand.tolist(),
        "supply": found.supply,
        "profits": [*found.demander_profit.tolist(), found.supplier_profit],
        "max_unilateral_gain": found.certificate.max_unilateral_gain,
    }
