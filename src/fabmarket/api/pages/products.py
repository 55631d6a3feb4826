"""Products as the chain shows them, and the escrows that their operations wait in."""

from collections.abc import Sequence
from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from fabmarket.api.pages.charts import Gantt, Job, Lane, gantt
from fabmarket.api.pages.clock import utc
from fabmarket.api.pages.parameters import Cursor, Key
from fabmarket.api.pages.problems import NotThere
from fabmarket.api.pages.shell import Shell, label
from fabmarket.api.pages.steps import CAUSES
from fabmarket.api.pages.units import units_of
from fabmarket.ledger.queries.escrows import EscrowFilter, EscrowRow, escrows
from fabmarket.ledger.queries.market import now_of
from fabmarket.ledger.queries.paging import Asked
from fabmarket.ledger.queries.products import BundleRow, bundle, bundles
from fabmarket.report.wording import natural, number, plural, short

_PRODUCTS = 12
_LOST = ("refunded", "late", "uncovered")
"""Causes of a release that say that nothing was delivered, or not in time."""
Chosen = Literal["", "funded", "delivered", "disputed", "closed", "ever disputed"]


def add(router: APIRouter, shell: Shell) -> None:
    """Put the pages of products and escrows on the router."""

    @router.get("/products")
    def of_market(request: Request, cursor: Cursor = None) -> HTMLResponse:
        """Products, newest first, as a plan of machines."""
        with shell.connect() as connection:
            page = bundles(connection, asked=Asked(cursor, _PRODUCTS))
            return shell.page(
                request,
                connection,
                "products.html",
                page=page,
                chart=plan(page.rows, now_of(connection)),
                fate=fate,
            )

    @router.get("/products/{digest}")
    def one(request: Request, digest: Key) -> HTMLResponse:
        """One product, operation by operation."""
        with shell.connect() as connection:
            row = bundle(connection, digest)
            if row is None:
                raise NotThere("such product")
            return shell.page(
                request,
                connection,
                "product.html",
                row=row,
                chart=plan([row], now_of(connection)),
                units=units_of(connection, row.trades),
                fate=fate,
            )

    @router.get("/disputes")
    def held(request: Request, state: Chosen = "", cursor: Cursor = None) -> HTMLResponse:
        """Escrows, newest first: what waits, what is disputed, what became of it."""
        where = EscrowFilter(disputed_ever=True) if state == "ever disputed" else EscrowFilter()
        if state and state != "ever disputed":
            where = EscrowFilter(state=state)
        with shell.connect() as connection:
            page = escrows(connection, where, Asked(cursor))
            return shell.page(
                request, connection, "disputes.html", page=page, state=state, fate=fate
            )


def plan(rows: Sequence[BundleRow], now: int) -> Gantt | None:
    """The operations of products by machine and slot; None without any."""
    found = {(one.name, one.supplier) for row in rows for one in row.trades}
    places = sorted(found, key=lambda place: (natural(place[0]), place[1]))
    jobs = [
        Job(
            places.index((one.name, one.supplier)),
            one.begins,
            one.ends,
            kind,
            f"{kind + 1}",
            f"Product {kind + 1}, {label(one.name)} of {short(one.supplier)}: "
            f"{number(one.quantity)} units from {utc(one.begins)}; {fate(one, now)[1]}",
            f"/trades/{one.trade}",
            fate(one, now)[0],
        )
        for kind, row in enumerate(rows)
        for one in row.trades
    ]
    operations = plural(len(jobs), "operation")
    return gantt(
        "Machines and what they are booked for",
        f"{operations} of {plural(len(rows), 'product')}; bars lead to their trades, and the table "
        "below has the same.",
        [Lane(label(name, 16), supplier) for name, supplier in places],
        jobs,
        now,
    )


def fate(one: EscrowRow, now: int) -> tuple[str, str]:
    """How an operation stands as the chain shows it: a mark, and words.

    The mark is "late", "lost", "waits" or "" where all is well.
    """
    match one.state:
        case "settled":
            return "", "paid at once"
        case "funded" if now >= one.deliver_by:
            return "late", "delivery not stated in time"
        case "funded" if now >= one.ends:
            return "waits", "slot over, delivery not stated"
        case "funded":
            return "waits", "waits for delivery"
        case "delivered":
            return (
                "",
                f"{number(one.delivered)} of {number(one.quantity)} units stated as delivered",
            )
        case "disputed":
            text = "payment given back: capacity is missing" if one.is_uncovered else "disputed"
            return "lost" if one.is_uncovered else "late", text
    if one.cause in _LOST:
        return "lost", f"came to nothing: {CAUSES[one.cause]}"
    return "", f"closed: {CAUSES[one.cause]}"
