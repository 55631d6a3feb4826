"""What can be made, where and when: resources, the slots of their calendars, and what is listed."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, Connection, and_, or_, select

from fabmarket.ledger import schema
from fabmarket.ledger.queries.forms import DESCRIBED, Address, Digits, Hash, Seconds, Text
from fabmarket.ledger.queries.paging import (
    FIRST,
    Asked,
    BadQuery,
    Order,
    Page,
    columns_of,
    read_page,
)

MOST_CELLS = 5_000
"""Slots of one page of a calendar."""


@dataclass(frozen=True)
class ResourceRow:
    """A resource that its supplier registered, for good."""

    __pydantic_config__ = DESCRIBED

    supplier: Address
    id: Hash
    """The 32 bytes that the chain knows it by."""
    name: Text
    """The same as text, where it is one; written by a stranger."""
    unit: Text
    """What one unit is; written by a stranger."""
    origin: Seconds
    """Second of chain time at which slot 0 begins."""
    slot_length: int
    """Seconds."""


@dataclass(frozen=True)
class SlotRow:
    """One slot of a resource: attested, listed, sold. Quantities are units of the resource."""

    __pydantic_config__ = DESCRIBED

    supplier: Address
    resource: Hash
    name: Text
    slot: int
    begins: Seconds
    """First second of chain time."""
    ends: Seconds
    """First second after it."""
    attested: Digits
    """Units that the operators counted; 0 where they sealed the count."""
    committed: Digits
    """Units sold or listed, and not given back."""
    version: Digits
    """Of the last attestation; 0 where there is none."""
    expiry: Digits
    """First second of chain time at which the attestation allows no new listing."""
    commitment: Hash
    """To a sealed count; empty where it is open."""
    listing: Hash
    """Its id, listed or not."""
    available: Digits
    """Units for sale now."""
    sold: Digits
    """Units sold."""
    epoch: Digits
    """Of the listing: what was signed for an earlier one is void."""
    price: Digits | None
    """Unit price of the last trade, token base units; null where nothing was sold."""
    trades: int


@dataclass(frozen=True)
class CalendarRow:
    """A resource and those of its slots that lie in the window."""

    __pydantic_config__ = DESCRIBED

    resource: ResourceRow
    slots: tuple[SlotRow, ...]
    """By time."""


@dataclass(frozen=True)
class SlotFilter:
    """Which slots: all that is given must hold.

    `name` is a resource's name; `since` and `until` bound a window of chain time that a slot
    touches; `which` keeps those attested or sealed, those with units for sale or sold ("listed"),
    or those with units for sale.
    """

    supplier: str | None = None
    resource: str | None = None
    name: str | None = None
    since: int | None = None
    until: int | None = None
    which: Literal["all", "attested", "listed", "for sale"] = "all"


_RESOURCE, _SLOT = schema.resource, schema.slot


def resources(
    connection: Connection,
    supplier: str | None = None,
    name: str | None = None,
    asked: Asked = FIRST,
) -> Page[ResourceRow]:
    """Registered resources, by supplier and id. BadQuery as `read_page`."""
    query = select(*columns_of(ResourceRow, _RESOURCE))
    if supplier is not None:
        query = query.where(_RESOURCE.c.supplier == supplier)
    if name is not None:
        query = query.where(_RESOURCE.c.name == name)
    order = Order([_RESOURCE.c.supplier, _RESOURCE.c.id], ("supplier", "id"))
    return read_page(connection, query, order, ResourceRow, asked, ("resources", supplier, name))


def resource(connection: Connection, supplier: str, id: str) -> ResourceRow | None:  # noqa: A002
    """One resource, None if there is none."""
    query = select(*columns_of(ResourceRow, _RESOURCE)).where(
        _RESOURCE.c.supplier == supplier, _RESOURCE.c.id == id
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else ResourceRow(*row)


def slots(
    connection: Connection, where: SlotFilter = SlotFilter(), asked: Asked = FIRST
) -> Page[SlotRow]:
    """Slots by time, supplier and resource. BadQuery as `read_page`."""
    query = select(*columns_of(SlotRow, _SLOT)).where(*_conditions(where))
    order = Order(
        [_SLOT.c.begins, _SLOT.c.supplier, _SLOT.c.resource], ("begins", "supplier", "resource")
    )
    return read_page(connection, query, order, SlotRow, asked, ("slots", where))


def slot(connection: Connection, listing: str) -> SlotRow | None:
    """The slot of a listing, None if there is none."""
    query = select(*columns_of(SlotRow, _SLOT)).where(_SLOT.c.listing == listing)
    row = connection.execute(query).one_or_none()
    return None if row is None else SlotRow(*row)


def extent(connection: Connection) -> tuple[int, int] | None:
    """When the first slot begins and the last to begin ends, seconds; None without slots."""
    first = select(_SLOT.c.begins).order_by(_SLOT.c.begins).limit(1)
    last = select(_SLOT.c.ends).order_by(_SLOT.c.begins.desc()).limit(1)
    begins = connection.execute(first).scalar_one_or_none()
    ends = connection.execute(last).scalar_one_or_none()
    return None if begins is None or ends is None else (begins, ends)


def calendar(
    connection: Connection,
    since: int,
    until: int,
    supplier: str | None = None,
    name: str | None = None,
    asked: Asked = FIRST,
) -> Page[CalendarRow]:
    """Resources, and their slots from second `since` to before `until`.

    Raises:
        BadQuery: the window is empty, or holds more than MOST_CELLS slots of the page's resources;
            or as `read_page`.
    """
    if until <= since:
        raise BadQuery("until", f"is {until}, not after since, {since}")
    page = resources(connection, supplier, name, asked)
    if not page.rows:
        return Page((), page.next)
    first, last = page.rows[0], page.rows[-1]
    window = SlotFilter(supplier, None, name, since, until)
    order = Order([_SLOT.c.supplier, _SLOT.c.resource, _SLOT.c.slot], ())
    query = select(*columns_of(SlotRow, _SLOT)).where(
        *_conditions(window), _between(order, first, last)
    )
    found = connection.execute(query.order_by(*order.by).limit(MOST_CELLS + 1)).all()
    if len(found) > MOST_CELLS:
        raise BadQuery("until", f"is too late: more than {MOST_CELLS} slots lie before it")
    by_resource: dict[tuple[str, str], list[SlotRow]] = {}
    for row in found:
        by_resource.setdefault((row.supplier, row.resource), []).append(SlotRow(*row))
    rows = (
        CalendarRow(each, tuple(by_resource.get((each.supplier, each.id), ())))
        for each in page.rows
    )
    return Page(tuple(rows), page.next)


def _between(order: Order, first: ResourceRow, last: ResourceRow) -> ColumnElement[bool]:
    """The slots of resources from one to another."""
    upto = Order(order.columns[:2], (), descending=True)
    past = Order(order.columns[:2], ())
    return and_(~upto.after((first.supplier, first.id)), ~past.after((last.supplier, last.id)))


def _conditions(where: SlotFilter) -> list[ColumnElement[bool]]:
    given = {"supplier": where.supplier, "resource": where.resource, "name": where.name}
    chosen = [_SLOT.c[name] == value for name, value in given.items() if value is not None]
    if where.since is not None:
        chosen.append(_SLOT.c.ends > where.since)
    if where.until is not None:
        chosen.append(_SLOT.c.begins < where.until)
    match where.which:
        case "attested":
            chosen.append(_SLOT.c.version > 0)
        case "listed":
            chosen.append(or_(_SLOT.c.available > 0, _SLOT.c.sold > 0))
        case "for sale":
            chosen.append(_SLOT.c.available > 0)
    return chosen
