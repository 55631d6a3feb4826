"""Trades whose payment waits for delivery (contracts/src/ResourceEscrow.sol)."""

from fabmarket.identity import digest
from fabmarket.market.events import Delivered, Disputed, Escrowed, Event, Released
from fabmarket.market.exchange.moves import (
    Deliver,
    Dispute,
    Expire,
    Refund,
    Release,
    Rule,
    SettleEscrow,
    Split,
)
from fabmarket.market.exchange.settlement import require_single, require_trading, settled
from fabmarket.market.exchange.signatures import NOBODY, require_operators, require_signer
from fabmarket.market.exchange.state import WHOLE, EscrowState, Exchange, Held, Reverted
from fabmarket.market.trade import Ruling, Trade
from fabmarket.market.trade import Split as SplitTerms


def settle_escrow(state: Exchange, move: SettleEscrow, now: int) -> tuple[Event, ...]:
    """Settle a trade into escrow."""
    trade = move.signed.trade
    require_trading(state, now)
    require_single(trade)
    terms = trade.escrow
    timely = now < terms.deliver_by < terms.accept_by < terms.decide_by
    if not timely or max(terms.late_share, terms.silence_share, terms.undecided_share) > WHOLE:
        raise Reverted("BadEscrow")
    event = settled(state, move.signed, now)
    return event, Escrowed(
        event.trade,
        terms.deliver_by,
        terms.accept_by,
        terms.decide_by,
        terms.late_share,
        terms.silence_share,
        terms.undecided_share,
    )


def deliver(state: Exchange, caller: str, move: Deliver, now: int) -> tuple[Event, ...]:
    """State delivery."""
    _require_party(caller, _supplier(state, move.trade))
    trade_digest, _ = _held_in(state, move.trade, EscrowState.FUNDED)
    if now >= move.trade.escrow.deliver_by:
        raise Reverted("DeadlinePassed", move.trade.escrow.deliver_by, now)
    return (Delivered(trade_digest),)


def release(state: Exchange, caller: str, move: Release) -> tuple[Event, ...]:
    """Pay the supplier part or all of what is held."""
    _require_party(caller, move.trade.demander)
    trade_digest, held = _open(state, move.trade)
    if move.amount == 0:
        raise Reverted("ZeroAmount")
    if move.amount > held.amount:
        raise Reverted("InsufficientEscrow", trade_digest, held.amount, move.amount)
    return (Released(trade_digest, move.amount, 0),)


def refund(state: Exchange, caller: str, move: Refund) -> tuple[Event, ...]:
    """Give everything back."""
    _require_party(caller, _supplier(state, move.trade))
    trade_digest, held = _open(state, move.trade)
    return (_shared(trade_digest, held, 0),)


def dispute(state: Exchange, caller: str, move: Dispute, now: int) -> tuple[Event, ...]:
    """Dispute a delivery."""
    _require_party(caller, move.trade.demander)
    trade_digest, _ = _held_in(state, move.trade, EscrowState.DELIVERED)
    if now >= move.trade.escrow.accept_by:
        raise Reverted("DeadlinePassed", move.trade.escrow.accept_by, now)
    return (Disputed(trade_digest, move.evidence),)


def split(state: Exchange, move: Split) -> tuple[Event, ...]:
    """Carry out a split that both signed."""
    trade_digest, held = _open(state, move.trade)
    if move.supplier_share > WHOLE:
        raise Reverted("BadShare", move.supplier_share)
    agreed = digest(state.domain, SplitTerms(trade_digest, move.supplier_share))
    require_signer(move.trade.demander, agreed, move.demander)
    require_signer(_supplier(state, move.trade), agreed, move.supplier)
    return (_shared(trade_digest, held, move.supplier_share),)


def rule(state: Exchange, move: Rule, now: int) -> tuple[Event, ...]:
    """Carry out the operators' ruling."""
    trade_digest, held = _held_in(state, move.trade, EscrowState.DISPUTED)
    if now >= move.trade.escrow.decide_by:
        raise Reverted("DeadlinePassed", move.trade.escrow.decide_by, now)
    if move.supplier_share > WHOLE:
        raise Reverted("BadShare", move.supplier_share)
    require_operators(state, Ruling(trade_digest, move.supplier_share), move.signatures)
    return (_shared(trade_digest, held, move.supplier_share),)


def expire(state: Exchange, move: Expire, now: int) -> tuple[Event, ...]:
    """End a waiting state whose deadline has passed."""
    trade_digest, held = _open(state, move.trade)
    terms = move.trade.escrow
    deadline, share = {
        EscrowState.FUNDED: (terms.deliver_by, terms.late_share),
        EscrowState.DELIVERED: (terms.accept_by, terms.silence_share),
        EscrowState.DISPUTED: (terms.decide_by, terms.undecided_share),
    }[held.state]
    if now < deadline:
        raise Reverted("DeadlineAhead", deadline, now)
    return (_shared(trade_digest, held, share),)


def _supplier(state: Exchange, trade: Trade) -> str:
    listing = state.listings.get(trade.listing)
    return listing.supplier if listing else NOBODY


def _require_party(caller: str, party: str) -> None:
    if caller != party:
        raise Reverted("NotParty", caller)


def _held(state: Exchange, trade: Trade) -> tuple[bytes, Held]:
    trade_digest = digest(state.domain, trade)
    return trade_digest, state.held.get(trade_digest, Held())


def _held_in(state: Exchange, trade: Trade, wanted: EscrowState) -> tuple[bytes, Held]:
    trade_digest, held = _held(state, trade)
    if held.state != wanted:
        raise Reverted("WrongState", trade_digest, held.state)
    return trade_digest, held


def _open(state: Exchange, trade: Trade) -> tuple[bytes, Held]:
    trade_digest, held = _held(state, trade)
    if held.state in (EscrowState.NONE, EscrowState.CLOSED):
        raise Reverted("WrongState", trade_digest, held.state)
    return trade_digest, held


def _shared(trade_digest: bytes, held: Held, supplier_share: int) -> Released:
    to_supplier_rounded_down = held.amount * supplier_share // WHOLE
    return Released(trade_digest, to_supplier_rounded_down, held.amount - to_supplier_rounded_down)
