"""One demander changes: the price must be what a full solve finds, however many changes before."""

from fractions import Fraction
from itertools import pairwise
from math import inf, nan

import numpy as np
import pytest

from fabmarket.game import Game, InvalidGame, NoEquilibrium, Unsupported, shelves, solve
from fabmarket.game.exact import ExactGame, solve_exact
from fabmarket.game.online import Online


def game(m, *, capped=False, supply_cap=inf, coarse=False, seed=0):
    rng = np.random.default_rng(seed)
    benefit, cost = rng.uniform(0, 100, m), rng.uniform(0, 20, m)
    if coarse:
        benefit, cost = (benefit / 5).round() * 5, (cost / 5).round() * 5
    cap = rng.uniform(0, 300 / m, m) if capped else None
    return Game(benefit, cost, 10, 0.8, 0.2, cap=cap, supply_cap=supply_cap)


@pytest.mark.parametrize("concept", ["simultaneous", "balanced"])
@pytest.mark.parametrize("capped", [False, True])
@pytest.mark.parametrize("supply_cap", [inf, 30.0])
@pytest.mark.parametrize("coarse", [False, True])
@pytest.mark.parametrize("m", [1, 5, 900])
def test_the_price_follows_every_change(m, coarse, supply_cap, capped, concept):
    first = game(m, capped=capped, supply_cap=supply_cap, coarse=coarse)
    market, rng = Online(first, concept), np.random.default_rng(m)
    assert market.price == pytest.approx(solve(first, concept).price, rel=1e-12)
    for _ in range(25):
        change = {"benefit": float(rng.integers(0, 150)), "cost": float(rng.integers(0, 20))}
        if capped:
            change["cap"] = float(rng.choice([0, inf, 1, 0.1]))
        price = market.change(int(rng.integers(m)), **change)
        assert price == market.price
        full = solve(market.game(), concept)
        assert price == pytest.approx(full.price, rel=1e-11)
        assert full.certificate.residual < 1e-10


def test_the_paper_changed_and_changed_back():
    market = Online(Game([100, 200, 200], [45, 45, 15], 10, 0.8, 0.2))
    assert market.price == 87.5
    assert market.change(2, benefit=100) == 62.5  # max of 165/3, 250/4, 305/5
    assert market.change(2, benefit=200) == 87.5
    assert market.change(1, cost=200) == pytest.approx(65)  # (185 + 10)/3
    assert market.game().cost.tolist() == [45, 200, 15]


def test_ten_thousand_changes_leave_no_drift():
    rng = np.random.default_rng(3)
    market = Online(game(40, seed=3))
    for _ in range(10_000):
        market.change(int(rng.integers(40)), benefit=float(10 ** rng.uniform(-6, 9)))
    now = market.game()
    for j in range(40):
        market.change(j, benefit=float(rng.integers(0, 100)))
    now = market.game()
    exact = ExactGame(now.benefit.tolist(), now.cost.tolist(), 10, 0.8, 0.2)
    expected = solve_exact(exact, "simultaneous").price
    assert abs(Fraction(market.price) - expected) <= Fraction(1, 10**14) * expected


def test_shelves_split_and_are_laid_anew_when_rows_run_out():
    m = shelves.SHELF + 50
    market = Online(game(m))
    rows = market._used.item()
    used = []
    for move in range(12):
        for j in range(m):
            market.change(j, benefit=100.0 * move + 1e-3 * j, cost=0.0)
        used.append(market._used.item())
        full = solve(market.game(), "simultaneous")
        assert market.price == pytest.approx(full.price, rel=1e-12)
    assert max(used) > rows
    assert any(later < earlier for earlier, later in pairwise(used))


def test_a_change_that_is_refused_changes_nothing():
    market = Online(Game([100, 200, 200], [45, 45, 15], 10, 0.8, 0.2))
    for change in ({"benefit": nan}, {"cost": -1}, {"cap": nan}, {"benefit": inf}):
        with pytest.raises(InvalidGame, match="demander 1 would have"):
            market.change(1, **change)
    for index in (3, -1):
        with pytest.raises(InvalidGame, match=f"there is no demander {index}; give 0 to 2"):
            market.change(index, benefit=1.0)
    assert market.price == 87.5
    assert market.change(0) == 87.5


def test_what_is_not_offered():
    with pytest.raises(Unsupported, match="not under demanders-lead"):
        Online(game(3), "demanders-lead")
    with pytest.raises(Unsupported, match="without budgets"):
        Online(Game([5], [1], 1, 1, 1, budget=[3]))
    with pytest.raises(NoEquilibrium, match="balanced needs a > b"):
        Online(Game([5], [1], 1, 1, 2), "balanced")
