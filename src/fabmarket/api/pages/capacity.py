"""What can be made, where and when: the order book, the calendar, and what is attested."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection

from fabmarket.api.pages.charts import Axis, Bar, Chart, bars
from fabmarket.api.pages.parameters import Address, Cursor, Length, Name, Past, Second
from fabmarket.api.pages.shell import Shell
from fabmarket.api.pages.units import units_of
from fabmarket.ledger.queries.capacity import (
    CalendarRow,
    SlotFilter,
    SlotRow,
    calendar,
    extent,
    resources,
    slots,
)
from fabmarket.ledger.queries.market import now_of
from fabmarket.ledger.queries.operators import operators
from fabmarket.ledger.queries.paging import Asked
from fabmarket.report.wording import natural, one_line, plural

_COLUMNS = 8
_MACHINES = 30
"""Slots and resources of a page of the calendar."""
_OFFERS = 50
_BARS = 40


@dataclass(frozen=True)
class Cell:
    """A slot of a machine, and how much of what is attested is sold, in quarters rounded up."""

    slot: SlotRow
    shade: int

    @property
    def is_sealed(self) -> bool:
        """Whether the operators' count is hidden behind a commitment."""
        return self.slot.commitment != ""


@dataclass(frozen=True)
class Grid:
    """Machines with the same calendar: a row each, and a column for each slot."""

    length: int
    begins: tuple[int, ...]
    rows: tuple[tuple[CalendarRow, tuple[Cell | None, ...]], ...]


def add(router: APIRouter, shell: Shell) -> None:
    """Put the pages of capacity on the router."""

    @router.get("/book")
    def book(
        request: Request,
        name: Name = "",
        supplier: Address = "",
        past: Past = "",
        cursor: Cursor = None,
    ) -> HTMLResponse:
        """What is for sale, by time; past slots too if one asks."""
        with shell.connect() as connection:
            now = now_of(connection)
            since = None if past else now + 1
            where = SlotFilter(supplier or None, None, name or None, since, None, "for sale")
            page = slots(connection, where, Asked(cursor, _OFFERS))
            return shell.page(
                request,
                connection,
                "book.html",
                page=page,
                units=units_of(connection, page.rows),
                names=_names(connection),
                chart=_for_sale(page.rows, name, now),
                filtered=bool(name or supplier or past),
            )

    @router.get("/calendar")
    def of_machines(
        request: Request,
        name: Name = "",
        supplier: Address = "",
        since: Second = None,
        length: Length = None,
        cursor: Cursor = None,
    ) -> HTMLResponse:
        """Machines by slots, a window of time at a time."""
        with shell.connect() as connection:
            found = resources(connection, supplier or None, name or None, Asked(cursor, _MACHINES))
            span = extent(connection)
            window = length or _COLUMNS * min((row.slot_length for row in found.rows), default=1)
            if since is None:
                since = _first(
                    connection, span, window, SlotFilter(supplier or None, None, name or None)
                )
            page = calendar(
                connection,
                since,
                since + window,
                supplier or None,
                name or None,
                Asked(cursor, _MACHINES),
            )
            return shell.page(
                request,
                connection,
                "calendar.html",
                page=page,
                grids=_grids(page.rows),
                since=since,
                window=window,
                span=span,
                names=_names(connection),
                filtered=bool(name or supplier),
            )

    @router.get("/attestations")
    def attested(
        request: Request,
        name: Name = "",
        supplier: Address = "",
        cursor: Cursor = None,
    ) -> HTMLResponse:
        """Who the operators are, and what they counted."""
        with shell.connect() as connection:
            where = SlotFilter(supplier or None, None, name or None, which="attested")
            page = slots(connection, where, Asked(cursor, _OFFERS))
            return shell.page(
                request,
                connection,
                "attestations.html",
                sets=operators(connection).rows,
                page=page,
                cells=[_cell(row) for row in page.rows],
                units=units_of(connection, page.rows),
                names=_names(connection),
                filtered=bool(name or supplier),
            )


def _names(connection: Connection) -> list[str]:
    """Names of resources to choose from: those of the first page."""
    return sorted({row.name for row in resources(connection, asked=Asked(limit=200)).rows})


def _first(
    connection: Connection, span: tuple[int, int] | None, window: int, where: SlotFilter
) -> int:
    """Where the calendar opens: at the slot that runs now or is next, but with a full window."""
    if span is None:
        return 0
    coming = slots(
        connection,
        SlotFilter(where.supplier, None, where.name, since=now_of(connection)),
        Asked(limit=1),
    ).rows
    last = max(span[0], span[1] - window)
    return min(coming[0].begins, last) if coming else last


def _grids(rows: Sequence[CalendarRow]) -> list[Grid]:
    """The rows by their calendars: columns of slots that begin and end together."""
    by_calendar: dict[tuple[int, int], list[CalendarRow]] = {}
    for row in rows:
        length = row.resource.slot_length
        by_calendar.setdefault((length, row.resource.origin % length), []).append(row)
    grids = []
    for (length, _), of in sorted(by_calendar.items()):
        begins = tuple(sorted({slot.begins for row in of for slot in row.slots}))
        cells = []
        for row in sorted(
            of, key=lambda each: (natural(each.resource.name), each.resource.supplier)
        ):
            at = {slot.begins: _cell(slot) for slot in row.slots}
            cells.append((row, tuple(at.get(begin) for begin in begins)))
        grids.append(Grid(length, begins, tuple(cells)))
    return grids


def _cell(slot: SlotRow) -> Cell:
    whole = max(slot.attested, slot.sold + slot.available)
    return Cell(slot, -(-4 * min(slot.sold, whole) // whole) if whole else 0)


def _for_sale(rows: Sequence[SlotRow], name: str, now: int) -> Chart | None:
    """Units for sale of one resource by the slot's beginning, all suppliers together."""
    if not name or not rows:
        return None
    units: Counter[int] = Counter()
    for row in rows:
        units[row.begins] += row.available
    first = sorted(units)[:_BARS]
    return bars(
        "Units for sale by slot",
        f"Of {one_line(name)}, all suppliers together, by the beginning of the slot, in the next "
        f"{plural(len(first), 'slot')}.",
        [Bar(begins, float(units[begins])) for begins in first],
        Axis("slot begins", now),
        Axis("units for sale"),
    )
