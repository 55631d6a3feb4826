"""The calls of the contract, one class each: its functions' names and parameters.

A `Trade` holds its escrow terms, which the contract takes beside it, and a signature stands where
the contract gets two words and a list of proofs. A `deadline` is the first second of chain time at
which what was signed is void.
"""

from dataclasses import dataclass

from fabmarket.market.net import Cycle
from fabmarket.market.trade import Attestation, Intent, Ruling, SealedAttestation, Trade


@dataclass(frozen=True)
class Proof:
    """What stands for a signature where the signer is a contract (ERC-1271).

    Where others sign the same digest (a trade, a split, a net cycle, as an operator) it is asked
    about `trade.Confirmation` of it; otherwise about the digest itself.

    `confirmed` says whether the signer's code accepts `proof` at that time: like the time, it comes
    from outside, because no rule of the exchange decides it. `gas` is what whoever submits gives
    that code at least; nothing to the contract's own minimum where it is less.
    """

    proof: bytes
    confirmed: bool
    gas: int = 0


Signature = bytes | Proof
"""A key's signature, 65 bytes r, s, v with low s, or what a contract is asked."""


@dataclass(frozen=True)
class OperatorSignature:
    """One operator's signature; those of a decision ascend by operator."""

    operator: str
    signature: Signature


@dataclass(frozen=True)
class SetOperators:
    """The operators decide who follows them after the deployment's delay."""

    operators: tuple[str, ...]
    threshold: int
    deadline: int
    signatures: tuple[OperatorSignature, ...]


@dataclass(frozen=True)
class Pause:
    """The operators stop new trades until a time, or end that (0)."""

    until: int
    deadline: int
    signatures: tuple[OperatorSignature, ...]


@dataclass(frozen=True)
class SetToken:
    """The operators allow or stop deposits in a token."""

    token: str
    accepted: bool
    deadline: int
    signatures: tuple[OperatorSignature, ...]


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
    signatures: tuple[OperatorSignature, ...]


@dataclass(frozen=True)
class AttestSealed:
    """Anyone submits a sealed attestation with the operators' signatures."""

    attestation: SealedAttestation
    signatures: tuple[OperatorSignature, ...]


@dataclass(frozen=True)
class Open:
    """The supplier, or whoever has its signature, opens a sealed slot and lists it."""

    supplier: str
    resource: bytes
    slot: int
    quantity: int
    salt: bytes
    deadline: int = 0
    signature: Signature = b""


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
    """The caller takes unsold units off the market; with the last of them the listing is void."""

    resource: bytes
    slot: int
    quantity: int


@dataclass(frozen=True)
class RaiseListingEpoch:
    """The caller voids everything signed for its listing of a slot, be it listed or not."""

    resource: bytes
    slot: int


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
    """The caller takes `amount` base units out, to the wallet of `to`."""

    token: str
    amount: int
    to: str


@dataclass(frozen=True)
class Cancel:
    """The caller uses up the nonces set in `mask`; with the last of them its epoch is raised."""

    token: str
    mask: int


@dataclass(frozen=True)
class RaiseEpoch:
    """The caller voids all its unsettled trades in a token."""

    token: str


@dataclass(frozen=True)
class VoidIntents:
    """The caller voids its intents with a nonce below `nonce`."""

    nonce: int


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
class SettleEscrowBatch:
    """Anyone submits trades into escrow; those that cannot settle are skipped."""

    trades: tuple[SignedTrade, ...]


@dataclass(frozen=True)
class SettleEscrowBundle:
    """Anyone submits all trades of a product into escrow, all or none."""

    trades: tuple[SignedTrade, ...]


@dataclass(frozen=True)
class Deliver:
    """The supplier states that `quantity` units were delivered."""

    trade: Trade
    quantity: int


@dataclass(frozen=True)
class Release:
    """The demander pays the supplier `amount` base units of the payment held."""

    trade: Trade
    amount: int


@dataclass(frozen=True)
class Refund:
    """The supplier gives the payment held back."""

    trade: Trade


@dataclass(frozen=True)
class RefundUncovered:
    """The demander takes the payment back, because less is attested than was sold."""

    trade: Trade


@dataclass(frozen=True)
class Dispute:
    """The demander disputes a stated delivery."""

    trade: Trade
    evidence: bytes


@dataclass(frozen=True)
class Split:
    """Anyone submits a division (base units) of all that is held that both parties signed."""

    trade: Trade
    to_supplier: int
    to_demander: int
    deadline: int
    demander: Signature
    supplier: Signature


@dataclass(frozen=True)
class VoidSplits:
    """A party voids every split signed for the trade so far."""

    trade: Trade


@dataclass(frozen=True)
class Rule:
    """Anyone posts the operators' ruling on a dispute; `ruling.trade` is the trade's digest."""

    trade: Trade
    ruling: Ruling
    signatures: tuple[OperatorSignature, ...]


@dataclass(frozen=True)
class Execute:
    """Anyone carries out the ruling posted, after its window."""

    trade: Trade


@dataclass(frozen=True)
class Expire:
    """Anyone opens the grace period after a deadline, and pays as agreed after that."""

    trade: Trade


@dataclass(frozen=True)
class SettleNet:
    """Anyone submits a cycle with the signatures of its accounts, in the order of its rows."""

    cycle: Cycle
    signatures: tuple[Signature, ...]


@dataclass(frozen=True)
class SettleLate:
    """Anyone submits all trades of a product agreed for a cycle, from `not_before` on, or none."""

    trades: tuple[SignedTrade, ...]
    not_before: int


@dataclass(frozen=True)
class Relay:
    """Anyone submits a move of `intent.account`, who signed it; `intent.call` is its call data."""

    intent: Intent
    move: "Move"
    signature: Signature


Decision = SetOperators | Pause | SetToken
AccountMove = Deposit | DepositWithPermit | Withdraw | Cancel | RaiseEpoch | VoidIntents
ListingMove = RegisterResource | Attest | AttestSealed | Open | List | Unlist | RaiseListingEpoch
InstantMove = Settle | SettleBatch | SettleBundle | SettleNet | SettleLate
IntoEscrow = SettleEscrow | SettleEscrowBatch | SettleEscrowBundle
Verdict = Split | VoidSplits | Rule | Execute | Expire
EscrowMove = IntoEscrow | Deliver | Release | Refund | RefundUncovered | Dispute | Verdict
Move = Decision | AccountMove | ListingMove | InstantMove | EscrowMove | Relay
