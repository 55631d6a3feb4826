"""How an operation reads the ledger and answers: one snapshot, a weak ETag, strict parameters."""

import hashlib
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter
from pydantic_core import PydanticCustomError
from sqlalchemy import Connection

from fabmarket.api.errors import ApiError, documented
from fabmarket.api.served import Served
from fabmarket.api.standing import Standings
from fabmarket.ledger.queries.market import head
from fabmarket.ledger.queries.paging import MOST, USUAL, Asked
from fabmarket.ledger.queries.snapshot import snapshot

T = TypeVar("T")
_VERSION = version("fabmarket")
_CURSOR = "^[A-Za-z0-9_-]+$"
_NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "the ledger has not moved since the answer with this ETag"}
}


def _digits(value: object) -> object:
    """A whole number in its one form, which pydantic alone would not insist on."""
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise PydanticCustomError("digits", "is no whole number; write it in digits")
    if isinstance(value, str) and len(value) > 1 and value[0] == "0":
        raise PydanticCustomError("digits", "begins with a zero; leave that out")
    return value


Whole = Annotated[int, Field(ge=0, lt=1 << 53), BeforeValidator(_digits)]
"""A parameter that is a whole number."""
_Limit = Annotated[int, Field(ge=1, le=MOST, examples=[20]), BeforeValidator(_digits)]


def _truth(value: object) -> object:
    if isinstance(value, str) and value not in ("true", "false"):
        raise PydanticCustomError("truth", "is neither true nor false")
    return value


Truth = Annotated[bool, BeforeValidator(_truth)]
"""A parameter that is `true` or `false`."""


class Nothing(BaseModel):
    """An operation that takes no parameters in its query: each one is refused."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Paged(Nothing):
    """An operation that answers by pages."""

    cursor: Annotated[str | None, Field(max_length=1000, pattern=_CURSOR)] = None
    """The page's place: `next` of the page before it; without one, the first page."""
    limit: _Limit = USUAL
    """Rows of the page."""

    @property
    def page(self) -> Asked:
        """What a query is asked for."""
        return Asked(self.cursor, self.limit)


class Reader:
    """Answers one request from the ledger."""

    def __init__(self, served: Served, request: Request) -> None:
        self.served, self._request = served, request
        self.standings: Standings = request.app.state.standings

    def answer(self, kind: Any, read: Callable[[Connection], T]) -> Response:
        """What `read` finds as JSON of `kind`, or 304 where the client has that already."""
        with snapshot(self.served.engine) as connection:
            tag = self._tag(connection)
            headers = {"ETag": tag, "Cache-Control": "no-cache"}
            if tag in _tags(self._request.headers.get("if-none-match", "")):
                return Response(status_code=304, headers=headers)
            found = read(connection)
        return Response(_adapter(kind).dump_json(found), 200, headers, "application/json")

    def fresh(self, kind: Any, read: Callable[[Connection], T]) -> Response:
        """What `read` finds as JSON of `kind`, of this moment only."""
        with snapshot(self.served.engine) as connection:
            found = read(connection)
        headers = {"Cache-Control": "no-store"}
        return Response(_adapter(kind).dump_json(found), 200, headers, "application/json")

    def _tag(self, connection: Connection) -> str:
        at = head(connection)
        about = (
            _VERSION,
            at and (at.number, at.hash),
            self._request.url.path,
            self._request.url.query,
        )
        return f'W/"{hashlib.sha256(repr(about).encode()).hexdigest()[:24]}"'


async def _reader(request: Request) -> Reader:
    names = [name for name, _ in request.query_params.multi_items()]
    for name in names:
        if names.count(name) > 1:
            shown = name[:100]
            raise ApiError(422, f"query.{shown}: is given twice; leave one out", f"query.{shown}")
    return Reader(request.app.state.served, request)


Reading = Annotated[Reader, Depends(_reader)]
"""The parameter by which an operation gets its reader."""


def reads(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What an operation that reads says of its answers beside 200."""
    return {**_NOT_MODIFIED, **documented(*statuses)}


def _tags(header: str) -> set[str]:
    return {part.strip() for part in header.split(",")}


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
