"""Texts from outside: bounded before a parser sees them, and numbers in one strict form.

What is read here is anybody's: the parsers recurse with the depth of what they read, and py-evm
raises Python's limit beyond what the stack holds.
"""

import json
import re
import tomllib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from fabmarket.errors import Refused
from fabmarket.scenario.model import shown

LARGEST_FILE = 64 * 2**20
"""Bytes of a game: some millions of demanders."""
LARGEST_SCENARIO = 4 * 2**20
"""Bytes of a scenario or an instance: far above any published one, and what a run can hold."""
DEEPEST = 50
"""How deep lists, tables and the parts of a dotted key may nest; a scenario needs eight."""
MOST_TABLES = 200_000
"""Lists and tables of a text; a scenario with as many sub-tasks as may be needs half of them."""

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_WHOLE = re.compile(r"-?[0-9]+")
_TOO_LONG = "a whole number has thousands of digits; shorten it"


class MalformedText(Refused):
    """Text that is not what it should be; the message names the file, the place and the remedy."""


def is_number(text: str) -> bool:
    """Whether `text` is a decimal number: ASCII digits, and nothing that a reader could miss.

    >>> [is_number(text) for text in ("12.50", "-3", "1e-06")]
    [True, True, True]
    >>> [is_number(text) for text in ("1_000", " 5", "0x10", "1,5", "nan", ".5")]
    [False, False, False, False, False, False]
    """
    return _NUMBER.fullmatch(text) is not None


def is_whole(text: str) -> bool:
    """Whether `text` is a whole number in ASCII digits.

    >>> [is_whole(text) for text in ("12", "-3", "007", "1_0", "1e3", "\u0663")]
    [True, True, True, False, False, False]
    """
    return _WHOLE.fullmatch(text) is not None


def decode(data: bytes, name: str, largest: int) -> str:
    """The text in a file's bytes: UTF-8, with or without a byte order mark.

    Raises MalformedText if there are more than `largest` bytes, or they are no UTF-8.
    """
    if len(data) > largest:
        problem = f"larger than the {largest // 2**20} MiB that are read; give a smaller file"
        raise MalformedText(f"{name}: {problem}")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise MalformedText(f"{name}: UTF-16 text; save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        mark = 3 if data.startswith(b"\xef\xbb\xbf") else 0
        problem = f"byte {mark + error.start + 1} is not UTF-8 text; give a text file"
        raise MalformedText(f"{name}: {problem}") from None


def parse_json(text: str, name: str, parse_float: Callable[[str], Any]) -> Any:
    """The value of a JSON text; `parse_float` makes numbers with a point or an exponent.

    Raises MalformedText for what JSON does not allow, a key written twice and NaN or Infinity
    among it, and for what nests deeper than DEEPEST or has more than MOST_TABLES.
    """
    text = text.removeprefix("\ufeff")
    _check_depth(text, _JSON, name)

    def constant(word: str) -> None:
        raise MalformedText(f"{name}: {word} is no number in JSON; write a number or null")

    def table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            seen: set[str] = set()
            for key, _ in pairs:
                if key in seen:
                    problem = f"the key {shown(key)} stands twice in one object; leave one out"
                    raise MalformedText(f"{name}: {problem}")
                seen.add(key)
        return found

    try:
        return json.loads(
            text, parse_float=parse_float, parse_constant=constant, object_pairs_hook=table
        )
    except json.JSONDecodeError as error:
        problem = f"{error.msg}; correct the JSON"
        raise MalformedText(f"{name}:{error.lineno}:{error.colno}: {problem}") from None
    except ValueError:
        raise MalformedText(f"{name}: {_TOO_LONG}") from None


def parse_toml(text: str, name: str) -> dict[str, Any]:
    """The table of a TOML text; numbers with a point become Decimals.

    Raises MalformedText for what TOML does not allow, and for what nests deeper than DEEPEST or has
    more than MOST_TABLES.
    """
    text = text.removeprefix("\ufeff")
    _check_depth(text, _TOML, name)
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise MalformedText(_toml_problem(error, text, name)) from None
    except ValueError:
        raise MalformedText(f"{name}: {_TOO_LONG}") from None


def _toml_problem(error: tomllib.TOMLDecodeError, text: str, name: str) -> str:
    place = re.search(r" \(at line (\d+), column (\d+)\)$", str(error))
    if place is None:  # the decoder says "at end of document"
        lines = text.split("\n")
        line, column = len(lines), len(lines[-1]) + 1
    else:
        line, column = int(place[1]), int(place[2])
    message = re.sub(r" \(at .*\)$", "", str(error))
    return f"{name}:{line}:{column}: {message}; correct the TOML"


# What matters next, by the quote that is open: "" outside of texts and remarks.
_TOML = {
    "": re.compile(r'"""|\'\'\'|["\'#\[\]{}.,\n]'),
    '"': re.compile(r'\\.|["\n]', re.DOTALL),
    "'": re.compile(r"['\n]"),
    '"""': re.compile(r'\\.|"{3,5}', re.DOTALL),
    "'''": re.compile(r"'{3,5}"),
    "#": re.compile(r"\n"),
}
_JSON = {"": re.compile(r'["\[\]{}]'), '"': re.compile(r'\\.|"', re.DOTALL)}


def _check_depth(text: str, syntax: dict[str, re.Pattern[str]], name: str) -> None:
    """Refuse what nests too deeply: open brackets, and the dots of the keys they stand under.

    And more brackets than MOST_TABLES.
    """
    dots, quote, at = [0], "", 0
    depth = tables = 0
    while (found := syntax[quote].search(text, at)) is not None:
        mark, at = found.group(), found.end()
        if quote:
            if mark[0] != "\\":
                quote = ""
        elif mark in syntax:
            quote = mark
        elif mark in ("[", "{"):
            dots.append(0)
            depth += 1
            tables += 1
        elif mark in ("]", "}"):
            depth -= dots.pop() + 1 if len(dots) > 1 else 0
        elif mark == ".":
            dots[-1] += 1
            depth += 1
        else:  # the next key, or the next value of a list
            depth -= dots[-1]
            dots[-1] = 0
        if depth > DEEPEST or tables > MOST_TABLES:
            line = text.count("\n", 0, at) + 1
            deep = f"nested more than {DEEPEST} deep; correct the file"
            many = f"more than {MOST_TABLES} lists and tables; give a smaller file"
            raise MalformedText(f"{name}:{line}: {deep if depth > DEEPEST else many}")
