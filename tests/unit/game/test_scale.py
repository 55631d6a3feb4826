"""Numbers of any size: capacity that binds is sold whole; nothing uncertified is an answer."""

from dataclasses import replace
from fractions import Fraction
from math import inf

import numpy as np
import pytest

from fabmarket.game import (
    Game,
    InvalidGame,
    NoEquilibrium,
    NotCertified,
    equilibrium,
    solve,
    verify,
)
from fabmarket.game.batch import Batch
from fabmarket.game.closed_forms.precise import filling
from fabmarket.game.dynamics import start_at
from fabmarket.game.lots import solve_lots
from fabmarket.game.model import LEAST, MOST
from fabmarket.game.suppliers import SupplierGame, solve_suppliers
from tests.oracles.exact import ExactGame, solve_exact

CONCEPTS = ("simultaneous", "demanders-lead", "supplier-anticipates", "balanced")


def test_a_small_capacity_against_a_large_margin_is_sold_to_the_last_digit():
    game = Game([350_000], [0], 100_000, 0.0008, 0.0002, supply_cap=40)
    found = solve(game, "balanced")
    assert found.supply == found.total_demand == found.demand[0] == 40
    assert found.price == 350_000 - 0.0006 * 40
    assert found.certificate.max_unilateral_gain == 0
    assert found.certificate.residual < 1e-15


@pytest.mark.parametrize("compiled", [False, None])
def test_supply_never_exceeds_capacity_where_margins_are_huge_against_the_slope(compiled):
    for most in range(1, 401):
        game = Game([1e9, 1e9 + 1, 3], [0, 0, 0], 5, 0.002, 0.001, supply_cap=most)
        found = solve(game, "balanced", compiled=compiled)
        assert found.supply == found.total_demand == most


def drawn(seed, most, decades=12):
    """A game whose margins, costs, weights and caps span so many decades, and the same exactly."""
    rng = np.random.default_rng([seed, most])

    def number(size=None):
        return 10 ** rng.uniform(-decades / 2, decades / 2, size)

    m = int(rng.integers(1, 7))
    margin = number(m)
    if rng.random() < 0.3:  # nearly equal ones
        margin = margin[0] * (1 + rng.integers(0, 3, m) * 10.0 ** -rng.integers(3, 14))
    a = number()
    b = a * rng.random() if rng.random() < 0.5 else number()
    start = number() * (rng.random() < 0.8)
    cap = np.where(rng.random(m) < 0.3, inf, number(m)) if rng.random() < 0.5 else None
    return {
        "benefit": margin.tolist(),
        "cost": [0] * m,
        "supplier_cost": start,
        "a": a,
        "b": b,
        "cap": None if cap is None else cap.tolist(),
        "supply_cap": float(most),
    }


@pytest.mark.parametrize(("seed", "decades"), [(0, 12), (1, 12), (2, 30)])
def test_every_capacity_from_1_to_400_certifies_over_many_decades(seed, decades):
    bound = 0
    for most in range(1, 401):
        data = drawn(seed, most, decades)
        for concept in ("simultaneous", "coupled", "supplier-anticipates", "balanced"):
            name, coupled = ("simultaneous", True) if concept == "coupled" else (concept, False)
            try:
                found = solve(Game(**data), name, coupled=coupled)  # certified, or it would raise
            except NoEquilibrium:
                continue
            exact = solve_exact(ExactGame(**data), name, coupled=coupled)
            if name != "supplier-anticipates":  # where two supplies may earn nearly the same
                demand = np.array([float(v) for v in exact.demand])
                assert np.abs(found.demand - demand).max() <= 1e-9 * demand.max()
            if concept in ("balanced", "coupled") and exact.total_demand == most:
                assert found.supply == found.total_demand == float(found.demand.sum()) == most
                bound += 1
            above = exact.price - Fraction(data["supplier_cost"])
            if concept == "simultaneous" and above > Fraction(data["b"]) * most * (1 + 1e-9):
                assert found.supply == most
        free = {**data, "cap": None, "supply_cap": inf}
        for concept in ("demanders-lead", "simultaneous"):
            try:
                solve(Game(**free), concept)
            except NoEquilibrium:
                assert concept == "demanders-lead"
    assert bound > 50


@pytest.mark.parametrize("seed", range(50))
def test_many_demanders_fill_capacity_exactly_too(seed):
    rng = np.random.default_rng(seed)
    m = int(rng.integers(100, 3000))
    cap = rng.uniform(0, 2, m) if seed % 2 else None
    game = Game(1e6 + rng.uniform(0, 1, m), np.zeros(m), 3, 0.02, 0.01, cap=cap, supply_cap=m / 7)
    found = solve(game, "balanced")
    assert found.supply == found.total_demand == m / 7


def test_a_sum_that_rounding_makes_leap_over_capacity_is_met_by_other_digits():
    rng = np.random.default_rng(5)
    for _ in range(2000):
        m = int(rng.integers(1, 9))
        most = float(rng.integers(1, 400))
        demand = rng.uniform(0, 1, m)
        demand *= most / demand.sum()
        game = Game(np.ones(m), np.zeros(m), 1, 1, 1, supply_cap=most)
        assert float(filling(demand, game).sum()) == most


def test_regression_games_of_one_decimal_whose_capacity_binds_are_certified():
    """The last digit went to one who buys nothing, and weighed more than its whole stake."""
    rng = np.random.default_rng(9)
    bound = 0
    for _ in range(1500):
        m = int(rng.integers(1, 7))
        benefit, cap = rng.uniform(0, 100, m).round(1), rng.uniform(0, 30, m).round(1)
        most = round(float(rng.uniform(0.1, 60)), 1)
        game = Game(benefit, np.zeros(m), 2.7, 0.8, 0.5, cap=cap, supply_cap=most)
        for concept, coupled in (("balanced", False), ("simultaneous", True)):
            try:
                found = solve(game, concept, coupled=coupled)
            except NoEquilibrium:
                continue
            assert (found.demand[game.margin < found.price + found.multiplier - 1e-9] == 0).all()
            beside = ((found.demand > 0) & (found.demand < cap - 1e-9)).any()
            if abs(found.total_demand - most) < 1e-9 and beside:
                assert found.total_demand == most == found.supply
                bound += 1
    assert bound > 500


@pytest.mark.parametrize("cap", [0, 1e-8, 1e-6, 1e-3, 1.0])
def test_regression_suppliers_whom_hardly_anything_is_asked_for_supply_nothing(cap):
    """What they would offer at the highest margin hid the digits of a price next to nothing."""
    game = SupplierGame([228.89], [0], [62.3, 83.0, 89.1], 0.8, 2.480820688249544, cap=[cap])
    found = solve_suppliers(game, "simultaneous")
    assert (found.price, found.supply.tolist()) == (0.8 * cap, [0, 0, 0])
    assert found.certificate.holds


@pytest.mark.parametrize("other", [16.4, 17, 25, 30, 40, 50, 60, 400])
@pytest.mark.parametrize("concept", ["supplier-anticipates", "simultaneous"])
def test_regression_a_supplier_too_dear_to_sell_changes_nothing(other, concept):
    alone = solve(Game([50, 33], [0, 0], 5, 1, 0.5), concept)
    found = solve_suppliers(SupplierGame([50, 33], [0, 0], [5, other], 1, 0.5), concept)
    if other > alone.price:
        assert found.price == pytest.approx(alone.price, rel=1e-12)
        assert found.supply.tolist() == pytest.approx([alone.supply, 0], rel=1e-12)


def test_demands_that_are_not_next_to_capacity_or_have_no_room_stay():
    game = Game([1, 1], [0, 0], 1, 1, 1, cap=[1, 2], supply_cap=np.nextafter(3, 4))
    for demand in ([1.0, 1.0], [1.0, 2.0]):
        assert filling(np.array(demand), game).tolist() == demand


def test_whole_lots_fill_a_capacity_that_is_a_whole_number_of_them():
    game = Game([1e6], [0], 0, 1, 1e-3, cap=[0.7], supply_cap=0.3)
    found = solve_lots(game, 0.1)
    assert found.supply == 0.3
    assert found.demand.tolist() == [0.7]
    assert found.certificate.holds
    for most in range(1, 401):
        scarce = Game([350_000, 9], [0, 0], 1, 0.0008, 0.0002, supply_cap=most / 10)
        assert solve_lots(scarce, 0.1).supply == most / 10


def test_several_suppliers_deliver_their_capacities_exactly_where_they_bind():
    for most in range(1, 401):
        game = SupplierGame([350_000], [0], [1e5, 1e-3], 8e-4, 2e-4, supply_cap=[most, most / 7])
        assert solve_suppliers(game, "simultaneous").supply.tolist() == [most, most / 7]


def test_a_premium_is_known_only_to_the_last_digit_of_the_price():
    game = Game([1e9, 1e9], [0, 0], 0, 2e-12, 1e-12, supply_cap=3)
    found = solve(game, "balanced")
    assert found.demand.tolist() == [1.5, 1.5]
    assert found.certificate.relative_gain == 0
    uneven = verify(game, replace(found, demand=np.array([2.0, 1.0])))
    assert uneven.gains[1] > 0  # half of what the other gets
    cheap = verify(game, replace(found, price=found.price * 0.9))
    assert not cheap.holds
    nobody = Game([5, 4], [0, 0], 0, 2, 1, cap=[1, 1], supply_cap=1)
    assert solve(nobody, "balanced").demand.tolist() == [1, 0]


def test_what_is_not_certified_is_an_error_and_never_an_answer(monkeypatch):
    game = Game([100, 200, 200], [45, 45, 15], 10, 0.8, 0.2)

    def wrong(*_):
        outcome = found(game, None)
        return outcome._replace(demand=outcome.demand * 1.01)

    found = equilibrium._FORMS["simultaneous"]
    monkeypatch.setitem(equilibrium._FORMS, "simultaneous", wrong)
    with pytest.raises(NotCertified, match=r"no equilibrium was certified: under simultaneous .*"):
        solve(game, "simultaneous")
    assert solve(game, "paper-literal").certificate.relative_gain > 1e-9  # exempt, its note says it


@pytest.mark.parametrize("field", ["benefit", "cost", "cap", "budget"])
@pytest.mark.parametrize("value", [1e160, 5e-324, 1e76, 9e-76])
def test_numbers_whose_results_would_overflow_or_vanish_are_refused_by_name(field, value):
    data = {"benefit": [5.0, 6.0], "cost": [1.0, 2.0], "supplier_cost": 1, "a": 1, "b": 1}
    with pytest.raises(InvalidGame, match=rf"^{field}\[1\] is .*; give a number between 1e-75 and"):
        Game(**{**data, field: [1.0, value]})
    if field != "budget":
        with pytest.raises(InvalidGame, match=rf"^{field}\[0, 1\] is .*; give a number between"):
            Batch(**{**data, "benefit": [[5.0, 6.0]], field: [[1.0, value]]})
    for name in ("supplier_cost", "a", "b", "supply_cap"):
        with pytest.raises(InvalidGame, match=rf"^{name} is .*; give a number between 1e-75 and"):
            Game(**{**data, name: value})


@pytest.mark.filterwarnings("error")
def test_numbers_at_the_ends_of_the_range_give_finite_answers():
    rng = np.random.default_rng(3)
    ends = [LEAST, 1e-70, 1.0, 1e70, MOST]
    for _ in range(400):
        m = int(rng.integers(1, 4))
        a, b, start, most = rng.choice(ends, 4)
        game = Game(
            rng.choice(ends, m),
            rng.choice([0, *ends], m),
            start,
            a,
            b,
            cap=rng.choice([*ends, inf], m) if rng.random() < 0.5 else None,
            supply_cap=rng.choice([most, inf]),
        )
        for concept in CONCEPTS:
            if concept == "demanders-lead" and (game.capped or game.supply_cap < inf):
                continue
            try:
                found = solve(game, concept)
            except (NoEquilibrium, NotCertified):
                continue
            numbers = [found.price, found.supply, found.supplier_profit, found.unfunded]
            assert np.isfinite([*numbers, *found.demand, *found.demander_profit]).all()


def test_a_start_whose_profits_overflow_is_refused():
    game = Game([100], [45], 10, 0.8, 0.2)
    with pytest.raises(InvalidGame, match="beyond float64; start with less"):
        start_at(game, 1e200, 0)
