"""What the fields of a page's form may hold: a form sends those that are left empty, too."""

import re
from datetime import date
from typing import Annotated, Literal

from fastapi import Path, Query
from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

from fabmarket.identity.keys import checksummed

_DAY = 86_400
_FIRST = date(1970, 1, 1)
_SHOWN = 60
"""Letters of a wrong value that are said again."""


def _address(text: str) -> str:
    if text and not re.fullmatch("0x[0-9a-fA-F]{40}", text):
        raise _no("address", text, "0x and 40 digits of 0-9 and a-f")
    return checksummed(text) if text else ""


def _day(text: object) -> object:
    """The first second of a day."""
    if not isinstance(text, str) or not text:
        return None
    try:
        if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.ASCII):
            raise ValueError
        return (date.fromisoformat(text) - _FIRST).days * _DAY
    except ValueError:
        raise _no("day", text, "year, month and day, as 2026-11-27") from None


def _stored(text: str) -> str:
    """A database takes any letter but this one."""
    if "\0" in text:
        raise _no("name", text, "letters")
    return text


def _filled(text: object) -> object:
    return None if text == "" else text


def _no(kind: str, text: str, how: str) -> PydanticCustomError:
    shown = f"{text[:_SHOWN]!r}"
    return PydanticCustomError(
        kind, "{shown} is no {kind}; write {how}", {"shown": shown, "kind": kind, "how": how}
    )


Address = Annotated[str, AfterValidator(_address)]
"""20 bytes, in any case of its letters; empty for any."""
Digest = Annotated[str, Query(pattern="^(0x[0-9a-f]{64})?$")]
"""32 bytes; empty for any."""
Name = Annotated[str, Query(max_length=200), AfterValidator(_stored)]
"""The name of a resource, as rows have it; empty for any."""
Day = Annotated[int | None, BeforeValidator(_day)]
"""A day, as the second at which it begins; empty for any."""
Past = Literal["", "true"]
"""Whether past slots are shown, too; empty for those to come."""
Second = Annotated[int | None, Query(ge=0, lt=1 << 62), BeforeValidator(_filled)]
"""Seconds of chain time; empty for the present."""
Length = Annotated[int | None, Query(ge=1, lt=1 << 40), BeforeValidator(_filled)]
"""So many seconds; empty for the usual."""
Cursor = Annotated[str | None, Query(max_length=1000)]
"""Where a page begins."""
Key = Annotated[str, Path(max_length=66), AfterValidator(_stored)]
"""What a page is of, as its address says it."""
