"""What a page answers when it cannot be had: a page too, never a traceback."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from sqlalchemy.exc import DBAPIError

from fabmarket.api.pages.shell import Shell
from fabmarket.errors import Refused
from fabmarket.ledger.queries.paging import BadQuery

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


FILTERED = ("/attestations", "/book", "/calendar", "/disputes", "/trades")
"""Pages that have a filter."""


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
                    return _refused(shell, request, error)
                except BadQuery as error:
                    return problem(shell, request, 422, "This cannot be shown", [f"{error}."])
                except DBAPIError as error:
                    request.app.state.outage.begins(error)
                    told = ["The ledger cannot be read now. Load the page again in a moment."]
                    return problem(shell, request, 503, "Not now", told)
                except NotThere as error:
                    return problem(shell, request, 404, "Not found", [str(error)])

            return telling

    return Route


def problem(
    shell: Shell, request: Request, status: int, title: str, told: Sequence[str], back: str = ""
) -> Response:
    """Return the page that says what is wrong; `back` leads out of an owner's pages."""
    more = {"title": title, "told": told, "back": back, "form": ""}
    return shell.page(request, None, "problem.html", status, **more)


def _refused(shell: Shell, request: Request, error: RequestValidationError) -> Response:
    """What a page was asked for cannot be; a filter is shown as it was sent, to be mended."""
    wrong = {".".join(map(str, each["loc"][1:])): _why(each) for each in error.errors()}
    path = request.url.path
    return shell.page(
        request,
        None,
        "problem.html",
        422,
        title="This cannot be shown",
        told=[f"{field}: {why}." for field, why in wrong.items()],
        back="",
        form=f"filters{path}.html" if path in FILTERED else "",
        wrong=wrong,
        names=(),
        filtered=False,
    )


def _why(error: Any) -> str:
    if error["type"] == "literal_error":
        return f"{str(error['input'])[:60]!r} is none of the list; choose one"
    return str(error["msg"])
