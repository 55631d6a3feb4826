"""Scenario files: TOML or JSON text becomes a checked `Scenario`.

A file is either explicit (``demanders`` and ``suppliers``) or names a job-shop instance (``fjsp``).
Money stands in units of the currency and is exact: TOML and JSON numbers are read as decimals,
never as binary floats. docs/reference/scenario-files.md lists every key.
"""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePath, PurePosixPath
from typing import Any

from pydantic import ValidationError

from fabmarket.market.delivery import INSTANT, Delivery
from fabmarket.scenario.checks import LARGEST_DECIMALS, check_scenario
from fabmarket.scenario.fjsp import parse_fjsp
from fabmarket.scenario.model import (
    DEFAULT_OPERATORS,
    Alternative,
    Breakdown,
    Currency,
    Demander,
    InvalidScenario,
    Operation,
    Product,
    Scenario,
    SubTask,
    Supplier,
    Work,
    majority_of,
    shown,
)
from fabmarket.scenario.schema import (
    AlternativeTable,
    BreakdownTable,
    DeliveryTable,
    DemanderTable,
    FjspTable,
    ScenarioFile,
    SubTaskTable,
    SupplierTable,
    problem_of,
)
from fabmarket.scenario.slotted import FjspOptions, build_market
from fabmarket.scenario.texts import parse_json, parse_toml


def parse_scenario(
    text: str, name: str, seed: int, read_companion: Callable[[str], str]
) -> Scenario:
    """The market that a scenario file describes.

    `name` is the file's path: its suffix says TOML or JSON, its stem names the scenario. `seed` is
    for the values that an ``fjsp`` table leaves to be drawn. `read_companion` returns the text of a
    file named relative to this one; what it raises passes through.
    Raises InvalidScenario, MalformedText for text that is no TOML or JSON, and MalformedFjsp for a
    companion that is no instance.
    """
    try:
        table = ScenarioFile.model_validate(_load(text, name))
    except ValidationError as error:
        raise InvalidScenario(f"{name}: {problem_of(error)}") from None
    if table.fjsp is not None:
        if table.demanders is not None or table.suppliers is not None:
            problem = "the instance already makes the demanders and suppliers; keep one of the two"
            raise InvalidScenario(f"{name}: fjsp: {problem}")
        scenario = _from_fjsp(table, table.fjsp, name, seed, read_companion)
    else:
        scenario = _explicit(table, name)
    check_scenario(scenario, name)
    return scenario


def _load(text: str, name: str) -> Any:
    suffix = PurePath(name).suffix.lower()
    if suffix == ".toml":
        return parse_toml(text, name)
    if suffix == ".json":
        return parse_json(text, name, Decimal)
    problem = f"{shown(suffix) if suffix else 'no suffix'} is not a scenario file's"
    raise InvalidScenario(f"{name}: {problem}; use .toml or .json")


def _explicit(table: ScenarioFile, name: str) -> Scenario:
    currency = _currency(table, name)
    money = _Money(name, currency)
    stem = PurePath(name).stem
    suppliers = table.suppliers or []
    slots = max((len(each.attested) for each in suppliers), default=0)
    operators = DEFAULT_OPERATORS if table.operators is None else table.operators
    return Scenario(
        name=stem,
        title=table.title or stem,
        description=table.description or "",
        source=table.source or f"The scenario file {PurePath(name).name}.",
        draws="Nothing is drawn: every number stands in the scenario file.",
        currency=currency,
        concept=table.concept or "balanced",
        negotiation=table.negotiation or "session",
        release_rounds=3 if table.release_rounds is None else table.release_rounds,
        operators=operators,
        threshold=majority_of(operators) if table.threshold is None else table.threshold,
        slot_length=3600 if table.slot_length is None else table.slot_length,
        tampered_copies=table.tampered_copies or 0,
        least=table.least,
        demanders=tuple(
            _demander(f"demanders.{i}", demander, money, slots)
            for i, demander in enumerate(table.demanders or [])
        ),
        suppliers=tuple(
            _supplier(f"suppliers.{i}", supplier, money) for i, supplier in enumerate(suppliers)
        ),
        delivery=_delivery(table.delivery),
        breakdowns=tuple(map(_breakdown, table.breakdowns)),
    )


def _from_fjsp(
    table: ScenarioFile,
    fjsp: FjspTable,
    name: str,
    seed: int,
    read_companion: Callable[[str], str],
) -> Scenario:
    if PurePosixPath(fjsp.file).is_absolute() or not fjsp.file or not fjsp.file.isprintable():
        problem = (
            f"{shown(fjsp.file)} is not a relative path; name the instance relative to this file"
        )
        raise InvalidScenario(f"{name}: fjsp.file: {problem}")
    if fjsp.machines_from not in (None, 0, 1):
        problem = f"{shown(fjsp.machines_from)} is not possible; write 0 or 1"
        raise InvalidScenario(f"{name}: fjsp.machines_from: {problem}")
    instance = parse_fjsp(read_companion(fjsp.file), fjsp.file, fjsp.machines_from)
    options = _fjsp_options(table, fjsp, name)
    scenario = build_market(instance, options, seed, fjsp.file, file=name)
    given = {
        key: value
        for key in (
            "title",
            "description",
            "source",
            "concept",
            "negotiation",
            "release_rounds",
            "operators",
            "threshold",
            "slot_length",
            "tampered_copies",
        )
        if (value := getattr(table, key)) is not None
    }
    threshold = given.pop("threshold", majority_of(given.get("operators", scenario.operators)))
    return replace(
        scenario,
        name=PurePath(name).stem,
        threshold=threshold,
        delivery=_delivery(table.delivery),
        breakdowns=tuple(map(_breakdown, table.breakdowns)),
        least=table.least,
        **given,
    )


def _fjsp_options(table: ScenarioFile, fjsp: FjspTable, name: str) -> FjspOptions:
    currency = _currency(table, name)
    money = _Money(name, currency)

    def bounds(key: str, given: list[Decimal]) -> tuple[int, int]:
        low, high = (money.base(f"fjsp.{key}.{i}", value) for i, value in enumerate(given))
        return low, high

    return FjspOptions(
        capacity_factor=Fraction(fjsp.capacity_factor),
        benefit=bounds("benefit", fjsp.benefit),
        cost=bounds("cost", fjsp.cost),
        maintenance=bounds("maintenance", fjsp.maintenance),
        currency=currency,
    )


def _currency(table: ScenarioFile, name: str) -> Currency:
    symbol, decimals = table.currency.symbol, table.currency.decimals
    if not 0 <= decimals <= LARGEST_DECIMALS:
        problem = f"{shown(decimals)} is not possible; use 0 to {LARGEST_DECIMALS}"
        raise InvalidScenario(f"{name}: currency.decimals: {problem}")
    return Currency(symbol, decimals)


class _Money:
    """From the file's currency units to base units."""

    def __init__(self, file: str, currency: Currency) -> None:
        self.file = file
        self.currency = currency

    def base(self, path: str, value: Decimal) -> int:
        amount = Fraction(value) * 10**self.currency.decimals
        if amount.denominator != 1:
            problem = f"{shown(value)} has more than {self.currency.decimals} decimals"
            remedy = "round it or raise currency.decimals"
            raise InvalidScenario(f"{self.file}: {path}: {problem}; {remedy}")
        if amount < 0:
            problem = f"{shown(value)} is negative; amounts are >= 0"
            raise InvalidScenario(f"{self.file}: {path}: {problem}")
        return int(amount)

    def coefficient(self, value: Decimal) -> Fraction:
        return Fraction(value) * int(10**self.currency.decimals)


def _demander(path: str, table: DemanderTable, money: _Money, slots: int) -> Demander:
    """The demander; `slots` is the length of the longest calendar."""
    given = table.model_fields_set - {"name", "sub_tasks"}
    if table.operations is None and given:
        problem = "is of a product; add operations, or leave it out"
        raise InvalidScenario(f"{money.file}: {path}.{min(given)}: {problem}")
    return Demander(
        name=table.name,
        sub_tasks=tuple(
            _sub_task(f"{path}.sub_tasks.{i}", task, money)
            for i, task in enumerate(table.sub_tasks or [])
        ),
        product=None if table.operations is None else _product(path, table, money, slots),
    )


def _product(path: str, table: DemanderTable, money: _Money, slots: int) -> Product:
    if table.value is None:
        raise InvalidScenario(f"{money.file}: {path}.value: the key is missing; add it")
    last = max(0, slots - 1) if table.last is None else table.last
    return Product(
        operations=tuple(
            Operation(
                operation.name,
                tuple(Work(way.resource, way.quantity) for way in operation.alternatives),
            )
            for operation in table.operations or []
        ),
        release=table.release,
        due=last if table.due is None else table.due,
        last=last,
        value=money.base(f"{path}.value", table.value),
        lateness=money.base(f"{path}.lateness", table.lateness),
        partial=table.partial,
    )


def _sub_task(path: str, table: SubTaskTable, money: _Money) -> SubTask:
    return SubTask(
        name=table.name,
        slot=table.slot,
        divisible=table.divisible,
        alternatives=tuple(
            _alternative(f"{path}.alternatives.{j}", alternative, money)
            for j, alternative in enumerate(table.alternatives)
        ),
    )


def _alternative(path: str, table: AlternativeTable, money: _Money) -> Alternative:
    return Alternative(
        resource=table.resource,
        quantity=table.quantity,
        benefit=money.base(f"{path}.benefit", table.benefit),
        cost=money.base(f"{path}.cost", table.cost),
    )


def _supplier(path: str, table: SupplierTable, money: _Money) -> Supplier:
    return Supplier(
        name=table.name,
        resource=table.resource,
        unit=table.unit,
        maintenance=money.base(f"{path}.maintenance", table.maintenance),
        a=money.coefficient(table.a),
        b=money.coefficient(table.b),
        attested=tuple(table.attested),
        listed=tuple(table.attested if table.listed is None else table.listed),
        lots=table.lots,
        step=table.step,
    )


def _delivery(table: DeliveryTable | None) -> Delivery:
    return INSTANT if table is None else Delivery(**table.model_dump())


def _breakdown(table: BreakdownTable) -> Breakdown:
    announced = table.first if table.announced is None else table.announced
    return Breakdown(table.supplier, table.first, table.last, table.left, announced)
