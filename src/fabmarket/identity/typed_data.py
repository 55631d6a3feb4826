"""EIP-712 typed data from frozen dataclasses.

A message type is a frozen dataclass that derives from `TypedStruct` and annotates every field with
one of the aliases below, another `TypedStruct`, or a tuple of either. Its EIP-712 type follows from
the annotations, so a field cannot be signed in one order and declared in another.

eth-account encodes the same bytes about four times slower (benchmarks/typed_data.py), and a market
verifies every message it receives. `tests/property/test_typed_data.py` holds the two together.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from fabmarket.errors import Refused
from fabmarket.identity.keys import canonical, keccak

Address = Annotated[str, "address"]
Bytes = Annotated[bytes, "bytes"]
Bytes32 = Annotated[bytes, "bytes32"]
Text = Annotated[str, "string"]
Flag = Annotated[bool, "bool"]
Uint8 = Annotated[int, "uint8"]
Uint16 = Annotated[int, "uint16"]
Uint32 = Annotated[int, "uint32"]
Uint64 = Annotated[int, "uint64"]
Uint128 = Annotated[int, "uint128"]
Uint256 = Annotated[int, "uint256"]

ZERO_BYTES32 = bytes(32)


class BadValue(Refused):
    """A value does not fit its EIP-712 type, so nobody can have signed it."""


class TypedStruct:
    """Base of every signed struct; subclasses are frozen dataclasses."""


@dataclass(frozen=True)
class Domain:
    """The EIP-712 domain: binds a signature to one contract on one chain."""

    name: Text
    version: Text
    chain_id: Uint256
    verifying_contract: Address

    def separator(self) -> bytes:
        """Return the 32-byte domain separator."""
        return self._separator

    @cached_property
    def _separator(self) -> bytes:
        head = keccak(
            b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
        )
        return keccak(
            head
            + keccak(self.name.encode())
            + keccak(self.version.encode())
            + self.chain_id.to_bytes(32, "big")
            + canonical(self.verifying_contract).rjust(32, b"\0")
        )


@dataclass(frozen=True)
class _Field:
    name: str
    kind: str  # the EIP-712 name without []
    array: bool
    struct: type[TypedStruct] | None


def _field(name: str, hint: Any) -> _Field:
    array = get_origin(hint) is tuple
    inner = get_args(hint)[0] if array else hint
    if get_origin(inner) is Annotated:
        return _Field(name, get_args(inner)[1], array, None)
    return _Field(name, inner.__name__, array, inner)


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def _fields(struct: type[TypedStruct]) -> tuple[_Field, ...]:
    hints = get_type_hints(struct, include_extras=True)
    return tuple(
        _field(item.name, hints[item.name])
        for item in fields(struct)  # type: ignore[arg-type]
    )


def _collect(struct: type[TypedStruct], found: dict[str, type[TypedStruct]]) -> None:
    for field in _fields(struct):
        if field.struct is not None and field.kind not in found:
            found[field.kind] = field.struct
            _collect(field.struct, found)


def _head(struct: type[TypedStruct]) -> str:
    members = ",".join(
        f"{field.kind}{'[]' if field.array else ''} {_camel(field.name)}"
        for field in _fields(struct)
    )
    return f"{struct.__name__}({members})"


@dataclass(frozen=True)
class _Shape:
    fields: tuple[_Field, ...]
    words: tuple[tuple[str, Callable[[Any], bytes]], ...]  # how each field becomes 32 bytes
    text: str
    hash: bytes


_SHAPES: dict[type[TypedStruct], _Shape] = {}


def _shape(struct: type[TypedStruct]) -> _Shape:
    shape = _SHAPES.get(struct)
    if shape is None:
        found: dict[str, type[TypedStruct]] = {}
        _collect(struct, found)
        text = _head(struct) + "".join(_head(found[name]) for name in sorted(found))
        fields_of = _fields(struct)
        words = tuple((field.name, _words(field)) for field in fields_of)
        shape = _SHAPES[struct] = _Shape(fields_of, words, text, keccak(text.encode()))
    return shape


def type_string(struct: type[TypedStruct]) -> str:
    """Return encodeType: the struct, then the structs it refers to in alphabetical order."""
    return _shape(struct).text


def type_hash(struct: type[TypedStruct]) -> bytes:
    """Return the keccak-256 of `type_string`."""
    return _shape(struct).hash


def _unfit(kind: str, value: Any) -> BadValue:
    # Decimal text of a huge integer is slow and, past 4300 digits, an error.
    text = hex(value) if isinstance(value, int) else repr(value)
    return BadValue(f"{text[:80]} does not fit {kind}; give a value of that type")


def _word(kind: str) -> Callable[[Any], bytes]:
    """How a value of a plain type becomes 32 bytes."""
    if kind.startswith("uint"):
        top = 1 << int(kind[4:])

        def number(value: Any) -> bytes:
            if not isinstance(value, int) or not 0 <= value < top:
                raise _unfit(kind, value)
            return value.to_bytes(32, "big")

        return number
    return {"bytes32": _bytes32, "bytes": _bytes, "bool": _flag, "address": _address}.get(
        kind, _text
    )


def _bytes32(value: Any) -> bytes:
    if not isinstance(value, bytes) or len(value) != 32:
        raise _unfit("bytes32", value)
    return value


def _bytes(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise _unfit("bytes", value)
    return keccak(value)


def _flag(value: Any) -> bytes:
    if not isinstance(value, bool):
        raise _unfit("bool", value)
    return value.to_bytes(32, "big")


def _address(value: Any) -> bytes:
    if not isinstance(value, str):
        raise _unfit("address", value)
    try:
        return canonical(value).rjust(32, b"\0")
    except ValueError as error:
        raise _unfit("address", value) from error


def _text(value: Any) -> bytes:
    if not isinstance(value, str):
        raise _unfit("string", value)
    try:
        return keccak(value.encode())
    except ValueError as error:  # half a surrogate pair
        raise _unfit("string", value) from error


def _words(field: _Field) -> Callable[[Any], bytes]:
    """How a field becomes 32 bytes."""
    struct = field.struct
    if struct is None:
        one = _word(field.kind)
    else:

        def one(value: Any) -> bytes:
            if type(value) is not struct:
                raise _unfit(field.kind, value)
            return struct_hash(value)

    if not field.array:
        return one

    def several(value: Any) -> bytes:
        if not isinstance(value, tuple):
            raise _unfit(f"{field.kind}[]", value)
        return keccak(b"".join(map(one, value)))

    return several


def struct_hash(value: TypedStruct) -> bytes:
    """Return hashStruct, 32 bytes. BadValue if a value does not fit its type."""
    shape = _shape(type(value))
    return keccak(shape.hash + b"".join([word(getattr(value, at)) for at, word in shape.words]))


def digest(domain: Domain, value: TypedStruct) -> bytes:
    """Return the 32 bytes that are signed: keccak(0x1901 || separator || hashStruct)."""
    known: tuple[Domain, bytes] | None = value.__dict__.get("_digest")
    if known is not None and (known[0] is domain or known[0] == domain):
        return known[1]
    found = keccak(b"\x19\x01" + domain.separator() + struct_hash(value))
    # A value does not change, and its author, its receiver and its journal all ask.
    value.__dict__["_digest"] = (domain, found)
    return found
