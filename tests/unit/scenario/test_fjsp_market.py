import hashlib
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from fabmarket.scenario import (
    Currency,
    FjspOptions,
    InvalidScenario,
    draw,
    market_from_fjsp,
    parse_fjsp,
)

SCENARIOS = Path(__file__).parents[3] / "scenarios"
SHOP = parse_fjsp("2 3\n2 2 0 3 1 4 1 1 2\n1 2 0 7 1 14\n", "shop.txt")
MK01 = parse_fjsp((SCENARIOS / "fjsp/mk01.txt").read_text(), "mk01.txt")


def test_every_operation_becomes_an_indivisible_sub_task_of_its_own_slot() -> None:
    market = market_from_fjsp(SHOP, FjspOptions(), 1, "data/shop.txt")
    assert market.name == "shop"
    assert [d.name for d in market.demanders] == ["job 1", "job 2"]
    tasks = market.demanders[0].sub_tasks
    assert [(t.name, t.slot, t.divisible) for t in tasks] == [
        ("op 1", 0, False),
        ("op 2", 1, False),
    ]
    pairs = [(a.resource, a.quantity) for a in tasks[0].alternatives]
    assert pairs == [("machine-0", 3), ("machine-1", 4)]


def test_capacity_is_the_longest_eligible_time_of_the_slot() -> None:
    market = market_from_fjsp(SHOP, FjspOptions(), 1, "shop.txt")
    assert [s.resource for s in market.suppliers] == ["machine-0", "machine-1", "machine-2"]
    assert [s.attested for s in market.suppliers] == [(7, 0), (14, 2), (0, 0)]
    assert all(s.listed == s.attested and s.unit == "minute" for s in market.suppliers)


def test_the_capacity_factor_rounds_up() -> None:
    options = FjspOptions(capacity_factor=Fraction(3, 2))
    market = market_from_fjsp(SHOP, options, 1, "shop.txt")
    assert [s.attested for s in market.suppliers] == [(11, 0), (21, 3), (0, 0)]


def test_a_slot_is_the_fewest_whole_hours_that_hold_the_largest_capacity() -> None:
    for factor, hours in ((1, 1), (Fraction(60, 14), 1), (Fraction(61, 14), 2)):
        options = FjspOptions(capacity_factor=Fraction(factor))
        assert market_from_fjsp(SHOP, options, 1, "shop.txt").slot_length == hours * 3600


def test_every_alternative_gets_its_turn_to_be_published() -> None:
    assert market_from_fjsp(SHOP, FjspOptions(), 1, "shop.txt").release_rounds == 2
    assert market_from_fjsp(MK01, FjspOptions(), 1, "mk01.txt").release_rounds == 3


def test_an_operation_is_worth_the_same_on_every_machine_up_to_rounding() -> None:
    market = market_from_fjsp(MK01, FjspOptions(), 7, "mk01.txt")
    for demander in market.demanders:
        for task in demander.sub_tasks:
            times = [a.quantity or 0 for a in task.alternatives]
            fastest = task.alternatives[times.index(min(times))]
            assert 40_00 <= fastest.benefit <= 100_00
            assert 5_00 <= fastest.cost <= 25_00
            for alternative, time in zip(task.alternatives, times, strict=True):
                assert 0 <= fastest.benefit * min(times) - alternative.benefit * time < time
                assert 0 <= alternative.cost * time - fastest.cost * min(times) < time


def test_price_coefficients_and_maintenance_are_in_base_units() -> None:
    options = FjspOptions(maintenance=(5000, 5000), currency=Currency("KR", 3))
    supplier = market_from_fjsp(SHOP, options, 1, "shop.txt").suppliers[0]
    assert (supplier.maintenance, supplier.a, supplier.b) == (5000, 800, 200)


def test_the_seed_alone_decides_the_draws_and_is_stated() -> None:
    one = market_from_fjsp(MK01, FjspOptions(), 1, "mk01.txt")
    assert one == market_from_fjsp(MK01, FjspOptions(), 1, "mk01.txt")
    other = market_from_fjsp(MK01, FjspOptions(), 2, "mk01.txt")
    assert other.demanders != one.demanders
    assert [s.attested for s in other.suppliers] == [s.attested for s in one.suppliers]
    assert "seed 1 " in one.draws
    assert "benefit 40.00..100.00" in one.draws


def test_a_draw_is_the_documented_hash() -> None:
    digest = hashlib.sha256(b"5|benefit|job 1|op 2").hexdigest()
    assert draw(5, "benefit|job 1|op 2", 40_00, 100_00) == 40_00 + int(digest, 16) % 60_01
    assert {draw(seed, "x", 3, 5) for seed in range(40)} == {3, 4, 5}
    assert draw(0, "x", 9, 9) == 9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"capacity_factor": Fraction(0)}, "fjsp.capacity_factor: 0 is not above 0"),
        ({"benefit": (500, 499)}, "fjsp.benefit: [5, 4.99] is no range"),
        ({"cost": (-1, 5)}, "fjsp.cost: [-0.01, 0.05] is no range"),
        ({"capacity_factor": Fraction(2**63)}, "fjsp.capacity_factor: it makes a capacity of"),
        ({"currency": Currency("", 2)}, "currency.symbol: '' does not fit"),
    ],
)
def test_options_that_make_no_market_are_refused(change: dict[str, object], message: str) -> None:
    options = replace(FjspOptions(), **change)  # type: ignore[arg-type]
    with pytest.raises(InvalidScenario) as caught:
        market_from_fjsp(SHOP, options, 1, "shop.txt")
    assert str(caught.value).startswith(f"shop.txt: {message}")
