"""The application: routers, what stands before them, and the document that describes them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.routing import APIRoute

from fabmarket.api.errors import Outage, answer_errors
from fabmarket.api.guard import Guard, Private, Way
from fabmarket.api.own.access import Access
from fabmarket.api.own.pages import links_of
from fabmarket.api.own.router import PRIVATE, WAYS, own_routers
from fabmarket.api.pages import Shell, add_pages
from fabmarket.api.routes import calculators, capacity, live, log, market, tables, trades
from fabmarket.api.served import Served
from fabmarket.api.server import App
from fabmarket.api.standing import Standings

_ROUTERS = (
    market.router,
    capacity.router,
    trades.router,
    log.router,
    live.router,
    calculators.router,
    tables.router,
)
_TAGS = [
    {"name": "market", "description": "The market as a whole: how it stands, how much is traded."},
    {"name": "capacity", "description": "Resources, calendars, attestations, the order book."},
    {"name": "trades", "description": "What was settled, and what became of it."},
    {"name": "log", "description": "The events themselves."},
    {"name": "live", "description": "What happens, as it happens."},
    {"name": "calculators", "description": "Equilibria and quotes for numbers that are given."},
    {"name": "tables", "description": "Whole tables as files, and tables to fill in."},
    {"name": "own", "description": "Of an agent's directory, for its owner alone."},
]
_ABOUT = """\
What a ledger knows of a market, read by anyone. Amounts are base units of a token, quantities
units of a resource, times seconds of chain time (since 1970-01-01 UTC). Numbers that may exceed
2^53 are written as digits in a string. Names come from strangers: escape them.
"""


def make_app(served: Served) -> App:
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
        redirect_slashes=False,  # it would lead to whatever the Host header says
        generate_unique_id_function=_operation,
        lifespan=_looking,
    )
    standings, outage = Standings(served), Outage()
    heads = live.Heads(served, standings, outage)
    app.state.served, app.state.standings, app.state.outage = served, standings, outage
    app.state.heads = heads
    answer_errors(app)
    for router in _ROUTERS:
        app.include_router(router, prefix="/v1")
    shell = Shell(served, standings, () if served.agent is None else links_of(served.agent))
    add_pages(app, shell)
    private = None
    if served.agent is not None:
        access = Access(served.agent)
        for router in own_routers(served.agent, access, shell):
            app.include_router(router)
        private = Private(PRIVATE, access.knows)
    ways = {"/v1/calculators/": Way(counts=20), "/v1/export/": Way(counts=20), **WAYS}
    return App(Guard(app, served, ways, private), heads.end)


@asynccontextmanager
async def _looking(app: FastAPI) -> AsyncIterator[None]:
    """While the app runs somebody looks at the ledger's head."""
    task = asyncio.create_task(app.state.heads.look())
    yield
    task.cancel()


def _operation(route: APIRoute) -> str:
    return route.name
