"""EIP-712 typed data from frozen dataclasses.

A message type is a frozen dataclass that derives from `TypedStruct` and annotates every field with
one of the aliases below, another `TypedStruct`, or a tuple of either. Its EIP-712 type follows from
the annotations, so a field cannot be signed in one order and declared in another.

eth-account encodes the same bytes about four times slower (benchmarks/typed_data.py), and a market
verifies every message it receives. `tests/property/test_typed_data.py` holds the two together.
"""

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from eth_utils.address import to_canonical_address

from fabmarket.errors import Refused
from fabmarket.identity.keys import keccak

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
        return _separator(self)


@lru_cache(maxsize=64)
def _separator(domain: Domain) -> bytes:
    head = keccak(
        b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    )
    return keccak(
        head
        + keccak(domain.name.encode())
        + keccak(domain.version.encode())
        + domain.chain_id.to_bytes(32, "big")
        + to_canonical_address(domain.verifying_contract).rjust(32, b"\0")
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
    text: str
    hash: bytes


_SHAPES: dict[type[TypedStruct], _Shape] = {}


def _shape(struct: type[TypedStruct]) -> _Shape:
    shape = _SHAPES.get(struct)
    if shape is None:
        found: dict[str, type[TypedStruct]] = {}
        _collect(struct, found)
        text = _head(struct) + "".join(_head(found[name]) for name in sorted(found))
        shape = _SHAPES[struct] = _Shape(_fields(struct), text, keccak(text.encode()))
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


def _word(kind: str, value: Any) -> bytes:
    if kind.startswith("uint"):
        if not isinstance(value, int) or not 0 <= value < 1 << int(kind[4:]):
            raise _unfit(kind, value)
        return value.to_bytes(32, "big")
    if kind == "bytes32":
        if not isinstance(value, bytes) or len(value) != 32:
            raise _unfit(kind, value)
        return value
    if kind == "bytes":
        if not isinstance(value, bytes):
            raise _unfit(kind, value)
        return keccak(value)
    if kind == "bool":
        if not isinstance(value, bool):
            raise _unfit(kind, value)
        return value.to_bytes(32, "big")
    if not isinstance(value, str):
        raise _unfit(kind, value)
    try:
        if kind == "address":
            return to_canonical_address(value).rjust(32, b"\0")
        return keccak(value.encode())
    except ValueError as error:  # no address, or text with half a surrogate pair
        raise _unfit(kind, value) from error


def _encode(field: _Field, value: Any) -> bytes:
    def one(item: Any) -> bytes:
        if field.struct is None:
            return _word(field.kind, item)
        if type(item) is not field.struct:
            raise _unfit(field.kind, item)
        return struct_hash(item)

    if not field.array:
        return one(value)
    if not isinstance(value, tuple):
        raise _unfit(f"{field.kind}[]", value)
    return keccak(b"".join(map(one, value)))


def struct_hash(value: TypedStruct) -> bytes:
    """Return hashStruct, 32 bytes. BadValue if a value does not fit its type."""
    shape = _shape(type(value))
    return keccak(
        shape.hash + b"".join(_encode(field, getattr(value, field.name)) for field in shape.fields)
    )


def digest(domain: Domain, value: TypedStruct) -> bytes:
    """Return the 32 bytes that are signed: keccak(0x1901 || separator || hashStruct)."""
    return keccak(b"\x19\x01" + domain.separator() + struct_hash(value))
