"""A supplier's part in net cycles: the trades that it countersigns for them, and their settling."""

from collections.abc import Sequence
from dataclasses import replace

from fabmarket.identity import digest
from fabmarket.market.delivery import INSTANT
from fabmarket.market.events import Event, NetSettled, Settled
from fabmarket.market.exchange import SignedTrade
from fabmarket.market.net import is_for_cycle, late_from, unpack_sales
from fabmarket.market.products import Countersigned
from fabmarket.market.trade import Trade
from fabmarket.negotiation.course import Unacceptable
from fabmarket.negotiation.moves import News, Output, Received, Send, Tell
from fabmarket.negotiation.netting import party
from fabmarket.negotiation.netting.state import (
    FOR_ROWS,
    Account,
    NetParty,
    deal_of,
    settled,
    without,
)
from fabmarket.negotiation.supplier.state import Step, SupplierState, with_shelf


def is_netted(state: SupplierState, trades: Sequence[Trade]) -> bool:
    """Return whether trades are a whole product that is for the cycle that is being agreed."""
    is_whole = state.delivery == INSTANT and is_for_cycle(trades)
    return state.net is not None and is_whole and is_current(state.net, trades[0])


def require_cycle(state: SupplierState, trade: Trade, ends: int) -> None:
    """Refuse a trade for another cycle than the one in which what is agreed until `ends` is."""
    if state.net is not None and trade.valid_until != state.net.cycles.valid_until(ends):
        raise Unacceptable("trade for another cycle than the next")


def is_current(net: NetParty, trade: Trade) -> bool:
    """Return whether a trade is valid as long as one for a cycle that is not over."""
    closes = late_from(trade) - net.cycles.length
    return closes >= net.cycles.rhythm.origin and net.cycles.closing(closes) == closes


def countersigned(state: SupplierState, signed: tuple[SignedTrade, ...]) -> Step:
    """Sign the trades of a product of which other parties have to sign, or all of a cycle's."""
    trades = [each.trade for each in signed]
    names = [digest(state.domain, trade) for trade in trades]
    if state.net is not None and is_current(state.net, trades[0]):
        others = [trade.demander for trade in trades]
        whole = is_for_cycle(trades)
        deal = deal_of(state.net, signed, names, others, whole=whole)
        key = trades[0].bundle if whole else names[0]
        net = state.net.with_reserve(trades[0].listing, state.terms.maintenance)
        state = replace(state, net=net.with_deal(key, deal))
    return state, tuple(
        Send(Countersigned(state.address, name, b""), trade.demander, trade.valid_until)
        for name, trade in zip(names, trades, strict=True)
    )


def set_apart(state: SupplierState) -> int:
    """Return how many of the lowest free nonces nothing is sold under: they are for rows."""
    is_enough = state.net is not None and len(state.nonces.free()) > FOR_ROWS
    return FOR_ROWS if is_enough else 0


def account_of(state: SupplierState, sold_under: Sequence[int]) -> Account:
    """Return what net cycles need to know of our account."""
    kept = frozenset(sold_under)
    return Account(state.now, state.purse.balance, state.nonces, kept, state.epochs)


def hear(state: SupplierState, given: Received, sold_under: Sequence[int]) -> Step:
    """Follow a word of a cycle."""
    if state.net is None:
        raise Unacceptable("word of a net cycle where we have none")
    net, outputs = party.hear(state.net, given, account_of(state, sold_under))
    return replace(state, net=net), outputs


def tick(state: SupplierState, sold_under: Sequence[int]) -> Step:
    """Do what is due in a cycle."""
    if state.net is None:
        return state, ()
    net, outputs = party.tick(state.net, account_of(state, sold_under))
    return replace(state, net=net), outputs


def told(state: SupplierState, event: Event) -> SupplierState:
    """Note what an event lists, and trades for a cycle that settled late."""
    net = state.net
    if net is None:
        return state
    after = net.after(event)
    if isinstance(event, Settled) and event.trade in state.sales:
        after = without(after, (event.trade,))
    return state if after is net else replace(state, net=after)


def of_batch(
    state: SupplierState, event: NetSettled
) -> tuple[SupplierState, tuple[bytes, ...], tuple[Output, ...]]:
    """Return the state after a batch, our trades that it settled, and what the owner hears."""
    for sale in unpack_sales(event.sales):
        shelf = state.shelves.get(sale.listing)
        if shelf is not None:
            left = replace(shelf, available=shelf.available - sale.quantity)
            state = with_shelf(state, sale.listing, left)
    if state.net is None:
        return state, (), ()
    net, names = settled(state.net, event)
    batch = f"0x{event.batch.hex()}"
    news = (News.of("netted", trade=f"0x{name.hex()}", batch=batch) for name in names)
    return replace(state, net=net), names, tuple(map(Tell, news))
