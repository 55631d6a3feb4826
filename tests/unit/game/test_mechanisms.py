"""VCG and uniform price against brute force; what lies earn, played out."""

from fractions import Fraction
from functools import partial
from itertools import combinations
from math import inf

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fabmarket.game import Game, InvalidGame, NoEquilibrium, Unsupported, solve
from fabmarket.game.mechanisms import (
    MECHANISMS,
    RULES,
    Unbounded,
    best_lie,
    clear,
    compare,
)

vcg, uniform_price = (partial(clear, mechanism=name) for name in MECHANISMS)


def paper(**bounds):
    return Game([100, 200, 200], [45, 45, 15], 10, 0.8, 0.2, **bounds)


def tight(**changes):
    """Margins 55, 155, 185 with 150 units to share: the first one gets the last 30."""
    return paper(**{"cap": [100, 60, 60], "supply_cap": 150, **changes})


def reporting(game, who, report):
    benefit, cost = game.benefit.copy(), game.cost.copy()
    benefit[who], cost[who] = max(report, 0), max(-report, 0)
    bounds = {"cap": game.cap, "supply_cap": game.supply_cap}
    return Game(benefit, cost, game.supplier_cost, game.a, game.b, **bounds)


def test_vcg_makes_each_pay_what_it_costs_the_others():
    found = vcg(tight())
    assert found.demand == (30, 60, 60)
    # The others would take 60 units more: 55 each; the first one only costs 10 to serve.
    assert found.payment == (300, 60 * 55, 60 * 55)
    assert found.price is None
    assert (found.supply, found.welfare) == (150, 30 * 45 + 60 * 145 + 60 * 175)


def test_a_uniform_price_is_the_margin_of_the_last_one_served_in_part():
    found = uniform_price(tight())
    assert found.demand == (30, 60, 60)
    assert found.price == 55
    assert found.payment == (30 * 55, 60 * 55, 60 * 55)
    assert (found.supply, found.welfare) == (150, 30 * 45 + 60 * 145 + 60 * 175)


@pytest.mark.parametrize("mechanism", [vcg, uniform_price])
def test_capacity_that_is_not_scarce_costs_what_it_costs_the_supplier(mechanism):
    found = mechanism(tight(supply_cap=220))
    assert found.demand == (100, 60, 60)
    assert found.payment == (1000, 600, 600)


def test_demand_that_fills_capacity_exactly_pays_the_first_margin_left_out():
    found = uniform_price(tight(supply_cap=120))
    assert (found.price, found.demand) == (55, (0, 60, 60))


def test_equal_margins_share_in_proportion_to_their_caps():
    game = Game([50, 50, 90], [0, 0, 0], 10, 1, 1, cap=[10, 30, 20], supply_cap=30)
    for mechanism in (vcg, uniform_price):
        found = mechanism(game)
        assert found.demand == (Fraction(5, 2), Fraction(15, 2), 20)
        assert sum(found.payment) == 30 * 50


def test_nobody_above_cost_means_no_trade():
    game = Game([8, 10], [0, 0], 10, 1, 1, cap=[5, 5], supply_cap=5)
    for mechanism in (vcg, uniform_price):
        found = mechanism(game)
        assert found.demand == found.payment == (0, 0)
        assert found.supply == found.welfare == 0
    assert found.price == 10


def test_numbers_are_exact():
    game = Game([0.1, 0.3], [0, 0], 0, 1, 1, cap=[0.1, 0.3], supply_cap=0.3)
    assert uniform_price(game).payment[1] == Fraction(0.3) * Fraction(0.1)
    assert vcg(game).payment[1] == Fraction(0.1) * Fraction(0.1)


@pytest.mark.parametrize("mechanism", [vcg, uniform_price])
def test_a_mechanism_needs_bounds(mechanism):
    with pytest.raises(Unbounded, match=r"mechanisms need a supply cap: .* give supply_cap"):
        mechanism(paper(cap=[1, 1, 1]))
    with pytest.raises(Unbounded, match=r"cap\[1\] is inf.* give a finite cap"):
        mechanism(paper(cap=[1, inf, 1], supply_cap=5))


@pytest.mark.parametrize("rule", RULES)
def test_budgets_are_refused(rule):
    game = Game([10, 20], [0, 0], 1, 1, 1, cap=[5, 5], supply_cap=9, budget=[inf, 30])
    with pytest.raises(Unsupported, match=r"without budgets; budget\[1\] is 30.0"):
        best_lie(game, rule, 0)
    assert "without budgets" in next(compare(game, [rule])).reason


def test_an_unknown_mechanism_is_refused():
    with pytest.raises(Unsupported, match="unknown mechanism 'first-price'; use one of"):
        clear(tight(), "first-price")


def test_one_who_can_use_nothing_does_not_raise_the_uniform_price():
    game = Game([30, 20], [0, 0], 10, 1, 1, cap=[5, 0], supply_cap=5)
    assert uniform_price(game).price == 10


small = st.integers(0, 12)
bounded_games = st.builds(
    lambda people, supplier_cost, supply_cap: Game(
        [worth for worth, _ in people],
        [0] * len(people),
        supplier_cost,
        1.5,
        0.5,
        cap=[cap for _, cap in people],
        supply_cap=supply_cap,
    ),
    st.lists(st.tuples(small, st.integers(0, 5)), min_size=1, max_size=4),
    st.integers(0, 6),
    st.integers(0, 12),
)


def most_welfare(game, without=None):
    """By trying every order in which the demanders might be served to their caps."""
    people = [j for j in range(len(game.margin)) if j != without and game.cap[j] > 0]
    best = 0.0
    # One demander at most is served in part: the others are in or out.
    for size in range(len(people) + 1):
        for chosen in combinations(people, size):
            for last in chosen or (None,):
                left, worth = game.supply_cap, 0.0
                for j in [*(j for j in chosen if j != last), *([last] if chosen else [])]:
                    units = min(game.cap[j], left)
                    worth += units * (game.margin[j] - game.supplier_cost)
                    left -= units
                best = max(best, worth)
    return best


@settings(max_examples=200)
@given(game=bounded_games)
def test_mechanisms_are_efficient_and_vcg_pays_the_externality(game):
    found, clearing = vcg(game), uniform_price(game)
    most = most_welfare(game)
    assert found.welfare == clearing.welfare == most
    assert found.demand == clearing.demand
    achieved = sum((game.margin - game.supplier_cost) * np.array(found.demand, dtype=float))
    assert achieved == pytest.approx(most)
    for j in range(len(game.margin)):
        others = most - (game.margin[j] - game.supplier_cost) * float(found.demand[j])
        expected = most_welfare(game, without=j) - others
        expected += game.supplier_cost * float(found.demand[j])
        assert float(found.payment[j]) == pytest.approx(expected, abs=1e-9)
        assert found.payment[j] <= clearing.payment[j]


@settings(max_examples=200)
@given(game=bounded_games)
def test_at_the_uniform_price_everybody_has_what_it_wants_and_no_lower_price_clears(game):
    found = uniform_price(game)
    assert found.price >= game.supplier_cost
    for margin, cap, units in zip(game.margin, game.cap, found.demand, strict=True):
        assert units == (cap if margin > found.price else 0) or (
            margin == found.price and 0 <= units <= cap
        )
    assert found.supply == sum(found.demand) <= game.supply_cap
    if found.price > game.supplier_cost:
        lower = float(found.price) - 0.25  # margins and costs are integers
        assert game.cap[game.margin > lower].sum() > game.supply_cap
        assert found.supply == game.supply_cap


def profit_of(game, rule, who, report):
    """At its true margin, what `who` earns when it reports another; None without an outcome."""
    told = reporting(game, who, report)
    if rule in MECHANISMS:
        found = clear(told, rule)
        return float(Fraction(game.margin[who]) * found.demand[who] - found.payment[who])
    try:
        found = solve(told, rule)
    except NoEquilibrium:
        return None
    return float(found.demand[who] * (game.margin[who] - found.price))


@pytest.mark.parametrize(
    ("concept", "factor"),
    [
        ("simultaneous", lambda k: (k + 2) ** 2 / (4 * (k + 1))),
        ("demanders-lead", lambda k: (k + 1) ** 2 / (4 * k)),
        ("supplier-anticipates", lambda k: (k + 1) ** 2 / (2 * k + 1)),
    ],
)
def test_the_best_lie_on_the_papers_market_gains_the_known_factor(concept, factor):
    game = paper()
    for who in (1, 2):
        lie = best_lie(game, concept, who)
        assert lie.profit / lie.honest == pytest.approx(factor(2), rel=1e-9)
        assert profit_of(game, concept, who, lie.report) == pytest.approx(lie.profit, rel=1e-9)


def test_a_third_more_on_the_papers_market_when_all_move_at_once():
    for who, report in ((1, 245), (2, 315)):
        lie = best_lie(paper(), "simultaneous", who)
        assert lie.gain == pytest.approx(lie.honest / 3, rel=1e-12)
        assert lie.report == pytest.approx(report, rel=1e-12)
    assert best_lie(paper(), "simultaneous", 0).gain == 0


def test_a_demander_nobody_serves_may_lie_the_anticipating_supplier_into_serving_it():
    lie = best_lie(paper(), "supplier-anticipates", 0)
    assert lie.honest == 0
    assert 55 < lie.report < 60
    assert lie.gain > 1
    # The price falls below its true margin because the supplier now aims at three buyers.
    assert solve(reporting(paper(), 0, lie.report), "supplier-anticipates").price < 55


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize(
    ("concept", "factor"),
    [
        ("simultaneous", lambda k: (k + 2) ** 2 / (4 * (k + 1))),
        ("demanders-lead", lambda k: (k + 1) ** 2 / (4 * k)),
        ("balanced", lambda k: (k + 1) ** 2 / (4 * k)),
    ],
)
def test_the_factors_for_other_numbers_of_equal_demanders(concept, factor, k):
    game = Game([100] * k, [0] * k, 1, 0.8, 0.2)
    lie = best_lie(game, concept, 0)
    assert lie.profit / lie.honest == pytest.approx(factor(k), rel=1e-9)


def test_a_rationed_buyer_beside_full_ones_lowers_the_price_to_where_scarcity_starts():
    game = Game([100, 50], [0, 0], 1, 2, 1, cap=[1, inf], supply_cap=2)
    lie = best_lie(game, "balanced", 1)
    assert (lie.report, lie.honest, lie.profit) == (3, 1, 48)
    assert profit_of(game, "balanced", 1, 3) == 48


anywhere = st.builds(
    lambda people, supplier_cost, supply_cap: Game(
        [worth for worth, _ in people],
        [0] * len(people),
        supplier_cost,
        1.5,
        0.5,
        cap=[cap for _, cap in people],
        supply_cap=supply_cap,
    ),
    st.lists(
        st.tuples(st.integers(0, 40), st.sampled_from([inf, 0, 3, 11.5])), min_size=1, max_size=4
    ),
    st.integers(0, 20),
    st.sampled_from([inf, 0, 4, 15]),
)


def brute_force(game, rule, who):
    tried = [profit_of(game, rule, who, report / 8) for report in range(-8, 8 * 130, 5)]
    return max(profit for profit in tried if profit is not None)


@settings(max_examples=40)
@given(game=anywhere)
@pytest.mark.parametrize("concept", ["simultaneous", "balanced"])
def test_no_report_earns_more_than_the_best_lie(concept, game):
    lie = best_lie(game, concept, 0)
    assert lie.profit >= brute_force(game, concept, 0) - 1e-9
    assert lie.honest == pytest.approx(profit_of(game, concept, 0, game.margin[0]), abs=1e-12)
    assert profit_of(game, concept, 0, lie.report) == pytest.approx(lie.profit, abs=1e-7)


@settings(max_examples=40)
@given(game=anywhere)
def test_no_report_with_supply_earns_more_when_demanders_lead(game):
    free = Game(game.benefit, game.cost, game.supplier_cost, game.a, game.b)
    try:
        lie = best_lie(free, "demanders-lead", 0)
    except NoEquilibrium:
        assume(False)
    assert profit_of(free, "demanders-lead", 0, lie.report) == pytest.approx(lie.profit, abs=1e-7)
    for report in np.linspace(0, 200, 80):
        told = reporting(free, 0, report)
        try:
            found = solve(told, "demanders-lead")
        except NoEquilibrium:
            continue
        if found.supply > 0 and found.note == "":
            profit = found.demand[0] * (free.margin[0] - found.price)
            assert lie.profit >= profit - 1e-9


def test_lies_after_which_demanders_have_no_equilibrium_are_passed_over():
    game = Game([20, 16], [0, 0], 15, 1, 0.5)
    with pytest.raises(NoEquilibrium):
        solve(reporting(game, 0, 24), "demanders-lead")
    assert best_lie(game, "demanders-lead", 0).gain == 0


@settings(max_examples=12)
@given(game=anywhere)
def test_the_lie_found_under_an_anticipating_supplier_is_real_and_hard_to_beat(game):
    lie = best_lie(game, "supplier-anticipates", 0)
    played = profit_of(game, "supplier-anticipates", 0, lie.report)
    assert played == pytest.approx(lie.profit, abs=1e-9)
    assert lie.profit >= 0.99 * brute_force(game, "supplier-anticipates", 0) - 1e-9


@settings(max_examples=100)
@given(game=bounded_games)
def test_no_report_gains_under_vcg(game):
    for who in range(len(game.margin)):
        honest = profit_of(game, "vcg", who, game.margin[who])
        assert best_lie(game, "vcg", who).gain == 0
        for report in np.arange(-1, 14, 0.5):
            assert profit_of(game, "vcg", who, report) <= honest + 1e-9


@settings(max_examples=100)
@given(game=bounded_games)
def test_no_report_beats_the_best_lie_under_a_uniform_price(game):
    for who in range(len(game.margin)):
        lie = best_lie(game, "uniform-price", who)
        for report in np.arange(-1, 14, 0.5):
            assert profit_of(game, "uniform-price", who, report) <= lie.profit + 1e-9
        if lie.gain > 0:
            # Only approached: just above another's margin, or above cost.
            near = profit_of(game, "uniform-price", who, lie.report + 2**-30)
            assert near == pytest.approx(lie.profit, abs=1e-6)


def test_a_buyer_served_in_part_may_lower_the_uniform_price_to_cost():
    lie = best_lie(tight(), "uniform-price", 0)
    assert (lie.report, lie.honest, lie.profit) == (10, 0, 30 * 45)


@pytest.mark.parametrize(
    ("rule", "who", "kind", "message"),
    [
        ("dictatorship", 0, Unsupported, "lies under 'dictatorship' are not known"),
        ("vcg", 0, Unbounded, "supply cap"),
        ("simultaneous", 3, InvalidGame, r"no demander 3; give an index in 0..2"),
        ("simultaneous", -1, InvalidGame, "no demander -1"),
    ],
)
def test_what_best_lie_refuses(rule, who, kind, message):
    with pytest.raises(kind, match=message):
        best_lie(paper(), rule, who)


def test_compare_gives_every_rule_and_a_reason_for_those_that_have_no_outcome():
    rows = {one.rule: one for one in compare(tight())}
    assert list(rows) == list(RULES)
    assert "without demand caps" in rows["demanders-lead"].reason
    assert rows["demanders-lead"].demand is None
    plain = rows["uniform-price"]
    assert (plain.price, plain.supply, plain.welfare, plain.revenue) == (55, 150, 20550, 8250)
    assert plain.booked == plain.revenue
    assert plain.demand.tolist() == [30, 60, 60]
    assert [lie.gain for lie in plain.lies] == [1350, 0, 0]
    assert rows["vcg"].price is None
    assert rows["vcg"].revenue == 6900
    assert [lie.gain for lie in rows["vcg"].lies] == [0, 0, 0]


def test_compare_weighs_what_the_game_really_serves():
    row = next(compare(paper(), ["simultaneous"]))
    assert row.welfare == pytest.approx(155 * 84.375 + 185 * 121.875 - 10 * 387.5)
    assert row.revenue == pytest.approx(87.5 * 206.25)
    assert row.booked - row.revenue == pytest.approx(solve(paper(), "simultaneous").unfunded)
    short = next(compare(paper(supply_cap=50), ["simultaneous"]))
    total = short.demand.sum()
    assert total > 50
    worth = float(paper().margin @ short.demand)
    assert short.welfare == pytest.approx(worth * 50 / total - 500)


def test_compare_without_any_demand():
    row = next(compare(Game([1], [5], 2, 1, 1), ["simultaneous"]))
    assert (row.welfare, row.revenue, row.lies[0].gain) == (0, 0, 0)


def test_compare_tells_of_each_lie_found():
    calls = []
    list(compare(tight(), ["vcg", "simultaneous"], lambda: calls.append(1)))
    assert len(calls) == 6


def test_compare_refuses_an_unknown_rule():
    with pytest.raises(Unsupported, match="unknown rule 'first-price'; use one of"):
        list(compare(tight(), ["first-price"]))
