"""Ordering: a verb is checked and placed, its number comes back at once, its end by asking."""

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import PurePath
from typing import Annotated, Any

from fastapi import APIRouter, Body, File, Form, Header, Path, Query, Response, UploadFile

from fabmarket.api.errors import ApiError, documented
from fabmarket.api.own.desk import Desk
from fabmarket.api.own.verbs import Verb
from fabmarket.api.own.written import Digest
from fabmarket.api.reading import Nothing, Whole
from fabmarket.identity import keccak
from fabmarket.ledger.queries.paging import MOST, USUAL
from fabmarket.market.units import name_from_bytes32
from fabmarket.negotiation.orders import AddProduct, AddWant, Order
from fabmarket.node.journal import Journal
from fabmarket.node.ordered import buying, delivering, judging
from fabmarket.node.owner import NotTaken, Owner
from fabmarket.node.placed import OrderFact, facts_of, names_in, order_in
from fabmarket.node.settings import JOURNAL

LARGEST_FILE = 16 << 20
"""Bytes of evidence that are taken over HTTP; the commands take more."""
_NEWEST = 1 << 62

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[\x21-\x7e]+$",
        description="Of requests with one key the first alone is an order; a repeated one is"
        " answered with its number.",
    ),
]


@dataclass(frozen=True)
class PlacedFact:
    """An order was placed: its number. `waits_for_approval`: it may cost more than the policy."""

    order: int
    waits_for_approval: bool


class Listed(Nothing):
    """Orders before a number, the newest first."""

    before: Whole | None = None
    """Numbers below this one; the newest without it."""
    limit: Annotated[Whole, Query(ge=1, le=MOST)] = USUAL


@dataclass(frozen=True)
class OrderPage:
    """Orders, the newest first; `next` is what to give as `before` for more, null for no more."""

    rows: tuple[OrderFact, ...]
    next: int | None


def place(desk: Desk, make: Callable[[Owner], Order], key: str | None, said: bytes) -> PlacedFact:
    """Place the order that `make` returns for what was `said`, once where there is a key."""
    with desk.owner() as owner:
        under, asked = (b"", b"") if key is None else (keccak(key.encode()), keccak(said))
        before = owner.placed_under(under, asked)
        if before is not None:
            return PlacedFact(before, waits_for_approval=False)
        if owner.is_catching_up:
            raise NotTaken("the agent is catching up with the chain; try again in a moment")
        order = make(owner)
        waits = isinstance(order, AddWant | AddProduct) and buying.needs_approval(owner, order)
        return PlacedFact(owner.place(order, under, asked), waits)


def orders_at(owner: Owner, before: int | None, limit: int) -> OrderPage:
    """Return a page of the owner's orders, the newest first."""
    with closing(Journal.reading(owner.folder / JOURNAL)) as journal:
        placed = journal.last_placed(_NEWEST if before is None else before, limit + 1)
        names = names_in(journal, owner.settings, owner.address)
    rows = facts_of(placed[:limit], names, owner.domain)
    return OrderPage(rows, rows[-1].number if len(placed) > limit else None)


def order_of(owner: Owner, number: int) -> OrderFact:
    """Return one order of the owner. ApiError if there is none of this number."""
    with closing(Journal.reading(owner.folder / JOURNAL)) as journal:
        placed = journal.order(number)
        if placed is None:
            raise ApiError(404, f"there is no order {number}")
        names = names_in(journal, owner.settings, owner.address)
    (fact,) = facts_of([placed], names, owner.domain)
    return fact


def resources_of(owner: Owner, number: int) -> list[str]:
    """Return the resources that an order to buy names; of any other order none."""
    with closing(Journal.reading(owner.folder / JOURNAL)) as journal:
        placed = journal.order(number)
    match None if placed is None else order_in(placed):
        case AddWant(want=want):
            found = {each.resource for each in want.choices}
        case AddProduct(product=product):
            found = {way.resource for step in product.steps for way in step}
        case _:
            return []
    return sorted(map(name_from_bytes32, found))


def add_orders(router: APIRouter, desk: Desk) -> None:
    """Add the operations by which an owner orders."""
    taken: dict[str, Any] = {
        "status_code": 202,
        "response_model": PlacedFact,
        "responses": documented(401, 403, 404, 409, 413),
    }

    @router.post("/orders", summary="Order something of the agent", **taken)
    def order(body: Annotated[Verb, Body()], response: Response, key: Key = None) -> PlacedFact:
        said = json.dumps(body.model_dump(mode="json"), sort_keys=True).encode()
        return _located(response, place(desk, body.order, key, said))

    @router.get("/orders", summary="Orders, the newest first", responses=documented(401))
    def own_orders(asked: Annotated[Listed, Query()]) -> OrderPage:
        with desk.owner() as owner:
            return orders_at(owner, asked.before, asked.limit)

    @router.get("/orders/{number}", summary="What came of an order", responses=documented(401, 404))
    def own_order(number: Annotated[Whole, Path()]) -> OrderFact:
        with desk.owner() as owner:
            return order_of(owner, number)

    @router.post("/trades/{trade}/dispute", summary="Dispute a stated delivery", **taken)
    def dispute(
        trade: Annotated[Digest, Path()],
        evidence: Annotated[UploadFile, File(description="What shows it; its hash is public.")],
        response: Response,
        key: Key = None,
    ) -> PlacedFact:
        content, name = _content(evidence)
        said = b"dispute" + trade.encode() + keccak(content)
        fact = place(
            desk, lambda owner: delivering.disputed(owner, trade, content, name), key, said
        )
        return _located(response, fact)

    @router.post("/trades/{trade}/show", summary="Show the operators evidence", **taken)
    def show(
        trade: Annotated[Digest, Path()],
        evidence: Annotated[UploadFile, File(description="It goes, sealed, to the operators.")],
        response: Response,
        at: Annotated[str | None, Form(alias="place", max_length=500)] = None,
        key: Key = None,
    ) -> PlacedFact:
        content, name = _content(evidence)
        said = b"show" + trade.encode() + keccak(content) + (at or "").encode()
        fact = place(
            desk, lambda owner: judging.shown(owner, trade, content, name, at or None), key, said
        )
        return _located(response, fact)


def _located(response: Response, fact: PlacedFact) -> PlacedFact:
    response.headers["Location"] = f"/v1/own/orders/{fact.order}"
    return fact


def _content(sent: UploadFile) -> tuple[bytes, str]:
    """A file's bytes, and its name for messages alone: nothing is stored under it."""
    name = PurePath(sent.filename or "evidence").name[:80]
    content = sent.file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise ApiError(413, f"{name}: give at most {LARGEST_FILE} bytes, or use the command")
    return content, name
