"""Reading logs whose values are single words, which is most: a tenth of what a decoder takes.

Where a word has bits that its type has not, or a log another length, there is no answer: what
reads all types says then what is wrong.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from fabmarket.chain.engine import Log
from fabmarket.identity.keys import checksummed

T = TypeVar("T")
_WORD = 32


class _Padded(Exception):
    """A word has bits that its type has not."""


def reader_of(inputs: Sequence[Any], made: Callable[..., T]) -> Callable[[Log], T | None] | None:
    """Return what makes an event of a log; None where a value of it has no or more than a word.

    `inputs` are those of the ABI; `made` gets the values in their order.
    """
    steps: list[tuple[Callable[[bytes], Any], int, int]] = []
    topics, size = 1, 0
    for each in inputs:
        read = _reader(each["type"])
        if read is None:
            return None
        if each["indexed"]:
            steps.append((read, topics, -1))
            topics += 1
        else:
            steps.append((read, 0, size))
            size += _WORD

    def event(log: Log) -> T | None:
        data, found = log.data, log.topics
        if len(data) != size or len(found) != topics:
            return None
        try:
            values = [
                read(found[topic]) if at < 0 else read(data[at : at + _WORD])
                for read, topic, at in steps
            ]
        except _Padded:
            return None
        return made(*values)

    return event


def _reader(kind: str) -> Callable[[bytes], Any] | None:
    if kind == "bytes32":
        return bytes
    if kind == "uint256":
        return _number
    if kind == "address":
        return _address
    if kind == "bool":
        return _flag
    if kind.startswith("uint") and "[" not in kind:
        return _bounded(int(kind[4:]))
    return None


def _number(word: bytes) -> int:
    return int.from_bytes(word, "big")


def _address(word: bytes) -> str:
    if any(word[:12]):
        raise _Padded
    return checksummed(word[12:])


def _bounded(bits: int) -> Callable[[bytes], int]:
    def read(word: bytes) -> int:
        value = int.from_bytes(word, "big")
        if value >> bits:
            raise _Padded
        return value

    return read


_bit = _bounded(1)


def _flag(word: bytes) -> bool:
    return bool(_bit(word))
