"""The standard streams, which may be closed, full or broken.

A process can be started without any of them, and then the next file it opens takes the free
number: what is printed would go into that file. And a full disk or a closed pipe often shows only
when Python flushes on exit, after the exit code is decided.
"""

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from io import BufferedWriter, FileIO, RawIOBase, TextIOWrapper
from typing import Any, TextIO, cast

from fabmarket.errors import TryAgain


class OutputLost(TryAgain):
    """Standard output did not take what was printed."""


class ReaderGone(TryAgain):
    """Whoever read standard output has stopped, as `head` does; there is nobody to tell."""


class _Output:
    """Standard output whose failures, of whatever layer that prints, are one error of ours.

    Some layer may swallow it, so a stream that has failed goes on failing. It has no `buffer`, lest
    a library print past it.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lost: TryAgain | None = None

    def write(self, text: str) -> int:
        with self._losses():
            return self._stream.write(text)

    def flush(self) -> None:
        with self._losses():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        if name == "buffer":
            raise AttributeError(name)
        return getattr(self._stream, name)

    @contextlib.contextmanager
    def _losses(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            _discard(self._stream)
            if error.errno == errno.EPIPE:
                self._lost = ReaderGone("nobody reads standard output any more")
            else:
                self._lost = OutputLost(
                    f"standard output cannot be written ({error.strerror}); send it elsewhere and"
                    " start again"
                )
        if self._lost is not None:
            raise self._lost


class _Messages(_Output):
    """Standard error: if it fails there is no place left to say so, but the exit code."""

    @contextlib.contextmanager
    def _losses(self) -> Iterator[None]:
        with contextlib.suppress(OutputLost, ReaderGone), super()._losses():
            yield

    def write(self, text: str) -> int:
        super().write(text)
        return len(text)


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Within, sys.stdout raises OutputLost or ReaderGone where it fails, and sys.stderr nothing."""
    if sys.stdin is None:
        os.open(os.devnull, os.O_WRONLY)
    if sys.stdout is None:
        sys.stdout = _closed()
    if sys.stderr is None:
        sys.stderr = _closed()
    before = sys.stdout, sys.stderr
    sys.stdout = cast(TextIO, _Output(_sound(before[0])))
    sys.stderr = cast(TextIO, _Messages(_sound(before[1])))
    try:
        yield
    finally:
        sys.stderr.flush()
        sys.stdout, sys.stderr = before


def _sound(stream: TextIO) -> TextIO:
    """The stream, or one for the same file, that writes all of a text, whatever it holds."""
    if not isinstance(stream, TextIOWrapper):
        return stream
    # Names of files need not be text, and not every terminal has every letter.
    stream.reconfigure(errors="backslashreplace")
    if not isinstance(stream.buffer, RawIOBase):
        return stream
    # PYTHONUNBUFFERED: a write that ends early would lose the rest without a word.
    whole = BufferedWriter(FileIO(stream.fileno(), "w", closefd=False))
    return TextIOWrapper(whole, stream.encoding, stream.errors, line_buffering=True)


def _closed() -> TextIO:
    """A stream that fails as a closed one does, and takes the number that is free."""
    return cast(TextIO, os.fdopen(os.open(os.devnull, os.O_RDONLY), "w", closefd=False))


def _discard(stream: TextIO) -> None:
    """Let what the stream still holds go nowhere: Python flushes it on exit, and would fail."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
