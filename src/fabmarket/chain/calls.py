"""Moves as the contract takes them: which function, and its arguments."""

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from fabmarket.chain.engine import TRANSACTION_GAS
from fabmarket.market.exchange import (
    Attest,
    AttestSealed,
    Deliver,
    Dispute,
    Execute,
    Expire,
    List,
    Move,
    Open,
    OperatorSignature,
    Pause,
    Proof,
    Refund,
    RefundUncovered,
    RegisterResource,
    Relay,
    Release,
    Rule,
    SetOperators,
    Settle,
    SettleBatch,
    SettleBundle,
    SettleEscrow,
    SettleEscrowBatch,
    SettleEscrowBundle,
    SettleLate,
    SettleNet,
    SetToken,
    Signature,
    SignedTrade,
    Split,
    VoidSplits,
)
from fabmarket.market.net import Cycle, pack
from fabmarket.market.trade import Trade

Values = tuple[Any, ...]


def function_of(move: Move) -> str:
    """Return the name of the function that a move calls: the move's own, in the contract's case."""
    name = type(move).__name__
    return name[0].lower() + name[1:]


def gas_limit(move: Move) -> int:
    """Return the gas that a move is sent with: given, so that one that reverts is mined as failed.

    More than it takes between accounts with keys; a contract's signature check may need more.
    """
    match move:
        case RegisterResource():
            return 200_000
        case Attest():
            quantities = len(move.attestation.quantities)
            return 150_000 + 20_000 * len(move.signatures) + 90_000 * quantities
        case List():
            return 100_000 + 170_000 * len(move.reports)
        case Settle():
            return 300_000
        case SettleBatch():
            return 50_000 + 100_000 * len(move.trades)
        case SettleBundle() | SettleEscrowBatch() | SettleEscrowBundle() | SettleLate():
            return min(TRANSACTION_GAS, 200_000 + 300_000 * len(move.trades))
        case Relay():
            return 100_000 + gas_limit(move.move)
        case SettleNet():
            return 300_000 + 40_000 * (len(move.cycle.rows) + len(move.cycle.sales))
        case _:
            return 500_000


def arguments_of(move: Move) -> Values:
    """Return what the function is given; signatures in two words each, contracts' proofs last."""
    match move:
        case SetOperators() | Pause() | SetToken():
            *decided, signatures = values_of(move)
            return *decided, _operators(signatures)
        case Attest() | AttestSealed():
            return values_of(move.attestation), _operators(move.signatures)
        case Open():
            *opening, deadline, signature = values_of(move)
            return tuple(opening), deadline, _whole(signature)
        case List():
            return ([values_of(report) for report in move.reports],)
        case Relay():
            return values_of(move.intent), _whole(move.signature)
        case Rule():
            _, *ruling = values_of(move.ruling)
            return *_terms(move.trade), tuple(ruling), _operators(move.signatures)
        case (
            Deliver()
            | Release()
            | Refund()
            | RefundUncovered()
            | Dispute()
            | VoidSplits()
            | Execute()
            | Expire()
        ):
            _, *rest = values_of(move)
            return *_terms(move.trade), *rest
        case _:
            return _with_proofs(move)


def values_of(struct: Any) -> Values:
    """Return the fields of a struct in order, as the contract's ABI takes it."""
    return tuple(getattr(struct, field.name) for field in fields(struct))


def _with_proofs(move: Move) -> Values:
    """Return the arguments of a call that ends with what contracts accept as signatures."""
    proofs: list[bytes] = []
    match move:
        case Settle():
            return _signed(move.signed, proofs), proofs
        case SettleBatch() | SettleBundle():
            return [_signed(each, proofs) for each in move.trades], proofs
        case SettleEscrow():
            return _escrowed(move.signed, proofs), proofs
        case SettleEscrowBatch() | SettleEscrowBundle():
            return [_escrowed(each, proofs) for each in move.trades], proofs
        case SettleLate():
            return [_signed(each, proofs) for each in move.trades], move.not_before, proofs
        case SettleNet():
            return _batch(move.cycle), [_compact(each, proofs) for each in move.signatures], proofs
        case Split():
            agreed = (move.to_supplier, move.to_demander, move.deadline)
            return *_terms(move.trade), *agreed, *_sides(move, proofs), proofs
        case _:
            return values_of(move)


def _terms(trade: Trade) -> tuple[Values, Values]:
    """Return the contract's two structs of a trade: its terms and its escrow."""
    return values_of(trade)[:-1], values_of(trade.escrow)


def _signed(signed: SignedTrade, proofs: list[bytes]) -> Values:
    return (_terms(signed.trade)[0], *_sides(signed, proofs))


def _escrowed(signed: SignedTrade, proofs: list[bytes]) -> Values:
    return _signed(signed, proofs), values_of(signed.trade.escrow)


def _batch(cycle: Cycle) -> Values:
    return cycle.token, cycle.trades, cycle.valid_until, pack(cycle.rows), pack(cycle.sales)


def _operators(signatures: Iterable[OperatorSignature]) -> list[tuple[str, bytes]]:
    return [(each.operator, _whole(each.signature)) for each in signatures]


def _whole(signature: Signature) -> bytes:
    return signature.proof if isinstance(signature, Proof) else signature


def _sides(signed: SignedTrade | Split, proofs: list[bytes]) -> list[tuple[bytes, bytes]]:
    return [_compact(each, proofs) for each in (signed.demander, signed.supplier)]


def _compact(signature: Signature, proofs: list[bytes]) -> tuple[bytes, bytes]:
    """Return r and vs of a 65-byte signature with low s (ERC-2098).

    A contract's proof is added to `proofs`; then r is 0 and vs its index there, below the gas for
    its check.
    """
    if isinstance(signature, Proof):
        proofs.append(signature.proof)
        return bytes(32), (signature.gas << 64 | len(proofs) - 1).to_bytes(32, "big")
    s = int.from_bytes(signature[32:64], "big") | (signature[64] - 27) << 255
    return signature[:32], s.to_bytes(32, "big")
