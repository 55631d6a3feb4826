"""Events that cannot follow from a state are no history of the exchange."""

import tracemalloc
from dataclasses import replace

import pytest

from fabmarket.identity import Key, digest
from fabmarket.market.events import (
    EVENTS,
    Cause,
    CommitmentReduced,
    Delivered,
    Deployed,
    Deposited,
    Disputed,
    EpochRaised,
    Escrowed,
    GraceOpened,
    IntentsVoided,
    Listed,
    ListingEpochRaised,
    NetSettled,
    NoncesCancelled,
    OperatorsSet,
    Paused,
    Relayed,
    Released,
    ResourceRegistered,
    RulingPosted,
    Settled,
    Skipped,
    SlotAttested,
    SlotSealed,
    SplitsVoided,
    TokenSet,
    Uncovered,
    Unlisted,
    Withdrawn,
    pack_terms,
)
from fabmarket.market.exchange import (
    Exchange,
    Execute,
    Expire,
    Inconsistent,
    Refund,
    RefundUncovered,
    Release,
    record,
    step,
)
from fabmarket.market.net import PAYS, Row, pack
from fabmarket.market.trade import Escrow, Trade, listing_id


def sale(m, **changes):
    _, (event,) = step(m.funded, m.buyer.address, m.settle(), m.now)
    return replace(event, **changes)


def netted(m, **changes):
    """The event of the usual cycle, with rows or sales changed."""
    _, (event,) = step(m.funded, m.buyer.address, m.net(), m.now)
    return replace(event, **changes)


def rows(m, **changes):
    """The words of the usual cycle's rows, the first row changed."""
    first, second = m.cycle().rows
    return pack((replace(first, **changes), second))


def sales(m, **changes):
    return pack((replace(m.cycle().sales[0], **changes),))


def closed(m):
    return m.played(m.escrowed, (m.seller, Refund(m.held_trade)))


def folded(state, *events):
    for event in events:
        state = record(state, event)
    return state


def into_escrow(m, **changes):
    """A state in which a trade has just been settled, and the event that puts it into escrow."""
    _, (settled, escrowed) = step(m.funded, m.stranger.address, m.escrow(), m.now)
    return record(m.funded, settled), replace(escrowed, **changes)


def other_terms(m, **changes):
    """As if a trade with terms that the exchange refuses had been settled."""
    trade = replace(m.held_trade, **changes)
    named = digest(m.domain, trade)
    settled = sale(m, trade=named, terms=pack_terms(trade.quantity, trade.unit_price, trade.nonce))
    return record(m.funded, settled), Escrowed(named, trade, 1, m.now)


def grace(m, state, until):
    """The state in the grace period that an expiry opened that many seconds before `until`."""
    return m.played(state, (m.stranger, Expire(m.held_trade)), now=until - 20, block=7)


def ending(m, state, now, key, move, block=0, **changes):
    """The last event of a move, changed, with the state in which the ones before have happened."""
    _, (*before, last) = step(state, key.address, move, now, block)
    return folded(state, *before), replace(last, **changes)


def lowered(m, quantity=1):
    return m.played(m.escrowed, (m.seller, m.attest(quantities=(quantity,), version=2)))


CAPACITY = {
    "before it was made": lambda m: (
        Exchange.undeployed(m.domain),
        Deposited(m.buyer.address, m.token, 1),
    ),
    "made twice": lambda m: (m.new, Deployed(m.parameters, "", "")),
    "made without operators": lambda m: (
        Exchange.undeployed(m.domain),
        Deployed(m.parameters, "", ""),
    ),
    "made with a window of nothing": lambda m: (
        folded(Exchange.undeployed(m.domain), OperatorsSet(1, (m.buyer.address,), 1, 900)),
        Deployed(replace(m.parameters, hearing=0), "", ""),
    ),
    "made with too short a life": lambda m: (
        folded(Exchange.undeployed(m.domain), OperatorsSet(1, (m.buyer.address,), 1, 900)),
        Deployed(replace(m.parameters, longest_life=219), "", ""),
    ),
    "made with too large deposits": lambda m: (
        folded(Exchange.undeployed(m.domain), OperatorsSet(1, (m.buyer.address,), 1, 900)),
        Deployed(replace(m.parameters, deposit_share=10_001), "", ""),
    ),
    "a second set of operators before it was made": lambda m: (
        folded(Exchange.undeployed(m.domain), OperatorsSet(1, (m.buyer.address,), 1, 900)),
        OperatorsSet(2, (m.buyer.address,), 1, 900),
    ),
    "a set of operators skipped": lambda m: (m.new, OperatorsSet(3, (m.buyer.address,), 1, 2_000)),
    "no majority": lambda m: (
        m.new,
        OperatorsSet(2, (m.buyer.address, m.seller.address), 1, 2_000),
    ),
    "one operator twice": lambda m: (m.new, OperatorsSet(2, (m.buyer.address,) * 2, 2, 2_000)),
    "operators before their time": lambda m: (
        m.new,
        OperatorsSet(2, (m.buyer.address,), 1, 999),
    ),
    "registered twice": lambda m: (
        m.registered,
        ResourceRegistered(m.seller.address, m.m1, m.hour, 0, 1),
    ),
    "a slot of no length": lambda m: (
        m.new,
        ResourceRegistered(m.seller.address, m.m1, m.hour, 0, 0),
    ),
    "attested unregistered": lambda m: (
        m.new,
        SlotAttested(m.seller.address, m.m1, 0, 1, 1, 9_999),
    ),
    "older version": lambda m: (m.attested, SlotAttested(m.seller.address, m.m1, 0, 1, 1, 9_999)),
    "attested after its expiry": lambda m: (
        m.attested,
        SlotAttested(m.seller.address, m.m1, 0, 1, 2, 900),
    ),
    "sealed unregistered": lambda m: (
        m.new,
        SlotSealed(m.seller.address, m.m1, 0, m.salt, 1, 9_999),
    ),
    "older seal": lambda m: (m.sealed, SlotSealed(m.seller.address, m.m1, 0, m.salt, 1, 9_999)),
    "opened with another expiry": lambda m: (
        m.sealed,
        SlotAttested(m.seller.address, m.m1, 0, 10, 1, 9_998),
    ),
    "over-listed": lambda m: (m.attested, Listed(m.listing, m.seller.address, m.m1, 0, 11, 11)),
    "listed nothing": lambda m: (m.listed, Listed(m.listing, m.seller.address, m.m1, 0, 0, 8)),
    "listed after the slot": lambda m: (
        replace(m.listed, time=5_600),
        Listed(m.listing, m.seller.address, m.m1, 0, 1, 9),
    ),
    "wrong sum": lambda m: (m.listed, Listed(m.listing, m.seller.address, m.m1, 0, 1, 10)),
    "another's listing id": lambda m: (m.listed, Listed(m.m1, m.seller.address, m.m1, 0, 1, 1)),
    "after the end of time": lambda m: (
        m.listed,
        Listed(m.listing, m.seller.address, m.m1, 2**40, 1, 1),
    ),
    "unlisted unregistered": lambda m: (
        m.new,
        Unlisted(m.listing, m.seller.address, m.m1, 0, 1, 0),
    ),
    "unlisted what was sold": lambda m: (
        m.settled,
        Unlisted(m.listing, m.seller.address, m.m1, 0, 6, -1),
    ),
    "lowered, and what is not attested still for sale": lambda m: (
        folded(m.listed, SlotAttested(m.seller.address, m.m1, 0, 5, 2, 9_999)),
        Deposited(m.buyer.address, m.token, 1),
    ),
    "lowered, and too little taken off": lambda m: (
        folded(m.listed, SlotAttested(m.seller.address, m.m1, 0, 5, 2, 9_999)),
        Unlisted(m.listing, m.seller.address, m.m1, 0, 2, 6),
    ),
    "unlisted whole without a new epoch": lambda m: (
        folded(m.listed, Unlisted(m.listing, m.seller.address, m.m1, 0, 8, 0)),
        Deposited(m.buyer.address, m.token, 1),
    ),
    "listing epoch raised by one": lambda m: (
        m.listed,
        ListingEpochRaised(m.listing, m.seller.address, 1),
    ),
    "listing epoch raised by two when it is later": lambda m: (
        m.listed,
        ListingEpochRaised(m.listing, m.seller.address, 2),
    ),
    "epoch of another's listing": lambda m: (
        m.listed,
        ListingEpochRaised(m.listing, m.buyer.address, 2_000),
    ),
}
ACCOUNTS = {
    "foreign money": lambda m: (m.new, Deposited(m.buyer.address, m.other_token, 1)),
    "deposited nothing": lambda m: (m.new, Deposited(m.buyer.address, m.token, 0)),
    "overdrawn": lambda m: (
        m.funded,
        Withdrawn(m.buyer.address, m.token, 1_001, m.buyer.address),
    ),
    "withdrawn to nobody": lambda m: (
        m.funded,
        Withdrawn(m.buyer.address, m.token, 1, m.nobody),
    ),
    "cancelled in another epoch": lambda m: (
        m.funded,
        NoncesCancelled(m.buyer.address, m.token, 1, 1),
    ),
    "epoch raised by one": lambda m: (m.funded, EpochRaised(m.buyer.address, m.token, 1)),
    "epoch raised by two when it is later": lambda m: (
        m.funded,
        EpochRaised(m.buyer.address, m.token, 2),
    ),
    "epoch raised to a time that is past": lambda m: (
        m.delivered,
        EpochRaised(m.buyer.address, m.token, 1_999),
    ),
    "epoch of more than 32 bits": lambda m: (
        m.funded,
        EpochRaised(m.buyer.address, m.token, 2**32),
    ),
    "intent out of turn": lambda m: (m.funded, Relayed(m.buyer.address, 1)),
    "no intents voided": lambda m: (m.funded, IntentsVoided(m.buyer.address, 0)),
}
TRADES = {
    "sold what is not listed": lambda m: (m.funded, sale(m, listing=m.m1)),
    "oversold": lambda m: (m.funded, sale(m, terms=pack_terms(9, 1, 5))),
    "sold nothing": lambda m: (m.funded, sale(m, terms=pack_terms(0, 1, 5))),
    "sold for nothing": lambda m: (m.funded, sale(m, terms=pack_terms(1, 0, 5))),
    "paid from nothing": lambda m: (m.funded, sale(m, terms=pack_terms(3, 500, 5))),
    "settled twice": lambda m: (m.settled, sale(m)),
    "sold to the seller": lambda m: (m.funded, sale(m, demander=m.seller.address)),
    "nonce after the last": lambda m: (m.funded, sale(m, terms=pack_terms(3, 100, 96))),
    "epoch too early": lambda m: (m.funded, sale(m, terms=pack_terms(3, 100, 261))),
    "sold after the slot": lambda m: (replace(m.funded, time=5_600), sale(m)),
    "told after an event in a pause": lambda m: (
        folded(m.funded, Paused(2_500), sale(m)),
        OperatorsSet(2, (m.buyer.address,), 1, 2_599),
    ),
    "a cycle of no rows": lambda m: (m.funded, netted(m, rows=())),
    "a cycle that lacks a word": lambda m: (m.funded, netted(m, rows=netted(m).rows[:-1])),
    "a sale that lacks a word": lambda m: (m.funded, netted(m, sales=netted(m).sales[:-1])),
    "rows out of order": lambda m: (
        m.funded,
        netted(m, rows=(*netted(m).rows[2:], *netted(m).rows[:2])),
    ),
    "a row of nobody": lambda m: (m.funded, netted(m, rows=rows(m, account=m.nobody))),
    "one account twice": lambda m: (m.funded, netted(m, rows=netted(m).rows[:2] * 2)),
    "changes that do not sum to zero": lambda m: (m.funded, netted(m, rows=rows(m, amount=299))),
    "a cycle's nonces used twice": lambda m: (m.played(m.funded, (m.stranger, m.net())), netted(m)),
    "a cycle's epoch": lambda m: (m.funded, netted(m, rows=rows(m, epoch=1))),
    "a cycle that oversells": lambda m: (m.funded, netted(m, sales=sales(m, quantity=9))),
    "a cycle of another listing's epoch": lambda m: (m.funded, netted(m, sales=sales(m, epoch=2))),
    "a sale that no row counts": lambda m: (m.funded, netted(m, sales=())),
    "a cycle after the slot": lambda m: (replace(m.funded, time=5_600), netted(m)),
}
INTO_ESCROW = {
    "escrow of no trade": lambda m: (m.funded, into_escrow(m)[1]),
    "escrow of another digest": lambda m: into_escrow(m, trade=m.salt),
    "escrow of other terms": lambda m: into_escrow(
        m, terms=replace(m.held_trade, escrow=replace(m.terms, bond=0))
    ),
    "escrow ruled by others": lambda m: into_escrow(m, operator_set=2),
    "escrow before what came before": lambda m: into_escrow(m, since=899),
    "escrow after its trade's end": lambda m: into_escrow(m, since=1_060),
    "escrow after another event": lambda m: (
        folded(into_escrow(m)[0], Deposited(m.buyer.address, m.token, 1)),
        into_escrow(m)[1],
    ),
    "escrowed after another trade": lambda m: (
        m.played(m.escrowed, (m.stranger, m.settle(nonce=6))),
        into_escrow(m)[1],
    ),
    "escrowed twice": lambda m: (m.escrowed, into_escrow(m)[1]),
    "terms without a window": lambda m: other_terms(m, escrow=replace(m.terms, dispute_by=2_159)),
    "terms of another place": lambda m: other_terms(m, escrow=replace(m.terms, slot=1)),
    "a trade of another epoch of the listing": lambda m: other_terms(m, listing_epoch=1),
    "a trade valid past its slot": lambda m: other_terms(m, valid_until=5_601),
    "a bond of more than the supplier has": lambda m: other_terms(
        m, escrow=replace(m.terms, bond=486)
    ),
}
ESCROW = {
    "delivered twice": lambda m: (m.delivered, Delivered(m.held_digest, 3, 2_001)),
    "delivered before the slot": lambda m: (m.escrowed, Delivered(m.held_digest, 3, 1_999)),
    "delivered nothing": lambda m: (m.escrowed, Delivered(m.held_digest, 0, 2_000)),
    "delivered more than was sold": lambda m: (m.escrowed, Delivered(m.held_digest, 4, 2_000)),
    "delivered after the grace period": lambda m: (
        replace(grace(m, m.escrowed, 2_120), block=10),
        Delivered(m.held_digest, 3, 2_120),
    ),
    "disputed before delivery": lambda m: (m.escrowed, Disputed(m.held_digest, m.salt, 2_001)),
    "disputed before that": lambda m: (m.delivered, Disputed(m.held_digest, m.salt, 1_999)),
    "splits voided out of turn": lambda m: (m.escrowed, SplitsVoided(m.held_digest, 2)),
    "splits voided of nothing": lambda m: (m.funded, SplitsVoided(m.held_digest, 1)),
    "grace before the deadline": lambda m: (
        m.escrowed,
        GraceOpened(m.held_digest, 1, 2_119, 3),
    ),
    "grace twice": lambda m: (
        grace(m, m.escrowed, 2_120),
        GraceOpened(m.held_digest, 1, 2_121, 11),
    ),
    "grace of another state": lambda m: (m.escrowed, GraceOpened(m.held_digest, 2, 2_120, 3)),
    "grace of an earlier block": lambda m: (
        replace(m.escrowed, block=9),
        GraceOpened(m.held_digest, 1, 2_120, 11),
    ),
    "grace while a ruling stands": lambda m: (m.ruled, GraceOpened(m.held_digest, 3, 2_420, 3)),
    "ruling without a dispute": lambda m: (
        m.delivered,
        RulingPosted(m.held_digest, 1, 0, 0, 0, 2_100),
    ),
    "ruling before the hearing": lambda m: (
        m.disputed,
        RulingPosted(m.held_digest, 1, 0, 0, 0, 2_079),
    ),
    "ruling of more than all": lambda m: (
        m.disputed,
        RulingPosted(m.held_digest, 1, 0, 10_001, 0, 2_080),
    ),
    "ruling of no higher number": lambda m: (
        m.ruled,
        RulingPosted(m.held_digest, 1, 0, 0, 0, 2_100),
    ),
    "ruling replaced too late": lambda m: (
        m.ruled,
        RulingPosted(m.held_digest, 2, 0, 0, 0, 2_110),
    ),
    "capacity given back of nothing": lambda m: (
        m.escrowed,
        CommitmentReduced(m.seller.address, m.m1, 0, 4),
    ),
    "capacity given back of no slot": lambda m: (
        m.escrowed,
        CommitmentReduced(m.seller.address, m.m2, 0, 1),
    ),
    "capacity given back without a cause": lambda m: (
        folded(m.escrowed, CommitmentReduced(m.seller.address, m.m1, 0, 3)),
        Deposited(m.buyer.address, m.token, 1),
    ),
    "refunded what is covered": lambda m: (m.escrowed, Uncovered(m.held_digest, m.now)),
    "refunded and no capacity taken off": lambda m: (lowered(m), Uncovered(m.held_digest, m.now)),
    "refunded without the money": lambda m: (
        folded(
            lowered(m),
            CommitmentReduced(m.seller.address, m.m1, 0, 2),
            Uncovered(m.held_digest, m.now),
        ),
        Released(m.held_digest, Cause.UNCOVERED, 1, 299, closed=False),
    ),
    "uncovered without saying so": lambda m: (
        m.escrowed,
        Released(m.held_digest, Cause.UNCOVERED, 0, 300, closed=False),
    ),
}
PAID_OUT = {
    "released all and not closed": lambda m: (
        m.escrowed,
        Released(m.held_digest, Cause.ACCEPTED, 300, 0, closed=False),
    ),
    "released to the demander": lambda m: (
        m.escrowed,
        Released(m.held_digest, Cause.ACCEPTED, 0, 1, closed=False),
    ),
    "released by a split and not closed": lambda m: (
        m.escrowed,
        Released(m.held_digest, Cause.SPLIT, 1, 0, closed=False),
    ),
    "accepted for too much": lambda m: ending(
        *(m, m.delivered, 2_001, m.buyer, Release(m.held_trade, 300)),
        to_supplier=356,
    ),
    "accepted and too little paid out": lambda m: ending(
        *(m, m.delivered, 2_001, m.buyer, Release(m.held_trade, 300)),
        to_demander=14,
    ),
    "given back with too small a penalty": lambda m: ending(
        *(m, m.escrowed, 1_001, m.seller, Refund(m.held_trade)),
        **{"to_supplier": 36, "to_demander": 334},
    ),
    "given back with too much capacity": lambda m: (
        folded(m.escrowed, CommitmentReduced(m.seller.address, m.m1, 0, 2)),
        Released(m.held_digest, Cause.REFUNDED, 35, 335, closed=True),
    ),
    "capacity given back after delivery": lambda m: (
        folded(m.delivered, CommitmentReduced(m.seller.address, m.m1, 0, 3)),
        Released(m.held_digest, Cause.REFUNDED, 35, 335, closed=True),
    ),
    "capacity given back after the slot": lambda m: (
        replace(folded(m.escrowed, CommitmentReduced(m.seller.address, m.m1, 0, 3)), time=5_600),
        Released(m.held_digest, Cause.REFUNDED, 35, 335, closed=True),
    ),
    "no capacity given back, and the slot not over": lambda m: (
        folded(m.escrowed, Released(m.held_digest, Cause.REFUNDED, 35, 335, closed=True)),
        OperatorsSet(2, (m.buyer.address,), 1, 5_699),
    ),
    "split into less": lambda m: ending(
        *(m, m.escrowed, 1_001, m.stranger, m.split(100)), to_demander=269
    ),
    "split with a debt": lambda m: ending(
        *(m, m.escrowed, 1_001, m.stranger, m.split(370)),
        **{"to_supplier": 371, "to_demander": -1},
    ),
    "late without a grace period": lambda m: (
        m.escrowed,
        Released(m.held_digest, Cause.LATE, 75, 295, closed=True),
    ),
    "late after delivery": lambda m: (
        grace(m, m.delivered, 2_220),
        Released(m.held_digest, Cause.LATE, 75, 295, closed=True),
    ),
    "silent for too little": lambda m: ending(
        *(m, grace(m, m.delivered, 2_220), 2_220, m.stranger, Expire(m.held_trade), 10),
        **{"to_supplier": 324, "to_demander": 46},
    ),
    "another event before the grace period was over": lambda m: (
        m.played(
            grace(m, m.delivered, 2_220), (m.stranger, Expire(m.held_trade)), now=2_220, block=10
        ),
        OperatorsSet(2, (m.buyer.address,), 1, 2_319),
    ),
    "ruled without a ruling": lambda m: (
        m.disputed,
        Released(m.held_digest, Cause.RULED, 0, 370, closed=True),
    ),
    "ruled otherwise": lambda m: ending(
        *(m, m.ruled, 2_080, m.stranger, Execute(m.held_trade)),
        **{"to_supplier": 355, "to_demander": 15},
    ),
    "another event before a ruling was due": lambda m: (
        m.played(m.ruled, (m.stranger, Execute(m.held_trade)), now=2_080),
        OperatorsSet(2, (m.buyer.address,), 1, 2_179),
    ),
    "given back while a ruling stands": lambda m: (
        m.ruled,
        Released(m.held_digest, Cause.REFUNDED, 20, 350, closed=True),
    ),
    "uncovered and closed": lambda m: (
        m.escrowed,
        Released(m.held_digest, Cause.UNCOVERED, 0, 370, closed=True),
    ),
    "accepted what was refunded": lambda m: (
        m.played(lowered(m), (m.buyer, RefundUncovered(m.held_trade))),
        Released(m.held_digest, Cause.ACCEPTED, 70, 0, closed=True),
    ),
    "released from an instant trade": lambda m: (
        m.settled,
        Released(sale(m).trade, Cause.SPLIT, 0, 0, closed=True),
    ),
    "released after the end": lambda m: (
        closed(m),
        Released(m.held_digest, Cause.SPLIT, 0, 0, closed=True),
    ),
}
IMPOSSIBLE = {**CAPACITY, **ACCOUNTS, **TRADES, **INTO_ESCROW, **ESCROW, **PAID_OUT}


@pytest.mark.parametrize("case", IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_an_event_that_cannot_follow_is_no_history(market, case):
    state, event = case(market)
    before = repr(state)
    with pytest.raises(Inconsistent):
        record(state, event)
    assert repr(state) == before


def escrow_history(m, trade, start):
    """A trade that waits, is delivered, disputed and ruled on from second `start` on."""
    named, released = digest(m.domain, trade), trade.quantity * trade.unit_price
    terms = pack_terms(trade.quantity, trade.unit_price, trade.nonce)
    return (
        Settled(trade.listing, trade.demander, named, trade.token, terms),
        Escrowed(named, trade, 1, start),
        SplitsVoided(named, 1),
        Delivered(named, 2, start),
        GraceOpened(named, 2, start + 220, 3),
        Disputed(named, m.salt, start + 200),
        RulingPosted(named, 1, 0, 0, 0, start + 270),
        Released(named, Cause.RULED, 0, released, closed=True),
    )


def history(m, accounts):
    """A history of everything that many accounts can do."""
    seller, expiry = m.seller.address, 1 << 39
    for number in range(accounts):
        key, resource = Key.derive(str(number)), number.to_bytes(32, "big")
        buyer, time = key.address, 1_000 + 1_000 * number
        end = time + 900_000
        listing = listing_id(seller, resource, 0, end)
        place = (seller, resource, 0)
        times = (time, time + 100, time + 200, time + 400)
        agreed = Escrow(resource, 0, *times)
        trade = Trade(listing, buyer, m.token, 2, 5, end, 0, listing_epoch=time, escrow=agreed)
        later = (time + 400, time + 500, time + 700)
        unheld = replace(trade, nonce=1, escrow=Escrow(resource, 0, time, *later))
        lost = digest(m.domain, unheld)
        row = Row(buyer, 0b100, 0, PAYS, 0, salt=number)
        yield from (
            ResourceRegistered(seller, resource, m.hour, time, 900_000),
            SlotSealed(*place, m.salt, 1, expiry),
            SlotAttested(*place, 9, 1, expiry),
            SlotSealed(seller, resource, 1, m.salt, 1, expiry),
            Listed(listing, *place, 9, 9),
            Unlisted(listing, *place, 1, 8),
            ListingEpochRaised(listing, seller, time),
            Deposited(buyer, m.token, 100),
            Relayed(buyer, 0),
            IntentsVoided(buyer, 5),
            NetSettled(m.salt, m.token, m.salt, row.words, ()),
            *escrow_history(m, trade, time),
            Settled(listing, buyer, lost, m.token, pack_terms(2, 5, 1)),
            Escrowed(lost, unheld, 1, time + 270),
            SlotAttested(*place, 2, 2, expiry),
            Unlisted(listing, *place, 4, 0),
            CommitmentReduced(*place, 2),
            Uncovered(lost, time + 270),
            Released(lost, Cause.UNCOVERED, 0, 10, closed=False),
            NoncesCancelled(buyer, m.token, 0, 1 << 50),
            EpochRaised(buyer, m.token, time + 300),
            Withdrawn(buyer, m.token, 100, buyer),
        )


def test_no_event_copies_what_grows_with_the_market(market):
    m, accounts = market, 2_000
    state = m.new
    one = len(list(history(m, 1)))
    events = list(history(m, accounts))
    for event in events[:-one]:
        state = record(state, event)
    met = set()
    tracemalloc.start()
    try:
        for event in events[-one:]:
            tracemalloc.reset_peak()
            used, _ = tracemalloc.get_traced_memory()
            state = record(state, event)
            _, peak = tracemalloc.get_traced_memory()
            met.add(type(event))
            assert peak - used < 8 * accounts / 2, type(event)  # a copy has 8 bytes a key and more
    finally:
        tracemalloc.stop()
    assert met == set(EVENTS) - {Deployed, OperatorsSet, Paused, TokenSet, Skipped}


def test_old_states_stay(market):
    m, states, seen = market, [market.new], [repr(market.new)]
    for event in history(m, 3):
        states.append(record(states[-1], event))
        seen.append(repr(states[-1]))
    assert [repr(state) for state in states] == seen
