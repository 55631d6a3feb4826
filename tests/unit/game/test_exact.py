"""Rational numbers in, the paper's numbers out without rounding."""

from fractions import Fraction
from math import inf, nan

import pytest

from fabmarket.game import CONCEPTS, InvalidGame, NoEquilibrium, Unsupported
from tests.oracles.exact import ExactGame, solve_exact

PAPER = ExactGame([100, 200, 200], [45, 45, 15], 10, "0.8", "0.2")
PRICES = {
    "simultaneous": Fraction(175, 2),
    "demanders-lead": Fraction(115),
    "supplier-anticipates": Fraction(185, 3),
    "paper-literal": Fraction(435, 8),
    "balanced": Fraction(340, 3),
}
SUPPLIES = {
    "simultaneous": Fraction(775, 2),
    "demanders-lead": Fraction(525),
    "supplier-anticipates": Fraction(775),
    "paper-literal": Fraction(1775, 2),
    "balanced": Fraction(1700, 9),
}


@pytest.mark.parametrize("concept", CONCEPTS)
def test_the_papers_market_exactly(concept):
    found = solve_exact(PAPER, concept)
    assert found.price == PRICES[concept]
    assert found.supply == SUPPLIES[concept]
    assert found.total_demand == sum(found.demand)
    assert found.supplier_profit == found.supply * (found.price - 10)
    margins = (55, 155, 185)
    assert found.demander_profit == tuple(
        v * (c - found.price) for v, c in zip(found.demand, margins, strict=True)
    )


def test_the_bounds_of_each_kind():
    capped = ExactGame(
        [100, 200, 200], [45, 45, 15], 10, "0.8", "0.2", cap=[None, inf, 50], supply_cap=inf
    )
    assert solve_exact(capped, "simultaneous").price == Fraction(205, 3)
    assert solve_exact(capped, "supplier-anticipates").price == Fraction(140, 3)
    held = ExactGame([100, 200, 200], [45, 45, 15], 10, "0.8", "0.2", supply_cap=100)
    assert solve_exact(held, "simultaneous").price == Fraction(320, 3)
    assert solve_exact(held, "supplier-anticipates").price == Fraction(320, 3)
    scarce = ExactGame([100, 200, 200], [45, 45, 15], 10, "0.8", "0.2", supply_cap=60)
    assert solve_exact(scarce, "balanced").demand == (0, 5, 55)
    floor = ExactGame([14, 10, 9], [0, 0, 0], 9, 2, 1)
    assert solve_exact(floor, "balanced").demand == (Fraction(15, 2), Fraction(3, 2), 0)
    idle = ExactGame([12, 9], [0, 0], 10, 2, 1)
    assert solve_exact(idle, "supplier-anticipates").price == 7
    none = ExactGame([5, 7], [0, 0], 0, 2, 1, cap=[0, 0], supply_cap=0)
    assert solve_exact(none, "balanced").total_demand == 0


def test_the_coupling():
    shortage = ExactGame([100, 90], [0, 0], 40, 3, 1)
    found = solve_exact(shortage, "simultaneous", coupled=True)
    assert (found.price, found.supply, found.multiplier) == (44, 22, 18)
    capped = ExactGame([100, 90], [0, 0], 10, 3, 1, supply_cap=5)
    assert solve_exact(capped, "simultaneous", coupled=True).total_demand == 5
    enough = solve_exact(PAPER, "simultaneous", coupled=True)
    assert (enough.price, enough.multiplier) == (Fraction(175, 2), 0)
    with pytest.raises(
        NoEquilibrium, match="at a price of -320/3, below the supplier's cost of 10"
    ):
        solve_exact(
            ExactGame([100, 200, 200], [45, 45, 15], 10, "0.2", "0.8"), "simultaneous", coupled=True
        )


def test_none_or_two_near_the_threshold():
    two = solve_exact(ExactGame([11, 11], [0, 0], 8, 1, 1), "demanders-lead")
    assert two.price == Fraction(26, 3)
    assert two.note == "two equilibria: this one, and one without supply at price 22/3"
    with pytest.raises(NoEquilibrium, match="so near the 15 at which supply starts"):
        solve_exact(ExactGame([11, 25, 16, 12], [0] * 4, 15, 1, 1), "demanders-lead")
    assert solve_exact(ExactGame([12, 9], [0, 0], 20, 2, 1), "demanders-lead").price == 7


def test_what_is_refused():
    with pytest.raises(InvalidGame, match="benefit is 'x'; give a finite number"):
        ExactGame(["x"], [1], 1, 1, 1)
    with pytest.raises(InvalidGame, match="supply_cap is nan; give a finite number"):
        ExactGame([1], [1], 1, 1, 1, supply_cap=nan)
    with pytest.raises(InvalidGame, match=r"cost\[0\] is -1.0"):
        ExactGame([1], [-1], 1, 1, 1)
    with pytest.raises(Unsupported, match="unknown concept 'clearing'"):
        solve_exact(PAPER, "clearing")
    with pytest.raises(Unsupported, match="offered under simultaneous, not under balanced"):
        solve_exact(PAPER, "balanced", coupled=True)
