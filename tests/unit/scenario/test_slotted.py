from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from fabmarket.scenario import (
    Currency,
    FjspOptions,
    InvalidScenario,
    Operation,
    Work,
    best_known,
    draw,
    parse_fjsp,
    slotted,
)
from fabmarket.scenario.slotted import build_market

SCENARIOS = Path(__file__).parents[3] / "scenarios"
SHOP = parse_fjsp("2 3\n2 2 0 3 1 4 1 1 2\n1 2 0 7 1 14\n", "shop.txt")
MK01 = parse_fjsp((SCENARIOS / "fjsp/mk01.txt").read_text(), "mk01.txt")


def built(options: FjspOptions, seed: int = 1):
    return build_market(SHOP, options, seed, "shop.txt", file="shop.txt")


def test_every_job_is_a_product_of_its_operations() -> None:
    market = slotted(SHOP, 1, "data/shop.txt")
    assert market.name == "shop"
    assert [each.name for each in market.demanders] == ["job 1", "job 2"]
    first = market.demanders[0].product
    assert first is not None
    assert first.operations == (
        Operation("op 1", (Work("machine-0", 3), Work("machine-1", 4))),
        Operation("op 2", (Work("machine-1", 2),)),
    )


def test_a_slot_is_the_longest_fastest_operation_and_slower_ways_are_left_out_and_noted() -> None:
    market = slotted(SHOP, 1, "shop.txt")
    second = market.demanders[1].product
    assert market.slot_length == 7 * 60
    assert second is not None
    assert second.operations[0].alternatives == (Work("machine-0", 7),)
    assert market.notes[-1] == (
        "1 way to do an operation on a slower machine is left out: a slot has 7 minutes, and each"
        " operation fits one."
    )


def test_every_machine_is_listed_in_as_many_slots_as_the_makespan_and_the_longest_job_need() -> (
    None
):
    market = slotted(SHOP, 1, "shop.txt")
    assert [each.resource for each in market.suppliers] == ["machine-0", "machine-1", "machine-2"]
    assert all(each.attested == each.listed == (7,) * 4 for each in market.suppliers)
    assert {each.unit for each in market.suppliers} == {"minute"}
    assert len(slotted(MK01, 1, "mk01.txt").suppliers[0].listed) == 8  # 1.15 * 40 / 6, rounded up


def test_the_best_known_makespan_is_the_literatures_or_a_bound() -> None:
    assert best_known(MK01, "fjsp/mk01.txt") == 40
    assert best_known(SHOP, "shop.txt") == 10  # of machine 0, each operation on its fastest
    assert best_known(parse_fjsp("1 2\n2 1 1 3 1 2 4\n", "x"), "x") == 7  # of the one job


def test_the_capacity_factor_rounds_up() -> None:
    market = built(FjspOptions(capacity_factor=Fraction(3, 2)))
    assert {each.attested for each in market.suppliers} == {(11,) * 4}


def test_a_product_can_be_made_in_its_window_and_is_worth_what_its_minutes_earn() -> None:
    for seed in range(20):
        market = slotted(MK01, seed, "mk01.txt")
        for each, job in zip(market.demanders, MK01.jobs, strict=True):
            product = each.product
            assert product is not None
            minutes = sum(min(time for _, time in step.alternatives) for step in job)
            assert 15_00 * minutes <= product.value <= 95_00 * minutes
            assert product.release + len(product.operations) <= product.due + 1
            assert product.release <= product.due <= product.last == 7
            assert product.lateness == product.value // 50
        assert all(5_00 <= each.maintenance <= 15_00 for each in market.suppliers)


def test_ranges_and_currency_are_followed_in_base_units() -> None:
    options = FjspOptions(
        benefit=(70, 70), cost=(9, 9), maintenance=(4, 4), currency=Currency("KR", 0)
    )
    market = built(options)
    values = [each.product.value for each in market.demanders if each.product]
    assert values == [61 * 5, 61 * 7]
    assert (market.suppliers[0].maintenance, market.currency.symbol) == (4, "KR")
    assert "benefit 70..70 less production cost 9..9" in market.draws


def test_a_product_that_costs_more_to_make_than_it_brings_is_worth_nothing() -> None:
    market = built(FjspOptions(benefit=(0, 0)))
    assert {each.product.value for each in market.demanders if each.product} == {0}


def test_the_seed_alone_decides_the_draws_and_is_stated() -> None:
    one = slotted(MK01, 1, "mk01.txt")
    assert one == slotted(MK01, 1, "mk01.txt")
    other = slotted(MK01, 2, "mk01.txt")
    assert other.demanders != one.demanders
    assert [s.attested for s in other.suppliers] == [s.attested for s in one.suppliers]
    assert "seed 1 " in one.draws
    assert "benefit 40.00..100.00" in one.draws


def test_a_draw_of_whole_numbers_covers_its_range() -> None:
    assert {draw(seed, "x", 3, 5) for seed in range(40)} == {3, 4, 5}
    assert draw(0, "x", 9, 9) == 9


def test_operations_of_no_time_are_in_no_product_and_keep_the_others_numbers() -> None:
    shop = parse_fjsp("2 2\n1 1 1 0\n3 1 1 5 1 2 0 1 2 3\n", "shop.txt")
    market = slotted(shop, 1, "shop.txt")
    assert [each.name for each in market.demanders] == ["job 2"]
    product = market.demanders[0].product
    assert product is not None
    assert [each.name for each in product.operations] == ["op 1", "op 3"]
    assert "2 operations take no time: that is nothing to buy, and in no product." in market.notes


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"capacity_factor": Fraction(0)}, "fjsp.capacity_factor: 0 is not above 0"),
        ({"benefit": (500, 499)}, "fjsp.benefit: [5, 4.99] is no range"),
        ({"cost": (-1, 5)}, "fjsp.cost: [-0.01, 0.05] is no range"),
        (
            {"maintenance": (0, 2**128)},
            "fjsp.maintenance: 3402823669209384634633746074317682114.56 i",
        ),
        ({"benefit": (2**127, 2**127)}, "fjsp.benefit: it makes job 1 worth "),
        ({"capacity_factor": Fraction(2**63)}, "fjsp.capacity_factor: it makes a capacity of"),
    ],
)
def test_options_that_make_no_market_are_refused(change: dict[str, object], message: str) -> None:
    options = replace(FjspOptions(), **change)  # type: ignore[arg-type]
    with pytest.raises(InvalidScenario) as caught:
        built(options)
    assert str(caught.value).startswith(f"shop.txt: {message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 1\n1 1 1 0\n", "every operation takes no time, so that there is nothing to buy"),
        ("1 9999\n6 " + "1 1 1 " * 6 + "\n", "8 slots of 9999 machines are 79992; a market has"),
        (
            "2 1\n1 1 1 1\n151 " + "1 1 1 " * 151 + "\n",
            "job 2 has 151 operations that take time; a product has at most 150, which settle in",
        ),
        (
            "34 1\n" + ("150 " + "1 1 1 " * 150 + "\n") * 34,
            "the jobs have 5100 operations that take time; a market has at most 5000; give a small",
        ),
    ],
)
def test_a_shop_that_makes_no_market_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidScenario) as caught:
        slotted(parse_fjsp(text, "shop.txt"), 1, "shop.txt")
    assert str(caught.value).startswith(f"shop.txt: {message}")
