"""One shape for whatever a client is refused: `{"error": {"code", "message", "field"}}`."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from fabmarket.errors import FabmarketError
from fabmarket.ledger.queries.paging import BadQuery

CODES = {
    400: ("twice", "a header that is read here comes twice"),
    401: ("not_the_owner", "for the agent's owner alone; see the file api-token in its directory"),
    403: ("other_origin", "a page of another site asks, or by the cookie no page of this server"),
    404: ("not_found", "nothing is here, or nothing of that name"),
    405: ("method_not_allowed", "it is read or written with another method; see Allow"),
    408: ("too_slow", "the body did not come in time"),
    409: ("conflict", "under this key something else was asked for"),
    413: ("too_large", "the body has more bytes than are read"),
    421: ("wrong_host", "the Host header names no address of this server"),
    422: ("invalid", "a parameter or field is wrong, unknown, twice, or missing"),
    429: ("too_many", "more requests than one client may send; see Retry-After"),
    500: ("bug", "a fault of the server's"),
    503: ("unavailable", "the ledger cannot be read now, or all places are taken"),
}
"""Each status that is answered in place of what was asked for: its code, and what it means."""
_log = logging.getLogger("fabmarket.api")


class ErrorFact(BaseModel):
    """What went wrong."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [
                {
                    "code": "invalid",
                    "message": "query.limit: Input should be greater than or equal to 1",
                    "field": "query.limit",
                }
            ]
        },
    )

    code: str
    """A word that stays the same; one for each status."""
    message: str
    """What is wrong and what to do, for people."""
    field: str | None
    """Where it is wrong: `query.limit`, `path.trade`, `body.a`; null where it is in no field."""


class ErrorBody(BaseModel):
    """The body of every answer from 400 on."""

    error: ErrorFact


@dataclass
class ApiError(FabmarketError):
    """What a request is answered instead of what it asked for."""

    status: int
    message: str
    field: str | None = None

    def __str__(self) -> str:
        return self.message


class Outage:
    """Says once that the ledger cannot be read, however many ask, and once that it can again."""

    def __init__(self) -> None:
        self._is_on = False

    def begins(self, error: SQLAlchemyError) -> None:
        """It could not be read."""
        if not self._is_on:
            self._is_on = True
            # What a database says may be of several lines.
            said = " ".join(str(getattr(error, "orig", error)).split())
            _log.error("the ledger cannot be read, and is tried again: %s", said)

    def ends(self) -> None:
        """It was read."""
        if self._is_on:
            self._is_on = False
            _log.error("the ledger can be read again")


def not_found(what: str) -> ApiError:
    """Of something that the ledger does not hold."""
    return ApiError(404, f"the ledger holds no such {what}")


def answer(
    status: int, message: str, field: str | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """An error as a response."""
    code = CODES[status][0] if status in CODES else "refused"
    given = {"Cache-Control": "no-store", **(headers or {})}
    if status in (429, 503):
        given.setdefault("Retry-After", "1")
    body = {"error": {"code": code, "message": message, "field": field}}
    return JSONResponse(body, status, given)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What an operation says of the errors that it may answer, beside those that all may."""
    return {
        status: {"model": ErrorBody, "description": CODES[status][1]}
        for status in sorted({*statuses, 400, 403, 421, 422, 429, 503})
    }


def answer_errors(app: FastAPI) -> None:
    """Have an app answer all errors in the one shape."""

    @app.exception_handler(ApiError)
    async def _refused(_: Request, error: ApiError) -> JSONResponse:
        return answer(error.status, error.message, error.field)

    @app.exception_handler(BadQuery)
    async def _bad_query(_: Request, error: BadQuery) -> JSONResponse:
        return answer(422, str(error), f"query.{error.field}")

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            return answer(422, f"body: no JSON that is read here: {first['ctx']['error']}", "body")
        place = [str(part)[:100] for part in first["loc"]]
        field = ".".join(place[:8])
        return answer(422, f"{field}: {first['msg'][:500]}", field)

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> JSONResponse:
        said = CODES[error.status_code][1] if error.status_code in CODES else "refused"
        headers = dict(error.headers or {})
        if "GET" in headers.get("Allow", "").split(", "):
            headers["Allow"] += ", HEAD"  # the guard answers it
        return answer(error.status_code, said, None, headers)

    @app.exception_handler(SQLAlchemyError)
    async def _database(request: Request, error: SQLAlchemyError) -> JSONResponse:
        request.app.state.outage.begins(error)
        return answer(503, "the ledger cannot be read now; try again")

    @app.exception_handler(Exception)
    async def _bug(request: Request, error: Exception) -> JSONResponse:
        _log.error("%s %r failed", request.method, request.url.path, exc_info=error)
        return answer(500, "a fault of the server's; its log has more")
