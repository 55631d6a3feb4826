"""What is wrong with a table: all of it, each with its place, the value and what to do."""

from dataclasses import dataclass, field

from fabmarket.errors import Refused
from fabmarket.scenario.model import shown

MOST_FAULTS = 100
"""So many are told one by one; of the rest their number."""


@dataclass(frozen=True)
class Place:
    """A row: of which file, and of which sheet of a workbook ("" elsewhere); rows count from 1.

    Of an Asset Administration Shell `sheet` is the path of a capability, and `row` 0.
    """

    file: str
    sheet: str
    row: int

    def __str__(self) -> str:
        if not self.row:
            return f"{self.file}, {self.sheet}"
        sheet = f", sheet {shown(self.sheet)}" if self.sheet else ""
        return f"{self.file}{sheet}, row {self.row}"


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong; `column` is "" where a row is wrong as a whole."""

    place: Place
    column: str
    value: str
    problem: str

    def __str__(self) -> str:
        column = f", {self.column}" if self.column else ""
        value = f"{self.value} " if self.value else ""
        return f"{self.place}{column}: {value}{self.problem}"


class WrongTables(Refused):
    """Tables that make no market; `faults` are the first MOST_FAULTS of `count`."""

    def __init__(self, faults: tuple[Fault, ...], count: int) -> None:
        things = "1 thing is wrong" if count == 1 else f"{count} things are wrong"
        super().__init__(f"{things}, the first: {faults[0]}")
        self.faults = faults
        self.count = count


@dataclass
class Faults:
    """Collects faults while tables are read."""

    _found: list[Fault] = field(default_factory=list)
    _count: int = 0

    def add(self, place: Place, column: str, value: object, problem: str) -> None:
        """Note a fault; a `value` of None is not shown."""
        self._count += 1
        if len(self._found) < MOST_FAULTS:
            text = "" if value is None else shown(value)
            self._found.append(Fault(place, column, text, problem))

    def raise_if_any(self) -> None:
        """Raise WrongTables if anything was noted."""
        if self._count:
            in_order = sorted(
                self._found, key=lambda each: (each.place.file, each.place.sheet, each.place.row)
            )
            raise WrongTables(tuple(in_order), self._count)
