"""Trades: the list of them, and the life of one."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection

from fabmarket.api.pages.parameters import Address, Cursor, Day, Digest, Key, Name
from fabmarket.api.pages.problems import NotThere
from fabmarket.api.pages.shell import Shell
from fabmarket.api.pages.steps import Step, begun, told
from fabmarket.api.pages.units import units_of
from fabmarket.ledger.queries.capacity import slot
from fabmarket.ledger.queries.escrows import escrow
from fabmarket.ledger.queries.log import EventFilter, events
from fabmarket.ledger.queries.paging import Asked
from fabmarket.ledger.queries.trades import TradeFilter, TradeRow, trade, trades

_DAY = 86_400
_MOST_STEPS = 200


def add(router: APIRouter, shell: Shell) -> None:
    """Put the pages of trades on the router."""

    @router.get("/trades")
    def of_market(
        request: Request,
        name: Name = "",
        account: Address = "",
        listing: Digest = "",
        since: Day = None,
        until: Day = None,
        cursor: Cursor = None,
    ) -> HTMLResponse:
        """Trades, newest first."""
        where = TradeFilter(
            account=account or None,
            listing=listing or None,
            name=name or None,
            since=since,
            until=None if until is None else until + _DAY,
        )
        with shell.connect() as connection:
            page = trades(connection, where, Asked(cursor))
            return shell.page(
                request,
                connection,
                "trades.html",
                page=page,
                units=units_of(connection, page.rows),
                slot=slot(connection, listing) if listing else None,
                filtered=where != TradeFilter(),
            )

    @router.get("/trades/{digest}")
    def one(request: Request, digest: Key) -> HTMLResponse:
        """One trade: what was agreed, and what became of it."""
        with shell.connect() as connection:
            row = trade(connection, digest)
            if row is None:
                raise NotThere("such trade")
            return shell.page(
                request,
                connection,
                "trade.html",
                row=row,
                escrow=escrow(connection, digest),
                slot=slot(connection, row.listing),
                unit=units_of(connection, [row])[row.supplier, row.resource],
                steps=_steps(connection, row, shell),
            )


def _steps(connection: Connection, row: TradeRow, shell: Shell) -> list[Step]:
    """What happened to a trade, in order of time."""
    asked = Asked(limit=_MOST_STEPS)
    found = events(connection, EventFilter(subject=row.trade), asked, oldest_first=True)
    currency = shell.currency(row.token)
    return [begun(row, currency), *(told(each, currency) for each in found.rows)]
