"""The plant that is shipped: what its page promises, and that its generator still writes it."""

import subprocess
import sys
from pathlib import Path

from fabmarket.market.delivery import INSTANT
from fabmarket.scenario import Scenario, parse_scenario

SCENARIOS = Path(__file__).parents[3] / "scenarios"
SLOTS_A_DAY = 6


def plant() -> Scenario:
    return parse_scenario((SCENARIOS / "plant.toml").read_text("utf-8"), "plant.toml", 1, str)


def test_the_plant_has_five_machines_two_weeks_of_half_shifts_and_forty_orders() -> None:
    market = plant()
    assert len(market.suppliers) == 5
    assert market.slot_length == 4 * 3600
    for supplier in market.suppliers:
        worked = [slot for slot, units in enumerate(supplier.listed) if units]
        assert len({slot // SLOTS_A_DAY for slot in worked}) == 10
        assert len(worked) == 10 * 4
        assert {supplier.listed[slot] for slot in worked} == {240}
    products = [each.product for each in market.demanders if each.product is not None]
    assert len(products) == len(market.demanders) == 40
    assert {len(each.operations) for each in products} == set(range(3, 9))
    assert all(each.release < each.due <= each.last for each in products)
    assert all(each.lateness > 0 for each in products)


def test_the_plant_settles_in_escrow_and_a_machine_breaks_down_on_day_four() -> None:
    market = plant()
    (breakdown,) = market.breakdowns
    assert market.delivery != INSTANT
    assert breakdown.announced == breakdown.first
    assert breakdown.first // SLOTS_A_DAY == 3
    assert breakdown.left == 0


def test_the_generator_writes_the_plant() -> None:
    run = subprocess.run(  # noqa: S603
        [sys.executable, str(SCENARIOS / "make_plant.py")], capture_output=True, check=True
    )
    assert run.stdout == (SCENARIOS / "plant.toml").read_bytes()
