"""S <= w imposed with one multiplier for all, and budgets; against numbers derived by hand."""

from dataclasses import replace
from fractions import Fraction
from math import inf

import numpy as np
import pytest

from fabmarket.game import Game, NoEquilibrium, Unsupported, solve, verify


def close(expected):
    return pytest.approx(float(expected), rel=1e-12)


def test_the_papers_market_needs_no_multiplier():
    game = Game([100, 200, 200], [45, 45, 15], 10, 0.8, 0.2)
    found = solve(game, "simultaneous", coupled=True)
    assert found.price == 87.5
    assert found.coupled
    assert found.multiplier == 0
    assert found.certificate.max_unilateral_gain < 1e-9
    assert found.certificate.residual < 1e-12


def test_a_shortage_is_met_by_the_common_multiplier():
    # Uncoupled S > w. p = (b C + a d_s)/(a + b k), S = w = (p - d_s)/b, q = (a - b) S.
    game = Game([100, 90], [0, 0], 40, 3, 1)
    free = solve(game, "simultaneous")
    assert free.total_demand > free.supply
    found = solve(game, "simultaneous", coupled=True)
    worth = Fraction(190 + 3 * 40, 3 + 2)
    total = worth - 40
    assert found.total_demand == close(total)
    assert found.supply == close(total)
    assert found.price == close(2 * total)
    assert found.multiplier == close(worth - 2 * total)
    assert found.certificate.max_unilateral_gain < 1e-9
    assert found.certificate.residual < 1e-12
    assert found.certificate.deviations[1].startswith("the supplier: any quantity in [S, W]")


def test_a_wrong_multiplier_or_quantity_shows_in_the_certificate():
    game = Game([100, 90], [0, 0], 40, 3, 1)
    found = solve(game, "simultaneous", coupled=True)
    assert verify(game, replace(found, multiplier=found.multiplier + 1)).residual > 1e-3
    assert verify(game, replace(found, multiplier=-1.0)).residual > 1e-3
    assert verify(game, replace(found, supply=found.supply - 1)).residual > 1e-2
    less = verify(game, replace(found, demand=found.demand * 0.9))
    assert less.gains[0] > 1
    free = solve(game, "simultaneous")
    assert verify(game, replace(free, coupled=True)).residual > 1e-2


def test_with_a_at_most_b_the_price_would_be_below_cost():
    with pytest.raises(NoEquilibrium, match=r"at a price of -106\.66666.*cost of 10"):
        solve(Game([100, 200, 200], [45, 45, 15], 10, 0.2, 0.8), "simultaneous", coupled=True)


def test_a_price_that_just_covers_the_cost_is_none_below_it():
    cap = [inf, 18.5, inf, 4, 7, 8.75]
    game = Game([19, 37, 60, 39, 13, 10], [0] * 6, 26, 1.7, 0.4, cap=cap)
    found = solve(game, "simultaneous", coupled=True)
    assert found.price == 26
    assert found.certificate.residual < 1e-12


@pytest.mark.parametrize("bounds", [{}, {"supply_cap": 0}, {"cap": [0, 0]}])
def test_where_nothing_can_be_supplied_nothing_is_bought(bounds):
    start = 10 if not bounds else 1
    found = solve(Game([8, 5], [0, 0], start, 3, 1, **bounds), "simultaneous", coupled=True)
    assert found.demand.tolist() == [0, 0]
    assert found.total_demand <= found.supply
    assert found.certificate.max_unilateral_gain == 0
    assert found.certificate.residual < 1e-12


def test_the_supply_cap_can_be_what_binds():
    found = solve(Game([100, 90], [0, 0], 10, 3, 1, supply_cap=5), "simultaneous", coupled=True)
    assert found.supply == 5
    assert found.total_demand == close(5)
    assert found.certificate.residual < 1e-12


def test_a_budget_that_binds():
    # One demander, cost 10 idle supply: v = B/q and q = a v, so q^2 = a B.
    game = Game([100], [0], 50, 4, 1, budget=[25])
    found = solve(game, "simultaneous")
    assert found.price == close(10)
    assert found.demand.tolist() == [pytest.approx(2.5, rel=1e-12)]
    assert found.supply == 0
    assert found.certificate.max_unilateral_gain < 1e-9
    assert found.certificate.residual < 1e-12
    assert found.certificate.deviations[0].endswith("within its budget")


def test_budgets_caps_and_a_supply_cap_together():
    game = Game(
        [100, 200, 200, 200],
        [45, 45, 15, 100],
        10,
        0.8,
        0.2,
        cap=[inf, inf, 30, inf],
        supply_cap=300,
        budget=[inf, 2000, inf, 0],
    )
    found = solve(game, "simultaneous")
    assert found.demand[1] * found.price == close(2000)
    assert found.demand[2] == 30
    assert found.demand[3] == 0
    assert found.certificate.max_unilateral_gain < 1e-8
    assert found.certificate.residual < 1e-12


def test_budgets_that_do_not_bind_change_nothing():
    market = ([100, 200, 200], [45, 45, 15], 10, 0.8, 0.2)
    found = solve(Game(*market, budget=[0, 1e5, inf]), "simultaneous")
    assert found.price == close(87.5)
    assert solve(Game([1], [5], 1, 1, 1, budget=[3]), "simultaneous").price == 0


def test_an_overspent_budget_shows_as_residual():
    game = Game([100, 200, 200], [45, 45, 15], 10, 0.8, 0.2, budget=[inf, 2000, inf])
    free = solve(Game([100, 200, 200], [45, 45, 15], 10, 0.8, 0.2), "simultaneous")
    assert verify(game, free).residual > 0.1
    less = solve(game, "simultaneous")
    short = verify(game, replace(less, demand=less.demand * np.array([1, 0.9, 1])))
    assert short.gains[1] > 1


def test_what_is_not_offered_together_is_refused():
    game = Game([100], [0], 10, 1, 1)
    broke = Game([100], [0], 10, 2, 1, budget=[5])
    with pytest.raises(Unsupported, match="the coupling S <= w is offered under simultaneous, not"):
        solve(game, "demanders-lead", coupled=True)
    with pytest.raises(Unsupported, match="a budget is offered under simultaneous, not under bal"):
        solve(broke, "balanced")
    with pytest.raises(Unsupported, match="without budgets; leave one of them out"):
        solve(broke, "simultaneous", coupled=True)
