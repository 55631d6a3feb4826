"""secp256k1 keys, addresses and recoverable signatures.

The paper's curve (section 5.1) is a misprint of y² = x³ + 7, which is secp256k1; its SHA-1 is
replaced by keccak-256. Signatures are 65 bytes r || s || v with low s and v of 27 or 28, the form
the contracts read. Nonces are deterministic (RFC 6979), so the same key and digest give the same
bytes.
"""

from functools import lru_cache
from typing import cast

from coincurve import PrivateKey, PublicKey
from eth_account import Account
from eth_account.datastructures import SignedTransaction
from eth_hash.backends.pysha3 import keccak256
from eth_utils.address import to_canonical_address, to_checksum_address

from fabmarket.errors import Refused

_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


class BadSignature(Refused):
    """The bytes are not a signature that the contracts would accept."""


def keccak(data: bytes) -> bytes:
    """Return the keccak-256 hash of `data`, 32 bytes."""
    return keccak256(data)


def address_of(public_key: bytes) -> str:
    """Return the checksummed address of an uncompressed public key (paper eq. 7).

    `public_key` is 65 bytes, 0x04 || x || y; the address is the last 20 bytes of keccak(x || y).
    """
    return checksummed(keccak(public_key[1:])[12:])


@lru_cache(maxsize=1 << 14)
def checksummed(address: bytes) -> str:
    """Return an address of 20 bytes as 0x and 40 digits in checksummed case; remembered."""
    return to_checksum_address(address)


@lru_cache(maxsize=1 << 14)
def canonical(address: str) -> bytes:
    """Return the 20 bytes of an address; remembered. ValueError for what is none."""
    return to_canonical_address(address)


class Key:
    """A private key. Its secret never appears in `repr`."""

    __slots__ = ("_key", "address")

    def __init__(self, secret: bytes) -> None:
        self._key = PrivateKey(secret)
        self.address = address_of(self._key.public_key.format(compressed=False))

    @classmethod
    def derive(cls, *path: str) -> "Key":
        """Return the key whose secret is the hash of the labels: repeatable, for demos only.

        Whoever knows the labels has the key.
        """
        return cls(keccak("|".join(path).encode()))

    def reveal(self) -> bytes:
        """Return the secret, for the keystore and for what is derived from it; nothing else."""
        return self._key.secret

    def sign(self, digest: bytes) -> bytes:
        """Return the 65-byte signature r || s || v of a 32-byte digest (paper eq. 2-5)."""
        raw = self._key.sign_recoverable(digest, hasher=None)
        return raw[:64] + bytes([raw[64] + 27])

    def sign_transaction(self, transaction: dict[str, object]) -> tuple[bytes, bytes]:
        """Return (raw bytes, hash) of a transaction whose fields are all given."""
        signed = cast(SignedTransaction, Account.sign_transaction(transaction, self._key.secret))
        return bytes(signed.raw_transaction), bytes(signed.hash)

    def __repr__(self) -> str:
        return f"Key({self.address})"


def recover(digest: bytes, signature: bytes) -> str:
    """Return the address that signed `digest` (paper eq. 6).

    Raises BadSignature for a wrong length, a high s, a bad v or an r that is on no point.
    """
    if len(signature) != 65:
        raise BadSignature(f"signature has {len(signature)} bytes; 65 are needed (r, s, v)")
    if int.from_bytes(signature[32:64], "big") > _HALF_ORDER:
        raise BadSignature("signature has a high s; the low one of the two forms is needed")
    if signature[64] not in (27, 28):
        raise BadSignature(f"signature has v = {signature[64]}; 27 or 28 is needed")
    try:
        public_key = PublicKey.from_signature_and_message(
            signature[:64] + bytes([signature[64] - 27]), digest, hasher=None
        )
    except Exception as error:  # coincurve raises bare Exception and ValueError
        raise BadSignature(f"signature {signature.hex()} recovers to no key: {error}") from error
    return address_of(public_key.format(compressed=False))


def is_by(signer: str, digest: bytes, signature: bytes) -> bool:
    """Return whether an address signed `digest`; False for a signature that is none."""
    try:
        return recover(digest, signature) == signer
    except BadSignature:
        return False
