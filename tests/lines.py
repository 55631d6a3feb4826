"""TCP lines of the tests between processes, which can be cut and mended."""

import socket
import threading
from contextlib import suppress

from fabmarket.local.ports import free_ports


class Line:
    """A port at which somebody reaches HOST:PORT, as long as the line is not cut."""

    def __init__(self, to: str) -> None:
        host, _, port = to.rpartition(":")
        self._to = (host, int(port))
        (own,) = free_ports(1)
        self.place = f"127.0.0.1:{own}"
        self._server = socket.create_server(("127.0.0.1", own))
        self._ends: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._is_cut = False
        threading.Thread(target=self._listen, daemon=True).start()

    def cut(self) -> None:
        """End what is connected, and what connects from now on."""
        with self._lock:
            self._is_cut = True
            for end in self._ends:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        with self._lock:
            self._is_cut = False

    def close(self) -> None:
        self.cut()
        self._server.close()

    def _listen(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            with self._lock:
                is_cut = self._is_cut
            try:
                if is_cut:
                    raise ConnectionRefusedError
                far = socket.create_connection(self._to, timeout=5)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            with self._lock:
                self._ends |= {near, far}
                if self._is_cut:
                    for end in (near, far):
                        end.shutdown(socket.SHUT_RDWR)
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._ends.discard(source)
        source.close()
