"""Tables become a market: a scenario file's text, checked as one that is read from disk is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from fabmarket.scenario.checks import MOST_SLOTS, MOST_SLOTS_EACH
from fabmarket.scenario.files import parse_scenario
from fabmarket.scenario.model import DEFAULT_CURRENCY, InvalidScenario, Scenario, shown
from fabmarket.scenario.tables.cells import decimals_of
from fabmarket.scenario.tables.columns import CALENDAR, DEMANDS, MACHINES, PRODUCTS, Kind
from fabmarket.scenario.tables.faults import Faults, Place
from fabmarket.scenario.tables.reading import Row, Table
from fabmarket.scenario.tables.toml import toml_of
from fabmarket.scenario.texts import LARGEST_SCENARIO

_FILE = "scenario.toml"
_SOME = 8  # names that a message lists


@dataclass(frozen=True)
class Market:
    """A market from tables: the scenario file's text, and what is in it."""

    text: str
    scenario: Scenario


def market_of(tables: Sequence[Table], slot_length: int, source: str, faults: Faults) -> Market:
    """The market that the tables describe together; `source` says where they are from.

    Raises:
        WrongTables: with all that `faults` holds already, and what is wrong between rows.
        InvalidScenario: there are no machines, or nobody to buy.
    """
    builder = _Builder(faults, slot_length)
    suppliers = builder.suppliers(_rows(tables, MACHINES), _rows(tables, CALENDAR))
    products = builder.products(_rows(tables, PRODUCTS))
    demanders = builder.demanders(_rows(tables, DEMANDS), len(products))
    faults.raise_if_any()
    if not suppliers:
        raise InvalidScenario("no machines are given; add a table: fabmarket template machines")
    if not products + demanders:
        problem = "nobody is given who buys; add a table: fabmarket template products, or demands"
        raise InvalidScenario(problem)
    text = toml_of(
        {
            "source": source,
            "concept": _concept(suppliers, demanders),
            "slot_length": slot_length,
            "currency": {"symbol": DEFAULT_CURRENCY.symbol, "decimals": builder.decimals},
            "suppliers": suppliers,
            "demanders": products + demanders,
        }
    )
    if len(text.encode()) > LARGEST_SCENARIO:
        problem = (
            f"the market is larger than the {LARGEST_SCENARIO // 2**20} MiB of a scenario file"
        )
        raise InvalidScenario(f"{problem}; give fewer rows")
    try:
        return Market(text, parse_scenario(text, _FILE, 1, str))
    except InvalidScenario as error:
        builder.locate(str(error))
        faults.raise_if_any()
        raise


def _concept(suppliers: list[dict[str, Any]], demanders: list[dict[str, Any]]) -> str:
    """How prices are found: by a clock, unless tables give weights and nothing of a clock.

    By a clock, what is wanted whole or not at all is sold by machines in lots, where no row says
    otherwise.
    """
    keys = {key for each in suppliers for key in each}
    if keys & {"a", "b"} and not keys & {"lots", "step"}:
        return "balanced"
    whole = {
        way["resource"]
        for demander in demanders
        for task in demander["sub_tasks"]
        if not task.get("divisible", False)
        for way in task["alternatives"]
    }
    for supplier in suppliers:
        if supplier["resource"] in whole:
            supplier.setdefault("lots", True)
    return "clock"


def _rows(tables: Iterable[Table], kind: Kind) -> list[Row]:
    return [row for table in tables if table.kind is kind for row in table.rows]


@dataclass
class _Builder:
    """Collects the keys of a scenario file; `places` says of which row each path of it is."""

    faults: Faults
    slot_length: int
    decimals: int = DEFAULT_CURRENCY.decimals
    slots: int = 0  # of the machines until now
    places: dict[str, Place] = field(default_factory=dict)
    names: dict[str, Place] = field(default_factory=dict)
    resources: dict[str, None] = field(default_factory=dict)

    def locate(self, message: str) -> None:
        """Note the fault that a refused scenario file names, at the row that it comes from."""
        path, _, problem = message.removeprefix(f"{_FILE}: ").partition(": ")
        parts = path.split(".")
        for end in range(len(parts), 0, -1):
            place = self.places.get(".".join(parts[:end]))
            if place is not None:
                column = next((part for part in reversed(parts) if not part.isdigit()), "")
                self.faults.add(place, column, None, problem)
                return

    def money(self, row: Row, *columns: str) -> dict[str, Decimal]:
        """The amounts of a row; the currency gets as many decimals as they have."""
        given = {name: row.values[name] for name in columns if name in row.values}
        self.decimals = max(self.decimals, *map(decimals_of, given.values()), 0)
        return given

    def name(self, row: Row, column: str) -> str | None:
        """Take the name of a participant that begins at this row; None if another has it."""
        name: str | None = row.values.get(column)
        if name is None:
            return None
        if name in self.names:
            problem = f"is already the name at {self.names[name]}; give each its own"
            self.faults.add(row.place, column, name, problem)
            return None
        self.names[name] = row.place
        return name

    def resource(self, row: Row) -> None:
        """Somebody must have the resource that a row asks for; where none is known, all is well."""
        resource = row.values.get("resource")
        if resource is None or not self.resources or resource in self.resources:
            return
        some = ", ".join(list(self.resources)[:_SOME]) + (
            "…" if len(self.resources) > _SOME else ""
        )
        problem = f"is no machine's; add a machine for it, or name one of {some}"
        self.faults.add(row.place, "resource", resource, problem)

    def suppliers(self, machines: Sequence[Row], calendar: Sequence[Row]) -> list[dict[str, Any]]:
        self.resources = {
            row.values["resource"]: None for row in machines if "resource" in row.values
        }
        named = {}
        for row in machines:
            name = self.name(row, "machine")
            if name is not None:
                named[name] = row
        days = self._calendar(calendar, named)
        ends = [slot + 1 for given in days.values() for slot in given]
        ends += [row.values["slots"] for row in machines if "slots" in row.values]
        if not ends and not calendar:
            self._no_end(named.values())
        end = max(ends, default=0)
        built: list[dict[str, Any]] = []
        for name, row in named.items():
            path = f"suppliers.{len(built)}"
            self.places[path] = row.place
            attested, listed = self._slots(row, days.get(name, {}), end, path)
            table = {
                "name": name,
                **{key: row.values.get(key, "") for key in ("resource", "unit")},
                **self.money(row, "maintenance"),
                **{key: row.values[key] for key in ("a", "b", "lots", "step") if key in row.values},
                "attested": attested,
            }
            built.append(table | ({"listed": listed} if listed != attested else {}))
        return built

    def _no_end(self, machines: Iterable[Row]) -> None:
        """Note each machine of which nothing says how many slots have its capacity."""
        for row in machines:
            if "capacity" in row.values and row.lacks("slots"):
                problem = "is empty, and nothing else says how many slots have that capacity"
                self.faults.add(row.place, "slots", None, f"{problem}; fill it in")

    def _calendar(self, rows: Sequence[Row], machines: dict[str, Row]) -> dict[str, dict[int, Row]]:
        """The rows of a calendar by machine and slot."""
        first = min((row.values["begins"] for row in rows if "begins" in row.values), default=0)
        days: dict[str, dict[int, Row]] = {}
        for row in rows:
            name, slot = row.values.get("machine"), self._slot(row, first)
            if name is None or slot is None:
                continue
            if machines and name not in machines:
                problem = "is no machine; add it to the table of machines, or correct the name"
                self.faults.add(row.place, "machine", name, problem)
            elif slot in days.setdefault(name, {}):
                problem = f"is there twice for {shown(name)}, see row {days[name][slot].place.row}"
                self.faults.add(row.place, "slot", str(slot), f"{problem}; keep one")
            else:
                days[name][slot] = row
        return days

    def _slot(self, row: Row, first: int) -> int | None:
        given = [name for name in ("slot", "begins") if name in row.values]
        if row.wrong & {"slot", "begins"}:
            return None
        if len(given) != 1:
            fault = "both are given" if given else "neither is given"
            self.faults.add(row.place, "slot, begins", None, f"{fault}; fill in one of the two")
            return None
        if given == ["slot"]:
            slot: int = row.values["slot"]
            return slot
        slot, rest = divmod(row.values["begins"] - first, self.slot_length)
        if rest:
            problem = (
                f"begins {rest} s after the beginning of a slot of {self.slot_length} s, which"
            )
            remedy = "are counted from the earliest; correct it, or say --slot-length"
            self.faults.add(row.place, "begins", None, f"{problem} {remedy}")
            return None
        if slot >= MOST_SLOTS_EACH:
            problem = f"is slot {slot} from the earliest on, and calendars have {MOST_SLOTS_EACH}"
            self.faults.add(row.place, "begins", None, f"{problem}; correct it")
            return None
        return slot

    def _slots(
        self, row: Row, days: dict[int, Row], end: int, path: str
    ) -> tuple[list[int], list[int]]:
        """What a machine has attested and listed, a quantity for each slot."""
        capacity, slots = row.values.get("capacity"), row.values.get("slots")
        if row.lacks("capacity") and not row.lacks("slots"):
            self.faults.add(row.place, "capacity", None, "is empty, and slots is not; fill it in")
        usual = 0 if capacity is None else end if slots is None else slots
        length = max([usual, *(slot + 1 for slot in days)])
        if self.slots <= MOST_SLOTS < self.slots + length:
            problem = f"of this and the machines above it are more than {MOST_SLOTS} slots"
            remedy = "which all machines may have together; give fewer slots or machines"
            self.faults.add(row.place, "slots", str(length), f"{problem}, {remedy}")
        self.slots += length
        if self.slots > MOST_SLOTS:
            return [], []
        if not length and row.lacks("capacity"):
            problem = "has no capacity; fill in capacity and slots, or add rows to a calendar"
            self.faults.add(row.place, "machine", row.values["machine"], problem)
        attested = [capacity or 0] * usual + [0] * (length - usual)
        listed = list(attested)
        for slot, day in days.items():
            attested[slot] = day.values.get("attested", 0)
            listed[slot] = day.values.get("listed", attested[slot])
            if listed[slot] > attested[slot] and "attested" in day.values:
                problem = f"is above the {attested[slot]} attested; list at most that"
                self.faults.add(day.place, "listed", str(listed[slot]), problem)
            for key in ("attested", "listed"):
                self.places[f"{path}.{key}.{slot}"] = day.place
        return attested, listed

    def products(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        built: list[dict[str, Any]] = []
        for name, group in _groups(rows, "product").items():
            self.name(group[0], "product")
            path = f"demanders.{len(built)}"
            self.places[path] = group[0].place
            shared = self._shared(
                group, ("value", "lateness", "release", "due", "last", "partial"), name
            )
            for row in group:
                self.money(row, "value", "lateness")
            if all(row.lacks("value") for row in group):
                problem = f"is empty in all rows of {shown(name)}; fill it in in one"
                self.faults.add(group[0].place, "value", None, problem)
            operations: list[dict[str, Any]] = []
            for step, ways in _groups(group, "operation").items():
                inner = f"{path}.operations.{len(operations)}"
                operations.append({"name": step, "alternatives": self._ways(ways, inner)})
            built.append({"name": name, **shared, "operations": operations})
        return built

    def demanders(self, rows: Sequence[Row], first: int) -> list[dict[str, Any]]:
        built: list[dict[str, Any]] = []
        for name, group in _groups(rows, "demander").items():
            self.name(group[0], "demander")
            path = f"demanders.{first + len(built)}"
            self.places[path] = group[0].place
            tasks: list[dict[str, Any]] = []
            for task, ways in _groups(group, "sub_task").items():
                shared = self._shared(ways, ("slot", "divisible"), task)
                inner = f"{path}.sub_tasks.{len(tasks)}"
                tasks.append({"name": task, **shared, "alternatives": self._ways(ways, inner)})
                whole = not any(each.wrong for each in ways) and not shared.get("divisible")
                for row in ways:
                    if whole and row.lacks("quantity"):
                        problem = "is empty, and all of it is wanted or nothing; fill it in, or"
                        remedy = "write true under divisible"
                        self.faults.add(row.place, "quantity", None, f"{problem} {remedy}")
            built.append({"name": name, "sub_tasks": tasks})
        return built

    def _shared(self, group: Sequence[Row], columns: Sequence[str], name: str) -> dict[str, Any]:
        """What is said of all rows of a group, in any of them."""
        found: dict[str, Any] = {}
        for row in group:
            for column in columns:
                value = row.values.get(column)
                if value is not None and found.setdefault(column, value) != value:
                    problem = f"differs from a row of {shown(name)} above; write it once, or the"
                    self.faults.add(row.place, column, str(value), f"{problem} same")
        return found

    def _ways(self, rows: Sequence[Row], path: str) -> list[dict[str, Any]]:
        self.places[path] = rows[0].place
        ways: dict[str, dict[str, Any]] = {}
        for row in rows:
            self.resource(row)
            resource = row.values.get("resource")
            if resource is None:
                continue
            if resource in ways:
                problem = "is there twice for one step; keep one of the rows"
                self.faults.add(row.place, "resource", resource, problem)
            amounts: dict[str, Any] = dict(self.money(row, "benefit", "cost"))
            if "benefit" in amounts:
                amounts.setdefault("cost", Decimal(0))
            quantity = {"quantity": row.values["quantity"]} if "quantity" in row.values else {}
            self.places[f"{path}.alternatives.{len(ways)}"] = row.place
            ways[resource] = {"resource": resource, **quantity, **amounts}
        return list(ways.values())


def _groups(rows: Sequence[Row], column: str) -> dict[str, list[Row]]:
    """Rows by what stands in a column, in the order in which that stands first."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        if column in row.values:
            groups.setdefault(row.values[column], []).append(row)
    return groups
