"""The contract both parties sign, the operators' attestation, and the domain they are signed in."""

from dataclasses import dataclass, field

from eth_utils.address import to_canonical_address

from fabmarket.identity import (
    ZERO_BYTES32,
    Address,
    Bytes32,
    Domain,
    TypedStruct,
    Uint16,
    Uint64,
    Uint128,
    Uint256,
    keccak,
)


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


def listing_id(supplier: str, resource: bytes, slot: int) -> bytes:
    """Return keccak(abi.encode(supplier, resource, slot)): one listing per resource and slot."""
    return keccak(
        to_canonical_address(supplier).rjust(32, b"\0") + resource + slot.to_bytes(32, "big")
    )
