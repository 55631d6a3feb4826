"""What the twin refuses of trades and escrows: each error, its values, and that nothing changed."""

from dataclasses import replace

import pytest

from fabmarket.identity import digest
from fabmarket.market import trade as signed
from fabmarket.market.exchange import (
    Cancel,
    Deliver,
    Dispute,
    Expire,
    Pause,
    RaiseListingEpoch,
    Refund,
    Release,
    Rule,
    step,
)

NOW, END = 1_000, 5_600


def paused(m, state):
    until = NOW + 10
    return m.played(state, (m.stranger, Pause(until, m.by(signed.Pause(until, 0)))))


def rule(m, share, keys=None):
    return Rule(m.held_trade, share, m.by(signed.Ruling(m.held_digest, share), keys))


# Each: the state, who moves, the move, and the error with its values. All at second 1,000.
TRADES = {
    "while paused": lambda m: (
        paused(m, m.funded),
        m.buyer,
        m.settle(),
        ("TradingPaused", NOW + 10),
    ),
    "product while paused": lambda m: (
        paused(m, m.funded),
        m.buyer,
        m.product({}),
        ("TradingPaused", NOW + 10),
    ),
    "escrow while paused": lambda m: (
        paused(m, m.funded),
        m.buyer,
        m.escrow(),
        ("TradingPaused", NOW + 10),
    ),
    "part of a product": lambda m: (m.funded, m.buyer, m.settle(bundle=m.m1), ("Bundled", m.m1)),
    "escrow of a part of a product": lambda m: (
        m.funded,
        m.buyer,
        m.escrow(bundle=m.m1),
        ("Bundled", m.m1),
    ),
    "buy nothing": lambda m: (m.funded, m.buyer, m.settle(quantity=0), ("ZeroQuantity",)),
    "pay nothing": lambda m: (m.funded, m.buyer, m.settle(unit_price=0), ("ZeroPrice",)),
    "no such listing": lambda m: (
        m.funded,
        m.buyer,
        m.settle(listing=m.m1),
        ("UnknownListing", m.m1),
    ),
    "trade out of date": lambda m: (
        m.funded,
        m.buyer,
        m.settle(valid_until=NOW),
        ("TradeExpired", NOW, NOW),
    ),
    "valid past the slot": lambda m: (
        m.funded,
        m.buyer,
        m.settle(valid_until=END + 1),
        ("ValidPastSlot", END + 1, END),
    ),
    "listing's epoch": lambda m: (
        m.funded,
        m.buyer,
        m.settle(listing_epoch=3),
        ("WrongListingEpoch", 3, 0),
    ),
    "listing's epoch was raised": lambda m: (
        m.played(m.funded, (m.seller, RaiseListingEpoch(m.listing))),
        m.buyer,
        m.settle(),
        ("WrongListingEpoch", 0, 1),
    ),
    "self-trade": lambda m: (
        m.funded,
        m.buyer,
        m.settle(buyer=m.seller, demander=m.seller.address),
        ("SelfTrade", m.seller.address),
    ),
    "not the demander's hand": lambda m: (
        m.funded,
        m.buyer,
        m.settle(buyer=m.stranger),
        ("BadSignature", m.buyer.address, m.stranger.address),
    ),
    "not the supplier's hand": lambda m: (
        m.funded,
        m.buyer,
        m.settle(seller=m.buyer),
        ("BadSignature", m.seller.address, m.buyer.address),
    ),
    "more than listed": lambda m: (
        m.funded,
        m.buyer,
        m.settle(quantity=9, unit_price=1),
        ("InsufficientListing", m.listing, 8, 9),
    ),
    "demander's epoch": lambda m: (
        m.funded,
        m.buyer,
        m.settle(demander_epoch=2),
        ("WrongDemanderEpoch", 2, 0),
    ),
    "next epoch while nonces are left": lambda m: (
        m.played(m.funded, (m.buyer, Cancel(m.token, 2**96 - 2))),
        m.buyer,
        m.settle(demander_epoch=1),
        ("WrongDemanderEpoch", 1, 0),
    ),
    "last epoch when nonces are used up": lambda m: (
        m.played(
            m.funded, (m.buyer, Cancel(m.token, 2**96 - 1)), (m.buyer, m.settle(demander_epoch=1))
        ),
        m.buyer,
        m.settle(),
        ("WrongDemanderEpoch", 0, 1),
    ),
    "replay": lambda m: (m.settled, m.stranger, m.settle(), ("NonceUsed", m.buyer.address, 5)),
    "nonce after the last": lambda m: (
        m.funded,
        m.buyer,
        m.settle(nonce=96),
        ("NonceUsed", m.buyer.address, 96),
    ),
    "cancelled nonce": lambda m: (
        m.played(m.funded, (m.buyer, Cancel(m.token, 1 << 5))),
        m.buyer,
        m.settle(),
        ("NonceUsed", m.buyer.address, 5),
    ),
    "more than held": lambda m: (
        m.funded,
        m.buyer,
        m.settle(unit_price=334),
        ("InsufficientBalance", m.buyer.address, m.token, 1_000, 1_002),
    ),
    "other token than deposited": lambda m: (
        m.funded,
        m.buyer,
        m.settle(token=m.other_token),
        ("InsufficientBalance", m.buyer.address, m.other_token, 0, 300),
    ),
    "half a product": lambda m: (
        m.funded,
        m.buyer,
        replace(m.product({}, {}), trades=m.product({}, {}).trades[:1]),
        (
            "WrongBundle",
            m.product({}, {}).trades[0].trade.bundle,
            m.product({}).trades[0].trade.bundle,
        ),
    ),
    "one part of a product cannot settle": lambda m: (
        m.funded,
        m.buyer,
        m.product({}, {"unit_price": 0}),
        ("ZeroPrice",),
    ),
}
ESCROW = {
    "delivery due now": lambda m: (m.funded, m.buyer, m.escrow(deliver_by=NOW), ("BadEscrow",)),
    "no time to dispute": lambda m: (m.funded, m.buyer, m.escrow(accept_by=1_100), ("BadEscrow",)),
    "no time to decide": lambda m: (m.funded, m.buyer, m.escrow(decide_by=1_200), ("BadEscrow",)),
    "late share": lambda m: (m.funded, m.buyer, m.escrow(late_share=10_001), ("BadEscrow",)),
    "silence share": lambda m: (m.funded, m.buyer, m.escrow(silence_share=10_001), ("BadEscrow",)),
    "undecided share": lambda m: (
        m.funded,
        m.buyer,
        m.escrow(undecided_share=10_001),
        ("BadEscrow",),
    ),
    "more than held, for an escrow": lambda m: (
        m.funded,
        m.buyer,
        m.escrow(unit_price=334),
        ("InsufficientBalance", m.buyer.address, m.token, 1_000, 1_002),
    ),
    "delivery by another": lambda m: (
        m.escrowed,
        m.buyer,
        Deliver(m.held_trade),
        ("NotParty", m.buyer.address),
    ),
    "delivery of an instant trade": lambda m: (
        m.settled,
        m.seller,
        Deliver(m.trade()),
        ("WrongState", digest(m.domain, m.trade()), 0),
    ),
    "delivered twice": lambda m: (
        m.delivered,
        m.seller,
        Deliver(m.held_trade),
        ("WrongState", m.held_digest, 2),
    ),
    "release by another": lambda m: (
        m.escrowed,
        m.seller,
        Release(m.held_trade, 1),
        ("NotParty", m.seller.address),
    ),
    "release nothing": lambda m: (m.escrowed, m.buyer, Release(m.held_trade, 0), ("ZeroAmount",)),
    "release too much": lambda m: (
        m.played(m.escrowed, (m.buyer, Release(m.held_trade, 100))),
        m.buyer,
        Release(m.held_trade, 201),
        ("InsufficientEscrow", m.held_digest, 200, 201),
    ),
    "release after the end": lambda m: (
        m.played(m.escrowed, (m.seller, Refund(m.held_trade))),
        m.buyer,
        Release(m.held_trade, 1),
        ("WrongState", m.held_digest, 4),
    ),
    "refund by another": lambda m: (
        m.escrowed,
        m.buyer,
        Refund(m.held_trade),
        ("NotParty", m.buyer.address),
    ),
    "dispute by another": lambda m: (
        m.delivered,
        m.seller,
        Dispute(m.held_trade, m.salt),
        ("NotParty", m.seller.address),
    ),
    "dispute before delivery": lambda m: (
        m.escrowed,
        m.buyer,
        Dispute(m.held_trade, m.salt),
        ("WrongState", m.held_digest, 1),
    ),
    "split above the whole": lambda m: (
        m.escrowed,
        m.stranger,
        m.split(10_001),
        ("BadShare", 10_001),
    ),
    "split without the demander": lambda m: (
        m.escrowed,
        m.seller,
        m.split(9_000, buyer=m.seller),
        ("BadSignature", m.buyer.address, m.seller.address),
    ),
    "split without the supplier": lambda m: (
        m.escrowed,
        m.buyer,
        m.split(1_000, seller=m.buyer),
        ("BadSignature", m.seller.address, m.buyer.address),
    ),
    "ruling without a dispute": lambda m: (
        m.delivered,
        m.stranger,
        rule(m, 1),
        ("WrongState", m.held_digest, 2),
    ),
    "ruling above the whole": lambda m: (
        m.disputed,
        m.stranger,
        rule(m, 10_001),
        ("BadShare", 10_001),
    ),
    "ruling by one": lambda m: (
        m.disputed,
        m.stranger,
        rule(m, 1, m.operators[:1]),
        ("TooFewSignatures", 1, 2),
    ),
    "expiry too early": lambda m: (
        m.escrowed,
        m.stranger,
        Expire(m.held_trade),
        ("DeadlineAhead", 1_100, NOW),
    ),
    "expiry of nothing": lambda m: (
        m.funded,
        m.stranger,
        Expire(m.held_trade),
        ("WrongState", m.held_digest, 0),
    ),
}
REFUSED = {**TRADES, **ESCROW}

LATE = {
    "delivery too late": (1_100, lambda m: (m.escrowed, m.seller, Deliver(m.held_trade))),
    "dispute too late": (1_200, lambda m: (m.delivered, m.buyer, Dispute(m.held_trade, m.salt))),
    "ruling too late": (1_300, lambda m: (m.disputed, m.stranger, rule(m, 5_000))),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_a_refusal_names_its_values_and_changes_nothing(market, case):
    state, key, move, expected = case(market)
    assert market.refused(state, key, move) == expected


@pytest.mark.parametrize(("deadline", "case"), LATE.values(), ids=LATE.keys())
def test_a_deadline_is_the_first_second_that_is_too_late(market, deadline, case):
    state, key, move = case(market)
    step(state, key.address, move, deadline - 1)
    expected = ("DeadlinePassed", deadline, deadline)
    assert market.refused(state, key, move, deadline) == expected
