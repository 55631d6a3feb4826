"""The lock of an agent's directory: one process at a time works in it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fabmarket.errors import Refused
from fabmarket.node.settings import LOCK


class AlreadyRunning(Refused):
    """Another agent runs from this directory."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Within, no second agent runs from a directory; the lock ends with the process, however."""
    try:
        file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Refused(f"{folder}: is no agent's directory ({error.strerror}); see init") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(file)
        problem = f"{folder}: an agent runs from this directory already"
        raise AlreadyRunning(f"{problem}; end it first, or use another") from error
    try:
        yield
    finally:
        os.close(file)


def is_held(lock: Path) -> bool:
    """Return whether a process holds a lock file."""
    try:
        file = os.open(lock, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False
