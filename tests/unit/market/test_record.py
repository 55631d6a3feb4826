"""Events that cannot follow from a state are no history of the exchange."""

import tracemalloc
from dataclasses import replace

import pytest

from fabmarket.identity import Key
from fabmarket.market.events import (
    EVENTS,
    Delivered,
    Deposited,
    Disputed,
    EpochRaised,
    Escrowed,
    Listed,
    ListingEpochRaised,
    NoncesCancelled,
    OperatorsSet,
    Paused,
    Relayed,
    Released,
    ResourceRegistered,
    Settled,
    Skipped,
    SlotAttested,
    SlotSealed,
    TokenSet,
    Unlisted,
    Withdrawn,
    pack_terms,
)
from fabmarket.market.exchange import Inconsistent, Refund, record, step
from fabmarket.market.trade import listing_id


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
    "sold to the seller": lambda m: (m.funded, sale(m, demander=m.seller.address)),
    "nonce after the last": lambda m: (m.funded, sale(m, terms=pack_terms(3, 100, 0, 96))),
    "epoch too early": lambda m: (m.funded, sale(m, terms=pack_terms(3, 100, 1, 5))),
    "escrow of no trade": lambda m: (m.funded, escrowed(m, m.salt)),
    "escrowed after another trade": lambda m: (
        m.played(m.escrowed, (m.stranger, m.settle(nonce=6))),
        escrowed(m, m.held_digest),
    ),
    "escrowed twice": lambda m: (m.escrowed, escrowed(m, m.held_digest)),
    "delivered twice": lambda m: (m.delivered, Delivered(m.held_digest)),
    "disputed before delivery": lambda m: (m.escrowed, Disputed(m.held_digest, m.salt)),
    "released too much": lambda m: (m.escrowed, Released(m.held_digest, 299, 2)),
    "released from an instant trade": lambda m: (m.settled, Released(sale(m).trade, 0, 0)),
    "released after the end": lambda m: (closed(m), Released(m.held_digest, 0, 0)),
}


@pytest.mark.parametrize("case", IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_an_event_that_cannot_follow_is_no_history(market, case):
    state, event = case(market)
    before = repr(state)
    with pytest.raises(Inconsistent):
        record(state, event)
    assert repr(state) == before


def history(m, accounts):
    """A history of everything that many accounts can do."""
    seller, expiry = m.seller.address, 1 << 39
    for number in range(accounts):
        buyer, resource = Key.derive(str(number)).address, number.to_bytes(32, "big")
        listing = listing_id(seller, resource, 0, 3_600)
        sale = Settled(listing, buyer, resource, m.token, pack_terms(2, 5, 0, 0))
        yield from (
            ResourceRegistered(seller, resource, m.hour, 0, 3_600),
            SlotSealed(seller, resource, 0, m.salt, 1, expiry),
            SlotAttested(seller, resource, 0, 9, 1, expiry),
            SlotSealed(seller, resource, 1, m.salt, 1, expiry),
            Listed(listing, seller, resource, 0, 9, 9),
            Unlisted(listing, seller, resource, 0, 1, 8),
            ListingEpochRaised(listing, 1),
            Deposited(buyer, m.token, 100),
            Relayed(buyer, 0),
            sale,
            Escrowed(sale.trade, 1, 2, 3, 0, 0, 0),
            Delivered(sale.trade),
            Disputed(sale.trade, m.salt),
            Released(sale.trade, 4, 6),
            NoncesCancelled(buyer, m.token, 0, 2),
            EpochRaised(buyer, m.token, 2),
            Withdrawn(buyer, m.token, 96),
        )


def test_no_event_copies_what_grows_with_the_market(market):
    m, accounts = market, 2_000
    state = m.new
    events = list(history(m, accounts))
    for event in events[:-17]:
        state = record(state, event)
    met = set()
    tracemalloc.start()
    try:
        for event in events[-17:]:
            tracemalloc.reset_peak()
            used, _ = tracemalloc.get_traced_memory()
            state = record(state, event)
            _, peak = tracemalloc.get_traced_memory()
            met.add(type(event))
            assert peak - used < 8 * accounts / 2, type(event)  # a copy has 8 bytes a key and more
    finally:
        tracemalloc.stop()
    assert met == set(EVENTS) - {OperatorsSet, Paused, TokenSet, Skipped}


def test_old_states_stay(market):
    m, states, seen = market, [market.new], [repr(market.new)]
    for event in history(m, 3):
        states.append(record(states[-1], event))
        seen.append(repr(states[-1]))
    assert [repr(state) for state in states] == seen
