"""The events themselves."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from fabmarket.api.parameters import Hash
from fabmarket.api.reading import Paged, Reading, Whole, reads
from fabmarket.ledger.queries.log import EventFilter, EventRow, events
from fabmarket.ledger.queries.paging import Page
from fabmarket.market.events import EVENTS

router = APIRouter(tags=["log"])
Kind = Annotated[
    str,
    Field(
        pattern="^(" + "|".join(kind.__name__ for kind in EVENTS) + ")$", examples=["SlotAttested"]
    ),
]


class Log(Paged):
    """Which events: all that is given must hold."""

    kind: Kind | None = None
    """Of this kind: the event's name in the contract."""
    trade: Hash | None = None
    """Steps of this trade's escrow."""
    since: Annotated[Whole | None, Field(examples=[1])] = None
    """In this block or later."""
    until: Annotated[Whole | None, Field(examples=[5_000])] = None
    """Before this block."""
    order: Literal["newest", "oldest"] = "newest"
    """Which come first."""


@router.get("/log", response_model=Page[EventRow], responses=reads())
def log(reader: Reading, asked: Annotated[Log, Query()]) -> Response:
    """The exchange's events with their arguments, as it logged them."""
    where = EventFilter(asked.kind, asked.trade, asked.since, asked.until)
    oldest = asked.order == "oldest"
    return reader.answer(
        Page[EventRow], lambda db: events(db, where, asked.page, oldest_first=oldest)
    )
