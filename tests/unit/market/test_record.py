"""Events that cannot follow from a state are no history of the exchange."""

from dataclasses import replace

import pytest

from fabmarket.market.events import (
    Delivered,
    Deposited,
    Disputed,
    EpochRaised,
    Escrowed,
    Listed,
    ListingEpochRaised,
    NoncesCancelled,
    Relayed,
    Released,
    ResourceRegistered,
    SlotAttested,
    SlotSealed,
    Unlisted,
    Withdrawn,
    pack_terms,
)
from fabmarket.market.exchange import Inconsistent, Refund, record, step


def sale(m, **changes):
    _, (event,) = step(m.funded, m.buyer.address, m.settle(), m.now)
    return replace(event, **changes)


def closed(m):
    return m.played(m.escrowed, (m.seller, Refund(m.held_trade)))


def escrowed(m, trade):
    return Escrowed(trade, 1_100, 1_200, 1_300, 0, 0, 0)


IMPOSSIBLE = {
    "registered twice": lambda m: (
        m.registered,
        ResourceRegistered(m.seller.address, m.m1, m.hour, 0, 1),
    ),
    "attested unregistered": lambda m: (m.new, SlotAttested(m.seller.address, m.m1, 0, 1, 1, 1)),
    "older version": lambda m: (m.attested, SlotAttested(m.seller.address, m.m1, 0, 1, 1, 1)),
    "sealed unregistered": lambda m: (m.new, SlotSealed(m.seller.address, m.m1, 0, m.salt, 1, 1)),
    "older seal": lambda m: (m.sealed, SlotSealed(m.seller.address, m.m1, 0, m.salt, 1, 1)),
    "over-listed": lambda m: (m.attested, Listed(m.listing, m.seller.address, m.m1, 0, 11, 11)),
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
    "listing epoch skipped": lambda m: (m.listed, ListingEpochRaised(m.listing, 2)),
    "epoch of no listing": lambda m: (m.listed, ListingEpochRaised(m.m1, 1)),
    "foreign money": lambda m: (m.new, Deposited(m.buyer.address, m.other_token, 1)),
    "overdrawn": lambda m: (m.funded, Withdrawn(m.buyer.address, m.token, 1_001)),
    "cancelled in another epoch": lambda m: (
        m.funded,
        NoncesCancelled(m.buyer.address, m.token, 1, 1),
    ),
    "epoch raised by one": lambda m: (m.funded, EpochRaised(m.buyer.address, m.token, 1)),
    "intent out of turn": lambda m: (m.funded, Relayed(m.buyer.address, 1)),
    "sold what is not listed": lambda m: (m.funded, sale(m, listing=m.m1)),
    "oversold": lambda m: (m.funded, sale(m, terms=pack_terms(9, 1, 0, 5))),
    "paid from nothing": lambda m: (m.funded, sale(m, terms=pack_terms(3, 500, 0, 5))),
    "settled twice": lambda m: (m.settled, sale(m)),
    "nonce after the last": lambda m: (m.funded, sale(m, terms=pack_terms(3, 100, 0, 96))),
    "epoch too early": lambda m: (m.funded, sale(m, terms=pack_terms(3, 100, 1, 5))),
    "escrow of no trade": lambda m: (m.funded, escrowed(m, m.salt)),
    "escrowed twice": lambda m: (m.escrowed, escrowed(m, m.held_name)),
    "delivered twice": lambda m: (m.delivered, Delivered(m.held_name)),
    "disputed before delivery": lambda m: (m.escrowed, Disputed(m.held_name, m.salt)),
    "released too much": lambda m: (m.escrowed, Released(m.held_name, 299, 2)),
    "released from an instant trade": lambda m: (m.settled, Released(sale(m).trade, 0, 0)),
    "released after the end": lambda m: (closed(m), Released(m.held_name, 0, 0)),
}


@pytest.mark.parametrize("case", IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_an_event_that_cannot_follow_is_no_history(market, case):
    state, event = case(market)
    before = repr(state)
    with pytest.raises(Inconsistent):
        record(state, event)
    assert repr(state) == before
