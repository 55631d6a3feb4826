"""Whole lots: an equilibrium among them, found by the stated rule."""

from dataclasses import replace
from math import inf, nan

import numpy as np
import pytest

from fabmarket.game import Game, InvalidGame, Unsupported
from fabmarket.game.lots import solve_lots, verify_lots
from fabmarket.game.model import Outcome

PAPER = Game([100, 200, 200], [45, 45, 15], 10, 0.8, 0.2)


def test_the_papers_market_in_whole_units():
    found = solve_lots(PAPER)
    assert found.demand.tolist() == [0, 84, 122]
    assert found.supply == 387
    assert found.price == pytest.approx(87.4, rel=1e-12)  # .8 * 206 - .2 * 387
    assert found.certificate.max_unilateral_gain == 0
    assert found.certificate.residual < 1e-12
    assert found.note == "whole lots of 1.0"


def test_bounds_are_rounded_down_to_lots():
    game = Game([100, 200, 200], [45, 45, 15], 10, 0.8, 0.2, cap=[inf, 59, 45], supply_cap=99)
    found = solve_lots(game, 10)
    assert found.demand.tolist() == [0, 50, 40]
    assert found.supply == 90
    assert found.certificate.max_unilateral_gain == 0


def test_of_two_equally_good_quantities_the_smaller_is_taken():
    # Alone with profit n (3 - n): 1 and 2 lots are worth 2 each.
    found = solve_lots(Game([3], [0], 100, 1, 1))
    assert found.demand.tolist() == [1]
    assert found.demander_profit.tolist() == [2]
    assert verify_lots(Game([3], [0], 100, 1, 1), 1.0, found).max_unilateral_gain == 0


def test_among_equals_the_earlier_moves_first():
    # From (3.33.., 3.33..) both are rounded to 3, where each could only gain by a fourth together.
    found = solve_lots(Game([10, 10, 10], [0, 0, 0], 100, 1, 1))
    assert found.demand.tolist() == [3, 2, 2]
    assert found.certificate.max_unilateral_gain == 0


def test_what_is_wrong_shows_in_the_certificate():
    found = solve_lots(PAPER)
    assert verify_lots(PAPER, 1, replace(found, supply=380.0)).gains[3] > 1
    assert verify_lots(PAPER, 1, replace(found, demand=np.array([0, 90.0, 122]))).gains[1] > 1
    assert verify_lots(PAPER, 1, replace(found, demand=np.array([0, 84.5, 122]))).residual > 1e-3
    assert verify_lots(PAPER, 1, replace(found, price=88.0)).residual > 1e-3


@pytest.mark.parametrize("lot", [0, -1, inf, nan])
def test_a_lot_is_a_positive_number(lot):
    with pytest.raises(InvalidGame, match=r"lot is .*; give a finite number > 0"):
        solve_lots(PAPER, lot)


def test_budgets_are_not_offered():
    with pytest.raises(Unsupported, match="without budgets"):
        solve_lots(Game([5], [0], 1, 1, 1, budget=[3]))


@pytest.mark.parametrize("lot", [0, -1, nan, inf])
def test_no_answer_is_verified_in_lots_that_are_no_positive_number(lot):
    with pytest.raises(InvalidGame, match=r"lot is .*; give a finite number > 0"):
        verify_lots(PAPER, lot, solve_lots(PAPER))


@pytest.mark.parametrize(
    ("demand", "supply", "words"),
    [([1.0], 2.0, "1 demands for 2 demanders"), ([1.0, 2.0], nan, "not finite")],
)
def test_quantities_that_do_not_fit_are_not_verified(demand, supply, words):
    game = Game([10, 20], [0, 0], 1, 1, 1)
    with pytest.raises(InvalidGame, match=words):
        verify_lots(game, 1, Outcome(1.0, np.array(demand), supply))


def test_quantities_are_floats_whatever_the_lot_is():
    found = solve_lots(Game([10, 20], [0, 0], 1, 1, 1), 2)
    assert isinstance(found.supply, float)
    assert found.demand.dtype == np.float64
