"""How an owner's orders write amounts, units, times, shares and digests in JSON."""

from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from fabmarket.api.bodies import within
from fabmarket.market.trade import TIME_LIMIT
from fabmarket.market.units import LARGEST_AMOUNT, LARGEST_QUANTITY
from fabmarket.market.usage import LONGEST_NOTE
from fabmarket.node.ordered import judging
from fabmarket.node.owner import BadOrder

_EXACT = 2**53
"""From here on a number in JSON is not read alike by all."""


def _whole(value: object) -> object:
    """A whole number in its one form: digits, or a number that JSON's readers keep."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise PydanticCustomError("whole", "is no whole number; write it in digits")
    if isinstance(value, int):
        if value >= _EXACT:
            raise PydanticCustomError("whole", "is 2^53 or more; write it in digits, as a string")
        return value
    if not (value.isascii() and value.isdigit() and len(value) <= 40):
        raise PydanticCustomError("whole", "is no whole number; write it in digits")
    if len(value) > 1 and value[0] == "0":
        raise PydanticCustomError("whole", "begins with a zero; leave that out")
    return int(value)


def _points(value: object) -> object:
    """A share as it is written, per cent or basis points; a bare number could be either."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        problem = "is a number without its unit; write it as a string, as 50% or 5000bp"
        raise PydanticCustomError("share", problem)
    if not isinstance(value, str):
        raise PydanticCustomError("share", "is no share; write it as a string, as 50% or 5000bp")
    try:
        return judging.basis_points(value)
    except BadOrder as error:
        raise PydanticCustomError("share", "{problem}", {"problem": str(error)}) from error


_WHOLE = BeforeValidator(_whole)
_SCHEMA = WithJsonSchema(
    {
        "anyOf": [
            {"type": "integer", "minimum": 0, "maximum": _EXACT - 1},
            {"type": "string", "pattern": "^(0|[1-9][0-9]*)$", "maxLength": 40},
        ],
        "examples": ["1200"],
    }
)
Amount = Annotated[int, _WHOLE, within(0, LARGEST_AMOUNT), _SCHEMA]
"""Base units of the market's token."""
Paid = Annotated[int, _WHOLE, within(1, LARGEST_AMOUNT), _SCHEMA]
Units = Annotated[int, _WHOLE, within(1, LARGEST_QUANTITY), _SCHEMA]
Count = Annotated[int, _WHOLE, within(0, LARGEST_QUANTITY), _SCHEMA]
Slot = Annotated[int, _WHOLE, within(0, 2**40), _SCHEMA]
WantedSlot = Annotated[int, _WHOLE, within(0, 2**32), _SCHEMA]
Cycles = Annotated[int, _WHOLE, within(1, 2**32), _SCHEMA]
Second = Annotated[int, _WHOLE, within(1, TIME_LIMIT), _SCHEMA]
Days = Annotated[int, _WHOLE, within(1, 3650), _SCHEMA]
Share = Annotated[
    int,
    BeforeValidator(_points),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^([0-9]{1,2}(\.[0-9]{1,2})?%|100(\.00?)?%|[0-9]{1,4}bp|10000bp)$",
            "examples": ["62.5%", "6250bp"],
        }
    ),
]
"""A share with its unit, of which a bare number would be a trap; basis points inside."""
Name = Annotated[str, Field(min_length=1, max_length=200, examples=["milling"])]
Note = Annotated[str, Field(max_length=LONGEST_NOTE)]
Digest = Annotated[str, Field(pattern="^0x[0-9a-f]{1,64}$", examples=["0x3f9a"])]
"""0x and the first digits of a digest, so many that it is the only one."""
