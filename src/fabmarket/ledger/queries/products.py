"""Products as the chain shows them: trades of one demander that settled together or not at all.

Of a bundle in escrow the chain says the digest. One that is paid at once is known by its
transaction alone: two trades or more of one demander, on several listings. A supplier's batch that
happens to hold nothing else looks the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Select, select

from fabmarket.ledger import schema
from fabmarket.ledger.queries.escrows import EscrowRow
from fabmarket.ledger.queries.forms import DESCRIBED, Address, Digits, Hash, Seconds
from fabmarket.ledger.queries.paging import (
    FIRST,
    Asked,
    Order,
    Page,
    behind,
    check_limit,
    columns_of,
    cursor_at,
)
from fabmarket.ledger.queries.trades import AT_SLOT

MOST_OPERATIONS = 100
"""Trades of a product that are shown."""
MOST_LOOKED_AT = 2_000
"""Trades that are looked through for one page."""
_AT_ONCE = 200
"""Trades that are fetched at a time."""


@dataclass(frozen=True)
class BundleRow:
    """A product: trades of one demander that settled together."""

    __pydantic_config__ = DESCRIBED

    bundle: Hash
    """Digest of the bundle, as its trades in escrow say; of one paid at once, its transaction."""
    block: int
    log_index: int
    """Of its first trade in the block."""
    time: Seconds
    """Of its block."""
    transaction_hash: Hash
    demander: Address
    token: Address
    payment: Digits
    """Of its trades together, token base units."""
    trades: tuple[EscrowRow, ...]
    """Its operations, by the time of their slots; 100 at most."""


@dataclass(frozen=True)
class _Seen:
    """A trade that is looked at."""

    block: int
    log_index: int
    transaction_hash: str
    demander: str
    listing: str


_TRADE, _ESCROW, _SLOT = schema.trade, schema.escrow, schema.slot
_ROWS = (
    select(*columns_of(EscrowRow, _TRADE, _ESCROW, _SLOT))
    .join_from(_TRADE, _SLOT, AT_SLOT)
    .outerjoin(_ESCROW, _ESCROW.c.trade == _TRADE.c.trade)
)
_NEWEST = Order([_TRADE.c.block, _TRADE.c.log_index], ("block", "log_index"), descending=True)


def bundles(
    connection: Connection, demander: str | None = None, asked: Asked = FIRST
) -> Page[BundleRow]:
    """Products, newest first. BadQuery as `read_page`.

    A page looks through MOST_LOOKED_AT trades at most: it may have fewer rows than asked for, even
    none, and still be followed by others.
    """
    check_limit(asked)
    about = ("bundles", demander)
    query = select(*columns_of(_Seen, _TRADE)).order_by(*_NEWEST.by)
    if demander is not None:
        query = query.where(_TRADE.c.demander == demander)
    found: list[list[_Seen]] = []
    looked = _Looked(connection, query.where(*behind(asked, _NEWEST, about)))
    for group in looked.groups():
        if _is_product(group):
            found.append(group)
            if len(found) == asked.limit:
                break
    last = looked.last
    goes_on = last is not None and looked.has_more()
    rows = _products(connection, found)
    return Page(rows, cursor_at(last, about, _NEWEST) if last is not None and goes_on else None)


class _Looked:
    """Trades that are looked through, newest first, transaction by transaction."""

    def __init__(self, connection: Connection, query: Select[Any]) -> None:
        self._found = connection.execute(query.limit(MOST_LOOKED_AT + 1)).yield_per(_AT_ONCE)
        self._ahead: _Seen | None = None
        self.last: _Seen | None = None
        """The last trade of the last transaction that was given."""

    def groups(self) -> Iterator[list[_Seen]]:
        """The trades of each transaction; of the last one only if it is whole."""
        group: list[_Seen] = []
        for number, row in enumerate(self._found):
            self._ahead = _Seen(*row)
            if group and group[0].transaction_hash != self._ahead.transaction_hash:
                self.last = group[-1]
                yield group
                group = []
            group.append(self._ahead)
            if number == MOST_LOOKED_AT:
                return
        self._ahead = None
        if group:
            self.last = group[-1]
            yield group

    def has_more(self) -> bool:
        """Whether trades follow those of the transactions that were given."""
        return self._ahead is not None


def bundle(connection: Connection, digest: str) -> BundleRow | None:
    """One product by its bundle or its transaction, None if there is none."""
    seen = select(*columns_of(_Seen, _TRADE))
    of_bundle = select(_ESCROW.c.trade).where(_ESCROW.c.bundle == digest)
    for query in (
        seen.where(_TRADE.c.trade.in_(of_bundle)),
        seen.where(_TRADE.c.transaction_hash == digest),
    ):
        found = [_Seen(*row) for row in connection.execute(query.order_by(*_NEWEST.by))]
        if _is_product(found):
            return next(iter(_products(connection, [found])), None)
    return None


def _is_product(seen: Sequence[_Seen]) -> bool:
    """Whether trades of one transaction are of one demander, on several listings."""
    return len({each.demander for each in seen}) == 1 < len({each.listing for each in seen})


def _products(connection: Connection, found: Sequence[Sequence[_Seen]]) -> tuple[BundleRow, ...]:
    """The products that trades make; not where others' are in the same transaction."""
    blocks = [seen[0].block for seen in found]
    of_block = _ROWS.where(_TRADE.c.block.in_(blocks)).order_by(_SLOT.c.begins, _TRADE.c.log_index)
    rows: dict[str, list[EscrowRow]] = {seen[0].transaction_hash: [] for seen in found}
    for columns in connection.execute(of_block):
        row = EscrowRow(*columns)
        if row.transaction_hash in rows:
            rows[row.transaction_hash].append(row)
    whole = ((seen[-1], rows[seen[0].transaction_hash]) for seen in found)
    return tuple(
        _product(first, operations)
        for first, operations in whole
        if all(row.demander == first.demander for row in operations)
    )


def _product(first: _Seen, operations: Sequence[EscrowRow]) -> BundleRow:
    rows = [row if row.state is not None else _paid_at_once(row) for row in operations]
    return BundleRow(
        bundle=next((row.bundle for row in rows if row.bundle), first.transaction_hash),
        block=first.block,
        log_index=first.log_index,
        time=rows[0].time,
        transaction_hash=first.transaction_hash,
        demander=first.demander,
        token=rows[0].token,
        payment=sum(row.payment for row in rows),
        trades=tuple(rows[:MOST_OPERATIONS]),
    )


def _paid_at_once(row: EscrowRow) -> EscrowRow:
    """A trade that has no escrow, as one of which nothing is held."""
    return replace(
        row,
        bundle="",
        state="settled",
        since=row.time,
        operator_set=0,
        delivered=0,
        evidence="",
        is_uncovered=False,
        grace_until=0,
        deliver_by=0,
        held=0,
        to_supplier=row.payment,
        to_demander=0,
        cause="",
    )
