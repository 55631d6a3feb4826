"""Amounts: resource units, micro-units, token base units, and names that fit 32 bytes.

Quantities that can be bought are integer resource units. Quantities under negotiation are integer
micro-units (10⁻⁶ of a unit). Prices are integer base units of the token per resource unit. Where a
real number becomes one of these it is rounded down, and the function's name says so.
"""

import math
from fractions import Fraction

from fabmarket.errors import Refused

MICRO = 10**6
NO_LIMIT = 2**64 - 1
"""The quantity of a sub-task that takes as much as pays."""
LARGEST_QUANTITY = NO_LIMIT - 1
"""The contract's quantities are uint64, of which NO_LIMIT has another meaning here."""
LARGEST_AMOUNT = 2**128 - 1
"""The most base units of a token that the contract holds, of all accounts together; a unit price
fits the same 128 bits."""


class BadName(Refused):
    """A resource or unit name does not fit 32 bytes."""


def floor_int(value: Fraction | float) -> int:
    """Return the largest integer not above `value`."""
    return math.floor(value)


def name_to_bytes32(name: str) -> bytes:
    """Return 1 to 31 printable ASCII characters, padded with zero bytes on the right."""
    if not (0 < len(name) <= 31 and name.isascii() and name.isprintable()):
        raise BadName(f"{name!r} is no resource or unit name: use 1 to 31 printable ASCII letters")
    return name.encode().ljust(32, b"\0")


def name_from_bytes32(data: bytes) -> str:
    """Return the name that `name_to_bytes32` packed."""
    return data.rstrip(b"\0").decode("ascii", "backslashreplace")
