"""Who may read and order: whoever holds the token that lies in the agent's directory.

It comes as `Authorization: Bearer`, or as a cookie that `/enter` gives in exchange for it. The
cookie is none that another site's page can use: browsers send it with requests from the same site
only, and a request that changes something must come from a page of this very address.

What this does not keep off: whoever may read the owner's files, and, as cookies know no ports,
another server on this machine that the owner's browser visits.
"""

import hmac
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from fastapi import Depends, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from fastapi.security.utils import get_authorization_scheme_param

from fabmarket.api.errors import CODES, ApiError
from fabmarket.errors import Refused
from fabmarket.node.entry import BadToken, token_in
from fabmarket.node.settings import ENTRY

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_READING = frozenset({"GET", "HEAD", "OPTIONS"})

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="owner",
    description="The text of the file `api-token` in the agent's directory.",
)


class NotLoopback(Refused):
    """An agent's directory is to be served to other machines."""


def require_loopback(host: str, names: Iterable[str] = ()) -> None:
    """Raise NotLoopback where other machines could reach an agent, by a host or under a name."""
    for name in names:
        problem = f"--name: {name!r} is of a proxy, by which others could reach the agent"
        raise NotLoopback(f"{problem}; leave it out, or serve a ledger that is no agent's")
    if host not in _LOOPBACK:
        problem = (
            f"--host: {host!r} can be reached from elsewhere, and an agent obeys who reaches it"
        )
        raise NotLoopback(f"{problem}; serve its directory at 127.0.0.1, ::1 or localhost")


class Access:
    """Who is let in to an agent's directory. The file counts as it is at each request."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / ENTRY

    def enter(self, request: Request, said: str, response: Response) -> None:
        """Give a browser the cookie in exchange for the token. ApiError for another one."""
        _require_origin(request)
        token = self._token()
        if not _same(said, token):
            raise ApiError(401, "this is not the agent's token")
        name, value = _cookie(token)
        response.set_cookie(name, value, httponly=True, samesite="strict", path="/")

    def leave(self, request: Request, response: Response) -> None:
        """Take the cookie back."""
        _require_origin(request)
        response.delete_cookie(_cookie(self._token())[0], path="/")

    def holds(self, request: Request) -> bool:
        """Whether a request comes with the cookie."""
        name, value = _cookie(self._token())
        return _same(request.cookies.get(name, ""), value)

    def knows(self, request: Request) -> bool:
        """Whether a request comes with the token, or without one and with the cookie."""
        given = _given(request)
        try:
            if given is not None:
                return _same(given, self._token())
            return bool(request.cookies) and self.holds(request)
        except ApiError:  # there is no token now, so nobody has it
            return False

    def require(
        self,
        request: Request,
        _: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    ) -> None:
        """Let nobody pass but the owner. ApiError for all others."""
        if not self.knows(request):
            raise ApiError(401, CODES[401][1])
        if _given(request) is None and request.method not in _READING:
            _require_origin(request)

    def _token(self) -> str:
        try:
            return token_in(self._path)
        except BadToken as error:
            raise ApiError(401, "the agent has no token now; serve its directory again") from error


def _given(request: Request) -> str | None:
    """What is shown as a token, None where nothing is."""
    scheme, said = get_authorization_scheme_param(request.headers.get("authorization"))
    return said if scheme.lower() == "bearer" and said else None


def _cookie(token: str) -> tuple[str, str]:
    """Name and value of the cookie of a token; the token cannot be told from either."""
    name = sha256(b"fabmarket cookie name " + token.encode()).hexdigest()[:16]
    value = hmac.digest(token.encode(), b"fabmarket cookie", "sha256").hex()
    return f"fabmarket-{name}", value


def _same(said: str, known: str) -> bool:
    return hmac.compare_digest(said.encode("utf-8", "surrogatepass"), known.encode())


def _require_origin(request: Request) -> None:
    """What changes something by a cookie comes from a page of this address, or not from a page."""
    own = f"{request.url.scheme}://{request.headers.get('host', '')}"
    if request.headers.get("origin") != own:
        raise ApiError(403, "this was not sent by a page of this server")
