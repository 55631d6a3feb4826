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

from fabmarket.api.errors import ApiError, documented
from fabmarket.api.guard import CLIENT, OWNER
from fabmarket.api.reading import Nothing, Reading
from fabmarket.api.served import Served
from fabmarket.ledger.queries.forms import DESCRIBED
from fabmarket.ledger.queries.market import Head, head, is_still
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
class Halt:
    """The data of a `halted` event."""

    __pydantic_config__ = DESCRIBED

    reason: str
    """Why the ledger goes on no more."""


_NEWS, _TRADE, _HALT = TypeAdapter(News), TypeAdapter(TradeRow), TypeAdapter(Halt)


class Heads:
    """Looks at the head of a ledger, and counts who listens. Lives in the app's event loop."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._listeners: dict[str, int] = {}
        self._moved = asyncio.Event()
        self.head: Head | None = None
        self.rolled_back = 0
        """How often blocks were taken back."""
        self.halted = ""
        """Why the ledger goes on no more; empty while it does."""

    async def look(self) -> None:
        """Look again and again, until it is cancelled."""
        while True:
            try:
                found, goes_on = await run_in_threadpool(self._read)
            except SQLAlchemyError:
                found, goes_on = self.head, True  # the operations say it; here it is waited for
            following = await run_in_threadpool(self._served.following)
            halted = following.reason if following.state == "halted" else ""
            if (found, halted) != (self.head, self.halted):
                self.rolled_back += not goes_on
                self.head, self.halted = found, halted
                moved, self._moved = self._moved, asyncio.Event()
                moved.set()
            await asyncio.sleep(LOOK_SECONDS)

    def _read(self) -> tuple[Head | None, bool]:
        with snapshot(self._served.engine) as connection:
            return head(connection), self.head is None or is_still(connection, self.head)

    async def moves(self) -> bool:
        """Wait until the head moves or the ledger halts; False if QUIET_SECONDS pass before."""
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
    seen, said, told = heads.rolled_back, None, ""
    while True:
        at, taken_back = heads.head, heads.rolled_back != seen
        if at is not None and (at != said or taken_back):
            seen, said = heads.rolled_back, at
            if place is not None and place[0] > at.number:
                taken_back = True
            elif place is not None and not taken_back:
                async for event in _trades(heads, place, at):
                    yield event
            place = at.number, _BLOCK_END
            news = News(at.number, at.hash, at.time, taken_back)
            yield _event("head", str(at.number), _NEWS.dump_json(news))
        if heads.halted != told:
            told = heads.halted
            number = 0 if at is None else at.number
            yield _event("halted", str(number), _HALT.dump_json(Halt(told)))
        while (heads.head, heads.halted) == (at, told):
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
    return b"event: %s\nid: %s\ndata: %s\n\n" % (name.encode(), place.encode(), data)


_EXAMPLE = 'event: head\nid: 812\ndata: {"number":812,"hash":"0x5a…","time":1790000000,…}\n\n'


@router.get(
    "/live",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "events `head`, `trade`, `missed`, `halted`, as long as you listen",
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
    `/v1/trades` has it, oldest first; `missed` stands for more than 500 trades: read those pages;
    `halted` says, once, why the ledger goes on no more.
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
