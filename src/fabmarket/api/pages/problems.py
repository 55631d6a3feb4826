"""What a page answers when it cannot be had: a page too, never a traceback."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from sqlalchemy.exc import DBAPIError

from fabmarket.api.pages.shell import Shell
from fabmarket.errors import Refused
from fabmarket.ledger.queries.paging import BadQuery

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class NotThere(Refused):
    """There is no such trade, account or product; `what` names it."""

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no {what} in this ledger.")


def telling(shell: Shell) -> type[APIRoute]:
    """Return a kind of route whose errors are pages of this shell."""

    class Route(APIRoute):
        def get_route_handler(self) -> Handler:
            handle = super().get_route_handler()

            async def telling(request: Request) -> Response:
                try:
                    return await handle(request)
                except RequestValidationError as error:
                    wrong = [_told(each) for each in error.errors()]
                    return _page(shell, request, 422, "This cannot be shown", wrong)
                except BadQuery as error:
                    return _page(shell, request, 422, "This cannot be shown", [f"{error}."])
                except DBAPIError as error:
                    request.app.state.outage.begins(error)
                    wrong = ["The ledger cannot be read now. Load the page again in a moment."]
                    return _page(shell, request, 503, "Not now", wrong)
                except NotThere as error:
                    return _page(shell, request, 404, "Not found", [str(error)])

            return telling

    return Route


def _page(shell: Shell, request: Request, status: int, title: str, wrong: list[str]) -> Response:
    return shell.page(request, None, "problem.html", status, title=title, wrong=wrong, back="")


def _told(error: Any) -> str:
    field = ".".join(str(part) for part in error["loc"][1:])
    return f"{field}: {error['msg']}."
