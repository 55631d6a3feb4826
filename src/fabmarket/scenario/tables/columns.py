"""The tables that a market is described by, and what stands in each column of them.

docs/reference/tables.md lists the same; a test holds it.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column: how its cells are read (`cells.READERS`), and what they mean.

    A cell of a column that is not `required` may be empty, and the column may be left out.
    """

    name: str
    reads: str
    meaning: str
    example: str
    required: bool = False


@dataclass(frozen=True)
class Kind:
    """A kind of table; `mark` is the column that no other kind has, and by which it is known."""

    name: str
    mark: str
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column | None:
        """The column of that name, None if there is none."""
        return next((each for each in self.columns if each.name == name), None)


MACHINES = Kind(
    "machines",
    "maintenance",
    (
        Column("machine", "name", "its name on the market, each once", "mill-1", True),
        Column("resource", "short", "what it can do, as buyers ask for it", "milling", True),
        Column("unit", "short", "what one unit of it is", "minute", True),
        Column("maintenance", "money", "least price of a unit, currency units", "1.10", True),
        Column("capacity", "units", "units in each slot, where no calendar says otherwise", "240"),
        Column("slots", "count", "how many slots have that capacity, from slot 0 on", "6"),
        Column("a", "weight", "weight of demand in the price, currency units per unit²", ""),
        Column("b", "weight", "weight of supply in the price, currency units per unit²", ""),
        Column("lots", "flag", "of a clock: each demand is sold whole or not at all", ""),
        Column("step", "step", "of a clock: the price rises by this part of itself", ""),
    ),
)
CALENDAR = Kind(
    "calendar",
    "attested",
    (
        Column("machine", "name", "a machine of the table of machines", "mill-1", True),
        Column("slot", "slot", "number of the slot, from 0; or give begins", "4"),
        Column("begins", "time", "date and time at which the slot begins; or give slot", ""),
        Column("attested", "units", "units that there are in the slot", "120", True),
        Column("listed", "units", "units that are for sale, at most attested; empty: all", "100"),
    ),
)
PRODUCTS = Kind(
    "products",
    "operation",
    (
        Column(
            "product", "name", "its name; the rows of one product belong together", "axle", True
        ),
        Column("operation", "name", "a step; steps are done in the order of rows", "mill it", True),
        Column(
            "resource", "short", "what can do it; one row for each way to do it", "milling", True
        ),
        Column("quantity", "demand", "units of that resource, all in one slot", "90", True),
        Column("value", "money", "worth of the whole product, currency units", "400"),
        Column("lateness", "money", "what each slot after due takes from it", "5"),
        Column("release", "slot", "first slot that it may use; empty: 0", "0"),
        Column("due", "slot", "slot with which it should be done; empty: last", "3"),
        Column("last", "slot", "last slot that it may use; empty: that of the calendars", "5"),
        Column("partial", "flag", "true: a beginning is worth its share; empty: false", "false"),
    ),
)
DEMANDS = Kind(
    "demands",
    "benefit",
    (
        Column("demander", "name", "who buys", "tool shop", True),
        Column(
            "sub_task", "name", "what for; rows of one sub-task are ways to serve it", "jig", True
        ),
        Column("slot", "slot", "the slot in which it is wanted; empty: 0", "2"),
        Column("divisible", "flag", "true: a part of it is of use, too; empty: false", "true"),
        Column("resource", "short", "what serves it", "milling", True),
        Column("quantity", "demand", "units wanted, at most; empty: as many as pay", "60"),
        Column("benefit", "money", "worth of a unit, currency units", "3.50", True),
        Column("cost", "money", "cost of using a unit beside its price; empty: 0", "0.40"),
    ),
)
KINDS = {kind.name: kind for kind in (MACHINES, CALENDAR, PRODUCTS, DEMANDS)}
NAMES = frozenset(column.name for kind in KINDS.values() for column in kind.columns)
"""Of the columns of all tables."""


def plain(name: object) -> str:
    """A column's name as it is compared: small letters, _ for spaces, without a unit in brackets.

    >>> plain(" Sub-Task (name) ")
    'sub_task'
    """
    text = re.sub(r"\s*[(\[][^)\]]*[)\]]\s*$", "", str(name or "").strip())
    return re.sub(r"[\s\-]+", "_", text.strip()).lower()
