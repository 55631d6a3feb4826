"""The contract both parties sign, the operators' attestation, and the domain they are signed in."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from fabmarket.identity import (
    ZERO_BYTES32,
    Address,
    Bytes,
    Bytes32,
    Domain,
    Flag,
    TypedStruct,
    Uint16,
    Uint32,
    Uint64,
    Uint128,
    Uint256,
    canonical,
    keccak,
    struct_hash,
)

NONCES = 96
"""Nonces of one epoch of an account in a token; then the next epoch begins."""
TIME_LIMIT = 1 << 40
"""Slots end before this second of chain time, so that a listing's id can hold the end."""


def market_domain(chain_id: int, exchange: str) -> Domain:
    """Return the EIP-712 domain of one exchange contract on one chain."""
    return Domain("Fabmarket", "1", chain_id, exchange)


@dataclass(frozen=True)
class Attestation(TypedStruct):
    """What k operators counted: `quantities[i]` units in slot `first_slot + i` of this calendar.

    Slot k covers [origin + k·slot_length, origin + (k+1)·slot_length) seconds. `expiry` is the
    first second of chain time at which it allows no new listing; what is listed stays for sale.
    `operator_set` is the number of the set that signs.
    """

    supplier: Address
    resource: Bytes32
    unit: Bytes32
    origin: Uint64
    slot_length: Uint64
    first_slot: Uint64
    quantities: tuple[Uint64, ...]
    version: Uint64
    expiry: Uint64
    operator_set: Uint32


@dataclass(frozen=True)
class SealedAttestation(TypedStruct):
    """The same for one slot, the quantity hidden in a salted `commitment`."""

    supplier: Address
    resource: Bytes32
    unit: Bytes32
    origin: Uint64
    slot_length: Uint64
    slot: Uint64
    commitment: Bytes32
    version: Uint64
    expiry: Uint64
    operator_set: Uint32


@dataclass(frozen=True)
class Open(TypedStruct):
    """A supplier's consent that whoever knows what is sealed opens it, before `deadline`.

    `version` is that of the attestation which sealed the slot.
    """

    listing: Bytes32
    commitment: Bytes32
    version: Uint64
    listing_epoch: Uint64
    deadline: Uint64


@dataclass(frozen=True)
class Operators(TypedStruct):
    """A decision of operator set `set`: the next operators. `nonce` counts decisions."""

    operators: tuple[Address, ...]
    threshold: Uint256
    set: Uint32
    nonce: Uint256
    deadline: Uint64


@dataclass(frozen=True)
class Pause(TypedStruct):
    """A decision of the operators: no new trade until then."""

    until: Uint64
    set: Uint32
    nonce: Uint256
    deadline: Uint64


@dataclass(frozen=True)
class Token(TypedStruct):
    """A decision of the operators: whether deposits in a token are accepted."""

    token: Address
    accepted: Flag
    set: Uint32
    nonce: Uint256
    deadline: Uint64


@dataclass(frozen=True)
class Intent(TypedStruct):
    """A call that `account` wants anyone to submit before `deadline`."""

    account: Address
    call: Bytes
    nonce: Uint256
    deadline: Uint64


@dataclass(frozen=True)
class Split(TypedStruct):
    """Both parties agree how to divide all that a trade holds, token base units."""

    trade: Bytes32
    to_supplier: Uint128
    to_demander: Uint128
    deadline: Uint64
    nonce: Uint32


@dataclass(frozen=True)
class Ruling(TypedStruct):
    """What the operators decide of a dispute: the supplier's shares, basis points.

    Of the payment held, of its bond, and of both deposits. `number` is above that of the ruling it
    replaces.
    """

    trade: Bytes32
    number: Uint32
    payment_share: Uint16
    bond_share: Uint16
    deposit_share: Uint16
    deadline: Uint64


@dataclass(frozen=True)
class Escrow(TypedStruct):
    """What both parties sign of a trade whose payment waits; all zero means instant settlement.

    `resource` and `slot` are what the listing's id was made of. Times in chain seconds, each the
    first second after its window; shares in basis points, to the supplier; `bond` in token base
    units; penalties are the bond's basis points that go to the demander.
    """

    resource: Bytes32 = ZERO_BYTES32
    slot: Uint64 = 0
    deliver_from: Uint64 = 0
    deliver_by: Uint64 = 0
    dispute_by: Uint64 = 0
    decide_by: Uint64 = 0
    late_share: Uint16 = 0
    silence_share: Uint16 = 0
    undecided_share: Uint16 = 0
    bond: Uint128 = 0
    late_penalty: Uint16 = 0
    exit_penalty: Uint16 = 0


@dataclass(frozen=True)
class Trade(TypedStruct):
    """The terms of one trade; payment = quantity * unit_price, so nothing is rounded.

    `quantity` in resource units, `unit_price` in token base units per unit, `valid_until` the first
    second of chain time at which it can no longer settle. `nonce` is the demander's, which settling
    uses up, `supplier_nonce` the supplier's, which must be unused (`nonce_of`). `transcript` is the
    digest of the negotiation's last message, `bundle` 0 for none.
    """

    listing: Bytes32
    demander: Address
    token: Address
    quantity: Uint64
    unit_price: Uint128
    valid_until: Uint64
    nonce: Uint64
    supplier_nonce: Uint64 = 0
    listing_epoch: Uint64 = 0
    transcript: Bytes32 = ZERO_BYTES32
    bundle: Bytes32 = ZERO_BYTES32
    escrow: Escrow = field(default=Escrow())

    @property
    def author(self) -> str:
        """The address that must have signed when a demander sends this as a message."""
        return self.demander

    @property
    def payment(self) -> int:
        """Base units: all of its units at their price."""
        return self.quantity * self.unit_price


@dataclass(frozen=True)
class NetBatch(TypedStruct):
    """What everyone concerned signs of a cycle: roots of its salted trades, rows and sales."""

    token: Address
    trades: Bytes32
    rows: Bytes32
    sales: Bytes32
    valid_until: Uint64


@dataclass(frozen=True)
class Confirmation(TypedStruct):
    """What a contract is asked (ERC-1271) where several accounts sign one `digest`.

    That is a trade, a split, a net cycle, and whatever operators sign. Bound to the wallet, so that
    one key's signature does not pass for that of every wallet which the key owns.
    """

    wallet: Address
    digest: Bytes32


def nonce_of(epoch: int, bit: int) -> int:
    """Return the signed nonce for one of the NONCES bits of an account's epoch."""
    return epoch << 8 | bit


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
    return keccak(canonical(supplier).rjust(32, b"\0") + b"".join(words))
