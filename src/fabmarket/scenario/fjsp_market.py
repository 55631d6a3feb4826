"""A flexible job-shop instance becomes a market.

A job is one demander's product. Its operation k is a sub-task of calendar slot k, so precedence
holds by construction; the operation's machines are its alternatives, and it is bought whole or not
at all. An operation that can be done in no time is nothing to buy, and no sub-task. Machine i is
the resource type ``machine-<i>`` of a supplier of its own.

The benchmarks give times without a unit; here they are minutes. They give no prices: private values
are drawn from the seed as `FjspOptions` states and `Scenario.draws` repeats.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import PurePath

from fabmarket.scenario.checks import LONGEST_CALENDAR, MOST_SLOTS, check_scenario
from fabmarket.scenario.draws import draw
from fabmarket.scenario.fjsp import FjspInstance, Operation
from fabmarket.scenario.model import (
    DEFAULT_A,
    DEFAULT_B,
    DEFAULT_CURRENCY,
    DEFAULT_OPERATORS,
    Alternative,
    Currency,
    Demander,
    InvalidScenario,
    Scenario,
    SubTask,
    Supplier,
    majority_of,
    shown,
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
    operations = [operation for job in instance.jobs for operation in job]
    bought = [operation for operation in operations if operation.takes_time]
    if not bought:
        problem = "every operation takes no time, so that there is nothing to buy"
        raise InvalidScenario(f"{file}: {problem}; give an instance with times above 0")
    capacity = _capacities(instance, options.capacity_factor, file)
    largest = max(max(row) for row in capacity)
    if largest > LONGEST_CALENDAR // 60:
        problem = f"it makes a capacity of {shown(largest)} minutes, more than a slot holds"
        raise InvalidScenario(f"{file}: fjsp.capacity_factor: {problem}; lower it")
    return Scenario(
        name=PurePath(name).stem,
        title=f"Flexible job shop {PurePath(name).stem}",
        description=(
            f"{len(instance.jobs)} jobs with {len(operations)} operations on "
            f"{instance.machines} machines; each job buys machine minutes, one operation a slot."
        ),
        source=f"Flexible job-shop instance {PurePath(name).name}; its times are read as minutes.",
        draws=_draws_text(options, seed),
        notes=_notes(instance, len(operations) - len(bought)),
        currency=options.currency,
        concept="balanced",
        negotiation="session",
        release_rounds=max(len(operation.alternatives) for operation in bought),
        operators=DEFAULT_OPERATORS,
        threshold=majority_of(DEFAULT_OPERATORS),
        slot_length=_HOUR * max(1, math.ceil(Fraction(largest * 60, _HOUR))),
        tampered_copies=0,
        demanders=tuple(
            Demander(
                f"job {j}",
                tuple(
                    _sub_task(operation, j, k, options, seed)
                    for k, operation in enumerate(job, start=1)
                    if operation.takes_time
                ),
            )
            for j, job in enumerate(instance.jobs, start=1)
            if any(operation.takes_time for operation in job)
        ),
        suppliers=tuple(
            _supplier(machine, row, options, seed) for machine, row in enumerate(capacity)
        ),
    )


def _notes(instance: FjspInstance, free: int) -> tuple[str, ...]:
    """What must be known about how the instance was read, a line each."""
    notes = [instance.numbering] if instance.numbering else []
    if free:
        many = "1 operation takes" if free == 1 else f"{free} operations take"
        notes.append(f"{many} no time: that is nothing to buy, and no sub-task is made of it.")
    return tuple(notes)


def _check_options(options: FjspOptions, file: str) -> None:
    if options.capacity_factor <= 0:
        factor = f"{float(options.capacity_factor):g}"
        problem = f"fjsp.capacity_factor: {factor} is not above 0; 1 is about one operation a slot"
        raise InvalidScenario(f"{file}: {problem}")
    for key in ("benefit", "cost", "maintenance"):
        low, high = getattr(options, key)
        if not 0 <= low <= high:
            text = [f"{amount / 10**options.currency.decimals:g}" for amount in (low, high)]
            problem = f"[{text[0]}, {text[1]}] is no range; write [lowest, highest], both >= 0"
            raise InvalidScenario(f"{file}: fjsp.{key}: {problem}")


def _capacities(instance: FjspInstance, factor: Fraction, file: str) -> list[tuple[int, ...]]:
    """Per machine, its capacity in each slot, in minutes."""
    slots = max(len(job) for job in instance.jobs)
    if slots * instance.machines > MOST_SLOTS:
        problem = f"{slots} slots of {instance.machines} machines are {slots * instance.machines}"
        remedy = f"a market has at most {MOST_SLOTS} slots of all suppliers; give a smaller shop"
        raise InvalidScenario(f"{file}: {problem}; {remedy}")
    longest = [[0] * slots for _ in range(instance.machines)]
    for job in instance.jobs:
        for slot, operation in enumerate(job):
            if operation.takes_time:
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
