"""What a supplier gives back: what it cannot deliver, and what its buyer has no more use for."""

from fabmarket.market.events import SlotAttested
from fabmarket.market.exchange import Refund
from fabmarket.market.messages import SplitOffer
from fabmarket.market.rounds import Rounds
from fabmarket.market.trade import Trade
from fabmarket.negotiation.moves import Submit
from fabmarket.negotiation.supplier.state import SupplierState


def is_taken_back(state: SupplierState, offer: SplitOffer) -> bool:
    """Return whether the policy agrees that a trade goes back like this.

    We keep bond and deposit, and the slot begins late enough to be sold in another cycle.
    """
    terms = offer.split
    trade = state.escrows[terms.trade].trade
    kept = trade.escrow.bond + state.purse.deposit(trade.payment)
    again = state.now + Rounds(state.rhythm).length
    is_whole = trade.demander == offer.party and terms.to_supplier >= kept
    return state.policy.accept_returns and is_whole and trade.escrow.deliver_from >= again


def refunds(state: SupplierState, event: SlotAttested) -> tuple[Submit, ...]:
    """Return the refunds of the trades in escrow that are not covered, if the policy gives them.

    As few trades as can be: the smallest that is enough, else the largest and then the rest.
    """
    is_ours = (event.supplier, event.resource) == (state.address, state.resource)
    if not is_ours or not state.policy.refund_uncovered:
        return ()
    sold = [
        escrow.trade
        for escrow in state.escrows.values()
        if escrow.trade.listing in state.shelves
        and state.shelves[escrow.trade.listing].slot == event.slot
    ]
    sold.sort(key=lambda trade: (trade.quantity, trade.nonce, trade.demander))
    given: list[Trade] = []
    short = sum(trade.quantity for trade in sold) - event.quantity
    while short > 0:
        trade = next((each for each in sold if each.quantity >= short), sold[-1])
        sold.remove(trade)
        given.append(trade)
        short -= trade.quantity
    return tuple(Submit(Refund(trade)) for trade in given)
