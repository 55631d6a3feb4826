"""What is said to operators and among them: requests for attestation, and rulings on disputes.

An operator's word carries a second signature beside the message's own: that which the contract
checks, over the `Attestation` or the `Ruling` itself. With k of those anyone can submit it.
"""

from dataclasses import dataclass, field

from fabmarket.identity import Address, Bytes, Bytes32, Text, TypedStruct, Uint64
from fabmarket.market.trade import Attestation, Ruling, SealedAttestation

LARGEST_EXHIBIT = 400_000
"""Bytes of a file that fit an envelope; of a larger one its hash is shown, and where it is."""


@dataclass(frozen=True)
class AttestationRequest(TypedStruct):
    """A supplier asks the operators of a set to attest what it has."""

    attestation: Attestation

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.attestation.supplier

    @property
    def first_slot(self) -> int:
        """The first slot that it counts."""
        return self.attestation.first_slot

    @property
    def quantities(self) -> tuple[int, ...]:
        """Units of that slot and those that follow."""
        return self.attestation.quantities


@dataclass(frozen=True)
class SealedRequest(TypedStruct):
    """The same of one slot, whose `quantity` only the operators hear.

    They must know it and the `salt` to count, and to see that the commitment is to just that.
    """

    attestation: SealedAttestation
    quantity: Uint64
    salt: Bytes32 = field(repr=False)

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.attestation.supplier

    @property
    def first_slot(self) -> int:
        """The slot that it counts."""
        return self.attestation.slot

    @property
    def quantities(self) -> tuple[int, ...]:
        """Units of that slot."""
        return (self.quantity,)


Request = AttestationRequest | SealedRequest
"""What a supplier wants attested."""


def slots_of(request: Request) -> range:
    """Return the slots that a request counts."""
    return range(request.first_slot, request.first_slot + len(request.quantities))


def counted(request: Request) -> str:
    """Return what is said of the units that a request is about."""
    quantities = ", ".join(map(str, request.quantities))
    return f"{quantities} sealed" if isinstance(request, SealedRequest) else quantities


@dataclass(frozen=True)
class Endorsement(TypedStruct):
    """An operator's signature over the attestation with this digest, sealed or not."""

    operator: Address
    attestation: Bytes32
    signature: Bytes

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.operator


@dataclass(frozen=True)
class Objection(TypedStruct):
    """An operator will not sign the attestation with this digest; `reason` says why."""

    operator: Address
    attestation: Bytes32
    reason: Text

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.operator


@dataclass(frozen=True)
class Verdict(TypedStruct):
    """An operator's signature over a ruling, shown to those who may sign it too."""

    operator: Address
    ruling: Ruling
    signature: Bytes

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.operator


@dataclass(frozen=True)
class Exhibit(TypedStruct):
    """A party shows the operators evidence of a trade: a `file`, or `place`, where to get it.

    `hash` is keccak-256 of the file's bytes.
    """

    party: Address
    trade: Bytes32
    hash: Bytes32
    file: Bytes
    place: Text

    @property
    def author(self) -> str:
        """The address that must have signed this message."""
        return self.party


OversightMessage = Request | Endorsement | Objection | Verdict | Exhibit
