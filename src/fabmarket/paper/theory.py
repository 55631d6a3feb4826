"""Theorem 1 and equations 11-19: what is printed, what follows, what is true.

Letters as in `fabmarket.game`: the paper's b and c of eq. 12, 15, 16 and 19 are a and b here, as in
its experiment.
"""

from fractions import Fraction
from typing import Any

import numpy as np

from fabmarket.game import Game, NoEquilibrium, solve
from fabmarket.paper.claim import FAILS, Claim, Facts, amount, holds_if, listed, table
from fabmarket.paper.printed import DEMANDERS, market

_A, _B = Fraction(4, 5), Fraction(1, 5)
_WORTH, _COST = (100, 200, 200), (45, 45, 15)
_SUPPLIER_COST = 10


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


def curvature(of: Any, who: int, demand: list[Fraction], supply: Fraction) -> Fraction:
    """The second derivative of a profit in the party's own quantity; exact for parabolas."""

    def at(shift: int) -> Fraction:
        moved = [v + shift if j == who else v for j, v in enumerate(demand)]
        return Fraction(of(who, moved, supply))

    return at(1) - 2 * at(0) + at(-1)


def slope(of: Any, who: int, demand: list[Fraction], supply: Fraction) -> Fraction:
    """The first derivative in the party's own quantity; exact for parabolas."""

    def at(shift: int) -> Fraction:
        moved = [v + shift if j == who else v for j, v in enumerate(demand)]
        return Fraction(of(who, moved, supply))

    return (at(1) - at(-1)) / 2


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
    nash = solve(game, "simultaneous")
    demand = [Fraction(each) for each in nash.demand.tolist()]
    supply = Fraction(nash.supply)
    literal, best = solve(game, "paper-literal"), solve(game, "supplier-anticipates")
    lead = solve(game, "demanders-lead")
    served = [j for j, each in enumerate(demand) if each > 0]
    supplies = np.linspace(0, 1200, 241).tolist()
    return {
        "nash": _answer(nash),
        "demanders_lead": _answer(lead),
        "supplier_anticipates": _answer(best),
        "paper_literal": _answer(literal),
        "eq_15": [
            {
                "who": DEMANDERS[j],
                "eq_11": float(profit(j, demand, supply)),
                "eq_15": float(printed_profit(j, demand, supply)),
                "curvature_11": float(curvature(profit, j, demand, supply)),
                "curvature_15": float(curvature(printed_profit, j, demand, supply)),
                "slope_15": float(slope(printed_profit, j, demand, supply)),
            }
            for j in range(len(demand))
        ],
        "eq_19_is_the_best_reply": all(
            slope(
                profit,
                j,
                [printed_reply(j, demand, supply) if i == j else v for i, v in enumerate(demand)],
                supply,
            )
            == 0
            for j in served
        ),
        "no_leader_equilibrium": _without_leader_equilibrium(),
        "supplier_curve": {"supply": supplies, "profit": supplier_curve(game, supplies)},
    }


def _answer(found: Any) -> Facts:
    return {
        "price": found.price,
        "demand": found.demand.tolist(),
        "supply": found.supply,
        "profits": [*found.demander_profit.tolist(), found.supplier_profit],
        "max_unilateral_gain": found.certificate.max_unilateral_gain,
    }


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


def claims(facts: Facts) -> list[Claim]:
    """The equations, the theorem's proof, its statement, the order of moves, the optimum."""
    return [_equations(facts), _proof(), _nash(facts), _stackelberg(facts), _optimum(facts)]


_LETTERS = (
    ("eq. 12", "b", "c", "also v_s for w_s"),
    ("eq. 15", "b", "c", "the factor v_j is missing"),
    ("eq. 16", "b", "c", "follows from 12 and 13"),
    ("eq. 17", "a", "–", "not the derivative of 15"),
    ("eq. 18", "–", "b", "c in the letters of 16"),
    ("eq. 19", "b", "C", "y_i for y_j; does not follow from 15"),
    ("section 5.2", "a", "b", "the letters used here"),
)


def _equations(facts: Facts) -> Claim:
    rows = facts["eq_15"]
    follows = all(one["curvature_15"] == one["curvature_11"] for one in rows)
    second = rows[1]
    return Claim(
        id="equations",
        title="Equations 11–19 follow from one another",
        place="Equations 11–19",
        words="i_j = y_j v_dj − (b Σ v_dj − c w_s + d_dj)  (15) … ∂²i_j/∂v_dj² = −2a  (17)",
        verdict=holds_if(follows),
        reason="Equation 15 lacks the factor v_j, so 17 and 19 are not its derivatives; both "
        "follow from 11 and 12.",
        got=(
            f"At the equilibrium equation 11 gives {second['who']} a profit of "
            f"{amount(second['eq_11'])}; equation 15 gives {amount(second['eq_15'])}.",
            f"Equation 15 is a straight line in v_j: its second derivative is "
            f"{amount(second['curvature_15'])}, its slope {amount(second['slope_15'])} = y_j − a, "
            "so by it every demander would ask for ever more. With the factor v_j put back the "
            f"second derivative is {amount(second['curvature_11'])} = −2a, as (17) prints, and "
            "(19) is the best reply"
            + ("." if facts["eq_19_is_the_best_reply"] else " (it is not here)."),
            "The letters of the two price coefficients change from equation to equation, as the "
            "table shows. After (19) the paper announces a formula and prints none.",
        ),
        how="Both profits are evaluated in exact fractions at the simultaneous equilibrium; "
        "derivatives are differences, which are exact for parabolas.",
        tables=(
            table(
                "What the price coefficients are called",
                ("where", "of demand", "of supply", "besides"),
                _LETTERS,
            ),
        ),
    )


def _proof() -> Claim:
    return Claim(
        id="theorem-1-proof",
        title="Theorem 1: the strategy sets are compact",
        place="Theorem 1, condition I",
        words="v_dj > 0, w_s > 0. So the policy set is a nonempty bounded closed convex subset",
        verdict=FAILS,
        reason="{v > 0} is convex and nonempty; it is neither bounded nor closed.",
        got=(
            "The sequence 1/n lies in the set and its limit 0 does not; n lies in it and has no "
            "limit. So Lemma 1 does not apply. That 0 is left out matters: MRD1 buys 0 at every "
            "equilibrium. And (14) has v ≥ 0 where the proof has v > 0.",
            "Condition II, concavity in the own quantity, holds for (11) and (13).",
        ),
        how="By the definitions of closed and bounded.",
    )


def _nash(facts: Facts) -> Claim:
    nash = facts["nash"]
    return Claim(
        id="nash-exists",
        title="Theorem 1: there is a Nash equilibrium",
        place="Theorem 1",
        words="there is the Nash equilibrium",
        verdict=holds_if(nash["max_unilateral_gain"] <= 1e-9),
        reason="There is exactly one, for any number of demanders and any a, b > 0, by another "
        "argument.",
        got=(
            "Put the best replies v = (c − q)₊/a, w = (q − d_s)₊/b into the price rule: "
            "Σ(c_j − q)₊ − q − (q − d_s)₊ = 0. The left side is continuous, falls everywhere with "
            "a slope of at least 1, and so has one root. (With x = −bw/a for the supplier it is a "
            "Cournot game of m + 1 parties.)",
            f"On the paper's data: q = {amount(nash['price'])}, v = {listed(nash['demand'], 3)}, "
            f"w = {amount(nash['supply'])}, profits {listed(nash['profits'])}; the most "
            f"anybody gains by deviating is {amount(nash['max_unilateral_gain'], 9)}.",
        ),
        how="fabmarket.game.solve, with the certificate that tries every party's deviations "
        "independently of the solver.",
    )


def _stackelberg(facts: Facts) -> Claim:
    lead, gone = facts["demanders_lead"], facts["no_leader_equilibrium"]
    return Claim(
        id="stackelberg",
        title="Theorem 1 is about the Stackelberg game",
        place="Sections 4.3 and 4.4",
        words="MRDs is the leader, MRS is the follower … For the Stackelberg game … there is the "
        "Nash equilibrium",
        verdict=holds_if(gone["reason"] == ""),
        reason="The proof is about everybody moving at once; with the demanders leading an "
        "equilibrium may be missing, and the derivation after it lets the supplier lead.",
        got=(
            f"With the demanders in the lead the paper's data do have an equilibrium: "
            f"q = {amount(lead['price'])}, v = {listed(lead['demand'])}, "
            f"w = {amount(lead['supply'])}. It is not the Nash equilibrium.",
            f"Other data have none: margins {listed(gone['margins'])}, d_s = "
            f"{gone['supplier_cost']}, a = b = 1, while the Nash equilibrium is there "
            f"(q = {amount(gone['nash_price'])}, w = {amount(gone['nash_supply'])}).",
            "The text has the demanders move first. Equation 19, the demanders' reply to a given "
            "w, put into the supplier's profit, is the reverse: the supplier moves first.",
        ),
        how="fabmarket.game.solve under demanders-lead, which refuses with the reason where there "
        "is no equilibrium.",
    )


def _optimum(facts: Facts) -> Claim:
    literal, best = facts["paper_literal"], facts["supplier_anticipates"]
    reached = literal["profits"][-1] >= best["profits"][-1]
    return Claim(
        id="eq-19-optimum",
        title="Equation 19 put into 16 gives the supplier's best supply",
        place="Equations 14, 16 and 19",
        words="Substitute Equation (19) into Equation (16), and derive Equation (16) concerning "
        "w_s, and set the derivative function equal to zero",
        verdict=holds_if(reached),
        reason=f"It gives w = {amount(literal['supply'])} and a profit of "
        f"{amount(literal['profits'][-1], 1)}: only a local maximum, "
        f"{amount(best['profits'][-1], 1)} can be had.",
        got=(
            f"The substitution takes all three demanders for buyers: v = "
            f"{listed(literal['demand'])}, q = {amount(literal['price'], 3)}. It ignores v ≥ 0 of "
            f"(14). With less supply the price rises above MRD1's margin of 55, it drops out, and "
            f"the supplier's profit climbs again, to {amount(best['profits'][-1], 1)} at "
            f"w = {amount(best['supply'])}, q = {amount(best['price'], 3)}.",
            "Where a demander drops out the profit bends upwards, so it is not concave, and a "
            "vanishing derivative does not make a maximum.",
        ),
        how="paper-literal is (19) into (16) without v ≥ 0; supplier-anticipates tries the top of "
        "every piece. The figure lets the demanders reply with v ≥ 0 to every w.",
        figures=("supplier",),
    )
