"""What the exchange says happened: one class per contract event, same names and order of fields."""

from dataclasses import dataclass


@dataclass(frozen=True)
class OperatorsSet:
    """The operators and how many of them an attestation needs."""

    operators: tuple[str, ...]
    threshold: int


@dataclass(frozen=True)
class TokensSet:
    """The payment tokens the exchange accepts."""

    tokens: tuple[str, ...]


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
class Listed:
    """`quantity` units were added to a listing, which now has `available`."""

    listing: bytes
    supplier: str
    resource: bytes
    slot: int
    quantity: int
    available: int


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
class Settled:
    """The permanent record of a trade; `trade` is the digest both parties signed."""

    trade: bytes
    listing: bytes
    demander: str
    supplier: str
    token: str
    quantity: int
    unit_price: int
    nonce: int
    transcript: bytes
    bundle: bytes


Event = (
    OperatorsSet
    | TokensSet
    | ResourceRegistered
    | SlotAttested
    | Listed
    | Deposited
    | Withdrawn
    | Settled
)
EVENTS: tuple[type[Event], ...] = (
    OperatorsSet,
    TokensSet,
    ResourceRegistered,
    SlotAttested,
    Listed,
    Deposited,
    Withdrawn,
    Settled,
)
