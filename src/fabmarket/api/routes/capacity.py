"""What can be made, where and when: resources, calendars, attestations, the order book."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field
from sqlalchemy import Connection

from fabmarket.api.errors import not_found
from fabmarket.api.parameters import Address, Hash, Name
from fabmarket.api.reading import Nothing, Paged, Reading, Truth, Whole, reads
from fabmarket.ledger.queries.capacity import (
    CalendarRow,
    ResourceRow,
    SlotFilter,
    SlotRow,
    calendar,
    resources,
    slot,
    slots,
)
from fabmarket.ledger.queries.capacity import (
    resource as registered,
)
from fabmarket.ledger.queries.paging import Page

router = APIRouter(tags=["capacity"])
_MOMENT = 1_790_000_000


class Resources(Paged):
    """Which resources."""

    supplier: Address | None = None
    """Of this supplier only."""
    name: Name | None = None
    """Of this name only."""


class Slots(Resources):
    """Which slots: all that is given must hold."""

    resource: Hash | None = None
    """Of the resource with these 32 bytes only."""
    since: Annotated[Whole | None, Field(examples=[_MOMENT])] = None
    """That end after this second of chain time."""
    until: Annotated[Whole | None, Field(examples=[_MOMENT + 86_400])] = None
    """That begin before this second of chain time."""

    @property
    def window(self) -> SlotFilter:
        """What the ledger is asked for."""
        return SlotFilter(self.supplier, self.resource, self.name, self.since, self.until)


class Calendar(Resources):
    """Which part of the calendar; pages are of resources."""

    since: Annotated[Whole, Field(examples=[_MOMENT])]
    """Slots that end after this second of chain time."""
    until: Annotated[Whole, Field(examples=[_MOMENT + 86_400])]
    """Slots that begin before this second of chain time."""


class OrderBook(Slots):
    """Which listings."""

    is_open: Truth = False
    """Those with units for sale only: `true` or `false`."""


@router.get("/resources", response_model=Page[ResourceRow], responses=reads())
def all_resources(reader: Reading, asked: Annotated[Resources, Query()]) -> Response:
    """Registered resources, by supplier and id."""
    where = asked.supplier, asked.name
    return reader.answer(Page[ResourceRow], lambda db: resources(db, *where, asked.page))


@router.get("/resources/{supplier}/{resource}", response_model=ResourceRow, responses=reads(404))
def one_resource(
    reader: Reading,
    supplier: Annotated[Address, Path(description="Its supplier.")],
    resource: Annotated[Hash, Path(description="Its 32 bytes.")],
    _: Annotated[Nothing, Query()],
) -> Response:
    """One resource."""

    def read(connection: Connection) -> ResourceRow:
        found = registered(connection, supplier, resource)
        if found is None:
            raise not_found("resource")
        return found

    return reader.answer(ResourceRow, read)


@router.get("/calendar", response_model=Page[CalendarRow], responses=reads())
def capacity_calendar(reader: Reading, asked: Annotated[Calendar, Query()]) -> Response:
    """Resources by slots in a window of time: attested, listed, sold, and the last price.

    A window with more than 5,000 slots of a page's resources is refused (422): ask for a shorter
    one, or for fewer resources.
    """
    where = asked.since, asked.until, asked.supplier, asked.name
    return reader.answer(Page[CalendarRow], lambda db: calendar(db, *where, asked.page))


@router.get("/attestations", response_model=Page[SlotRow], responses=reads())
def attestations(reader: Reading, asked: Annotated[Slots, Query()]) -> Response:
    """Slots whose units the operators attested or sealed, by time, supplier and resource."""
    where = replace(asked.window, which="attested")
    return reader.answer(Page[SlotRow], lambda db: slots(db, where, asked.page))


@router.get("/listings", response_model=Page[SlotRow], responses=reads())
def order_book(reader: Reading, asked: Annotated[OrderBook, Query()]) -> Response:
    """The order book: slots that were ever listed, by time, supplier and resource."""
    where = replace(asked.window, which="for sale" if asked.is_open else "listed")
    return reader.answer(Page[SlotRow], lambda db: slots(db, where, asked.page))


@router.get("/listings/{listing}", response_model=SlotRow, responses=reads(404))
def one_listing(
    reader: Reading,
    listing: Annotated[Hash, Path(description="Its id.")],
    _: Annotated[Nothing, Query()],
) -> Response:
    """One listing."""

    def read(connection: Connection) -> SlotRow:
        found = slot(connection, listing)
        if found is None:
            raise not_found("listing")
        return found

    return reader.answer(SlotRow, read)
