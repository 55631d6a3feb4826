"""What the twin refuses of instant trades: each error, its values, and that nothing changed."""

from dataclasses import replace

import pytest

from fabmarket.market import trade as signed
from fabmarket.market.exchange import (
    Account,
    Cancel,
    Pause,
    RaiseListingEpoch,
    SettleEscrowBundle,
    SettleLate,
)

NOW, END = 1_000, 5_600


def paused(m, state):
    decision = signed.Pause(NOW + 10, 1, 0, m.forever)
    return m.played(state, (m.stranger, Pause(NOW + 10, m.forever, m.by(decision))))


def used_up(m, key):
    """The account has used every nonce of its epoch by trading."""
    held = m.funded.account_of(key.address, m.token).balance
    spent = Account(held, 0, 2**96 - 1)
    return replace(m.funded, accounts=m.funded.accounts.insert((key.address, m.token), spent))


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
    "product for later while paused": lambda m: (
        paused(m, m.funded),
        m.buyer,
        SettleLate((), NOW),
        ("TradingPaused", NOW + 10),
    ),
    "product for escrow while paused": lambda m: (
        paused(m, m.funded),
        m.buyer,
        SettleEscrowBundle(()),
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
        m.played(m.funded, (m.seller, RaiseListingEpoch(m.m1, 0))),
        m.buyer,
        m.settle(),
        ("WrongListingEpoch", 0, NOW),
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
    "supplier's epoch": lambda m: (
        m.funded,
        m.buyer,
        m.settle(supplier_nonce=1 << 8),
        ("WrongEpoch", m.seller.address, 1, 0),
    ),
    "supplier's next epoch when its nonces are used up": lambda m: (
        used_up(m, m.seller),
        m.buyer,
        m.settle(supplier_nonce=1 << 8),
        ("WrongEpoch", m.seller.address, 1, 0),
    ),
    "supplier's cancelled nonce": lambda m: (
        m.played(m.funded, (m.seller, Cancel(m.token, 1 << 7))),
        m.buyer,
        m.settle(supplier_nonce=7),
        ("NonceUsed", m.seller.address, 7),
    ),
    "supplier's nonce after the last": lambda m: (
        m.funded,
        m.buyer,
        m.settle(supplier_nonce=96),
        ("NonceUsed", m.seller.address, 96),
    ),
    "demander's epoch": lambda m: (
        m.funded,
        m.buyer,
        m.settle(nonce=2 << 8),
        ("WrongEpoch", m.buyer.address, 2, 0),
    ),
    "next epoch while nonces are left": lambda m: (
        m.played(m.funded, (m.buyer, Cancel(m.token, 2**96 - 2))),
        m.buyer,
        m.settle(nonce=1 << 8),
        ("WrongEpoch", m.buyer.address, 1, 0),
    ),
    "last epoch when nonces are used up": lambda m: (
        m.played(used_up(m, m.buyer), (m.buyer, m.settle(nonce=261))),
        m.buyer,
        m.settle(),
        ("WrongEpoch", m.buyer.address, 0, 1),
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


@pytest.mark.parametrize("case", TRADES.values(), ids=TRADES.keys())
def test_a_refusal_names_its_values_and_changes_nothing(market, case):
    state, key, move, expected = case(market)
    assert market.refused(state, key, move) == expected
