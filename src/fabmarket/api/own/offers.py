"""What an owner can choose from: the slots ahead, and what the ledger knows to be for sale."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from fabmarket.api.pages.clock import brief_utc, form_of, utc
from fabmarket.api.pages.shell import label
from fabmarket.ledger.queries.capacity import SlotFilter, SlotRow, slots
from fabmarket.ledger.queries.market import now_of
from fabmarket.ledger.queries.paging import MOST, Asked
from fabmarket.node.owner import Owner
from fabmarket.report.wording import number

_SLOTS, _NAMED = 60, 3


@dataclass(frozen=True)
class SlotAhead:
    """A slot of the owner's calendar, chain time in seconds; `now` is the present."""

    slot: int
    begins: int
    ends: int
    now: int

    @property
    def runs(self) -> bool:
        """Whether it has begun."""
        return self.begins <= self.now

    @property
    def utc(self) -> str:
        """When it begins, for whoever points at it."""
        return utc(self.begins)

    @property
    def form(self) -> str:
        """How a script is to write when it begins."""
        return form_of(self.begins, self.now)

    @property
    def when(self) -> str:
        """When it begins, which a script finds in `told` and puts into the reader's zone."""
        return f"{brief_utc(self.begins, self.now)} UTC"

    @property
    def told(self) -> str:
        """Its number and when it begins."""
        return f"{self.slot}, {self.when}{', runs now' if self.runs else ''}"


def slots_ahead(owner: Owner) -> list[SlotAhead]:
    """The slots that can still be bought in, from the running one on."""
    calendar = owner.calendar
    first = max(0, (owner.time - calendar.origin) // calendar.slot_length)
    begins = [calendar.origin + at * calendar.slot_length for at in range(first, first + _SLOTS)]
    return [
        SlotAhead(first + at, each, each + calendar.slot_length, owner.time)
        for at, each in enumerate(begins)
    ]


class ForSale:
    """What is for sale from now on, as far as one page of the order book has it."""

    def __init__(self, rows: Sequence[SlotRow]) -> None:
        self._rows = rows
        self.names = sorted({row.name for row in rows})

    def within(self, slot: SlotAhead) -> str:
        """What is for sale within a slot, by resource; "" for nothing."""
        units: defaultdict[str, int] = defaultdict(int)
        for row in self._rows:
            if slot.begins <= row.begins and row.ends <= slot.ends:
                units[row.name] += row.available
        told = [f"{number(count)} of {label(name)}" for name, count in sorted(units.items())]
        return ", ".join([*told[:_NAMED], *(["more"] if len(told) > _NAMED else [])])


def for_sale(connection: Connection) -> ForSale:
    """Return what the ledger knows to be for sale."""
    return ForSale(_offered(connection, None, MOST))


def unlisted(connection: Connection, names: Iterable[str]) -> list[str]:
    """Return those of the names of which nobody has anything for sale."""
    return [name for name in sorted(set(names)) if not _offered(connection, name, 1)]


def _offered(connection: Connection, name: str | None, most: int) -> Sequence[SlotRow]:
    coming = SlotFilter(name=name, since=now_of(connection) + 1, which="for sale")
    return slots(connection, coming, Asked(limit=most)).rows
