"""Call data as the move that they make: the way back from `calls`."""

from typing import Any

from eth_abi.abi import decode

from fabmarket.chain.abi import plain, selectors, types
from fabmarket.identity import ZERO_BYTES32
from fabmarket.market.exchange import (
    Attest,
    AttestSealed,
    Cancel,
    Deliver,
    Deposit,
    DepositWithPermit,
    Dispute,
    Execute,
    Expire,
    List,
    Move,
    Open,
    OperatorSignature,
    Pause,
    Proof,
    RaiseEpoch,
    RaiseListingEpoch,
    Refund,
    RefundUncovered,
    RegisterResource,
    Relay,
    Release,
    Report,
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
    Unlist,
    VoidIntents,
    VoidSplits,
    Withdraw,
)
from fabmarket.market.net import Cycle, unpack_rows, unpack_sales
from fabmarket.market.trade import Attestation, Escrow, Intent, Ruling, SealedAttestation, Trade

_PLAIN: dict[str, Any] = {
    "registerResource": RegisterResource,
    "unlist": Unlist,
    "raiseListingEpoch": RaiseListingEpoch,
    "deposit": Deposit,
    "depositWithPermit": DepositWithPermit,
    "withdraw": Withdraw,
    "cancel": Cancel,
    "raiseEpoch": RaiseEpoch,
    "voidIntents": VoidIntents,
}
_DECISIONS: dict[str, Any] = {
    "setOperators": SetOperators,
    "pause": Pause,
    "setToken": SetToken,
}
_OF_TRADES: dict[str, Any] = {
    "deliver": Deliver,
    "release": Release,
    "refund": Refund,
    "refundUncovered": RefundUncovered,
    "dispute": Dispute,
    "voidSplits": VoidSplits,
    "execute": Execute,
    "expire": Expire,
}
_INSTANT: dict[str, Any] = {"settleBatch": SettleBatch, "settleBundle": SettleBundle}
_ESCROWS: dict[str, Any] = {
    "settleEscrowBatch": SettleEscrowBatch,
    "settleEscrowBundle": SettleEscrowBundle,
}


def move_of(data: bytes) -> Move | None:
    """Return the move that a call of the exchange makes; None for other calls.

    A contract's signature comes as `Proof` that is not confirmed where the call has a list of them,
    else as bytes. Raises eth_abi's DecodingError, or ValueError, for data that no call has.
    """
    name, values = _read(data)
    made: Move | None
    match name:
        case _ if name in _PLAIN:
            made = _PLAIN[name](*values)
            return made
        case _ if name in _DECISIONS:
            *decided, signatures = values
            made = _DECISIONS[name](*decided, _operators(signatures))
            return made
        case _ if name in _OF_TRADES:
            terms, escrow, *rest = values
            made = _OF_TRADES[name](_trade(terms, escrow), *rest)
            return made
        case "attest":
            return Attest(Attestation(*values[0]), _operators(values[1]))
        case "attestSealed":
            return AttestSealed(SealedAttestation(*values[0]), _operators(values[1]))
        case "open":
            supplier, resource, slot, quantity, salt = values[0]
            return Open(supplier, resource, slot, quantity, salt, *values[1:])
        case "list":
            return List(tuple(Report(*each) for each in values[0]))
        case "rule":
            terms, escrow, ruling, signatures = values
            ruled = Ruling(ZERO_BYTES32, *ruling)
            return Rule(_trade(terms, escrow), ruled, _operators(signatures))
        case "relay":
            intent, signature = Intent(*values[0]), values[1]
            move = move_of(intent.call)
            return None if move is None else Relay(intent, move, signature)
        case _:
            return _settlement(name, values)


def intent_of(data: bytes) -> tuple[Intent, bytes] | None:
    """Return what a call of `relay` has somebody do, and the signature; None for other calls."""
    name, values = _read(data)
    return (Intent(*values[0]), values[1]) if name == "relay" else None


def _read(data: bytes) -> tuple[str, tuple[Any, ...]]:
    """The name of the function that is called, "" if it is none, and what it is given."""
    abi = selectors("CapacityExchange").get(data[:4])
    if abi is None:
        return "", ()
    # As the contract reads it: what fills the last word of some bytes may be anything.
    values = decode(types(abi["inputs"]), data[4:], strict=False)
    return abi["name"], tuple(map(plain, abi["inputs"], values))


def _settlement(name: str, values: tuple[Any, ...]) -> Move | None:
    """Calls that end with what contracts accept as signatures."""
    proofs = values[-1] if values else ()
    match name:
        case "settle":
            return Settle(_signed(values[0], proofs))
        case "settleBatch" | "settleBundle":
            instant: Move = _INSTANT[name](tuple(_signed(each, proofs) for each in values[0]))
            return instant
        case "settleEscrow":
            return SettleEscrow(_escrowed(values[0], proofs))
        case "settleEscrowBatch" | "settleEscrowBundle":
            held: Move = _ESCROWS[name](tuple(_escrowed(each, proofs) for each in values[0]))
            return held
        case "settleLate":
            return SettleLate(tuple(_signed(each, proofs) for each in values[0]), values[1])
        case "settleNet":
            (token, trades, until, rows, sales), signatures = values[:2]
            cycle = Cycle(token, trades, until, unpack_rows(rows), unpack_sales(sales))
            return SettleNet(cycle, tuple(_signature(each, proofs) for each in signatures))
        case "split":
            terms, escrow, *agreed, demander, supplier, _ = values
            hands = (_signature(each, proofs) for each in (demander, supplier))
            return Split(_trade(terms, escrow), *agreed, *hands)
        case _:
            return None


def _trade(terms: Any, escrow: Any = ()) -> Trade:
    return Trade(*(*terms, Escrow(*escrow)))


def _signed(values: Any, proofs: Any, escrow: Any = ()) -> SignedTrade:
    terms, *hands = values
    return SignedTrade(_trade(terms, escrow), *(_signature(each, proofs) for each in hands))


def _escrowed(values: Any, proofs: Any) -> SignedTrade:
    signed, escrow = values
    return _signed(signed, proofs, escrow)


def _operators(signatures: Any) -> tuple[OperatorSignature, ...]:
    return tuple(OperatorSignature(*each) for each in signatures)


def _signature(compact: Any, proofs: Any) -> Signature:
    """The 65 bytes of r and vs (ERC-2098), or the proof that stands for them."""
    r, vs = compact[0], int.from_bytes(compact[1], "big")
    if any(r):
        s = vs & (1 << 255) - 1
        return r + s.to_bytes(32, "big") + bytes([27 + (vs >> 255)])  # type: ignore[no-any-return]
    index, gas = vs & (1 << 64) - 1, vs >> 64 & (1 << 64) - 1
    return Proof(proofs[index], confirmed=False, gas=gas) if index < len(proofs) else b""
