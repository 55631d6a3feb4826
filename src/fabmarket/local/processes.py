"""Processes that go on without whoever started them, and how they are found again.

Each has a file: locked while the process lives, whoever started it, and with its number in it. The
process inherits the lock, so there is no moment at which it runs and is not known of, and a number
that the system has given to another process since is never taken for it.
"""

import fcntl
import os
import shlex
import signal
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fabmarket.errors import Bug, Refused
from fabmarket.interrupts import held_back
from fabmarket.node.locking import is_held

_LOOK = 0.05
"""Seconds between two looks at what is waited for."""
_STARTING = 30.0
"""Seconds in which a process that holds the lock has written its number: at once."""
_QUOTED = 300


class NotStarted(Refused):
    """A process ended at once or never answered; the message has its last words."""


@dataclass(frozen=True)
class Process:
    """A process by the file that says whether it runs."""

    file: Path

    @property
    def name(self) -> str:
        """What it is called."""
        return self.file.name

    def number(self) -> int | None:
        """Return the number of the process, None if it does not run."""
        end = time.monotonic() + _STARTING
        while self.runs():
            said = self.file.read_text("ascii")
            if said.endswith("\n"):
                return int(said)
            if time.monotonic() > end:
                raise Bug(f"{self.file} is locked and names no process")
            time.sleep(_LOOK)
        return None

    def runs(self) -> bool:
        """Return whether it lives."""
        return is_held(self.file)

    def start(self, command: Sequence[str], log: Path) -> None:
        """Start it in a session of its own; what it prints is added to its log.

        Its standard input is the locked file, into which the shell that becomes it has written its
        number. Where that file is removed, the directory is gone, and something beside it ends it.
        """
        watched = (
            f"while kill -0 $$; do [ -e {shlex.quote(str(self.file))} ] || kill $$; sleep 1; done"
        )
        beside = f"( {watched} ) </dev/null >/dev/null 2>&1 &"
        file = os.open(self.file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(file, 0)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            with held_back():
                os.posix_spawn(
                    "/bin/sh",
                    ["sh", "-c", f"echo $$ >&0; {beside} exec {shlex.join(command)}"],
                    os.environ,
                    file_actions=[
                        (os.POSIX_SPAWN_DUP2, file, 0),
                        (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o600),
                        (os.POSIX_SPAWN_DUP2, 1, 2),
                    ],
                    setsid=True,
                    setsigdef=[signal.SIGPIPE, signal.SIGINT, signal.SIGHUP, signal.SIGTERM],
                )
        finally:
            os.close(file)


def end(processes: Iterable[Process], patience: float) -> tuple[list[str], list[str]]:
    """End what runs of them: SIGTERM, and after `patience` seconds SIGKILL.

    Returns the names of those that ended by themselves and of those that were killed.
    """
    running = {each: number for each in processes if (number := each.number()) is not None}
    for number in running.values():
        _signal(number, signal.SIGTERM)
    deadline = time.monotonic() + patience
    while any(each.runs() for each in running) and time.monotonic() < deadline:
        time.sleep(_LOOK)
    stubborn = {each: number for each, number in running.items() if each.runs()}
    for number in stubborn.values():
        _signal(number, signal.SIGKILL)
    while any(each.runs() for each in stubborn):
        time.sleep(_LOOK)
    gone = [each.name for each in running if each not in stubborn]
    return gone, [each.name for each in stubborn]


def _signal(number: int, which: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it ended just now
        os.kill(number, which)


def last_words(log: Path) -> str:
    """Return the last line of a log that says anything, cut short."""
    lines = log.read_text("utf-8", errors="replace").split("\n") if log.exists() else []
    said = [line.strip() for line in lines if line.strip()]
    return said[-1][:_QUOTED] if said else "it said nothing"
