"""Who someone is: keys, addresses and typed-data signatures (paper eq. 1-7)."""

import sys

_DEPTH = sys.getrecursionlimit()

from fabmarket.identity.keys import (  # noqa: E402
    BadSignature,
    Key,
    address_of,
    canonical,
    is_by,
    keccak,
    recover,
)
from fabmarket.identity.typed_data import (  # noqa: E402
    ZERO_BYTES32,
    Address,
    BadValue,
    Bytes,
    Bytes32,
    Domain,
    Flag,
    Text,
    TypedStruct,
    Uint8,
    Uint16,
    Uint32,
    Uint64,
    Uint128,
    Uint256,
    digest,
    struct_hash,
    type_hash,
    type_string,
)

# eth_account brings py_ecc, which raises the limit a hundredfold: parsing JSON of 200,000 brackets
# would then run off the end of the stack, and the process would be killed.
sys.setrecursionlimit(_DEPTH)

__all__ = [
    "ZERO_BYTES32",
    "Address",
    "BadSignature",
    "BadValue",
    "Bytes",
    "Bytes32",
    "Domain",
    "Flag",
    "Key",
    "Text",
    "TypedStruct",
    "Uint8",
    "Uint16",
    "Uint32",
    "Uint64",
    "Uint128",
    "Uint256",
    "address_of",
    "canonical",
    "digest",
    "is_by",
    "keccak",
    "recover",
    "struct_hash",
    "type_hash",
    "type_string",
]
