"""Where letters of others come in: POST /letters over HTTP, from anybody, well-meaning or not.

What a stranger can make this process do is bounded before anything is parsed: connections, letters
a second from one host, bytes of a body, seconds for a head and for a body, and how many letters
wait for their answer. A letter that opens goes to the participant, and what that says is answered:
a sender that reads 200 knows the message to be on disk.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from typing_extensions import override
from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol

from fabmarket.identity import Domain
from fabmarket.identity.sealing import LARGEST_LETTER, SealingKey, Unsealable, cover_of
from fabmarket.node.participant import Answer, Heard

PATH = "/letters"
HERE = "a door of a fabmarket agent\n"

MOST_CONNECTIONS = 256
MOST_WAITING = 64
"""Letters that wait for the participant's answer."""
MOST_HEAD = 8 << 10
"""Bytes of a request's line and headers."""
HEAD_SECONDS = 10.0
"""For a request's line and headers, and how long a connection may be idle."""
BODY_SECONDS = 10.0
ANSWER_SECONDS = 30.0
BURST, RATE = 1000, 200.0
"""Letters from one host: at once, and a second on the average."""
_MOST_HOSTS = 4096
_LONGEST_REASON = 200
_MOST_REASONS = 256

REFUSALS: dict[str, tuple[int, str]] = {
    "too many": (429, "too many letters from one host; the sender waits and sends again"),
    "too large": (413, "more bytes than the largest letter has"),
    "slow": (408, "head or body did not come in time"),
    "gone": (400, "the sender left before its letter was whole"),
    "busy": (503, "too many letters wait for their answer; the sender sends it again"),
    "late": (503, "the participant did not answer in time; the sender sends it again"),
    "somebody else's": (422, "a letter for another address"),
    "sealed otherwise": (422, "no letter, of another version or market, or sealed for another key"),
    "postponed": (503, "the message is ahead of its turn; the sender sends it again"),
    "refused": (422, "the participant refused the message; the reason follows"),
}
"""Why a letter is not taken: the status that is answered, and what it means."""

Take = Callable[[str, bytes, Callable[[Heard], None]], None]
"""Gives the participant a sender, an envelope's bytes, and whom to tell the answer."""


class Door:
    """Opens letters for a participant and answers them. Lives in the thread of its event loop."""

    def __init__(self, domain: Domain, address: str, sealing: SealingKey, take: Take) -> None:
        self._domain, self._address, self._sealing = domain, address, sealing
        self._take = take
        self._rates = _Rates()
        self._waiting = 0
        self.counted: Counter[str] = Counter()
        """Letters taken, and those that were not by the reason."""
        routes = [
            Route("/", self._here, methods=["GET"]),
            Route(PATH, self._letter, methods=["POST"]),
        ]
        self.app = Starlette(routes=routes)

    async def _here(self, _: Request) -> Response:
        return PlainTextResponse(HERE)

    async def _letter(self, request: Request) -> Response:
        host = request.client.host if request.client else ""
        if not self._rates.allows(host, asyncio.get_running_loop().time()):
            return self._refused("too many")
        letter = await self._body(request)
        if isinstance(letter, Response):
            return letter
        if self._waiting >= MOST_WAITING:
            return self._refused("busy")
        try:
            if cover_of(letter).recipient != self._address:
                return self._refused("somebody else's")
            cover, text = self._sealing.open(self._domain, letter)
        except Unsealable as error:
            return self._refused("sealed otherwise", str(error))
        self._waiting += 1
        try:
            return self._answered(await self._asked(cover.sender, text))
        except TimeoutError:
            return self._refused("late")
        finally:
            self._waiting -= 1

    async def _body(self, request: Request) -> bytes | Response:
        """The bytes of a request, or why they are not read."""
        said = request.headers.get("content-length", "0")
        if not (said.isascii() and said.isdigit() and len(said) < 10 and int(said) <= _LARGEST):
            return self._refused("too large")
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for part in request.stream():
                    body += part
                    if len(body) > _LARGEST:
                        return self._refused("too large")
        except TimeoutError:
            return self._refused("slow")
        except ClientDisconnect:
            return self._refused("gone")
        return bytes(body)

    async def _asked(self, sender: str, text: bytes) -> Heard:
        """What the participant, which lives in another thread, says of a message."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Heard] = loop.create_future()

        def tell(heard: Heard) -> None:
            if not answer.done():
                answer.set_result(heard)

        self._take(sender, text, lambda heard: _tell_at(loop, tell, heard))
        async with asyncio.timeout(ANSWER_SECONDS):
            return await answer

    def _answered(self, heard: Heard) -> Response:
        match heard.answer:
            case Answer.TAKEN:
                self._count(heard.reason or "taken")
                return Response(status_code=200)
            case Answer.POSTPONED:
                return self._refused("postponed", heard.reason)
            case Answer.REFUSED:
                self._count(f"refused: {heard.reason[:_LONGEST_REASON]}")
                return self._refused("refused", heard.reason)

    def _refused(self, why: str, detail: str = "") -> Response:
        self._count(why)
        status, _ = REFUSALS[why]
        headers = {"Retry-After": "1"} if status in (429, 503) else {}
        if status in (400, 408, 413):
            headers["Connection"] = "close"
        said = f"{why}: {detail[:_LONGEST_REASON]}" if detail else why
        return PlainTextResponse(said + "\n", status, headers)

    def _count(self, what: str) -> None:
        known = what in self.counted or len(self.counted) < _MOST_REASONS
        self.counted[what if known else "other reasons"] += 1

    def server(self) -> Server:
        """Return the server of this door, for a socket that listens already."""
        door = self

        class Timed(_Timed):
            count = staticmethod(door._count)

        return Server(
            Config(
                self.app,
                http=Timed,
                ws="none",
                lifespan="off",
                loop="asyncio",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                h11_max_incomplete_event_size=MOST_HEAD,
                timeout_keep_alive=int(HEAD_SECONDS),
                timeout_graceful_shutdown=1,
            )
        )


_LARGEST = LARGEST_LETTER


def _tell_at(loop: asyncio.AbstractEventLoop, tell: Callable[[Heard], None], heard: Heard) -> None:
    """Tell an answer in the thread of a loop; one that has ended needs none."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(tell, heard)


class _Timed(H11Protocol):
    """uvicorn's protocol, which alone would wait for the rest of a head for ever."""

    count: Callable[[str], None]

    @override
    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._timer: asyncio.TimerHandle | None = None
        if len(self.connections) > MOST_CONNECTIONS:
            self.count("too many")
            transport.abort()
        else:
            self._watch()

    @override
    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    @override
    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def _watch(self) -> None:
        """While no request is under way its head must come in time."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop()
        elif self._timer is None and not self.transport.is_closing():
            self._timer = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        begun, _ = self.conn.trailing_data
        if begun:  # else it is a connection that is kept for letters to come
            self.count("slow")
        self.transport.abort()


class _Rates:
    """A bucket of letters for each host, filled again as time goes by."""

    def __init__(self) -> None:
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, host: str, now: float) -> bool:
        """Take a letter out of a host's bucket; return whether there was one."""
        left, since = self._left.pop(host, (float(BURST), now))
        left = min(float(BURST), left + (now - since) * RATE)
        self._left[host] = (left - 1 if left >= 1 else left, now)
        if len(self._left) > _MOST_HOSTS:
            self._left.popitem(last=False)
        return left >= 1
