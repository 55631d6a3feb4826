"""The server of an app: uvicorn on a socket that listens already."""

import logging
import socket
from collections.abc import Callable
from typing import NamedTuple

from starlette.types import ASGIApp
from uvicorn import Config, Server

from fabmarket.errors import Refused

_BACKLOG = 512
_IDLE_SECONDS = 30
_LARGEST_HEAD = 32 << 10
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # it quotes what strangers sent


class CannotListen(Refused):
    """The address or port cannot be had; the message says why."""


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens at an address; port 0 for any that is free. CannotListen."""
    try:
        kind, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(kind, socket.SOCK_STREAM)
    except OSError as error:
        raise CannotListen(f"{host} is no address to listen at ({error.strerror})") from error
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        raise CannotListen(
            f"port {port} of {host} cannot be had ({error.strerror}); give another with --port,"
            " or 0 for any that is free"
        ) from error
    return sock


class App(NamedTuple):
    """What is served."""

    answer: ASGIApp
    end: Callable[[], None]
    """Ends what goes on by itself, such as streams; called in the app's event loop."""


class _Server(Server):
    def __init__(self, config: Config, end: Callable[[], None]) -> None:
        super().__init__(config)
        self._end = end

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._end()  # it waits for connections to end, and would cancel those that do not
        await super().shutdown(sockets)


def server_of(app: App) -> Server:
    """The server of an app, to be run with its sockets. It ends a second after it is told to."""
    return _Server(
        Config(
            app.answer,
            ws="none",
            log_config=None,
            log_level="error",  # its warnings are of each bad request, as many as one likes
            access_log=False,
            proxy_headers=False,
            server_header=False,
            h11_max_incomplete_event_size=_LARGEST_HEAD,
            timeout_keep_alive=_IDLE_SECONDS,
            timeout_graceful_shutdown=1,
        ),
        app.end,
    )
