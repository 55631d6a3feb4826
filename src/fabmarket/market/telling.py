"""Values of the market in words, for whoever reads what is wrong with them."""

from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any


def told(value: Any) -> str:
    """Return a value as people read it: bytes as 0x and digits, however deep they lie.

    >>> told((7, bytes([0, 255])))
    '(7, 0x00ff)'
    """
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, tuple):
        return f"({', '.join(map(told, value))})"
    if is_dataclass(value):
        named = (f"{each.name}={told(getattr(value, each.name))}" for each in fields(value))
        return f"{type(value).__name__}({', '.join(named)})"
    return str(value)
