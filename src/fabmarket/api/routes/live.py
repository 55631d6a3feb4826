"""What happens, as it happens: server-sent events of new blocks and trades.

One task looks at the head of the ledger and wakes all who listen; each then reads what is new to
it. An event's id is the place behind it, so that who comes back with it misses nothing.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from pydantic import TypeAdapter
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from fabmarket.api.errors import ApiError, Outage, documented
from fabmarket.api.guard import CLIENT, OWNER
from fabmarket.api.reading import Nothing, Reading
from fabmarket.api.served import Following, Served
from fabmarket.api.standing import Standing, Standings
from fabmarket.ledger.queries.forms import DESCRIBED
from fabmarket.ledger.queries.market import Head, is_still
from fabmarket.ledger.queries.paging import MOST
from fabmarket.ledger.queries.snapshot import snapshot
from fabmarket.ledger.queries.trades import TradeRow, trades_after

LOOK_SECONDS = 1.0
"""Between two looks at the head."""
QUIET_SECONDS = 15.0
"""After which a remark is sent, so that nobody in between takes the connection for dead."""
MOST_LISTENERS, MOST_OF_HOST = 200, 50

router = APIRouter(tags=["live"])
_PLACE = re.compile(r"^(\d{1,15})(?:\.(\d{1,15}))?$")
_BLOCK_END = 1 << 53
"""An index behind every log of a block."""


@dataclass(frozen=True)
class News:
    """The data of a `head` event."""

    __pydantic_config__ = DESCRIBED

    number: int
    hash: str
    time: int
    """Seconds of chain time."""
    is_rolled_back: bool
    """Whether blocks were taken back: what was said of them is void, read anew what you show."""


@dataclass(frozen=True)
class StatusNews:
    """The data of a `status` event: as `/v1/status` says them."""

    state: str
    reason: str


_NEWS, _TRADE, _STATUS = TypeAdapter(News), TypeAdapter(TradeRow), TypeAdapter(StatusNews)


class Heads:
    """Looks at the head of a ledger, and counts who listens. Lives in the app's event loop."""

    def __init__(self, served: Served, standings: Standings, outage: Outage) -> None:
        self._served, self._standings, self._outage = served, standings, outage
        self._listeners: dict[str, int] = {}
        self._moved = asyncio.Event()
        self.head: Head | None = None
        self.following: Following | None = None
        """How it comes by more; None before the first look."""
        self.rolled_back = 0
        """How often blocks were taken back."""
        self.is_ended = False

    def end(self) -> None:
        """Let all who listen go: the server ends."""
        self.is_ended = True
        self._moved.set()

    async def look(self) -> None:
        """Look again and again, until it is cancelled."""
        while True:
            try:
                standing, goes_on = await run_in_threadpool(self._read)
            except SQLAlchemyError as error:
                self._outage.begins(error)
                await asyncio.sleep(LOOK_SECONDS)
                continue
            self._outage.ends()
            if (standing.head, standing.following) != (self.head, self.following):
                self.rolled_back += not goes_on
                self.head, self.following = standing.head, standing.following
                moved, self._moved = self._moved, asyncio.Event()
                moved.set()
            await asyncio.sleep(LOOK_SECONDS)

    def _read(self) -> tuple[Standing, bool]:
        with snapshot(self._served.engine) as connection:
            standing = self._standings.of(connection)
            return standing, self.head is None or is_still(connection, self.head)

    async def moves(self) -> bool:
        """Wait until the head or who follows changes; False if none does for QUIET_SECONDS."""
        try:
            async with asyncio.timeout(QUIET_SECONDS):
                await self._moved.wait()
        except TimeoutError:
            return False
        return True

    def news(self, place: tuple[int, int], until: int) -> tuple[TradeRow, ...]:
        """The trades behind a place up to a block, one more than MOST at most."""
        with snapshot(self._served.engine) as connection:
            found = trades_after(connection, place, MOST + 1)
        return tuple(row for row in found if row.block <= until)

    def take(self, client: str) -> None:
        """Take a place to listen; the owner's are its own. ApiError where there is none."""
        strangers = sum(count for each, count in self._listeners.items() if each != OWNER)
        if client != OWNER and strangers >= MOST_LISTENERS:
            raise ApiError(503, "all places to listen are taken; ask again later, or read pages")
        if self._listeners.get(client, 0) >= MOST_OF_HOST:
            raise ApiError(429, f"you listen {MOST_OF_HOST} times already; end one")
        self._listeners[client] = self._listeners.get(client, 0) + 1

    def leave(self, client: str) -> None:
        """Give a place back."""
        self._listeners[client] -= 1
        if not self._listeners[client]:
            del self._listeners[client]


class _Listening(StreamingResponse):
    """A stream that gives its place back however it ends."""

    def __init__(self, heads: Heads, client: str, place: tuple[int, int] | None) -> None:
        super().__init__(
            _told(heads, place),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )
        self._heads, self._client = heads, client

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._heads.leave(self._client)


async def _told(heads: Heads, place: tuple[int, int] | None) -> AsyncIterator[bytes]:
    """The events, from behind a place on; without one from now on."""
    yield b"retry: 2000\n\n"
    seen, shown, told = heads.rolled_back, None, None
    while not heads.is_ended:
        at, following, taken_back = heads.head, heads.following, heads.rolled_back != seen
        if at is not None and at != shown:
            shown = at
            seen = heads.rolled_back
            if place is not None and place[0] > at.number:
                taken_back = True
            elif place is not None and not taken_back:
                async for event in _trades(heads, place, at):
                    yield event
            place = at.number, _BLOCK_END
            news = News(at.number, at.hash, at.time, taken_back)
            yield _event("head", str(at.number), _NEWS.dump_json(news))
        if following is not None and following != told:
            if told is not None or following.reason:
                yield _event(
                    "status", "", _STATUS.dump_json(StatusNews(following.state, following.reason))
                )
            told = following
        while (heads.head, heads.following) == (at, following) and not heads.is_ended:
            if not await heads.moves():
                yield b": still here\n\n"


async def _trades(heads: Heads, place: tuple[int, int], at: Head) -> AsyncIterator[bytes]:
    found = await run_in_threadpool(heads.news, place, at.number)
    if len(found) > MOST:
        yield _event("missed", str(at.number), b'{"least":%d}' % len(found))
        return
    for row in found:
        yield _event("trade", f"{row.block}.{row.log_index}", _TRADE.dump_json(row))


def _event(name: str, place: str, data: bytes) -> bytes:
    # JSON has no line ends: one line of data is all of it.
    at = f"id: {place}\n" if place else ""
    return b"event: %s\n%sdata: %s\n\n" % (name.encode(), at.encode(), data)


_EXAMPLE = 'event: head\nid: 812\ndata: {"number":812,"hash":"0x5a…","time":1790000000,…}\n\n'


@router.get(
    "/live",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "events `head`, `trade`, `status`, `missed`, as long as you listen",
            "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
        },
        **documented(),
    },
)
async def live(
    request: Request,
    _reader: Reading,
    _: Annotated[Nothing, Query()],
    last_event_id: Annotated[
        str | None,
        Header(pattern=_PLACE.pattern, description="The last `id` you got.", examples=["812"]),
    ] = None,
) -> StreamingResponse:
    """New blocks and trades as server-sent events; with Last-Event-ID from behind that place on.

    `head` says that the ledger has moved, and whether blocks were taken back; `trade` is a row as
    `/v1/trades` has it, oldest first; `status` says that `/v1/status` says something else of who
    follows; `missed` stands for more than 500 trades: read those pages.
    50 connections of one client at most, 200 in all; an agent's owner has 50 beside them.
    """
    heads: Heads = request.app.state.heads
    client: str = request.scope[CLIENT]
    heads.take(client)
    return _Listening(heads, client, _place(last_event_id))


def _place(said: str | None) -> tuple[int, int] | None:
    if said is None:
        return None
    block, _, index = said.partition(".")
    return int(block), int(index) if index else _BLOCK_END
