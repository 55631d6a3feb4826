"""A supplier's step: what each input does."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from fabmarket.market.cycles import Counted, Entering, Proposal, Roll
from fabmarket.market.delivery import INSTANT
from fabmarket.market.events import (
    Escrowed,
    Event,
    Listed,
    ListingEpochRaised,
    ListingEvent,
    NetSettled,
    Settled,
    SlotAttested,
    Unlisted,
)
from fabmarket.market.exchange import Move, SettleBatch, SettleEscrowBatch, SignedTrade
from fabmarket.market.masked import (
    AnswersProved,
    MaskedReply,
    PadsShown,
    PairShown,
    Unmasking,
)
from fabmarket.market.messages import Counter, Demand, Reply, Selection, SplitOffer
from fabmarket.market.oversight import Endorsement, Objection
from fabmarket.market.products import Bid, Confirm, Need, Plan, Release, SealedBid
from fabmarket.market.trade import Trade
from fabmarket.market.usage import Receipt
from fabmarket.negotiation import splitting, using
from fabmarket.negotiation.bargaining import Bargain, InvalidCounter
from fabmarket.negotiation.course import InvalidMove, TooEarly, Unacceptable
from fabmarket.negotiation.duties import Ask, Seal
from fabmarket.negotiation.hosting import Hosted
from fabmarket.negotiation.masked.hosted import MaskedHosted
from fabmarket.negotiation.moves import (
    Ignored,
    Input,
    Ordered,
    Output,
    Postponed,
    Received,
    Recorded,
    Submit,
    Ticked,
    submitted,
)
from fabmarket.negotiation.netting import party
from fabmarket.negotiation.orders import Adopt, AgreeSplit, Approve, Order, ReportUsage
from fabmarket.negotiation.seat import SecondWord
from fabmarket.negotiation.supplier import netting
from fabmarket.negotiation.supplier.asking import (
    ask,
    give_up,
    noted,
    take_endorsement,
    take_objection,
)
from fabmarket.negotiation.supplier.covering import is_taken_back, refunds
from fabmarket.negotiation.supplier.masked_selling import take_masked, unfinished
from fabmarket.negotiation.supplier.offering import take_demand, take_selection
from fabmarket.negotiation.supplier.rounds import countersign_line, hear_round, tick_rounds
from fabmarket.negotiation.supplier.selling import (
    approve,
    countersign,
    open_talks,
    sold_under,
    speak,
    take_answer,
    take_counter,
)
from fabmarket.negotiation.supplier.state import (
    Shelf,
    Step,
    SupplierState,
    Talk,
    left_unsigned,
    promising,
    with_shelf,
)

BATCH = 167
"""Trades settled by one transaction at most, so that it stays below 2^24 gas (EIP-7825)."""
ESCROW_BATCH = 55
"""The same of trades whose payment goes into escrow."""


def step(state: SupplierState, given: Input) -> Step:
    """Return the state after one input, and what to do. Bad messages change nothing."""
    try:
        match given:
            case Received():
                return _receive(state, given)
            case Recorded():
                state, told = noted(state, given.event)
                state, followed = _record(state, given.event)
                return state, (*told, *followed)
            case Ticked():
                return _tick(replace(state, now=max(state.now, given.now)))
            case Ordered():
                return _obey(state, given.order)
    except TooEarly as early:
        return state, (Postponed(str(early)),)
    except (Unacceptable, InvalidMove, InvalidCounter) as refusal:
        return state, (Ignored(str(refusal), isinstance(refusal, SecondWord)),)


def _obey(state: SupplierState, order: Order) -> Step:
    match order:
        case Approve(trade):
            return approve(state, trade)
        case Adopt(policy):
            return replace(state, policy=policy), ()
        case Ask() | Seal():
            return ask(state, order)
        case AgreeSplit():
            return _talked(state, splitting.agree(state.escrows, state.address, order, state.now))
        case ReportUsage():
            us = state.domain, state.address
            return _talked(state, using.report(state.escrows, *us, order, state.now))
        case _:
            return state, submitted(order)


def _receive(state: SupplierState, given: Received) -> Step:
    match given.message:
        case Demand() as demand:
            return take_demand(state, demand, given.digest)
        case Selection() as selection:
            return take_selection(state, selection, given.digest)
        case Reply() as answer:
            return take_answer(state, answer, given.digest)
        case MaskedReply() | Unmasking() | PadsShown() | PairShown() | AnswersProved() as word:
            return take_masked(state, word)
        case Counter() as counter:
            return take_counter(state, counter, given.digest)
        case Trade() as trade:
            if state.seller is not None and trade.transcript in state.seller.booked:
                return countersign_line(state, trade, given.signature)
            return countersign(state, trade, given.signature)
        case Need() | Plan() | SealedBid() | Bid() | Confirm() | Release():
            return hear_round(state, given)
        case Roll() | Entering() | Proposal() | Counted():
            return netting.hear(state, given, sold_under(state))
        case Endorsement() as word:
            return take_endorsement(state, word)
        case Objection() as word:
            return take_objection(state, word)
        case SplitOffer() as offer:
            return _divide(state, offer)
        case Receipt() as receipt:
            return _talked(state, using.hear_answer(state.escrows, receipt))
        case _:
            raise Unacceptable(f"a {type(given.message).__name__} is not for a supplier")


def _divide(state: SupplierState, offer: SplitOffer) -> Step:
    """Note how a demander would divide what a trade holds; agree where our policy does."""
    us = state.escrows, state.domain
    state, outputs = _talked(state, splitting.hear(*us, offer, state.now))
    if outputs or not is_taken_back(state, offer):
        return state, outputs
    terms = offer.split
    order = AgreeSplit(terms.trade, terms.to_supplier, terms.to_demander, terms.deadline)
    return _talked(state, splitting.agree(state.escrows, state.address, order, state.now))


def _talked(state: SupplierState, talked: splitting.Talked) -> Step:
    escrows, outputs = talked
    return replace(state, escrows=escrows), outputs


def _record(state: SupplierState, event: Event) -> Step:
    purse, told = state.purse.told(event, state.address, state.terms.token)
    if purse is not state.purse:
        state = replace(state, purse=purse)
    state = netting.told(state, event)
    if isinstance(event, NetSettled):
        state, netted = _netted(state, event)
        return _noted(state, event), (*told, *netted)
    if isinstance(event, SlotAttested):
        return _noted(state, event), (*told, *refunds(state, event))
    if not isinstance(event, Settled) or event.listing in state.shelves:
        custom = state.custom.after(event, state.terms.token)
        state = state if custom is state.custom else replace(state, custom=custom)
    return _noted(state, event), told


def _netted(state: SupplierState, event: NetSettled) -> Step:
    """Note what a batch settled: who bought in it is a customer, and nothing of it is promised."""
    trades = {} if state.net is None else party.trades_of(state.net, list(state.sales))
    state, names, told = netting.of_batch(state, event)
    for name in names:
        custom = state.custom.having_sold_to(trades[name][1])
        state = _settled(replace(state, custom=custom), name)
    return state, told


def _noted(state: SupplierState, event: Event) -> SupplierState:
    nonces = state.nonces.after(event, state.address, state.terms.token)
    if nonces != state.nonces:
        state = replace(state, nonces=nonces)
    is_ours = isinstance(event, Escrowed) and event.terms.listing in state.shelves
    supplier = state.address if is_ours else None
    escrows = splitting.followed(state.escrows, event, state.address, supplier)
    if escrows is not state.escrows:
        return replace(state, escrows=escrows)
    match event:
        case Listed() | Unlisted() if _is_ours(state, event):
            start = state.origin + event.slot * state.slot_length
            end = start + state.slot_length
            shelf = state.shelves.get(event.listing, Shelf(event.slot, start, end))
            return with_shelf(state, event.listing, replace(shelf, available=event.available))
        case ListingEpochRaised() if event.supplier == state.address:
            return replace(state, epochs=state.epochs.insert(event.listing, event.epoch))
        case Settled(listing=listing) if listing in state.shelves:
            shelf = state.shelves[listing]
            state = with_shelf(
                state, listing, replace(shelf, available=shelf.available - event.quantity)
            )
            return _settled(state, event.trade)
        case _:
            return state


def _is_ours(state: SupplierState, event: ListingEvent) -> bool:
    return (event.supplier, event.resource) == (state.address, state.resource)


def _settled(state: SupplierState, trade: bytes) -> SupplierState:
    """A trade that settled, or no longer can, is promised no longer."""
    sale = state.sales.get(trade)
    if sale is None:
        return state
    state = replace(state, sales=state.sales.remove(trade), held=state.held.discard(trade))
    return promising(state, sale.listing, -sale.quantity)


def _tick(state: SupplierState) -> Step:
    """Free what is over, go on without the silent, open what is due, settle what is agreed."""
    state, void = _end(state)
    state, told = give_up(state)
    outputs: list[Output] = [*void, *told]
    for talk in _waiting(state):
        state, sent = speak(state, talk, time_up=True)
        outputs.extend(sent)
    for act in (open_talks, tick_rounds):
        state, sent = act(state)
        outputs.extend(sent)
    state, sent = netting.tick(state, sold_under(state))
    outputs.extend(sent)
    outputs.extend(map(Submit, _batches(state)))
    return replace(state, agreed=()), tuple(outputs)


def _batches(state: SupplierState) -> Iterator[Move]:
    """What is agreed, a transaction's worth at a time."""
    batch: Callable[[tuple[SignedTrade, ...]], Move]
    batch, size = (
        (SettleBatch, BATCH) if state.delivery == INSTANT else (SettleEscrowBatch, ESCROW_BATCH)
    )
    for start in range(0, len(state.agreed), size):
        yield batch(state.agreed[start : start + size])


def _waiting(state: SupplierState) -> list[Talk]:
    """The sessions whose round is over and still waits for an answer, by slot."""
    over = [
        talk
        for talk in state.talks.values()
        if _waits(talk.hosted) and talk.since + talk.hosted.opening.round_time <= state.now
    ]
    return sorted(over, key=lambda talk: (talk.hosted.opening.slot_end, talk.hosted.id))


def _waits(hosted: Hosted | MaskedHosted | Bargain) -> bool:
    """Whether a session may still wait for an answer."""
    match hosted:
        case Hosted():
            return hosted.close is None
        case MaskedHosted():
            return not hosted.over
        case _:
            return False


def _end(state: SupplierState) -> Step:
    """Free what was promised and neither signed nor settled in time; forget the talks."""
    for session, talk in state.talks.items():
        opening = talk.hosted.opening
        if opening.ends <= state.now:
            state = unfinished(state, talk.hosted)
            state = promising(state, opening.listing, -talk.promised)
            state = replace(state, talks=state.talks.remove(session))
    state, told = _void(state)
    for trade, sale in state.sales.items():
        if sale.until <= state.now:
            state = _settled(state, trade)
    for bundle, half in state.halves.items():
        if half.trade.valid_until <= state.now:
            state = replace(state, halves=state.halves.remove(bundle))
    return state, told


def _void(state: SupplierState) -> Step:
    """Take back the awards that can be signed no longer, and note who left them so.

    Not where our account may have been too small to countersign them.
    """
    seats: dict[tuple[str, int, bytes, int], int] = {}
    for key, award in state.awards.items():
        if award.until > state.now:
            continue
        unsigned = award.seats - len(award.nonces)
        locked = state.locks(state.shelves[award.listing], award.quantity * award.unit_price)
        if unsigned and locked <= max(0, state.free):
            transcript, demander, *_, supplier_nonce, is_half = key
            seat = demander, award.until, transcript, supplier_nonce
            seats[seat] = unsigned + (0 if is_half else seats.get(seat, 0))  # two halves are one
        state = promising(state, award.listing, -unsigned * award.quantity)
        state = replace(state, awards=state.awards.remove(key))
    left: dict[tuple[str, int], int] = {}
    for (demander, until, *_), awards in seats.items():
        left[demander, until] = left.get((demander, until), 0) + awards
    return left_unsigned(state, left)
