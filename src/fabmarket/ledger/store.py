"""A contract's events in SQLite: a block is stored whole or not at all, and only once."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, cast

from typing_extensions import TypeVar

from fabmarket.errors import Refused
from fabmarket.identity.codec import BadText, decode, encode
from fabmarket.market.events import EVENTS, Announced, Event

_SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
  block INTEGER NOT NULL,
  log_index INTEGER NOT NULL,
  block_hash BLOB NOT NULL,
  transaction_hash BLOB NOT NULL,
  kind TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (block, log_index)
) WITHOUT ROWID, STRICT;
CREATE TABLE IF NOT EXISTS followed (
  one INTEGER PRIMARY KEY CHECK (one = 1), block INTEGER NOT NULL, block_hash BLOB NOT NULL,
  time INTEGER NOT NULL
) STRICT;
"""
_KINDS = {kind.__name__: kind for kind in (*EVENTS, Announced)}

E = TypeVar("E", default=Event)
"""What a contract records: the exchange the market's events, the board announcements."""


class LedgerError(Refused):
    """The log and what is stored contradict each other."""


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


class EventStore(Generic[E]):
    """Events in chain order. A path makes it durable; by default it lives in memory."""

    def __init__(self, path: Path | None = None) -> None:
        self._name = str(path or "the event log")
        try:
            self._db = sqlite3.connect(str(path) if path else ":memory:")
            if path is not None:  # so that who reads it all never holds up who writes
                self._db.execute("PRAGMA journal_mode = WAL")
            self._db.executescript(_SCHEMA)
            self._db.commit()
        except sqlite3.Error as error:
            raise LedgerError(f"{path} is no event log ({error}); give another path") from error

    @classmethod
    def reading(cls, path: Path, *, is_kept: bool = False) -> "EventStore[E]":
        """Return a store that is there, to be read only. LedgerError if the file is none.

        Of one that an agent keeps (`is_kept`) a file without tables is one that is just begun.
        """
        store = cls.__new__(cls)
        store._name = str(path)
        try:
            store._db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
            tables = {name for (name,) in store._db.execute("SELECT name FROM sqlite_master")}
            if is_kept and tables <= {"event"}:
                store.close()
                return cls()
            store.time()
        except (sqlite3.Error, ValueError, TypeError) as error:
            raise LedgerError(f"{path} is no event log ({error}); give another path") from error
        return store

    def followed(self) -> tuple[int, bytes] | None:
        """Return number and hash of the last block that was stored, None if there is none."""
        row = self._db.execute("SELECT block, block_hash FROM followed").fetchone()
        return None if row is None else (int(row[0]), bytes(row[1]))

    def time(self) -> int:
        """Return the time of the last block that was stored, seconds; 0 if there is none."""
        row = self._db.execute("SELECT time FROM followed").fetchone()
        return 0 if row is None else int(row[0])

    def append(self, block: Block[E]) -> None:
        """Store a block's events in one transaction, and that all up to it is stored.

        An event that is there already is left as it is. LedgerError if another stands at its place
        or its block has another hash: the chain was reorganised, and what was stored must not be
        trusted.
        """
        with self._db:
            self._check_hash(block)
            for entry in block.entries:
                self._insert(block, entry)
            self._db.execute(
                "INSERT INTO followed VALUES (1, ?, ?, ?) ON CONFLICT (one) DO UPDATE"
                " SET block = excluded.block, block_hash = excluded.block_hash,"
                " time = excluded.time WHERE excluded.block > block",
                (block.number, block.hash, block.time),
            )

    def _insert(self, block: Block[E], entry: Entry[E]) -> None:
        body = encode(entry.event).decode()
        row = (block.hash, entry.transaction, type(entry.event).__name__, body)
        place = (block.number, entry.index)
        stored = self._db.execute(
            "SELECT block_hash, transaction_hash, kind, body FROM event"
            " WHERE block = ? AND log_index = ?",
            place,
        ).fetchone()
        if stored is None:
            self._db.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)", (*place, *row))
        elif stored != row:
            raise LedgerError(
                f"block {block.number} log {entry.index} holds {stored[2]} of 0x{stored[1].hex()},"
                f" the chain now says {row[2]} of 0x{entry.transaction.hex()};"
                " index the chain again from the start"
            )

    def _check_hash(self, block: Block[E]) -> None:
        stored = self._db.execute(
            "SELECT block_hash FROM event WHERE block = ? LIMIT 1", (block.number,)
        ).fetchone()
        if stored is not None and stored[0] != block.hash:
            raise LedgerError(
                f"block {block.number} is stored as 0x{stored[0].hex()}, the chain now has"
                f" 0x{block.hash.hex()}: it was reorganised; index it again from the start"
            )

    def events(self) -> Iterator[E]:
        """Yield all events in chain order. LedgerError where the file is damaged."""
        for _, _, entry in self.entries():
            yield entry.event

    def entries(self, after: int = -1) -> Iterator[tuple[int, bytes, Entry[E]]]:
        """Yield all events of later blocks in chain order, each with its block's number and hash.

        LedgerError where the file is damaged.
        """
        query = (
            "SELECT block, block_hash, log_index, transaction_hash, kind, body FROM event"
            " WHERE block > ? ORDER BY block, log_index"
        )
        try:
            rows = self._db.execute(query, (after,))
            for number, block_hash, index, transaction, kind, body in rows:
                event = cast(E, decode(_KINDS[kind], body.encode()))
                yield number, block_hash, Entry(index, transaction, event)
        except (sqlite3.Error, ValueError, KeyError, AttributeError, BadText) as error:
            # A damaged page is read as anything.
            raise LedgerError(f"{self._name} is damaged ({error}); index it again") from error

    def dump(self) -> bytes:
        """Return the whole store as the bytes of an SQLite file."""
        return self._db.serialize()

    def close(self) -> None:
        """Close the database."""
        self._db.close()
