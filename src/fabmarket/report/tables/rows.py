"""Which tables a ledger gives away, and their rows: a page at a time, all of one moment."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, and_, select

from fabmarket.ledger import schema
from fabmarket.ledger.queries import paging
from fabmarket.ledger.queries.escrows import EscrowRow
from fabmarket.ledger.queries.paging import BadQuery, Order
from fabmarket.ledger.queries.trades import AT_SLOT, TradeRow

PAGE = 2_000
"""Rows that are read at a time."""
Kind = Literal["text", "number", "units", "amount", "truth", "json", "utc"]
"""What a column holds: `number` fits 64 bits, `units` 20 digits and `amount` 58, `utc` is text."""
_DAY = 86_400


@dataclass(frozen=True)
class Column:
    """A column of a table that is written: its name and what it holds."""

    name: str
    kind: Kind


@dataclass(frozen=True)
class Source:
    """A table as it is asked for: the ledger's columns, in which order, kept by which condition.

    `time` is the column that `since` and `until` bound, None where there is none.
    """

    columns: tuple[ColumnElement[Any], ...]
    order: tuple[ColumnElement[Any], ...]
    query: Select[Any]
    time: ColumnElement[Any] | None


@dataclass(frozen=True)
class Filters:
    """Which rows: all that is given must hold; `since` and `until` are seconds of chain time."""

    account: str | None = None
    name: str | None = None
    token: str | None = None
    since: int | None = None
    until: int | None = None


EVERY_ROW = Filters()
Currencies = Mapping[str, tuple[str, int]]
"""Symbol and decimals of tokens, by address, as far as they are known: no event says them."""
NOT_KNOWN: Currencies = MappingProxyType({})
_COUNTED_IN = (Column("symbol", "text"), Column("decimals", "number"))
"""Behind the columns of each table whose amounts are of a token."""
_TEXT_OF_JSON = "body"
"""Of an event: its arguments as they were encoded."""
_PARTIES = ("supplier", "demander", "address")
_SECONDS = {
    *("time", "begins", "ends", "expiry", "since", "grace_until", "deliver_by", "origin"),
}
"""Columns of seconds since 1970; each is followed by the same as text, NAME_utc."""


def _source(table: Any, order: Sequence[str], time: str | None = None, where: Any = None) -> Source:
    """All columns of a table of the ledger."""
    columns = tuple(table.c)
    query = select(*columns)
    if where is not None:
        query = query.where(where)
    bounded = None if time is None else table.c[time]
    return Source(columns, tuple(table.c[name] for name in order), query, bounded)


_PLACE = ("block", "log_index")


def _events() -> Source:
    event, block = schema.event, schema.block
    columns = (*event.c, block.c.time)
    query = select(*columns).join_from(event, block, block.c.number == event.c.block)
    return Source(columns, tuple(event.c[name] for name in _PLACE), query, block.c.time)


def _trades(kind: type, first: Any, joined: Any) -> Source:
    """What the API has of a trade, and the unit. No trade is left out for want of its slot."""
    trade, slot, resource = schema.trade, schema.slot, schema.resource
    at_resource = and_(resource.c.supplier == trade.c.supplier, resource.c.id == trade.c.resource)
    columns = (*paging.columns_of(kind, first, trade, slot), resource.c.unit)
    whole = joined.outerjoin(slot, AT_SLOT).outerjoin(resource, at_resource)
    query = select(*columns).select_from(whole)
    return Source(columns, tuple(first.c[name] for name in _PLACE), query, trade.c.time)


_ESCROWS = schema.escrow.join(schema.trade, schema.trade.c.trade == schema.escrow.c.trade)
SOURCES = {
    "trades": _trades(TradeRow, schema.trade, schema.trade),
    "escrows": _trades(EscrowRow, schema.escrow, _ESCROWS),
    "cycles": _source(schema.cycle, _PLACE, "time"),
    "resources": _source(schema.resource, ("supplier", "id")),
    "slots": _source(schema.slot, ("supplier", "resource", "slot"), "begins"),
    "listings": _source(
        schema.slot, ("supplier", "resource", "slot"), "begins", schema.slot.c.committed > 0
    ),
    "accounts": _source(schema.account, ("address", "token")),
    "volume": _source(schema.volume, ("day", "name", "token"), "day"),
    "operators": _source(schema.operators, ("set",), "since"),
    "events": _events(),
}
"""Each table that can be exported, by name."""


def columns_of(table: str) -> tuple[Column, ...]:
    """The columns of a table as it is written, in their order."""
    columns = tuple(
        column
        for source in SOURCES[table].columns
        for column in _written(source.name, _kind(source))
    )
    return (*columns, *_COUNTED_IN) if is_of_tokens(table) else columns


def is_of_tokens(table: str) -> bool:
    """Whether each row of a table has amounts of a token, which it names."""
    return any(column.name == "token" for column in SOURCES[table].columns)


def _kind(column: ColumnElement[Any]) -> Kind:
    if column.name == _TEXT_OF_JSON:
        return "json"
    if column.type is schema.UNITS or column.name == "nonce":  # it may be as large
        return "units"
    if column.type is schema.AMOUNT:
        return "amount"
    kinds: dict[str, Kind] = {"JSON": "json", "BOOLEAN": "truth", "TEXT": "text"}
    return kinds.get(str(column.type), "number")


def _written(name: str, kind: Kind) -> tuple[Column, ...]:
    if name in _SECONDS:
        return Column(name, kind), Column(f"{name}_utc", "utc")
    if name == "day":
        return Column(name, kind), Column("date", "utc")
    return (Column(name, kind),)


def rows_of(
    connection: Connection,
    table: str,
    filters: Filters = EVERY_ROW,
    currencies: Currencies = NOT_KNOWN,
) -> Iterator[tuple[Any, ...]]:
    """All rows of a table that the filters keep, in its order, one by one; bounded memory.

    The values are those of `columns_of`; `currencies` say what amounts are counted in. All are of
    one moment if the connection is a snapshot.

    Raises:
        BadQuery: a filter is of something that the table has no column for.
    """
    rows = _read(connection, SOURCES[table], _conditions(table, filters))
    if not is_of_tokens(table):
        return rows
    at = [column.name for column in columns_of(table)].index("token")
    return ((*row, *currencies.get(row[at], (None, None))) for row in rows)


def _read(
    connection: Connection, source: Source, conditions: Sequence[ColumnElement[bool]]
) -> Iterator[tuple[Any, ...]]:
    order = Order(source.order, ())
    names = [column.name for column in source.columns]
    places = [names.index(column.name) for column in source.order]
    query = source.query.where(*conditions).order_by(*order.by).limit(PAGE)
    found = connection.execute(query).all()
    while found:
        for row in found:
            yield tuple(_values(names, row))
        if len(found) < PAGE:
            return
        key = [found[-1][place] for place in places]
        found = connection.execute(query.where(order.after(key))).all()


def _conditions(table: str, filters: Filters) -> list[ColumnElement[bool]]:
    source = SOURCES[table]
    columns = {column.name: column for column in source.columns}
    chosen: list[ColumnElement[bool]] = []
    if filters.account is not None:
        parties = [columns[name] == filters.account for name in _PARTIES if name in columns]
        if not parties:
            raise _no_use("account", f"{table} names no account")
        either = parties[0]
        for other in parties[1:]:
            either = either | other
        chosen.append(either)
    for name in ("name", "token"):
        value = getattr(filters, name)
        if value is not None:
            if name not in columns:
                raise _no_use(name, f"{table} has no column {name}")
            chosen.append(columns[name] == value)
    for name in ("since", "until"):
        value = getattr(filters, name)
        if value is not None:
            if source.time is None:
                raise _no_use(name, f"rows of {table} are of no time")
            bound = -(-value // _DAY) if source.time.name == "day" else value
            late = source.time >= bound
            chosen.append(late if name == "since" else ~late)
    return chosen


def _no_use(field: str, why: str) -> BadQuery:
    return BadQuery(field, f"is of no use, {why}; leave it out")


def _values(names: Sequence[str], row: Sequence[Any]) -> Iterator[Any]:
    for name, value in zip(names, row, strict=True):
        yield json.loads(value) if name == _TEXT_OF_JSON else value
        if name in _SECONDS:
            yield utc(value)
        elif name == "day":
            yield (_EPOCH + timedelta(days=value)).date().isoformat()


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = 253_402_300_799
"""The last second of the year 9999."""


def utc(seconds: int | None) -> str | None:
    """A moment as ISO 8601; None for 0, which stands for no moment, and beyond the year 9999.

    >>> utc(1_790_000_000)
    '2026-09-21T14:13:20Z'
    """
    if seconds is None or not 0 < seconds <= _LAST:
        return None
    return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"
