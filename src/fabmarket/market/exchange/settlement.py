"""Settlement: one trade, a batch, a product, a cycle (ResourceTrading.sol, NetSettlement.sol)."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from fabmarket.identity import ZERO_BYTES32, digest, keccak
from fabmarket.market.events import Event, NetSettled, Settled, Skipped, pack_terms
from fabmarket.market.exchange.moves import (
    InstantMove,
    Settle,
    SettleBatch,
    SettleBundle,
    SettleLate,
    SettleNet,
    SignedTrade,
)
from fabmarket.market.exchange.netting import applied
from fabmarket.market.exchange.record import record
from fabmarket.market.exchange.signatures import require_signer
from fabmarket.market.exchange.state import Exchange, Reverted, slot_end
from fabmarket.market.net import net_bundle, pack
from fabmarket.market.trade import Escrow, Trade, bundle_of

_INPUTS = {
    "ZeroQuantity": "",
    "ZeroPrice": "",
    "UnknownListing": "bytes32",
    "TradeExpired": "uint64,uint256",
    "ValidPastSlot": "uint64,uint64",
    "WrongListingEpoch": "uint64,uint32",
    "SelfTrade": "address",
    "BadSignature": "address,address",
    "InsufficientListing": "bytes32,uint64,uint64",
    "WrongEpoch": "address,uint256,uint32",
    "NonceUsed": "address,uint256",
    "InsufficientBalance": "address,address,uint256,uint256",
    "Bundled": "bytes32",
    "WrongPlace": "bytes32,bytes32,uint64",
    "BadTerm": "bytes32,uint256,uint256",
}


def selector(error: str) -> bytes:
    """Return the four bytes by which a batch names the error that skipped a trade."""
    return keccak(f"{error}({_INPUTS[error]})".encode())[:4]


def instant_events(state: Exchange, move: InstantMove, now: int) -> tuple[Event, ...]:
    """Return the events of a settlement at once."""
    require_trading(state, now)
    match move:
        case Settle():
            require_single(move.signed.trade)
            return (settled(state, _instant(move.signed), now),)
        case SettleBatch():
            trades = [_instant(signed) for signed in move.trades]
            return batch(state, trades, lambda at, signed: (settled(at, signed, now),))
        case SettleBundle():
            trades = [_instant(signed) for signed in move.trades]
            return product(state, trades, _bundle(trades), lambda at, it: (settled(at, it, now),))
        case SettleLate():
            if now < move.not_before:
                raise Reverted("LateOnly", move.not_before, now)
            trades = [_instant(signed) for signed in move.trades]
            bundle = net_bundle(move.not_before, _bundle(trades))
            return product(state, trades, bundle, lambda at, it: (settled(at, it, now),))
        case SettleNet():
            return (_net(state, move, now),)


def require_trading(state: Exchange, now: int) -> None:
    """Revert while trading is paused."""
    if now < state.paused_until:
        raise Reverted("TradingPaused", state.paused_until)


def require_single(trade: Trade) -> None:
    """Revert if the trade is part of a product or agreed for a cycle."""
    if trade.bundle != ZERO_BYTES32:
        raise Reverted("Bundled", trade.bundle)


def batch(
    state: Exchange,
    trades: Sequence[SignedTrade],
    one: Callable[[Exchange, SignedTrade], tuple[Event, ...]],
) -> tuple[Event, ...]:
    """Settle what can be settled, each by `one`."""
    events: list[Event] = []
    for index, signed in enumerate(trades):
        trade = signed.trade
        try:
            require_single(trade)
            said = one(state, signed)
        except Reverted as refusal:
            reason, trade_digest = selector(refusal.error), digest(state.domain, trade)
            said = (Skipped(index, reason, trade_digest, trade.listing, trade.demander),)
        for event in said:
            state = record(state, event)
        events += said
    return tuple(events)


def product(
    state: Exchange,
    trades: Sequence[SignedTrade],
    bundle: bytes,
    one: Callable[[Exchange, SignedTrade], tuple[Event, ...]],
) -> tuple[Event, ...]:
    """Settle all trades of a product, each by `one`, or none."""
    events: list[Event] = []
    for signed in trades:
        if signed.trade.bundle != bundle:
            raise Reverted("WrongBundle", signed.trade.bundle, bundle)
        said = one(state, signed)
        for event in said:
            state = record(state, event)
        events += said
    return tuple(events)


def _instant(signed: SignedTrade) -> SignedTrade:
    return replace(signed, trade=replace(signed.trade, escrow=Escrow()))


def _bundle(trades: Sequence[SignedTrade]) -> bytes:
    return bundle_of([signed.trade for signed in trades])


def settled(
    state: Exchange, move: SignedTrade, now: int, demander_locks: int = 0, supplier_locks: int = 0
) -> Settled:
    """Return the record of a trade that passes every check.

    Locks are what each side must have beside the payment, base units.
    """
    trade = move.trade
    if trade.quantity == 0:
        raise Reverted("ZeroQuantity")
    if trade.unit_price == 0:
        raise Reverted("ZeroPrice")
    listing = state.listings.get(trade.listing)
    if listing is None:
        raise Reverted("UnknownListing", trade.listing)
    if now >= trade.valid_until:
        raise Reverted("TradeExpired", trade.valid_until, now)
    if trade.valid_until > slot_end(trade.listing):
        raise Reverted("ValidPastSlot", trade.valid_until, slot_end(trade.listing))
    if trade.listing_epoch != listing.epoch:
        raise Reverted("WrongListingEpoch", trade.listing_epoch, listing.epoch)
    if trade.demander == listing.supplier:
        raise Reverted("SelfTrade", trade.demander)
    trade_digest = digest(state.domain, trade)
    require_signer(trade.demander, trade_digest, move.demander)
    require_signer(listing.supplier, trade_digest, move.supplier)
    if listing.available < trade.quantity:
        raise Reverted("InsufficientListing", trade.listing, listing.available, trade.quantity)
    _check_nonces(state, trade, listing.supplier)
    payment = trade.quantity * trade.unit_price
    for account, needed in (
        (trade.demander, payment + demander_locks),
        (listing.supplier, supplier_locks),
    ):
        balance = state.account_of(account, trade.token).balance
        if balance < needed:
            raise Reverted("InsufficientBalance", account, trade.token, balance, needed)
    terms = pack_terms(trade.quantity, trade.unit_price, trade.nonce)
    return Settled(trade.listing, trade.demander, trade_digest, trade.token, terms)


def _check_nonces(state: Exchange, trade: Trade, supplier: str) -> None:
    seller = state.account_of(supplier, trade.token)
    epoch, bit = trade.supplier_nonce >> 8, trade.supplier_nonce & 0xFF
    if epoch != seller.epoch:
        raise Reverted("WrongEpoch", supplier, epoch, seller.epoch)
    if seller.is_used(bit):
        raise Reverted("NonceUsed", supplier, trade.supplier_nonce)
    buyer = state.account_of(trade.demander, trade.token)
    epoch, bit = trade.nonce >> 8, trade.nonce & 0xFF
    fresh = buyer.in_epoch(epoch)
    if fresh is None:
        raise Reverted("WrongEpoch", trade.demander, epoch, buyer.epoch)
    if fresh.is_used(bit):
        raise Reverted("NonceUsed", trade.demander, trade.nonce)


def _net(state: Exchange, move: SettleNet, now: int) -> NetSettled:
    cycle = move.cycle
    if not move.signatures or len(cycle.rows) != len(move.signatures):
        raise Reverted("MalformedBatch")
    if now >= cycle.valid_until:
        raise Reverted("TradeExpired", cycle.valid_until, now)
    agreed, previous = digest(state.domain, cycle.batch), 0
    for row, (it, signature) in enumerate(zip(cycle.rows, move.signatures, strict=True)):
        if int(it.account, 16) <= previous:
            raise Reverted("UnsortedRow", row)
        previous = int(it.account, 16)
        require_signer(it.account, agreed, signature)
    applied(state, cycle.token, cycle.rows, cycle.sales, cycle.valid_until)
    return NetSettled(agreed, cycle.token, cycle.trades, pack(cycle.rows), pack(cycle.sales))
