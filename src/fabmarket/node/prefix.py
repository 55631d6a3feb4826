"""Finding what is meant by the first digits of its digest."""

import re
from collections.abc import Iterable

from fabmarket.errors import Refused

_LISTS = {
    "dispute": "`fabmarket disputes` of an operator",
    "request": "`fabmarket requests`",
    "session": "`fabmarket evidence`",
    "session, trade or bid": "`fabmarket evidence`",
    "trade": "`fabmarket status`",
    "trade with reports": "`fabmarket usage`",
}


class NoneSuch(Refused):
    """No digest begins so, or several do."""


def one_of(text: str, known: Iterable[bytes], what: str) -> bytes:
    """Return the one digest that begins so, of a trade or what else is listed.

    NoneSuch if none does, or several do.
    """
    digits = text.removeprefix("0x").lower()
    if not re.fullmatch("[0-9a-f]{1,64}", digits):
        raise NoneSuch(f"{text[:80]!r} is no {what}; give 0x and its first digits")
    found = [each for each in known if each.hex().startswith(digits)]
    if not found:
        raise NoneSuch(f"there is no {what} {text}; {_LISTS[what]} lists what there is")
    if len(found) > 1:
        raise NoneSuch(f"{text} begins more than one {what}; give more of its digits")
    return found[0]
