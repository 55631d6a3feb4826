"""Transactions on their way to further nodes, beside the work.

What was sent and is not mined may have been let fall by the node that took it. So it goes to the
others too. Each has a thread of its own: a silent node delays nobody, and what it makes of the
bytes is not waited for.
"""

import threading
from collections.abc import Callable
from contextlib import suppress

_MOST = 1000
"""Transactions that wait for one node; those above come again when they are sent again."""


class Lane:
    """What waits to be given to one node. `give` may raise OSError or ValueError."""

    def __init__(self, give: Callable[[bytes], object]) -> None:
        self._give = give
        self._lock = threading.Lock()
        self._waiting: dict[bytes, None] = {}
        self._is_running = False

    def put(self, raw: bytes) -> None:
        """Have a transaction given to the node, if it does not wait already."""
        with self._lock:
            if len(self._waiting) < _MOST:
                self._waiting[raw] = None
            if not self._is_running:
                self._is_running = True
                threading.Thread(target=self._run, name="spreading", daemon=True).start()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._is_running = False
                    return
                raw = next(iter(self._waiting))
                del self._waiting[raw]
            with suppress(OSError, ValueError):
                self._give(raw)
