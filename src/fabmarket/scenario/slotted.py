"""A flexible job-shop instance becomes a market of whole products, in slots.

A job is the product of a demander of its own, a machine the resource of a supplier of its own. The
benchmarks give times without a unit; here they are minutes. A slot is as long as the longest
operation on its fastest machine, so that each fits one; ways that take longer are left out. All
machines are listed in all slots, up to 1.15 times the best known makespan and at least two slots
more than the longest job has operations. What an instance does not say is drawn from the seed, as
`FjspOptions` states and `Scenario.draws` repeats.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import PurePath

from fabmarket.market.products import MOST_LINES
from fabmarket.market.units import LARGEST_AMOUNT, LARGEST_QUANTITY
from fabmarket.scenario.checks import MOST_SLOTS, MOST_SUB_TASKS, check_scenario
from fabmarket.scenario.fjsp import FjspInstance
from fabmarket.scenario.fjsp import Operation as Step
from fabmarket.scenario.model import (
    DEFAULT_A,
    DEFAULT_B,
    DEFAULT_CURRENCY,
    DEFAULT_OPERATORS,
    Currency,
    Demander,
    InvalidScenario,
    Operation,
    Product,
    Scenario,
    Supplier,
    Work,
    majority_of,
    shown,
)

_MINUTE = 60  # seconds
_UNIT = "minute"
_SLACK = Fraction(115, 100)
_BEST_KNOWN = {
    "mk01": 40,
    "mk02": 26,
    "mk03": 204,
    "mk04": 60,
    "mk05": 172,
    "mk06": 57,
    "mk07": 139,
    "mk08": 523,
    "mk09": 307,
    "mk10": 189,
    "k1": 11,
    "k2": 11,
    "k3": 7,
    "k4": 11,
}

_Jobs = dict[int, dict[int, Step]]
"""Operations that take time, by the numbers of job and operation, both from 1."""


@dataclass(frozen=True)
class FjspOptions:
    """What an instance does not say: money, and how much capacity there is.

    The pairs are the least and the largest draw, base units of ``currency`` per minute: a minute of
    a product's fastest chain is worth ``benefit`` less ``cost`` of production, and a machine costs
    ``maintenance``. A machine has ``capacity_factor`` times the slot's length of minutes in each
    slot, rounded up.
    """

    capacity_factor: Fraction = Fraction(1)
    benefit: tuple[int, int] = (40_00, 100_00)
    cost: tuple[int, int] = (5_00, 25_00)
    maintenance: tuple[int, int] = (5_00, 15_00)
    currency: Currency = DEFAULT_CURRENCY


def slotted(instance: FjspInstance, seed: int, name: str) -> Scenario:
    """Return the market of an instance; `name` is its file. InvalidScenario if none can run."""
    scenario = build_market(instance, FjspOptions(), seed, name, file=name)
    check_scenario(scenario, name)
    return scenario


def best_known(instance: FjspInstance, name: str) -> int:
    """Return the shortest makespan known of an instance that is shipped, minutes.

    For any other the longest fastest chain of a job, or the busiest machine's load, each operation
    on the first of its fastest machines, if that is more.
    """
    known = _BEST_KNOWN.get(PurePath(name).stem)
    if known is not None:
        return known
    load = [0] * instance.machines
    jobs = _jobs(instance)
    for step in _steps(jobs):
        machine, minutes = min(step.alternatives, key=lambda way: way[1])
        load[machine] += minutes
    return max(*(sum(map(_fastest, job.values())) for job in jobs.values()), *load)


def build_market(
    instance: FjspInstance, options: FjspOptions, seed: int, name: str, *, file: str
) -> Scenario:
    """As `slotted`, but the scenario is still to be checked, by a caller that changes it.

    Money that is drawn is rounded down to base units, a slot's number to the slot. `file` is where
    the options stand, for error messages.
    """
    _check_options(options, file)
    jobs = _jobs(instance)
    if not jobs:
        problem = "every operation takes no time, so that there is nothing to buy"
        raise InvalidScenario(f"{file}: {problem}; give an instance with times above 0")
    length = max(map(_fastest, _steps(jobs)))
    slots = _slots(instance, jobs, length, name, file)
    _check_jobs(jobs, name)
    listed = (_capacity(options, length, file),) * slots
    products = {
        number: _product(number, job, slots, length, options, seed) for number, job in jobs.items()
    }
    _check_values(products, file)
    stem = PurePath(name).stem
    every = sum(map(len, instance.jobs))
    return Scenario(
        name=stem,
        title=f"Flexible job shop {stem}",
        description=(
            f"{len(instance.jobs)} jobs with {every} operations on {instance.machines} machines; "
            "each job is a product of machine minutes, bought whole or not at all."
        ),
        source=f"Flexible job-shop instance {PurePath(name).name}; its times are read as minutes.",
        draws=_draws_text(options, seed),
        notes=_notes(instance, jobs, length),
        currency=options.currency,
        concept="clock",
        negotiation="session",
        release_rounds=1,
        operators=DEFAULT_OPERATORS,
        threshold=majority_of(DEFAULT_OPERATORS),
        slot_length=length * _MINUTE,
        tampered_copies=0,
        demanders=tuple(
            Demander(f"job {number}", (), product) for number, product in products.items()
        ),
        suppliers=tuple(
            _supplier(machine, listed, options, seed) for machine in range(instance.machines)
        ),
    )


def _jobs(instance: FjspInstance) -> _Jobs:
    jobs = {
        number: {k: step for k, step in enumerate(job, start=1) if step.takes_time}
        for number, job in enumerate(instance.jobs, start=1)
    }
    return {number: job for number, job in jobs.items() if job}


def _check_jobs(jobs: _Jobs, name: str) -> None:
    """Refuse jobs that no market takes, by what the instance calls them."""
    for number, job in jobs.items():
        if len(job) > MOST_LINES:
            problem = f"job {number} has {len(job)} operations that take time; a product has at"
            remedy = f"most {MOST_LINES}, which settle in one transaction; give shorter jobs"
            raise InvalidScenario(f"{name}: {problem} {remedy}")
    operations = sum(map(len, jobs.values()))
    if operations > MOST_SUB_TASKS:
        problem = f"the jobs have {operations} operations that take time; a market has at most"
        raise InvalidScenario(f"{name}: {problem} {MOST_SUB_TASKS}; give a smaller shop")


def _steps(jobs: _Jobs) -> Iterator[Step]:
    return (step for job in jobs.values() for step in job.values())


def _fastest(step: Step) -> int:
    return min(minutes for _, minutes in step.alternatives)


def _slots(instance: FjspInstance, jobs: _Jobs, length: int, name: str, file: str) -> int:
    best = best_known(instance, name)
    slots = max(max(map(len, jobs.values())) + 2, math.ceil(_SLACK * best / length))
    if slots * instance.machines > MOST_SLOTS:
        problem = f"{slots} slots of {instance.machines} machines are {slots * instance.machines}"
        remedy = f"a market has at most {MOST_SLOTS} slots of all suppliers; give a smaller shop"
        raise InvalidScenario(f"{file}: {problem}; {remedy}")
    return slots


def _capacity(options: FjspOptions, length: int, file: str) -> int:
    capacity = math.ceil(options.capacity_factor * length)
    if capacity > LARGEST_QUANTITY:
        problem = f"it makes a capacity of {shown(capacity)} minutes, more than a contract holds"
        raise InvalidScenario(f"{file}: fjsp.capacity_factor: {problem}; lower it")
    return capacity


def _check_options(options: FjspOptions, file: str) -> None:
    if options.capacity_factor <= 0:
        factor = f"{float(options.capacity_factor):g}"
        problem = f"fjsp.capacity_factor: {factor} is not above 0; 1 is one machine a slot"
        raise InvalidScenario(f"{file}: {problem}")
    for key in ("benefit", "cost", "maintenance"):
        low, high = getattr(options, key)
        if not 0 <= low <= high:
            text = [f"{amount / 10**options.currency.decimals:g}" for amount in (low, high)]
            problem = f"[{text[0]}, {text[1]}] is no range; write [lowest, highest], both >= 0"
            raise InvalidScenario(f"{file}: fjsp.{key}: {problem}")
        if high > LARGEST_AMOUNT:
            most = options.currency.text(LARGEST_AMOUNT)
            problem = f"{options.currency.text(high)} is too large; amounts are at most {most}"
            raise InvalidScenario(f"{file}: fjsp.{key}: {problem}")


def _check_values(products: Mapping[int, Product], file: str) -> None:
    """Refuse values that the deposits of all jobs together, each as large, could not cover."""
    for number, product in products.items():
        if product.value * len(products) > LARGEST_AMOUNT:
            problem = f"it makes job {number} worth {shown(product.value)} base units, and"
            most = f"deposits of that for {len(products)} jobs are more than the contract holds"
            raise InvalidScenario(f"{file}: fjsp.benefit: {problem} {most}; lower it")


def _notes(instance: FjspInstance, jobs: _Jobs, length: int) -> tuple[str, ...]:
    """What must be known about how the instance was read, a line each."""
    notes = [instance.numbering] if instance.numbering else []
    free = sum(map(len, instance.jobs)) - sum(map(len, jobs.values()))
    if free:
        many = "1 operation takes" if free == 1 else f"{free} operations take"
        notes.append(f"{many} no time: that is nothing to buy, and in no product.")
    slow = sum(minutes > length for step in _steps(jobs) for _, minutes in step.alternatives)
    if slow:
        many = "1 way" if slow == 1 else f"{slow} ways"
        left = "is" if slow == 1 else "are"
        notes.append(
            f"{many} to do an operation on a slower machine {left} left out: a slot has {length} "
            "minutes, and each operation fits one."
        )
    return tuple(notes)


def _product(
    number: int, job: dict[int, Step], slots: int, length: int, options: FjspOptions, seed: int
) -> Product:
    """The product of a job, worth what its fastest minutes earn beyond production, at least 0."""
    j = number - 1
    rate = _drawn(seed, f"v{j}", *options.benefit) - _drawn(seed, f"c{j}", *options.cost)
    value = max(0, math.floor(rate * sum(map(_fastest, job.values()))))
    spare = slots - len(job)
    release = math.floor(_drawn(seed, f"r{j}", 0, Fraction(spare, 2) + Fraction(999, 1000)))
    release = release if spare > 2 else 0
    left = slots - release - len(job)
    patience = math.floor(_drawn(seed, f"d{j}", Fraction(1, 4), Fraction(3, 4)) * left)
    return Product(
        operations=tuple(
            Operation(
                f"op {k}",
                tuple(
                    Work(f"machine-{machine}", minutes)
                    for machine, minutes in step.alternatives
                    if minutes <= length
                ),
            )
            for k, step in job.items()
        ),
        release=release,
        due=min(slots - 1, release + len(job) - 1 + max(1, patience)),
        last=slots - 1,
        value=value,
        lateness=value // 50,
    )


def _supplier(machine: int, listed: tuple[int, ...], options: FjspOptions, seed: int) -> Supplier:
    scale = 10**options.currency.decimals
    return Supplier(
        name=f"owner of machine-{machine}",
        resource=f"machine-{machine}",
        unit=_UNIT,
        maintenance=math.floor(_drawn(seed, f"m{machine}", *options.maintenance)),
        a=DEFAULT_A * scale,
        b=DEFAULT_B * scale,
        attested=listed,
        listed=listed,
    )


def _drawn(seed: int, label: str, low: int | Fraction, high: int | Fraction) -> Fraction:
    """A number from `low` to `high`: the first 8 bytes of SHA-256("<seed>|<label>") over 2**64."""
    number = int.from_bytes(hashlib.sha256(f"{seed}|{label}".encode()).digest()[:8], "big")
    return low + (high - low) * Fraction(number, 2**64)


def _draws_text(options: FjspOptions, seed: int) -> str:
    def between(bounds: tuple[int, int]) -> str:
        low, high = (options.currency.text(amount) for amount in bounds)
        return f"{low}..{high}"

    return (
        f"Not in the instance, so drawn from seed {seed} by SHA-256, uniform, in "
        f"{options.currency.symbol}: what a minute of a product's fastest chain is worth, benefit "
        f"{between(options.benefit)} less production cost {between(options.cost)}; its release in "
        "the first half of the spare slots; its due date after a quarter to three quarters of what "
        f"is left; 2 % of the value a slot late; maintenance {between(options.maintenance)} of a "
        "minute of each machine, the least price. Rounded down to base units."
    )
