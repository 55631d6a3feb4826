"""The count of baskets, beside an observer who tries every market that there could be."""

import random
import time
from itertools import product

import pytest

from fabmarket.identity import Key
from fabmarket.market.net import PAID, PAYS, Row, Sale
from fabmarket.negotiation.netting.baskets import LEAST, fitting, sellers_of


def batch(trades, sellers=()):
    """Rows and sales of trades (buyer, seller, listing, units, price); accounts by name."""
    change, units = {}, {}
    for buyer, seller, listing, quantity, price in trades:
        change[buyer] = change.get(buyer, 0) - quantity * price
        change[seller] = change.get(seller, 0) + quantity * price
        units[seller, listing] = units.get((seller, listing), 0) + quantity
    names = sorted(change, key=lambda name: int(account(name), 16))
    rows = tuple(
        Row(
            account(name),
            1,
            abs(change[name]),
            PAYS if change[name] < 0 else PAID,
            0,
            sum(seller == name for seller, _ in units),
        )
        for name in names
    )
    sales = tuple(
        Sale(listing.to_bytes(32, "big"), quantity, 0, names.index(seller))
        for (seller, listing), quantity in sorted(units.items(), key=lambda each: each[0][1])
    )
    return rows, sales


def account(name):
    return Key.derive("baskets", str(name)).address


def spread(amounts, cells, takings):
    """Whether amounts can be paid so that each cell is within bounds and each seller has all."""
    if not amounts:
        return all(each == 0 for each in takings)
    first, rest = amounts[0], amounts[1:]
    for paid in product(*(range(low, high + 1) for low, high in cells[0])):
        left = [taking - each for taking, each in zip(takings, paid, strict=True)]
        if sum(paid) == first and min(left) >= 0 and spread(rest, cells[1:], left):
            return True
    return False


def exact(rows, sellers, who):
    """All baskets of an account in all markets that fit, by trying every one of them."""
    selling = {each.account for each in sellers}
    buyers = [(row.account, row.amount) for row in rows if row.account not in selling]
    stock = [(each, listing, units) for each in sellers for listing, units in each.stock]
    found = set()
    for shares in product(*(shared(units, len(buyers)) for _, _, units in stock)):
        cells = [
            [
                (
                    each.low * of_seller(stock, shares, each, at),
                    each.high * of_seller(stock, shares, each, at),
                )
                for each in sellers
            ]
            for at in range(len(buyers))
        ]
        takings = [each.takings for each in sellers]
        if spread([amount for _, amount in buyers], cells, takings):
            lines = [
                (buyer, listing, share[at])
                for (seller, listing, _), share in zip(stock, shares, strict=True)
                for at, (buyer, _) in enumerate(buyers)
                if share[at] and who in (buyer, seller.account)
            ]
            found.add(tuple(sorted(lines)))
    return found


def of_seller(stock, shares, seller, at):
    pairs = zip(stock, shares, strict=True)
    return sum(share[at] for (each, _, _), share in pairs if each == seller)


def shared(units, parts):
    if parts == 1:
        return [(units,)]
    return [(own, *rest) for own in range(units + 1) for rest in shared(units - own, parts - 1)]


@pytest.mark.parametrize("seed", range(40))
def test_no_basket_is_found_that_could_not_be(seed):
    chance = random.Random(seed)
    prices = chance.choice([(2, 4), (3, 5), (1, 6)])
    trades = [
        (f"b{buyer}", f"s{seller}", seller, chance.randint(1, 2), chance.randint(*prices))
        for buyer in range(chance.randint(2, 3))
        for seller in range(chance.randint(1, 2))
    ]
    rows, sales = batch(trades)
    sellers = sellers_of(rows, sales, {sale.listing: prices[0] for sale in sales})
    for row in rows:
        found = fitting(rows, sellers, row.account, most=1000)
        assert found <= exact(rows, sellers, row.account)


def test_one_buyer_of_one_seller_has_one_basket():
    rows, sales = batch([("b", "s", 1, 10, 7), ("b", "s", 1, 3, 9)])
    sellers = sellers_of(rows, sales, {})
    assert len(fitting(rows, sellers, account("b"))) == 1


def test_five_listings_and_one_trade_of_each_buyer_have_one_basket():
    rows, sales = batch(
        [(f"b{at}", f"s{at}", at, 3 + at, 1_000 ** (at + 1) + at) for at in range(5)]
    )
    sellers = sellers_of(rows, sales, {})
    assert all(len(fitting(rows, sellers, row.account)) == 1 for row in rows)


def test_where_takings_of_one_listing_are_a_whole_number_a_unit_that_is_the_price():
    """The paper's market: all pay 115."""
    rows, sales = batch([("b2", "s", 1, 100, 115), ("b3", "s", 1, 175, 115)])
    (seller,) = sellers_of(rows, sales, {})
    assert (seller.low, seller.high) == (115, 115)
    assert len(fitting(rows, [seller], account("b2"))) == 1


@pytest.mark.parametrize("second", [18_003, 18_002])
def test_takings_of_two_listings_that_divide_by_the_units_are_not_one_price(second):
    """The second's takings are even a unit: with it nothing netted, as if all had cost the same."""
    chance = random.Random(1)
    trades = [
        (f"b{buyer}", "s", listing, chance.randint(1, 9), price)
        for buyer in range(10)
        for listing, price in enumerate((11_576, second))
    ]
    for listing in (0, 1):  # 60 units of each
        left = 60 - sum(each[3] for each in trades if each[1:3] == ("s", listing))
        who, seller, _, quantity, price = trades[listing]
        trades[listing] = (who, seller, listing, quantity + left, price)
    rows, sales = batch(trades)
    (seller,) = sellers_of(rows, sales, {})
    assert (seller.takings % seller.units == 0) == (second == 18_002)
    assert not seller.has_one_price
    assert all(len(fitting(rows, [seller], row.account)) == LEAST for row in rows)


def test_known_prices_exclude_baskets():
    rows, sales = batch([("b1", "s", 1, 4, 10), ("b2", "s", 1, 5, 11), ("b3", "s", 1, 9, 12)])
    wide = sellers_of(rows, sales, {})
    known = sellers_of(rows, sales, {sales[0].listing: 10})
    assert [(each.low, each.high) for each in (*wide, *known)] == [(6, 22), (10, 22)]
    assert len(fitting(rows, wide, account("b3"))) == 9
    assert len(fitting(rows, known, account("b3"), most=100)) < 9


def test_all_units_cost_the_least_where_their_average_is_that():
    rows, sales = batch([("b1", "s", 1, 4, 10), ("b2", "s", 2, 5, 10)])
    (seller,) = sellers_of(rows, sales, {sale.listing: 10 for sale in sales})
    assert (seller.low, seller.high) == (10, 10)


def test_where_a_seller_pays_no_basket_is_found():
    rows, sales = batch([("b", "s", 1, 4, 10), ("s", "t", 2, 2, 90)])
    assert fitting(rows, sellers_of(rows, sales, {}), account("b")) == frozenset()


def large(buyers=50, suppliers=50, trades=500, seed=1):
    chance = random.Random(seed)
    return batch(
        [
            (
                f"b{at % buyers}",
                f"s{at // 10}",
                at // 10,
                chance.randint(1, 40),
                chance.randint(500, 2_000),
            )
            if at // 10 < suppliers
            else (f"b{at % buyers}", "s0", 0, 1, 1_000)
            for at in range(trades)
        ]
    )


def test_a_large_market_hides_everybody_in_bounded_time():
    rows, sales = large()
    assert (len(rows), len(sales)) == (100, 50)
    sellers = sellers_of(rows, sales, {})
    start = time.process_time()
    counts = [len(fitting(rows, sellers, row.account)) for row in rows]
    assert counts == [LEAST] * 100
    assert (time.process_time() - start) / 100 < 1
    reserves = {sale.listing: 10**6 for sale in sales}  # lies: none sold for less than its average
    start = time.process_time()
    fitting(rows, sellers_of(rows, sales, reserves), rows[0].account)
    assert time.process_time() - start < 2
