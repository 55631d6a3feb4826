"""Net cycles: many trades settled as what they change, the trades themselves unseen."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from fabmarket.ledger import schema
from fabmarket.ledger.queries.forms import DESCRIBED, Address, Digits, Hash, Seconds
from fabmarket.ledger.queries.paging import (
    FIRST,
    Asked,
    Order,
    Page,
    columns_of,
    read_page,
)


@dataclass(frozen=True)
class Change:
    """What a cycle did to one account."""

    __pydantic_config__ = DESCRIBED

    account: Address
    amount: Digits
    """Token base units that its balance gained; negative: lost."""


@dataclass(frozen=True)
class Sold:
    """What a cycle took off one listing."""

    __pydantic_config__ = DESCRIBED

    listing: Hash
    quantity: Digits
    """Units of the resource."""


@dataclass(frozen=True)
class CycleRow:
    """A net cycle that was settled."""

    __pydantic_config__ = DESCRIBED

    batch: Hash
    """The digest that all its parties signed."""
    block: int
    log_index: int
    transaction_hash: Hash
    time: Seconds
    """Of its block, seconds of chain time."""
    token: Address
    trades: Hash
    """Root of the trades' salted leaves: the chain learns nothing else of them."""
    rows: tuple[Change, ...]
    sales: tuple[Sold, ...]


_CYCLE = schema.cycle


def cycles(connection: Connection, asked: Asked = FIRST) -> Page[CycleRow]:
    """Net cycles, newest first. BadQuery as `read_page`."""
    query = select(*columns_of(CycleRow, _CYCLE))
    order = Order([_CYCLE.c.block, _CYCLE.c.log_index], ("block", "log_index"), descending=True)
    return read_page(connection, query, order, _made, asked, "cycles")


def cycle(connection: Connection, batch: str) -> CycleRow | None:
    """One net cycle, None if there is none."""
    query = select(*columns_of(CycleRow, _CYCLE)).where(_CYCLE.c.batch == batch)
    row = connection.execute(query).one_or_none()
    return None if row is None else _made(*row)


def _made(
    batch: str,
    block: int,
    log_index: int,
    transaction_hash: str,
    time: int,
    token: str,
    trades: str,
    rows: list[tuple[str, int | str]],
    sales: list[tuple[str, int | str]],
) -> CycleRow:
    changes = tuple(Change(account, int(amount)) for account, amount in rows)
    sold = tuple(Sold(listing, int(quantity)) for listing, quantity in sales)
    place = block, log_index, transaction_hash, time
    return CycleRow(batch, *place, token, trades, changes, sold)
