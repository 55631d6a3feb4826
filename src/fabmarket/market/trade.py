"""The contract both parties sign, the operators' attestation, and the domain they are signed in."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from eth_utils.address import to_canonical_address

from fabmarket.identity import (
    ZERO_BYTES32,
    Address,
    Bytes,
    Bytes32,
    Domain,
    Flag,
    TypedStruct,
    Uint16,
    Uint64,
    Uint128,
    Uint256,
    keccak,
    struct_hash,
)

NONCES = 96
"""Nonces of one epoch of a demander in a token; then the next epoch begins."""
TIME_LIMIT = 1 << 40
"""Slots end before this second of chain time, so that a listing's id can hold the end."""


def market_domain(chain_id: int, exchange: str) -> Domain:
    """Return the EIP-712 domain of one exchange contract on one chain."""
    return Domain("Fabmarket", "1", chain_id, exchange)


@dataclass(frozen=True)
class Attestation(TypedStruct):
    """What k operators counted: `quantities[i]` units in slot `first_slot + i`.

    `expiry` is the first second of chain time at which it allows no new listing.
    """

    supplier: Address
    resource: Bytes32
    unit: Bytes32
    first_slot: Uint64
    quantities: tuple[Uint64, ...]
    version: Uint64
    expiry: Uint64


@dataclass(frozen=True)
class SealedAttestation(TypedStruct):
    """The same for one slot, the quantity hidden in a salted `commitment`."""

    supplier: Address
    resource: Bytes32
    unit: Bytes32
    slot: Uint64
    commitment: Bytes32
    version: Uint64
    expiry: Uint64


@dataclass(frozen=True)
class Operators(TypedStruct):
    """A decision of the operators: their new set. `nonce` counts decisions."""

    operators: tuple[Address, ...]
    threshold: Uint256
    nonce: Uint256


@dataclass(frozen=True)
class Pause(TypedStruct):
    """A decision of the operators: no new trade until then."""

    until: Uint64
    nonce: Uint256


@dataclass(frozen=True)
class Token(TypedStruct):
    """A decision of the operators: whether deposits in a token are accepted."""

    token: Address
    accepted: Flag
    nonce: Uint256


@dataclass(frozen=True)
class Intent(TypedStruct):
    """A call that `account` wants anyone to submit before `deadline`."""

    account: Address
    call: Bytes
    nonce: Uint256
    deadline: Uint64


@dataclass(frozen=True)
class Split(TypedStruct):
    """Both parties agree on the supplier's share of what a trade holds, basis points."""

    trade: Bytes32
    supplier_share: Uint16


@dataclass(frozen=True)
class Ruling(TypedStruct):
    """The operators decide the supplier's share of what a disputed trade holds."""

    trade: Bytes32
    supplier_share: Uint16


@dataclass(frozen=True)
class Escrow(TypedStruct):
    """Deadlines (chain seconds) and the supplier's share of each timeout (basis points).

    All zero means instant settlement.
    """

    deliver_by: Uint64 = 0
    accept_by: Uint64 = 0
    decide_by: Uint64 = 0
    late_share: Uint16 = 0
    silence_share: Uint16 = 0
    undecided_share: Uint16 = 0


@dataclass(frozen=True)
class Trade(TypedStruct):
    """The terms of one trade; payment = quantity * unit_price, so nothing is rounded.

    `quantity` in resource units, `unit_price` in token base units per unit, `valid_until` the first
    second of chain time at which it can no longer settle, `nonce` a bit of the demander's bitmap,
    `transcript` the digest of the negotiation's last message, `bundle` 0 for none.
    """

    listing: Bytes32
    demander: Address
    token: Address
    quantity: Uint64
    unit_price: Uint128
    valid_until: Uint64
    nonce: Uint256
    demander_epoch: Uint64 = 0
    listing_epoch: Uint64 = 0
    transcript: Bytes32 = ZERO_BYTES32
    bundle: Bytes32 = ZERO_BYTES32
    escrow: Escrow = field(default=Escrow())

    @property
    def author(self) -> str:
        """The address that must have signed when a demander sends this as a message."""
        return self.demander


def listing_id(supplier: str, resource: bytes, slot: int, slot_end: int) -> bytes:
    """Return keccak(abi.encode(supplier, resource, slot)), its last 40 bits the end of the slot.

    `slot_end` is below TIME_LIMIT, which the exchange requires of every slot.
    """
    return _words(supplier, resource, slot)[:27] + slot_end.to_bytes(5, "big")


def commitment_of(supplier: str, resource: bytes, slot: int, quantity: int, salt: bytes) -> bytes:
    """Return the commitment to a slot's quantity; `salt` is 32 random bytes."""
    return _words(supplier, resource, slot, quantity, salt)


def bundle_of(trades: Sequence[Trade]) -> bytes:
    """Return the hash of a product: of its trades' struct hashes, each with `bundle` zero."""
    return keccak(b"".join(struct_hash(replace(each, bundle=ZERO_BYTES32)) for each in trades))


def _words(supplier: str, *values: bytes | int) -> bytes:
    words = (each if isinstance(each, bytes) else each.to_bytes(32, "big") for each in values)
    return keccak(to_canonical_address(supplier).rjust(32, b"\0") + b"".join(words))
