"""What makes a scenario one that can run, whatever it was read or built from.

Each check names the path as in a scenario file, the value and the remedy.
"""

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NoReturn

from fabmarket.market.delivery import INSTANT
from fabmarket.market.parameters import parameters_for
from fabmarket.market.products import MOST_LINES
from fabmarket.market.trade import TIME_LIMIT
from fabmarket.market.units import (
    LARGEST_AMOUNT,
    LARGEST_QUANTITY,
    LONGEST_NAME,
    MICRO,
    NAME,
    TYPE_NAME,
    is_name,
    is_type_name,
)
from fabmarket.scenario.deposits import largest_listed, most_for, most_payable
from fabmarket.scenario.model import (
    LARGEST_STEP,
    MARKET_CONCEPTS,
    NEGOTIATIONS,
    Alternative,
    Breakdown,
    Demander,
    InvalidScenario,
    Operation,
    Product,
    Scenario,
    SubTask,
    Supplier,
    majority_of,
    shown,
)

FINEST_WEIGHT = Fraction(1, MICRO)  # of a base unit per unit^2: what a price rule can say
LARGEST_WEIGHT = Fraction(LARGEST_AMOUNT, MICRO)

LATEST_ORIGIN = 2**33
"""The latest chain time at which slot 0 can begin: the year 2242."""
LONGEST_CALENDAR = TIME_LIMIT - 1 - LATEST_ORIGIN
"""Seconds of all slots of a calendar together, so that the contract takes it whenever it begins."""
LARGEST_DECIMALS = 18
MOST_ROUNDS = 10_000
MOST_OPERATORS = 250
"""More do not deploy: they are stored one by one, in one transaction (EIP-7825)."""
MOST_COPIES = 1_000
FEWEST_MASKED = 3
"""Members of a masked session at least: of two each knows the other's answer."""
MOST_MASKED = 1000
MOST_SLOTS_EACH = 10_000
"""Slots of one calendar: what a supplier's coin pays the gas of."""
MOST_SLOTS = 50_000
"""Slots of all suppliers: what can be attested and listed in the day before slot 0, be it each in a
block of its own."""
MOST_SUB_TASKS = 5_000
"""Trades of one round have to settle while they are valid, some ten to a block."""
_WHOLE = 10_000  # basis points
_DAY = 86_400  # seconds, from a market's start to its slot 0

# Controls, halves of surrogate pairs, line separators, and what turns the direction of writing.
_UNREADABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069]")

_LINES = {ord("\n"): " ", ord("\t"): " "}


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
        self.texts()
        self.rules()
        self.participants()
        self.delivery()
        for path, supplier in self.suppliers():
            self.supplier(path, supplier)
        self.one_unit_per_resource()
        self.sizes()
        self.calendars: dict[str, int] = {}
        for _, supplier in self.suppliers():
            known = self.calendars.get(supplier.resource, 0)
            self.calendars[supplier.resource] = max(known, len(supplier.attested))
        self.largest = largest_listed(self.scenario)
        for i, demander in enumerate(self.scenario.demanders):
            self.demander(f"demanders.{i}", demander)
        self.deposits()
        if self.scenario.breakdowns and self.scenario.delivery == INSTANT:
            problem = "what is paid at once cannot be refunded when a supplier is down; add the"
            self.refuse("breakdowns", f"{problem} terms of a [delivery] table, or leave it out")
        names = {supplier.name: supplier for supplier in self.scenario.suppliers}
        for i, breakdown in enumerate(self.scenario.breakdowns):
            self.breakdown(f"breakdowns.{i}", breakdown, names.get(breakdown.supplier))

    def texts(self) -> None:
        for path in ("name", "title", "description", "source"):
            value: str = getattr(self.scenario, path)
            long = path in ("description", "source")
            found = _UNREADABLE.search(value.translate(_LINES) if long else value)
            if found is not None:
                problem = f"{shown(value)} holds U+{ord(found[0]):04X}, which no text may hold"
                remedy = "rename the file" if path == "name" else "remove the character"
                self.refuse(path, f"{problem}; {remedy}")

    def sizes(self) -> None:
        slots = sum(len(supplier.attested) for supplier in self.scenario.suppliers)
        if slots > MOST_SLOTS:
            problem = (
                f"{slots} slots are too many; all suppliers together have at most {MOST_SLOTS}"
            )
            self.refuse("suppliers", problem)
        longest = max(len(supplier.attested) for supplier in self.scenario.suppliers)
        length = self.scenario.slot_length
        if longest * length > LONGEST_CALENDAR:
            problem = (
                f"{longest} slots of {shown(length)} s end after the contract's time, which a "
                f"calendar of at most {LONGEST_CALENDAR} s keeps to"
            )
            self.refuse("slot_length", f"{problem}; lower it to {LONGEST_CALENDAR // longest}")
        sub_tasks = sum(
            len(each.sub_tasks) + (len(each.product.operations) if each.product else 0)
            for each in self.scenario.demanders
        )
        if sub_tasks > MOST_SUB_TASKS:
            problem = f"{sub_tasks} sub-tasks are too many; all demanders together have at most"
            self.refuse("demanders", f"{problem} {MOST_SUB_TASKS}")

    def deposits(self) -> None:
        """Demanders deposit the same amount, so all of them what the richest may come to pay."""
        demanders = self.scenario.demanders
        most, i = max((most_payable(each, self.largest), -i) for i, each in enumerate(demanders))
        if most * len(demanders) > LARGEST_AMOUNT:
            scale = 10**self.scenario.currency.decimals
            problem = (
                f"may come to pay {most / scale:.4g}, and {len(demanders)} deposits of that are "
                f"more than the {LARGEST_AMOUNT / scale:.4g} that the contract holds"
            )
            self.refuse(f"demanders.{-i}", f"{problem}; lower benefits or quantities")

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
            problem = f"a session cannot run {shown(s.concept)}; use clock (a session runs {known})"
            self.refuse("concept", problem)
        if s.negotiation not in NEGOTIATIONS:
            known = " or ".join(NEGOTIATIONS)
            self.refuse("negotiation", f"{shown(s.negotiation)} is not known; use {known}")
        self.whole("release_rounds", s.release_rounds, 1, MOST_ROUNDS, "release rounds")
        if s.negotiation == "bargaining" and any(each.product for each in s.demanders):
            problem = "'bargaining' is over sub-tasks, and products are bought in rounds; use"
            self.refuse("negotiation", f"{problem} session, or sub_tasks")
        self.whole("operators", s.operators, 1, MOST_OPERATORS, "numbers of operators")
        self.whole("threshold", s.threshold, 1, MOST_OPERATORS, "thresholds")
        if s.threshold > s.operators:
            problem = f"{s.threshold} signatures cannot come from {s.operators} operators"
            self.refuse("threshold", f"{problem}; lower it to {s.operators} or add operators")
        if 2 * s.threshold <= s.operators:
            problem = f"{s.threshold} of {s.operators} operators are no majority, which the"
            least = majority_of(s.operators)
            self.refuse("threshold", f"{problem} contract wants; raise it to {least}")
        self.whole("slot_length", s.slot_length, 1, LONGEST_CALENDAR, "slot lengths in seconds")
        self.whole("tampered_copies", s.tampered_copies, 0, MOST_COPIES, "tampered copies")
        self.masked()
        self.type_name("currency.symbol", s.currency.symbol)
        self.whole("currency.decimals", s.currency.decimals, 0, LARGEST_DECIMALS, "decimals")

    def masked(self) -> None:
        least = self.scenario.least
        self.whole("least", least, 0, MOST_MASKED, "members")
        if 0 < least < FEWEST_MASKED:
            problem = f"{least} members hide nothing from each other; give {FEWEST_MASKED} or more"
            self.refuse("least", f"{problem}, or 0 for open sessions")
        if not least:
            return
        if self.scenario.negotiation == "bargaining":
            self.refuse("least", "a bargain has two parties and hides nothing; leave least out")
        if any(each.product for each in self.scenario.demanders):
            self.refuse("least", "products are bought in rounds, not in sessions; leave least out")

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
        if not is_name(name):
            self.refuse(path, f"{shown(name)} is not a name; write {NAME}")

    def type_name(self, path: str, name: str) -> None:
        if not is_type_name(name):
            self.refuse(path, f"{shown(name)} does not fit; write {TYPE_NAME}")

    def supplier(self, path: str, supplier: Supplier) -> None:
        self.type_name(f"{path}.resource", supplier.resource)
        self.type_name(f"{path}.unit", supplier.unit)
        # The first price asked for in bargaining is twice that.
        most = LARGEST_AMOUNT // (2 if self.scenario.negotiation == "bargaining" else 1)
        self.whole(f"{path}.maintenance", supplier.maintenance, 0, most, "amounts")
        if not supplier.attested:
            self.refuse(f"{path}.attested", "the calendar is empty; give one quantity per slot")
        if len(supplier.attested) > MOST_SLOTS_EACH:
            problem = f"{len(supplier.attested)} slots are too many; calendars have at most"
            self.refuse(f"{path}.attested", f"{problem} {MOST_SLOTS_EACH}")
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
        self.coefficients(path, supplier)
        self.whole(f"{path}.step", supplier.step, 1, LARGEST_STEP, "steps")
        if supplier.lots and not self.is_clock:
            problem = "true is for a clock; use concept = 'clock' or leave it out"
            self.refuse(f"{path}.lots", problem)

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
            if value > LARGEST_WEIGHT:
                problem = f"{float(value / scale):g} is too large; price coefficients are at most"
                self.refuse(f"{path}.{key}", f"{problem} {float(LARGEST_WEIGHT / scale):g}")
        s = self.scenario
        balanced = s.concept == "balanced" and s.negotiation == "session"
        if balanced and (supplier.a - supplier.b) * max(supplier.listed) > LARGEST_AMOUNT:
            problem = "the price (a - b) * S of all that is listed is above 2^128 base units"
            self.refuse(f"{path}.a", f"{problem}; lower a or what is listed")
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
        if demander.product is not None:
            if demander.sub_tasks:
                problem = "a demander has sub-tasks or one product; make two demanders"
                self.refuse(f"{path}.operations", problem)
            self.product(path, demander.product)
            return
        if not demander.sub_tasks:
            self.refuse(f"{path}.sub_tasks", "there are none; add at least one, or operations")
        self.own_names(
            f"{path}.sub_tasks", demander.sub_tasks, f"a sub-task of {shown(demander.name)}"
        )
        for i, task in enumerate(demander.sub_tasks):
            self.sub_task(f"{path}.sub_tasks.{i}", task)

    def own_names(self, path: str, named: Sequence[SubTask | Operation], what: str) -> None:
        """Each has a name, and no two have one."""
        names: set[str] = set()
        for i, each in enumerate(named):
            self.name(f"{path}.{i}.name", each.name)
            if each.name in names:
                problem = f"{shown(each.name)} is already {what}; rename one"
                self.refuse(f"{path}.{i}.name", problem)
            names.add(each.name)

    def sub_task(self, path: str, task: SubTask) -> None:
        self.whole(f"{path}.slot", task.slot, 0, LARGEST_QUANTITY, "slots")
        if not task.alternatives:
            self.refuse(f"{path}.alternatives", "there are none; add at least one")
        if self.led_by_demanders and not task.divisible:
            problem = "false is not defined for demanders-lead; use balanced or write true"
            self.refuse(f"{path}.divisible", problem)
        resources: set[str] = set()
        for i, alternative in enumerate(task.alternatives):
            sellers = [s for s in self.scenario.suppliers if s.resource == alternative.resource]
            if (
                self.is_clock
                and not task.divisible
                and sellers
                and not any(s.lots for s in sellers)
            ):
                problem = f"false, but nobody sells {shown(alternative.resource)} in lots; set lots"
                self.refuse(f"{path}.divisible", f"{problem} = true of a supplier or write true")
            alternative_path = f"{path}.alternatives.{i}"
            if alternative.resource in resources:
                problem = f"{shown(alternative.resource)} is named twice in one sub-task; keep one"
                self.refuse(f"{alternative_path}.resource", problem)
            resources.add(alternative.resource)
            self.alternative(alternative_path, task, alternative)

    def product(self, path: str, product: Product) -> None:
        operations = len(product.operations)
        if not operations:
            self.refuse(f"{path}.operations", "there are none; add at least one")
        if operations > MOST_LINES:
            problem = f"{operations} are too many; a product has at most {MOST_LINES}"
            self.refuse(f"{path}.operations", f"{problem}, which settle in one transaction")
        self.own_names(f"{path}.operations", product.operations, "an operation of this product")
        for k, operation in enumerate(product.operations):
            self.operation(f"{path}.operations.{k}", operation)
        self.window(path, product)
        self.whole(f"{path}.value", product.value, 0, LARGEST_AMOUNT, "amounts")
        self.whole(f"{path}.lateness", product.lateness, 0, LARGEST_AMOUNT, "amounts")

    def operation(self, path: str, operation: Operation) -> None:
        if not operation.alternatives:
            self.refuse(f"{path}.alternatives", "there are none; add at least one")
        resources: set[str] = set()
        for i, way in enumerate(operation.alternatives):
            way_path = f"{path}.alternatives.{i}"
            self.calendar(f"{way_path}.resource", way.resource)
            if way.resource in resources:
                problem = f"{shown(way.resource)} is named twice in one operation; keep one"
                self.refuse(f"{way_path}.resource", problem)
            resources.add(way.resource)
            self.whole(f"{way_path}.quantity", way.quantity, 1, LARGEST_QUANTITY, "quantities")

    def window(self, path: str, product: Product) -> None:
        """The slots that a product may use must be there, and enough for its operations."""
        ways = [way for operation in product.operations for way in operation.alternatives]
        end = max(self.calendars[way.resource] for way in ways) - 1
        self.whole(f"{path}.release", product.release, 0, end, "slots of these calendars")
        self.whole(f"{path}.last", product.last, 0, end, "slots of these calendars")
        slots, operations = product.last - product.release + 1, len(product.operations)
        if slots < operations:
            left = "1 slot" if slots == 1 else f"{max(0, slots)} slots"
            problem = f"{product.last} leaves {left} from release {product.release} on"
            least = product.release + operations - 1
            remedy = f"raise it to {least}, or lower release"
            self.refuse(f"{path}.last", f"{problem} for {operations} operations; {remedy}")
        if not product.release <= product.due <= product.last:
            problem = f"{shown(product.due)} is not from release to last"
            self.refuse(f"{path}.due", f"{problem}; give {product.release} to {product.last}")

    def delivery(self) -> None:
        s, terms = self.scenario, self.scenario.delivery
        if terms == INSTANT:
            return
        windows = parameters_for(s.slot_length)
        for key, least in (
            ("deliver_within", windows.delivery_window),
            ("dispute_within", windows.dispute_window),
            ("decide_within", windows.hearing + windows.decision_window),
        ):
            what = f"seconds, for slots of {s.slot_length} s,"
            self.whole(f"delivery.{key}", getattr(terms, key), least, windows.longest_life, what)
        for key in ("late", "silence", "undecided", "bond"):
            self.whole(f"delivery.{key}_share", getattr(terms, f"{key}_share"), 0, _WHOLE, "shares")
        for key in ("late_penalty", "exit_penalty"):
            self.whole(f"delivery.{key}", getattr(terms, key), 0, _WHOLE, "penalties")
        slots = max((len(supplier.attested) for supplier in s.suppliers), default=0)
        life = _DAY + slots * s.slot_length
        life += terms.deliver_within + terms.dispute_within + terms.decide_within
        if life > windows.longest_life:
            problem = f"a trade for the last slot would be open for {life} s, and the contract"
            remedy = f"allows {windows.longest_life}; shorten its times or the calendars"
            self.refuse("delivery", f"{problem} {remedy}")

    def breakdown(self, path: str, breakdown: Breakdown, supplier: Supplier | None) -> None:
        if supplier is None:
            problem = f"{shown(breakdown.supplier)} is no supplier; name one of the file's"
            self.refuse(f"{path}.supplier", problem)
        first, last, end = breakdown.first, breakdown.last, len(supplier.attested) - 1
        self.whole(f"{path}.first", first, 0, end, "slots of its calendar")
        self.whole(f"{path}.last", last, first, end, "slots of its calendar from first on")
        most = max(supplier.attested[first : last + 1])
        if not most:
            problem = f"nothing is attested in slots {first} to {last}"
            self.refuse(f"{path}.first", f"{problem}; name slots in which something is lost")
        self.whole(f"{path}.left", breakdown.left, 0, most - 1, "quantities left of what there is")
        self.whole(f"{path}.announced", breakdown.announced, 0, first, "slots up to first")

    @property
    def is_clock(self) -> bool:
        s = self.scenario
        return s.concept == "clock" and s.negotiation == "session"

    @property
    def led_by_demanders(self) -> bool:
        s = self.scenario
        return s.concept == "demanders-lead" and s.negotiation == "session"

    def alternative(self, path: str, task: SubTask, alternative: Alternative) -> None:
        self.resource(path, task, alternative.resource)
        self.quantity(f"{path}.quantity", task, alternative.quantity)
        self.whole(f"{path}.benefit", alternative.benefit, 0, LARGEST_AMOUNT, "amounts")
        self.whole(f"{path}.cost", alternative.cost, 0, LARGEST_AMOUNT, "amounts")
        if most_for(alternative, self.largest) > LARGEST_AMOUNT:
            problem = "its quantity times (benefit - cost) is above 2^128 base units, which no"
            self.refuse(path, f"{problem} contract holds; lower one of them")

    def calendar(self, path: str, resource: str) -> int:
        """Return the slots of the longest calendar of a resource that somebody must supply."""
        calendar = self.calendars.get(resource)
        if calendar is None:
            known = ", ".join(sorted(self.calendars))
            some = known if len(known) <= 2 * LONGEST_NAME else known[: 2 * LONGEST_NAME] + "…"
            problem = f"nobody supplies {shown(resource)}; add a supplier or name one of {some}"
            self.refuse(path, problem)
        return calendar

    def resource(self, path: str, task: SubTask, resource: str) -> None:
        calendar = self.calendar(f"{path}.resource", resource)
        if task.slot >= calendar:
            problem = (
                f"{shown(resource)} has no slot {shown(task.slot)}, its suppliers' calendars end "
                f"with slot {calendar - 1}; lower the sub-task's slot or lengthen a calendar"
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
