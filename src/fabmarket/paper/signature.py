"""The paper's equations 1-6 to the letter, beside the signature the market uses.

Equation 5 is taken modulo q, the prime of the field, as printed, and modulo p, the order of the
base point. A scalar of the group means something modulo p only.
"""

import hashlib
from dataclasses import dataclass, replace

from fabmarket.identity import BadSignature, Domain, Key, digest, recover, type_string
from fabmarket.market.messages import Alternative, Demand, SubTask
from fabmarket.market.units import name_to_bytes32
from fabmarket.paper.claim import FAILS, Facts, holds_if
from fabmarket.paper.curve import CURVES, SECP256K1, Curve, Point, Q
from fabmarket.scenario import draw

MODULI = ("q", "p")


@dataclass(frozen=True)
class Signed:
    """A signature in the paper's letters: s, a coordinate of c*H, and r of equation 5."""

    s: int
    r: int


def digest_of(message: bytes) -> int:
    """Equation 2: SHA-1 of the message, as a number below 2^160."""
    return int.from_bytes(hashlib.sha1(message, usedforsecurity=False).digest(), "big")


def public_key(curve: Curve, secret: int) -> Point:
    """Equation 1: the secret's multiple of the base point."""
    return curve.times(secret, curve.base)


def sign(curve: Curve, message: bytes, secret: int, nonce: int, modulus: int) -> Signed | None:
    """Equations 3-5 with the drawn number c = `nonce`, 1 < c < q; None if it must be drawn again.

    `modulus` is Q to follow the paper, or the curve's order.
    """
    point = curve.times(nonce, curve.base)
    if point is None:
        return None
    s, _ = curve.coordinates(point)
    r = pow(nonce, -1, modulus) * (digest_of(message) + s * secret) % modulus
    if s % modulus == 0 or r % curve.order == 0:
        return None
    return Signed(s, r)


def verifies(curve: Curve, message: bytes, signed: Signed, public: Point) -> bool:
    """Equation 6: (o*H + s*L)/r, compared with s in its first coordinate.

    The paper compares with the point c*H, which the receiver does not have.
    """
    total = curve.add(
        curve.times(digest_of(message), curve.base), curve.times(signed.s % curve.order, public)
    )
    point = curve.times(pow(signed.r, -1, curve.order), total)
    return point is not None and curve.coordinates(point)[0] == signed.s


def measure(domain: Domain, key: Key, seed: int, samples: int) -> Facts:
    """Sign and check on every curve; then one demand the market's way, in this domain."""
    return {
        "field_prime": hex(Q),
        "samples": samples,
        "curves": [_on(curve, seed, samples) for curve in CURVES],
        "production": _production(domain, key),
    }


def _on(curve: Curve, seed: int, samples: int) -> Facts:
    passed = dict.fromkeys(MODULI, 0)
    altered = mirrored = 0
    for at in range(samples):
        message = f"MRD2 asks for {100 + at} units of resource S at 115 a unit".encode()
        secret = draw(seed, f"{curve.name}|secret|{at}", 2, Q - 1)
        nonce = draw(seed, f"{curve.name}|nonce|{at}", 2, Q - 1)
        public = public_key(curve, secret)
        for name, modulus in zip(MODULI, (Q, curve.order), strict=True):
            signed = sign(curve, message, secret, nonce, modulus)
            if signed is None:
                continue
            passed[name] += verifies(curve, message, signed, public)
            if name == "p":
                altered += verifies(curve, message + b"0", signed, public)
                mirrored += verifies(curve, message, Signed(signed.s, -signed.r), public)
    return {
        "curve": curve.name,
        "order": str(curve.order),
        "order_bits": curve.order.bit_length(),
        "cofactor": str(curve.cofactor),
        "order_is_right": curve.order_is_right(),
        "verified_mod_q": passed["q"],
        "verified_mod_p": passed["p"],
        "verified_altered": altered,
        "verified_with_minus_r": mirrored,
    }


def _production(domain: Domain, key: Key) -> Facts:
    way = Alternative(name_to_bytes32("S"), 100)
    task = SubTask(bytes(32), 0, 86_400, True, (way,))
    demand = Demand(key.address, 1, 86_400, 86_415, (task,))
    hashed = digest(domain, demand)
    signature = key.sign(hashed)
    changed = replace(demand, sub_tasks=(replace(task, end=86_401),))
    return {
        "type": type_string(Demand),
        "digest": "0x" + hashed.hex(),
        "signature": "0x" + signature.hex(),
        "signer": key.address,
        "recovered": recover(hashed, signature),
        "recovered_if_altered": recover(digest(domain, changed), signature),
        "high_s_refused": _refused(hashed, _with_high_s(signature)),
    }


def _with_high_s(signature: bytes) -> bytes:
    """The other signature with the same meaning: n - s, and v of the mirrored point."""
    high = SECP256K1.order - int.from_bytes(signature[32:64], "big")
    return signature[:32] + high.to_bytes(32, "big") + bytes([55 - signature[64]])


def _refused(hashed: bytes, signature: bytes) -> str:
    """Why the market takes no such signature; "" if it does."""
    try:
        recover(hashed, signature)
    except BadSignature as error:
        return str(error)
    return ""


def verdicts(facts: Facts) -> dict[str, str]:
    """The curve, the signature, and the anonymity built on them."""
    made = facts["production"]
    literal = all(one["verified_mod_q"] == facts["samples"] for one in facts["curves"])
    return {
        "curve": FAILS,  # by the definition of an elliptic curve E(a, b), whatever is measured
        "signature": holds_if(literal),
        "anonymity": holds_if(made["recovered"] != made["signer"]),
    }
