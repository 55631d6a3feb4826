"""Letters sealed for one reader: HPKE (RFC 9180) in base mode, X25519, HKDF-SHA256, ChaCha20.

In clear a letter shows the version of its form, and nothing else: neither who wrote it nor to whom,
nor, but for its bucket, how much. Version, recipient, chain and contract are bound into HPKE's
`info`, so that a letter that was sent on to somebody else, even to one whose card names the same
key, or taken to another market does not open. Whose a letter is one finds by trying to open it.

HPKE's base mode does not say who sealed a letter. The sender stands inside, so that its letters can
be counted before the message is read; that is signed by its author, who must be the sender.

The sealing key is derived from the account's secret, so one keystore is all there is to keep. Who
learns the secret later can open all letters that were kept: there is no forward secrecy.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from fabmarket.errors import Refused
from fabmarket.identity.keys import Key, canonical, checksummed
from fabmarket.identity.typed_data import Domain

VERSION = 2
"""Of the letter's form; a reader refuses another."""
SMALLEST_BUCKET = 1 << 11
LARGEST_BUCKET = 1 << 20
OVERHEAD = 2 + 32 + 20 + 4 + 16
"""Bytes of a letter beside its bucket: version, HPKE's key, sender, length, HPKE's tag."""
LARGEST_LETTER = LARGEST_BUCKET + OVERHEAD
LARGEST_ANNOUNCED = (1 << 16) + OVERHEAD
"""Bytes of a letter on the board: nodes take no transaction of more than 128 KiB."""

_SHOWN = VERSION.to_bytes(2, "big")
_INSIDE = 20 + 4
"""Bytes before the text: sender and length."""
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_LABEL = b"fabmarket letter"


class Unsealable(Refused):
    """The bytes are no letter, or do not open; the message says which."""


class SealingKey:
    """What an account opens its letters with. Its secret never appears in `repr`."""

    __slots__ = ("_address", "_key", "public")

    def __init__(self, key: Key) -> None:
        derived = HKDF(SHA256(), 32, salt=None, info=b"fabmarket sealing key 1")
        self._key = X25519PrivateKey.from_private_bytes(derived.derive(key.reveal()))
        self._address = key.address
        self.public = self._key.public_key().public_bytes_raw()

    def open(self, domain: Domain, letter: bytes) -> tuple[str, bytes]:
        """Return who is said to have sent a letter, and what was sealed. Unsealable otherwise."""
        if letter and not is_letter(letter):
            version = int.from_bytes(letter[:2], "big")
            raise Unsealable(f"it is of version {version} where {VERSION} is due")
        room = len(letter) - OVERHEAD
        if not SMALLEST_BUCKET <= room <= LARGEST_BUCKET or room != bucket(room):
            raise Unsealable(f"{len(letter)} bytes are no letter")
        try:
            info = _info(domain, self._address)
            inside = _SUITE.decrypt(letter[len(_SHOWN) :], self._key, info)
        except (InvalidTag, ValueError) as error:
            raise Unsealable("it does not open") from error
        sender, length = inside[:20], int.from_bytes(inside[20:_INSIDE], "big")
        padded = inside[_INSIDE:]
        if length > room or padded[length:].strip(b"\0"):
            raise Unsealable("it is not padded as it is due")
        return checksummed(sender), padded[:length]

    def __repr__(self) -> str:
        return f"SealingKey({self.public.hex()})"


def is_letter(text: bytes) -> bool:
    """Return whether bytes begin as a letter does, whoever it may be for."""
    return text.startswith(_SHOWN)


def sealed(
    domain: Domain, sender: str, recipient: str, public: bytes, text: bytes, padded: int = 0
) -> bytes:
    """Return a letter that `recipient` alone can open, the holder of the sealing key `public`.

    It is as large as one of `padded` bytes of text would be, if it has fewer.
    """
    length = len(text).to_bytes(4, "big")
    room = bucket(max(len(text), padded))
    inside = canonical(sender) + length + text.ljust(room, b"\0")
    try:
        reader = X25519PublicKey.from_public_bytes(public)
        return _SHOWN + _SUITE.encrypt(inside, reader, _info(domain, recipient))
    except ValueError as error:
        raise Unsealable(f"0x{public.hex()} is no sealing key") from error


def bucket(length: int) -> int:
    """Return the size to which so many bytes are padded: a power of two from 2 KiB to 1 MiB."""
    if length > LARGEST_BUCKET:
        raise Unsealable(f"{length} bytes where {LARGEST_BUCKET} are the most")
    return max(SMALLEST_BUCKET, 1 << (length - 1).bit_length() if length else 1)


def _info(domain: Domain, recipient: str) -> bytes:
    return _LABEL + domain.separator() + _SHOWN + canonical(recipient)
