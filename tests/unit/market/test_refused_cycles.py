"""What the twin refuses of net cycles: each error, its values, and that nothing changed."""

from dataclasses import replace

import pytest

from fabmarket.market.exchange import step
from fabmarket.market.net import Row

NOW, END = 1_000, 5_600


def upset(m, index, **changes):
    """The cycle with a row changed."""
    rows = list(m.cycle().rows)
    rows[index] = replace(rows[index], **changes)
    return m.net(m.cycle(rows=tuple(rows)))


def sold(m, **changes):
    """The cycle with its sale changed."""
    return m.net(m.cycle(sales=(replace(m.cycle().sales[0], **changes),)))


def places(m):
    """The places of the buyer's and the seller's rows."""
    accounts = [row.account for row in m.cycle().rows]
    return accounts.index(m.buyer.address), accounts.index(m.seller.address)


def third(m):
    """The cycle with a row of a stranger that has nothing and is to get nothing."""
    rows = [*m.cycle().rows, Row(m.stranger.address, 1, 0, 0, 0)]
    rows.sort(key=lambda row: int(row.account, 16))
    return rows


NET = {
    "no rows": lambda m: (m.net(m.cycle(rows=(), sales=())), ("MalformedBatch",)),
    "a signature missing": lambda m: (
        replace(m.net(), signatures=m.net().signatures[:1]),
        ("MalformedBatch",),
    ),
    "cycle out of date": lambda m: (
        m.net(m.cycle(valid_until=NOW)),
        ("TradeExpired", NOW, NOW),
    ),
    "rows out of order": lambda m: (
        m.net(m.cycle(rows=m.cycle().rows[::-1])),
        ("UnsortedRow", 1),
    ),
    "a row of nobody": lambda m: (upset(m, 0, account=m.nobody), ("UnsortedRow", 0)),
    "a stranger's signature": lambda m: (
        m.net(hands=[m.stranger] * 2),
        ("BadSignature", m.cycle().rows[0].account, m.stranger.address),
    ),
    "epoch of an account": lambda m: (
        upset(m, places(m)[0], epoch=1),
        ("WrongEpoch", m.buyer.address, 1, 0),
    ),
    "no nonce": lambda m: (upset(m, places(m)[1], mask=0), ("NoNonce", places(m)[1])),
    "no direction": lambda m: (
        upset(m, places(m)[0], direction=2),
        ("BadDirection", places(m)[0]),
    ),
    "more than fits": lambda m: (
        upset(m, places(m)[1], amount=2**128 - 500),
        ("AmountTooLarge", 2**128 - 500),
    ),
    "more than the account has": lambda m: (
        upset(m, places(m)[0], amount=1_001),
        ("InsufficientBalance", m.buyer.address, m.token, 1_000, 1_001),
    ),
    "what does not sum to zero": lambda m: (
        upset(m, places(m)[0], amount=299),
        ("Unbalanced", 1),
    ),
    "a sale twice": lambda m: (
        m.net(m.cycle(sales=m.cycle().sales * 2)),
        ("UnsortedSale", 1),
    ),
    "a sale of no row": lambda m: (sold(m, row=2), ("NotTheSupplier", 0)),
    "a sale of the buyer's row": lambda m: (
        sold(m, row=places(m)[0]),
        ("WrongSales", places(m)[0]),
    ),
    "a sale of the buyer's row that counts it": lambda m: (
        m.net(
            m.cycle(
                rows=tuple(replace(row, sales=1) for row in m.cycle().rows),
                sales=(replace(m.cycle().sales[0], row=places(m)[0]),),
            )
        ),
        ("NotTheSupplier", 0),
    ),
    "sales not counted": lambda m: (
        upset(m, places(m)[1], sales=2),
        ("WrongSales", places(m)[1]),
    ),
    "epoch of the listing": lambda m: (sold(m, epoch=1), ("WrongListingEpoch", 1, 0)),
    "a cycle valid past the slot": lambda m: (
        m.net(m.cycle(valid_until=END + 1)),
        ("ValidPastSlot", END + 1, END),
    ),
    "nothing sold": lambda m: (sold(m, quantity=0), ("ZeroQuantity",)),
    "more sold than listed": lambda m: (
        sold(m, quantity=9),
        ("InsufficientListing", m.listing, 8, 9),
    ),
    "sold what is not listed": lambda m: (
        sold(m, listing=m.salt),
        ("InsufficientListing", m.salt, 0, 3),
    ),
}


@pytest.mark.parametrize("case", NET.values(), ids=NET.keys())
def test_a_cycle_that_is_wrong_in_one_place_is_refused(market, case):
    move, expected = case(market)
    assert market.refused(market.funded, market.stranger, move) == expected


def test_rows_without_a_sale_are_no_fault(market):
    m = market
    rows = third(m)
    place = [row.account for row in rows].index(m.seller.address)
    sales = (replace(m.cycle().sales[0], row=place),)
    step(m.funded, m.stranger.address, m.net(m.cycle(rows=tuple(rows), sales=sales)), NOW)
