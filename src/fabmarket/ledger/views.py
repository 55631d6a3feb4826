"""The rows that follow from the events, page by page: read, changed, written, and taken back."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Dialect

from fabmarket.ledger import schema
from fabmarket.ledger.folds import Folds
from fabmarket.ledger.rows import Key, Row, Statements, Working, hexed
from fabmarket.ledger.store import Block
from fabmarket.market.events import Event

CHANGING = ("market", "resource", "slot", "account", "escrow", "volume")
"""Tables whose rows change, so that what they were is kept for blocks that may be taken back."""
ONCE = ("trade", "cycle", "operators")
"""Tables whose rows are written once, and go with their block."""
_MOST = 20_000
"""Rows that are kept in memory from one page to the next."""


class Views:
    """The rows of all tables that events change, from block to block."""

    def __init__(self, dialect: Dialect) -> None:
        tables = schema.METADATA.tables
        names = (*CHANGING, *ONCE, "undo")
        self._statements = {name: Statements(tables[name], dialect) for name in names}
        self._forget()

    def _forget(self) -> None:
        """Keep no row in memory."""
        self._at: tuple[int, str] | None = None
        self._working = {name: Working(self._statements[name]) for name in CHANGING}
        self._folds = Folds(self._working, self._statements["trade"])

    def follow(
        self,
        connection: Connection,
        last: tuple[int, str] | None,
        blocks: Sequence[Block[Event]],
        final: int,
    ) -> None:
        """Write what follows from blocks that come after `last`; those up to `final` for ever.

        LedgerError for events that cannot follow.
        """
        if last is None or last != self._at:
            self._forget()
        try:
            self._follow(connection, blocks, final)
        except BaseException:
            self._forget()
            raise
        self._at = (blocks[-1].number, hexed(blocks[-1].hash))

    def restore(self, connection: Connection, before: Mapping[tuple[str, Key], Row | None]) -> None:
        """Make rows again what they were; None: there was none."""
        self._forget()
        for name, statements in self._statements.items():
            rows = {key: row for (of, key), row in before.items() if of == name}
            gone = [key for key, row in rows.items() if row is None]
            if gone:
                connection.exec_driver_sql(statements.delete, gone)
            back = (row.values() for row in rows.values() if row is not None)
            statements.many(connection, statements.upsert, back)

    def _follow(self, connection: Connection, blocks: Sequence[Block[Event]], final: int) -> None:
        self._folds.begin(connection, blocks[0].number)
        undone: list[tuple[Any, ...]] = []
        for working in self._working.values():
            working.connection = connection
        for block in blocks:
            is_kept = block.number > final
            for working in self._working.values():
                working.begin(is_kept=is_kept)
            self._folds.block(block)
            if is_kept:
                undone.extend(self._undone(block.number))
        for name, rows in self._folds.once().items():
            statements = self._statements[name]
            statements.many(connection, statements.insert, rows)
        for working in self._working.values():
            working.write()
        undo = self._statements["undo"]
        undo.many(connection, undo.insert, undone)
        if sum(len(working.rows) for working in self._working.values()) > _MOST:
            self._forget()

    def _undone(self, number: int) -> list[tuple[Any, ...]]:
        kept = [
            (working.statements.name, list(key), row)
            for working in self._working.values()
            for key, row in (working.before or {}).items()
        ]
        return [(number, at, *each) for at, each in enumerate(kept)]
