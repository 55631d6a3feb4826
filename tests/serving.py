"""A real server of an app in a thread of its own, and a client of it."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import httpx

from fabmarket.api.app import make_app
from fabmarket.api.served import Served
from fabmarket.api.server import listening, server_of


@contextmanager
def serving(served: Served, port: int = 0) -> Iterator[httpx.Client]:
    """Serve on 127.0.0.1, by default on a free port; the client's paths begin with /v1."""
    server = server_of(make_app(served))
    with closing(listening("127.0.0.1", port)) as sock:
        port = sock.getsockname()[1]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
        thread.start()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()
