"""A flexible job-shop instance becomes a market.

A job is one demander's product. Its operation k is a sub-task of calendar slot k, so precedence
holds by construction; the operation's machines are its alternatives, and it is bought whole or not
at all. Machine i is the resource type ``machine-<i>`` of a supplier of its own.

The benchmarks give times without a unit; here they are minutes. They give no prices: private values
are drawn from the seed as `FjspOptions` states and `Scenario.draws` repeats.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import PurePath

from fabmarket.scenario.checks import LARGEST_SLOT_LENGTH, check_scenario
from fabmarket.scenario.draws import draw
from fabmarket.scenario.fjsp import FjspInstance, Operation
from fabmarket.scenario.model import (
    DEFAULT_A,
    DEFAULT_B,
    DEFAULT_CURRENCY,
    Alternative,
    Currency,
    Demander,
    InvalidScenario,
    Scenario,
    SubTask,
    Supplier,
)

UNIT = "minute"
_HOUR = 3600


@dataclass(frozen=True)
class FjspOptions:
    """What an instance does not say: money and how much capacity there is.

    The pairs are the lowest and highest draw, both included, in base units of ``currency`` per
    minute: ``benefit`` and production ``cost`` of an operation on its fastest machine,
    ``maintenance`` of a supplier. The capacity of a machine in a slot is ``capacity_factor`` times
    the longest time that it may be asked for there, rounded up; a factor of 1 leaves room for about
    one long operation.
    """

    capacity_factor: Fraction = Fraction(1)
    benefit: tuple[int, int] = (40_00, 100_00)
    cost: tuple[int, int] = (5_00, 25_00)
    maintenance: tuple[int, int] = (5_00, 15_00)
    currency: Currency = DEFAULT_CURRENCY


def market_from_fjsp(
    instance: FjspInstance, options: FjspOptions, seed: int, name: str
) -> Scenario:
    """The market of `instance`, with the values it lacks drawn from `seed`.

    The concept is `balanced`; a demander publishes an operation as often as the most flexible one
    has machines, so that every alternative gets its turn; a slot is the smallest number of whole
    hours that holds the largest capacity in minutes. `name` is the instance's file.
    Raises InvalidScenario for options that make no market.
    """
    scenario = build_market(instance, options, seed, name, file=name)
    check_scenario(scenario, name)
    return scenario


def build_market(
    instance: FjspInstance, options: FjspOptions, seed: int, name: str, *, file: str
) -> Scenario:
    """As `market_from_fjsp`, but the scenario is still to be checked, by a caller that changes it.

    `file` is where the options stand, for error messages.
    """
    _check_options(options, file)
    capacity = _capacities(instance, options.capacity_factor)
    largest = max(max(row) for row in capacity)
    if largest > LARGEST_SLOT_LENGTH // 60:
        problem = f"it makes a capacity of {largest} minutes, more than a slot holds; lower it"
        raise InvalidScenario(f"{file}: fjsp.capacity_factor: {problem}")
    return Scenario(
        name=PurePath(name).stem,
        title=f"Flexible job shop {PurePath(name).stem}",
        description=(
            f"{len(instance.jobs)} jobs with {sum(map(len, instance.jobs))} operations on "
            f"{instance.machines} machines; each job buys machine minutes, one operation a slot."
        ),
        source=f"Flexible job-shop instance {PurePath(name).name}; its times are read as minutes.",
        draws=_draws_text(options, seed),
        currency=options.currency,
        concept="balanced",
        negotiation="session",
        release_rounds=max(len(op.alternatives) for job in instance.jobs for op in job),
        operators=3,
        threshold=2,
        slot_length=_HOUR * max(1, math.ceil(Fraction(largest * 60, _HOUR))),
        tampered_copies=0,
        demanders=tuple(
            Demander(
                f"job {j}",
                tuple(
                    _sub_task(operation, j, k, options, seed)
                    for k, operation in enumerate(job, start=1)
                ),
            )
            for j, job in enumerate(instance.jobs, start=1)
        ),
        suppliers=tuple(
            _supplier(machine, row, options, seed) for machine, row in enumerate(capacity)
        ),
    )


def _check_options(options: FjspOptions, file: str) -> None:
    if options.capacity_factor <= 0:
        shown = f"{float(options.capacity_factor):g}"
        problem = f"fjsp.capacity_factor: {shown} is not above 0; 1 is about one operation a slot"
        raise InvalidScenario(f"{file}: {problem}")
    for key in ("benefit", "cost", "maintenance"):
        low, high = getattr(options, key)
        if not 0 <= low <= high:
            text = [f"{amount / 10**options.currency.decimals:g}" for amount in (low, high)]
            problem = f"[{text[0]}, {text[1]}] is no range; write [lowest, highest], both >= 0"
            raise InvalidScenario(f"{file}: fjsp.{key}: {problem}")


def _capacities(instance: FjspInstance, factor: Fraction) -> list[tuple[int, ...]]:
    """Per machine, its capacity in each slot, in minutes."""
    slots = max(len(job) for job in instance.jobs)
    longest = [[0] * slots for _ in range(instance.machines)]
    for job in instance.jobs:
        for slot, operation in enumerate(job):
            for machine, time in operation.alternatives:
                longest[machine][slot] = max(longest[machine][slot], time)
    return [tuple(math.ceil(factor * time) for time in row) for row in longest]


def _sub_task(operation: Operation, j: int, k: int, options: FjspOptions, seed: int) -> SubTask:
    """Operation `k` of job `j`, both from 1, worth the same on every machine but for rounding."""
    benefit = draw(seed, f"benefit|job {j}|op {k}", *options.benefit)
    cost = draw(seed, f"cost|job {j}|op {k}", *options.cost)
    fastest = min(time for _, time in operation.alternatives)
    return SubTask(
        name=f"op {k}",
        slot=k - 1,
        divisible=False,
        alternatives=tuple(
            Alternative(
                resource=f"machine-{machine}",
                quantity=time,
                benefit=benefit * fastest // time,
                cost=-(-cost * fastest // time),
            )
            for machine, time in operation.alternatives
        ),
    )


def _supplier(machine: int, capacity: tuple[int, ...], options: FjspOptions, seed: int) -> Supplier:
    scale = 10**options.currency.decimals
    return Supplier(
        name=f"owner of machine-{machine}",
        resource=f"machine-{machine}",
        unit=UNIT,
        maintenance=draw(seed, f"maintenance|machine {machine}", *options.maintenance),
        a=DEFAULT_A * scale,
        b=DEFAULT_B * scale,
        attested=capacity,
        listed=capacity,
    )


def _draws_text(options: FjspOptions, seed: int) -> str:
    def between(bounds: tuple[int, int]) -> str:
        low, high = (options.currency.text(amount) for amount in bounds)
        return f"{low}..{high}"

    return (
        f"Not in the instance, so drawn from seed {seed} by SHA-256, uniform, in "
        f"{options.currency.symbol} per minute: benefit {between(options.benefit)} and production "
        f"cost {between(options.cost)} of each operation on its fastest machine (a slower machine "
        "is worth less per minute, so that the whole operation is worth the same on each); "
        f"maintenance {between(options.maintenance)} of each machine."
    )
