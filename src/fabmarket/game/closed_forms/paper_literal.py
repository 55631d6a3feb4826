"""Equation (19) to the letter: the supplier moves first and nobody minds the sign of v.

Every demander answers v = (c - q)/a, negative where its margin is below the price; then
A(q) = C_m - m q = q + b w, and w (q - d_s) has its top at w = (C_m - (m + 1) d_s)/(2b), where
q = (C_m/(m + 1) + d_s)/2. With v >= 0 kept that is at most a local maximum, on the piece where all
demanders buy: the certificate says what the supplier leaves on the table. Where C_m < (m + 1) d_s
even w is negative: the note says so, and the certificate's residual. "supplier-anticipates" is the
same idea done right.
"""

import numpy as np

from fabmarket.game.model import Game, Outcome, refuse_bounds


def paper_literal(game: Game, _compiled: bool | None = None) -> Outcome:
    """Price and quantities as equation (19) has them; quantities may be negative.

    Raises:
        Unsupported: a finite cap or supply cap, which the equation does not know.
    """
    refuse_bounds(game, "paper-literal")
    margin = game.margin
    total, parties = float(margin.sum()), len(margin) + 1
    price = (total / parties + game.supplier_cost) / 2
    demand = (margin - price) / game.a
    supply = (total - parties * game.supplier_cost) / (2 * game.b)
    sellers = [f"demander {j}'s" for j in np.flatnonzero(demand < 0)]
    if supply < 0:
        sellers.append("the supplier's")
    note = f"negative quantities: {len(sellers)}, the first is {sellers[0]}" if sellers else ""
    return Outcome(price, demand, supply, note)
