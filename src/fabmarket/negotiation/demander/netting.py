"""A demander's part in net cycles: the trades that it signs for them, and what becomes of these."""

from collections.abc import Sequence
from dataclasses import replace

from fabmarket.identity import digest, is_by
from fabmarket.market.events import Event, NetSettled, Settled
from fabmarket.market.exchange import SignedTrade
from fabmarket.market.net import is_for_cycle, net_bundle
from fabmarket.market.products import Countersigned
from fabmarket.market.trade import Trade, bundle_of
from fabmarket.negotiation.course import Unacceptable
from fabmarket.negotiation.demander.state import DemanderState, Step
from fabmarket.negotiation.moves import News, Received, Tell
from fabmarket.negotiation.netting import party
from fabmarket.negotiation.netting.state import Account, Deal, NetParty, deal_of, settled, without


def named(state: DemanderState, trades: Sequence[Trade], *, netted: bool) -> tuple[Trade, ...]:
    """Return trades with the bundle that they name: for a cycle, as a product, or alone none."""
    if netted and state.net is not None:
        late_from = state.net.cycles.late_from(_closes(state.net, trades[0]))
        bundle = net_bundle(late_from, bundle_of(trades))
    elif len(trades) > 1:
        bundle = bundle_of(trades)
    else:
        return tuple(trades)
    return tuple(replace(each, bundle=bundle) for each in trades)


def _closes(net: NetParty, trade: Trade) -> int:
    return deal_of(net, [SignedTrade(trade, b"", b"")], [], []).closes


def noted(
    state: DemanderState, trades: Sequence[SignedTrade], others: Sequence[str], reserve: int = 0
) -> DemanderState:
    """Note a product that we have signed for a cycle; `reserve` is its first listing's, if told."""
    net = state.net
    if net is None or not is_for_cycle([each.trade for each in trades]):
        return state
    names = [digest(state.domain, each.trade) for each in trades]
    net = net.with_reserve(trades[0].trade.listing, reserve)
    net = net.with_deal(trades[0].trade.bundle, deal_of(net, trades, names, others))
    return replace(state, net=net)


def take_countersignature(state: DemanderState, word: Countersigned) -> Step:
    """Note a supplier's signature of a trade that is for a cycle."""
    found = None if state.net is None else _found(state.net, word.trade)
    if state.net is None or found is None:
        raise Unacceptable("signature of no trade that we wait for")
    bundle, deal, at = found
    signed = deal.signed[at]
    if signed.supplier:
        raise Unacceptable("second signature of one trade")
    if word.supplier != deal.others[at] or not is_by(word.supplier, word.trade, word.consent):
        raise Unacceptable("signature that is not the supplier's")
    both = replace(signed, supplier=word.consent)
    deal = replace(deal, signed=(*deal.signed[:at], both, *deal.signed[at + 1 :]))
    return replace(state, net=state.net.with_deal(bundle, deal)), ()


def _found(net: NetParty, trade: bytes) -> tuple[bytes, Deal, int] | None:
    for bundle, deal in net.deals.items():
        if trade in deal.names:
            return bundle, deal, deal.names.index(trade)
    return None


def account_of(state: DemanderState) -> Account:
    """Return what net cycles need to know of our account."""
    kept = frozenset(nonce for nonce, until in state.signed.items() if until > state.now)
    return Account(state.now, state.purse.balance, state.nonces, kept, state.epochs)


def hear(state: DemanderState, given: Received) -> Step:
    """Follow a word of a cycle."""
    if state.net is None:
        raise Unacceptable("word of a net cycle where we have none")
    net, outputs = party.hear(state.net, given, account_of(state))
    return replace(state, net=net), outputs


def tick(state: DemanderState) -> Step:
    """Do what is due in a cycle."""
    if state.net is None:
        return state, ()
    net, outputs = party.tick(state.net, account_of(state))
    return replace(state, net=net), outputs


def told(state: DemanderState, event: Event) -> DemanderState:
    """Note what an event lists, and trades for a cycle that settled late."""
    net = state.net
    if net is None:
        return state
    after = net.after(event)
    if isinstance(event, Settled) and _found(after, event.trade) is not None:
        after = without(after, (event.trade,))
    return state if after is net else replace(state, net=after)


def of_batch(state: DemanderState, event: NetSettled) -> tuple[DemanderState, tuple[bytes, ...]]:
    """Return the state after a batch, and our trades that it settled."""
    if state.net is None:
        return state, ()
    net, names = settled(state.net, event)
    return (replace(state, net=net) if names else state), names


def news_of(names: Sequence[bytes], event: NetSettled) -> tuple[Tell, ...]:
    """Return what the owner hears of trades that a batch settled."""
    batch = f"0x{event.batch.hex()}"
    return tuple(Tell(News.of("netted", trade=f"0x{name.hex()}", batch=batch)) for name in names)
