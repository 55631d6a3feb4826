"""Settlement: one trade, a batch, a product (contracts/src/ResourceTrading.sol)."""

from dataclasses import replace

from fabmarket.identity import ZERO_BYTES32, digest, keccak
from fabmarket.market.events import Event, Settled, Skipped, pack_terms
from fabmarket.market.exchange.moves import Settle, SettleBatch, SettleBundle, SignedTrade
from fabmarket.market.exchange.record import record
from fabmarket.market.exchange.signatures import require_signer
from fabmarket.market.exchange.state import ALL_USED, Exchange, Reverted
from fabmarket.market.trade import NONCES, Escrow, Trade, bundle_of

_INPUTS = {
    "ZeroQuantity": "",
    "ZeroPrice": "",
    "UnknownListing": "bytes32",
    "TradeExpired": "uint64,uint256",
    "ValidPastSlot": "uint64,uint64",
    "WrongListingEpoch": "uint64,uint32",
    "WrongDemanderEpoch": "uint64,uint32",
    "SelfTrade": "address",
    "BadSignature": "address,address",
    "NonceUsed": "address,uint256",
    "InsufficientListing": "bytes32,uint64,uint64",
    "InsufficientBalance": "address,address,uint256,uint256",
    "Bundled": "bytes32",
}


def selector(error: str) -> bytes:
    """Return the four bytes by which a batch names the error that skipped a trade."""
    return keccak(f"{error}({_INPUTS[error]})".encode())[:4]


def require_trading(state: Exchange, now: int) -> None:
    """Revert while trading is paused."""
    if now < state.paused_until:
        raise Reverted("TradingPaused", state.paused_until)


def require_single(trade: Trade) -> None:
    """Revert if the trade is part of a product."""
    if trade.bundle != ZERO_BYTES32:
        raise Reverted("Bundled", trade.bundle)


def settle(state: Exchange, move: Settle, now: int) -> tuple[Event, ...]:
    """Settle one instant trade."""
    require_trading(state, now)
    require_single(move.signed.trade)
    return (settled(state, _instant(move.signed), now),)


def settle_batch(state: Exchange, move: SettleBatch, now: int) -> tuple[Event, ...]:
    """Settle what can be settled."""
    require_trading(state, now)
    events: list[Event] = []
    for index, signed in enumerate(move.trades):
        try:
            require_single(signed.trade)
            event: Event = settled(state, _instant(signed), now)
        except Reverted as refusal:
            event = Skipped(index, selector(refusal.error))
        state = record(state, event)
        events.append(event)
    return tuple(events)


def settle_bundle(state: Exchange, move: SettleBundle, now: int) -> tuple[Event, ...]:
    """Settle all trades of a product."""
    require_trading(state, now)
    instant = [_instant(signed) for signed in move.trades]
    bundle = bundle_of([signed.trade for signed in instant])
    events: list[Event] = []
    for signed in instant:
        if signed.trade.bundle != bundle:
            raise Reverted("WrongBundle", signed.trade.bundle, bundle)
        event = settled(state, signed, now)
        state = record(state, event)
        events.append(event)
    return tuple(events)


def _instant(signed: SignedTrade) -> SignedTrade:
    return replace(signed, trade=replace(signed.trade, escrow=Escrow()))


def settled(state: Exchange, move: SignedTrade, now: int) -> Settled:
    """Return the record of a trade that passes every check."""
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
    slot_end = int.from_bytes(trade.listing[27:], "big")
    if trade.valid_until > slot_end:
        raise Reverted("ValidPastSlot", trade.valid_until, slot_end)
    if trade.listing_epoch != listing.epoch:
        raise Reverted("WrongListingEpoch", trade.listing_epoch, listing.epoch)
    if trade.demander == listing.supplier:
        raise Reverted("SelfTrade", trade.demander)
    trade_digest = digest(state.domain, trade)
    require_signer(trade.demander, trade_digest, move.demander)
    require_signer(listing.supplier, trade_digest, move.supplier)
    if listing.available < trade.quantity:
        raise Reverted("InsufficientListing", trade.listing, listing.available, trade.quantity)
    _check_account(state, trade)
    return Settled(
        trade.listing,
        trade.demander,
        trade_digest,
        trade.token,
        pack_terms(trade.quantity, trade.unit_price, trade.demander_epoch, trade.nonce),
    )


def _check_account(state: Exchange, trade: Trade) -> None:
    buyer = state.account_of(trade.demander, trade.token)
    epoch, used = buyer.epoch, buyer.used
    if trade.demander_epoch == epoch + 1 and used == ALL_USED:
        epoch, used = epoch + 1, 0
    if trade.demander_epoch != epoch:
        raise Reverted("WrongDemanderEpoch", trade.demander_epoch, buyer.epoch)
    if trade.nonce >= NONCES or used >> trade.nonce & 1:
        raise Reverted("NonceUsed", trade.demander, trade.nonce)
    payment = trade.quantity * trade.unit_price
    if buyer.balance < payment:
        raise Reverted("InsufficientBalance", trade.demander, trade.token, buyer.balance, payment)
