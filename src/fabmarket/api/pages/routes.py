"""The dashboard as one router: pages, and the files that they load."""

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from starlette.routing import Mount

from fabmarket.api.pages import accounts, capacity, explorer, overview, products, trading
from fabmarket.api.pages.problems import telling
from fabmarket.api.pages.shell import Shell

STATIC = Mount("/static", StaticFiles(directory=Path(__file__).parent / "static"), name="static")
"""Styles and scripts: the application mounts them beside the pages."""


def pages(shell: Shell) -> APIRouter:
    """Return the routes of the dashboard over what the shell shows."""
    router = APIRouter(
        route_class=telling(shell), default_response_class=HTMLResponse, include_in_schema=False
    )
    for each in (overview, capacity, products, trading, accounts, explorer):
        each.add(router, shell)

    @router.get("/audit")
    def audit(request: Request) -> HTMLResponse:
        """How to check the market without this server."""
        with shell.connect() as connection:
            return shell.page(request, connection, "audit.html")

    return router
