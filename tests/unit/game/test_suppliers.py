"""Several suppliers: the closed forms, their bounds, and what is not offered."""

from dataclasses import replace
from fractions import Fraction
from math import inf, nan

import numpy as np
import pytest

from fabmarket.game import Game, InvalidGame, NoEquilibrium, Unsupported, solve
from fabmarket.game.suppliers import SupplierGame, solve_suppliers, verify_suppliers

CONCEPTS = ("simultaneous", "demanders-lead", "supplier-anticipates")


def paper(costs, **bounds):
    return SupplierGame([100, 200, 200], [45, 45, 15], costs, 0.8, 0.2, **bounds)


def close(expected):
    return pytest.approx([float(x) for x in expected], rel=1e-12, abs=1e-9)


@pytest.mark.parametrize("concept", CONCEPTS)
def test_one_supplier_is_the_game_there_was(concept):
    one, two = (
        solve_suppliers(paper([10]), concept),
        solve(Game([100, 200, 200], [45, 45, 15], 10, 0.8, 0.2), concept),
    )
    assert one.price == pytest.approx(two.price, rel=1e-12)
    assert one.demand == pytest.approx(two.demand, rel=1e-12)
    assert one.supply[0] == pytest.approx(two.supply, rel=1e-12)
    assert one.supplier_profit[0] == pytest.approx(two.supplier_profit, rel=1e-12)
    assert one.certificate.max_unilateral_gain < 1e-9


@pytest.mark.parametrize(
    ("concept", "price", "demand", "supply"),
    [
        # (340 + 40)/5; the supplier at 100 stays out.
        ("simultaneous", 76, [0, 98.75, 136.25], [230, 330, 0]),
        # (340 + 140/4)/3, all three supply.
        ("demanders-lead", 125, [0, 150, 300], [475, 575, 125]),
        # (395/4 + 40)/3, all three buy.
        ("supplier-anticipates", 46.25, [10.9375, 135.9375, 173.4375], [325, 725, 0]),
    ],
)
def test_the_closed_forms(concept, price, demand, supply):
    game = paper([30, 10, 100])
    found = solve_suppliers(game, concept)
    assert found.price == pytest.approx(price, rel=1e-12)
    assert found.demand.tolist() == close(demand)
    assert found.supply.tolist() == close(supply)
    assert found.certificate.max_unilateral_gain < 1e-9
    assert found.certificate.residual < 1e-12
    assert found.note == ""


def test_simultaneous_with_caps_on_either_side():
    # MRD3 takes 50, the supplier at 10 gives 100: 40 + 155 - q = q + 20 + (q - 30).
    found = solve_suppliers(
        paper([30, 10], cap=[inf, inf, 50], supply_cap=[inf, 100]), "simultaneous"
    )
    assert found.price == pytest.approx(Fraction(205, 3), rel=1e-12)
    assert found.supply.tolist() == close([Fraction(575, 3), 100])
    assert found.certificate.max_unilateral_gain < 1e-9


def test_none_and_several():
    with pytest.raises(NoEquilibrium, match="demanders-lead has no equilibrium here"):
        solve_suppliers(SupplierGame([11, 25, 16, 12], [0] * 4, [15], 1, 0.5), "demanders-lead")
    two = solve_suppliers(SupplierGame([11, 11], [0, 0], [8], 1, 0.5), "demanders-lead")
    assert two.price == pytest.approx(26 / 3, rel=1e-12)
    assert two.note == f"2 equilibria: this one, and others at prices {22 / 3}"


@pytest.mark.parametrize("concept", CONCEPTS)
@pytest.mark.parametrize("party", ["demander", "supplier"])
def test_a_party_off_its_best_response_could_gain(concept, party):
    game = paper([10, 30])
    found = solve_suppliers(game, concept)
    if party == "demander":
        changed = replace(found, demand=found.demand * np.array([1, 1.1, 1]))
    else:
        changed = replace(found, supply=found.supply * np.array([0.9, 1]))
    certificate = verify_suppliers(game, changed)
    assert certificate.max_unilateral_gain > 1
    assert certificate.residual > 1e-3


def test_what_is_refused():
    found = solve_suppliers(paper([10, 30]), "simultaneous")
    with pytest.raises(Unsupported, match="no form with several suppliers for 'balanced'"):
        solve_suppliers(paper([10, 30]), "balanced")
    with pytest.raises(Unsupported, match=r"the supplier with cost 30.0 has 5.0"):
        solve_suppliers(paper([10, 30], supply_cap=[inf, 5]), "demanders-lead")
    with pytest.raises(Unsupported, match=r"without demand caps; cap\[2\] is 5.0"):
        solve_suppliers(paper([10, 30], cap=[inf, inf, 5]), "supplier-anticipates")
    with pytest.raises(Unsupported, match="without demand caps"):
        verify_suppliers(paper([10, 30], cap=[1, 1, 5]), replace(found, concept="demanders-lead"))
    with pytest.raises(Unsupported, match="unknown concept 'balanced'"):
        verify_suppliers(paper([10, 30]), replace(found, concept="balanced"))
    with pytest.raises(InvalidGame, match="2 supplies for 1 suppliers; give each one"):
        verify_suppliers(paper([10]), found)
    with pytest.raises(InvalidGame, match="demand or supply is not finite"):
        verify_suppliers(paper([10, 30]), replace(found, demand=np.array([1, 2, nan])))
    with pytest.raises(InvalidGame, match="supplier_cost is "):
        paper([])
    with pytest.raises(InvalidGame, match=r"supplier_cost\[1\] is -1.0"):
        paper([1, -1])
    with pytest.raises(InvalidGame, match="supply_cap has 1 numbers but supplier_cost has 2"):
        paper([1, 2], supply_cap=[1])


def test_deviations_name_every_supplier_and_what_the_others_do():
    demanders, suppliers = solve_suppliers(paper([30, 10]), "demanders-lead").certificate.deviations
    assert demanders.endswith("the suppliers answering the new total")
    assert suppliers.startswith("each supplier: ")
    assert suppliers.endswith("the other supplies unchanged")


def test_what_suppliers_book_beyond_what_is_paid():
    found = solve_suppliers(paper([30, 10]), "simultaneous")
    assert found.total_demand == pytest.approx(235)
    assert found.unfunded == pytest.approx(76 * (560 - 235))
