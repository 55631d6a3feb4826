"""The market itself: what it was made with, and how far the ledger has followed it."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from fabmarket.ledger import schema
from fabmarket.ledger.queries.forms import DESCRIBED, Address, Digits, Hash, Seconds
from fabmarket.ledger.queries.paging import columns_of


@dataclass(frozen=True)
class MarketRow:
    """The exchange that a ledger follows."""

    __pydantic_config__ = DESCRIBED

    chain_id: int
    exchange: Address
    """Address of the contract."""
    operator_set: int
    """Number of the operators' set that signs attestations and rulings."""
    paused_until: Digits
    """No new trade before this second of chain time; 0 where nothing is paused."""
    parameters: dict[str, int]
    """What the deployment fixes for ever: windows in seconds, `grace_blocks` in blocks,
    `deposit_share` in basis points of a payment."""
    tokens: tuple[Address, ...]
    """Addresses of the payment tokens that deposits are accepted in."""
    trades: int
    """Trades settled so far, without what net cycles settled."""


@dataclass(frozen=True)
class Head:
    """The last block that the ledger holds."""

    __pydantic_config__ = DESCRIBED

    number: int
    hash: Hash
    time: Seconds
    """Seconds of chain time."""


_HEAD = select(*columns_of(Head, schema.block)).order_by(schema.block.c.number.desc()).limit(1)
"""Made once: every answer asks it."""


def market(connection: Connection) -> MarketRow | None:
    """The market, None while the ledger is empty."""
    row = connection.execute(select(*columns_of(MarketRow, schema.market))).one_or_none()
    if row is None or row.exchange == "":
        return None
    chain_id, exchange, number, paused_until, parameters, tokens, trades = row
    return MarketRow(chain_id, exchange, number, paused_until, parameters, tuple(tokens), trades)


def head(connection: Connection) -> Head | None:
    """The last block, None while the ledger is empty."""
    row = connection.execute(_HEAD).one_or_none()
    return None if row is None else Head(*row)


def now_of(connection: Connection) -> int:
    """Chain time of the last block, seconds; 0 while the ledger is empty."""
    last = head(connection)
    return 0 if last is None else last.time


def is_still(connection: Connection, at: Head) -> bool:
    """Whether the chain that the ledger holds goes on from this block, as far as it can tell."""
    query = select(schema.block.c.hash).where(schema.block.c.number == at.number)
    stored, last = connection.execute(query).scalar_one_or_none(), head(connection)
    return last is not None and last.number >= at.number and stored in (None, at.hash)


def first_block_from(connection: Connection, time: int) -> int:
    """The number from which on all blocks of the ledger lie at or after a second of chain time.

    Times rise with numbers, so it is found by halving, without an index of times.
    """
    last = head(connection)
    low, high = 0, 0 if last is None else last.number + 1
    query = select(schema.block.c.number, schema.block.c.time).order_by(schema.block.c.number)
    while low < high:
        middle = (low + high) // 2
        found = connection.execute(query.where(schema.block.c.number >= middle).limit(1)).one()
        if found.time >= time:
            high = middle
        else:
            low = found.number + 1
    return low
