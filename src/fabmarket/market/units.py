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


LONGEST_NAME = 64
LONGEST_TYPE_NAME = 31
NAME = f"1 to {LONGEST_NAME} characters that can be printed, with single blanks between words alone"
"""What a name is, for who is refused one."""
TYPE_NAME = (
    f"1 to {LONGEST_TYPE_NAME} letters, digits and signs of ASCII, with single blanks between words"
    " alone"
)


class BadName(Refused):
    """A resource or unit name does not fit 32 bytes."""


def is_name(text: str) -> bool:
    """Whether somebody or something may be called so: what `NAME` says.

    Two names that differ in blanks alone would look alike.

    >>> [is_name(text) for text in ("5-axis mill", "", " mill", "mill ", "5-axis  mill")]
    [True, False, False, False, False]
    """
    return len(text) <= LONGEST_NAME and text.isprintable() and all(text.split(" "))


def is_type_name(text: str) -> bool:
    """Whether a resource, unit or symbol may be called so, which the contracts keep in 32 bytes."""
    return is_name(text) and len(text) <= LONGEST_TYPE_NAME and text.isascii()


def floor_int(value: Fraction | float) -> int:
    """Return the largest integer not above `value`."""
    return math.floor(value)


def name_to_bytes32(name: str) -> bytes:
    """Return a name of a resource or unit, padded with zero bytes on the right. BadName."""
    if not is_type_name(name):
        raise BadName(f"{name[:40]!r} is no resource or unit name: use {TYPE_NAME}")
    return name.encode().ljust(32, b"\0")


def name_from_bytes32(data: bytes) -> str:
    """Return the name that `name_to_bytes32` packed; what a stranger packed otherwise, as digits.

    >>> name_from_bytes32(b"mill".ljust(32, b"\\0"))
    'mill'
    >>> name_from_bytes32(b"mill ".ljust(32, b"\\0"))
    '0x6d696c6c20000000000000000000000000000000000000000000000000000000'
    """
    text = data.rstrip(b"\0").decode("latin-1")
    is_packed = is_type_name(text) and data == text.encode("ascii").ljust(32, b"\0")
    return text if is_packed else f"0x{data.hex()}"
