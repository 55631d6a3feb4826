"""The paper's equations 1-6 to the letter, beside the signature the market uses.

Equation 5 is taken modulo q, the prime of the field, as printed, and modulo p, the order of the
base point. A scalar of the group means something modulo p only.
"""

import hashlib
from dataclasses import dataclass, replace

from fabmarket.identity import BadSignature, Domain, Key, digest, recover, type_string
from fabmarket.market.messages import Alternative, Demand, SubTask
from fabmarket.market.units import name_to_bytes32
from fabmarket.paper.claim import Claim, Facts, Table, holds_if, table
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
    task = SubTask(bytes(32), 0, 86_400, 115, True, (way,))
    demand = Demand(key.address, 1, 86_400, (task,))
    hashed = digest(domain, demand)
    signature = key.sign(hashed)
    changed = replace(demand, sub_tasks=(replace(task, first_price=116),))
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


def claims(facts: Facts) -> list[Claim]:
    """The curve, the signature, and the anonymity built on them."""
    return [_curve(facts), _signature(facts), _anonymity(facts)]


def _orders(facts: Facts) -> Table:
    return table(
        "Three readings of the curve, over the field prime q = 2²⁵⁶ − 2³² − 977",
        ("curve", "order p of the base point", "bits of p", "cofactor", "p·H = ∞, p prime"),
        [
            (
                one["curve"],
                one["order"],
                str(one["order_bits"]),
                one["cofactor"],
                "yes" if one["order_is_right"] else "no",
            )
            for one in facts["curves"]
        ],
    )


def _curve(facts: Facts) -> Claim:
    secp, seventeen, cubic = facts["curves"]
    return Claim(
        id="curve",
        title="The curve C(0, 17)",
        place="Section “Manufacturing resource/requirement release”",
        words="this paper selects the curve C(0,17) = y³ − x³ + 17 = 0",
        verdict=holds_if(False),
        reason="An elliptic curve E(a, b) is y² = x³ + ax + b; the printed equation is not of that "
        "form, and neither a field nor a base point is given.",
        got=(
            "The printed equation is not the form to which E(a, b), eq. 1–6 and every signature "
            "library refer. The nearest curve in use is secp256k1, y² = x³ + 7 with a = 0, which "
            "the market signs with; the paper's field and base point are taken from it.",
            f"The other readings can be executed, and are poor choices over this field. "
            f"{seventeen['curve']} leaves a largest prime order of {seventeen['order_bits']} bits. "
            f"Read as a cubic, {cubic['curve']} has no square, but is smooth and can be carried to "
            f"Y² = X³ − 432·17², where points add; its largest prime order has "
            f"{cubic['order_bits']} bits against {secp['order_bits']}.",
        ),
        how="Curve arithmetic in plain Python (fabmarket.paper.curve). An order is checked by "
        "p·H = ∞, a primality test of p, and Hasse's bound on the number of points.",
        tables=(_orders(facts),),
    )


def _signature(facts: Facts) -> Claim:
    count = facts["samples"]
    literal = all(one["verified_mod_q"] == count for one in facts["curves"])
    repaired = all(one["verified_mod_p"] == count for one in facts["curves"])
    made = facts["production"]
    return Claim(
        id="signature",
        title="Equations 1–6 sign and verify",
        place="Equations 1–6",
        words="r = c⁻¹(o + s·L_TD) mod q … If O* = c·H, the verification passes",
        verdict=holds_if(literal),
        reason="Reduced modulo the field prime q, as printed, no signature verifies; modulo the "
        "order of the group all do."
        if repaired
        else "Not even modulo the order of the group do all signatures verify.",
        got=(
            f"{count} messages were signed on each curve with SHA-1. Modulo q: "
            f"{sum(one['verified_mod_q'] for one in facts['curves'])} verify. Modulo p, the order: "
            f"{sum(one['verified_mod_p'] for one in facts['curves'])} of "
            f"{count * len(facts['curves'])}. Equation 6 divides by r in a group of order p, so "
            "equation 5 has to be taken modulo p; ranges 1 < L_TD, c < q are the same slip.",
            "Three more slips: the receiver is told to compare with c·H, which is not sent (only "
            "its coordinate s is); the digest is m in the text, O in eq. 2 and o in eq. 5–6; s "
            "and r have changed places with ECDSA's r and s.",
            f"SHA-1 has known collisions (Stevens et al., 2017) and fills 160 of 256 bits. And "
            f"with (s, r) also (s, −r) verifies: {facts['curves'][0]['verified_with_minus_r']} of "
            f"{count} on secp256k1, so a signature can be rewritten by anybody.",
            f"The market signs typed data (EIP-712, keccak-256) and takes the lower of the two "
            f"forms only. Its signature of a demand recovers to its signer "
            f"{made['recovered']}; with the price changed by one to a stranger, "
            f"{made['recovered_if_altered']}; the rewritten one is refused.",
        ),
        how="Keys and numbers c are drawn from the seed by hashing. On the printed cubic s is the "
        "coordinate of the cubic itself. The market's side is fabmarket.identity.",
        tables=(
            table(
                f"Signatures that verify, of {count}",
                ("curve", "eq. 5 mod q (printed)", "eq. 5 mod p (order)", "altered message"),
                [
                    (
                        one["curve"],
                        str(one["verified_mod_q"]),
                        str(one["verified_mod_p"]),
                        str(one["verified_altered"]),
                    )
                    for one in facts["curves"]
                ],
            ),
            table(
                "The market's own signature of a demand",
                ("part", "value"),
                [
                    ("type", made["type"]),
                    ("digest", made["digest"]),
                    ("signature r, s, v", made["signature"]),
                    ("high s", made["high_s_refused"]),
                ],
            ),
        ),
    )


def _anonymity(facts: Facts) -> Claim:
    made = facts["production"]
    linked = made["recovered"] == made["signer"]
    return Claim(
        id="anonymity",
        title="Hashing the public key hides who asks",
        place="Equations 7–8; title and abstract",
        words="encrypt the manufacturing demand information … to ensure the anonymity of MRD's "
        "identity. A hash function encrypts the address information",
        verdict=holds_if(not linked),
        reason="The message holds the hash and the key it is the hash of, and a signature encrypts "
        "nothing.",
        got=(
            "O_MRD contains MRD_ad = HASH(L_QD) and L_QD itself, so anybody computes one from the "
            "other. Leaving the key out does not help: from our signed demand alone the key, and "
            f"from it the address {made['recovered']}, is recovered.",
            "Demand, price and time travel in the clear; all messages under one key are linked. "
            "Such a name is a pseudonym, and only as good as a fresh one for every demand.",
        ),
        how="The address is recovered from digest and signature (fabmarket.identity.recover).",
    )
