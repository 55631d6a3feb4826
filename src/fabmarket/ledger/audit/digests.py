"""The digests of all trades, in a file of no name: no trade settles twice.

Memory does not grow with them. What settled in a net cycle has no digest on the chain.
"""

import tempfile
from collections.abc import Iterator
from types import TracebackType

_SIZE = 32
_AT_ONCE = 1 << 18
"""Digests that are held in memory, about 30 MB."""


class Digests:
    """Digests in the order in which they were added."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (closed by __exit__)
        self.number = 0

    def add(self, digest: bytes) -> None:
        """Add one, 32 bytes."""
        self._file.write(digest)
        self.number += 1

    def pages(self, size: int) -> Iterator[list[bytes]]:
        """Yield all, so many at a time; nothing may be added meanwhile."""
        self._file.seek(0)
        while page := self._file.read(size * _SIZE):
            yield [page[at : at + _SIZE] for at in range(0, len(page), _SIZE)]
        self._file.seek(0, 2)

    def twice(self) -> Iterator[bytes]:
        """Yield those that were there before, as often as they come again."""
        parts = 1 + self.number // _AT_ONCE
        for part in range(parts):
            seen = set[bytes]()
            for page in self.pages(_AT_ONCE // 8):
                for digest in page:
                    if int.from_bytes(digest[:8], "big") % parts == part:
                        if digest in seen:
                            yield digest
                        seen.add(digest)

    def __enter__(self) -> "Digests":
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._file.close()
