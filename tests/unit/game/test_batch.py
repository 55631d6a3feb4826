"""Many games at once must give what each gives alone."""

from dataclasses import replace
from math import inf, nan

import numpy as np
import pytest

from fabmarket.game import Game, InvalidGame, solve, verify
from fabmarket.game.batch import Batch

SHAPES = [(1, 1), (3, 5), (70, 16), (65, 7)]
BOUNDS = ["none", "caps", "supply cap", "both"]


def batch(shape, bounds, *, coarse=False):
    rng = np.random.default_rng(sum(shape))
    games = shape[0]
    benefit, cost = rng.uniform(0, 60, shape), rng.uniform(0, 80, shape)
    if coarse:
        benefit, cost = benefit.round(-1), cost.round(-1)
    cap = rng.choice([0, inf, 5, 10.0], shape) if bounds in {"caps", "both"} else None
    most = rng.choice([0, inf, 20.0], games) if bounds in {"supply cap", "both"} else inf
    start, a, b = rng.uniform(0, 30, games), rng.uniform(0.5, 2, games), rng.uniform(0.2, 1, games)
    return Batch(benefit, cost, start.round(-1), a, b, cap=cap, supply_cap=most)


def one_of(games, at):
    numbers = games.supplier_cost[at], games.a[at], games.b[at]
    cap = None if games.cap is None else games.cap[at]
    bounds = {"cap": cap, "supply_cap": games.supply_cap[at]}
    return Game(games.benefit[at], games.cost[at], *numbers, **bounds)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("coarse", [False, True])
def test_every_game_is_solved_as_if_alone(shape, bounds, coarse):
    games = batch(shape, bounds, coarse=coarse)
    price = games.prices()
    demand, supply = games.quantities(price)
    for index in range(shape[0]):
        alone = solve(one_of(games, index), "simultaneous")
        assert price[index] == pytest.approx(alone.price, rel=1e-12, abs=1e-12)
        assert demand[index] == pytest.approx(alone.demand, rel=1e-9, abs=1e-9)
        assert supply[index] == pytest.approx(alone.supply, rel=1e-9, abs=1e-9)


def test_caps_far_below_the_margins_cost_no_accuracy():
    # u is not taken from the difference of the two kinks, which would cancel.
    rng = np.random.default_rng(7)
    cap = rng.uniform(0, 1e-9, (70, 16))
    games = Batch(rng.uniform(50, 250, (70, 16)), rng.uniform(0, 40, (70, 16)), 10, 2, 1, cap=cap)
    assert games.prices() == pytest.approx(2 * cap.sum(axis=1), rel=1e-14)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"benefit": [1.0, 2.0]}, r"benefit has shape \(2,\); give a row for each game"),
        ({"benefit": [["x", 1.0]]}, "benefit is not a list of numbers"),
        ({"benefit": [[1.0, nan], [1.0, 2.0]]}, r"benefit\[0, 1\] is nan; give a finite number >="),
        ({"cost": [[1.0, 1.0, 1.0]]}, r"cost has shape \(1, 3\); give \(2, 2\)"),
        ({"cost": [[1.0, 1.0], [-1.0, 1.0]]}, r"cost\[1, 0\] is -1.0"),
        ({"supplier_cost": [1.0, inf]}, r"supplier_cost\[1\] is inf"),
        ({"a": [1.0, 0.0]}, r"a\[1\] is 0.0; give a finite number > 0"),
        ({"cap": [[1.0, inf], [nan, 1.0]]}, r"cap\[1, 0\] is nan; give a number >= 0"),
    ],
)
def test_invalid_numbers_are_refused_by_name_and_place(change, message):
    sound = {
        "benefit": [[5.0, 6.0], [7.0, 8.0]],
        "cost": [[1.0, 2.0]],
        "supplier_cost": 1,
        "a": 1,
        "b": 1,
    }
    with pytest.raises(InvalidGame, match=message):
        Batch(**{**sound, **change})


def test_a_batch_cannot_be_written():
    games = batch((3, 5), "none")
    with pytest.raises(ValueError, match="read-only"):
        games.benefit[0, 0] = 1.0


@pytest.mark.parametrize(
    ("price", "message"),
    [
        ([1.0, 2.0], r"price has shape \(2,\); give \(3,\)"),
        ([1.0, -1.0, 2.0], r"price\[1\] is -1.0"),
        ([1.0, 1.0, nan], r"price\[2\] is nan"),
    ],
)
def test_no_quantities_at_prices_that_are_none(price, message):
    with pytest.raises(InvalidGame, match=message):
        batch((3, 5), "none").quantities(price)


def test_one_price_for_all_games():
    games = batch((3, 5), "none")
    demand, supply = games.quantities(2.5)
    again, same = games.quantities([2.5] * 3)
    assert np.array_equal(demand, again)
    assert np.array_equal(supply, same)


def test_a_batch_is_certified_as_each_of_its_games_would_be():
    rng = np.random.default_rng(7)
    cap = rng.uniform(0, 60, (40, 5))
    for caps, most in ((None, inf), (cap, rng.uniform(1, 300, 40))):
        games = Batch(
            rng.uniform(0, 200, (40, 5)), rng.uniform(0, 50, (40, 5)), 10, 0.8, 0.2, cap=caps,
            supply_cap=most,
        )  # fmt: skip
        price = games.prices()
        right = games.quantities(price)
        wrong = tuple(part * rng.uniform(0.5, 1, part.shape) for part in right)
        for demand, supply in (right, wrong):
            found = games.certify(price, demand, supply)
            for at in range(40):
                game = one_of(games, at)
                stated = replace(
                    solve(game, "simultaneous"),
                    price=float(price[at]), demand=demand[at], supply=float(supply[at]),
                )  # fmt: skip
                single = verify(game, stated)
                for name in ("max_unilateral_gain", "relative_gain", "residual"):
                    numbers = getattr(found, name)[at], getattr(single, name)
                    assert numbers[0] == pytest.approx(numbers[1], rel=1e-9, abs=1e-12)
                assert found.holds[at] == single.holds
        assert games.certify(price, *right).holds.all()
        assert not games.certify(price, *wrong).holds.any()


def test_a_batch_in_which_nobody_trades_holds():
    games = Batch([[1, 2]], [[3, 3]], 10, 0.8, 0.2)
    assert games.certify(games.prices(), *games.quantities(games.prices())).holds.tolist() == [True]
