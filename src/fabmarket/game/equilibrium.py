"""From a game and the name of a concept to a certified equilibrium."""

from fabmarket.game.certificate import certificate_of
from fabmarket.game.closed_forms.balanced import balanced
from fabmarket.game.closed_forms.demanders_lead import demanders_lead
from fabmarket.game.closed_forms.simultaneous import simultaneous
from fabmarket.game.closed_forms.supplier_anticipates import supplier_anticipates
from fabmarket.game.errors import Unsupported
from fabmarket.game.model import CONCEPTS, Equilibrium, Game

_FORMS = {
    "simultaneous": simultaneous,
    "demanders-lead": demanders_lead,
    "supplier-anticipates": supplier_anticipates,
    "balanced": balanced,
}


def solve(game: Game, concept: str) -> Equilibrium:
    """The equilibrium of a game under one of CONCEPTS, with its certificate.

    Exact up to the rounding of float64; O(m log m). Except under "balanced", demand and supply
    need not meet (`Equilibrium.unfunded`).

    Args:
        game: the data.
        concept: "simultaneous", all move at once; "demanders-lead", the supplier answers the
            demands; "supplier-anticipates", the demanders answer the supply; "balanced", supply
            follows demand and the supplier is paid for what it delivers.

    Raises:
        Unsupported: another concept, or a finite bound under "demanders-lead".
        NoEquilibrium: "balanced" with a <= b; "demanders-lead" too near the supply threshold.
    """
    if concept not in CONCEPTS:
        raise Unsupported(f"unknown concept {concept!r}; use one of {CONCEPTS}")
    outcome = _FORMS[concept](game)
    price, demand, supply, note = outcome
    demand.flags.writeable = False
    return Equilibrium(
        concept=concept,
        price=price,
        demand=demand,
        supply=supply,
        demander_profit=demand * (game.margin - price) + 0.0,  # no -0.0 for those who do not buy
        supplier_profit=supply * (price - game.supplier_cost),
        total_demand=float(demand.sum()),
        certificate=certificate_of(game, concept, outcome),
        note=note,
    )
