"""Events of escrows that cannot follow from a state are no history of the exchange."""

from dataclasses import replace

import pytest

from fabmarket.identity import digest
from fabmarket.market.events import (
    Cause,
    CommitmentReduced,
    Delivered,
    Deposited,
    Disputed,
    Escrowed,
    GraceOpened,
    Listed,
    OperatorsSet,
    Released,
    RulingPosted,
    SplitsVoided,
    Uncovered,
    pack_terms,
)
from fabmarket.market.exchange import (
    Deliver,
    Execute,
    Expire,
    Inconsistent,
    Refund,
    RefundUncovered,
    Release,
    record,
    step,
)


def sale(m, **changes):
    _, (event,) = step(m.funded, m.buyer.address, m.settle(), m.now)
    return replace(event, **changes)


def closed(m):
    return m.played(m.escrowed, (m.seller, Refund(m.held_trade)))


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
    return m.folded(state, *before), replace(last, **changes)


def cheap_exit(m, *before):
    """An escrow whose supplier pays more for being late than for going, and its going late."""
    move = m.escrow(exit_penalty=1_000)
    state = m.played(m.funded, (m.stranger, move))
    for key, of in before:
        state = m.played(state, (key, of(move.signed.trade)), now=2_050)
    return ending(m, state, 2_100, m.seller, Refund(move.signed.trade))


def delivered_late(m):
    return cheap_exit(m, (m.seller, lambda trade: Deliver(trade, 3)))


def lowered(m, quantity=1):
    return m.played(m.escrowed, (m.seller, m.attest(quantities=(quantity,), version=2)))


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
        m.folded(into_escrow(m)[0], Deposited(m.buyer.address, m.token, 1)),
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
        RulingPosted(m.held_digest, 1, 0, 0, 0, 2_100, 3),
    ),
    "ruling before the hearing": lambda m: (
        m.disputed,
        RulingPosted(m.held_digest, 1, 0, 0, 0, 2_079, 3),
    ),
    "ruling of an earlier block": lambda m: (
        replace(m.disputed, block=9),
        RulingPosted(m.held_digest, 1, 0, 0, 0, 2_080, 11),
    ),
    "ruling of more than all": lambda m: (
        m.disputed,
        RulingPosted(m.held_digest, 1, 0, 10_001, 0, 2_080, 3),
    ),
    "ruling of no higher number": lambda m: (
        m.ruled,
        RulingPosted(m.held_digest, 1, 0, 0, 0, 2_100, 3),
    ),
    "ruling replaced too late": lambda m: (
        replace(m.ruled, block=3),
        RulingPosted(m.held_digest, 2, 0, 0, 0, 2_110, 6),
    ),
    "ruling replaced with a window of its own after the last": lambda m: (
        m.played(m.disputed, (m.stranger, m.rule()), now=2_429),
        RulingPosted(m.held_digest, 2, 0, 0, 0, 2_460, 3),
    ),
    "another event before a ruling that shares its window": lambda m: (
        m.folded(
            replace(m.played(m.disputed, (m.stranger, m.rule()), now=2_429), time=2_430),
            RulingPosted(m.held_digest, 2, 0, 0, 0, 2_459, 3),
        ),
        OperatorsSet(2, (m.buyer.address,), 1, 2_529),
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
        m.folded(m.escrowed, CommitmentReduced(m.seller.address, m.m1, 0, 3)),
        Deposited(m.buyer.address, m.token, 1),
    ),
    "refunded what is covered": lambda m: (m.escrowed, Uncovered(m.held_digest, m.now)),
    "refunded and no capacity taken off": lambda m: (lowered(m), Uncovered(m.held_digest, m.now)),
    "refunded what is less than a unit": lambda m: (
        m.played(lowered(m), (m.buyer, Release(m.held_trade, 250))),
        Uncovered(m.held_digest, m.now),
    ),
    "refunded and no more taken off than was missing": lambda m: (
        m.folded(lowered(m), CommitmentReduced(m.seller.address, m.m1, 0, 2)),
        Uncovered(m.held_digest, m.now),
    ),
    "listed what a refund took off": lambda m: (
        m.played(lowered(m), (m.buyer, RefundUncovered(m.held_trade))),
        Listed(m.listing, m.seller.address, m.m1, 0, 1, 1),
    ),
    "refunded without the money": lambda m: (
        m.folded(
            lowered(m),
            CommitmentReduced(m.seller.address, m.m1, 0, 3),
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
    "given back in time and paid as if late": lambda m: (
        m.folded(*cheap_exit(m)),
        OperatorsSet(2, (m.buyer.address,), 1, 2_199),
    ),
    "given back late and paid as if in time": lambda m: (
        replace(cheap_exit(m)[0], time=2_100),
        replace(cheap_exit(m)[1], to_supplier=51, to_demander=319),
    ),
    "given back late after delivery and paid as if in time": lambda m: (
        replace(delivered_late(m)[0], time=2_100),
        replace(delivered_late(m)[1], to_supplier=51, to_demander=319),
    ),
    "given back in time after delivery and paid as if late": lambda m: (
        m.folded(*delivered_late(m)),
        OperatorsSet(2, (m.buyer.address,), 1, 2_199),
    ),
    "split with capacity that is paid for": lambda m: (
        m.folded(m.escrowed, CommitmentReduced(m.seller.address, m.m1, 0, 3)),
        Released(m.held_digest, Cause.SPLIT, 56, 314, closed=True),
    ),
    "late with capacity that is paid for": lambda m: (
        m.folded(
            grace(m, m.escrowed, 2_120),
            CommitmentReduced(m.seller.address, m.m1, 0, 3),
        ),
        Released(m.held_digest, Cause.LATE, 75, 295, closed=True),
    ),
    "given back with too much capacity": lambda m: (
        m.folded(m.escrowed, CommitmentReduced(m.seller.address, m.m1, 0, 2)),
        Released(m.held_digest, Cause.REFUNDED, 35, 335, closed=True),
    ),
    "capacity given back after delivery": lambda m: (
        m.folded(m.delivered, CommitmentReduced(m.seller.address, m.m1, 0, 3)),
        Released(m.held_digest, Cause.REFUNDED, 35, 335, closed=True),
    ),
    "capacity given back after the slot": lambda m: (
        replace(m.folded(m.escrowed, CommitmentReduced(m.seller.address, m.m1, 0, 3)), time=5_600),
        Released(m.held_digest, Cause.REFUNDED, 35, 335, closed=True),
    ),
    "no capacity given back, and the slot not over": lambda m: (
        m.folded(m.escrowed, Released(m.held_digest, Cause.REFUNDED, 35, 335, closed=True)),
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
        *(m, m.ruled, 2_080, m.stranger, Execute(m.held_trade), 3),
        **{"to_supplier": 355, "to_demander": 15},
    ),
    "another event before a ruling was due": lambda m: (
        m.played(m.ruled, (m.stranger, Execute(m.held_trade)), now=2_080, block=3),
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
IMPOSSIBLE = {**INTO_ESCROW, **ESCROW, **PAID_OUT}


@pytest.mark.parametrize("case", IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_an_escrow_s_event_that_cannot_follow_is_no_history(market, case):
    state, event = case(market)
    before = repr(state)
    with pytest.raises(Inconsistent):
        record(state, event)
    assert repr(state) == before
