"""Shamir's shares among three servers: one says nothing, two say all."""

from collections.abc import Callable, Sequence

PRIME = 2**127 - 1
"""Order of the field: room for BITS, and for a mask that is 2**HIDDEN times as large."""
HIDDEN = 64
"""What masks what a server opens on its way to a sign: within 2**-HIDDEN of saying nothing."""
SERVERS = ("operator", "supplier", "auditor")
"""Who runs them; server i holds a polynomial's value at i + 1."""


def shared(values: Sequence[int], below: Callable[[int], int]) -> list[list[int]]:
    """Each server's shares of whole numbers, in their order.

    Args:
        values: what is shared.
        below: draws a whole number >= 0 below another, each as likely as any.
    """
    slopes = [below(PRIME) for _ in values]
    return [
        [(value + slope * (at + 1)) % PRIME for value, slope in zip(values, slopes, strict=True)]
        for at in range(len(SERVERS))
    ]
