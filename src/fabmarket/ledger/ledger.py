"""The market as it stands, beside its events: rows that are kept as blocks are stored."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select
from typing_extensions import override

from fabmarket.ledger import schema
from fabmarket.ledger.database import Place
from fabmarket.ledger.store import Block, EventLog
from fabmarket.ledger.views import ONCE, Views
from fabmarket.market.events import Event


class Ledger(EventLog[Event]):
    """The exchange's events, and tables of what follows from them (`schema`), always in step."""

    @override
    def _open(self, place: Place, *, is_read_only: bool) -> None:
        super()._open(place, is_read_only=is_read_only)
        self._views = Views(self.engine.dialect)

    @override
    def _derive(
        self,
        connection: Connection,
        last: tuple[int, str] | None,
        blocks: Sequence[Block[Event]],
        final: int,
    ) -> None:
        self._views.follow(connection, last, blocks, final)
        undo = schema.undo
        connection.execute(delete(undo).where(undo.c.block <= final))

    @override
    def _take_back(self, connection: Connection, number: int) -> None:
        undo = schema.undo
        rows = connection.execute(
            select(undo.c.of, undo.c.key, undo.c.row)
            .where(undo.c.block > number)
            .order_by(undo.c.block.desc(), undo.c.number)
        ).all()
        # The row before the earliest of the blocks is the one that stays.
        before = {(of, tuple(key)): row for of, key, row in rows}
        self._views.restore(connection, before)
        connection.execute(delete(undo).where(undo.c.block > number))
        for name in ONCE:
            table = schema.METADATA.tables[name]
            connection.execute(delete(table).where(table.c.block > number))
        super()._take_back(connection, number)
