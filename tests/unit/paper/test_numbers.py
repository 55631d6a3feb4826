"""What the reproduction computes, against the values worked out by hand and by other methods."""

import numpy as np
import pytest

from fabmarket.game import Game, solve
from fabmarket.market.messages import Quote, Reply
from fabmarket.paper.claim import change, listed
from fabmarket.paper.effort import balance, exchanges, loads, signed_bytes
from fabmarket.paper.fairness import envious, jain
from fabmarket.paper.printed import TABLE_2, market
from fabmarket.paper.theory import supplier_curve
from fabmarket.report.wording import percent, places, power

COUNTS = {
    "Gauss–Seidel best response": [5, 7, 13, 20],
    "MRDs at once, then MRS": [4, 8, 18, 28],
    "all at once (Jacobi)": [None] * 4,
    "relaxed": [9, 15, 32, 49],
    "gradient": [9, 15, 32, 49],
    "extragradient": [31, 44, 84, 124],
    "Nesterov": [9, 14, 26, 39],
    "price tâtonnement, step 0.1": [10, 15, 28, 42],
    "price tâtonnement, step 0.05": [23, 33, 64, 95],
    "Anderson on Gauss–Seidel": [4, 4, 4, 4],
    "Newton on the aggregate price": [3, 3, 3, 3],
}


def test_iterations_of_every_dynamic(numbers):
    found = numbers["convergence"]["dynamics"]
    assert {one["name"]: list(one["rounds_to"].values()) for one in found} == COUNTS


def test_every_pair_of_counts_can_be_had(numbers):
    pairs = numbers["convergence"]["any_pair"]
    assert pairs["missing"] == {"1e-2": [], "1e-3": [], "1e-6": []}
    for level, steps in pairs["step_for"].items():
        for count, step in steps.items():
            at = pairs["steps"].index(step)
            assert pairs["rounds"][level][at] == int(count)
    tolerances = pairs["same_play"]["tolerance_for"]
    assert tolerances["15"] > tolerances["35"] > 0


def test_balances_and_what_nobody_pays(numbers):
    concepts = numbers["effort"]["concepts"]
    rounded = {name: (round(c["balance"]), round(c["unfunded"])) for name, c in concepts.items()}
    assert rounded == {
        "simultaneous": (53, 15859),
        "demanders-lead": (52, 28750),
        "supplier-anticipates": (35, 31090),
        "balanced": (100, 0),
    }


def test_balance_takes_either_side_and_nothing_at_all():
    assert balance(50, 200) == balance(200, 50) == 25
    assert balance(0, 0) == 100
    assert balance(0, 5) == 0


def test_loads_are_the_messages_the_market_signs():
    assert signed_bytes(Reply) == 6 * 32 + 65
    assert signed_bytes(Quote) == 10 * 32 + 65
    assert exchanges("gauss-seidel") == (3, 1)
    assert exchanges("extragradient") == (2, 2)
    assert exchanges("nesterov") == (1, 1)
    assert loads("nesterov", 2) == [2 * (385 + 257)] * 3 + [2 * (385 + 3 * 257)]
    assert loads("gauss-seidel", 1) == [3 * 385 + 257] * 3 + [3 * 385 + 3 * 257]


def test_which_dynamic_is_lightest_depends_on_the_error(numbers):
    loads_of = {one["dynamic"]: one["load_to"] for one in numbers["effort"]["dynamics"]}
    one, other = loads_of["jacobi-then-supplier"], loads_of["anderson"]
    assert one["1e-3"][0] < other["1e-3"][0]
    assert one["1e-6"][0] > other["1e-6"][0]


def test_costs_end_where_their_path_ends(numbers):
    for one in numbers["effort"]["dynamics"]:
        path = one["cost_path"]
        assert path[0] == 0
        assert path[one["iterations"]] == pytest.approx(sum(one["cost"]))


def test_table_2_is_printed_beside_ours(numbers):
    both = numbers["effort"]["table_2"]
    assert both["printed"] == {row: list(values) for row, values in TABLE_2.items()}
    assert both["ours"]["Converge speed"] == [1, 7, 6, 6]
    assert len(set(both["ours"]["Load overhead"][:3])) == 1
    assert both["ours"]["Supply demand balance"] == pytest.approx([53.2] * 4, abs=0.1)
    assert both["nearest_speed"]["apart"] > 20
    assert min(both["balance_apart"].values()) == pytest.approx(82 - 5320 / 100, abs=0.1)


def test_the_raise_of_mrd3(numbers):
    raised = numbers["perturbation"]
    assert [step["price"] for step in raised["steps"][:2]] == pytest.approx([107, 97.25])
    first, second = (step["changes"] for step in raised["steps"][:2])
    assert first[0] is None
    assert first[1:] == pytest.approx([-28.9, -4.0, 25.2], abs=0.05)
    assert second[1:] == pytest.approx([-14.4, 8.0, 26.7], abs=0.05)
    assert list(raised["rounds_to"].values()) == [5, 7, 13, 20]


def test_equation_19_reaches_a_local_maximum_only(numbers):
    theory = numbers["theory"]
    literal, best = theory["paper_literal"], theory["supplier_anticipates"]
    assert literal["supply"] == 887.5
    assert literal["demand"] == pytest.approx([0.78125, 125.78125, 163.28125])
    assert literal["price"] == 54.375
    assert literal["profits"][-1] == 39382.8125
    assert best["profits"][-1] == pytest.approx(40041 + 2 / 3)
    near = supplier_curve(market(), [880.0, 887.5, 895.0])
    assert near[1] == pytest.approx(39382.8125)
    assert near[1] > max(near[0], near[2])
    curve = theory["supplier_curve"]
    assert max(curve["profit"]) == pytest.approx(best["profits"][-1])


def test_the_supplier_curve_is_the_profit_at_the_demanders_own_equilibrium():
    game = market()
    # With W binding, the simultaneous equilibrium is the demanders' play against w = W.
    for supply in (1.0, 50.0, 100.0, 250.0):
        bounded = Game(game.benefit, game.cost, 10, 0.8, 0.2, supply_cap=supply)
        found = solve(bounded, "simultaneous")
        assert found.supply == supply
        assert supplier_curve(game, [supply])[0] == pytest.approx(found.supplier_profit)


def test_equation_15_is_a_line_and_11_a_parabola(numbers):
    for one in numbers["theory"]["eq_15"]:
        assert one["curvature_15"] == 0
        assert one["curvature_11"] == pytest.approx(-1.6)
        assert one["slope_15"] > 0
    assert numbers["theory"]["eq_15"][1]["eq_11"] == 5695.3125
    assert numbers["theory"]["eq_15"][1]["eq_15"] == pytest.approx(200 * 84.375 - 132.5)
    assert numbers["theory"]["eq_19_is_the_best_reply"]


def test_leaders_may_have_no_equilibrium(numbers):
    assert "no equilibrium" in numbers["theory"]["no_leader_equilibrium"]["reason"]


def test_fairness_measures(numbers):
    fair = numbers["fairness"]
    assert fair["equals_treated_equally"]
    for concept in fair["concepts"].values():
        assert concept["envious"] == [[1, 2]]
        assert min(concept["shares"]) >= 0
        assert sum(concept["shares"]) == pytest.approx(100)
        assert 1 / 3 < concept["jain_quantities"] < 1
    own = fair["concepts"]["simultaneous"]
    assert own["jain_quantities"] == pytest.approx(206.25**2 / (3 * (84.375**2 + 121.875**2)))
    assert own["envy"][1][2] == pytest.approx(67.5 * (121.875 - 84.375))


def test_nobody_envies_among_equals():
    game = Game([200, 200], [45, 45], 10, 0.8, 0.2)
    assert envious(game, solve(game, "simultaneous")) == []


def test_jains_index_at_its_ends():
    assert jain(np.array([3.0, 3.0, 3.0])) == 1
    assert jain(np.array([0.0, 5.0, 0.0])) == pytest.approx(1 / 3)
    assert jain(np.zeros(3)) == 1


def test_numbers_in_words():
    assert places(1234567.891) == "1,234,567.89"
    assert places(100) == "100"
    assert places(-0.001) == "0"
    assert places(-2.5) == "−2.5"
    assert percent(-28.88) == change(-28.88) == "−28.9 %"
    assert percent(-0.01) == "0.0 %"
    assert change(None) == "–"
    assert power(1e-9) == "1e-9"
    assert listed([1, 2.5]) == "(1, 2.5)"
