"""What a demander's state still tells of wants and products that are over, taken out of it."""

from __future__ import annotations  # HashTrieMap takes no parameters when it runs

from collections.abc import Mapping, Set
from dataclasses import replace

from rpds import HashTrieMap

from fabmarket.negotiation.demander.state import DemanderState
from fabmarket.negotiation.policy import DAY, Spent
from fabmarket.negotiation.products.plan import Product
from fabmarket.negotiation.products.purchase import Purchase
from fabmarket.negotiation.wants import Want


def forgotten(state: DemanderState, before: int) -> DemanderState:
    """Return the state without what became of wants and products that were over by a second of
    chain time: no trade for them can settle, none is in escrow, and their slots have ended.

    They stay as `forgotten`, with nothing but their ids, so that nothing else is called like them.
    What was signed away in a day goes once that day is over.
    """
    wants = {want.id for want in state.wants.values() if _is_past(state, want, before)}
    bought = {each.product.id for each in state.purchases.values() if _is_over(state, each, before)}
    return replace(
        state,
        wants=state.wants.update({each: _emptied(each) for each in wants}),
        purchases=state.purchases.update({each: _nothing_of(each) for each in bought}),
        trades=_without(state.trades, wants),
        bundled=_without(state.bundled, bought),
        spent=Spent() if (state.spent.day + 1) * DAY <= before else state.spent,
        demand=b"" if state.rhythm.ends(state.opens) <= before else state.demand,
    )


def _is_past(state: DemanderState, want: Want, before: int) -> bool:
    is_decided = want.state in ("served", "unserved", "cancelled")
    in_escrow = (trade for trade in state.escrows if state.trades.get(trade) == want.id)
    return is_decided and max(want.end, want.signed_until) <= before and not any(in_escrow)


def _is_over(state: DemanderState, purchase: Purchase, before: int) -> bool:
    product = purchase.product.id
    is_decided = purchase.state in ("bought", "unbought", "cancelled") and purchase.pending is None
    open_ones = {*state.escrows, *state.uncovered}
    is_open = any(state.bundled.get(trade) == product for trade in open_ones)
    return is_decided and purchase.product.last <= before and not is_open


def _emptied(want: bytes) -> Want:
    return Want(want, 0, 0, divisible=False, choices=(), state="forgotten")


def _nothing_of(product: bytes) -> Purchase:
    return Purchase(Product(product, (), 0, 0, 0, 0, 0, 1), 0, "forgotten")


def _without(trades: HashTrieMap[bytes, bytes], gone: Set[bytes]) -> HashTrieMap[bytes, bytes]:
    kept: Mapping[bytes, bytes] = {key: of for key, of in trades.items() if of not in gone}
    return trades if len(kept) == len(trades) else HashTrieMap(kept)
