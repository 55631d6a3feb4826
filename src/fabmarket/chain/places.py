"""Where the exchange stores what no view of it tells, as its compiler lays `State.sol` out."""

from collections.abc import Callable
from typing import NamedTuple

from fabmarket.identity import keccak

_GOVERNANCE, _OPERATOR_SETS, _CALENDARS = 2, 4, 8
"""Words of the variables; of those before the first, `EIP712` has two."""
_HAS = 2
"""Words of a set of operators before `has`."""


class Part(NamedTuple):
    """A part of a word of storage: the word's place, and how the part is read from it."""

    place: int
    read: Callable[[bytes], bytes | int | bool]


def unit_of(supplier: str, resource: bytes) -> Part:
    """Return where the unit of a calendar is stored."""
    of_supplier = _in(bytes.fromhex(supplier[2:]), _CALENDARS)
    return Part(_in(resource, of_supplier), bytes)


def is_operator(number: int, account: str) -> Part:
    """Return where it is stored that an account is one of a set of operators."""
    members = _in(number.to_bytes(32), _OPERATOR_SETS) + _HAS
    return Part(_in(bytes.fromhex(account[2:]), members), lambda word: bool(word[-1]))


def number_of_sets() -> Part:
    """Return where it is stored how many sets of operators there were."""
    return Part(_GOVERNANCE, lambda word: int.from_bytes(word[-12:-8]))


def _in(key: bytes, mapping: int) -> int:
    """The word of a mapping's value."""
    return int.from_bytes(keccak(key.rjust(32, b"\0") + mapping.to_bytes(32)))
