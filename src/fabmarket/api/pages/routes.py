"""The dashboard put on an application: pages, and the files that they load."""

from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import HTMLResponse
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope
from typing_extensions import override

from fabmarket.api.pages import accounts, capacity, explorer, overview, products, trading, words
from fabmarket.api.pages.problems import NotThere, telling
from fabmarket.api.pages.shell import Shell

_OF_REPORT = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
_STATIC = Path(__file__).parent / "static"


class _Files(StaticFiles):
    """Styles and scripts; a browser asks each time whether they are still the same."""

    @override
    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = "no-cache"
        return answer


def add_pages(app: FastAPI, shell: Shell) -> None:
    """Put the pages of the market on an app, from / on, and their files under /static."""
    router = APIRouter(route_class=telling(shell), include_in_schema=False)
    for each in (overview, capacity, products, trading, accounts, explorer, words):
        each.add(router, shell)

    @router.get("/audit")
    def audit(request: Request) -> HTMLResponse:
        """How to check the market without this server."""
        with shell.connect() as connection:
            return shell.page(request, connection, "audit.html")

    @router.get("/report")
    def report() -> FileResponse:
        """The page that a run left: one file, with its styles in it."""
        if shell.run is None or shell.run.report is None:
            raise NotThere("report of a run")
        return FileResponse(shell.run.report, headers={"Content-Security-Policy": _OF_REPORT})

    app.include_router(router)
    app.mount("/static", _Files(directory=_STATIC))
