"""What stands before every operation: whose request is looked at, and how much of it.

The Host header must be an address or a name of this server: a page of another site, whose name a
hostile name server points here, asks under its own name (DNS rebinding) and is refused. One client
has so many requests a second. A body is read up to a bound before anything parses it.
"""

import asyncio
import re
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fabmarket.api.errors import answer
from fabmarket.api.served import Served
from fabmarket.node.hosts import Rates, host_of

LARGEST_BODY = 256 << 10
"""Bytes that are read of a body, unless an operation says otherwise."""
BODY_SECONDS = 10.0
"""In which a body must have come."""
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


_USUAL = Way()


class Guard:
    """Wraps an app; lives in its event loop."""

    def __init__(self, app: ASGIApp, served: Served, ways: Mapping[str, Way]) -> None:
        """`ways` has what differs, by the beginning of the path."""
        self._app, self._hosts = app, frozenset(map(str.lower, served.hosts))
        self._rates = Rates(served.burst, served.rate)
        self._ways = ways

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
                await self._app(scope, _replayed(body, receive), sealed)
                return
            refused = body
        await refused(scope, receive, sealed)

    def _refused(self, scope: Scope, headers: Headers) -> Response | None:
        if not self._is_ours(headers.get("host", "")):
            return answer(421, "ask for it by its address, or name the host to --name", "host")
        host = host_of((scope.get("client") or ("",))[0])
        now = asyncio.get_running_loop().time()
        if not self._rates.allows(host, now, self._way(scope).counts):
            return answer(429, "too many requests; slow down")
        return None

    def _way(self, scope: Scope) -> Way:
        path: str = scope["path"]
        return next((way for start, way in self._ways.items() if path.startswith(start)), _USUAL)

    def _is_ours(self, host: str) -> bool:
        name = re.sub(r":\d{1,5}$", "", host).lower()
        if name == "localhost" or name in self._hosts:
            return True
        with suppress(ValueError):
            return bool(ip_address(name.removeprefix("[").removesuffix("]")))
        return False

    async def _body(self, scope: Scope, headers: Headers, receive: Receive) -> bytes | Response:
        """The bytes of a body, or why they are not read."""
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return b""
        most = self._way(scope).largest_body
        too_large = answer(413, f"give at most {most} bytes", None, {"Connection": "close"})
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
                    goes_on = message["type"] == "http.request" and message.get("more_body", False)
        except TimeoutError:
            return answer(408, "the body came too slowly", None, {"Connection": "close"})
        return bytes(body)


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
