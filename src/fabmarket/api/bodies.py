"""Bodies in JSON, read strictly: a key that comes twice is refused, as is what nests too deep."""

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from typing_extensions import override


class _StrictRequest(Request):
    @override
    async def json(self) -> Any:
        try:
            return json.loads(await self.body(), object_pairs_hook=_once)
        except json.JSONDecodeError:
            raise
        except (ValueError, RecursionError) as error:
            # What FastAPI answers as it does a body that is no JSON.
            raise json.JSONDecodeError(str(error), "", 0) from error


class StrictRoute(APIRoute):
    """A route whose body is read strictly."""

    @override
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handle(_StrictRequest(request.scope, request.receive))

        return strict


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in an object")
    return found
