"""The operators' sets, newest first."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from fabmarket.ledger import schema
from fabmarket.ledger.queries.forms import DESCRIBED, Address, Seconds
from fabmarket.ledger.queries.paging import (
    FIRST,
    Asked,
    Order,
    Page,
    columns_of,
    read_page,
)


@dataclass(frozen=True)
class OperatorSetRow:
    """A set of operators: whose signatures count, and how many of them a decision needs."""

    __pydantic_config__ = DESCRIBED

    set: int
    """Its number."""
    members: tuple[Address, ...]
    """Addresses."""
    threshold: int
    since: Seconds
    """Second of chain time from which on it decides."""
    block: int
    """In which it was set."""


def operators(connection: Connection, asked: Asked = FIRST) -> Page[OperatorSetRow]:
    """Sets of operators, newest first. BadQuery as `read_page`."""
    query = select(*columns_of(OperatorSetRow, schema.operators))
    order = Order([schema.operators.c.set], ("set",), descending=True)
    return read_page(connection, query, order, _made, asked, "operators")


def _made(
    number: int, members: list[str], threshold: int, since: int, block: int
) -> OperatorSetRow:
    return OperatorSetRow(number, tuple(members), threshold, since, block)
