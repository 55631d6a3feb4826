"""Rows as the database takes them, and a table's rows while they are worked on."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Boolean, Connection, Dialect, Table

from fabmarket.ledger.schema import Digits

Row = dict[str, Any]
"""Values by column, in the table's order."""
Key = tuple[Any, ...]
"""The values of a row's primary key, in the table's order."""


def hexed(data: bytes) -> str:
    """Return bytes as 0x and digits."""
    return "0x" + data.hex()


class Statements:
    """What a table is read and written with, as text that goes to the driver as it is.

    SQLAlchemy would make a statement, and a dictionary of each row, anew: three times the work.
    """

    def __init__(self, table: Table, dialect: Dialect) -> None:
        self._quote = dialect.identifier_preparer.quote
        self._mark = "?" if dialect.name == "sqlite" else "%s"
        self.name = table.name
        self.columns = tuple(column.name for column in table.columns)
        self.key = tuple(column.name for column in table.primary_key)
        types = [column.type.dialect_impl(dialect) for column in table.columns]
        self._digits = [
            (n, t.width)
            for n, (t, column) in enumerate(zip(types, table.columns, strict=True))
            if isinstance(t, Digits) and not column.nullable
        ]
        own = {n for n, _ in self._digits}
        self._writes = [
            (n, p)
            for n, t in enumerate(types)
            if n not in own and not isinstance(t, Boolean) and (p := t.bind_processor(dialect))
        ]
        self._reads = [
            (n, p) for n, t in enumerate(types) if (p := t.result_processor(dialect, None))
        ]
        names = ", ".join(map(self._quote, self.columns))
        marks = ", ".join([self._mark] * len(self.columns))
        table_name = self._quote(table.name)
        self.insert = f"INSERT INTO {table_name} ({names}) VALUES ({marks})"  # noqa: S608
        rest = [self._quote(each) for each in self.columns if each not in self.key]
        changes = ", ".join(f"{each} = excluded.{each}" for each in rest)
        keys = ", ".join(map(self._quote, self.key))
        self.upsert = f"{self.insert} ON CONFLICT ({keys}) DO UPDATE SET {changes}"
        self._select = f"SELECT {names} FROM {table_name} WHERE "  # noqa: S608
        self.delete = f"DELETE FROM {table_name} WHERE {self._equal(self.key)}"  # noqa: S608

    def _equal(self, columns: Iterable[str]) -> str:
        return " AND ".join(f"{self._quote(each)} = {self._mark}" for each in columns)

    def find(self, connection: Connection, columns: tuple[str, ...], values: Key) -> Row | None:
        """Return the first row that has these values in these columns, None if there is none."""
        statement = self._select + self._equal(columns)
        found = connection.exec_driver_sql(statement, values).fetchone()
        if found is None:
            return None
        row = list(found)
        for at, read in self._reads:
            row[at] = read(row[at])
        return dict(zip(self.columns, row, strict=True))

    def many(self, connection: Connection, statement: str, rows: Iterable[Iterable[Any]]) -> None:
        """Run `insert` or `upsert` with rows in the order of the columns."""
        ready = []
        for row in rows:
            values = list(row)
            for at, width in self._digits:  # many: each through SQLAlchemy costs twice as much
                values[at] = str(values[at]).zfill(width)
            for at, write in self._writes:
                values[at] = write(values[at])
            ready.append(tuple(values))
        if ready:
            connection.exec_driver_sql(statement, ready)


class Working:
    """Rows of a table that are worked on: read when they are asked for, written all together.

    What a row was before is kept from `begin` on, for who takes a block back.
    """

    def __init__(self, statements: Statements) -> None:
        self.statements = statements
        self.rows: dict[Key, Row] = {}
        self.changed: dict[Key, Row] = {}
        self.before: dict[Key, Row | None] | None = None
        self.connection: Connection | None = None

    def begin(self, *, is_kept: bool) -> None:
        """Forget what rows were before; with `is_kept` remember it from now on."""
        self.before = {} if is_kept else None

    def look(self, key: Key) -> Row | None:
        """Return a row to be looked at, None if there is none."""
        row = self.rows.get(key)
        if row is None:
            row = self._found(self.statements.key, key)
            if row is not None:
                self.rows[key] = row
        return row

    def get(self, key: Key) -> Row | None:
        """Return a row to be changed, None if there is none."""
        row = self.rows.get(key) or self.look(key)
        if row is None:
            return None
        if self.before is not None and key not in self.before:
            self.before[key] = dict(row)
        self.changed[key] = row
        return row

    def put(self, row: Row) -> Row:
        """Take a new row, to be changed further."""
        key = tuple(row[name] for name in self.statements.key)
        if self.before is not None:
            self.before.setdefault(key, None)
        self.rows[key] = self.changed[key] = row
        return row

    def find(self, column: str, value: Any) -> Row | None:
        """Return a row of the database by another column that is its own; to be looked at."""
        found = self._found((column,), (value,))
        if found is None:
            return None
        key = tuple(found[name] for name in self.statements.key)
        return self.rows.setdefault(key, found)

    def _found(self, columns: tuple[str, ...], values: Key) -> Row | None:
        if self.connection is None:
            return None
        return self.statements.find(self.connection, columns, values)

    def write(self) -> None:
        """Write what was changed."""
        if self.connection is not None:
            rows = (row.values() for row in self.changed.values())
            self.statements.many(self.connection, self.statements.upsert, rows)
        self.changed = {}
