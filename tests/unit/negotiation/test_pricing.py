"""One whole price a listing, read off a batch: what it names, what not, and how long it takes."""

import random
import time

import pytest
from rpds import HashTrieMap

from fabmarket.market.events import (
    Deposited,
    Listed,
    NetSettled,
    Settled,
    Unlisted,
    pack_terms,
)
from fabmarket.market.net import PAYS, Row, Sale, pack
from fabmarket.negotiation.netting.baskets import LEAST, basket_of, fitting, sellers_of
from fabmarket.negotiation.netting.pricing import (
    Priced,
    fitting_prices,
    likeliest,
    supposed,
    unsold,
    ways,
)
from fabmarket.negotiation.netting.state import left_after
from tests.unit.negotiation.test_baskets import batch


def bought(trades, rows, sellers):
    """What each buyer really bought, by account."""
    units = {}
    for trade in trades:
        rest = batch([trade])
        ((buyer, _),) = [(row.account, row) for row in rest[0] if row.direction == 1]
        (sale,) = rest[1]
        units[buyer, sale.listing] = units.get((buyer, sale.listing), 0) + sale.quantity
    market = tuple(sorted((*each, count) for each, count in units.items()))
    return {row.account: basket_of(row.account, market, sellers) for row in rows}


def game(prices, seed=1, buyers=12, spread=0):
    """Each buyer buys of two listings; each seller has two, at one price each but for a spread."""
    chance = random.Random(seed)
    return [
        (
            f"b{buyer}",
            f"s{listing // 2}",
            listing,
            chance.randint(1, 12),
            prices[listing] + chance.randint(0, spread),
        )
        for buyer in range(buyers)
        for listing in chance.sample(range(len(prices)), 2)
    ]


def attacked(trades):
    """What is supposed of each buyer, the truth, and whether each is shown enough baskets."""
    rows, sales = batch(trades)
    sellers = sellers_of(rows, sales, {})
    prices = likeliest(rows, sellers, {})
    found = {row.account: supposed(row, prices) for row in rows if row.direction == 1}
    hides = [len(fitting(rows, sellers, each)) == LEAST for each in found]
    return found, bought(trades, rows, sellers), hides


LISTING = bytes(31) + b"L"
GAME = (11_576, 18_823, 7_019, 9_941)


def test_what_fits_ten_ways_is_named_where_each_listing_has_one_price():
    right = []
    for seed in range(5):
        found, truth, hides = attacked(game(GAME, seed))
        assert all(hides)
        right += [baskets == {truth[who]} for who, baskets in found.items()]
    assert len(right) == 60
    assert sum(right) > 40


def test_where_each_pays_another_price_nothing_true_is_named():
    found, truth, hides = attacked(game(GAME, spread=900))
    assert all(hides)
    assert not any(truth[who] in baskets for who, baskets in found.items())


def test_two_listings_of_as_many_units_may_be_told_apart_by_nobody():
    """Their prices can be exchanged, and with them what each bought, where that is not as many."""
    trades = [
        (f"b{at}", "s", listing, quantity, price)
        for at, own in enumerate(((3, 9), (8, 2), (5, 5), (4, 4), (7, 6), (1, 2)))
        for listing, quantity, price in zip((0, 1), own, GAME[:2], strict=True)
    ]
    found, truth, _ = attacked(trades)
    assert all(truth[who] in baskets for who, baskets in found.items())
    assert sorted(map(len, found.values())) == [1, 1, 2, 2, 2, 2]


@pytest.mark.parametrize("seed", range(20))
def test_all_ways_to_pay_a_sum_are_found(seed):
    chance = random.Random(seed)
    one, two = (
        Priced(bytes([at]), chance.randint(1, 12), chance.randint(1, 20)) for at in range(2)
    )
    sums = range(1, 200)
    expected = {
        (a * one.price + b * two.price, a, b)
        for a in range(one.units + 1)
        for b in range(two.units + 1)
    }
    found = [(amount, dict(way)) for amount, way in ways(sums, [one, two])]
    tried = [(amount, way.get(b"\0", 0), way.get(b"\1", 0)) for amount, way in found]
    assert len(set(tried)) == len(tried)
    assert set(tried) == {each for each in expected if each[0] in sums}


def test_the_work_is_bounded():
    chance = random.Random(1)
    prices = [chance.randint(500_000, 900_000) for _ in range(60)]
    rows, sales = batch(
        [
            (f"b{at}", f"s{listing // 3}", listing, chance.randint(1, 40), prices[listing])
            for at in range(100)
            for listing in chance.sample(range(60), 5)
        ]
    )
    sellers = sellers_of(rows, sales, {})
    start = time.process_time()
    likeliest(rows, sellers, {})
    assert time.process_time() - start < 5
    assert not any(True for each in sellers for _ in fitting_prices(each, {}))


def test_a_price_that_settled_is_taken_for_that_of_its_listing():
    trades = game(GAME)
    rows, sales = batch(trades)
    sellers = sellers_of(rows, sales, {})
    settled = {sale.listing: price for sale, price in zip(sales, GAME, strict=True)}
    expected = [[settled[listing] for listing, _ in each.stock] for each in sellers]
    found = likeliest(rows, sellers, settled)
    assert [[each.price for each in prices] for own in found for prices in own] == expected
    assert not any(likeliest(rows, sellers, dict.fromkeys(settled, 1)))


def test_what_did_not_sell_out_is_supposed_at_its_least_price():
    """Who bought it alone is named, though ten baskets or more fit."""
    trades = [
        (f"b{at}", "s0", listing, 3 + at, 1_000 if listing else 1_501 + 7 * at)
        for at in range(8)
        for listing in ((1,) if at < 3 else (0, 1))
    ]
    rows, sales = batch(trades)
    sellers = sellers_of(rows, sales, {})
    left = {each.listing: each.quantity + int.from_bytes(each.listing, "big") for each in sales}
    least = unsold(sales, dict.fromkeys(left, 1_000), left)
    assert [int.from_bytes(each.listing, "big") for each in least] == [1]
    truth = bought(trades, rows, sellers)
    named = {
        row.account
        for row in rows
        if row.direction == 1 and supposed(row, ((least,),)) == {truth[row.account]}
    }
    assert len(named) == 3


def test_ways_without_number_are_not_all_listed():
    """A hundred listings of one price and a million million units: ten baskets are enough."""
    row = Row("0x02", 1, 10**12 + 7, PAYS, 0, 0)
    least = tuple(Priced(bytes([at]), 7 if at else 5, 10**12) for at in range(100))
    found = supposed(row, ((least,),))
    assert len(found) == LEAST
    assert all(len(each) == 2 for each in found)


def test_what_is_left_follows_the_chain():
    """Listings tell what they have; sales of both ways take from it."""
    left = left_after(HashTrieMap(), Listed(LISTING, "0x01", bytes(32), 0, 9, 9))
    left = left_after(left, Settled(LISTING, "0x02", bytes(32), "0x03", pack_terms(2, 5, 0)))
    sales = pack([Sale(LISTING, 3, 0, 0)])
    left = left_after(left, NetSettled(bytes(32), "0x03", bytes(32), (), sales))
    assert left[LISTING] == 4
    left = left_after(left, Unlisted(LISTING, "0x01", bytes(32), 0, 1, 3))
    assert left[LISTING] == 3
    assert left_after(left, Deposited("0x02", "0x03", 1)) is left
