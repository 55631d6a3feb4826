"""One strict codec for what is signed, sent and stored: dataclasses as canonical JSON.

It is made from the annotations that make the typed data. Numbers are decimal strings (they reach
2**256, which JSON readers do not), bytes are 0x and lower-case hexadecimal digits, structs are
objects with their fields in order, tuples arrays, maps arrays of pairs by key, sets arrays in
order, a member of a union an object {name: value}.

There is one text for each value: whatever else would mean the same (spaces, another order, leading
zeros, an address in other case) is refused, with the field's name, as are unknown and missing
fields, wrong types and numbers out of range.
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from itertools import repeat
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from rpds import HashTrieMap, HashTrieSet

from fabmarket.errors import Bug, Refused
from fabmarket.identity.keys import checksummed

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


class _Map(Generic[K, V]):
    """Stands for HashTrieMap in annotations, which takes no parameters when it runs."""


class _Set(Generic[K]):
    """Stands for HashTrieSet likewise."""


_STAND_INS = {"HashTrieMap": _Map, "HashTrieSet": _Set}
_quoted = json.encoder.encode_basestring
_NAME = re.compile(rb'"([A-Za-z_]\w*)":')


class BadText(Refused):
    """The text is not the canonical form of a value of that type; the message names the field."""


class _Unfit(Exception):
    """What is read does not fit; on its way up it learns where that stands."""

    def __init__(self, why: str) -> None:
        super().__init__()
        self.place, self.why = "", why

    def __str__(self) -> str:
        return f"{self.place}: {self.why}"


@dataclass(frozen=True)
class _Form:
    """How values of a type are written, as text, and read, from what JSON makes of that."""

    write: Callable[[Any], str]
    read: Callable[[Any], Any]


def encode(value: Any, kind: Any = None) -> bytes:
    """Return the canonical text of a value, by default of its class.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Point:
    ...     x: int
    ...     tag: bytes
    >>> encode(Point(7, b"ab"))
    b'{"x":"7","tag":"0x6162"}'
    """
    return _form(type(value) if kind is None else kind).write(value).encode()


def decode(kind: type[T], text: bytes) -> T:
    """Return the value that a canonical text stands for, or raise BadText."""
    try:
        plain = json.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise BadText(f"{kind.__name__}: not JSON ({error})") from error
    try:
        value: T = _form(kind).read(plain)
        canonical = encode(value, kind)
    except _Unfit as error:
        error.place = kind.__name__ + error.place
        raise BadText(str(error)) from error
    except RecursionError as error:
        raise BadText(f"{kind.__name__}: nested too deep") from error
    if canonical != text:
        raise BadText(f"{kind.__name__}: {_departure(text, canonical)}")
    return value


def _departure(text: bytes, canonical: bytes) -> str:
    """Where a text leaves the canonical form: the byte, and the last field written before it."""
    pairs = enumerate(zip(text, canonical, strict=False))
    at = next((at for at, (is_, due) in pairs if is_ != due), min(len(text), len(canonical)))
    names = _NAME.findall(canonical[:at])
    after = f" after the field {names[-1].decode()}" if names else ""
    return f"not in canonical form at byte {at}{after}"


_FORMS: dict[Any, _Form] = {}


def _form(kind: Any) -> _Form:
    form = _FORMS.get(kind)
    if form is None:
        form = _FORMS[kind] = _made(kind)
    return form


def _made(kind: Any) -> _Form:
    origin = get_origin(kind)
    if origin is Annotated:
        return _annotated(kind)
    if origin is Literal:
        return _literal(get_args(kind))
    if origin in (Union, UnionType):
        return _union(get_args(kind))
    if origin is tuple:
        return _tuple(get_args(kind))
    if origin in (_Map, _Set, frozenset):
        return _collection(origin, get_args(kind))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _enum(kind)
    if is_dataclass(kind):
        return _struct(kind)
    if kind in _PLAIN:
        return _PLAIN[kind]
    raise Bug(f"no form for {kind}")


def _misfit(said: Any, expected: str) -> _Unfit:
    kind = type(said).__name__
    shown = kind if isinstance(said, dict | list) else repr(said)[:60]  # may be nested deep
    return _Unfit(f"{shown} where {expected} is due")


def _read_int(plain: Any) -> int:
    digits = plain.removeprefix("-") if isinstance(plain, str) else ""
    if digits.isascii() and digits.isdigit() and len(digits) <= 80:
        value = int(plain)
        if str(value) == plain:
            return value
    raise _misfit(plain, "a whole number in decimal digits, without leading zeros")


def _read_bytes(plain: Any) -> bytes:
    try:
        if isinstance(plain, str) and plain.startswith("0x"):
            value = bytes.fromhex(plain[2:])
            if value.hex() == plain[2:]:
                return value
    except ValueError:
        pass
    raise _misfit(plain, "0x and lower-case hexadecimal digits")


def _read_text(plain: Any) -> str:
    try:
        if isinstance(plain, str):
            plain.encode()
            return plain
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can escape and UTF-8 not hold
        pass
    raise _misfit(plain, "a text")


def _read_as(kind: type, expected: str) -> Callable[[Any], Any]:
    def read(plain: Any) -> Any:
        if type(plain) is not kind:
            raise _misfit(plain, expected)
        return plain

    return read


_PLAIN: dict[Any, _Form] = {
    int: _Form(lambda value: f'"{value}"', _read_int),
    bytes: _Form(lambda value: f'"0x{value.hex()}"', _read_bytes),
    str: _Form(_quoted, _read_text),
    bool: _Form(lambda value: "true" if value else "false", _read_as(bool, "true or false")),
    NoneType: _Form(lambda value: "null", _read_as(NoneType, "null")),
}


def _annotated(kind: Any) -> _Form:
    """A field of typed data: the EIP-712 name bounds it."""
    base, name = get_args(kind)[0], get_args(kind)[1]
    form = _PLAIN[base]
    if not isinstance(name, str):
        return form
    if name.startswith("uint"):
        top = 1 << int(name[4:])

        def read(plain: Any) -> Any:
            value = _read_int(plain)
            if not 0 <= value < top:
                raise _misfit(plain, f"a {name}")
            return value

    elif name == "bytes32":

        def read(plain: Any) -> Any:
            value = _read_bytes(plain)
            if len(value) != 32:
                raise _misfit(plain, "a bytes32")
            return value

    elif name == "address":

        def read(plain: Any) -> Any:
            value = _read_text(plain)
            if not _is_address(value):
                raise _misfit(plain, "a address")
            return value

    else:
        return form
    return _Form(form.write, read)


def _is_address(text: str) -> bool:
    try:
        return len(text) == 42 and checksummed(bytes.fromhex(text[2:])) == text
    except ValueError:
        return False


def _literal(values: tuple[Any, ...]) -> _Form:
    def read(plain: Any) -> Any:
        if plain not in values:
            raise _misfit(plain, f"one of {values}")
        return plain

    return _Form(_quoted, read)


def _enum(kind: type[Enum]) -> _Form:
    def read(plain: Any) -> Any:
        if not isinstance(plain, str) or plain not in kind.__members__:
            raise _misfit(plain, f"one of {sorted(kind.__members__)}")
        return kind[plain]

    return _Form(lambda value: _quoted(value.name), read)


def _union(kinds: tuple[Any, ...]) -> _Form:
    """None is null; with one other kind that is written as it is, several by their names."""
    others = [kind for kind in kinds if kind is not NoneType]
    if len(others) == 1:
        (only,) = others
        form = _form(only)
        return _Form(
            lambda value: "null" if value is None else form.write(value),
            lambda plain: None if plain is None else form.read(plain),
        )
    by_name = {kind.__name__: kind for kind in others}

    def write(value: Any) -> str:
        if value is None:
            return "null"
        kind = type(value)
        return f'{{"{kind.__name__}":{_form(kind).write(value)}}}'

    def read(plain: Any) -> Any:
        if plain is None and NoneType in kinds:
            return None
        if not isinstance(plain, dict) or len(plain) != 1 or next(iter(plain)) not in by_name:
            raise _misfit(plain, f"one of {sorted(by_name)}")
        ((name, inner),) = plain.items()
        try:
            return _form(by_name[name]).read(inner)
        except _Unfit as error:
            error.place = name + error.place
            raise BadText(str(error)) from error

    return _Form(write, read)


def _items(reads: Iterable[Callable[[Any], Any]], items: Iterable[Any]) -> tuple[Any, ...]:
    values: list[Any] = []
    try:
        for read, item in zip(reads, items, strict=False):
            values.append(read(item))
    except _Unfit as error:
        error.place = f"[{len(values)}]{error.place}"
        raise
    return tuple(values)


def _array(texts: Iterable[str]) -> str:
    return f"[{','.join(texts)}]"


def _tuple(kinds: tuple[Any, ...]) -> _Form:
    read_array = _read_as(list, "an array")
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        form = _form(kinds[0])
        return _Form(
            lambda value: _array([form.write(item) for item in value]),
            lambda plain: _items(repeat(form.read), read_array(plain)),
        )
    forms = [_form(kind) for kind in kinds]
    writes, reads = [form.write for form in forms], [form.read for form in forms]

    def write(value: Any) -> str:
        return _array([write_one(item) for write_one, item in zip(writes, value, strict=True)])

    def read(plain: Any) -> Any:
        if len(read_array(plain)) != len(reads):
            raise _misfit(plain, "an array")
        return _items(reads, plain)

    return _Form(write, read)


def _collection(origin: Any, kinds: tuple[Any, ...]) -> _Form:
    """Maps and sets of states: in the order of their keys' texts, so that one text is one value."""
    items = [_form(kind) for kind in kinds]
    read_array = _read_as(list, "an array")
    if origin is _Map:
        key, value = items
        return _Form(
            lambda mapping: _array(
                f"[{k},{v}]"
                for k, v in sorted((key.write(k), value.write(v)) for k, v in mapping.items())
            ),
            lambda plain: HashTrieMap(
                (key.read(k), value.read(v)) for k, v in map(_pair, read_array(plain))
            ),
        )
    (item,) = items
    made = HashTrieSet if origin is _Set else frozenset
    return _Form(
        lambda found: _array(sorted(map(item.write, found))),
        lambda plain: made([item.read(each) for each in read_array(plain)]),
    )


def _pair(plain: Any) -> Any:
    if not isinstance(plain, list) or len(plain) != 2:
        raise _misfit(plain, "a pair")
    return plain


def _struct(kind: Any) -> _Form:
    hints = get_type_hints(kind, localns=_STAND_INS, include_extras=True)
    names = [each.name for each in fields(kind)]
    forms = [_form(hints[name]) for name in names]
    writing = [(name, form.write) for name, form in zip(names, forms, strict=True)]
    reading = [(name, form.read) for name, form in zip(names, forms, strict=True)]
    template = "{" + ",".join(f'"{name}":%s' for name in names) + "}"

    def write(value: Any) -> str:
        return template % tuple([write_one(getattr(value, name)) for name, write_one in writing])

    def read(plain: Any) -> Any:
        if not isinstance(plain, dict):
            raise _misfit(plain, f"a {kind.__name__}")
        if list(plain) != names:
            odd = sorted(set(plain) ^ set(names)) or list(plain)
            raise _Unfit(f"fields {repr(odd)[:200]} are unknown, missing or out of order")
        values = []
        name = ""
        try:
            for name, read_one in reading:
                values.append(read_one(plain[name]))
        except _Unfit as error:
            error.place = f".{name}{error.place}"
            raise
        return kind(*values)

    return _Form(write, read)
