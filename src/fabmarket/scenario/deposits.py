"""What demanders deposit before a market opens.

A deposit stands on chain for all to read. So it is the same round amount for every demander, and
says nothing of what one of them would pay.
"""

from fabmarket.market.units import LARGEST_AMOUNT
from fabmarket.scenario.model import Alternative, Demander, Scenario

USUAL_DEPOSIT = 10**6
"""Units of the currency."""


def largest_listed(scenario: Scenario) -> dict[str, int]:
    """By resource, the most units that one listing of it holds."""
    largest: dict[str, int] = {}
    for supplier in scenario.suppliers:
        listed = max(supplier.listed, default=0)
        largest[supplier.resource] = max(listed, largest.get(supplier.resource, 0))
    return largest


def most_for(way: Alternative, largest: dict[str, int]) -> int:
    """The most an alternative can cost, base units: no unit more than it is worth.

    `largest` is what `largest_listed` says.
    """
    units = largest[way.resource] if way.quantity is None else way.quantity
    return max(0, way.benefit - way.cost) * units


def most_payable(demander: Demander, largest: dict[str, int]) -> int:
    """The most a demander can come to pay for all its sub-tasks or its product, base units."""
    if demander.product is not None:
        return demander.product.value
    return sum(
        max(most_for(way, largest) for way in task.alternatives) for task in demander.sub_tasks
    )


def deposit_of(scenario: Scenario) -> int:
    """What every demander deposits, base units.

    USUAL_DEPOSIT, or where that may not be enough for somebody an equal share of all that the
    contract can hold. `check_scenario` has made sure that this is enough.
    """
    largest = largest_listed(scenario)
    usual = USUAL_DEPOSIT * int(10**scenario.currency.decimals)
    if all(most_payable(each, largest) <= usual for each in scenario.demanders):
        return usual
    return LARGEST_AMOUNT // len(scenario.demanders)
