"""Trades whose payment is held until delivery, or was."""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, select

from fabmarket.ledger import schema
from fabmarket.ledger.queries.forms import DESCRIBED, Address, Digits, Hash, Seconds, Text
from fabmarket.ledger.queries.paging import (
    FIRST,
    Asked,
    Order,
    Page,
    columns_of,
    read_page,
)
from fabmarket.ledger.queries.trades import AT_SLOT

State = Literal["funded", "delivered", "disputed", "closed"]


@dataclass(frozen=True)
class EscrowRow:
    """A trade in escrow: how it stands, and the trade itself. Times are seconds of chain time."""

    __pydantic_config__ = DESCRIBED

    trade: Hash
    block: int
    log_index: int
    transaction_hash: Hash
    time: Seconds
    """When it settled."""
    bundle: Hash
    """Of which product it is a part; empty where it stands alone."""
    state: State | Literal["settled"]
    """`settled` of a trade that was paid at once, as a part of a product."""
    since: Seconds
    """Since when it is in this state."""
    operator_set: int
    """Number of the set of operators that rules on it."""
    delivered: Digits
    """Units that the supplier stated."""
    evidence: Hash
    """Hash of what the demander disputes it with; empty where it does not."""
    is_uncovered: bool
    """Whether the payment went back for want of attested capacity."""
    grace_until: Seconds
    """When a deadline that has passed decides; 0 where none has."""
    deliver_by: Seconds
    """By when the supplier must have stated delivery."""
    held: Digits
    """Token base units still in escrow: payment, bond and deposit."""
    to_supplier: Digits
    """Token base units that left it for the supplier."""
    to_demander: Digits
    """Token base units that left it for the demander."""
    cause: str
    """Why money left it last; empty where none did."""
    ruling: dict[str, Any] | None
    """The operators' last ruling, in basis points to the supplier; null where there is none."""
    listing: Hash
    supplier: Address
    resource: Hash
    name: Text
    """Of the resource as text, where it is one; written by a stranger."""
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


@dataclass(frozen=True)
class EscrowFilter:
    """Which escrows: all that is given must hold.

    `disputed_ever` keeps those that a demander once disputed, or that went back for want of
    attested capacity, whatever became of it.
    """

    state: State | None = None
    supplier: str | None = None
    demander: str | None = None
    disputed_ever: bool = False


_ESCROW, _TRADE, _SLOT = schema.escrow, schema.trade, schema.slot
_ROWS = (
    select(*columns_of(EscrowRow, _ESCROW, _TRADE, _SLOT))
    .join_from(_ESCROW, _TRADE, _TRADE.c.trade == _ESCROW.c.trade)
    .join(_SLOT, AT_SLOT)
)
_NEWEST = Order([_ESCROW.c.block, _ESCROW.c.log_index], ("block", "log_index"), descending=True)


def escrows(
    connection: Connection, where: EscrowFilter = EscrowFilter(), asked: Asked = FIRST
) -> Page[EscrowRow]:
    """Escrows, newest first. BadQuery as `read_page`."""
    chosen: list[ColumnElement[bool]] = []
    if where.state is not None:
        chosen.append(_ESCROW.c.state == where.state)
    if where.supplier is not None:
        chosen.append(_TRADE.c.supplier == where.supplier)
    if where.demander is not None:
        chosen.append(_TRADE.c.demander == where.demander)
    if where.disputed_ever:
        chosen.append(schema.EVER_DISPUTED)
    query = _ROWS.where(*chosen)
    return read_page(connection, query, _NEWEST, EscrowRow, asked, ("escrows", where))


def escrow(connection: Connection, trade: str) -> EscrowRow | None:
    """The escrow of a trade, None if it has none."""
    row = connection.execute(_ROWS.where(_ESCROW.c.trade == trade)).one_or_none()
    return None if row is None else EscrowRow(*row)


def disputed_by(connection: Connection) -> dict[str, str]:
    """Return which trade an evidence file was named for, by the file's hash."""
    named = select(_ESCROW.c.evidence, _ESCROW.c.trade).where(
        schema.EVER_DISPUTED, _ESCROW.c.evidence != ""
    )
    return {row.evidence: row.trade for row in connection.execute(named)}
