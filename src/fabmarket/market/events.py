"""What the exchange says happened: one class per contract event, same names and order of fields."""

from dataclasses import dataclass
from typing import get_args


@dataclass(frozen=True)
class OperatorsSet:
    """The operators and how many of them a decision needs."""

    operators: tuple[str, ...]
    threshold: int


@dataclass(frozen=True)
class Paused:
    """No new trade before `until`, seconds; 0 ends a pause."""

    until: int


@dataclass(frozen=True)
class TokenSet:
    """Deposits in a payment token are accepted, or no longer."""

    token: str
    accepted: bool


@dataclass(frozen=True)
class ResourceRegistered:
    """A supplier fixed the unit and calendar of a resource (seconds)."""

    supplier: str
    resource: bytes
    unit: bytes
    origin: int
    slot_length: int


@dataclass(frozen=True)
class SlotAttested:
    """The operators' count of one slot was stored."""

    supplier: str
    resource: bytes
    slot: int
    quantity: int
    version: int
    expiry: int


@dataclass(frozen=True)
class SlotSealed:
    """The operators' commitment to a hidden count of one slot was stored."""

    supplier: str
    resource: bytes
    slot: int
    commitment: bytes
    version: int
    expiry: int


@dataclass(frozen=True)
class Listed:
    """`quantity` units were added to a listing, which now has `available`."""

    listing: bytes
    supplier: str
    resource: bytes
    slot: int
    quantity: int
    available: int


@dataclass(frozen=True)
class Unlisted:
    """`quantity` units were taken off a listing, which now has `available`."""

    listing: bytes
    supplier: str
    resource: bytes
    slot: int
    quantity: int
    available: int


@dataclass(frozen=True)
class ListingEpochRaised:
    """Trades signed for an earlier epoch of the listing are void."""

    listing: bytes
    epoch: int


@dataclass(frozen=True)
class Deposited:
    """`amount` base units entered an account's balance."""

    account: str
    token: str
    amount: int


@dataclass(frozen=True)
class Withdrawn:
    """`amount` base units left an account's balance."""

    account: str
    token: str
    amount: int


@dataclass(frozen=True)
class NoncesCancelled:
    """The nonces set in `mask` of the account's epoch are used up."""

    account: str
    token: str
    epoch: int
    mask: int


@dataclass(frozen=True)
class EpochRaised:
    """The account began a new epoch in a token: 96 new nonces, older trades void."""

    account: str
    token: str
    epoch: int


@dataclass(frozen=True)
class Relayed:
    """An intent of the account with this nonce was used."""

    account: str
    nonce: int


@dataclass(frozen=True)
class Settled:
    """The permanent record of a trade; `trade` is the digest both parties signed.

    `terms` is quantity (64 bits), unit price (128), demander's epoch (32) and nonce (32).
    """

    listing: bytes
    demander: str
    trade: bytes
    token: str
    terms: int

    @property
    def quantity(self) -> int:
        """Resource units."""
        return self.terms >> 192

    @property
    def unit_price(self) -> int:
        """Token base units per resource unit."""
        return self.terms >> 64 & (1 << 128) - 1

    @property
    def payment(self) -> int:
        """Token base units."""
        return self.quantity * self.unit_price

    @property
    def epoch(self) -> int:
        """The demander's epoch in the token."""
        return self.terms >> 32 & (1 << 32) - 1

    @property
    def nonce(self) -> int:
        """One of 96 in the epoch."""
        return self.terms & (1 << 32) - 1


def pack_terms(quantity: int, unit_price: int, epoch: int, nonce: int) -> int:
    """Return the `terms` of a `Settled` event."""
    return quantity << 192 | unit_price << 64 | epoch << 32 | nonce


@dataclass(frozen=True)
class Skipped:
    """A trade of a batch was not settled; `reason` is the selector of the error."""

    index: int
    reason: bytes


@dataclass(frozen=True)
class Escrowed:
    """The payment of the trade just settled is held (deadlines in seconds, basis points)."""

    trade: bytes
    deliver_by: int
    accept_by: int
    decide_by: int
    late_share: int
    silence_share: int
    undecided_share: int


@dataclass(frozen=True)
class Delivered:
    """The supplier stated delivery."""

    trade: bytes


@dataclass(frozen=True)
class Disputed:
    """The demander disputes the delivery; `evidence` is a hash."""

    trade: bytes
    evidence: bytes


@dataclass(frozen=True)
class Released:
    """Base units left the escrow of a trade."""

    trade: bytes
    to_supplier: int
    to_demander: int


ListingEvent = Listed | Unlisted
Event = (
    OperatorsSet
    | Paused
    | TokenSet
    | ResourceRegistered
    | SlotAttested
    | SlotSealed
    | ListingEvent
    | ListingEpochRaised
    | Deposited
    | Withdrawn
    | NoncesCancelled
    | EpochRaised
    | Relayed
    | Settled
    | Skipped
    | Escrowed
    | Delivered
    | Disputed
    | Released
)
EVENTS: tuple[type[Event], ...] = get_args(Event)
