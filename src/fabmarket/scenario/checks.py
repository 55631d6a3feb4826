"""What makes a scenario one that can run, whatever it was read or built from.

Each check names the path as in a scenario file, the value and the remedy.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import NoReturn

from fabmarket.scenario.model import (
    MARKET_CONCEPTS,
    NEGOTIATIONS,
    Alternative,
    Demander,
    InvalidScenario,
    Scenario,
    SubTask,
    Supplier,
    shown,
)

LARGEST_QUANTITY = 2**64 - 2  # the number above it means as much as pays
FINEST_WEIGHT = Fraction(1, 10**6)  # of a base unit per unit^2: what a price rule can say
LARGEST_AMOUNT = 2**128 - 1
"""The contract's types: a quantity is a uint64, a unit price a uint128."""

LARGEST_SLOT_LENGTH = 2**40
LONGEST_TYPE_NAME = 31
LONGEST_NAME = 64
LARGEST_DECIMALS = 18
MOST_ROUNDS = 10_000
MOST_OPERATORS = 100
MOST_COPIES = 1_000


def check_scenario(scenario: Scenario, file: str) -> None:
    """Raise InvalidScenario unless `scenario` can run; `file` is named in the message."""
    _Check(scenario, file).run()


class _Check:
    def __init__(self, scenario: Scenario, file: str) -> None:
        self.scenario = scenario
        self.file = file

    def refuse(self, path: str, problem: str) -> NoReturn:
        raise InvalidScenario(f"{self.file}: {path}: {problem}")

    def run(self) -> None:
        self.rules()
        self.participants()
        for path, supplier in self.suppliers():
            self.supplier(path, supplier)
        self.one_unit_per_resource()
        for i, demander in enumerate(self.scenario.demanders):
            self.demander(f"demanders.{i}", demander)

    def suppliers(self) -> Iterator[tuple[str, Supplier]]:
        for i, supplier in enumerate(self.scenario.suppliers):
            yield f"suppliers.{i}", supplier

    def whole(self, path: str, value: int, low: int, high: int, what: str) -> None:
        """Refuse a number outside low..high; `what` is the plural noun of the message."""
        if value < low:
            fault = "negative" if value < 0 else "too small"
            self.refuse(path, f"{shown(value)} is {fault}; {what} are integers >= {low}")
        if value > high:
            self.refuse(path, f"{shown(value)} is too large; {what} are at most {high}")

    def rules(self) -> None:
        s = self.scenario
        if s.concept not in MARKET_CONCEPTS:
            known = ", ".join(MARKET_CONCEPTS)
            problem = (
                f"a session cannot run {shown(s.concept)}; use balanced (a session runs {known})"
            )
            self.refuse("concept", problem)
        if s.negotiation not in NEGOTIATIONS:
            known = " or ".join(NEGOTIATIONS)
            self.refuse("negotiation", f"{shown(s.negotiation)} is not known; use {known}")
        self.whole("release_rounds", s.release_rounds, 1, MOST_ROUNDS, "release rounds")
        self.whole("operators", s.operators, 1, MOST_OPERATORS, "numbers of operators")
        self.whole("threshold", s.threshold, 1, MOST_OPERATORS, "thresholds")
        if s.threshold > s.operators:
            problem = f"{s.threshold} signatures cannot come from {s.operators} operators"
            self.refuse("threshold", f"{problem}; lower it to {s.operators} or add operators")
        self.whole("slot_length", s.slot_length, 1, LARGEST_SLOT_LENGTH, "slot lengths in seconds")
        self.whole("tampered_copies", s.tampered_copies, 0, MOST_COPIES, "tampered copies")
        self.type_name("currency.symbol", s.currency.symbol)
        self.whole("currency.decimals", s.currency.decimals, 0, LARGEST_DECIMALS, "decimals")

    def participants(self) -> None:
        if not self.scenario.demanders:
            self.refuse("demanders", "there are none; add at least one")
        if not self.scenario.suppliers:
            self.refuse("suppliers", "there are none; add at least one")
        names = [(f"demanders.{i}.name", d.name) for i, d in enumerate(self.scenario.demanders)]
        names += [(f"suppliers.{i}.name", s.name) for i, s in enumerate(self.scenario.suppliers)]
        seen: dict[str, str] = {}
        for path, name in names:
            self.name(path, name)
            if name in seen:
                problem = f"{shown(name)} is already the name at {seen[name]}"
                self.refuse(path, f"{problem}; give every participant its own")
            seen[name] = path

    def name(self, path: str, name: str) -> None:
        if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable() or name != name.strip():
            problem = f"{shown(name)} is not a name; write 1 to {LONGEST_NAME} printable characters"
            self.refuse(path, f"{problem} without spaces at the ends")

    def type_name(self, path: str, name: str) -> None:
        fits = 1 <= len(name) <= LONGEST_TYPE_NAME and name.isascii() and name.isprintable()
        if not fits or name != name.strip():
            problem = f"{shown(name)} does not fit; write 1 to {LONGEST_TYPE_NAME} printable ASCII"
            self.refuse(path, f"{problem} characters without spaces at the ends")

    def supplier(self, path: str, supplier: Supplier) -> None:
        self.type_name(f"{path}.resource", supplier.resource)
        self.type_name(f"{path}.unit", supplier.unit)
        self.whole(f"{path}.maintenance", supplier.maintenance, 0, LARGEST_AMOUNT, "amounts")
        self.coefficients(path, supplier)
        if not supplier.attested:
            self.refuse(f"{path}.attested", "the calendar is empty; give one quantity per slot")
        for key in ("attested", "listed"):
            for slot, quantity in enumerate(getattr(supplier, key)):
                self.whole(f"{path}.{key}.{slot}", quantity, 0, LARGEST_QUANTITY, "quantities")
        slots, listed_slots = len(supplier.attested), len(supplier.listed)
        if slots != listed_slots:
            problem = f"{listed_slots} slots are not the {slots} of attested; give one per slot"
            self.refuse(f"{path}.listed", problem)
        for slot, (attested, listed) in enumerate(
            zip(supplier.attested, supplier.listed, strict=True)
        ):
            if listed > attested:
                problem = f"{listed} is above the {attested} attested, which the contract refuses"
                self.refuse(f"{path}.listed.{slot}", f"{problem}; list at most {attested}")

    def coefficients(self, path: str, supplier: Supplier) -> None:
        scale = 10**self.scenario.currency.decimals
        for key in ("a", "b"):
            value: Fraction = getattr(supplier, key)
            if value <= 0:
                problem = f"{float(value / scale):g} is not above 0; price coefficients are"
                self.refuse(f"{path}.{key}", problem)
            if value % FINEST_WEIGHT:
                finest = float(FINEST_WEIGHT / scale)
                problem = f"{float(value / scale):g} is no multiple of {finest:g}, the finest step"
                self.refuse(f"{path}.{key}", f"{problem} of a price coefficient; round it")
        s = self.scenario
        balanced = s.concept == "balanced" and s.negotiation == "session"
        if balanced and supplier.a <= supplier.b:
            a, b = (f"{float(value / scale):g}" for value in (supplier.a, supplier.b))
            problem = (
                f"{a} is not above b = {b}, and then the balanced price (a - b) * S does not rise "
                "with demand; raise a or lower b"
            )
            self.refuse(f"{path}.a", problem)

    def one_unit_per_resource(self) -> None:
        units: dict[str, str] = {}
        for path, supplier in self.suppliers():
            unit = units.setdefault(supplier.resource, supplier.unit)
            if unit != supplier.unit:
                problem = (
                    f"{shown(supplier.unit)} is not the {shown(unit)} of the other suppliers of"
                )
                self.refuse(f"{path}.unit", f"{problem} {shown(supplier.resource)}; use one unit")

    def demander(self, path: str, demander: Demander) -> None:
        if not demander.sub_tasks:
            self.refuse(f"{path}.sub_tasks", "there are none; add at least one")
        names: set[str] = set()
        for i, task in enumerate(demander.sub_tasks):
            task_path = f"{path}.sub_tasks.{i}"
            self.name(f"{task_path}.name", task.name)
            if task.name in names:
                problem = f"{shown(task.name)} is already a sub-task of {shown(demander.name)}"
                self.refuse(f"{task_path}.name", f"{problem}; rename one")
            names.add(task.name)
            self.sub_task(task_path, task)

    def sub_task(self, path: str, task: SubTask) -> None:
        self.whole(f"{path}.slot", task.slot, 0, LARGEST_QUANTITY, "slots")
        if not task.alternatives:
            self.refuse(f"{path}.alternatives", "there are none; add at least one")
        if self.led_by_demanders and not task.divisible:
            problem = "false is not defined for demanders-lead; use balanced or write true"
            self.refuse(f"{path}.divisible", problem)
        resources: set[str] = set()
        for i, alternative in enumerate(task.alternatives):
            alternative_path = f"{path}.alternatives.{i}"
            if alternative.resource in resources:
                problem = f"{shown(alternative.resource)} is named twice in one sub-task; keep one"
                self.refuse(f"{alternative_path}.resource", problem)
            resources.add(alternative.resource)
            self.alternative(alternative_path, task, alternative)

    @property
    def led_by_demanders(self) -> bool:
        s = self.scenario
        return s.concept == "demanders-lead" and s.negotiation == "session"

    def alternative(self, path: str, task: SubTask, alternative: Alternative) -> None:
        self.resource(path, task, alternative.resource)
        self.quantity(f"{path}.quantity", task, alternative.quantity)
        self.whole(f"{path}.benefit", alternative.benefit, 0, LARGEST_AMOUNT, "amounts")
        self.whole(f"{path}.cost", alternative.cost, 0, LARGEST_AMOUNT, "amounts")

    def resource(self, path: str, task: SubTask, resource: str) -> None:
        calendars = [len(s.attested) for s in self.scenario.suppliers if s.resource == resource]
        if not calendars:
            known = ", ".join(sorted({s.resource for s in self.scenario.suppliers}))
            some = known if len(known) <= 2 * LONGEST_NAME else known[: 2 * LONGEST_NAME] + "…"
            problem = f"nobody supplies {shown(resource)}; add a supplier or name one of {some}"
            self.refuse(f"{path}.resource", problem)
        if task.slot >= max(calendars):
            problem = (
                f"{shown(resource)} has no slot {task.slot}, its suppliers' calendars end with "
                f"slot {max(calendars) - 1}; lower the sub-task's slot or lengthen a calendar"
            )
            self.refuse(f"{path}.resource", problem)

    def quantity(self, path: str, task: SubTask, quantity: int | None) -> None:
        if quantity is not None:
            self.whole(path, quantity, 1, LARGEST_QUANTITY, "quantities of a demand")
            if self.led_by_demanders:
                problem = "a limit is not defined for demanders-lead; use balanced or leave it out"
                self.refuse(path, f"{quantity}: {problem}")
            return
        if not task.divisible:
            problem = "is missing, and an indivisible sub-task needs one; give it"
            self.refuse(path, f"{problem} or set divisible = true")
        if self.scenario.negotiation == "bargaining":
            self.refuse(path, "is missing, and bargaining is over a fixed quantity; give it")
