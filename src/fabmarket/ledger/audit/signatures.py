"""Who signed what in a call: each signature of a move, with what it must be of.

The twin's `step` recovers the keys. It cannot ask a contract (ERC-1271): that is done here, and
what the contract answers goes into the move.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from fabmarket.chain import ExchangeContract
from fabmarket.identity import Domain, TypedStruct, digest
from fabmarket.market import trade as signed
from fabmarket.market.events import Event, Skipped
from fabmarket.market.exchange import (
    Attest,
    AttestSealed,
    Exchange,
    Held,
    Listing,
    Move,
    Open,
    OperatorSignature,
    Pause,
    Proof,
    Relay,
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
    Slot,
    Split,
)
from fabmarket.market.exchange.signatures import is_by
from fabmarket.market.trade import Confirmation, listing_id

KINDS = ("trades", "cycles", "splits", "operators", "openings", "intents")
"""What signatures are of."""

Hand = Callable[[str, str, TypedStruct, Signature], Signature]
"""Given what it is of, the signer, what is signed, and a signature; returns what stands for it."""


@dataclass(frozen=True)
class Asked:
    """A move with what contracts answered, and how many of its signatures there are of each kind.

    `by_code`: of each that a contract confirmed the place of its trade in the call, -1 for others.
    """

    move: Move
    kinds: Counter[str]
    by_code: tuple[int, ...]


def asked(
    exchange: ExchangeContract,
    state: Exchange,
    caller: str,
    move: Move,
    now: int,
    block: int | None,
) -> Asked:
    """Return a move with what contracts say of their signatures as of after `block`; None: no.

    `now` is the time of the block that the move is in. ChainError if the node cannot ask.
    """
    kinds, by_code = Counter[str](), list[int]()

    def hand(kind: str, signer: str, of: TypedStruct, signature: Signature) -> Signature:
        kinds[kind] += 1
        if isinstance(signature, Proof):
            proof = signature
        elif kind in _IN_BYTES and not is_by(signer, digest(state.domain, of), signature):
            proof = Proof(signature, confirmed=False)
        else:
            return signature
        confirmed = block is not None and is_confirmed(
            exchange, state.domain, kind, signer, of, proof.proof, block
        )
        if confirmed:
            by_code.append((kinds["trades"] - 1) // 2 if kind == "trades" else -1)
        return replace(proof, confirmed=confirmed)

    return Asked(signed_by(state, caller, move, now, hand), kinds, tuple(by_code))


def is_confirmed(
    exchange: ExchangeContract,
    domain: Domain,
    kind: str,
    signer: str,
    of: TypedStruct,
    proof: bytes,
    block: int,
) -> bool:
    """Return whether a contract confirms, as of after `block`, that it signed something."""
    name = digest(domain, of)
    if kind not in ("openings", "intents"):  # others sign the same
        name = digest(domain, Confirmation(signer, name))
    return exchange.confirms(signer, name, proof, block)


_IN_BYTES = ("operators", "openings", "intents")
"""Whose signatures may be a key's or a contract's: a call does not say which."""


def in_effect(it: Asked, events: tuple[Event, ...]) -> tuple[Counter[str], int]:
    """Return how many signatures of each kind a call has that took effect, and how many of them
    contracts confirmed.
    """
    skipped = {each.index for each in events if isinstance(each, Skipped)}
    by_code = sum(place not in skipped for place in it.by_code)
    return it.kinds - Counter({"trades": 2 * len(skipped)}), by_code


def signed_by(state: Exchange, caller: str, move: Move, now: int, hand: Hand) -> Move:
    """Return the move of a caller with what `hand` makes of each of its signatures."""
    match move:
        case Settle() | SettleEscrow():
            return replace(move, signed=_trade(state, move.signed, hand))
        case (
            SettleBatch()
            | SettleBundle()
            | SettleLate()
            | SettleEscrowBatch()
            | SettleEscrowBundle()
        ):
            return replace(move, trades=tuple(_trade(state, each, hand) for each in move.trades))
        case SettleNet():
            rows = zip(move.cycle.rows, move.signatures, strict=True)
            batch = move.cycle.batch
            hands = tuple(hand("cycles", row.account, batch, each) for row, each in rows)
            return replace(move, signatures=hands)
        case Split():
            return _split(state, move, hand)
        case Attest() | AttestSealed():
            return replace(move, signatures=_operators(move.attestation, move.signatures, hand))
        case SetOperators() | Pause() | SetToken():
            decision = _decision(state, move, now)
            return replace(move, signatures=_operators(decision, move.signatures, hand))
        case Rule():
            ruling = replace(move.ruling, trade=digest(state.domain, move.trade))
            return replace(move, signatures=_operators(ruling, move.signatures, hand))
        case Open() if caller != move.supplier:
            consent = _consent(state, move)
            return replace(move, signature=hand("openings", move.supplier, consent, move.signature))
        case Relay():
            account = move.intent.account
            signature = hand("intents", account, move.intent, move.signature)
            inner = signed_by(state, account, move.move, now, hand)
            return replace(move, signature=signature, move=inner)
        case _:
            return move


def _trade(state: Exchange, it: SignedTrade, hand: Hand) -> SignedTrade:
    demander = hand("trades", it.trade.demander, it.trade, it.demander)
    supplier = hand("trades", state.supplier_of(it.trade.listing), it.trade, it.supplier)
    return replace(it, demander=demander, supplier=supplier)


def _split(state: Exchange, move: Split, hand: Hand) -> Split:
    trade = digest(state.domain, move.trade)
    nonce = state.held.get(trade, Held()).split_nonce
    agreed = signed.Split(trade, move.to_supplier, move.to_demander, move.deadline, nonce)
    supplier = state.supplier_of(move.trade.listing)
    return replace(
        move,
        demander=hand("splits", move.trade.demander, agreed, move.demander),
        supplier=hand("splits", supplier, agreed, move.supplier),
    )


def _operators(
    of: TypedStruct, signatures: tuple[OperatorSignature, ...], hand: Hand
) -> tuple[OperatorSignature, ...]:
    return tuple(
        replace(each, signature=hand("operators", each.operator, of, each.signature))
        for each in signatures
    )


def _decision(state: Exchange, move: SetOperators | Pause | SetToken, now: int) -> TypedStruct:
    place = (state.operator_set(now), state.decision_nonce, move.deadline)
    match move:
        case SetOperators():
            return signed.Operators(move.operators, move.threshold, *place)
        case Pause():
            return signed.Pause(move.until, *place)
        case SetToken():
            return signed.Token(move.token, move.accepted, *place)


def _consent(state: Exchange, move: Open) -> signed.Open:
    where = (move.supplier, move.resource, move.slot)
    calendar = state.calendars.get(where[:2])
    end = calendar.end(move.slot) if calendar else 0
    listing = listing_id(*where, end)
    epoch = state.listings.get(listing, Listing(move.supplier)).epoch
    version = state.slots.get(where, Slot()).version
    return signed.Open(listing, state.seals.get(where, bytes(32)), version, epoch, move.deadline)
