"""A certificate must catch what is wrong, whoever made the answer."""

from dataclasses import replace
from math import inf, nan

import numpy as np
import pytest

from fabmarket.game import CONCEPTS, Game, InvalidGame, NoEquilibrium, Unsupported, solve, verify

EQUILIBRIA = [concept for concept in CONCEPTS if concept != "paper-literal"]
PAPER = Game([100, 200, 200], [45, 45, 15], 10, 0.8, 0.2)
BOUNDED = Game([100, 200, 200], [45, 45, 15], 10, 0.8, 0.2, cap=[inf, 60, 50], supply_cap=90)


@pytest.mark.parametrize(
    ("concept", "deviators"),
    [
        ("simultaneous", ["each demander", "the supplier"]),
        ("demanders-lead", ["each demander", "the supplier"]),
        ("supplier-anticipates", ["each demander", "the supplier"]),
        ("balanced", ["each demander"]),
    ],
)
def test_the_deviations_are_named_and_one_gain_stands_for_each_party(concept, deviators):
    certificate = verify(PAPER, solve(PAPER, concept))
    assert [text.split(":")[0] for text in certificate.deviations] == deviators
    assert len(certificate.gains) == 3 + (len(deviators) - 1)
    assert certificate.max_unilateral_gain == certificate.gains.max()


@pytest.mark.parametrize("concept", CONCEPTS)
@pytest.mark.parametrize("factor", [0.5, 0.99, 1.01, 2.0])
def test_a_demander_off_its_best_response_could_gain(concept, factor):
    found = solve(PAPER, concept)
    demand = found.demand * [1, factor, 1]
    certificate = verify(PAPER, replace(found, demand=demand))
    assert certificate.gains[1] > 1e-3
    assert certificate.residual > 1e-4


@pytest.mark.parametrize("concept", CONCEPTS)
@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_a_price_that_the_rule_does_not_give_shows_as_residual(concept, factor):
    found = solve(PAPER, concept)
    certificate = verify(PAPER, replace(found, price=found.price * factor))
    assert certificate.residual > 1e-2


@pytest.mark.parametrize("concept", ["simultaneous", "demanders-lead", "supplier-anticipates"])
@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_a_supplier_off_its_best_supply_could_gain(concept, factor):
    found = solve(PAPER, concept)
    supply = found.supply * factor
    price = 0.8 * found.total_demand - 0.2 * supply
    certificate = verify(PAPER, replace(found, supply=supply, price=price))
    assert certificate.gains[3] > 1
    assert certificate.residual > 1e-3


def test_a_supply_unlike_the_orders_is_no_balanced_answer():
    found = solve(PAPER, "balanced")
    assert verify(PAPER, replace(found, supply=found.supply + 1)).residual > 1e-3


def test_selling_below_cost_is_no_balanced_answer():
    dear = Game([14, 10], [0, 0], 9, 2, 1)
    found = solve(Game([14, 10], [0, 0], 0, 2, 1), "balanced")
    assert found.price == 8
    assert verify(dear, found).residual > 0.1


@pytest.mark.parametrize("concept", ["simultaneous", "supplier-anticipates", "balanced"])
def test_quantities_beyond_their_bounds_show_as_residual(concept):
    found = solve(BOUNDED, concept)
    assert found.certificate.residual < 1e-12
    assert found.certificate.max_unilateral_gain < 1e-9
    over = np.append(found.demand[:2], 51)
    assert verify(BOUNDED, replace(found, demand=over)).residual > 1e-3
    assert verify(BOUNDED, replace(found, supply=100.0)).residual > 1e-2
    assert verify(BOUNDED, replace(found, demand=found.demand - [1, 0, 0])).residual > 1e-3
    assert verify(BOUNDED, replace(found, supply=-1.0)).residual > 1e-2


def test_a_scarcity_premium_while_supply_is_left_shows_as_residual():
    scarce = Game([100, 200, 200], [45, 45, 15], 10, 0.8, 0.2, supply_cap=60)
    plenty = Game([100, 200, 200], [45, 45, 15], 10, 0.8, 0.2, supply_cap=70)
    found = solve(scarce, "balanced")
    assert found.certificate.residual < 1e-12
    certificate = verify(plenty, found)
    assert certificate.residual > 0.1
    assert certificate.gains[2] > 1


def test_shares_at_the_floor_below_a_reply_could_gain():
    game = Game([14, 10], [0, 0], 9, 2, 1)
    found = solve(game, "balanced")
    fair = verify(game, replace(found, demand=np.array([8.0, 1.0])))
    unfair = verify(game, replace(found, demand=np.array([4.0, 5.0])))
    assert fair.max_unilateral_gain < 1e-12
    assert fair.residual < 1e-12
    assert unfair.gains[0] > 0.1


def test_the_papers_own_supply_is_only_a_local_maximum():
    certificate = solve(PAPER, "paper-literal").certificate
    assert certificate.residual < 1e-12
    assert certificate.gains[:3].max() < 1e-9
    assert certificate.gains[3] == pytest.approx(120125 / 3 - 39382.8125, rel=1e-9)
    led = verify(PAPER, replace(solve(PAPER, "paper-literal"), concept="supplier-anticipates"))
    assert led.gains[3] == pytest.approx(certificate.gains[3], rel=1e-9)


def test_a_negative_quantity_shows_as_residual():
    game = Game([10, 200, 200], [0, 45, 15], 10, 0.8, 0.2)
    found = solve(game, "paper-literal")
    assert found.demand[0] < 0
    assert found.certificate.residual > 1e-2


def test_an_equilibrium_of_one_concept_is_none_of_another():
    for concept in EQUILIBRIA:
        for other in set(EQUILIBRIA) - {concept}:
            certificate = verify(PAPER, replace(solve(PAPER, concept), concept=other))
            assert max(certificate.max_unilateral_gain, certificate.residual) > 1e-2


def test_what_cannot_be_certified_is_refused():
    found = solve(PAPER, "simultaneous")
    with pytest.raises(Unsupported, match="unknown concept 'clearing'"):
        verify(PAPER, replace(found, concept="clearing"))
    with pytest.raises(InvalidGame, match="2 demands for 3 demanders"):
        verify(PAPER, replace(found, demand=np.array([1.0, 2.0])))
    with pytest.raises(InvalidGame, match="not finite"):
        verify(PAPER, replace(found, price=nan))
    with pytest.raises(InvalidGame, match="not finite"):
        verify(PAPER, replace(found, demand=np.array([1.0, inf, 2.0])))
    with pytest.raises(Unsupported, match=r"cap\[1\] is 60"):
        verify(BOUNDED, replace(found, concept="demanders-lead"))
    with pytest.raises(NoEquilibrium, match=r"a is 0.2, b is 0.8"):
        verify(
            Game([100, 200, 200], [45, 45, 15], 10, 0.2, 0.8), replace(found, concept="balanced")
        )
