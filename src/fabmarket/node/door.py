"""Where letters of others come in: POST /letters over HTTP, from anybody, well-meaning or not.

What a stranger can make this process do is bounded before anything is parsed: connections and
letters a second from one host, bytes of a body, seconds for a head and for a body, and how many
letters wait for their answer. Whose a letter is shows once it is opened. If its sender has a card,
it goes to the participant, and what that says is answered: a sender that reads 200 knows the
message to be on disk.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from typing_extensions import override
from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol

from fabmarket.identity import Domain
from fabmarket.identity.sealing import LARGEST_LETTER, SealingKey, Unsealable
from fabmarket.node import hosts
from fabmarket.node.hosts import LETTER, Places, Rates, host_of
from fabmarket.node.participant import Answer, Heard
from fabmarket.node.tally import LONGEST_REASON, Tally
from fabmarket.node.tls import Certificate, Handshake

PATH = "/letters"
HERE = "a door of a fabmarket agent\n"

MOST_WAITING = 128
"""Letters that wait for the participant's answer."""
MOST_HEAD = 8 << 10
"""Bytes of a request's line and headers."""
HEAD_SECONDS = 10.0
"""For a request's line and headers, and how long a connection may be idle."""
BODY_SECONDS = 10.0
ANSWER_SECONDS = 30.0

REFUSALS: dict[str, tuple[int, str]] = {
    "too many": (429, "too many letters from one host; the sender waits and sends again"),
    "too large": (413, "more bytes than the largest letter has"),
    "slow": (408, "head or body did not come in time"),
    "gone": (400, "the sender left before its letter was whole"),
    "busy": (503, "too many letters wait for their answer; the sender sends it again"),
    "late": (503, "the participant did not answer in time; the sender sends it again"),
    "unknown": (503, "no card of its sender on the board counts yet; the sender sends it again"),
    "sealed otherwise": (
        422,
        "no letter, of another version or market, or sealed for another account",
    ),
    "postponed": (503, "the message is ahead of its turn; the sender sends it again"),
    "refused": (422, "the participant refused the message; the reason follows"),
}
"""Why a letter is not taken: the status that is answered, and what it means."""

Take = Callable[[str, bytes, Callable[[Heard], None]], None]
"""Gives the participant a sender, an envelope's bytes, and whom to tell the answer."""


class Door:
    """Opens letters for a participant and answers them. Lives in the thread of its event loop."""

    def __init__(
        self,
        domain: Domain,
        sealing: SealingKey,
        is_known: Callable[[str], bool],
        take: Take,
        certificate: Certificate | None,
    ) -> None:
        """`is_known`: whether an account has a card; of others nothing is read.

        With a `certificate` the door speaks TLS.
        """
        self._is_known = is_known
        self._domain, self._sealing = domain, sealing
        self._take, self._certificate = take, certificate
        self._rates = Rates(hosts.BURST, hosts.RATE)
        self._waiting = 0
        self.counted = Tally()
        """Letters taken, and those that were not by the reason."""
        routes = [
            Route("/", self._here, methods=["GET"]),
            Route(PATH, self._letter, methods=["POST"]),
        ]
        self.app = Starlette(routes=routes)

    async def _here(self, _: Request) -> Response:
        return PlainTextResponse(HERE)

    async def _letter(self, request: Request) -> Response:
        host = host_of(request.client.host if request.client else "")
        if not self._rates.allows(host, asyncio.get_running_loop().time()):
            return self._refused("too many")
        letter = await self._body(request)
        if isinstance(letter, Response):
            return letter
        more = len(letter) // LETTER
        if not self._rates.allows(host, asyncio.get_running_loop().time(), more):
            return self._refused("too many")
        if self._waiting >= MOST_WAITING:
            return self._refused("busy")
        try:
            sender, text = self._sealing.open(self._domain, letter)
        except Unsealable as error:
            return self._refused("sealed otherwise", str(error))
        if not self._is_known(sender):
            return self._refused("unknown")
        self._waiting += 1
        try:
            return self._answered(await self._asked(sender, text))
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
                self.counted.add(heard.reason or "taken")
                return Response(status_code=200)
            case Answer.POSTPONED:
                return self._refused("postponed", heard.reason)
            case Answer.REFUSED:
                self.counted.refused(heard.reason)
                return self._refused("refused", heard.reason)

    def _refused(self, why: str, detail: str = "") -> Response:
        self.counted.add(why)
        status, _ = REFUSALS[why]
        headers = {"Retry-After": "1"} if status in (429, 503) else {}
        if status in (400, 408, 413):
            headers["Connection"] = "close"
        said = f"{why}: {detail[:LONGEST_REASON]}" if detail else why
        return PlainTextResponse(said + "\n", status, headers)

    def server(self) -> Server:
        """Return the server of this door, for a socket that listens already."""
        door = self

        class Timed(_Timed):
            count = staticmethod(door.counted.add)
            places = Places()

        return Server(
            Config(
                self.app,
                http=Timed if self._certificate is None else _shaking(Timed, self._certificate),
                ws="none",
                lifespan="off",
                loop="asyncio",
                log_config=None,
                log_level="error",  # its warnings are of each bad request, as many as one likes
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
    places: Places
    _timer: asyncio.TimerHandle | None = None
    _below: Any = None
    _host = ""

    def is_let_in(self, transport: Any) -> bool:
        """Take a place for a connection, however it goes on; end it where there is none."""
        self._below = transport
        self._host = host_of((transport.get_extra_info("peername") or ("",))[0])
        if self.places.take(self._host, self):
            return True
        self.turn_out()
        return False

    def is_busy(self) -> bool:
        """Return whether a request of it is under way."""
        return self.cycle is not None and not self.cycle.response_complete

    def turn_out(self) -> None:
        """End it at once."""
        self.count("too many")
        self._below.abort()

    def leave(self) -> None:
        """Give the place back."""
        self.places.leave(self._host, self)

    @override
    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if self._below is not None or self.is_let_in(transport):
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
        self.leave()
        super().connection_lost(exc)

    @override
    def send_400_response(self, msg: str) -> None:
        self.count("no request")
        super().send_400_response(msg)

    def _watch(self) -> None:
        """While no request is under way its head must come in time."""
        if self.is_busy():
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


def _shaking(timed: type[_Timed], certificate: Certificate) -> type[asyncio.Protocol]:
    """Return uvicorn's protocol behind a handshake, whose connections count like the others."""

    class Shaking(Handshake):
        def __init__(self, **given: Any) -> None:
            self._timed = timed(**given)
            failed = partial(timed.count, "no handshake")
            about = certificate.context, HEAD_SECONDS, self._timed
            super().__init__(*about, failed, self._timed.leave)

        @override
        def connection_made(self, transport: Any) -> None:
            if self._timed.is_let_in(transport):
                super().connection_made(transport)

    return Shaking
