"""Secrets drawn one after the other from what only we know, so that those before can be forgotten.

What a journal starts from is 32 bytes of chance. Each draw gives a secret and what the next one is
drawn from; neither tells of the other, nor of what both were made of. So once a secret and all
that it was drawn from are erased, nobody makes it again: the account's key is of no help.
"""

from fabmarket.errors import Bug
from fabmarket.identity import keccak


def drawn(source: bytes) -> tuple[bytes, bytes]:
    """Return a secret of 32 bytes, and the source of the next."""
    if not source:
        raise Bug("a secret drawn from nothing")
    return keccak(b"fabmarket secret" + source), keccak(b"fabmarket source" + source)
