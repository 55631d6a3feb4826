"""Products as the chain shows them: trades of one demander that settled together or not at all.

Of a bundle in escrow the chain says the digest. One that is paid at once is known by its
transaction alone: two trades or more of one demander, on several listings. A supplier's batch that
happens to hold nothing else looks the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, and_, select

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

MOST_OPERATIONS = 100
"""Trades of a product that are shown."""
MOST_LOOKED_AT = 5_000
"""Trades that are looked through for one page."""


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
_AT_SLOT = and_(
    _SLOT.c.supplier == _TRADE.c.supplier,
    _SLOT.c.resource == _TRADE.c.resource,
    _SLOT.c.slot == _TRADE.c.slot,
)
_ROWS = (
    select(*columns_of(EscrowRow, _TRADE, _ESCROW, _SLOT))
    .join_from(_TRADE, _SLOT, _AT_SLOT)
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
    query = select(*columns_of(_Seen, _TRADE)).where(*behind(asked, _NEWEST, about))
    if demander is not None:
        query = query.where(_TRADE.c.demander == demander)
    found = connection.execute(query.order_by(*_NEWEST.by).limit(MOST_LOOKED_AT))
    seen = [_Seen(*row) for row in found]
    is_all = len(seen) < MOST_LOOKED_AT
    groups = [list(group) for _, group in groupby(seen, lambda each: each.transaction_hash)]
    if not is_all and len(groups) > 1:
        groups.pop()  # which may be cut; it comes with the next page
    rows: list[BundleRow] = []
    for number, group in enumerate(groups):
        row = _product(connection, group)
        rows += [] if row is None else [row]
        if len(rows) == asked.limit:
            goes_on = not is_all or number + 1 < len(groups)
            return Page(tuple(rows), cursor_at(group[-1], about, _NEWEST) if goes_on else None)
    return Page(tuple(rows), None if is_all else cursor_at(groups[-1][-1], about, _NEWEST))


def bundle(connection: Connection, digest: str) -> BundleRow | None:
    """One product by its bundle or its transaction, None if there is none."""
    seen = select(*columns_of(_Seen, _TRADE))
    of_bundle = select(_ESCROW.c.trade).where(_ESCROW.c.bundle == digest)
    for query in (
        seen.where(_TRADE.c.trade.in_(of_bundle)),
        seen.where(_TRADE.c.transaction_hash == digest),
    ):
        found = [_Seen(*row) for row in connection.execute(query.order_by(*_NEWEST.by))]
        if found:
            return _product(connection, found)
    return None


def _product(connection: Connection, seen: Sequence[_Seen]) -> BundleRow | None:
    """The product that trades of a transaction make, if they do."""
    first, last = seen[-1], seen[0]
    if len({each.demander for each in seen}) > 1 or len({each.listing for each in seen}) < 2:
        return None
    at = and_(_TRADE.c.block == first.block, _TRADE.c.transaction_hash == first.transaction_hash)
    found = connection.execute(_ROWS.where(at).order_by(_SLOT.c.begins, _TRADE.c.log_index))
    rows = [*_operations(found)]
    if any(row.demander != last.demander for row in rows):
        return None
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


def _operations(found: Any) -> Iterator[EscrowRow]:
    for columns in found:
        row = EscrowRow(*columns)
        yield row if row.state is not None else replace(row, **_paid_at_once(row))


def _paid_at_once(row: EscrowRow) -> dict[str, Any]:
    """What is said of the escrow of a trade that has none."""
    nothing = dict.fromkeys(
        ("operator_set", "delivered", "grace_until", "deliver_by", "held", "to_demander"), 0
    )
    texts = dict.fromkeys(("bundle", "evidence", "cause"), "")
    settled = {"state": "settled", "since": row.time, "to_supplier": row.payment}
    return {**nothing, **texts, **settled, "is_uncovered": False}
