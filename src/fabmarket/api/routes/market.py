"""The market as a whole: what it is, how it stands, how much is traded, who oversees it."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field
from sqlalchemy import Connection

from fabmarket.api.errors import not_found
from fabmarket.api.parameters import Address, Name
from fabmarket.api.reading import Nothing, Paged, Reading, Whole, reads
from fabmarket.ledger.queries.forms import DESCRIBED
from fabmarket.ledger.queries.market import Head, MarketRow, market
from fabmarket.ledger.queries.operators import OperatorSetRow, operators
from fabmarket.ledger.queries.paging import Page
from fabmarket.ledger.queries.statistics import DayRow, Totals, VolumeRow, days, totals, volume

router = APIRouter(tags=["market"])


@dataclass(frozen=True)
class Status:
    """How the server stands."""

    __pydantic_config__ = DESCRIBED

    state: str
    """`following` a chain; `halted`, as the chain was reorganised deeper than it can follow: what
    is served may be wrong from there on; `agent`, where the ledger is that of
    an agent which runs and follows; `other`, where another process was seen to add to it since this
    server began; `file`, where none was."""
    reason: str
    """Why it halted, what it waits for, or since when nothing has come; empty where all is well."""
    head: Head | None
    """The last block of the ledger; null while it is empty."""
    lag: float | None
    """Seconds from the last block's time to now, by the server's clock; null without a block, and
    where nobody follows."""
    finality: int | None
    """Blocks after which nothing is taken back; null where this server does not follow."""


class Days(Nothing):
    """Which days, counted from 1970-01-01 UTC; 400 at most."""

    since: Annotated[Whole, Field(examples=[20_700])]
    """The first day."""
    until: Annotated[Whole, Field(examples=[20_710])]
    """The day after the last."""


class OfResource(Paged):
    """Which rows of the volume."""

    name: Name | None = None
    """Of this resource only."""
    token: Address | None = None
    """In this token only."""


@router.get("/status", response_model=Status, responses=reads())
def status(reader: Reading, _: Annotated[Nothing, Query()]) -> Response:
    """How far the ledger is, and whether it goes on. Never cached."""

    def read(connection: Connection) -> Status:
        it = reader.standings.of(connection)
        of, lag = it.following, None if it.lag is None else round(it.lag, 3)
        return Status(of.state, of.reason, it.head, lag, of.finality)

    return reader.fresh(Status, read)


@router.get("/market", response_model=MarketRow, responses=reads(404))
def one_market(reader: Reading, _: Annotated[Nothing, Query()]) -> Response:
    """The exchange that the ledger follows: its address, chain, windows and tokens."""

    def read(connection: Connection) -> MarketRow:
        found = market(connection)
        if found is None:
            raise not_found("market yet")
        return found

    return reader.answer(MarketRow, read)


@router.get("/operators", response_model=Page[OperatorSetRow], responses=reads())
def operator_sets(reader: Reading, asked: Annotated[Paged, Query()]) -> Response:
    """The sets of operators, newest first: whose signatures count, and how many are needed."""
    return reader.answer(Page[OperatorSetRow], lambda db: operators(db, asked.page))


@router.get("/statistics", response_model=Totals, responses=reads())
def statistics(reader: Reading, _: Annotated[Nothing, Query()]) -> Response:
    """How much there is of everything."""
    return reader.answer(Totals, totals)


@router.get("/statistics/volume", response_model=Page[VolumeRow], responses=reads())
def volumes(reader: Reading, asked: Annotated[OfResource, Query()]) -> Response:
    """What was traded by day and resource, newest day first."""
    where = asked.name, asked.token
    return reader.answer(Page[VolumeRow], lambda db: volume(db, *where, asked.page))


@router.get("/statistics/days", response_model=tuple[DayRow, ...], responses=reads())
def volume_by_day(reader: Reading, asked: Annotated[Days, Query()]) -> Response:
    """What was traded by day, all resources together, oldest day first; days with trades only."""
    return reader.answer(tuple[DayRow, ...], lambda db: days(db, asked.since, asked.until))
