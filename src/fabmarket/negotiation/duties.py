"""What an owner orders in dealing with operators, or as one of them."""

from dataclasses import dataclass, field

from fabmarket.market.oversight import Exhibit

MOST_SLOTS = 100
"""Slots of one attestation, so that storing it stays below 2^24 gas (EIP-7825)."""
LONGEST_REASON = 200
"""Characters of why an attestation is not signed."""


@dataclass(frozen=True)
class Ask:
    """A supplier is to have `quantities` attested, of slots `first_slot` and those that follow.

    `expiry`, seconds of chain time: from then on nothing new may be listed by it.
    """

    first_slot: int
    quantities: tuple[int, ...]
    expiry: int


@dataclass(frozen=True)
class Seal:
    """A supplier is to have `quantity` units of a slot attested that nobody but operators sees.

    `salt`: 32 random bytes, without which a commitment falls to guessing. `expiry` as in `Ask`.
    """

    slot: int
    quantity: int
    salt: bytes = field(repr=False)
    expiry: int


@dataclass(frozen=True)
class Endorse:
    """An operator is to sign attestations that were asked for, by their digests; all or none."""

    attestations: tuple[bytes, ...]


@dataclass(frozen=True)
class Decline:
    """An operator is not to sign it; the supplier hears the reason."""

    attestation: bytes
    reason: str


@dataclass(frozen=True)
class Judge:
    """An operator is to rule on a trade in dispute: the supplier's shares, basis points.

    Of the payment held, of its bond, and of both deposits.
    """

    trade: bytes
    payment_share: int
    bond_share: int
    deposit_share: int

    @property
    def shares(self) -> tuple[int, int, int]:
        """The three shares, in this order."""
        return self.payment_share, self.bond_share, self.deposit_share


@dataclass(frozen=True)
class Show:
    """A party is to show evidence to these operators, until a second of chain time."""

    exhibit: Exhibit
    operators: tuple[str, ...]
    until: int


Duty = Ask | Seal | Endorse | Decline | Judge | Show
