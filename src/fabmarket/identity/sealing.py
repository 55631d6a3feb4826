"""Letters sealed for one reader: HPKE (RFC 9180) in base mode, X25519, HKDF-SHA256, ChaCha20.

A letter is a cover in clear and what is sealed. The cover shows protocol version, sender,
recipient, session and number, because the reader must know them before it can open the letter:
they are bound into HPKE's `info`, with the chain and the contract, so that a letter that was put
under another cover, sent on to somebody else or taken to another market does not open. Whoever
watches the link sees who writes to whom, in which session, and how many letters; the addresses of
host and port would show the most of that anyway. It does not see what is said: neither the kind of
the message, nor, but for its bucket, its length.

HPKE's base mode does not say who sealed a letter. What is inside is signed by its author; the
reader checks that, and that the author is the sender on the cover.

The sealing key is derived from the account's secret, so one keystore is all there is to keep. Who
learns the secret later can open all letters that were kept: there is no forward secrecy.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from fabmarket.errors import Refused
from fabmarket.identity.covers import VERSION, Cover
from fabmarket.identity.keys import Key, checksummed
from fabmarket.identity.typed_data import Domain

SMALLEST_BUCKET = 1 << 10
LARGEST_BUCKET = 1 << 20
OVERHEAD = 2 + 20 + 20 + 32 + 8 + 4 + 48
"""Bytes of a letter beside its bucket: the cover, the length, HPKE's key and tag."""
LARGEST_LETTER = LARGEST_BUCKET + OVERHEAD
LARGEST_ANNOUNCED = (1 << 16) + OVERHEAD
"""Bytes of a letter on the board: nodes take no transaction of more than 128 KiB."""

_COVER = 2 + 20 + 20 + 32 + 8
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_LABEL = b"fabmarket letter"


class Unsealable(Refused):
    """The bytes are no letter, or do not open; the message says which."""


class SealingKey:
    """What an account opens its letters with. Its secret never appears in `repr`."""

    __slots__ = ("_key", "public")

    def __init__(self, key: Key) -> None:
        derived = HKDF(SHA256(), 32, salt=None, info=b"fabmarket sealing key 1")
        self._key = X25519PrivateKey.from_private_bytes(derived.derive(key.reveal()))
        self.public = self._key.public_key().public_bytes_raw()

    def open(self, domain: Domain, letter: bytes) -> tuple[Cover, bytes]:
        """Return the cover of a letter and what was sealed under it. Unsealable otherwise."""
        cover = cover_of(letter)
        try:
            padded = _SUITE.decrypt(letter[_COVER:], self._key, _info(domain, letter[:_COVER]))
        except (InvalidTag, ValueError) as error:
            raise Unsealable("it does not open") from error
        length = int.from_bytes(padded[:4], "big")
        if len(padded) != 4 + bucket(length) or padded[4 + length :].strip(b"\0"):
            raise Unsealable("it is not padded as it is due")
        return cover, padded[4 : 4 + length]

    def __repr__(self) -> str:
        return f"SealingKey({self.public.hex()})"


def cover_of(letter: bytes) -> Cover:
    """Return a letter's cover, which its sender alone vouches for. Unsealable if it is none."""
    if not _COVER < len(letter) <= LARGEST_LETTER:
        raise Unsealable(f"{len(letter)} bytes are no letter")
    version = int.from_bytes(letter[:2], "big")
    if version != VERSION:
        raise Unsealable(f"it is of version {version} where {VERSION} is due")
    sender, recipient = (checksummed(letter[at : at + 20]) for at in (2, 22))
    return Cover(sender, recipient, letter[42:74], int.from_bytes(letter[74:82], "big"))


def sealed(domain: Domain, cover: Cover, public: bytes, text: bytes) -> bytes:
    """Return a letter that only the holder of the sealing key `public` can open."""
    padded = len(text).to_bytes(4, "big") + text.ljust(bucket(len(text)), b"\0")
    try:
        shown = cover.to_bytes()
        reader = X25519PublicKey.from_public_bytes(public)
        return shown + _SUITE.encrypt(padded, reader, _info(domain, shown))
    except ValueError as error:
        raise Unsealable(f"0x{public.hex()} is no sealing key") from error


def bucket(length: int) -> int:
    """Return the size to which so many bytes are padded: a power of two from 1 KiB to 1 MiB."""
    if length > LARGEST_BUCKET:
        raise Unsealable(f"{length} bytes where {LARGEST_BUCKET} are the most")
    return max(SMALLEST_BUCKET, 1 << (length - 1).bit_length() if length else 1)


def _info(domain: Domain, shown: bytes) -> bytes:
    return _LABEL + domain.separator() + shown
