"""What is bought for a product and of no more use goes back, where its supplier takes it.

That is what a product holds that cannot be finished, or that was planned anew without it. It is
offered back in full, early enough to be sold once more; each supplier's policy decides.
"""

from collections.abc import Iterator
from dataclasses import replace

from fabmarket.market.events import Released
from fabmarket.market.rounds import Rounds
from fabmarket.negotiation.demander.state import DemanderState, Step, concluded
from fabmarket.negotiation.moves import Output
from fabmarket.negotiation.orders import AgreeSplit
from fabmarket.negotiation.products.purchase import Purchase
from fabmarket.negotiation.splitting import agree


def offer_back(state: DemanderState) -> Step:
    """Offer each trade of no more use back once, if its slot begins after the next cycle."""
    outputs: list[Output] = []
    latest = state.now + Rounds(state.rhythm).length
    for purchase in state.purchases.values():
        for trade in _useless(purchase):
            escrow = state.escrows.get(trade)
            if escrow is None or escrow.own or escrow.trade.escrow.deliver_from < latest:
                continue
            terms = escrow.trade
            deposit = state.purse.deposit(terms.payment)
            shares = terms.escrow.bond + deposit, terms.payment + deposit
            order = AgreeSplit(trade, *shares, terms.escrow.deliver_from)
            escrows, sent = agree(state.escrows, state.address, order, state.now)
            state = replace(state, escrows=escrows)
            outputs.extend(sent)
    return state, tuple(outputs)


def gone_back(state: DemanderState, event: Released, payment: int) -> Step:
    """Note a trade that went back by agreement, all of its payment."""
    purchase = state.purchases[state.bundled[event.trade]]
    steps = {trade: at for at, trade in (*enumerate(purchase.trades), *purchase.left)}
    if event.trade not in _useless(purchase) or event.to_demander < payment:
        return state, ()
    at = steps[event.trade]
    lost = purchase.lost | {at} if event.trade in purchase.trades else purchase.lost
    left = tuple(each for each in purchase.left if each[1] != event.trade)
    returned = (*purchase.returned, (at, event.trade))
    paid = purchase.paid - payment
    return concluded(state, replace(purchase, paid=paid, lost=lost, left=left, returned=returned))


def _useless(purchase: Purchase) -> Iterator[bytes]:
    yield from (trade for _, trade in purchase.left)
    if purchase.state in ("unbought", "cancelled"):
        for at, trade in enumerate(purchase.trades):
            if at not in purchase.lost:
                yield trade
