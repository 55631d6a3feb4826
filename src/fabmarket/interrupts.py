"""SIGINT, SIGTERM and SIGHUP as one exception that lets everything on its way tidy up."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

# Also that the terminal is gone, where there is such a signal: a node we started must not stay.
_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Interrupted(BaseException):
    """A signal asks to stop; like KeyboardInterrupt no handler of errors takes it for its own.

    Attributes:
        number: the signal's.
        code: the exit code it stands for.
    """

    def __init__(self, number: int) -> None:
        said = "interrupted" if number == signal.SIGINT else "terminated"
        super().__init__(f"{said}; nothing is left half-written")
        self.number = number
        self.code = 128 + number


class _State:
    """Signals come to a process, so there is one state."""

    coming: Interrupted | None = None
    """What was raised and is on its way up; more signals would only disturb the tidying up."""
    waiting: Interrupted | None = None
    held = 0
    tidy = False


@contextmanager
def caught(*, last: bool) -> Iterator[None]:
    """Within, the first of the signals raises Interrupted in the main thread.

    A signal that is ignored, as a shell lets its background jobs, stays ignored. If this is the
    `last` thing the process does, both are ignored afterwards: the exit code is decided.
    """
    _State.coming = _State.waiting = None
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    hook = sys.unraisablehook

    def unraisable(what: Any) -> None:
        # Raised where Python drops exceptions, in a finalizer: it must come again.
        if isinstance(what.exc_value, Interrupted):
            _State.coming = None
            again = threading.Timer(0.01, signal.raise_signal, [what.exc_value.number])
            again.daemon = True
            again.start()
        else:
            hook(what)

    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, _on_signal)
    sys.unraisablehook = unraisable
    try:
        yield
    finally:
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if last else handler)


def coming() -> Interrupted | None:
    """The interrupt that was raised, even if some library has made another error of it."""
    return _State.coming


@contextmanager
def held_back() -> Iterator[None]:
    """Within, which must be short, a signal waits until the block is left.

    In another thread than the main one, where signals never come, nothing is to be held back.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _State.held += 1
    try:
        yield
    finally:
        _State.held -= 1
        if not _State.held and _State.waiting is not None:
            _State.coming, _State.waiting = _State.waiting, None
            raise _State.coming


@contextmanager
def at_once() -> Iterator[None]:
    """Within, where there is nothing to tidy up, a signal ends the process on the spot.

    For imports: some libraries take an exception in the middle of theirs for one of their own.
    """
    _State.tidy = True
    try:
        yield
    finally:
        _State.tidy = False


def _on_signal(number: int, _frame: FrameType | None) -> None:
    interrupt = Interrupted(number)
    if _State.tidy:
        try:
            os.write(2, f"fabmarket: error: {interrupt}\n".encode())
        finally:
            os._exit(interrupt.code)
    if _State.held:
        _State.waiting = interrupt
    elif _State.coming is None:
        _State.coming = interrupt
        raise interrupt
