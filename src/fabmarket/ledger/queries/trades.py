"""Settled trades, newest first, and what became of one."""

from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, Connection, and_, select

from fabmarket.ledger import schema
from fabmarket.ledger.queries.forms import DESCRIBED, Address, Digits, Hash, Seconds, Text
from fabmarket.ledger.queries.market import first_block_from
from fabmarket.ledger.queries.paging import (
    FIRST,
    Asked,
    Order,
    Page,
    columns_of,
    merged,
    read_page,
)


@dataclass(frozen=True)
class TradeRow:
    """A settled trade of one resource in one slot."""

    __pydantic_config__ = DESCRIBED

    trade: Hash
    """The digest that both parties signed."""
    block: int
    log_index: int
    """Of its event in the block."""
    transaction_hash: Hash
    time: Seconds
    """Of its block, seconds of chain time."""
    listing: Hash
    supplier: Address
    resource: Hash
    """32 bytes."""
    name: Text
    """The same as text, where it is one; written by a stranger."""
    slot: int
    begins: Seconds
    """First second of the slot."""
    ends: Seconds
    """First second after it."""
    demander: Address
    token: Address
    quantity: Digits
    """Units of the resource."""
    unit_price: Digits
    """Token base units per unit."""
    payment: Digits
    """Token base units."""
    nonce: Digits
    """The demander's."""
    is_escrow: bool
    """Whether the payment was held in escrow; what became of it stands in its escrow."""


@dataclass(frozen=True)
class TradeFilter:
    """Which trades: all that is given must hold.

    `account` is either party; `name` a resource's name; `since` and `until` are seconds of chain
    time at which it settled, the second bound excluded.
    """

    account: str | None = None
    supplier: str | None = None
    demander: str | None = None
    listing: str | None = None
    name: str | None = None
    token: str | None = None
    since: int | None = None
    until: int | None = None


_TRADE, _SLOT = schema.trade, schema.slot
AT_SLOT = and_(
    _SLOT.c.supplier == _TRADE.c.supplier,
    _SLOT.c.resource == _TRADE.c.resource,
    _SLOT.c.slot == _TRADE.c.slot,
)
"""Of a trade and the slot in which it is."""
_NEWEST = Order([_TRADE.c.block, _TRADE.c.log_index], ("block", "log_index"), descending=True)
_ROWS = select(*columns_of(TradeRow, _TRADE, _SLOT)).join_from(_TRADE, _SLOT, AT_SLOT)


def trades(
    connection: Connection, where: TradeFilter = TradeFilter(), asked: Asked = FIRST
) -> Page[TradeRow]:
    """Trades, newest first. BadQuery as `read_page`."""
    about = ("trades", where)

    def page(where: TradeFilter) -> Page[TradeRow]:
        query = _ROWS.where(*_conditions(connection, where))
        return read_page(connection, query, _NEWEST, TradeRow, asked, about)

    if where.account is None:
        return page(where)
    # One side at a time, each by its own index.
    sides = []
    if where.supplier in (None, where.account):
        sides.append(page(replace(where, account=None, supplier=where.account)))
    if where.demander in (None, where.account):
        sides.append(page(replace(where, account=None, demander=where.account)))
    return merged(sides, _NEWEST, asked, about)


def trade(connection: Connection, digest: str) -> TradeRow | None:
    """One trade, None if there is none."""
    row = connection.execute(_ROWS.where(_TRADE.c.trade == digest)).one_or_none()
    return None if row is None else TradeRow(*row)


def trades_after(
    connection: Connection, place: tuple[int, int], limit: int
) -> tuple[TradeRow, ...]:
    """The trades behind a block and log index, oldest first, `limit` at most."""
    order = replace(_NEWEST, descending=False)
    query = _ROWS.where(order.after(place)).order_by(*order.by).limit(limit)
    return tuple(TradeRow(*row) for row in connection.execute(query))


def _conditions(connection: Connection, where: TradeFilter) -> list[ColumnElement[bool]]:
    plain = ("supplier", "demander", "listing", "name", "token")
    given = {name: getattr(where, name) for name in plain}
    chosen = [_TRADE.c[name] == value for name, value in given.items() if value is not None]
    if where.since is not None:
        chosen.append(_TRADE.c.block >= first_block_from(connection, where.since))
    if where.until is not None:
        chosen.append(_TRADE.c.block < first_block_from(connection, where.until))
    return chosen
