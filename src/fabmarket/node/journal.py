"""What a participant has on disk: its last snapshot, the inputs since, its messages, its outbox.

An input, what follows from it and what is to be done are written in one transaction, before
anything is done. After a crash the participant folds the inputs since the snapshot, and does what
the outbox still holds: done twice it has one effect.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fabmarket.errors import Refused, TryAgain
from fabmarket.interrupts import held_back

FORMAT = 4
_AT_ONCE = 500
"""Values that are asked for by one query; SQLite takes 999 or more."""
_FOR_EVER = (1 << 63) - 1
"""The most that SQLite counts. What others want to be told until later is sent until then."""

_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE about (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
CREATE TABLE input (number INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE message (
  digest BLOB PRIMARY KEY, kind TEXT NOT NULL, session BLOB, body BLOB NOT NULL
) STRICT;
CREATE INDEX message_of_session ON message (session);
CREATE TABLE letter (
  number INTEGER PRIMARY KEY AUTOINCREMENT, recipient TEXT NOT NULL, until INTEGER NOT NULL,
  kind TEXT NOT NULL, body BLOB NOT NULL, padded INTEGER NOT NULL
) STRICT;
CREATE TABLE move (
  number INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL, placed INTEGER, nonce INTEGER,
  raw BLOB, most INTEGER, tip INTEGER
) STRICT;
CREATE TABLE earlier (move INTEGER NOT NULL, raw BLOB NOT NULL) STRICT;
CREATE TRIGGER forgotten AFTER DELETE ON move BEGIN
  DELETE FROM earlier WHERE move = old.number;
END;
CREATE TABLE news (number INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL) STRICT;
CREATE TABLE placed (
  number INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL, taken INTEGER, outcome BLOB
) STRICT;
CREATE INDEX placed_open ON placed (number) WHERE outcome IS NULL;
PRAGMA user_version = {FORMAT};
COMMIT;
"""  # noqa: S608


class BadJournal(Refused):
    """The file is no journal, or that of somebody else; says what to do."""


class UnusedJournal(BadJournal):
    """Nobody has used the journal yet: its agent is just starting, for the first time."""


class OtherOrder(Refused):
    """Under one key two different orders were asked for."""


class JournalFull(TryAgain):
    """The disk takes no more: nothing was written, and nothing was done."""


@dataclass(frozen=True)
class Letter:
    """An envelope to be delivered until the chain's time is `until`; `kind` is its message's.

    It is sealed as if it had `padded` bytes: those of the longest with the same message.
    """

    number: int
    recipient: str
    until: int
    kind: str
    body: bytes
    padded: int = 0


@dataclass(frozen=True)
class PendingMove:
    """A move to be sent: its text, and once it is signed the account's nonce and the bytes.

    `placed` is the number of the owner's order that it belongs to, if it does to any. `most` and
    `tip` are what the bytes offer for a unit of gas, wei; `earlier` are bytes of the same nonce
    that offered less, and may be mined in their stead.
    """

    number: int
    body: bytes
    placed: int | None
    nonce: int | None
    raw: bytes | None
    most: int | None
    tip: int | None
    earlier: tuple[bytes, ...]


@dataclass(frozen=True)
class Placed:
    """An order that the owner placed, when the agent took it (chain time), and what came of it."""

    number: int
    body: bytes
    taken: int | None = None
    outcome: bytes | None = None


def _blob(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise BadJournal("the journal is damaged (no bytes where some were kept); restore a copy")
    return value


def _under(key: bytes) -> str:
    """The name under which the number of an order with a key is noted."""
    return f"placed under 0x{key.hex()}"


class Journal:
    """One participant's database. A path makes it durable; by default it lives in memory."""

    def __init__(self, path: Path | None = None) -> None:
        try:
            self._db = sqlite3.connect(str(path) if path else ":memory:", isolation_level=None)
            if path is not None:
                path.chmod(0o600)
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = FULL")
            if not self._db.execute("SELECT 1 FROM sqlite_master").fetchone():
                self._db.executescript(_SCHEMA)
            self._require_format(path)
        except sqlite3.Error as error:
            raise BadJournal(f"{path} is no journal ({error}); give another path") from error

    def _require_format(self, path: Path | None) -> None:
        (found,) = self._db.execute("PRAGMA user_version").fetchone()
        if found != FORMAT:
            raise BadJournal(
                f"{path or 'the dump'} has format {found} where this version's journals have"
                f" {FORMAT}; give another path"
            )

    @classmethod
    def reading(cls, path: Path) -> "Journal":
        """Return a participant's journal, to be read only. BadJournal if the file is none."""
        journal = cls.__new__(cls)
        try:
            uri = f"{path.absolute().as_uri()}?mode=ro"
            journal._db = sqlite3.connect(uri, uri=True, isolation_level=None)
            tables = journal._db.execute("SELECT 1 FROM sqlite_master").fetchone()
            if tables:
                journal._require_format(path)
            owner = journal.about("owner") if tables else None
        except sqlite3.Error as error:
            raise BadJournal(f"{path} is no journal ({error}); give another path") from error
        if owner is None:
            raise UnusedJournal(f"{path} is a journal that nobody has used; give another path")
        return journal

    @classmethod
    def restored(cls, dump: bytes) -> "Journal":
        """Return a journal in memory with the contents of a dump. BadJournal if it is none."""
        journal = cls()
        try:
            journal._db.deserialize(dump)
            journal._require_format(None)
        except (sqlite3.Error, OverflowError) as error:
            raise BadJournal(f"the dump is no journal ({error})") from error
        return journal

    @contextmanager
    def writing(self) -> Iterator[None]:
        """All that is written inside is written, or nothing is."""
        with held_back():
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
            except BaseException as error:
                if self._db.in_transaction:  # SQLite rolls back by itself where the disk is full
                    self._db.execute("ROLLBACK")
                if isinstance(error, sqlite3.OperationalError):
                    raise JournalFull(f"the journal cannot be written ({error})") from error
                raise

    def _rows(self, query: str, values: tuple[object, ...] = ()) -> list[Any]:
        """What is stored. BadJournal where the file is damaged."""
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise BadJournal(f"the journal is damaged ({error}); restore a copy of it") from error

    def _row(self, query: str, value: object) -> Any | None:
        rows = self._rows(query, (value,))
        return rows[0] if rows else None

    def about(self, name: str) -> bytes | None:
        """Return a stored value, None if there is none."""
        row = self._row("SELECT value FROM about WHERE name = ?", name)
        return None if row is None else _blob(row[0])

    def note(self, name: str, value: bytes) -> None:
        """Store a value under a name."""
        self._db.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (name, value))

    def add_input(self, body: bytes) -> int:
        """Append an input; return how many there are since the snapshot."""
        cursor = self._db.execute("INSERT INTO input (body) VALUES (?)", (body,))
        return cursor.lastrowid or 0  # numbered from 1 again once all are forgotten

    def inputs(self) -> Iterator[bytes]:
        """Yield the inputs since the snapshot, in order."""
        for (body,) in self._rows("SELECT body FROM input ORDER BY number"):
            yield body

    def since_snapshot(self) -> tuple[bytes | None, tuple[bytes, ...]]:
        """Return the snapshot, None before the first, and the inputs since, in order."""
        while True:
            kept = self.about("state")
            found = tuple(self.inputs())
            if self.about("state") == kept:  # else the agent has just made another
                return kept, found

    def snapshot(self, state: bytes) -> None:
        """Store the state, and forget the inputs that led to it."""
        self.note("state", state)
        self._db.execute("DELETE FROM input")

    def keep(self, digest: bytes, kind: str, session: bytes | None, body: bytes) -> None:
        """Keep a signed message, sent or received."""
        row = (digest, kind, session, body)
        self._db.execute("INSERT OR IGNORE INTO message VALUES (?, ?, ?, ?)", row)

    def message(self, digest: bytes) -> bytes | None:
        """Return a kept envelope's text, None if there is none."""
        row = self._row("SELECT body FROM message WHERE digest = ?", digest)
        return None if row is None else _blob(row[0])

    def kept(self, digests: Iterable[bytes]) -> set[bytes]:
        """Return of which of these messages the envelopes are kept."""
        asked, query = list(digests), "SELECT digest FROM message WHERE digest IN "
        found: set[bytes] = set()
        for first in range(0, len(asked), _AT_ONCE):
            some = asked[first : first + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            found.update(_blob(row[0]) for row in self._rows(f"{query}({marks})", tuple(some)))
        return found

    def session_of(self, digest: bytes) -> bytes | None:
        """Return the session that a kept message belongs to."""
        row = self._row("SELECT session FROM message WHERE digest = ?", digest)
        return None if row is None or row[0] is None else _blob(row[0])

    def sessions(self) -> list[bytes]:
        """Return all sessions of which an opening is kept, the open ones first."""
        return [*self._digests("Opening"), *self._digests("MaskedOpening")]

    def trades(self) -> list[bytes]:
        """Return all trades that were signed, in order of arrival."""
        return self._digests("Trade")

    def bids(self) -> list[bytes]:
        """Return all bids of which a message is kept, in order of arrival."""
        found = (self.session_of(each) for each in self._digests("SealedBid"))
        return [each for each in found if each is not None]

    def said(self, *kinds: str) -> list[tuple[bytes, bytes]]:
        """Return digest and envelope of each message of these kinds, in order of arrival."""
        marks = ", ".join("?" * len(kinds))
        query = f"SELECT digest, body FROM message WHERE kind IN ({marks}) ORDER BY rowid"  # noqa: S608
        return [(_blob(key), _blob(body)) for key, body in self._rows(query, kinds)]

    def _digests(self, kind: str) -> list[bytes]:
        query = "SELECT digest FROM message WHERE kind = ? ORDER BY rowid"
        return [_blob(row[0]) for row in self._rows(query, (kind,))]

    def talk(self, session: bytes) -> list[bytes]:
        """Return the envelopes of a session in order of arrival."""
        query = "SELECT body FROM message WHERE session = ? ORDER BY rowid"
        return [_blob(row[0]) for row in self._rows(query, (session,))]

    def messages(self) -> Iterator[tuple[bytes, bytes | None, bytes]]:
        """Yield digest, session and envelope of each kept message, in order of arrival."""
        query = "SELECT digest, session, body FROM message ORDER BY rowid"
        for key, session, body in self._rows(query):
            yield _blob(key), None if session is None else _blob(session), _blob(body)

    def drop(self, digests: Iterable[bytes], notes: Iterable[str]) -> None:
        """Keep these messages no longer, nor values under these names; within `writing`.

        Their bytes are still in the file until `scrub`.
        """
        self._db.executemany("DELETE FROM message WHERE digest = ?", ((each,) for each in digests))
        self._db.executemany("DELETE FROM about WHERE name = ?", ((name,) for name in notes))

    def notes(self) -> list[tuple[str, bytes]]:
        """Return all names and values that are stored."""
        return [(name, _blob(value)) for name, value in self._rows("SELECT * FROM about")]

    def scrub(self) -> None:
        """Write the file anew, of what it still holds. JournalFull where there is no room for it.

        What was deleted before lies neither in the file nor beside it any more.
        """
        with held_back():
            try:
                self._db.execute("PRAGMA secure_delete = ON")
                self._db.execute("PRAGMA temp_store = MEMORY")
                self._db.execute("VACUUM")
                self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.OperationalError as error:
                raise JournalFull(f"the journal cannot be written anew ({error})") from error

    def post(self, recipient: str, until: int, kind: str, body: bytes, padded: int = 0) -> None:
        """Put a letter into the outbox."""
        columns = "recipient, until, kind, body, padded"
        row = (recipient, min(until, _FOR_EVER), kind, body, padded)
        self._db.execute(f"INSERT INTO letter ({columns}) VALUES (?, ?, ?, ?, ?)", row)  # noqa: S608

    def letters(self, after: int = 0) -> list[Letter]:
        """Return the letters numbered above `after` that were not delivered yet, in order."""
        query = "SELECT * FROM letter WHERE number > ? ORDER BY number"
        return [Letter(*row) for row in self._rows(query, (after,))]

    def delivered(self, *numbers: int) -> None:
        """Letters arrived, or are of no more use."""
        with self.writing():
            self.tick_off(numbers)

    def tick_off(self, numbers: Iterable[int]) -> None:
        """Letters arrived, or are of no more use; within `writing`."""
        for number in numbers:
            self._db.execute("DELETE FROM letter WHERE number = ?", (number,))

    def submit(self, body: bytes, placed: int | None = None) -> None:
        """Put a move into the outbox; it may belong to an order of the owner."""
        self._db.execute("INSERT INTO move (body, placed) VALUES (?, ?)", (body, placed))

    def moves(self) -> list[PendingMove]:
        """Return the moves that are not on the chain yet, in order."""
        earlier: dict[int, list[bytes]] = {}
        for number, raw in self._rows("SELECT move, raw FROM earlier ORDER BY rowid"):
            earlier.setdefault(number, []).append(raw)
        query = "SELECT number, body, placed, nonce, raw, most, tip FROM move ORDER BY number"
        rows = [(*row, tuple(earlier.get(row[0], ()))) for row in self._rows(query)]
        return [PendingMove(*row) for row in rows]

    def signed(self, number: int, nonce: int, raw: bytes, most: int, tip: int) -> None:
        """A move was signed as a transaction; from now on only these bytes are sent for it.

        What was signed for it with the same nonce before is kept, as it may still be mined; what
        was with another one is not, as that nonce is used.
        """
        again = "INSERT INTO earlier SELECT number, raw FROM move WHERE number = ? AND nonce = ?"
        self._db.execute(again, (number, nonce))
        other = "SELECT number FROM move WHERE number = ? AND nonce <> ?"
        self._db.execute(f"DELETE FROM earlier WHERE move = ({other})", (number, nonce))  # noqa: S608
        values = "nonce = ?, raw = ?, most = ?, tip = ?"
        row = (nonce, raw, most, tip, number)
        self._db.execute(f"UPDATE move SET {values} WHERE number = ?", row)  # noqa: S608

    def mined(self, number: int) -> None:
        """A move is on the chain, for better or worse."""
        self._db.execute("DELETE FROM move WHERE number = ?", (number,))

    def place(self, body: bytes, key: bytes = b"", asked: bytes = b"") -> int:
        """Take down an order of the owner, from whichever process; return its number.

        Of orders with one `key` only the first is taken down, and its number returned again.
        OtherOrder where another was `asked` for under the key, by the digest of what was said.
        """
        with self.writing():
            before = self.placed_under(key, asked)
            if before is not None:
                return before
            query = "INSERT INTO placed (body) VALUES (?)"
            number = self._db.execute(query, (body,)).lastrowid or 0
            if key:
                self.note(_under(key), asked + number.to_bytes(8))
            return number

    def placed_under(self, key: bytes, asked: bytes) -> int | None:
        """Return the number of the order with this key, None if there is none, or OtherOrder."""
        found = self.about(_under(key)) if key else None
        if found is None:
            return None
        if found[:-8] != asked:
            raise OtherOrder("another order was placed under this key; take a new one for each")
        return int.from_bytes(found[-8:])

    def placed(self, after: int = 0) -> list[Placed]:
        """Return the owner's orders numbered above `after`, in order."""
        query = "SELECT number, body, taken, outcome FROM placed WHERE number > ? ORDER BY number"
        return [Placed(*row) for row in self._rows(query, (after,))]

    def last_placed(self, before: int, most: int) -> list[Placed]:
        """Return the last of the owner's orders numbered below `before`, the newest first."""
        query = (
            "SELECT number, body, taken, outcome FROM placed WHERE number < ?"
            " ORDER BY number DESC LIMIT ?"
        )
        return [Placed(*row) for row in self._rows(query, (before, most))]

    def untaken(self) -> list[Placed]:
        """Return the owner's orders that are to be taken, in order."""
        query = (
            "SELECT number, body FROM placed WHERE outcome IS NULL AND taken IS NULL"
            " ORDER BY number"
        )
        return [Placed(*row) for row in self._rows(query)]

    def order(self, number: int) -> Placed | None:
        """Return one order of the owner, None if there is none of this number."""
        query = "SELECT number, body, taken, outcome FROM placed WHERE number = ?"
        row = self._row(query, number)
        return None if row is None else Placed(*row)

    def take(self, number: int, now: int) -> None:
        """An order was taken: what follows from it is written down with this."""
        self._db.execute("UPDATE placed SET taken = ? WHERE number = ?", (now, number))

    def conclude(self, number: int, outcome: bytes) -> None:
        """An order has come to its end; moves that belong to it are not sent any more."""
        self._db.execute("UPDATE placed SET outcome = ? WHERE number = ?", (outcome, number))
        self._db.execute("DELETE FROM move WHERE placed = ?", (number,))

    def tell(self, body: bytes) -> None:
        """Put news for the owner into the outbox."""
        self._db.execute("INSERT INTO news (body) VALUES (?)", (body,))

    def news(self) -> list[tuple[int, bytes]]:
        """Return the news that the owner was not told yet, numbered, in order."""
        return self._rows("SELECT number, body FROM news ORDER BY number")

    def told(self, number: int) -> None:
        """The owner was told."""
        with self.writing():
            self._db.execute("DELETE FROM news WHERE number = ?", (number,))

    def dump(self) -> bytes:
        """Return the whole journal as the bytes of an SQLite file, without a write-ahead log."""
        whole = self._db.serialize()
        return whole[:18] + b"\x01\x01" + whole[20:]  # where the header says how it is written

    def close(self) -> None:
        """Close the database."""
        self._db.close()
