"""Numbers that a scenario needs and its file does not give, drawn from a seed by hashing.

A draw depends on the seed and its label alone: not on the order of draws, the machine or the
version of any library, so the same seed means the same market everywhere.
"""

import hashlib


def draw(seed: int, label: str, low: int, high: int) -> int:
    """A whole number from `low` to `high`, both included.

    ``low + int(SHA-256("<seed>|<label>")) mod (high - low + 1)``, the digest read as a big-endian
    number; uniform up to the modulus' bias, which is below 2**-128 for any range of money here.
    """
    digest = hashlib.sha256(f"{seed}|{label}".encode()).digest()
    return low + int.from_bytes(digest, "big") % (high - low + 1)
