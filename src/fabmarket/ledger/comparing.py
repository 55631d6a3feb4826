"""A ledger beside a fresh one of the same blocks: nothing that stands in it is believed.

All columns of all tables are compared, as the databases hold them: no row says when it was written,
and the fresh ledger lets as many blocks be taken back as the other one, so that `undo` and
`market.final` are the same, too. Left out is only what `final` was in a row of `market` that stands
in `undo`: it was how far the follower had come when a block came, and is never read again.
"""

import json
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Table,
    Text,
    cast,
    collate,
    func,
    select,
    type_coerce,
)
from sqlalchemy.types import NullType

from fabmarket.chain import ExchangeContract
from fabmarket.errors import TryAgain
from fabmarket.ledger import schema
from fabmarket.ledger.audit.checks import Check, Reorganised
from fabmarket.ledger.audit.storage import Progress
from fabmarket.ledger.database import LedgerError
from fabmarket.ledger.follower import Follower
from fabmarket.ledger.ledger import Ledger
from fabmarket.market.telling import told

_AT_ONCE = 2_000
"""Rows that are held of a table."""
_NO_ROW = "no row"

Values = tuple[Any, ...]


class NotThereYet(TryAgain):
    """The node has not the block that the ledger has reached."""


@dataclass(frozen=True)
class Compared:
    """What was found of a ledger, as of its last block."""

    check: Check
    block: int
    block_hash: bytes


@dataclass(frozen=True)
class _Reached:
    """The last block of a ledger, and the last that may not be taken back."""

    number: int
    hash: str
    final: int


def require_of(ledger: Ledger, exchange: ExchangeContract) -> None:
    """Raise LedgerError unless a ledger says that it is of this market."""
    here = exchange.engine.chain_id, exchange.address
    if (said := ledger.market()) != here:
        raise LedgerError(
            f"{ledger.name} is of the market {said[1]} on chain {said[0]}, not of {here[1]} on"
            f" chain {here[0]}; give the ledger of this market"
        )


def compare(exchange: ExchangeContract, ledger: Ledger, progress: Progress) -> Compared:
    """Return what differs between a ledger and a fresh one, which its blocks are written into.

    The ledger is only read, at one moment; the fresh one is on disk until it is compared. Raises
    LedgerError where the blocks have no ledger, NotThereYet and Reorganised where the node is at
    another place of the chain than the ledger.
    """
    with ledger.at_once() as connection, TemporaryDirectory(prefix="fabmarket-") as folder:
        reached = _reached(connection, ledger.name)
        with closing(Ledger(Path(folder) / "fresh.sqlite")) as fresh:
            block_hash = _follow(exchange, fresh, reached, ledger.name, progress)
            with fresh.at_once() as beside:
                check = differences(connection, beside, progress)
    return Compared(check, reached.number, block_hash)


def _reached(connection: Connection, name: str) -> _Reached:
    block, market = schema.block, schema.market
    query = select(_raw(block.c.number), _raw(block.c.hash)).order_by(block.c.number.desc())
    last = connection.execute(query.limit(1)).one_or_none()
    if last is None or not isinstance(last[0], int):
        raise LedgerError(f"{name} has come to no block; give one that has followed its market")
    final = connection.execute(select(_raw(market.c.final)).limit(1)).scalar()
    if not isinstance(final, int) or not -1 <= final <= last[0]:
        final = last[0]  # which the fresh ledger will have, and so differ
    return _Reached(last[0], last[1], final)


def _follow(
    exchange: ExchangeContract, fresh: Ledger, to: _Reached, name: str, progress: Progress
) -> bytes:
    """Write the blocks that a ledger has reached into a fresh one, and return the last hash."""
    engine = exchange.engine
    if (head := engine.block_number()) < to.number:
        raise NotThereYet(f"{name} has come to block {to.number}, the node to {head}; try again")
    last = engine.header(to.number)
    is_open = to.number > to.final
    if is_open and to.hash != f"0x{last.hash.hex()}":
        raise Reorganised(
            f"block {to.number} of {name} is {told(to.hash)}, the node has 0x{last.hash.hex()}: it"
            " was taken back, and who follows the chain has not seen it yet; try again then"
        )
    follower = Follower(engine, exchange, fresh, to.number - to.final)
    follower.follow(lambda done, of: progress("blocks of the ledger", done, of), to.number)
    if fresh.followed() != (to.number, last.hash):
        raise Reorganised(f"the chain was reorganised while {name} was compared; start again")
    return last.hash


def differences(ledger: Connection, fresh: Connection, progress: Progress) -> Check:
    """Return what differs between a ledger and a fresh one, table by table."""
    check = Check("the ledger's rows are those of a fresh one", "the ledger has")
    tables = schema.METADATA.tables.values()
    counts = [select(func.count()).select_from(table) for table in tables]
    done, of = 0, sum(fresh.execute(count).scalar_one() for count in counts)
    for table in tables:
        keys = len(table.primary_key)
        for ours, theirs in _pairs(_rows(fresh, table), _rows(ledger, table), keys):
            check.compared += len(table.columns)
            if ours != theirs:
                _differ(check, table, ours, theirs)
            done += 1
            if done % _AT_ONCE == 0:
                progress("rows", done, max(done, of))
    progress("rows", done, done)
    return check


def _differ(check: Check, table: Table, ours: Values | None, theirs: Values | None) -> None:
    """Note what differs in two rows of one key, or which of them is missing."""
    columns, keys = _columns(table), len(table.primary_key)
    place = f"{table.name} of {_row(columns[:keys], (ours or theirs or ())[:keys])}"
    if ours is None or theirs is None:
        check.differs(place, "", _row(columns, ours), _row(columns, theirs))
        return
    for column, value, found in zip(columns, ours, theirs, strict=True):
        if value != found:
            shown, beside = _shown(column, value), _shown(column, found)
            if shown == beside:  # a number with other zeros before it, which sorts elsewhere
                shown, beside = told(value), told(found)
            check.differs(f"{column.name} in {place}", "", shown, beside)


def _row(columns: list[Column[Any]], row: Values | None) -> str:
    if row is None:
        return _NO_ROW
    pairs = zip(columns, row, strict=True)
    return ", ".join(f"{column.name} {_shown(column, value)}" for column, value in pairs)


def _shown(column: Column[Any], value: Any) -> str:
    is_number = isinstance(column.type, schema.Digits) and isinstance(value, str)
    return value.lstrip("0") or "0" if is_number else told(value)


def _columns(table: Table) -> list[Column[Any]]:
    """The columns of a table, its key first."""
    return sorted(table.columns, key=lambda column: not column.primary_key)


def _raw(column: Column[Any]) -> ColumnElement[Any]:
    """A column as the database holds it: what was changed need not be of the column's kind."""
    return cast(column, Text) if isinstance(column.type, JSON) else type_coerce(column, NullType())


def _rows(connection: Connection, table: Table) -> Iterator[Values]:
    """All rows in the order of their keys, in which text goes by its characters' numbers."""
    is_server = connection.dialect.name == "postgresql"
    order = [
        collate(column, "C") if is_server and isinstance(column.type, Text) else column
        for column in table.primary_key
    ]
    query = select(*map(_raw, _columns(table))).order_by(*order)
    found = connection.execute(query, execution_options={"yield_per": _AT_ONCE})
    for row in found:
        yield _undone(*row) if table is schema.undo else tuple(row)


def _undone(block: Any, number: Any, of: Any, key: Any, row: Any) -> Values:
    """A row of `undo` without what `final` was: see above."""
    if of == schema.market.name:
        with suppress(ValueError, TypeError, RecursionError):  # what is no row stays as it is
            row = json.dumps({**json.loads(row), "final": None})
    return block, number, of, key, row


def _pairs(
    ours: Iterator[Values], theirs: Iterator[Values], keys: int
) -> Iterator[tuple[Values | None, Values | None]]:
    """Rows of one key; None where one side has none of it."""
    our, their = next(ours, None), next(theirs, None)
    while our is not None or their is not None:
        before, after = _place(our, keys), _place(their, keys)
        is_ours = our is not None and (their is None or before <= after)
        is_theirs = their is not None and (our is None or after <= before)
        yield our if is_ours else None, their if is_theirs else None
        if is_ours:
            our = next(ours, None)
        if is_theirs:
            their = next(theirs, None)


def _place(row: Values | None, keys: int) -> list[tuple[int, Any]]:
    """Where a row comes, in SQLite's order of the kinds that a column may hold."""
    return [
        (1, value) if isinstance(value, int | float) else (2 + isinstance(value, bytes), value)
        for value in (row or ())[:keys]
    ]
