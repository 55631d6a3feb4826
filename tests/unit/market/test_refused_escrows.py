"""What the twin refuses of escrows: each error, its values, and that nothing changed."""

import pytest

from fabmarket.identity import digest
from fabmarket.market import trade as signed
from fabmarket.market.exchange import (
    Deliver,
    Dispute,
    Execute,
    Expire,
    Refund,
    RefundUncovered,
    Release,
    VoidSplits,
    step,
)
from fabmarket.market.exchange.signatures import signer_of
from fabmarket.market.units import name_to_bytes32

NOW, END = 1_000, 5_600


# Each: the state, who moves, the move, and the error with its values. All at second 1,000.
ESCROW = {
    "escrow of no listing": lambda m: (
        m.funded,
        m.buyer,
        m.escrow(listing=m.m1),
        ("UnknownListing", m.m1),
    ),
    "another resource": lambda m: (
        m.funded,
        m.buyer,
        m.escrow(resource=m.m2),
        ("WrongPlace", m.listing, m.m2, 0),
    ),
    "another slot": lambda m: (
        m.funded,
        m.buyer,
        m.escrow(slot=1),
        ("WrongPlace", m.listing, m.m1, 1),
    ),
    "the place is checked before the trade": lambda m: (
        m.funded,
        m.buyer,
        m.escrow(slot=1, quantity=0),
        ("WrongPlace", m.listing, m.m1, 1),
    ),
    "more than held, with the deposit": lambda m: (
        m.funded,
        m.buyer,
        m.escrow(unit_price=320),
        ("InsufficientBalance", m.buyer.address, m.token, 1_000, 1_008),
    ),
    "a bond of more than held": lambda m: (
        m.funded,
        m.buyer,
        m.escrow(bond=486),
        ("InsufficientBalance", m.seller.address, m.token, 500, 501),
    ),
    "delivery by another": lambda m: (
        m.escrowed,
        m.buyer,
        Deliver(m.held_trade, 3),
        ("NotParty", m.buyer.address),
    ),
    "delivery of an instant trade": lambda m: (
        m.settled,
        m.seller,
        Deliver(m.trade(), 3),
        ("WrongState", digest(m.domain, m.trade()), 0),
    ),
    "delivered twice": lambda m: (
        m.delivered,
        m.seller,
        Deliver(m.held_trade, 3),
        ("WrongState", m.held_digest, 2),
    ),
    "delivered before the slot": lambda m: (
        m.escrowed,
        m.seller,
        Deliver(m.held_trade, 3),
        ("TooEarly", 2_000, NOW),
    ),
    "refund of what is covered": lambda m: (
        m.escrowed,
        m.buyer,
        RefundUncovered(m.held_trade),
        ("Covered", 10, 8),
    ),
    "refund of less than a unit that is not covered": lambda m: (
        m.played(
            m.escrowed,
            (m.seller, m.attest(quantities=(1,), version=2)),
            (m.buyer, Release(m.held_trade, 201)),
        ),
        m.buyer,
        RefundUncovered(m.held_trade),
        ("BadQuantity", 0, 3),
    ),
    "refund of what is sealed": lambda m: (
        m.played(m.escrowed, (m.seller, m.seal(version=2))),
        m.buyer,
        RefundUncovered(m.held_trade),
        ("Covered", 0, 3),
    ),
    "refund for want of capacity by another": lambda m: (
        m.escrowed,
        m.seller,
        RefundUncovered(m.held_trade),
        ("NotParty", m.seller.address),
    ),
    "refund for want of capacity after delivery": lambda m: (
        m.delivered,
        m.buyer,
        RefundUncovered(m.held_trade),
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
    "split of more than is held": lambda m: (
        m.escrowed,
        m.stranger,
        m.split(100, 271),
        ("WrongSplit", m.held_digest, 370, 371),
    ),
    "split of less than is held": lambda m: (
        m.escrowed,
        m.stranger,
        m.split(100, 269),
        ("WrongSplit", m.held_digest, 370, 369),
    ),
    "split of another nonce": lambda m: (
        m.escrowed,
        m.stranger,
        m.split(100, nonce=1),
        ("BadSignature", m.buyer.address, wrong_signer(m)),
    ),
    "splits voided by another": lambda m: (
        m.escrowed,
        m.stranger,
        VoidSplits(m.held_trade),
        ("NotParty", m.stranger.address),
    ),
    "splits voided of nothing": lambda m: (
        m.funded,
        m.buyer,
        VoidSplits(m.held_trade),
        ("WrongState", m.held_digest, 0),
    ),
    "split without the demander": lambda m: (
        m.escrowed,
        m.seller,
        m.split(90, buyer=m.seller),
        ("BadSignature", m.buyer.address, m.seller.address),
    ),
    "split without the supplier": lambda m: (
        m.escrowed,
        m.buyer,
        m.split(10, seller=m.buyer),
        ("BadSignature", m.seller.address, m.buyer.address),
    ),
    "ruling without a dispute": lambda m: (
        m.delivered,
        m.stranger,
        m.rule(),
        ("WrongState", m.held_digest, 2),
    ),
    "ruling before the hearing": lambda m: (
        m.disputed,
        m.stranger,
        m.rule(),
        ("TooEarly", 2_050, NOW),
    ),
    "execution without a dispute": lambda m: (
        m.delivered,
        m.stranger,
        Execute(m.held_trade),
        ("WrongState", m.held_digest, 2),
    ),
    "execution without a ruling": lambda m: (
        m.disputed,
        m.stranger,
        Execute(m.held_trade),
        ("NoRuling", m.held_digest),
    ),
    "expiry too early": lambda m: (
        m.escrowed,
        m.stranger,
        Expire(m.held_trade),
        ("DeadlineAhead", 2_100, NOW),
    ),
    "expiry of nothing": lambda m: (
        m.funded,
        m.stranger,
        Expire(m.held_trade),
        ("WrongState", m.held_digest, 0),
    ),
}


def wrong_signer(m):
    """Whose signature the buyer's on a split with nonce 1 seems to be for one with nonce 0."""
    agreed = signed.Split(m.held_digest, 100, 270, m.forever, 0)
    return signer_of(digest(m.domain, agreed), m.split(100, nonce=1).demander)


# Each: a term, what it is, and the bound that it breaks. All at second 1,000.
TERMS = {
    "before the slot": ({"deliver_from": 1_999}, "deliverFrom", 1_999, 2_000),
    "no time to deliver": ({"deliver_by": 2_049}, "deliverBy", 2_049, 2_050),
    "no time to dispute": ({"dispute_by": 2_159}, "disputeBy", 2_159, 2_160),
    "no time to decide": ({"decide_by": 2_309}, "decideBy", 2_309, 2_310),
    "too long a life": ({"decide_by": 3_001}, "longestLife", 3_001, 3_000),
    "late share": ({"late_share": 10_001}, "lateShare", 10_001, 10_000),
    "silence share": ({"silence_share": 10_001}, "silenceShare", 10_001, 10_000),
    "undecided share": ({"undecided_share": 10_001}, "undecidedShare", 10_001, 10_000),
    "late penalty": ({"late_penalty": 10_001}, "latePenalty", 10_001, 10_000),
    "exit penalty": ({"exit_penalty": 10_001}, "exitPenalty", 10_001, 10_000),
}


@pytest.mark.parametrize("case", TERMS.values(), ids=TERMS.keys())
def test_a_term_out_of_bounds_is_named_with_its_bound(market, case):
    m = market
    changes, name, given, bound = case
    refusal = m.refused(m.funded, m.stranger, m.escrow(**changes))
    assert refusal == ("BadTerm", name_to_bytes32(name), given, bound)
    (field,) = changes
    step(m.funded, m.stranger.address, m.escrow(**{field: bound}), NOW)


RULINGS = {
    "by one operator": lambda m: (m.rule(keys=m.operators[:1]), ("TooFewSignatures", 1, 2)),
    "out of date": lambda m: (m.rule(deadline=2_050), ("DeadlinePassed", 2_050, 2_050)),
    "of no number": lambda m: (m.rule(0), ("StaleRuling", m.held_digest, 0, 0)),
    "of more than the payment": lambda m: (m.rule(shares=(10_001, 0, 0)), ("BadShare", 10_001)),
    "of more than the bond": lambda m: (m.rule(shares=(0, 10_002, 0)), ("BadShare", 10_002)),
    "of more than the deposits": lambda m: (m.rule(shares=(0, 0, 10_003)), ("BadShare", 10_003)),
    "by the demander": lambda m: (
        m.rule(keys=[*m.operators[:2], m.buyer]),
        ("PartyRules", m.buyer.address),
    ),
    "by the supplier": lambda m: (
        m.rule(keys=[*m.operators[:2], m.seller]),
        ("PartyRules", m.seller.address),
    ),
}


@pytest.mark.parametrize("case", RULINGS.values(), ids=RULINGS.keys())
def test_a_ruling_is_refused(market, case):
    move, expected = case(market)
    assert market.refused(market.disputed, market.stranger, move, 2_050) == expected


@pytest.mark.parametrize("quantity", [0, 4])
def test_nothing_and_more_than_was_sold_is_not_delivered(market, quantity):
    m, move = market, Deliver(market.held_trade, quantity)
    assert m.refused(m.escrowed, m.seller, move, 2_000) == ("BadQuantity", quantity, 3)


@pytest.mark.parametrize("case", ESCROW.values(), ids=ESCROW.keys())
def test_a_refusal_names_its_values_and_changes_nothing(market, case):
    state, key, move, expected = case(market)
    assert market.refused(state, key, move) == expected
