"""The trades of a product: signed together, countersigned one by one, settled all or none."""

from dataclasses import replace

from fabmarket.identity import digest, is_by
from fabmarket.market.delivery import INSTANT, escrow_of
from fabmarket.market.events import (
    EpochRaised,
    Event,
    ListingEpochRaised,
    NoncesCancelled,
    SlotAttested,
    Unlisted,
    Withdrawn,
)
from fabmarket.market.exchange import RefundUncovered, SettleBundle, SettleEscrowBundle, SignedTrade
from fabmarket.market.net import is_for_cycle
from fabmarket.market.products import Booked, Countersigned
from fabmarket.market.rhythm import TRADE_VALIDITY
from fabmarket.market.trade import Escrow, Trade, bundle_of
from fabmarket.negotiation.course import Unacceptable
from fabmarket.negotiation.demander import netting
from fabmarket.negotiation.demander.state import (
    DemanderState,
    Step,
    concluded,
    next_nonce,
    nonce_for_cycle,
)
from fabmarket.negotiation.moves import Output, Send, Submit
from fabmarket.negotiation.products import buying
from fabmarket.negotiation.products.buyer import Buyer, Standing
from fabmarket.negotiation.products.buying import released
from fabmarket.negotiation.products.plan import Chain, Chosen
from fabmarket.negotiation.products.purchase import Bundle, Purchase
from fabmarket.negotiation.products.reasons import (
    BUNDLE_NOT_SETTLED,
    NO_MONEY_FOR_IT,
    NOT_SIGNED,
    TAKEN_BACK,
)

CYCLES_AGAIN = 3
"""Cycles in which what is lost of a product is tried to be bought anew."""


def sign(state: DemanderState, purchase: Purchase, buyer: Buyer, held: Standing, ends: int) -> Step:
    """Sign the trades of all steps that are booked, one bundle, if account and policy allow it."""
    trades = _trades(state, buyer, held, ends)
    payment = sum(each.payment for each in trades)
    deliveries = [buyer.lists[step.slot.supplier].delivery for step in held.chain.fresh]
    pledged = sum(
        state.takes(delivery, each.payment)
        for delivery, each in zip(deliveries, trades, strict=True)
    )
    spent = state.spent.adding(payment, state.now)
    buyers = state.buyers.insert(purchase.product.id, replace(buyer, held=None))
    state = replace(state, buyers=buyers)
    if spent.amount > state.policy.budget or pledged > state.free:
        is_over = purchase.cycles <= 0
        missed = replace(purchase, state="unbought" if is_over else "open", reason=NO_MONEY_FOR_IT)
        state, told = concluded(state, missed)
        return state, (*released(buyer, held), *told)
    digests = [digest(state.domain, each) for each in trades]
    product, until = purchase.product, trades[0].valid_until
    bundle = Bundle(
        id=trades[0].bundle,
        chain=held.chain,
        trades=_by_step(held, digests),
        signed=tuple(SignedTrade(each, b"", b"") for each in trades),
        until=until,
        pledged=pledged,
    )
    signed = replace(purchase, state="signed", pending=bundle)
    state = replace(
        state,
        spent=spent,
        purchases=state.purchases.insert(product.id, signed),
        bundled=state.bundled.update(dict.fromkeys(digests, product.id)),
        signed=state.signed.update({each.nonce: until for each in trades}),
    )
    sent = zip(trades, held.chain.fresh, strict=True)
    return state, tuple(Send(trade, step.slot.supplier, until) for trade, step in sent)


def _by_step(held: Standing, digests: list[bytes]) -> tuple[bytes, ...]:
    """The trade of each step; of one that stays as it is, the one that it was bought by."""
    fresh = iter(digests)
    return tuple(step.slot.trade if step.slot.owned else next(fresh) for step in held.chain.steps)


def _trades(state: DemanderState, buyer: Buyer, held: Standing, ends: int) -> tuple[Trade, ...]:
    steps, net = held.chain.fresh, state.net
    over = min(step.slot.end for step in steps)
    is_instant = all(buyer.lists[step.slot.supplier].delivery == INSTANT for step in steps)
    netted, until = False, min(ends + TRADE_VALIDITY, over)
    if net is not None and is_instant:
        netted = net.nets(ends, over)
        until = net.cycles.valid_until(ends) if netted else until
    trades = []
    for step in steps:
        nonce = nonce_for_cycle(state, until) if netted else next_nonce(state)
        state = replace(state, signed=state.signed.insert(nonce, until))
        trades.append(_trade(state, buyer, held, step, until, nonce))
    if len(trades) == 1 and not netted:
        return (replace(trades[0], bundle=bundle_of(trades)),)
    return netting.named(state, trades, netted=netted)


def _trade(
    state: DemanderState, buyer: Buyer, held: Standing, step: Chosen, until: int, nonce: int
) -> Trade:
    slot, place = step.slot, state.listed[step.slot.listing]
    payment = step.quantity * slot.price
    calendar = (place.resource, place.slot, place.start, place.end)
    booked: Booked = held.booked[slot.supplier]
    return Trade(
        listing=slot.listing,
        demander=state.address,
        token=state.token,
        quantity=step.quantity,
        unit_price=slot.price,
        valid_until=until,
        nonce=nonce,
        supplier_nonce=booked.nonce,
        listing_epoch=state.epochs.get(slot.listing, 0),
        transcript=held.terms.id,
        escrow=escrow_of(buyer.lists[slot.supplier].delivery, payment, *calendar),
    )


def take_countersignature(state: DemanderState, word: Countersigned) -> Step:
    """Note a supplier's signature; with the last of a bundle's, settle it."""
    purchase = state.purchases.get(state.bundled.get(word.trade, b""))
    if purchase is None or purchase.pending is None:
        raise Unacceptable("signature of no trade that we wait for")
    signed = list(purchase.pending.signed)
    names = [digest(state.domain, each.trade) for each in signed]
    if word.trade not in names:
        raise Unacceptable("signature of no trade that we wait for")
    at = names.index(word.trade)
    if signed[at].supplier:
        raise Unacceptable("second signature of one trade")
    trade = signed[at].trade
    owner = state.listed[trade.listing].supplier
    if word.supplier != owner or not is_by(owner, digest(state.domain, trade), word.consent):
        raise Unacceptable("signature that is not the supplier's")
    signed[at] = replace(signed[at], supplier=word.consent)
    pending = replace(purchase.pending, signed=tuple(signed))
    purchase = replace(purchase, pending=pending)
    state = replace(state, purchases=state.purchases.insert(purchase.product.id, purchase))
    if not all(each.supplier for each in signed):
        return state, ()
    if state.net is not None and is_for_cycle([each.trade for each in signed]):
        owners = [state.listed[each.trade.listing].supplier for each in signed]
        return netting.noted(state, signed, owners), ()
    is_instant = all(each.trade.escrow == Escrow() for each in signed)
    settle = SettleBundle if is_instant else SettleEscrowBundle
    return state, (Submit(settle(pending.signed)),)


def settled(state: DemanderState, trade: bytes) -> Step:
    """Note that a bundle has settled, by the first of its trades that the chain tells of."""
    purchase = state.purchases[state.bundled[trade]]
    pending = purchase.pending
    if pending is None or trade not in pending.trades or trade in purchase.trades:
        return state, ()
    left = tuple(
        (at, each)
        for at, each in enumerate(purchase.trades)
        if each not in pending.trades and at not in purchase.lost
    )
    bought = replace(
        purchase,
        state="bought",
        left=(*purchase.left, *left),
        reason="",
        pending=None,
        chain=_at_their_prices(purchase, pending.chain),
        trades=pending.trades,
        bundle=pending.id,
        paid=purchase.paid + sum(each.trade.payment for each in pending.signed),
        lost=frozenset(at for at in purchase.lost if _stays(purchase, pending, at)),
    )
    return _again(state, bought) if bought.lost else concluded(state, bought)


def _stays(purchase: Purchase, pending: Bundle, step: int) -> bool:
    """Whether a step is as it was bought before."""
    return step < len(pending.trades) and purchase.trades[step] == pending.trades[step]


def _at_their_prices(purchase: Purchase, chain: Chain) -> Chain:
    """A chain in which what was bought before, and cost nothing more, has the price it had."""
    known = purchase.slots_bought
    steps = (
        replace(step, slot=known[step.slot.trade]) if step.slot.owned else step
        for step in chain.steps
    )
    return replace(chain, steps=tuple(steps))


def taken_back(state: DemanderState, trade: bytes, payment: int) -> Step:
    """Note that a step will not be delivered and its payment is back, and plan the product anew."""
    purchase = state.purchases[state.bundled[trade]]
    steps = {each: at for at, each in (*enumerate(purchase.trades), *purchase.left)}
    if trade not in steps:
        return state, ()
    at = steps[trade]
    is_needed = trade in purchase.trades
    purchase = replace(
        purchase,
        paid=purchase.paid - payment,
        lost=purchase.lost | {at} if is_needed else purchase.lost,
        left=tuple(each for each in purchase.left if each[1] != trade),
        returned=(*purchase.returned, (at, trade)),
    )
    if not is_needed or purchase.pending is not None:  # what is signed settles first, or does not
        purchases = state.purchases.insert(purchase.product.id, purchase)
        return replace(state, purchases=purchases), ()
    return _again(state, purchase)


def _again(state: DemanderState, purchase: Purchase) -> Step:
    """Buy what is lost once more; what is bought and not lost stays where it can."""
    buyer = state.buyers.get(purchase.product.id)
    given_up = () if buyer is None else buying.given_up(buyer)
    state = replace(state, buyers=state.buyers.discard(purchase.product.id))
    again = replace(
        purchase, state="open", reason=TAKEN_BACK, cycles=CYCLES_AGAIN, tried=-1, least=0
    )
    state, told = concluded(state, again)
    return state, (*given_up, *told)


def lowered(state: DemanderState, event: SlotAttested) -> DemanderState:
    """Note the trades of a slot of which less is attested now than one of them bought."""
    due = state.now + state.rhythm.period
    uncovered = state.uncovered
    for trade, escrow in state.escrows.items():
        place = state.listed[escrow.trade.listing]
        its_slot = (place.supplier, place.resource, place.slot)
        if its_slot == (event.supplier, event.resource, event.slot):
            if escrow.trade.quantity > event.quantity:
                uncovered = uncovered.insert(trade, due)
            elif trade in uncovered:
                uncovered = uncovered.remove(trade)
    return state if uncovered is state.uncovered else replace(state, uncovered=uncovered)


def take_back(state: DemanderState) -> Step:
    """Take the payments back that are not covered, unless the supplier has given them back."""
    outputs, uncovered = list[Output](), state.uncovered
    for trade, due in state.uncovered.items():
        escrow = state.escrows.get(trade)
        if escrow is not None and state.now < due:
            continue
        uncovered = uncovered.remove(trade)
        if escrow is not None and trade in state.bundled:
            outputs.append(Submit(RefundUncovered(escrow.trade)))
    if len(uncovered) == len(state.uncovered):
        return state, ()
    return replace(state, uncovered=uncovered), tuple(outputs)


def doubted(state: DemanderState, event: Event) -> DemanderState:
    """Note a supplier that voids, takes off or withdraws what a bundle of ours still needs."""
    match event:
        case ListingEpochRaised(supplier=who) | Unlisted(supplier=who):
            listing: bytes | None = event.listing
        case NoncesCancelled(account=who) | EpochRaised(account=who) | Withdrawn(account=who):
            listing = None
        case _:
            return state
    purchases = state.purchases
    for product, purchase in state.purchases.items():
        pending = purchase.pending
        if pending is None:
            continue
        sold = {each.trade.listing for each in pending.signed}
        concerned = (listing,) if listing in sold else sold if listing is None else ()
        if any(state.listed[each].supplier == who for each in concerned):
            pending = replace(pending, in_doubt=pending.in_doubt | {who})
            purchases = purchases.insert(product, replace(purchase, pending=pending))
    return state if purchases is state.purchases else replace(state, purchases=purchases)


def unsettled(state: DemanderState, purchase: Purchase, pending: Bundle) -> Step:
    """Try again, without those who did not sign, or give up: the bundle can settle no more."""
    bundled = state.bundled
    for each in pending.signed:
        bundled = bundled.remove(digest(state.domain, each.trade))
    owners = {
        state.listed[each.trade.listing].supplier for each in pending.signed if not each.supplier
    }
    missed = replace(
        purchase,
        state="open" if purchase.cycles > 0 else "unbought",
        reason=NOT_SIGNED if owners else BUNDLE_NOT_SETTLED,
        pending=None,
        shunned=purchase.shunned | owners | pending.in_doubt,
    )
    return concluded(replace(state, bundled=bundled), missed)
