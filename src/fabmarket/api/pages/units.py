"""In what unit the quantities of a resource are counted."""

from collections.abc import Iterable
from typing import Protocol

from sqlalchemy import Connection, select, tuple_

from fabmarket.ledger import schema


class OfResource(Protocol):
    """A row about a resource of a supplier."""

    @property
    def supplier(self) -> str:
        """Its address."""

    @property
    def resource(self) -> str:
        """The resource's 32 bytes."""


def units_of(connection: Connection, rows: Iterable[OfResource]) -> dict[tuple[str, str], str]:
    """Return what one unit is, by supplier and resource of the rows; written by strangers."""
    wanted = {(row.supplier, row.resource) for row in rows}
    table = schema.resource
    query = select(table.c.supplier, table.c.id, table.c.unit).where(
        tuple_(table.c.supplier, table.c.id).in_(sorted(wanted))
    )
    found = {(supplier, id_): unit for supplier, id_, unit in connection.execute(query)}
    return {key: found.get(key, "") for key in wanted}
