"""One request to a node over HTTP: its answer is bounded in time and in size, whatever it does."""

import io
import time
from http.client import HTTPResponse
from typing import Any, cast

import requests
from requests.adapters import HTTPAdapter
from typing_extensions import Buffer, override
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

TIMEOUT = 10.0
"""Seconds that an endpoint may be silent."""
DEADLINE = 60.0
"""Seconds that an answer may take from its first header to its end."""
LARGEST_ANSWER = 16 << 20
"""Bytes of an answer: of too many logs fewer can be asked for."""
_CHUNK = 1 << 16
_HEADERS = {"Content-Type": "application/json", "User-Agent": "fabmarket"}
_LONGEST_WAIT = 6
"""Digits of the seconds that a node may ask us to wait."""


class BadAnswer(ValueError):
    """An answer that is none of a node, or not even read to its end; the message says why."""


class Posting:
    """What sends requests to one URL."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _Adapter())

    def answer(self, request: bytes, refusable: bool) -> bytes:
        """Return an answer's bytes. A node may lie or be taken over, and must not fill us up.

        Raises BadAnswer, OSError, ValueError of a URL that is none. Status 4xx is a BadAnswer where
        the request is `refusable`: it may have been too large.
        """
        begun = time.monotonic()
        try:
            return self._read(request, refusable)
        except Exception as error:  # of urllib3 and http.client, which requests does not tell all
            if time.monotonic() - begun >= DEADLINE:
                raise TimeoutError(f"not at its end in {DEADLINE:.0f} s") from error
            if isinstance(error, OSError | ValueError):
                raise
            raise ConnectionError(str(error)) from error

    def _read(self, request: bytes, refusable: bool) -> bytes:
        with self._session.post(
            self._url,
            data=request,
            headers=_HEADERS,
            timeout=TIMEOUT,
            stream=True,
            allow_redirects=False,
        ) as response:
            status = response.status_code
            if refusable and 400 <= status < 500 and status != 429:
                raise BadAnswer(f"HTTP status {status}")
            if response.is_redirect:
                raise BadAnswer(f"{status}, which leads to another place")
            response.raise_for_status()
            said = bytearray()
            while part := response.raw.read1(_CHUNK, decode_content=True):
                said += part
                if len(said) > LARGEST_ANSWER:
                    raise BadAnswer(f"more than {LARGEST_ANSWER} bytes")
            return bytes(said)


def reason(error: Exception) -> str:
    """Return in words why there is no answer; nothing of the URL."""
    if isinstance(error, BadAnswer | TimeoutError):
        return str(error)
    if isinstance(error, requests.Timeout):
        return f"silent for {TIMEOUT:.0f} s"
    if isinstance(error, requests.HTTPError) and error.response is not None:
        wait = error.response.headers.get("Retry-After", "")
        asks = wait.isascii() and wait.isdecimal() and len(wait) <= _LONGEST_WAIT
        status = f"HTTP status {error.response.status_code}"
        return f"{status}, which asks to wait {int(wait)} s" if asks else status
    return type(error).__name__


class _Timed(io.RawIOBase):
    """What comes from a socket, until the deadline: a timeout is of one read, and there may be
    as many as there are bytes.
    """

    def __init__(self, sock: Any) -> None:
        self._sock, self._file = sock, sock.makefile("rb", buffering=0)
        self._end = time.monotonic() + DEADLINE

    @override
    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(min(TIMEOUT, left))
        return cast(int, self._file.readinto(buffer))

    @override
    def close(self) -> None:
        self._file.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, sock: Any, *arguments: Any, **named: Any) -> None:
        super().__init__(sock, *arguments, **named)
        self.fp.close()
        self.fp = io.BufferedReader(_Timed(sock))


class _Connection(HTTPConnection):
    response_class = _Response


class _TlsConnection(HTTPSConnection):
    response_class = _Response


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS = {"http": _Pool, "https": _TlsPool}


class _Adapter(HTTPAdapter):
    @override
    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, **named)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    @override
    def proxy_manager_for(self, proxy: str, **named: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **named)
        manager.pool_classes_by_scheme = _POOLS
        return manager
