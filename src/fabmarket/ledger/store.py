"""A contract's events in a database: blocks are stored whole or not at all, and only once."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, Generic, Self, cast

from sqlalchemy import Connection, delete, func, insert, select, tuple_, update
from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, OperationalError
from typing_extensions import TypeVar

from fabmarket.identity.codec import BadText, decode, encode
from fabmarket.ledger import schema
from fabmarket.ledger.database import (
    LedgerBusy,
    LedgerError,
    NothingYet,
    Place,
    name_of,
    open_database,
    writing,
)
from fabmarket.ledger.queries.snapshot import snapshot
from fabmarket.ledger.rows import Statements, hexed
from fabmarket.market.events import (
    EVENTS,
    Announced,
    Delivered,
    Disputed,
    Escrowed,
    Event,
    GraceOpened,
    ListingEpochRaised,
    Released,
    RulingPosted,
    SplitsVoided,
    Uncovered,
)

_PAGE = 2_000
"""Events that are read at a time."""
_BEYOND = (1 << 63) - 1
"""No log of a block has this index."""
_AS_ANYTHING = (ValueError, TypeError, KeyError, AttributeError, MemoryError, BadText)
"""What reading a damaged page may raise: it is read as anything, of any length."""
_KINDS = {kind.__name__: kind for kind in (*EVENTS, Announced)}
_STEPS = (
    Escrowed,
    Delivered,
    Disputed,
    Uncovered,
    GraceOpened,
    SplitsVoided,
    RulingPosted,
    Released,
)

E = TypeVar("E", default=Event)
"""What a contract records: the exchange the market's events, the board announcements."""


@dataclass(frozen=True)
class Entry(Generic[E]):
    """An event of a block: the index of its log, and its transaction."""

    index: int
    transaction: bytes
    event: E


@dataclass(frozen=True)
class Block(Generic[E]):
    """A block: number, hash, that of its parent, time in seconds, and a contract's events in it."""

    number: int
    hash: bytes
    parent: bytes
    time: int
    entries: tuple[Entry[E], ...]


class EventLog(Generic[E]):
    """Events in chain order. A file or a URL makes it durable; by default it lives in memory.

    LedgerError for a place that holds something else, or is of another version.
    """

    def __init__(self, place: Place = None) -> None:
        self._open(place, is_read_only=False)

    def _open(self, place: Place, *, is_read_only: bool) -> None:
        self.name = name_of(place)
        self.engine = open_database(place, is_read_only=is_read_only)
        """For queries."""
        dialect = self.engine.dialect
        self._events = Statements(schema.event, dialect)
        self._blocks = Statements(schema.block, dialect)

    @classmethod
    def reading(cls, place: Place, *, is_kept: bool = False) -> Self:
        """Return one that is there, to be read only. LedgerError if it is none.

        Of one that an agent keeps (`is_kept`) a database without tables is one that is just begun.
        """
        log = cls.__new__(cls)
        try:
            log._open(place, is_read_only=True)
        except NothingYet:
            if not is_kept:
                raise
            return cls()
        return log

    def belong_to(self, chain_id: int, contract: str) -> None:
        """Note whose events these are. LedgerError if they are another contract's."""
        market = schema.market
        with self._writing() as connection:
            row = connection.execute(select(market.c.chain_id, market.c.exchange)).one_or_none()
            if row is None:
                connection.execute(insert(market).values(**nothing_yet(chain_id, contract)))
            elif row.exchange == "":
                connection.execute(update(market).values(chain_id=chain_id, exchange=contract))
            elif (row.chain_id, row.exchange) != (chain_id, contract):
                raise LedgerError(
                    f"{self.name} is of the market {row.exchange} on chain {row.chain_id}, not of"
                    f" {contract} on chain {chain_id}; give another path"
                )

    def followed(self) -> tuple[int, bytes] | None:
        """Return number and hash of the last block that was stored, None if there is none."""
        with self._reading() as connection:
            last = _last(connection)
            return None if last is None else (last[0], bytes.fromhex(last[1][2:]))

    def final(self) -> int:
        """Return the number of the last block that will not be taken back; -1 if there is none."""
        with self._reading() as connection:
            found = connection.execute(select(schema.market.c.final)).scalar()
            return -1 if found is None else found

    def open_blocks(self) -> list[tuple[int, bytes]]:
        """Return number and hash of the blocks that may be taken back, the last one first.

        At the end comes the last one that may not.
        """
        table = schema.block
        query = (
            select(table.c.number, table.c.hash)
            .where(table.c.number >= self.final())
            .order_by(table.c.number.desc())
        )
        with self._reading() as connection:
            rows = connection.execute(query).all()
            return [(number, bytes.fromhex(block_hash[2:])) for number, block_hash in rows]

    def time(self) -> int:
        """Return the time of the last block that was stored, seconds; 0 if there is none."""
        table = schema.block
        query = select(table.c.time).order_by(table.c.number.desc()).limit(1)
        with self._reading() as connection:
            return connection.execute(query).scalar() or 0

    def times(self, numbers: Iterable[int]) -> dict[int, int]:
        """Return the times of some blocks with events, seconds."""
        table = schema.block
        query = select(table.c.number, table.c.time).where(table.c.number.in_(set(numbers)))
        with self._reading() as connection:
            return {row.number: row.time for row in connection.execute(query)}

    def market(self) -> tuple[int, str]:
        """Return whose events these are: chain id and contract; 0 and "" if nobody has said."""
        market = schema.market
        with self._reading() as connection:
            row = connection.execute(select(market.c.chain_id, market.c.exchange)).one_or_none()
            return (0, "") if row is None else (row.chain_id, row.exchange)

    def append(self, *blocks: Block[E], final: int | None = None) -> None:
        """Store blocks in one transaction, and that all up to the last of them is stored.

        `final` is the number of the last block that will not be taken back, by default the last of
        these. A block that is there already is left as it is. LedgerError if it is there with
        another hash or other events: the chain was reorganised, and what was stored must not be
        trusted. LedgerError too for events that cannot follow, LedgerBusy where the database takes
        nothing: then nothing of these blocks is stored.
        """
        with self._writing() as connection:
            last = _last(connection)
            known = -1 if last is None else last[0]
            for block in blocks:
                if block.number <= known:
                    self._require_stored(connection, block)
            new = [block for block in blocks if block.number > known]
            if not new:
                return
            final = new[-1].number if final is None else min(final, new[-1].number)
            before = self._final(connection)
            try:
                self._insert(connection, new)
                self._derive(connection, last, new, final)
            except (OverflowError, DataError, IntegrityError) as error:
                numbers = f"{new[0].number} to {new[-1].number}"
                raise LedgerError(f"blocks {numbers} say what cannot be ({error})") from error
            self._settle_down(connection, before, max(before, final))

    def _insert(self, connection: Connection, blocks: Sequence[Block[E]]) -> None:
        self._blocks.many(
            connection,
            self._blocks.insert,
            ((it.number, hexed(it.hash), hexed(it.parent), it.time) for it in blocks),
        )
        self._events.many(
            connection,
            self._events.insert,
            ((block.number, *_event_row(entry)) for block in blocks for entry in block.entries),
        )

    def _derive(
        self,
        connection: Connection,
        last: tuple[int, str] | None,
        blocks: Sequence[Block[E]],
        final: int,
    ) -> None:
        """Give a subclass the chance to keep more, in the same transaction."""

    def _final(self, connection: Connection) -> int:
        """The last block that will not be taken back; the row that says it is there from now on."""
        market = schema.market
        found = connection.execute(select(market.c.final)).scalar()
        if found is None:
            connection.execute(insert(market).values(**nothing_yet(0, "")))
        return -1 if found is None else found

    def _settle_down(self, connection: Connection, before: int, final: int) -> None:
        """Forget blocks without events below the last that will not be taken back any more."""
        table, events = schema.block, schema.event
        connection.execute(update(schema.market).values(final=final))
        connection.execute(
            delete(table).where(
                table.c.number >= before,
                table.c.number < final,
                table.c.number < select(func.max(table.c.number)).scalar_subquery(),
                ~select(events.c.block).where(events.c.block == table.c.number).exists(),
            )
        )

    def roll_back(self, number: int) -> None:
        """Take back all blocks above one that is known. LedgerError if one of them is final."""
        with self._writing() as connection:
            final = self._final(connection)
            if number < final:
                raise LedgerError(
                    f"the blocks of {self.name} up to {final} are final, so that those above"
                    f" {number} cannot be taken back; index the chain again from the start"
                )
            self._take_back(connection, number)
            connection.execute(update(schema.market).values(final=final))

    def _take_back(self, connection: Connection, number: int) -> None:
        for table in (schema.event, schema.block):
            column = table.c.block if "block" in table.c else table.c.number
            connection.execute(delete(table).where(column > number))

    def _require_stored(self, connection: Connection, block: Block[E]) -> None:
        table, events = schema.block, schema.event
        query = select(table.c.hash).where(table.c.number == block.number)
        stored = connection.execute(query).scalar()
        again = "index the chain again from the start"
        if stored is not None and stored != hexed(block.hash):
            raise LedgerError(
                f"block {block.number} is stored as {stored}, the chain now has"
                f" {hexed(block.hash)}: it was reorganised; {again}"
            )
        rows = connection.execute(
            select(events).where(events.c.block == block.number).order_by(events.c.log_index)
        )
        said = [(block.number, *_event_row(entry)) for entry in block.entries]
        held = [tuple(row) for row in rows]
        if said != held:
            raise LedgerError(
                f"block {block.number} is stored with {len(held)} events, the chain now says"
                f" {len(said)} or others; {again}"
            )

    def events(self) -> Iterator[E]:
        """Yield all events in chain order. LedgerError where the database is damaged."""
        for _, _, entry in self.entries():
            yield entry.event

    def entries(self, after: int = -1) -> Iterator[tuple[int, bytes, Entry[E]]]:
        """Yield all events of later blocks in chain order, each with its block's number and hash.

        They are read a page at a time, so that more may come meanwhile. LedgerError where the
        database is damaged.
        """
        events, blocks = schema.event, schema.block
        place = tuple_(events.c.block, events.c.log_index)
        query = (
            select(
                events.c.block,
                blocks.c.hash,
                events.c.log_index,
                events.c.transaction_hash,
                events.c.kind,
                events.c.body,
            )
            .join_from(events, blocks, events.c.block == blocks.c.number)
            .order_by(events.c.block, events.c.log_index)
            .limit(_PAGE)
        )
        last: tuple[int, int] = (after, _BEYOND)
        while True:
            with self._reading() as connection:
                rows = connection.execute(query.where(place > last)).all()
                page = [_entry(*row) for row in rows]
            yield from page
            if len(rows) < _PAGE:
                return
            last = (rows[-1].block, rows[-1].log_index)

    def dump(self) -> bytes:
        """Return the whole database as the bytes of an SQLite file. LedgerError of PostgreSQL."""
        if self.engine.dialect.name != "sqlite":
            raise LedgerError(f"{self.name} is no SQLite database; copy it with pg_dump")
        with closing(self.engine.raw_connection()) as connection:
            held = cast(sqlite3.Connection, connection.driver_connection)
            return held.serialize()

    def close(self) -> None:
        """Close the database."""
        self.engine.dispose()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        try:
            with writing(self.engine) as connection:
                yield connection
        except OperationalError as error:
            raise LedgerBusy(f"{self.name} takes nothing ({error.orig})") from error
        except DatabaseError as error:
            raise self._damaged(error) from error

    @contextmanager
    def at_once(self) -> Iterator[Connection]:
        """A connection to read all of one moment with. LedgerError where what it reads is damaged,
        LedgerBusy where the server is gone.
        """
        try:
            with snapshot(self.engine) as connection:
                yield connection
        except DatabaseError as error:
            raise self._unread(error) from error

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self.engine.connect() as connection:
                yield connection
        except (DatabaseError, *_AS_ANYTHING) as error:
            raise self._unread(error) from error

    def _unread(self, error: Exception) -> LedgerBusy | LedgerError:
        if isinstance(error, OperationalError) and self.engine.dialect.name != "sqlite":
            return LedgerBusy(f"{self.name} does not answer ({error.orig})")
        return self._damaged(error)

    def _damaged(self, error: Exception) -> LedgerError:
        said = error.orig if isinstance(error, DatabaseError) else error
        return LedgerError(f"{self.name} is damaged ({said}); index it again")


def nothing_yet(chain_id: int, contract: str) -> dict[str, Any]:
    """Return the row `market` of a contract that has said nothing yet."""
    return {
        "one": 1,
        "chain_id": chain_id,
        "exchange": contract,
        "final": -1,
        "operator_set": 0,
        "paused_until": 0,
        "parameters": {},
        "tokens": [],
        "trades": 0,
    }


def _last(connection: Connection) -> tuple[int, str] | None:
    table = schema.block
    query = select(table.c.number, table.c.hash).order_by(table.c.number.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else (row.number, row.hash)


def _event_row(entry: Entry[Any]) -> tuple[int, str, str, str | None, str]:
    event = entry.event
    subject = None
    if isinstance(event, _STEPS):
        subject = hexed(event.trade)
    elif isinstance(event, ListingEpochRaised):
        subject = hexed(event.listing)
    kind, body = type(event).__name__, encode(event).decode()
    return entry.index, hexed(entry.transaction), kind, subject, body


def _entry(
    number: int, block_hash: str, index: int, transaction: str, kind: str, body: str
) -> tuple[int, bytes, Entry[Any]]:
    event, sent = decode(_KINDS[kind], body.encode()), bytes.fromhex(transaction[2:])
    return number, bytes.fromhex(block_hash[2:]), Entry(index, sent, event)
