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
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from functools import lru_cache
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

from eth_utils.address import to_checksum_address
from rpds import HashTrieMap, HashTrieSet

from fabmarket.errors import Bug, Refused

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")


class _Map(Generic[K, V]):
    """Stands for HashTrieMap in annotations, which takes no parameters when it runs."""


class _Set(Generic[K]):
    """Stands for HashTrieSet likewise."""


_STAND_INS = {"HashTrieMap": _Map, "HashTrieSet": _Set}
_NAME = re.compile(rb'"([A-Za-z_]\w*)":')


class BadText(Refused):
    """The text is not the canonical form of a value of that type; the message names the field."""


@dataclass(frozen=True)
class _Form:
    """How values of a type are written and read."""

    write: Callable[[Any], Any]
    read: Callable[[Any, str], Any]


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
    form = _form(type(value) if kind is None else kind)
    return _text(form.write(value))


def decode(kind: type[T], text: bytes) -> T:
    """Return the value that a canonical text stands for, or raise BadText."""
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadText(f"{kind.__name__}: not JSON ({error})") from error
    try:
        value: T = _form(kind).read(plain, kind.__name__)
        canonical = encode(value, kind)
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


def _text(plain: Any) -> bytes:
    return json.dumps(plain, separators=(",", ":"), ensure_ascii=False).encode()


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


def _refuse(place: str, said: Any, expected: str) -> BadText:
    kind = type(said).__name__
    shown = kind if isinstance(said, dict | list) else repr(said)[:60]  # may be nested deep
    return BadText(f"{place}: {shown} where {expected} is due")


def _read_int(plain: Any, place: str) -> int:
    digits = plain.removeprefix("-") if isinstance(plain, str) else ""
    if digits.isascii() and digits.isdigit() and len(digits) <= 80:
        value = int(plain)
        if str(value) == plain:
            return value
    raise _refuse(place, plain, "a whole number in decimal digits, without leading zeros")


def _read_bytes(plain: Any, place: str) -> bytes:
    try:
        if isinstance(plain, str) and plain.startswith("0x"):
            value = bytes.fromhex(plain[2:])
            if value.hex() == plain[2:]:
                return value
    except ValueError:
        pass
    raise _refuse(place, plain, "0x and lower-case hexadecimal digits")


def _read_text(plain: Any, place: str) -> str:
    try:
        if isinstance(plain, str):
            plain.encode()
            return plain
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can escape and UTF-8 not hold
        pass
    raise _refuse(place, plain, "a text")


def _read_as(kind: type, expected: str) -> Callable[[Any, str], Any]:
    def read(plain: Any, place: str) -> Any:
        if type(plain) is not kind:
            raise _refuse(place, plain, expected)
        return plain

    return read


_PLAIN: dict[Any, _Form] = {
    int: _Form(str, _read_int),
    bytes: _Form(lambda value: "0x" + value.hex(), _read_bytes),
    str: _Form(lambda value: value, _read_text),
    bool: _Form(lambda value: value, _read_as(bool, "true or false")),
    NoneType: _Form(lambda value: None, _read_as(NoneType, "null")),
}


def _annotated(kind: Any) -> _Form:
    """A field of typed data: the EIP-712 name bounds it."""
    base, name = get_args(kind)[0], get_args(kind)[1]
    form = _PLAIN[base]
    if not isinstance(name, str):
        return form
    if name.startswith("uint"):
        top = 1 << int(name[4:])

        def fits(value: Any) -> bool:
            return bool(0 <= value < top)

    elif name == "bytes32":

        def fits(value: Any) -> bool:
            return len(value) == 32

    elif name == "address":

        def fits(value: Any) -> bool:
            return _is_address(value)

    else:
        return form

    def read(plain: Any, place: str) -> Any:
        value = form.read(plain, place)
        if not fits(value):
            raise _refuse(place, plain, f"a {name}")
        return value

    return _Form(form.write, read)


@lru_cache(maxsize=4096)
def _is_address(text: str) -> bool:
    try:
        return to_checksum_address(text) == text
    except ValueError:
        return False


def _literal(values: tuple[Any, ...]) -> _Form:
    def read(plain: Any, place: str) -> Any:
        if plain not in values:
            raise _refuse(place, plain, f"one of {values}")
        return plain

    return _Form(lambda value: value, read)


def _enum(kind: type[Enum]) -> _Form:
    def read(plain: Any, place: str) -> Any:
        if not isinstance(plain, str) or plain not in kind.__members__:
            raise _refuse(place, plain, f"one of {sorted(kind.__members__)}")
        return kind[plain]

    return _Form(lambda value: value.name, read)


def _union(kinds: tuple[Any, ...]) -> _Form:
    """None is null; with one other kind that is written as it is, several by their names."""
    others = [kind for kind in kinds if kind is not NoneType]
    if len(others) == 1:
        (only,) = others
        form = _form(only)
        return _Form(
            lambda value: None if value is None else form.write(value),
            lambda plain, place: None if plain is None else form.read(plain, place),
        )
    by_name = {kind.__name__: kind for kind in others}

    def write(value: Any) -> Any:
        if value is None:
            return None
        return {type(value).__name__: _form(type(value)).write(value)}

    def read(plain: Any, place: str) -> Any:
        if plain is None and NoneType in kinds:
            return None
        if not isinstance(plain, dict) or len(plain) != 1 or next(iter(plain)) not in by_name:
            raise _refuse(place, plain, f"one of {sorted(by_name)}")
        ((name, inner),) = plain.items()
        return _form(by_name[name]).read(inner, name)

    return _Form(write, read)


def _tuple(kinds: tuple[Any, ...]) -> _Form:
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        form = _form(kinds[0])
        read_array = _read_as(list, "an array")
        return _Form(
            lambda value: [form.write(item) for item in value],
            lambda plain, place: tuple(
                form.read(item, f"{place}[{at}]")
                for at, item in enumerate(read_array(plain, place))
            ),
        )
    forms = [_form(kind) for kind in kinds]

    def write(value: Any) -> Any:
        return [form.write(item) for form, item in zip(forms, value, strict=True)]

    def read(plain: Any, place: str) -> Any:
        if not isinstance(plain, list) or len(plain) != len(forms):
            raise _refuse(place, plain, "an array")
        pairs = enumerate(zip(forms, plain, strict=True))
        return tuple(form.read(item, f"{place}[{at}]") for at, (form, item) in pairs)

    return _Form(write, read)


def _collection(origin: Any, kinds: tuple[Any, ...]) -> _Form:
    """Maps and sets of states: in the order of their keys' texts, so that one text is one value."""
    items = [_form(kind) for kind in kinds]
    read_array = _read_as(list, "an array")
    if origin is _Map:
        key, value = items
        return _Form(
            lambda mapping: sorted(
                ([key.write(k), value.write(v)] for k, v in mapping.items()), key=_text
            ),
            lambda plain, place: HashTrieMap(
                (key.read(k, place), value.read(v, place))
                for k, v in (_pair(item, place) for item in read_array(plain, place))
            ),
        )
    (item,) = items
    made = HashTrieSet if origin is _Set else frozenset
    return _Form(
        lambda found: sorted(map(item.write, found), key=_text),
        lambda plain, place: made([item.read(each, place) for each in read_array(plain, place)]),
    )


def _pair(plain: Any, place: str) -> Any:
    if not isinstance(plain, list) or len(plain) != 2:
        raise _refuse(place, plain, "a pair")
    return plain


def _struct(kind: Any) -> _Form:
    hints = get_type_hints(kind, localns=_STAND_INS, include_extras=True)
    names = [each.name for each in fields(kind)]
    forms = [_form(hints[name]) for name in names]
    writing = [(name, form.write) for name, form in zip(names, forms, strict=True)]
    reading = [(name, form.read) for name, form in zip(names, forms, strict=True)]

    def write(value: Any) -> Any:
        return {name: write_one(getattr(value, name)) for name, write_one in writing}

    def read(plain: Any, place: str) -> Any:
        if not isinstance(plain, dict):
            raise _refuse(place, plain, f"a {kind.__name__}")
        if list(plain) != names:
            odd = sorted(set(plain) ^ set(names)) or list(plain)
            raise BadText(f"{place}: fields {repr(odd)[:200]} are unknown, missing or out of order")
        return kind(*[read_one(plain[name], f"{place}.{name}") for name, read_one in reading])

    return _Form(write, read)
