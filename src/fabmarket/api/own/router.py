"""All that is served of an agent's directory below `/v1/own`, and the way in."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from fabmarket.api.errors import ApiError, documented
from fabmarket.api.guard import Way
from fabmarket.api.own.access import Access
from fabmarket.api.own.desk import Desk, OwnRoute
from fabmarket.api.own.orders import LARGEST_FILE, add_orders
from fabmarket.api.own.pages import own_pages
from fabmarket.api.own.reads import add_reads
from fabmarket.api.pages import Shell

HOME = "/own"
"""The owner's first page."""
WAYS = dict.fromkeys(
    ("/v1/own/trades/", "/own/trades/"), Way(largest_body=LARGEST_FILE + (64 << 10))
)
"""Where bodies carry a file."""
PRIVATE = ("/v1/own", HOME)
"""Below which all is the owner's alone."""


def own_routers(folder: Path, access: Access, shell: Shell) -> list[APIRouter]:
    """Return what is served of an agent's directory, whose token is there (`node.entry`)."""
    desk = Desk(folder)
    own = APIRouter(
        prefix="/v1/own",
        tags=["own"],
        route_class=OwnRoute,
        dependencies=[Depends(access.require), Depends(_strict), Depends(_unkept)],
    )
    add_reads(own, desk)
    add_orders(own, desk)
    return [own, _entry(access), own_pages(shell, desk, access)]


def _strict(request: Request) -> None:
    """A query says each parameter once, and nothing where none is taken."""
    names = [name for name, _ in request.query_params.multi_items()]
    is_taken = bool(request.scope["route"].dependant.query_params)
    wrong = [name for name in names if not is_taken or names.count(name) > 1]
    if wrong:
        shown = f"query.{wrong[0][:100]}"
        raise ApiError(422, f"{shown}: is unknown, or given twice; leave it out", shown)


def _unkept(response: Response) -> None:
    """What is the owner's alone stays in no cache."""
    response.headers["Cache-Control"] = "no-store"


def _entry(access: Access) -> APIRouter:
    entry = APIRouter(tags=["own"], route_class=OwnRoute)

    @entry.post(
        "/enter",
        summary="Get a cookie for the token",
        status_code=303,
        response_class=RedirectResponse,
        responses=documented(401, 403, 413),
    )
    def enter(token: Annotated[str, Form(max_length=200)], request: Request) -> Response:
        answer = RedirectResponse(HOME, 303)
        access.enter(request, token, answer)
        return answer

    @entry.post(
        "/leave",
        summary="Give the cookie back",
        status_code=303,
        response_class=RedirectResponse,
        responses=documented(401, 403, 413),
    )
    def leave(request: Request) -> Response:
        answer = RedirectResponse("/", 303)
        access.leave(request, answer)
        return answer

    return entry
