"""Pages of rows: keyset cursors, which stay cheap at any depth and stable while rows are added."""

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, literal, tuple_

from fabmarket.errors import Refused
from fabmarket.ledger.queries.forms import DESCRIBED

R = TypeVar("R")
USUAL, MOST = 50, 500
"""Rows of a page where nobody says how many, and at most."""
_LONGEST_CURSOR = 1000


class BadQuery(Refused):
    """A filter, limit or cursor that no query takes; `field` names it.

    >>> BadQuery("limit", "is 0; give 1 to 500").field
    'limit'
    """

    def __init__(self, field: str, what: str) -> None:
        super().__init__(f"{field} {what}")
        self.field, self.what = field, what


@dataclass(frozen=True)
class Page(Generic[R]):
    """Rows in the order asked for, and where the next page begins."""

    __pydantic_config__ = DESCRIBED

    rows: tuple[R, ...]
    """In the order that the operation says."""
    next: str | None
    """What to give as `cursor` for the rows after these; null where there are none."""


@dataclass(frozen=True)
class Asked:
    """Which page of a query: after which cursor, how many rows."""

    cursor: str | None = None
    limit: int = USUAL


FIRST = Asked()


@dataclass(frozen=True)
class Order:
    """By which columns rows are ordered, under the names that they have in a row."""

    columns: Sequence[ColumnElement[Any]]
    names: tuple[str, ...]
    descending: bool = False

    @property
    def by(self) -> list[ColumnElement[Any]]:
        """The terms of ORDER BY."""
        return [each.desc() if self.descending else each.asc() for each in self.columns]

    def after(self, key: Sequence[int | str]) -> ColumnElement[bool]:
        """The rows behind one with this key."""
        # One column by itself: a row of one value is a plain value to SQLite.
        here: Any = tuple_(*self.columns) if len(key) > 1 else self.columns[0]
        there: Any = tuple_(*map(literal, key)) if len(key) > 1 else key[0]
        after: ColumnElement[bool] = here < there if self.descending else here > there
        return after


def read_page(
    connection: Connection,
    query: Select[Any],
    order: Order,
    make: Callable[..., R],
    asked: Asked,
    about: object,
) -> Page[R]:
    """Read a page of `query`, whose columns are the arguments of `make`.

    `about` says which query it is, filters included: a cursor of another one is refused.

    Raises:
        BadQuery: `limit` is not from 1 to MOST, or `cursor` is none of this query.
    """
    check_limit(asked)
    query = query.where(*behind(asked, order, about))
    found = connection.execute(query.order_by(*order.by).limit(asked.limit + 1)).all()
    rows = tuple(make(*row) for row in found[: asked.limit])
    return Page(rows, cursor_at(rows[-1], about, order) if len(found) > asked.limit else None)


def check_limit(asked: Asked) -> None:
    """BadQuery unless a page may have so many rows."""
    if not 1 <= asked.limit <= MOST:
        raise BadQuery("limit", f"is {asked.limit}; give 1 to {MOST}")


def behind(asked: Asked, order: Order, about: object) -> list[ColumnElement[bool]]:
    """The condition that leaves the rows behind the cursor, if there is one. BadQuery if it is none
    of this query.
    """
    if asked.cursor is None:
        return []
    return [order.after(_key(asked.cursor, about, order))]


def merged(pages: Sequence[Page[R]], order: Order, asked: Asked, about: object) -> Page[R]:
    """One page of several of the same order and `about`; a row in two of them stands once."""

    def key(row: R) -> list[int | str]:
        return [getattr(row, name) for name in order.names]

    every = dict.fromkeys(row for page in pages for row in page.rows)
    found = sorted(every, key=key, reverse=order.descending)
    rows = tuple(found[: asked.limit])
    goes_on = len(found) > len(rows) or any(page.next for page in pages)
    return Page(rows, cursor_at(rows[-1], about, order) if goes_on else None)


def columns_of(kind: type, *sources: Any) -> list[ColumnElement[Any]]:
    """The columns that a row class's fields name, each of the first table that has it."""
    return [
        next(source.c[field.name] for source in sources if field.name in source.c)
        for field in fields(kind)
    ]


def _tag(about: object) -> str:
    return hashlib.sha256(repr(about).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def cursor_at(row: object, about: object, order: Order) -> str:
    """The cursor of what comes behind a row."""
    key = [getattr(row, name) for name in order.names]
    text = json.dumps([_tag(about), *key], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _key(cursor: str, about: object, order: Order) -> list[int | str]:
    """The key in a cursor, if it is one of this query; the database gets nothing else."""
    refused = BadQuery("cursor", "is none of this query; give `next` of its page, or leave it out")
    if len(cursor) > _LONGEST_CURSOR or not cursor.isascii():
        raise refused
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars="-_", validate=True)
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise refused from error
    if (
        not isinstance(found, list)
        or len(found) != 1 + len(order.columns)
        or found[0] != _tag(about)
    ):
        raise refused
    for value, column in zip(found[1:], order.columns, strict=True):
        is_number = column.type.python_type is int
        if is_number and not (type(value) is int and 0 <= value < 1 << 63):
            raise refused
        if not is_number and not (type(value) is str and value.isascii() and "\0" not in value):
            raise refused
    return found[1:]
