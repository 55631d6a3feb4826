"""What stands before every operation: whose request is looked at, and how much of it.

The Host header must be an address or a name of this server: a page of another site, whose name a
hostile name server points here, asks under its own name (DNS rebinding) and is refused. So is what
other sites' pages ask for, before it counts: by the owner's own browser they would use up what the
owner may ask. One client has so many requests a second, whoever shows the owner's token has them
apart from strangers at the same address. A body is read up to a bound before anything parses it,
and where it is the owner's to send, from nobody else.
"""

import asyncio
import re
from collections.abc import Callable, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fabmarket.api.errors import CODES, answer
from fabmarket.api.served import Served
from fabmarket.node.hosts import Rates, host_of

LARGEST_BODY = 256 << 10
"""Bytes that are read of a body, unless an operation says otherwise."""
BODY_SECONDS = 10.0
"""In which a body must have come."""
MOST_DROPPED, QUIET_SECONDS = 32 << 20, 1.0
"""Of a body that is refused, bytes that are read for the client to see the answer, not a reset; and
how long more of it is waited for."""
CLIENT = "fabmarket.client"
"""In a request's scope: as whose it counts."""
OWNER = "the owner"
_ONCE = (
    "host",
    "origin",
    "sec-fetch-site",
    "sec-fetch-mode",
    "sec-fetch-dest",
    "sec-purpose",
    "authorization",
    "cookie",
    "content-type",
    "content-length",
    "expect",
    "idempotency-key",
    "if-none-match",
    "last-event-id",
)
"""Headers that are read here; of two alike, another in between may have read the other."""
_READING = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
        " connect-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True)
class Way:
    """What requests of some paths may be: as how many one counts, and how large its body is."""

    counts: int = 1
    largest_body: int = LARGEST_BODY


@dataclass(frozen=True)
class Private:
    """What is an owner's alone: below which paths, and whether a request shows that it is its."""

    paths: tuple[str, ...]
    knows: Callable[[Request], bool]

    def has(self, path: str) -> bool:
        """Whether a path is one of these, or below one."""
        return any(path == each or path.startswith(f"{each}/") for each in self.paths)


_USUAL = Way()


class Guard:
    """Wraps an app; lives in its event loop."""

    def __init__(
        self, app: ASGIApp, served: Served, ways: Mapping[str, Way], private: Private | None
    ) -> None:
        """`ways` has what differs, by the beginning of the path; `private` where an agent is."""
        self._app, self._hosts = app, frozenset(map(str.lower, served.hosts))
        self._rates = Rates(served.burst, served.rate)
        self._ways, self._private = ways, private

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give a request on to the app, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        sealed = _with_headers(send)
        refused = self._refused(scope, headers)
        if refused is None:
            body = await self._body(scope, headers, receive)
            if not isinstance(body, Response):
                answer_to = _bodiless(self._app) if scope["method"] == "HEAD" else self._app
                await answer_to(scope, _replayed(body, receive), sealed)
                return
            refused = body
        if scope["method"] not in _READING:
            refused.headers["Connection"] = "close"
            sealed = _dropping(receive, sealed)
        await refused(scope, receive, sealed)

    def _refused(self, scope: Scope, headers: Headers) -> Response | None:
        twice = next((name for name in _ONCE if len(headers.getlist(name)) > 1), None)
        if twice is not None:
            return answer(400, f"the header {twice} comes twice; leave one out", f"header.{twice}")
        if not self._is_ours(headers.get("host", ""), scope):
            return answer(421, self._names(), "host")
        is_elsewhere = not self._is_own_page(headers)
        if is_elsewhere and not _is_a_link(scope, headers):
            return answer(403, "another site's page asks for it; open a page of this server")
        private, path = self._private, scope["path"]
        is_owner = private is not None and private.knows(Request(scope))
        host = host_of((scope.get("client") or ("",))[0])
        # Links from elsewhere count by themselves: a page can open windows again and again.
        client = OWNER if is_owner else f"{host} from elsewhere" if is_elsewhere else host
        scope[CLIENT] = client
        now = asyncio.get_running_loop().time()
        if not self._rates.allows(client, now, self._way(scope).counts):
            return answer(429, "too many requests; slow down")
        if private is None or is_owner or not private.has(path):
            return None
        if path.startswith("/v1/"):
            return answer(401, CODES[401][1])
        return RedirectResponse("/enter", 303)

    def _way(self, scope: Scope) -> Way:
        path: str = scope["path"]
        return next((way for start, way in self._ways.items() if path.startswith(start)), _USUAL)

    def _is_ours(self, host: str, scope: Scope) -> bool:
        found = re.fullmatch(r"(.*?)(?::(\d{1,5}))?", host.lower())
        if found is None:
            return False
        name, port = found[1], int(found[2] or 80)
        address = None
        with suppress(ValueError):
            address = ip_address(name.removeprefix("[").removesuffix("]"))
        if self._private is not None:  # of an address elsewhere a page could be this very address
            is_loopback = name == "localhost" or (address is not None and address.is_loopback)
            return is_loopback and port == (scope.get("server") or ("", 0))[1]
        return name == "localhost" or name in self._hosts or address is not None

    def _names(self) -> str:
        if self._private is not None:
            return "ask for it as 127.0.0.1, ::1 or localhost, with its own port"
        return "ask for it by its address, or name the host to --name"

    def _is_own_page(self, headers: Headers) -> bool:
        """Whether a page of this server asks, or none; browsers say which, and pages cannot lie."""
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return False
        origin = headers.get("origin")
        if origin is None:
            return True
        scheme, _, authority = origin.lower().partition("://")
        if scheme not in ("http", "https"):
            return False
        name = re.sub(r":\d{1,5}$", "", authority)
        return authority == headers.get("host", "").lower() or name in self._hosts

    async def _body(self, scope: Scope, headers: Headers, receive: Receive) -> bytes | Response:
        """The bytes of a body, or why they are not read."""
        if scope["method"] in _READING:
            return b""
        most = self._way(scope).largest_body
        too_large = answer(413, f"give at most {most} bytes")
        said = headers.get("content-length", "0")
        if not (said.isascii() and said.isdigit() and len(said) < 12 and int(said) <= most):
            return too_large
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                goes_on = True
                while goes_on:
                    message = await receive()
                    body += message.get("body", b"")
                    if len(body) > most:
                        return too_large
                    goes_on = _goes_on(message)
        except TimeoutError:
            return answer(408, "the body came too slowly")
        return bytes(body)


def _bodiless(app: ASGIApp) -> ASGIApp:
    """Answers HEAD as the app answers GET, less the body; a stream ends where it would begin."""

    async def answer_to(scope: Scope, receive: Receive, send: Send) -> None:
        ended = False

        async def heads(message: MutableMapping[str, Any]) -> None:
            nonlocal ended
            if message["type"] == "http.response.start":
                await send(message)
            elif not ended:
                ended = True
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                if message.get("more_body", False):
                    begun.reschedule(asyncio.get_running_loop().time())

        with suppress(TimeoutError):
            async with asyncio.timeout(None) as begun:
                await app({**scope, "method": "GET"}, receive, heads)

    return answer_to


def _is_a_link(scope: Scope, headers: Headers) -> bool:
    """Whether somebody went from a page of another site to one of this."""
    return (
        scope["method"] in ("GET", "HEAD")
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
        and "sec-purpose" not in headers
        and "origin" not in headers
    )


def _goes_on(message: Message) -> bool:
    return message["type"] == "http.request" and bool(message.get("more_body", False))


def _dropping(receive: Receive, send: Send) -> Send:
    """What sends an answer, and ends it when the rest of the request has come, or enough of it."""

    async def drop() -> None:
        read, goes_on = 0, True
        with suppress(TimeoutError):
            async with asyncio.timeout(BODY_SECONDS):
                while goes_on and read <= MOST_DROPPED:
                    async with asyncio.timeout(QUIET_SECONDS):
                        message = await receive()
                    read += len(message.get("body", b""))
                    goes_on = _goes_on(message)

    async def dropping(message: MutableMapping[str, Any]) -> None:
        if message["type"] != "http.response.body":
            await send(message)
            return
        await send({**message, "more_body": True})
        await drop()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return dropping


def _replayed(body: bytes, receive: Receive) -> Receive:
    """What gives a body that was read, and then whatever else comes."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _with_headers(send: Send) -> Send:
    async def sealed(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sealed
