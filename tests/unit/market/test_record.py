"""Events that cannot follow from a state are no history of the exchange."""

from dataclasses import replace

import pytest

from fabmarket.market.events import (
    Deployed,
    Deposited,
    EpochRaised,
    IntentsVoided,
    Listed,
    ListingEpochRaised,
    NoncesCancelled,
    OperatorsSet,
    Paused,
    Relayed,
    ResourceRegistered,
    SlotAttested,
    SlotSealed,
    Unlisted,
    Withdrawn,
    pack_terms,
)
from fabmarket.market.exchange import (
    Exchange,
    Inconsistent,
    record,
    step,
)
from fabmarket.market.net import pack


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
        m.folded(Exchange.undeployed(m.domain), OperatorsSet(1, (m.buyer.address,), 1, 900)),
        Deployed(replace(m.parameters, hearing=0), "", ""),
    ),
    "made with too short a life": lambda m: (
        m.folded(Exchange.undeployed(m.domain), OperatorsSet(1, (m.buyer.address,), 1, 900)),
        Deployed(replace(m.parameters, longest_life=219), "", ""),
    ),
    "made with too large deposits": lambda m: (
        m.folded(Exchange.undeployed(m.domain), OperatorsSet(1, (m.buyer.address,), 1, 900)),
        Deployed(replace(m.parameters, deposit_share=10_001), "", ""),
    ),
    "a second set of operators before it was made": lambda m: (
        m.folded(Exchange.undeployed(m.domain), OperatorsSet(1, (m.buyer.address,), 1, 900)),
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
        m.folded(m.listed, SlotAttested(m.seller.address, m.m1, 0, 5, 2, 9_999)),
        Deposited(m.buyer.address, m.token, 1),
    ),
    "lowered, and too little taken off": lambda m: (
        m.folded(m.listed, SlotAttested(m.seller.address, m.m1, 0, 5, 2, 9_999)),
        Unlisted(m.listing, m.seller.address, m.m1, 0, 2, 6),
    ),
    "unlisted whole without a new epoch": lambda m: (
        m.folded(m.listed, Unlisted(m.listing, m.seller.address, m.m1, 0, 8, 0)),
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
    "all nonces cancelled without a new epoch": lambda m: (
        m.folded(m.funded, NoncesCancelled(m.buyer.address, m.token, 0, 2**96 - 1)),
        Deposited(m.buyer.address, m.token, 1),
    ),
    "all nonces cancelled and another's epoch raised": lambda m: (
        m.folded(m.funded, NoncesCancelled(m.buyer.address, m.token, 0, 2**96 - 1)),
        EpochRaised(m.seller.address, m.token, 2_000),
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
        m.folded(m.funded, Paused(2_500), sale(m)),
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
IMPOSSIBLE = {**CAPACITY, **ACCOUNTS, **TRADES}


@pytest.mark.parametrize("case", IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_an_event_that_cannot_follow_is_no_history(market, case):
    state, event = case(market)
    before = repr(state)
    with pytest.raises(Inconsistent):
        record(state, event)
    assert repr(state) == before
