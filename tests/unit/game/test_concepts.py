"""The paper's market and the special cases of each concept, against numbers derived by hand."""

from fractions import Fraction
from math import inf

import pytest

from fabmarket.game import CONCEPTS, Game, NoEquilibrium, Unsupported, solve

PAPER = {
    "simultaneous": {
        "price": Fraction(175, 2),
        "demand": [0, Fraction(675, 8), Fraction(975, 8)],
        "supply": Fraction(775, 2),
        "demander_profit": [0, Fraction(91125, 16), Fraction(190125, 16)],
        "supplier_profit": Fraction(120125, 4),
        "unfunded": Fraction(126875, 8),
    },
    "demanders-lead": {
        "price": 115,
        "demand": [0, 100, 175],
        "supply": 525,
        "demander_profit": [0, 4000, 12250],
        "supplier_profit": 55125,
        "unfunded": 28750,
    },
    "supplier-anticipates": {
        "price": Fraction(185, 3),
        "demand": [0, Fraction(350, 3), Fraction(925, 6)],
        "supply": 775,
        "demander_profit": [0, Fraction(98000, 9), Fraction(171125, 9)],
        "supplier_profit": Fraction(120125, 3),
        "unfunded": Fraction(559625, 18),
    },
    "paper-literal": {
        "price": Fraction(435, 8),
        "demand": [Fraction(25, 32), Fraction(4025, 32), Fraction(5225, 32)],
        "supply": Fraction(1775, 2),
        "demander_profit": [Fraction(125, 256), Fraction(3240125, 256), Fraction(5460125, 256)],
        "supplier_profit": Fraction(630125, 16),
        "unfunded": Fraction(435, 8) * (Fraction(1775, 2) - Fraction(9275, 32)),
    },
    "balanced": {
        "price": Fraction(340, 3),
        "demand": [0, Fraction(625, 9), Fraction(1075, 9)],
        "supply": Fraction(1700, 9),
        "demander_profit": [0, Fraction(78125, 27), Fraction(231125, 27)],
        "supplier_profit": Fraction(527000, 27),
        "unfunded": 0,
    },
}


def paper(**bounds):
    return Game([100, 200, 200], [45, 45, 15], 10, 0.8, 0.2, **bounds)


def close(expected):
    expected = [float(x) for x in expected] if isinstance(expected, list) else float(expected)
    return pytest.approx(expected, rel=1e-12, abs=1e-9)


def test_the_papers_market_covers_every_concept():
    assert set(PAPER) == set(CONCEPTS)


@pytest.mark.parametrize("concept", CONCEPTS)
def test_the_papers_market(concept):
    found = solve(paper(), concept)
    assert found.concept == concept
    for field, expected in PAPER[concept].items():
        value = getattr(found, field)
        value = value.tolist() if isinstance(expected, list) else value
        assert value == close(expected), field
    assert found.total_demand == close(sum(PAPER[concept]["demand"]))
    assert found.certificate.residual < 1e-12
    if concept == "paper-literal":
        assert found.certificate.max_unilateral_gain == close(Fraction(31625, 48))
        assert found.note.startswith("no equilibrium: with v >= 0 another supply would earn")
        return
    assert found.certificate.max_unilateral_gain < 1e-9
    assert found.note == ""


@pytest.mark.parametrize("concept", CONCEPTS)
def test_bounds_that_do_not_bind_change_nothing(concept):
    unbounded = concept in {"demanders-lead", "paper-literal"}
    bounds = {} if unbounded else {"cap": [500, 500, inf], "supply_cap": 900}
    found, free = solve(paper(**bounds), concept), solve(paper(), concept)
    assert found.price == pytest.approx(free.price, rel=1e-12)
    assert found.supply == pytest.approx(free.supply, rel=1e-12)


@pytest.mark.parametrize("concept", CONCEPTS)
def test_an_answer_cannot_be_written(concept):
    with pytest.raises(ValueError, match="read-only"):
        solve(paper(), concept).demand[0] = 1.0


def test_an_unknown_concept_is_refused_with_those_there_are():
    with pytest.raises(Unsupported, match=r"unknown concept 'clearing'; use one of \('simul"):
        solve(paper(), "clearing")


@pytest.mark.parametrize("concept", [name for name in CONCEPTS if name != "paper-literal"])
def test_nobody_buys_where_no_margin_is_positive(concept):
    found = solve(Game([5, 1], [5, 4], 2, 1, 0.5), concept)
    assert found.demand.tolist() == [0, 0]
    assert found.demander_profit.tolist() == [0, 0]
    assert str(found.demander_profit[0]) == "0.0"
    assert found.supply == 0
    assert found.price == (2 if concept == "balanced" else 0)
    assert found.certificate.max_unilateral_gain == 0
    assert found.certificate.residual == 0


def test_simultaneous_supplier_idles_below_its_cost():
    found = solve(Game([12, 9], [0, 0], 10, 2, 1), "simultaneous")  # max_k C_k/(k+1) = 21/3
    assert (found.price, found.supply) == (7, 0)
    assert found.demand.tolist() == [2.5, 1]


def test_simultaneous_with_the_supply_cap_binding():
    found = solve(paper(supply_cap=100), "simultaneous")  # (340 - 20)/3
    assert found.price == close(Fraction(320, 3))
    assert found.supply == 100


def test_simultaneous_with_a_demand_cap_binding():
    # MRD3 takes 50, so .8 (50 + v) - .2 w = q; v = (155 - q)/.8; w = (q - 10)/.2: 3q = 205.
    found = solve(paper(cap=[inf, inf, 50]), "simultaneous")
    assert found.price == close(Fraction(205, 3))
    assert found.demand.tolist() == close([0, Fraction(325, 3), 50])


def test_supplier_anticipates_stays_out_where_demanders_alone_pay_less_than_its_cost():
    found = solve(Game([12, 9], [0, 0], 10, 2, 1), "supplier-anticipates")
    assert (found.price, found.supply) == (7, 0)


@pytest.mark.parametrize(("cap", "price", "supply"), [(100, "320/3", 100), (0, "340/3", 0)])
def test_supplier_anticipates_is_held_back_by_its_cap(cap, price, supply):
    found = solve(paper(supply_cap=cap), "supplier-anticipates")  # (340 - .2 W)/3
    assert found.price == close(Fraction(price))
    assert found.supply == close(supply)
    assert found.certificate.max_unilateral_gain < 1e-9


def test_supplier_anticipates_with_a_demand_cap_binding():
    # MRD3 takes 50: A(q) - q = 155 + 40 - 2q, so q = (195/2 + 10)/2 and MRD1 buys a little: with
    # it A(q) - q = 250 - 3q and q = (250/3 + 10)/2 = 46.67, w = 550, better than 53.75, 437.5.
    found = solve(paper(cap=[inf, inf, 50]), "supplier-anticipates")
    assert found.price == close(Fraction(140, 3))
    assert found.supply == close(550)
    assert found.demand.tolist() == close([Fraction(125, 12), Fraction(1625, 12), 50])


def test_supplier_anticipates_takes_the_larger_of_two_equally_good_supplies():
    # k = 1: C = 8, 64/2; k = 3: C = 16, 256/4 = 64; raise c_1 so that both are worth 32.
    game = Game([8, 0, 0], [0, 0, 0], 0, 1, 1)
    alone = solve(game, "supplier-anticipates")
    assert (alone.price, alone.supply) == (2, 4)
    second = 8 * (1.5**0.5 - 1)  # (8 + c)^2/3 = 8^2/2
    tie = solve(Game([8, second], [0, 0], 0, 1, 1), "supplier-anticipates")
    assert tie.supplier_profit == pytest.approx(alone.supplier_profit, rel=1e-12)
    assert tie.certificate.max_unilateral_gain < 1e-12


@pytest.mark.parametrize("concept", ["demanders-lead", "paper-literal"])
@pytest.mark.parametrize("bounds", [{"cap": [inf, 7, inf]}, {"supply_cap": 7}])
def test_a_bound_is_refused_where_there_is_no_form_for_it(concept, bounds):
    name = r"cap\[1\] is 7.0" if "cap" in bounds else "supply_cap is 7.0"
    with pytest.raises(Unsupported, match=f"{concept} is offered without .*{name}"):
        solve(paper(**bounds), concept)


def test_paper_literal_says_who_would_sell():
    found = solve(Game([10, 200, 200], [0, 45, 15], 10, 0.8, 0.2), "paper-literal")
    assert found.price == close(Fraction(195, 4))  # (350/4 + 10)/2
    assert found.supply == close(775)  # (350 - 40)/.4
    assert found.note.startswith("negative quantities: 1, the first is demander 0's")


def test_paper_literal_says_that_the_supplier_would_buy():
    found = solve(Game([10, 10], [0, 0], 9, 1, 1), "paper-literal")
    assert found.supply == close(Fraction(-7, 2))  # (20 - 27)/2
    assert found.note == "negative quantities: 1, the first is the supplier's"


def test_demanders_lead_far_below_the_threshold_has_no_supply():
    found = solve(Game([12, 9], [0, 0], 20, 2, 1), "demanders-lead")
    assert (found.price, found.supply, found.note) == (7, 0, "")


def test_demanders_lead_reports_both_equilibria_near_the_threshold():
    found = solve(Game([11, 11], [0, 0], 8, 1, 0.5), "demanders-lead")
    assert found.price == close(Fraction(26, 3))
    assert found.note == f"two equilibria: this one, and one without supply at price {22 / 3}"


def test_demanders_lead_says_where_uniqueness_needed_a_look():
    found = solve(Game([15, 15], [0, 0], 10, 1, 0.5), "demanders-lead")
    assert found.price == close(Fraction(35, 3))
    assert "no equilibrium" in found.note


def test_demanders_lead_may_have_no_equilibrium():
    with pytest.raises(NoEquilibrium, match=r"so near the 15.0 at which supply starts"):
        solve(Game([11, 25, 16, 12], [0] * 4, 15, 1, 0.5), "demanders-lead")


@pytest.mark.parametrize(("a", "b"), [(0.2, 0.8), (0.5, 0.5)])
def test_balanced_needs_demand_to_weigh_more_than_supply(a, b):
    with pytest.raises(NoEquilibrium, match=f"a is {a}, b is {b}"):
        solve(Game([100], [0], 10, a, b), "balanced")


def test_balanced_with_supply_scarce_pays_a_premium():
    # 2 c - 2 p = .6 * 60 shared by MRD2 and MRD3: p = (340 - 36)/2 = 152.
    found = solve(paper(supply_cap=60), "balanced")
    assert found.price == close(152)
    assert found.demand.tolist() == close([0, 5, 55])
    assert found.supply == close(60)
    assert found.certificate.max_unilateral_gain < 1e-9


def test_balanced_at_the_floor_shares_in_proportion():
    # max_k C_k/(k+1) = 8 < 9, so S = 9/1 shared as (14 - 9) : (10 - 9); the third has no margin.
    found = solve(Game([14, 10, 9], [0, 0, 0], 9, 2, 1), "balanced")
    assert found.price == 9
    assert found.demand.tolist() == close([7.5, 1.5, 0])
    assert found.supplier_profit == 0
    assert found.certificate.max_unilateral_gain < 1e-12
    assert found.certificate.residual < 1e-12


@pytest.mark.parametrize(
    ("bounds", "demand"),
    [
        ({"supply_cap": 7.2}, [6, 1.2, 0]),
        ({"cap": [6, inf, inf]}, [6, 3, 0]),
        ({"cap": [6, 2, inf]}, [6, 2, 0]),
    ],
)
def test_balanced_at_the_floor_keeps_to_the_bounds(bounds, demand):
    found = solve(Game([14, 10, 9], [0, 0, 0], 9, 2, 1, **bounds), "balanced")
    assert found.price == 9
    assert found.demand.tolist() == close(demand)
    assert found.certificate.max_unilateral_gain < 1e-12
    assert found.certificate.residual < 1e-12


def test_balanced_where_caps_fill_the_supply_exactly_takes_the_lowest_price():
    found = solve(Game([100, 10], [0, 0], 1, 2, 1, cap=[5, 5], supply_cap=5), "balanced")
    assert found.demand.tolist() == [5, 0]
    assert found.price == 10


def test_balanced_where_rounding_hides_that_caps_fill_the_supply_still_certifies():
    # .1 + .2 > .3 in floats: any price in 10..99.9 will do, and the upper end is found.
    game = Game([100, 300, 10], [0, 0, 0], 1, 2, 1, cap=[0.1, 0.2, 5], supply_cap=0.3)
    found = solve(game, "balanced")
    assert found.price == close(Fraction("99.9"))
    assert found.demand.tolist() == close([Fraction("0.1"), Fraction("0.2"), 0])
    assert found.certificate.max_unilateral_gain < 1e-9
    assert found.certificate.residual < 1e-9


def test_balanced_with_nothing_to_supply_trades_nothing():
    found = solve(paper(supply_cap=0), "balanced")
    assert found.demand.tolist() == [0, 0, 0]
    assert found.supply == 0
    assert found.price == 185


BOUNDED = {"cap": [60, 60, 60], "supply_cap": 90}


@pytest.mark.parametrize(
    ("concept", "bounds"),
    [(concept, {}) for concept in CONCEPTS]
    + [(concept, BOUNDED) for concept in ("simultaneous", "supplier-anticipates", "balanced")],
)
def test_numbers_are_plain_floats_so_that_their_text_is_a_number(concept, bounds):
    found = solve(Game([100, 200, 200], [45, 45, 15], 10, 0.8, 0.2, **bounds), concept)
    numbers = [found.price, found.supply, found.supplier_profit, found.total_demand]
    numbers += [found.certificate.max_unilateral_gain, found.certificate.relative_gain]
    numbers += [found.certificate.residual, found.multiplier]
    assert {type(one) for one in numbers} == {float}
