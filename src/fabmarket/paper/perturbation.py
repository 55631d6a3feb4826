"""MRD3 raises its demand by a fifth at the equilibrium: the last experiment of section 5.2."""

from fabmarket.game.dynamics import GaussSeidel, perturb
from fabmarket.paper.claim import Facts, holds_if
from fabmarket.paper.convergence import LEVELS
from fabmarket.paper.equilibria import written
from fabmarket.paper.printed import PARTIES, market
from fabmarket.report.wording import power

WHO, PERCENT = 2, 20.0
"""MRD3, counted from 0. The paper does not print by how much it raises."""
_ROUNDS = 24


def measure() -> Facts:
    """Price, quantities and profits from the raise until play is back.

    A step's `changes` are each party's profit against the equilibrium in per cent, None where that
    is 0. Step 0 is the raise, step 1 the supplier's answer, then sweeps of best responses in turn.
    """
    game = market()
    play = perturb(game, GaussSeidel(), WHO, PERCENT)
    while len(play.history) <= _ROUNDS:
        next(play)
    before = written(play.equilibrium)
    steps = []
    for state, error in zip(play.history, play.errors, strict=True):
        demanders, supplier = state.profits(game)
        profits = [*demanders.tolist(), supplier]
        steps.append(
            {
                "price": state.price,
                "demand": state.demand.tolist(),
                "supply": state.supply,
                "profits": profits,
                "changes": [
                    100 * (after / base - 1) if base else None
                    for after, base in zip(profits, before["profits"], strict=True)
                ],
                "error": error,
            }
        )
    return {
        "who": PARTIES[WHO],
        "percent": PERCENT,
        "before": before,
        "steps": steps,
        "rounds_to": {power(level): play.rounds_to(level) for level in LEVELS},
    }


def verdicts(facts: Facts) -> dict[str, str]:
    """Five sentences of the experiment, one by one."""
    before = facts["before"]
    raised, answered, later = facts["steps"][:3]
    others = zip(later["demand"][:WHO], before["demand"][:WHO], strict=True)
    first, second = raised["changes"][-1], answered["changes"][-1]
    return {
        "raise-price": holds_if(before["price"] < answered["price"] < raised["price"]),
        "raise-supplier": holds_if(0 < first < second and answered["supply"] > before["supply"]),
        "raise-pays": holds_if(raised["changes"][WHO] > 0),
        "raise-others-cut": holds_if(all(now < base for now, base in others)),
        "raise-returns": holds_if(facts["rounds_to"]["1e-9"] is not None),
    }
