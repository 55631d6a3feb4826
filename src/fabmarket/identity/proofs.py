"""Proofs about what `masks` hides, which show that it is so and nothing else.

- Equal logarithms (Chaum and Pedersen, "Wallet Databases with Observers", CRYPTO 1992): a point
  that a seat says it shares with another is the one that their keys make.
- A bit (Cramer, Damgård and Schoenmakers, "Proofs of Partial Knowledge", CRYPTO 1994): a commitment
  hides 0 or 1. A range: a commitment is the product of those of its bits.

All are made non-interactive by a hash (Fiat and Shamir) over the statement and a `context`, which
binds a proof to its session and seat. What a prover needs of chance comes from `secret`, which must
be its own and new for each statement; numbers are 32 bytes, big-endian, points 33.
"""

from hashlib import sha512

from fabmarket.identity.masks import (
    NEUTRAL,
    ORDER,
    BadPoint,
    G,
    H,
    inverse,
    number,
    product,
    times,
)

RANGE_BITS = 48
"""A number that is proved to be in range is from 0 below 2 to the power of so many."""
EQUAL_BYTES = 64
BIT_BYTES = 33 + 128
RANGE_BYTES = RANGE_BITS * BIT_BYTES


def prove_equal(exponent: int, base: bytes, context: bytes, secret: bytes) -> bytes:
    """Return the proof that `times(base, exponent)` has to base the logarithm that
    `times(G, exponent)` has to G.
    """
    shown = times(G, exponent), base, times(base, exponent)
    nonce = number(secret, b"equal", *shown, context)
    challenge = _challenge(b"equal", context, *shown, times(G, nonce), times(base, nonce))
    return _words(challenge, nonce + challenge * exponent)


def is_equal(public: bytes, base: bytes, point: bytes, proof: bytes, context: bytes) -> bool:
    """Return whether a proof shows that public : G is as point : base. False for what is none."""
    numbers = _numbers(proof, EQUAL_BYTES)
    if numbers is None:
        return False
    challenge, response = numbers
    try:
        of_public = product([times(G, response), inverse(times(public, challenge))])
        of_point = product([times(base, response), inverse(times(point, challenge))])
    except BadPoint:
        return False
    return challenge == _challenge(b"equal", context, public, base, point, of_public, of_point)


def prove_bit(base: bytes, bit: int, blind: int, context: bytes, secret: bytes) -> bytes:
    """Return a commitment base·bit + H·blind, and the proof that its bit is 0 or 1."""
    committed = product([times(base, bit), times(H, blind)])
    targets = committed, product([committed, inverse(base)])
    nonce, false_challenge, false_response = (
        number(secret, b"bit", part, base, committed, context) for part in (b"0", b"1", b"2")
    )
    false = _first_move(targets[1 - bit], false_challenge, false_response)
    moves = [false, false]
    moves[bit] = times(H, nonce)
    challenges, responses = [false_challenge] * 2, [false_response] * 2
    whole = _challenge(b"bit", context, base, committed, *moves)
    challenges[bit] = (whole - false_challenge) % ORDER
    responses[bit] = nonce + challenges[bit] * blind
    return committed + _words(*challenges, *responses)


def is_bit(base: bytes, proof: bytes, context: bytes) -> bool:
    """Return whether a proof shows that the commitment that it begins with hides 0 or 1."""
    committed, numbers = proof[:33], _numbers(proof[33:], BIT_BYTES - 33)
    if numbers is None:
        return False
    zero, one, *responses = numbers
    try:
        targets = committed, product([committed, inverse(base)])
        moves = [
            _first_move(target, challenge, response)
            for target, challenge, response in zip(targets, (zero, one), responses, strict=True)
        ]
    except BadPoint:
        return False
    return (zero + one) % ORDER == _challenge(b"bit", context, base, committed, *moves)


def prove_range(value: int, blind: int, context: bytes, secret: bytes) -> bytes:
    """Return the proof that G·value + H·blind hides a number of at most RANGE_BITS bits.

    Of another number it makes a proof that does not hold.
    """
    blinds = [number(secret, b"range", bytes([at]), context) for at in range(RANGE_BITS)]
    blinds[0] = blind - sum(each << at for at, each in enumerate(blinds) if at)
    return b"".join(
        prove_bit(G, value >> at & 1, blinds[at] % ORDER, context + bytes([at]), secret)
        for at in range(RANGE_BITS)
    )


def is_in_range(committed: bytes, proof: bytes, context: bytes) -> bool:
    """Return whether a proof shows that a commitment hides a number of RANGE_BITS bits."""
    if len(proof) != RANGE_BYTES:
        return False
    bits = [proof[at : at + BIT_BYTES] for at in range(0, RANGE_BYTES, BIT_BYTES)]
    if not all(is_bit(G, bit, context + bytes([at])) for at, bit in enumerate(bits)):
        return False
    whole = NEUTRAL
    for bit in reversed(bits):
        whole = product([times(whole, 2), bit[:33]])
    return whole == committed


def _first_move(target: bytes, challenge: int, response: int) -> bytes:
    """What a prover must have begun with: H·response less target·challenge."""
    return product([times(H, response), inverse(times(target, challenge))])


def _challenge(kind: bytes, context: bytes, *points: bytes) -> int:
    head = b"fabmarket proof 1" + len(kind).to_bytes(1, "big") + kind
    said = len(context).to_bytes(4, "big") + context + b"".join(points)
    return int.from_bytes(sha512(head + said).digest(), "big") % ORDER


def _words(*numbers: int) -> bytes:
    return b"".join((each % ORDER).to_bytes(32, "big") for each in numbers)


def _numbers(words: bytes, length: int) -> tuple[int, ...] | None:
    if len(words) != length:
        return None
    numbers = tuple(int.from_bytes(words[at : at + 32], "big") for at in range(0, length, 32))
    return numbers if all(each < ORDER for each in numbers) else None
