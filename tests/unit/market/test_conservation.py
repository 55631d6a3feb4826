"""Random histories of the twin: money and capacity are conserved, events tell the whole state."""

import random
from dataclasses import replace

import pytest

from fabmarket.identity import digest
from fabmarket.market.events import (
    CommitmentReduced,
    Deposited,
    Escrowed,
    Released,
    Settled,
    Skipped,
    Withdrawn,
)
from fabmarket.market.exchange import (
    Cancel,
    Deliver,
    Deposit,
    Expire,
    Held,
    Listing,
    Refund,
    Release,
    Reverted,
    SettleBatch,
    Unlist,
    Withdraw,
    record,
    step,
)
from fabmarket.market.exchange.terms import all_held
from fabmarket.market.trade import listing_id

NOW, END = 1_950, 5_600


def random_move(m, rng, now):
    """A move of one of three traders, at an ever later time; about half of them are refused."""
    windows = replace(
        m.terms,
        deliver_by=max(now, 2_000) + 50,
        dispute_by=max(now, 2_000) + 120,
        decide_by=max(now, 2_000) + 240,
        bond=rng.randrange(20),
    )
    trade = m.trade(
        quantity=rng.randrange(3),
        unit_price=rng.randrange(90),
        nonce=rng.randrange(48),
        valid_until=END,
        escrow=windows,
    )
    both, either = m.both(trade), rng.choice((m.buyer, m.seller))
    kinds = [
        (m.buyer, Deposit(m.token, rng.randrange(500))),
        (either, Withdraw(m.token, rng.randrange(200), either.address)),
        (m.seller, m.reports((m.m1, 0, rng.randrange(4)), (m.m1, 1, rng.randrange(4)))),
        (m.seller, Unlist(m.m1, 0, rng.randrange(3))),
        (m.seller, m.attest(quantities=(rng.randrange(12),), version=now)),
        (m.buyer, Cancel(m.token, 1 << rng.randrange(12))),
        (m.stranger, SettleBatch((both, m.settle(nonce=rng.randrange(48), quantity=1).signed))),
        *[(m.stranger, replace(m.escrow(), signed=both))] * 4,
    ]
    return rng.choice(kinds)


def escrow_moves(m, rng, state, trades):
    """What may become of a trade in escrow."""
    known = [(trade, state.held.get(digest(m.domain, trade), Held())) for trade in trades]
    waiting = [trade for trade, held in known if held.is_open]
    if not waiting:
        return []
    trade = rng.choice(waiting)
    return [
        (m.seller, Deliver(trade, rng.randrange(1, 3))),
        (m.buyer, Release(trade, rng.randrange(1, 60))),
        (m.seller, Refund(trade)),
        *[(m.stranger, Expire(trade))] * 5,
    ]


@pytest.mark.parametrize("seed", range(10))
def test_money_and_capacity_are_conserved_and_the_state_is_the_fold_of_its_events(market, seed):
    m, rng = market, random.Random(seed)
    state, folded, inside, met, trades = m.funded, m.funded, 1_500, set(), []
    for number in range(200):
        now = NOW + 4 * number
        moves = [random_move(m, rng, now), *escrow_moves(m, rng, state, trades)]
        key, move = rng.choice(moves)
        if hasattr(move, "signed"):
            trades.append(move.signed.trade)
        committed = {where: slot.committed for where, slot in state.slots.items()}
        try:
            state, events = step(state, key.address, move, now, number)
        except Reverted:
            continue
        for event in events:
            folded = record(folded, event)
            inside += event.amount if isinstance(event, Deposited) else 0
            inside -= event.amount if isinstance(event, Withdrawn) else 0
            met.add(type(event))
        assert state == folded
        assert state.owed[m.token] == inside
        balances = sum(each.balance for each in state.accounts.values())
        held = [(state.escrows[trade], each) for trade, each in state.held.items()]
        assert balances + sum(all_held(*each, state.parameters) for each in held) == inside
        assert all(each.balance >= 0 for each in state.accounts.values())
        for where, slot in state.slots.items():
            end = state.calendars[where[:2]].end(where[2])
            listing = state.listings.get(listing_id(*where, end), Listing(m.nobody))
            assert 0 <= listing.available <= slot.committed
            assert slot.committed <= max(slot.attested, committed.get(where, 0))
    assert {Settled, Escrowed, Released, Skipped, CommitmentReduced} <= met
