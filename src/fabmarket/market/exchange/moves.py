"""The calls of the contract, one class each: its functions' names and parameters.

A `Trade` holds its escrow terms, which the contract takes beside it, and a signature stands where
the contract gets two words and a list of proofs.
"""

from dataclasses import dataclass

from fabmarket.market.trade import Attestation, Intent, SealedAttestation, Trade


@dataclass(frozen=True)
class Proof:
    """What stands for a signature where the signer is a contract (ERC-1271).

    `confirmed` says whether the signer's code accepts `proof` at that time: like the time, it comes
    from outside, because no rule of the exchange decides it.
    """

    proof: bytes
    confirmed: bool


Signature = bytes | Proof
"""A key's signature, 65 bytes r, s, v with low s, or what a contract is asked."""


@dataclass(frozen=True)
class SetOperators:
    """The operators replace themselves."""

    operators: tuple[str, ...]
    threshold: int
    signatures: tuple[bytes, ...]


@dataclass(frozen=True)
class Pause:
    """The operators stop new trades until a time, or end that (0)."""

    until: int
    signatures: tuple[bytes, ...]


@dataclass(frozen=True)
class SetToken:
    """The operators allow or stop deposits in a token."""

    token: str
    accepted: bool
    signatures: tuple[bytes, ...]


@dataclass(frozen=True)
class RegisterResource:
    """The caller fixes unit and calendar of its resource."""

    resource: bytes
    unit: bytes
    origin: int
    slot_length: int


@dataclass(frozen=True)
class Attest:
    """Anyone submits an attestation with the operators' signatures."""

    attestation: Attestation
    signatures: tuple[bytes, ...]


@dataclass(frozen=True)
class AttestSealed:
    """Anyone submits a sealed attestation with the operators' signatures."""

    attestation: SealedAttestation
    signatures: tuple[bytes, ...]


@dataclass(frozen=True)
class Open:
    """Anyone who knows quantity and salt opens a sealed slot and lists it."""

    supplier: str
    resource: bytes
    slot: int
    quantity: int
    salt: bytes


@dataclass(frozen=True)
class Report:
    """The caller claims `quantity` free units of a resource in a slot."""

    resource: bytes
    slot: int
    quantity: int


@dataclass(frozen=True)
class List:
    """The caller lists capacity, all reports or none."""

    reports: tuple[Report, ...]


@dataclass(frozen=True)
class Unlist:
    """The caller takes unsold units off the market."""

    resource: bytes
    slot: int
    quantity: int


@dataclass(frozen=True)
class RaiseListingEpoch:
    """The caller voids all unsettled trades of its listing."""

    listing: bytes


@dataclass(frozen=True)
class Deposit:
    """The caller pays `amount` base units in."""

    token: str
    amount: int


@dataclass(frozen=True)
class DepositWithPermit:
    """The same with a permit (ERC-2612), whose use by another before does not matter."""

    token: str
    amount: int
    deadline: int
    v: int
    r: bytes
    s: bytes


@dataclass(frozen=True)
class Withdraw:
    """The caller takes `amount` base units out."""

    token: str
    amount: int


@dataclass(frozen=True)
class Cancel:
    """The caller uses up the nonces set in `mask`."""

    token: str
    mask: int


@dataclass(frozen=True)
class RaiseEpoch:
    """The caller voids all its unsettled trades in a token."""

    token: str


@dataclass(frozen=True)
class SignedTrade:
    """A trade and both parties' signatures over its digest."""

    trade: Trade
    demander: Signature
    supplier: Signature


@dataclass(frozen=True)
class Settle:
    """Anyone submits an instant trade."""

    signed: SignedTrade


@dataclass(frozen=True)
class SettleBatch:
    """Anyone submits instant trades; those that cannot settle are skipped."""

    trades: tuple[SignedTrade, ...]


@dataclass(frozen=True)
class SettleBundle:
    """Anyone submits all trades of a product, all or none."""

    trades: tuple[SignedTrade, ...]


@dataclass(frozen=True)
class SettleEscrow:
    """Anyone submits a trade whose payment waits for delivery."""

    signed: SignedTrade


@dataclass(frozen=True)
class Deliver:
    """The supplier states delivery."""

    trade: Trade


@dataclass(frozen=True)
class Release:
    """The demander pays the supplier `amount` base units of what is held."""

    trade: Trade
    amount: int


@dataclass(frozen=True)
class Refund:
    """The supplier gives back all that is held."""

    trade: Trade


@dataclass(frozen=True)
class Dispute:
    """The demander disputes a stated delivery."""

    trade: Trade
    evidence: bytes


@dataclass(frozen=True)
class Split:
    """Anyone submits a split (basis points to the supplier) that both signed."""

    trade: Trade
    supplier_share: int
    demander: Signature
    supplier: Signature


@dataclass(frozen=True)
class Rule:
    """Anyone submits the operators' decision of a dispute."""

    trade: Trade
    supplier_share: int
    signatures: tuple[bytes, ...]


@dataclass(frozen=True)
class Expire:
    """Anyone ends a waiting state whose deadline has passed."""

    trade: Trade


@dataclass(frozen=True)
class Relay:
    """Anyone submits a move of `intent.account`, who signed it; `intent.call` is its call data."""

    intent: Intent
    move: "Move"
    signature: Signature


Decision = SetOperators | Pause | SetToken
Transfer = Deposit | DepositWithPermit | Withdraw
EscrowMove = SettleEscrow | Deliver | Release | Refund | Dispute | Split | Rule | Expire
Move = (
    Decision
    | RegisterResource
    | Attest
    | AttestSealed
    | Open
    | List
    | Unlist
    | RaiseListingEpoch
    | Transfer
    | Cancel
    | RaiseEpoch
    | Settle
    | SettleBatch
    | SettleBundle
    | EscrowMove
    | Relay
)
