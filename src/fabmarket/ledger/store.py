"""The market's events in SQLite: a block is stored whole or not at all, and only once."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from fabmarket.errors import Refused
from fabmarket.market.events import EVENTS, Event
from fabmarket.market.parameters import Parameters
from fabmarket.market.trade import Escrow, Trade

_SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
  block INTEGER NOT NULL,
  log_index INTEGER NOT NULL,
  block_hash BLOB NOT NULL,
  transaction_hash BLOB NOT NULL,
  kind TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (block, log_index)
) WITHOUT ROWID, STRICT
"""
_KINDS = {kind.__name__: kind for kind in EVENTS}
_STRUCTS = {kind.__name__: kind for kind in (Parameters, Trade, Escrow)}


class LedgerError(Refused):
    """The log and what is stored contradict each other."""


class EventStore:
    """Events in chain order. A path makes it durable; by default it lives in memory."""

    def __init__(self, path: Path | None = None) -> None:
        self._db = sqlite3.connect(str(path) if path else ":memory:")
        self._db.execute(_SCHEMA)
        self._db.commit()

    def append(self, entries: Sequence[tuple[int, int, bytes, bytes, Event]]) -> None:
        """Store (block, log index, block hash, transaction hash, event) in one transaction.

        An entry that is there already is left as it is. LedgerError if another event stands at its
        place or its block has another hash: the chain was reorganised, and what was stored must not
        be trusted.
        """
        with self._db:
            for block, index, block_hash, transaction, event in entries:
                self._check_hash(block, block_hash)
                row = (block_hash, transaction, type(event).__name__, _body(event))
                stored = self._db.execute(
                    "SELECT block_hash, transaction_hash, kind, body FROM event"
                    " WHERE block = ? AND log_index = ?",
                    (block, index),
                ).fetchone()
                if stored is None:
                    self._db.execute(
                        "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)", (block, index, *row)
                    )
                elif stored != row:
                    raise LedgerError(
                        f"block {block} log {index} holds {stored[2]} of 0x{stored[1].hex()},"
                        f" the chain now says {row[2]} of 0x{transaction.hex()};"
                        " index the chain again from the start"
                    )

    def _check_hash(self, block: int, block_hash: bytes) -> None:
        stored = self._db.execute(
            "SELECT block_hash FROM event WHERE block = ? LIMIT 1", (block,)
        ).fetchone()
        if stored is not None and stored[0] != block_hash:
            raise LedgerError(
                f"block {block} is stored as 0x{stored[0].hex()}, the chain now has"
                f" 0x{block_hash.hex()}: it was reorganised; index it again from the start"
            )

    def events(self) -> Iterator[Event]:
        """Yield all events in chain order."""
        rows = self._db.execute("SELECT kind, body FROM event ORDER BY block, log_index")
        for kind, body in rows:
            yield _KINDS[kind](**{name: _value(item) for name, item in json.loads(body).items()})

    def dump(self) -> bytes:
        """Return the whole store as the bytes of an SQLite file."""
        return self._db.serialize()

    def close(self) -> None:
        """Close the database."""
        self._db.close()


def _body(event: Event) -> str:
    return json.dumps(_named(event))


def _named(struct: Any) -> dict[str, Any]:
    return {field.name: _plain(getattr(struct, field.name)) for field in fields(struct)}


def _plain(value: Any) -> Any:
    # Integers up to 2**256 exceed JSON readers and SQLite alike: kept as text.
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, bool):
        return value
    if is_dataclass(value):
        return {type(value).__name__: _named(value)}
    return str(int(value)) if isinstance(value, int) else {"address": value}


def _value(item: Any) -> Any:
    if isinstance(item, bool):
        return item
    if isinstance(item, list):
        return tuple(map(_value, item))
    if isinstance(item, dict):
        ((kind, value),) = item.items()
        if kind == "address":
            return value
        return _STRUCTS[kind](**{name: _value(each) for name, each in value.items()})
    return bytes.fromhex(item[2:]) if item.startswith("0x") else int(item)
