"""Histories of everything that accounts can do: no event copies the market, old states stay."""

import tracemalloc
from dataclasses import replace

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
    record,
)
from fabmarket.market.net import PAYS, Row
from fabmarket.market.trade import Escrow, Trade, listing_id


def escrow_history(m, trade, start):
    """A trade that waits, is delivered, disputed and ruled on from second and block `start` on."""
    named, released = digest(m.domain, trade), trade.quantity * trade.unit_price
    terms = pack_terms(trade.quantity, trade.unit_price, trade.nonce)
    return (
        Settled(trade.listing, trade.demander, named, trade.token, terms),
        Escrowed(named, trade, 1, start),
        SplitsVoided(named, 1),
        Delivered(named, 2, start),
        GraceOpened(named, 2, start + 220, start + 3),
        Disputed(named, m.salt, start + 200),
        RulingPosted(named, 1, 0, 0, 0, start + 270, start + 3),
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
