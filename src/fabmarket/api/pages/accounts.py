"""Accounts and what they hold, and the cycles that settle many trades as sums."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from fabmarket.api.pages.parameters import Cursor, Key
from fabmarket.api.pages.problems import NotThere
from fabmarket.api.pages.shell import Shell
from fabmarket.api.pages.units import units_of
from fabmarket.ledger.queries.accounts import account, accounts
from fabmarket.ledger.queries.capacity import resources, slot
from fabmarket.ledger.queries.cycles import cycle, cycles
from fabmarket.ledger.queries.operators import operators
from fabmarket.ledger.queries.paging import Asked
from fabmarket.ledger.queries.trades import TradeFilter, trades

_TRADES = 20


def add(router: APIRouter, shell: Shell) -> None:
    """Put the pages of accounts and cycles on the router."""

    @router.get("/accounts")
    def of_market(request: Request, cursor: Cursor = None) -> HTMLResponse:
        """All accounts that ever held something."""
        with shell.connect() as connection:
            page = accounts(connection, asked=Asked(cursor))
            return shell.page(request, connection, "accounts.html", page=page)

    @router.get("/accounts/{address}")
    def one(request: Request, address: Key) -> HTMLResponse:
        """One account: what it holds, sells and trades, as anyone can see it."""
        with shell.connect() as connection:
            held = account(connection, address)
            sells = resources(connection, supplier=address).rows
            last = trades(connection, TradeFilter(account=address), Asked(limit=_TRADES))
            sits = [row for row in operators(connection).rows if address in row.members]
            if not (held or sells or last.rows or sits):
                raise NotThere(f"account {address}")
            return shell.page(
                request,
                connection,
                "account.html",
                address=address,
                held=held,
                sells=sells,
                last=last,
                units=units_of(connection, last.rows),
                sits=sits,
            )

    @router.get("/cycles")
    def settled(request: Request, cursor: Cursor = None) -> HTMLResponse:
        """Net cycles, newest first."""
        with shell.connect() as connection:
            page = cycles(connection, Asked(cursor))
            return shell.page(request, connection, "cycles.html", page=page)

    @router.get("/cycles/{batch}")
    def sums(request: Request, batch: Key) -> HTMLResponse:
        """One net cycle: all that the chain shows of it."""
        with shell.connect() as connection:
            row = cycle(connection, batch)
            if row is None:
                raise NotThere("such net cycle")
            sold = [(sale, slot(connection, sale.listing)) for sale in row.sales]
            places = [place for _, place in sold if place is not None]
            return shell.page(
                request,
                connection,
                "cycle.html",
                row=row,
                sold=sold,
                units=units_of(connection, places),
            )
