"""TOML of the shapes that a scenario file has: keys, lists of numbers, tables, lists of tables."""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any


def toml_of(table: Mapping[str, Any]) -> str:
    """The text of a table whose values are text, numbers, truths, lists and tables of these.

    Lists of tables become sections as far as the first level, and below it where a table holds
    lists of tables itself; others are written in one line.

    >>> print(toml_of({"title": "a", "suppliers": [{"name": "b", "attested": [1, 2]}]}), end="")
    title = "a"
    <BLANKLINE>
    [[suppliers]]
    name = "b"
    attested = [1, 2]
    """
    return "".join(f"{line}\n" for line in _lines(table, ""))


def _lines(table: Mapping[str, Any], path: str) -> Iterator[str]:
    sections = {}
    for key, value in table.items():
        if isinstance(value, Mapping) or _is_section(value, path):
            sections[key] = value
        else:
            yield f"{key} = {_value(value)}"
    for key, value in sections.items():
        inner = f"{path}.{key}" if path else key
        for each in [value] if isinstance(value, Mapping) else value:
            yield ""
            yield f"[{inner}]" if isinstance(value, Mapping) else f"[[{inner}]]"
            yield from _lines(each, inner)


def _is_section(value: Any, path: str) -> bool:
    if not isinstance(value, list) or not value or not isinstance(value[0], Mapping):
        return False
    return not path or any(isinstance(inner, list) for inner in value[0].values())


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{key} = {_value(each)}' for key, each in value.items())} }}"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
