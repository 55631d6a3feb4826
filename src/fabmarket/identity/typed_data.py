"""EIP-712 typed data from frozen dataclasses.

A message type is a frozen dataclass that derives from `TypedStruct` and annotates every field with
one of the aliases below, another `TypedStruct`, or a tuple of either. Its EIP-712 type follows from
the annotations, so a field cannot be signed in one order and declared in another.

eth-account encodes the same bytes; encoding and recovering there takes about 0.35 ms against 0.05
here, and a market verifies every message it receives. `tests/property/test_typed_data.py` holds the
two together.
"""

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from eth_utils.address import to_canonical_address

from fabmarket.identity.keys import keccak

Address = Annotated[str, "address"]
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


class TypedStruct:
    """Base of every signed struct; subclasses are frozen dataclasses."""


@dataclass(frozen=True)
class Domain:
    """The EIP-712 domain: binds a signature to one contract on one chain."""

    name: str
    version: str
    chain_id: int
    verifying_contract: str

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


def _word(kind: str, value: Any) -> bytes:
    if kind.startswith("uint"):
        if not 0 <= value < 1 << int(kind[4:]):
            raise OverflowError(f"{value} does not fit {kind}")
        return int(value).to_bytes(32, "big")
    if kind == "bytes32":
        if len(value) != 32:
            raise OverflowError(f"{value.hex()} has {len(value)} bytes, not 32")
        return bytes(value)
    if kind == "address":
        return to_canonical_address(value).rjust(32, b"\0")
    if kind == "string":
        return keccak(value.encode())
    return int(bool(value)).to_bytes(32, "big")


def _encode(field: _Field, value: Any) -> bytes:
    def one(item: Any) -> bytes:
        return struct_hash(item) if field.struct is not None else _word(field.kind, item)

    return keccak(b"".join(map(one, value))) if field.array else one(value)


def struct_hash(value: TypedStruct) -> bytes:
    """Return hashStruct, 32 bytes. OverflowError if a value does not fit its type."""
    shape = _shape(type(value))
    return keccak(
        shape.hash + b"".join(_encode(field, getattr(value, field.name)) for field in shape.fields)
    )


def digest(domain: Domain, value: TypedStruct) -> bytes:
    """Return the 32 bytes that are signed: keccak(0x1901 || separator || hashStruct)."""
    return keccak(b"\x19\x01" + domain.separator() + struct_hash(value))
