"""The application: routers, what stands before them, and the document that describes them."""

from importlib.metadata import version

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp

from fabmarket.api.errors import answer_errors
from fabmarket.api.guard import Guard
from fabmarket.api.routes import capacity, log, market, tables, trades
from fabmarket.api.served import Served

_TAGS = [
    {"name": "market", "description": "The market as a whole: how it stands, how much is traded."},
    {"name": "capacity", "description": "Resources, calendars, attestations, the order book."},
    {"name": "trades", "description": "What was settled, and what became of it."},
    {"name": "log", "description": "The events themselves."},
    {"name": "tables", "description": "Whole tables as files, and tables to fill in."},
]
_ABOUT = """\
What a ledger knows of a market, read by anyone. Amounts are base units of a token, quantities
units of a resource, times seconds of chain time (since 1970-01-01 UTC). Numbers that may exceed
2^53 are written as digits in a string. Names come from strangers: escape them.
"""


def make_app(served: Served) -> ASGIApp:
    """The app that serves a ledger."""
    app = FastAPI(
        title="Fabmarket",
        summary="A decentralised exchange for manufacturing capacity",
        description=_ABOUT,
        version=version("fabmarket"),
        openapi_url="/v1/openapi.json",
        openapi_tags=_TAGS,
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        generate_unique_id_function=_operation,
    )
    app.state.served = served
    answer_errors(app)
    for router in (market.router, capacity.router, trades.router, log.router, tables.router):
        app.include_router(router, prefix="/v1")
    return Guard(app, served.hosts, served.rate, {})


def _operation(route: APIRoute) -> str:
    return route.name
