"""Opening a ledger's database: SQLite in a file or in memory, PostgreSQL at a URL.

LedgerError        what is stored cannot be used, or contradicts the chain; says what to do
LedgerBusy         the database takes nothing just now: a full disk, a lock, a lost connection

A new database gets its tables from the migrations, an older one is moved forward by them, a newer
one is refused, and one that is only read is never changed.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import QueuePool

from fabmarket.errors import Refused, TryAgain, missing
from fabmarket.ledger.schema import METADATA, REVISION, version

POSTGRESQL = "postgresql://"
_WRITES = "fabmarket_writes"
_CACHE = 64 << 10
"""KiB of a file that are kept in memory, where so much of it is used."""
_AHEAD = 8_000
"""Pages that are written ahead before they are moved to their places: each moves once."""
_WAITS = (0.05,) * 100
"""Seconds between tries to open a file that others are opening."""
_LOCK = 6_709_602
"""Of whoever writes a ledger in PostgreSQL."""


class LedgerError(Refused):
    """The log and what is stored contradict each other, or nothing of the kind is stored."""


class LedgerBusy(TryAgain):
    """The database takes nothing just now; nothing was written."""


class NothingYet(LedgerError):
    """There is a database, and no table in it."""


Place = Path | str | None
"""A file, a postgresql:// URL, or None for memory."""


def name_of(place: Place) -> str:
    """Return what a database is called in messages: a URL without its password."""
    if place is None:
        return "the event log"
    if is_url(place):
        try:
            return make_url(str(place)).render_as_string(hide_password=True)
        except ArgumentError:
            return f"{POSTGRESQL}…"
    return str(place)


def is_url(place: Place) -> bool:
    """Return whether a place is a URL of PostgreSQL, and no file."""
    return isinstance(place, str) and place.startswith(POSTGRESQL)


def open_database(place: Place, *, is_read_only: bool = False) -> Engine:
    """Return an engine on a database that has this version's tables.

    Read only, it must be there already: NothingYet where there are no tables. LedgerError for
    what is no ledger, or of another version; LedgerBusy where no server answers.
    """
    name = name_of(place)
    engine = _engine(place, is_read_only)
    try:
        with engine.connect() as connection:
            found = _revision(connection, name)
        if found != REVISION:
            if is_read_only:
                raise _not_current(found, name)
            _move_forward(engine, name)
        if not is_read_only and isinstance(place, Path | str) and not is_url(place):
            _keep_readers_going(engine)
    except OperationalError as error:
        engine.dispose()
        if is_url(place):
            raise LedgerBusy(f"{name} does not answer ({_said(error)})") from error
        raise LedgerError(f"{name} is no event log ({_said(error)}); give another path") from error
    except (SQLAlchemyError, ValueError, TypeError, MemoryError) as error:
        # A damaged page is read as anything, of any length.
        engine.dispose()
        raise LedgerError(f"{name} is no event log ({_said(error)}); give another path") from error
    except BaseException:
        engine.dispose()
        raise
    return engine


def _engine(place: Place, is_read_only: bool) -> Engine:
    if is_url(place):
        return _postgresql(str(place), is_read_only)
    if place is None:
        target, uri = ":memory:", False
    elif is_read_only:
        target, uri = f"{Path(place).absolute().as_uri()}?mode=ro", True
    else:
        target, uri = str(place), False

    def connect() -> sqlite3.Connection:
        # SQLAlchemy begins transactions itself: sqlite3 would leave tables out of them.
        opened = sqlite3.connect(target, uri=uri, check_same_thread=False, isolation_level=None)
        # What a machine that loses its power forgets, the chain tells again.
        opened.execute("PRAGMA synchronous = NORMAL")
        opened.execute(f"PRAGMA cache_size = -{_CACHE}")
        opened.execute(f"PRAGMA wal_autocheckpoint = {_AHEAD}")
        return opened

    # What is in memory is in one connection, for which threads wait.
    bounds = {"pool_size": 1, "max_overflow": 0} if place is None else {}
    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool, **bounds)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql(place: str, is_read_only: bool) -> Engine:
    try:
        url = make_url(place).set(drivername="postgresql+psycopg")
        options = "-c default_transaction_read_only=on" if is_read_only else ""
        return create_engine(url, pool_pre_ping=True, connect_args={"options": options})
    except (ArgumentError, ValueError) as error:
        raise LedgerError(f"{name_of(place)} is no URL of a database ({error})") from error
    except ImportError as error:
        problem = missing("PostgreSQL needs psycopg", "postgres")
        raise LedgerError(f"{name_of(place)}: {problem}") from error


def _keep_readers_going(engine: Engine) -> None:
    """So that who reads it all never holds up who writes."""
    with closing(engine.raw_connection()) as connection:  # outside of any transaction
        for wait in (*_WAITS, 0):  # of who opens it at the same moment SQLite does not wait here
            try:
                connection.cursor().execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError:
                if not wait:
                    raise
                time.sleep(wait)
            else:
                return


def _revision(connection: Connection, name: str) -> str | None:
    """The version of the tables, None where there are none. LedgerError for others' tables."""
    tables = set(inspect(connection).get_table_names())
    if version.name in tables:
        found = connection.execute(select(version.c.version_num)).scalar()
        return None if found is None else str(found)
    is_server = connection.dialect.name == "postgresql"
    others = tables & set(METADATA.tables) if is_server else tables
    if others:
        raise LedgerError(
            f"{name} is no event log of this version (it has a table {min(others)});"
            " give another path, or move it away if it is an agent's: the chain is read again"
        )
    return None


def _not_current(found: str | None, name: str) -> LedgerError:
    if found is None:
        return NothingYet(f"{name} is no event log (it is empty); give another path")
    if found > REVISION:
        return LedgerError(
            f"{name} has tables of version {found}, this fabmarket knows {REVISION};"
            " use the newer one that wrote it"
        )
    return LedgerError(
        f"{name} has tables of version {found}, this fabmarket needs {REVISION}; let what"
        " writes it open it once, which moves them forward"
    )


def _move_forward(engine: Engine, name: str) -> None:
    # Half a second of imports for what happens once.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "fabmarket:ledger/migrations")
    with writing(engine) as connection:
        found = _revision(connection, name)  # another may have been here first
        if found is not None and found > REVISION:
            raise _not_current(found, name)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction of the only writer: others wait, readers go on."""
    options = {_WRITES: True}
    with engine.connect().execution_options(**options) as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        yield connection


def _said(error: Exception) -> Any:
    """What the database said, without the statement."""
    return str(error.orig).strip() if isinstance(error, DBAPIError) else error
