"""Numbers that can be added up without being seen: commitments, and pads that cancel.

The group is secp256k1, of prime order `ORDER`. A Pedersen commitment to two numbers is
G·first + J·second + H·blind: it hides both behind the blind, and nobody can open one in two ways
who does not know a logarithm between the generators ("Non-Interactive and Information-Theoretic
Secure Verifiable Secret Sharing", CRYPTO 1991). G is the curve's; J and H are hashed to the curve
(`hashed_point`), so that nobody knows one.

A pad is what two members of a roster add and subtract: SHAKE256 of their shared secret (ECDH) and
of what they answer. Over all members the pads cancel, and the sum stands there bare; with one
member missing, or two that answer different words, it is noise.

Points are 33 bytes, compressed; 33 zeros stand for the neutral element. Secrets come in as
arguments, and equal ones give equal bytes.
"""

from collections.abc import Sequence
from hashlib import sha256, shake_256

from coincurve import PrivateKey, PublicKey

from fabmarket.errors import Refused
from fabmarket.identity.keys import Key, address_of, keccak

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Of the group; numbers are counted modulo it."""
NEUTRAL = bytes(33)
_PAIR = b"fabmarket pair of masks 1"
_WIDE = 40
"""Bytes that are reduced to a number: 64 bits more than the order has, so that none is likelier."""


class BadPoint(Refused):
    """The bytes are no point of the curve."""


_known: dict[bytes, PublicKey] = {}
_MOST_KNOWN = 1 << 13
"""Points that are remembered, as finding the y of one takes longer than to add two."""


def _parsed(point: bytes) -> PublicKey:
    known = _known.get(point)
    if known is not None:
        return known
    try:
        if len(point) != len(NEUTRAL):
            raise ValueError
        found = PublicKey(point)
    except ValueError as error:
        raise BadPoint(f"0x{point.hex()[:70]} is no point of the curve") from error
    _remembered(found)
    return found


def _remembered(point: PublicKey) -> bytes:
    written: bytes = point.format()
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    _known[written] = point
    return written


def check_point(point: bytes) -> None:
    """Raise BadPoint unless the bytes are a point of the group, the neutral element too."""
    if point != NEUTRAL:
        _parsed(point)


def hashed_point(label: bytes) -> bytes:
    """Return the first point, of even y, whose x is the hash of a label and a counter from 0."""
    counter = 0
    while True:
        candidate = b"\x02" + keccak(label + counter.to_bytes(4, "big"))
        try:
            PublicKey(candidate)
        except ValueError:
            counter += 1
        else:
            return candidate


G = PrivateKey.from_int(1).public_key.format()
J = hashed_point(b"fabmarket mask second 1")
H = hashed_point(b"fabmarket mask blind 1")


def number(secret: bytes, *context: bytes) -> int:
    """Return a number from 1 below the order: of these secret bytes, for this use."""
    hashed = shake_256(b"fabmarket number 1")
    for part in (secret, *context):
        hashed.update(len(part).to_bytes(4, "big") + part)
    return int.from_bytes(hashed.digest(_WIDE), "big") % (ORDER - 1) + 1


def times(point: bytes, factor: int) -> bytes:
    """Return a point a number of times. BadPoint if it is none."""
    factor %= ORDER
    if factor == 0 or point == NEUTRAL:
        return NEUTRAL
    if point == G:
        return PublicKey.from_valid_secret(factor.to_bytes(32, "big")).format()
    if factor == 1:
        return _parsed(point).format()
    return _parsed(point).multiply(factor.to_bytes(32, "big")).format()


def product(points: Sequence[bytes]) -> bytes:
    """Return what points add up to; of commitments, that to the sums. BadPoint if one is none."""
    given = [_parsed(point) for point in points if point != NEUTRAL]
    if not given:
        return NEUTRAL
    try:
        return _remembered(PublicKey.combine_keys(given))
    except ValueError:  # so coincurve says that it is the neutral element
        return NEUTRAL


def inverse(point: bytes) -> bytes:
    """Return the point that adds up with this one to the neutral element."""
    return point if point == NEUTRAL else bytes([point[0] ^ 1]) + point[1:]


def commitment(first: int, second: int, blind: int) -> bytes:
    """Return the commitment to two numbers under a blind."""
    return product([times(G, first), times(J, second), times(H, blind)])


class MaskKey:
    """A one-time key of a seat: it signs for the seat, and shares a secret with each other seat.

    One key does both, so that its signature proves that its holder knows the secret: a key made of
    another's (its double, say) would share with a third what tells what those two share. The secret
    never appears in `repr`.
    """

    __slots__ = ("_key", "_secret", "public")

    def __init__(self, secret: int) -> None:
        self._secret = secret % ORDER
        self._key = Key(self._secret.to_bytes(32, "big"))
        self.public = times(G, self._secret)

    def sign(self, digest: bytes) -> bytes:
        """Return the seat's 65-byte signature of a digest."""
        return self._key.sign(digest)

    def shared_point(self, other: bytes) -> bytes:
        """Return the point that only this key's holder and the other's know (ECDH)."""
        return times(other, self._secret)

    def pair_key(self, other: bytes) -> bytes:
        """Return the 32 bytes from which the pads with another seat are made."""
        return pair_key_of(self.shared_point(other))

    def reveal(self) -> int:
        """Return the secret number, for proofs about it; nothing else."""
        return self._secret

    def __repr__(self) -> str:
        return f"MaskKey({self.public.hex()})"


def pair_key_of(point: bytes) -> bytes:
    """Return the pair key that a shared point makes."""
    return sha256(_PAIR + point).digest()


def seat_address(public: bytes) -> str:
    """Return the address that signs for a one-time key. BadPoint if it is none."""
    return address_of(_parsed(public).format(compressed=False))


def pad(pair_key: bytes, answered: bytes) -> tuple[int, int, int]:
    """Return what a pair adds and subtracts where it answers a word: for both numbers and blind.

    `answered` is the word's digest: it binds to session, roster, price and all that was said.
    """
    raw = shake_256(pair_key + answered).digest(3 * _WIDE)
    return (
        int.from_bytes(raw[:_WIDE], "big") % ORDER,
        int.from_bytes(raw[_WIDE : 2 * _WIDE], "big") % ORDER,
        int.from_bytes(raw[2 * _WIDE :], "big") % ORDER,
    )


def pads(pair_keys: Sequence[bytes], seat: int, answered: bytes) -> tuple[int, int, int]:
    """Return the sum of a seat's pads: those with later seats added, with earlier ones subtracted.

    `pair_keys` are by seat, with an empty one at its own place.
    """
    first = second = blind = 0
    for other, pair_key in enumerate(pair_keys):
        if other == seat:
            continue
        raw = shake_256(pair_key + answered).digest(3 * _WIDE)
        one = int.from_bytes(raw[:_WIDE], "big")
        two = int.from_bytes(raw[_WIDE : 2 * _WIDE], "big")
        three = int.from_bytes(raw[2 * _WIDE :], "big")
        if seat < other:
            first, second, blind = first + one, second + two, blind + three
        else:
            first, second, blind = first - one, second - two, blind - three
    return first % ORDER, second % ORDER, blind % ORDER
