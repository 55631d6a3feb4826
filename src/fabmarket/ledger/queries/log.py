"""The events themselves, as the exchange logged them."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from fabmarket.ledger import schema
from fabmarket.ledger.queries.forms import DESCRIBED, Hash, Seconds
from fabmarket.ledger.queries.paging import (
    FIRST,
    Asked,
    Order,
    Page,
    columns_of,
    read_page,
)


@dataclass(frozen=True)
class EventRow:
    """An event of the exchange."""

    __pydantic_config__ = DESCRIBED

    block: int
    log_index: int
    """In its block."""
    transaction_hash: Hash
    time: Seconds
    """Of its block, seconds of chain time."""
    kind: str
    """The event's name in the contract."""
    subject: str | None
    """Digest of the trade that a step of an escrow is of; null for every other event."""
    body: dict[str, Any]
    """Its arguments by name. Numbers are digits, bytes hexadecimal."""


@dataclass(frozen=True)
class EventFilter:
    """Which events: all that is given must hold; blocks from `since` to before `until`."""

    kind: str | None = None
    subject: str | None = None
    since: int | None = None
    until: int | None = None


_EVENT, _BLOCK = schema.event, schema.block
_ROWS = select(*columns_of(EventRow, _EVENT, _BLOCK)).join_from(
    _EVENT, _BLOCK, _BLOCK.c.number == _EVENT.c.block
)


def events(
    connection: Connection,
    where: EventFilter = EventFilter(),
    asked: Asked = FIRST,
    *,
    oldest_first: bool = False,
) -> Page[EventRow]:
    """Events, newest first or oldest first. BadQuery as `read_page`."""
    query = _ROWS
    if where.kind is not None:
        query = query.where(_EVENT.c.kind == where.kind)
    if where.subject is not None:
        query = query.where(_EVENT.c.subject == where.subject)
    if where.since is not None:
        query = query.where(_EVENT.c.block >= where.since)
    if where.until is not None:
        query = query.where(_EVENT.c.block < where.until)
    columns = [_EVENT.c.block, _EVENT.c.log_index]
    order = Order(columns, ("block", "log_index"), descending=not oldest_first)
    about = ("events", where, oldest_first)
    return read_page(connection, query, order, _made, asked, about)


def _made(
    block: int,
    log_index: int,
    transaction_hash: str,
    time: int,
    kind: str,
    subject: str | None,
    body: str,
) -> EventRow:
    place = block, log_index, transaction_hash, time
    return EventRow(*place, kind, subject, json.loads(body))
