"""All questions of one answer see the ledger at one moment, while others write to it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """A connection to read with: no block comes or goes for it until it is given back."""
    with engine.connect() as connection:
        if engine.dialect.name != "sqlite":  # which has no other
            connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection
