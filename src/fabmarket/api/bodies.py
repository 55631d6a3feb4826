"""Bodies in JSON, read strictly: a key that comes twice is refused, as is what nests too deep."""

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError
from typing_extensions import override


class _Twice(Exception):
    """An object says a key twice."""


class _StrictRequest(Request):
    @override
    async def json(self) -> Any:
        body = await self.body()
        try:
            return json.loads(body, object_pairs_hook=_once)
        except json.JSONDecodeError:
            raise
        except (_Twice, UnicodeDecodeError, RecursionError, ValueError) as error:
            # What FastAPI answers as it does a body that is no JSON.
            raise json.JSONDecodeError(_told(error), "", 0) from error


class StrictRoute(APIRoute):
    """A route whose body is read strictly."""

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handle(_StrictRequest(request.scope, request.receive))

        return strict


def within(least: int, most: int) -> AfterValidator:
    """The bounds of a whole number, both included; told exactly: pydantic rounds large ones."""
    said = f"Input should be from {least} to {most}"

    def check(value: int) -> int:
        if not least <= value <= most:
            raise PydanticCustomError("bounds", said)
        return value

    return AfterValidator(check)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Twice
    return found


def _told(error: Exception) -> str:
    match error:
        case _Twice():
            return "a key stands twice in an object"
        case UnicodeDecodeError():
            return "it is no UTF-8"
        case RecursionError():
            return "it nests too deep"
        case _:  # the one that is left: Python reads no longer ones
            return "a number has too many digits"
