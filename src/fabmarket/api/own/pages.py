"""The owner's pages: what the agent does, and a form for each thing that can be ordered."""

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from functools import partial
from pathlib import Path as FilePath
from secrets import token_urlsafe
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection
from starlette.datastructures import FormData, UploadFile

from fabmarket.api.errors import ApiError
from fabmarket.api.own import pictures
from fabmarket.api.own.access import Access
from fabmarket.api.own.consequences import consequences, is_final, outcome_told
from fabmarket.api.own.desk import Desk
from fabmarket.api.own.forms import STEPS, Unsent, said_in, wrong_in
from fabmarket.api.own.offers import for_sale, slots_ahead, unlisted
from fabmarket.api.own.orders import (
    LARGEST_FILE,
    PlacedFact,
    order_of,
    orders_at,
    place,
    resources_of,
)
from fabmarket.api.own.reads import (
    file_of,
    files_of,
    session_of,
    sessions_at,
    standing_of,
    usage_at,
)
from fabmarket.api.own.things import escrow_words, pending_of, stands, trade_facts, whole_of
from fabmarket.api.own.verbs import Ordered, Verb
from fabmarket.api.own.words import button_of, linked, plain
from fabmarket.api.own.written import Digest
from fabmarket.api.pages.problems import problem, telling
from fabmarket.api.pages.shell import Link, Shell, written
from fabmarket.api.reading import Whole
from fabmarket.errors import Refused, TryAgain
from fabmarket.identity import keccak
from fabmarket.market.exchange.terms import share
from fabmarket.node.cases import disputes_of, requests_of
from fabmarket.node.ordered import delivering, judging
from fabmarket.node.owner import Owner
from fabmarket.node.planned import approvals_of, plans_of, wants_of
from fabmarket.node.settings import Role, read_settings
from fabmarket.node.todo import due_in
from fabmarket.node.told import exposure_of

_PAGE = 50
_TRADE = "/trades/{trade}"
_COMMON = (Link("/own/trades", "My trades"), Link("/own/usage", "Usage"))
_OF_ROLE: dict[Role, tuple[Link, ...]] = {
    "demander": (
        Link("/own/wants", "Wants"),
        Link("/own/products", "My products"),
        Link("/own/sessions", "Negotiations"),
        *_COMMON,
    ),
    "supplier": (
        Link("/own/capacity", "My capacity"),
        Link("/own/sessions", "Negotiations"),
        *_COMMON,
    ),
    "operator": (Link("/own/requests", "Requests"), Link("/own/disputes", "To rule on")),
}
_VERB: TypeAdapter[Any] = TypeAdapter(Verb)


async def _form(request: Request) -> AsyncIterator[FormData]:
    async with request.form(max_files=1, max_fields=60) as form:
        yield form


Form = Annotated[FormData, Depends(_form)]
Before = Annotated[Whole | None, Query()]


def links_of(folder: FilePath) -> tuple[Link, ...]:
    """Return the owner's pages of the agent of a directory. BadSettings if it is none's."""
    last = (Link("/own/orders", "Orders"), Link("/own/privacy", "Privacy"))
    return (Link("/own", "My agent"), *_OF_ROLE[read_settings(folder).role], *last)


def own_pages(shell: Shell, desk: Desk, access: Access) -> APIRouter:
    """Return the owner's pages, and what their forms are sent to."""
    pages = _Pages(shell, desk)
    entry = APIRouter(route_class=telling(shell), include_in_schema=False)

    @entry.get("/enter")
    def enter(request: Request) -> HTMLResponse:
        with shell.connect() as connection:
            shown = shell.page(request, connection, "own/enter.html", is_in=access.holds(request))
            return _private(shown)

    own = APIRouter(
        prefix="/own",
        route_class=_own_route(shell, desk),
        include_in_schema=False,
        dependencies=[Depends(access.require)],
    )
    for add in (_add_orders, _add_buying, _add_trades, _add_judging):
        add(own, pages)
    both = APIRouter()
    both.include_router(entry)
    both.include_router(own)
    return both


def _private(answer: HTMLResponse) -> HTMLResponse:
    """Kept nowhere; and its forms say where they come from."""
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Referrer-Policy"] = "same-origin"
    return answer


def _own_route(shell: Shell, desk: Desk) -> type[APIRoute]:
    """A kind of route that leads strangers to the entry, and tells what is refused."""

    class Route(telling(shell)):  # type: ignore[misc]
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def telling(request: Request) -> Response:
                def page(status: int, title: str, told: str) -> Response:
                    said = (plain(f"{told}.", desk.currency(shell)),)
                    if request.method == "GET" and status != 503:
                        title = "This cannot be shown"
                    return problem(shell, request, status, title, said, "/own")

                try:
                    answer: Response = await handle(request)
                except ApiError as error:
                    if error.status == 401:
                        return RedirectResponse("/enter", 303)
                    return page(error.status, "This is not done", f"{error}")
                except Refused as error:
                    return page(422, "This is not done", f"{error}")
                except TryAgain as error:
                    return page(503, "Not now", f"{error}")
                return answer

            return telling

    return Route


class _Pages:
    """Renders the owner's pages."""

    def __init__(self, shell: Shell, desk: Desk) -> None:
        self.shell, self.desk = shell, desk

    def ordered(
        self, request: Request, form: FormData, again: Callable[[Unsent, int], Response]
    ) -> Response:
        """Order what a form says; where that is refused, show it `again`, with a status.

        What cannot be taken back is first shown with its price, and ordered from there.
        """
        said = {name: text for name, text in form.items() if isinstance(text, str)}
        key, is_sure = said.pop("key", ""), said.pop("sure", "") == "on"
        currency = self.desk.currency(self.shell)
        try:
            body = _VERB.validate_python(said_in(said, currency))
            if is_final(body) and not is_sure:
                return self._sure(request, body, said, key)
            asked = repr(sorted(said.items())).encode()
            return _placed(place(self.desk, body.order, _once(key, asked), asked))
        except (ValidationError, Refused) as error:
            return again(Unsent(said, wrong_in(said, error, currency)), 422)
        except TryAgain as error:
            return again(Unsent(said, wrong_in(said, error, currency)), 503)

    def _sure(
        self, request: Request, body: Ordered, said: Mapping[str, str], key: str
    ) -> HTMLResponse:
        """Ask whether what cannot be taken back is to be done. Refused if it cannot be ordered."""
        money = partial(written, currency=self.desk.currency(self.shell))

        def read(owner: Owner) -> dict[str, Any]:
            body.order(owner)
            role, state = escrow_words(owner, said.get("trade", ""))
            title = button_of(said["verb"], role, state)
            told = consequences(owner, body, money)
            return {"said": said, "sent": key, "told": told, "title": title}

        return self.page(request, "sure.html", read)

    def page(
        self,
        request: Request,
        template: str,
        read: Callable[[Owner], dict[str, Any]],
        unsent: Unsent | None = None,
        status: int = 200,
    ) -> HTMLResponse:
        """Return a page of what `read` finds, with a form that was not sent as it was filled in."""
        self._require_role(request.url.path)
        with self.desk.owner() as owner:
            shown = {"own": standing_of(owner), "token": owner.token, **read(owner)}
        with self.shell.connect() as connection:
            return _private(self._rendered(request, connection, template, shown, unsent, status))

    def _require_role(self, path: str) -> None:
        """A page of another role than the agent's is not there."""
        role = read_settings(self.desk.folder).role
        others = [one for one, links in _OF_ROLE.items() if _is_among(path, links)]
        if others and role not in others:
            whose = " or ".join(others)
            yours = f"{'an' if role == 'operator' else 'a'} {role}"
            raise ApiError(404, f"this page is for the agent of a {whose}; yours is {yours}")

    def _rendered(
        self,
        request: Request,
        connection: Connection,
        template: str,
        shown: dict[str, Any],
        unsent: Unsent | None,
        status: int,
    ) -> HTMLResponse:
        currency = self.shell.currency(shown["token"])
        money = partial(written, currency=currency)
        more: dict[str, Any] = {
            "button": button_of,
            "spoken": lambda text: linked(text, currency),
            "brings": lambda outcome, held: outcome_told(outcome, held, money),
            "due_in": due_in,
            "key": token_urlsafe(12),
            "currency": currency,
            "fate": pictures.fate,
            "unsent": unsent,
            "sold": for_sale(connection),
            "unlisted": unlisted(connection, shown.get("asked", ())),
        }
        return self.shell.page(request, connection, f"own/{template}", status, **more, **shown)


Show = Callable[[Request, Unsent | None, int], HTMLResponse]


def _with_forms(own: APIRouter, pages: _Pages, path: str, show: Show) -> None:
    """Add a page, and what its forms are sent to: what is refused is shown on it again."""

    @own.get(path)
    def page(request: Request) -> HTMLResponse:
        return show(request, None, 200)

    @own.post(path)
    def ordered(request: Request, form: Form) -> Response:
        return pages.ordered(request, form, partial(show, request))


def _add_orders(own: APIRouter, pages: _Pages) -> None:
    @own.get("")
    def home(request: Request) -> HTMLResponse:
        def read(owner: Owner) -> dict[str, Any]:
            rows = orders_at(owner, None, 6).rows
            more = {"stands": stands(owner, rows)}
            return {"approvals": approvals_of(owner), "orders": rows, **more}

        return pages.page(request, "home.html", read)

    def orders(
        request: Request, unsent: Unsent | None, status: int, before: int | None = None
    ) -> HTMLResponse:
        def read(owner: Owner) -> dict[str, Any]:
            found = orders_at(owner, before, _PAGE)
            return {"page": found, "stands": stands(owner, found.rows)}

        return pages.page(request, "orders.html", read, unsent, status)

    @own.get("/orders")
    def newest(request: Request, before: Before = None) -> HTMLResponse:
        return orders(request, None, 200, before)

    @own.post("/orders")
    def ordered(request: Request, form: Form) -> Response:
        return pages.ordered(request, form, partial(orders, request))

    @own.get("/orders/{number}")
    def order(request: Request, number: Annotated[Whole, Path()]) -> HTMLResponse:
        def read(owner: Owner) -> dict[str, Any]:
            fact = order_of(owner, number)
            wants = [each for each in wants_of(owner) if each.name == fact.about]
            products = [each for each in plans_of(owner) if each.status.name == fact.about]
            is_one = fact.order in ("want", "product")
            return {
                "order": fact,
                "stands": stands(owner, [fact]),
                "wants": wants if is_one else [],
                "products": products if is_one else [],
                "approvals": [each for each in approvals_of(owner) if each.name == fact.about],
                "asked": [] if fact.state == "refused" else resources_of(owner, number),
            }

        return pages.page(request, "order.html", read)

    @own.get("/privacy")
    def privacy(request: Request) -> HTMLResponse:
        return pages.page(request, "privacy.html", lambda owner: {"exposure": exposure_of(owner)})


def _add_buying(own: APIRouter, pages: _Pages) -> None:
    def wants(request: Request, unsent: Unsent | None, status: int) -> HTMLResponse:
        def read(owner: Owner) -> dict[str, Any]:
            found = wants_of(owner)
            open_ = [each for each in found if each.state in ("open", "to be approved")]
            asked = {way.resource for each in open_ for way in each.ways}
            return {"wants": found, "slots": slots_ahead(owner), "asked": asked}

        return pages.page(request, "wants.html", read, unsent, status)

    def products(request: Request, unsent: Unsent | None, status: int) -> HTMLResponse:
        def read(owner: Owner) -> dict[str, Any]:
            found = plans_of(owner)
            waiting = [
                one
                for each in found
                if each.status.state in ("open", "to be approved")
                for one in each.operations
                if one.state == "waiting"
            ]
            return {
                "products": found,
                "chart": pictures.plan(found, owner.time),
                "steps": STEPS,
                "slots": slots_ahead(owner),
                "asked": {way.resource for one in waiting for way in one.ways},
            }

        return pages.page(request, "products.html", read, unsent, status)

    def capacity(request: Request, unsent: Unsent | None, status: int) -> HTMLResponse:
        def read(owner: Owner) -> dict[str, Any]:
            return {
                "calendar": owner.calendar,
                "sells": owner.sells,
                "policy": owner.settings.policy,
                "pending": pending_of(owner),
            }

        return pages.page(request, "capacity.html", read, unsent, status)

    for path, show in (("/wants", wants), ("/products", products), ("/capacity", capacity)):
        _with_forms(own, pages, path, show)

    @own.get("/sessions")
    def sessions(request: Request, before: Before = None) -> HTMLResponse:
        return pages.page(
            request, "sessions.html", lambda owner: {"page": sessions_at(owner, before, _PAGE)}
        )

    @own.get("/sessions/{session}")
    def session(request: Request, session: Annotated[Digest, Path()]) -> HTMLResponse:
        def read(owner: Owner) -> dict[str, Any]:
            found = session_of(owner, session)
            charts = pictures.rounds(found, pages.shell.currency(owner.token))
            return {"shown": found, "charts": charts}

        return pages.page(request, "session.html", read)


def _add_trades(own: APIRouter, pages: _Pages) -> None:
    @own.get("/trades")
    def trades(request: Request) -> HTMLResponse:
        return pages.page(request, "trades.html", lambda owner: {})

    @own.get("/usage")
    def usage(request: Request, before: Before = None) -> HTMLResponse:
        return pages.page(
            request, "usage.html", lambda owner: {"page": usage_at(owner, before, _PAGE)}
        )

    def one(request: Request, trade: str, unsent: Unsent | None, status: int) -> HTMLResponse:
        def read(owner: Owner) -> dict[str, Any]:
            whole = whole_of(owner, trade)
            usage = [each for each in usage_at(owner, None, 500).rows if each.trade == whole]
            files = [each for each in files_of(owner) if each.trade == whole]
            with pages.shell.connect() as connection:
                facts = trade_facts(owner, connection, whole)
            return {"trade": whole, "usage": usage, "files": files, "facts": facts}

        return pages.page(request, "trade.html", read, unsent, status)

    @own.get(_TRADE)
    def trade(request: Request, trade: Annotated[Digest, Path()]) -> HTMLResponse:
        return one(request, trade, None, 200)

    @own.post(_TRADE)
    def ordered(request: Request, form: Form, trade: Annotated[Digest, Path()]) -> Response:
        return pages.ordered(request, form, partial(one, request, trade))

    @own.post(f"{_TRADE}/{{what}}")
    def evidence(
        request: Request,
        form: Form,
        trade: Annotated[Digest, Path()],
        what: Annotated[str, Path(pattern="^(dispute|show)$")],
    ) -> Response:
        sent = form.get("evidence")
        if not isinstance(sent, UploadFile):
            raise ApiError(422, "give a file")
        content, name = sent.file.read(LARGEST_FILE), (sent.filename or "the file")[:80]
        where, key = str(form.get("place", "")).strip() or None, str(form.get("key", ""))
        asked = f"{what} {trade} {where}".encode() + keccak(content)

        def order(owner: Owner) -> Any:
            if what == "dispute":
                return delivering.disputed(owner, trade, content, name)
            return judging.shown(owner, trade, content, name, where)

        try:
            return _placed(place(pages.desk, order, _once(key, asked), asked))
        except Refused as error:
            return one(request, trade, Unsent({}, {"": f"{error}"}), 422)


def _add_judging(own: APIRouter, pages: _Pages) -> None:
    def requests(request: Request, unsent: Unsent | None, status: int) -> HTMLResponse:
        def read(owner: Owner) -> dict[str, Any]:
            return {"requests": requests_of(owner)}

        return pages.page(request, "requests.html", read, unsent, status)

    def disputes(request: Request, unsent: Unsent | None, status: int) -> HTMLResponse:
        def read(owner: Owner) -> dict[str, Any]:
            return {"disputes": disputes_of(owner), "share": share}

        return pages.page(request, "disputes.html", read, unsent, status)

    _with_forms(own, pages, "/requests", requests)
    _with_forms(own, pages, "/disputes", disputes)

    @own.get("/files/{digest}")
    def file(digest: Annotated[str, Path(pattern="^0x[0-9a-f]{64}$")]) -> Response:
        with pages.desk.owner() as owner:
            content = file_of(owner, digest)
        headers = {"Content-Disposition": f'attachment; filename="{digest}"'}
        return Response(content, media_type="application/octet-stream", headers=headers)


def _is_among(path: str, links: Sequence[Link]) -> bool:
    return any(path == each.href or path.startswith(f"{each.href}/") for each in links)


def _once(key: str, asked: bytes) -> str | None:
    """The key of a form: sent twice as it is, it is one order; filled in otherwise, another."""
    return f"{key[:100]} {keccak(asked).hex()}" if key else None


def _placed(fact: PlacedFact) -> Response:
    return RedirectResponse(f"/own/orders/{fact.order}", 303)
