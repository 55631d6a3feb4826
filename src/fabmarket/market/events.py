"""What the exchange says happened: one class per contract event, same names and order of fields."""

from dataclasses import dataclass
from enum import IntEnum
from typing import get_args

from fabmarket.market.parameters import Parameters
from fabmarket.market.trade import Trade


@dataclass(frozen=True)
class Deployed:
    """The exchange was made, with these parameters and modules."""

    parameters: Parameters
    escrow: str
    net: str


@dataclass(frozen=True)
class OperatorsSet:
    """Set number `set` of operators, and how many of them a decision needs, from `since` on."""

    set: int
    operators: tuple[str, ...]
    threshold: int
    since: int


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
    """What was signed for an earlier epoch of the listing is void."""

    listing: bytes
    supplier: str
    epoch: int


@dataclass(frozen=True)
class CommitmentReduced:
    """`quantity` sold units of a slot are no longer committed: their trade ended undelivered."""

    supplier: str
    resource: bytes
    slot: int
    quantity: int


@dataclass(frozen=True)
class Deposited:
    """`amount` base units entered an account's balance."""

    account: str
    token: str
    amount: int


@dataclass(frozen=True)
class Withdrawn:
    """`amount` base units left an account's balance, for the wallet of `to`."""

    account: str
    token: str
    amount: int
    to: str


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
class IntentsVoided:
    """Intents of the account with a nonce below `nonce` are void."""

    account: str
    nonce: int


@dataclass(frozen=True)
class Settled:
    """The permanent record of a trade; `trade` is the digest both parties signed.

    `terms` is quantity (64 bits), unit price (128) and the demander's nonce (64).
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
    def nonce(self) -> int:
        """The demander's: its epoch and a bit of it (`nonce_of`)."""
        return self.terms & (1 << 64) - 1


def pack_terms(quantity: int, unit_price: int, nonce: int) -> int:
    """Return the `terms` of a `Settled` event."""
    return quantity << 192 | unit_price << 64 | nonce


@dataclass(frozen=True)
class Skipped:
    """A trade of a batch was not settled; `reason` is the selector of the error."""

    index: int
    reason: bytes
    trade: bytes
    listing: bytes
    demander: str


@dataclass(frozen=True)
class Escrowed:
    """The payment of the trade just settled is held; `operator_set` will rule on it.

    `terms` is the whole trade, the contract's two structs in one. Times in chain seconds.
    """

    trade: bytes
    terms: Trade
    operator_set: int
    since: int


@dataclass(frozen=True)
class Delivered:
    """The supplier stated delivery of `quantity` units."""

    trade: bytes
    quantity: int
    since: int


@dataclass(frozen=True)
class Disputed:
    """The demander disputes the delivery; `evidence` is a hash."""

    trade: bytes
    evidence: bytes
    since: int


@dataclass(frozen=True)
class Uncovered:
    """The payment is refunded for want of attested capacity; the penalty waits for a hearing."""

    trade: bytes
    since: int


@dataclass(frozen=True)
class GraceOpened:
    """A deadline passed; it decides after this second and this block."""

    trade: bytes
    state: int
    until: int
    until_block: int


@dataclass(frozen=True)
class SplitsVoided:
    """Splits signed for an earlier nonce of the trade are void."""

    trade: bytes
    split_nonce: int


@dataclass(frozen=True)
class RulingPosted:
    """Operators ruled (basis points to the supplier).

    It may be executed from second `executable_at` and block `until_block` on.
    """

    trade: bytes
    number: int
    payment_share: int
    bond_share: int
    deposit_share: int
    executable_at: int
    until_block: int


class Cause(IntEnum):
    """Why money left an escrow."""

    ACCEPTED = 0
    REFUNDED = 1
    SPLIT = 2
    RULED = 3
    LATE = 4
    SILENT = 5
    UNDECIDED = 6
    UNCOVERED = 7


@dataclass(frozen=True)
class Released:
    """Base units left the escrow of a trade; `closed` if all of them."""

    trade: bytes
    cause: Cause
    to_supplier: int
    to_demander: int
    closed: bool


@dataclass(frozen=True)
class NetSettled:
    """A cycle was settled: what each account's row changes and what each listing sold.

    `batch` is the digest all signed, `trades` the root of the trades; rows and sales are pairs of
    words (`market.net`).
    """

    batch: bytes
    token: str
    trades: bytes
    rows: tuple[int, ...]
    sales: tuple[int, ...]


@dataclass(frozen=True)
class Announced:
    """On the board, which is a contract of its own: `sequence` counts the author's from 0."""

    author: str
    sequence: int
    payload: bytes


ListingEvent = Listed | Unlisted
Event = (
    Deployed
    | OperatorsSet
    | Paused
    | TokenSet
    | ResourceRegistered
    | SlotAttested
    | SlotSealed
    | ListingEvent
    | ListingEpochRaised
    | CommitmentReduced
    | Deposited
    | Withdrawn
    | NoncesCancelled
    | EpochRaised
    | Relayed
    | IntentsVoided
    | Settled
    | Skipped
    | Escrowed
    | Delivered
    | Disputed
    | Uncovered
    | GraceOpened
    | SplitsVoided
    | RulingPosted
    | Released
    | NetSettled
)
EVENTS: tuple[type[Event], ...] = get_args(Event)
