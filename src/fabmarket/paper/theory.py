"""Theorem 1 and equations 11-19: what is printed, what follows, what is true.

Letters as in `fabmarket.game`: the paper's b and c of eq. 12, 15, 16 and 19 are a and b here, as in
its experiment.
"""

from collections.abc import Callable
from fractions import Fraction

import numpy as np

from fabmarket.game import Game, NoEquilibrium, solve
from fabmarket.paper.claim import FAILS, Facts, holds_if
from fabmarket.paper.equilibria import written
from fabmarket.paper.printed import DEMANDERS, market

_A, _B = Fraction(4, 5), Fraction(1, 5)
_WORTH, _COST = (100, 200, 200), (45, 45, 15)
_NO_GAIN = 1e-9
"""Money: what is left of a gain by rounding."""


def price(demand: list[Fraction], supply: Fraction) -> Fraction:
    """Equation 12: aS - bw."""
    return _A * sum(demand, Fraction(0)) - _B * supply


def profit(who: int, demand: list[Fraction], supply: Fraction) -> Fraction:
    """Equation 11 for one demander: v_j (y_j - q - d_j)."""
    return demand[who] * (_WORTH[who] - price(demand, supply) - _COST[who])


def printed_profit(who: int, demand: list[Fraction], supply: Fraction) -> Fraction:
    """Equation 15 as printed: y_j v_j - (q + d_j); the factor v_j of the bracket is missing."""
    return _WORTH[who] * demand[who] - (price(demand, supply) + _COST[who])


def printed_reply(who: int, demand: list[Fraction], supply: Fraction) -> Fraction:
    """Equation 19: (y_j - d_j + b w - a sum of the others' demands) / (2a)."""
    others = sum(demand, Fraction(0)) - demand[who]
    return (_WORTH[who] - _COST[who] + _B * supply - _A * others) / (2 * _A)


def derivatives(
    of: Callable[[int, list[Fraction], Fraction], Fraction],
    who: int,
    demand: list[Fraction],
    supply: Fraction,
) -> tuple[Fraction, Fraction]:
    """First and second derivative of a profit in the party's own quantity; exact for parabolas."""

    def at(shift: int) -> Fraction:
        moved = [v + shift if j == who else v for j, v in enumerate(demand)]
        return of(who, moved, supply)

    return (at(1) - at(-1)) / 2, at(1) - 2 * at(0) + at(-1)


def supplier_curve(game: Game, supplies: list[float]) -> list[float]:
    """What the supplier earns by each supply if the demanders play v >= 0 against it.

    Their play among themselves is the root of sum (c_j - q)+ = q + b w, which is the largest of
    (C_k - b w)/(k + 1) over k and of -b w where nobody buys.
    """
    margins = np.sort(game.margin)[::-1]
    sums = np.concatenate([[0.0], np.cumsum(margins)])
    counts = np.arange(len(sums))
    profits = []
    for supply in supplies:
        found = float(((sums - game.b * supply) / (counts + 1)).max())
        profits.append(supply * (found - game.supplier_cost))
    return profits


def measure() -> Facts:
    """Everything that can be checked of section 4.4 on the paper's data."""
    game = market()
    nash, lead, best, literal = (
        solve(game, concept)
        for concept in ("simultaneous", "demanders-lead", "supplier-anticipates", "paper-literal")
    )
    demand = [Fraction(each) for each in nash.demand.tolist()]
    supply = Fraction(nash.supply)
    supplies = np.linspace(0, 1200, 241).tolist()
    return {
        "nash": written(nash),
        "demanders_lead": written(lead),
        "supplier_anticipates": written(best),
        "paper_literal": written(literal),
        "eq_15": [_profits(who, demand, supply) for who in range(len(demand))],
        "eq_19_is_the_best_reply": all(
            _replies_best(who, demand, supply) for who, each in enumerate(demand) if each > 0
        ),
        "no_leader_equilibrium": _without_leader_equilibrium(),
        "supplier_curve": {"supply": supplies, "profit": supplier_curve(game, supplies)},
    }


def _profits(who: int, demand: list[Fraction], supply: Fraction) -> Facts:
    """Equations 11 and 15 for one demander: values and derivatives."""
    _, curvature_11 = derivatives(profit, who, demand, supply)
    slope_15, curvature_15 = derivatives(printed_profit, who, demand, supply)
    return {
        "who": DEMANDERS[who],
        "eq_11": float(profit(who, demand, supply)),
        "eq_15": float(printed_profit(who, demand, supply)),
        "curvature_11": float(curvature_11),
        "curvature_15": float(curvature_15),
        "slope_15": float(slope_15),
    }


def _replies_best(who: int, demand: list[Fraction], supply: Fraction) -> bool:
    """Whether equation 19 gives the demand at which equation 11 has no slope."""
    reply = printed_reply(who, demand, supply)
    replied = [reply if j == who else v for j, v in enumerate(demand)]
    return derivatives(profit, who, replied, supply)[0] == 0


def _without_leader_equilibrium() -> Facts:
    """A small market in which the demanders' lead has no equilibrium, though Nash has."""
    game = Game([11, 25, 16, 12], [0, 0, 0, 0], 15, 1, 1)
    try:
        solve(game, "demanders-lead")
        reason = ""
    except NoEquilibrium as error:
        reason = str(error)
    nash = solve(game, "simultaneous")
    return {
        "margins": [11, 25, 16, 12],
        "supplier_cost": 15,
        "reason": reason,
        "nash_price": nash.price,
        "nash_supply": nash.supply,
        "nash_gain": nash.certificate.max_unilateral_gain,
    }


def verdicts(facts: Facts) -> dict[str, str]:
    """The equations, the theorem's proof, its statement, the order of moves, the optimum."""
    literal, best = (facts[key]["profits"][-1] for key in ("paper_literal", "supplier_anticipates"))
    follows = all(one["curvature_15"] == one["curvature_11"] for one in facts["eq_15"])
    return {
        "equations": holds_if(follows),
        "theorem-1-proof": FAILS,  # {v > 0} is not closed, whatever is measured
        "nash-exists": holds_if(facts["nash"]["max_unilateral_gain"] <= _NO_GAIN),
        "stackelberg": holds_if(facts["no_leader_equilibrium"]["reason"] == ""),
        "eq-19-optimum": holds_if(literal >= best),
    }
