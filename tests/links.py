"""A link that can be cut: what stands between a door and those who write to it."""

import selectors
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_CHUNK = 1 << 16
_LOOK = 0.05


class Link:
    """Passes on what comes to its port. While it is cut nothing passes, and nobody is told."""

    def __init__(self) -> None:
        self.port = 0
        self._whole, self.ended = threading.Event(), threading.Event()
        self._whole.set()

    def cut(self) -> None:
        self._whole.clear()

    def mend(self) -> None:
        self._whole.set()

    def pump(self, near: socket.socket, far: socket.socket) -> None:
        """Both ways, until one side ends."""
        other = {near: far, far: near}
        with selectors.DefaultSelector() as waiting:
            for each in other:
                waiting.register(each, selectors.EVENT_READ)
            while not self.ended.is_set():
                if not self._whole.wait(_LOOK):
                    continue
                for key, _ in waiting.select(_LOOK):
                    came = key.fileobj.recv(_CHUNK)
                    if not came:
                        return
                    other[key.fileobj].sendall(came)


@contextmanager
def link_to(port: int) -> Iterator[Link]:
    """A link to a port of this machine."""
    made = Link()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            try:
                with socket.create_connection(("127.0.0.1", port)) as far:
                    made.pump(self.request, far)
            except OSError:  # nobody is there, or one of them is gone
                return

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 64

    with Server(("127.0.0.1", 0), Handler) as server:
        made.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield made
        finally:
            made.ended.set()
            server.shutdown()
            thread.join()
