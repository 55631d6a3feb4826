"""What a demander's owner orders: moves of the contract, what to buy, answers to reports."""

from dataclasses import replace

from fabmarket.market.usage import Usage
from fabmarket.negotiation import using
from fabmarket.negotiation.course import TooEarly, Unacceptable
from fabmarket.negotiation.demander.state import DemanderState, Step, concluded, with_want
from fabmarket.negotiation.moves import submitted
from fabmarket.negotiation.orders import (
    AddProduct,
    AddWant,
    Adopt,
    AgreeSplit,
    AnswerUsage,
    Approve,
    DropProduct,
    DropWant,
    Order,
)
from fabmarket.negotiation.products.buying import given_up
from fabmarket.negotiation.products.purchase import Purchase
from fabmarket.negotiation.products.reasons import BY_OWNER
from fabmarket.negotiation.splitting import agree


def obey(state: DemanderState, order: Order) -> Step:
    """Follow an order. Unacceptable if it cannot be followed."""
    match order:
        case AddWant():
            return _add(state, order), ()
        case DropWant():
            return _drop(state, order), ()
        case AddProduct():
            return _add_product(state, order), ()
        case DropProduct():
            return _drop_product(state, order)
        case Approve(want):
            return _approve(state, want), ()
        case Adopt(policy):
            return replace(state, policy=policy), ()
        case AgreeSplit():
            escrows, outputs = agree(state.escrows, state.address, order, state.now)
            return replace(state, escrows=escrows), outputs
        case AnswerUsage():
            escrows, outputs = using.answer(state.escrows, state.address, order)
            return replace(state, escrows=escrows), outputs
        case _:
            return state, submitted(order)


def hear_report(state: DemanderState, usage: Usage, usage_digest: bytes) -> Step:
    """Note a report on a trade of ours, and accept it where the owner's policy says so."""
    want = state.wants.get(state.trades.get(usage.trade, b""))
    if want is not None and want.state == "agreed":
        raise TooEarly("report on a trade that we do not know to be in escrow")
    escrows, told = using.hear_report(state.escrows, usage, usage_digest, state.now)
    if not state.policy.acknowledge:
        return replace(state, escrows=escrows), told
    accepted = AnswerUsage(usage.trade, accepted=True)
    escrows, sent = using.answer(escrows, state.address, accepted)
    return replace(state, escrows=escrows), (*told, *sent)


def _add(state: DemanderState, order: AddWant) -> DemanderState:
    want = order.want
    _require_new(state, want.id)
    if want.end <= state.now:
        raise Unacceptable("its slot is over; want a later one")
    state = replace(state, order=(*state.order, want.id), rounds_left=order.releases)
    return with_want(state, want)


def _add_product(state: DemanderState, order: AddProduct) -> DemanderState:
    product = order.product
    _require_new(state, product.id)
    if product.last <= state.now:
        raise Unacceptable("its last slot is over; want it in later ones")
    purchase = Purchase(product, order.cycles)
    return replace(state, purchases=state.purchases.insert(product.id, purchase))


def _require_new(state: DemanderState, wanted: bytes) -> None:
    if wanted in state.wants or wanted in state.purchases:
        raise Unacceptable("there is a want or product of this name already; give another")


def _approve(state: DemanderState, wanted: bytes) -> DemanderState:
    found = state.wants.get(wanted)
    purchase = state.purchases.get(wanted)
    allowed = found if purchase is None else purchase.product
    if allowed is None:
        raise Unacceptable("there is no such want or product")
    if state.is_allowed(allowed):
        raise Unacceptable("it needs no approval")
    return replace(state, approved=state.approved.insert(wanted))


def _drop_product(state: DemanderState, order: DropProduct) -> Step:
    """Only what is open: what is held or booked for it is released."""
    purchase = state.purchases.get(order.product)
    if purchase is None:
        raise Unacceptable("there is no such product")
    if purchase.pending is not None:
        until = purchase.pending.until
        raise Unacceptable(f"it is signed, and may settle until second {until}; cancel its trades")
    if purchase.state != "open":
        raise Unacceptable(f"it is {purchase.state} already")
    buyer = state.buyers.get(order.product)
    released = () if buyer is None else given_up(buyer)
    dropped = replace(purchase, state="cancelled", reason=BY_OWNER, cycles=0)
    state, told = concluded(state, dropped)
    return state, (*released, *told)


def _drop(state: DemanderState, order: DropWant) -> DemanderState:
    """Only what is open: a seat in a session binds all who sit there until the session is over."""
    want = state.wants.get(order.want)
    if want is None:
        raise Unacceptable("there is no such want")
    if want.state == "negotiating":
        raise Unacceptable(f"it is being negotiated until second {want.until}; cancel it then")
    if want.state != "open":
        raise Unacceptable(f"it is {want.state} already")
    return with_want(state, replace(want, state="cancelled"))
