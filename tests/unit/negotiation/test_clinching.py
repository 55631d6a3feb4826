"""The clock's outcome by exhaustion: every small market, every lie and every false name in it.

FABMARKET_FUZZ=long goes through larger families.
"""

import os
from collections import Counter
from functools import cache
from itertools import combinations_with_replacement, product
from typing import NamedTuple

import pytest

from fabmarket.identity import Key
from fabmarket.identity.codec import encode
from fabmarket.market.messages import Close, Exit
from fabmarket.negotiation.clinching import (
    Curve,
    in_trades,
    menu,
    most_exits,
    outcome,
    points,
    together,
)
from fabmarket.node.envelope import LARGEST, Envelope

LONG = os.environ.get("FABMARKET_FUZZ") == "long"


class Wish(NamedTuple):
    """What a demander is worth: of each further unit (falling), or of `lot` units together."""

    values: tuple[int, ...]
    lot: int = 0

    def worth(self, units):
        return self.values[0] * (units >= self.lot) if self.lot else sum(self.values[:units])


def lot_of(units, each):
    return Wish((units * each,), units)


@cache
def curve_of(wish, floor):
    """The honest answers: a unit, or a lot, is wanted up to the price that it is worth."""
    wanted = [wish.values[0] // wish.lot] * wish.lot if wish.lot else wish.values
    exits = Counter(value for value in wanted if value >= floor)
    return Curve(0, tuple(Exit(price, units) for price, units in sorted(exits.items())))


def bought(wishes, floor, room, lots=False, out=()):
    """What each gets and pays. Those in `out` fell silent: they count, and buy nothing."""
    curves = [curve_of(wish, floor) for wish in wishes]
    order = [seat for seat in range(len(curves)) if seat not in out]
    sold = outcome(together(curves), curves, order, floor, room, lots=lots)
    return list(zip(sold.units, sold.payments, strict=True))


def gain(wish, units, payment):
    return wish.worth(units) - payment


def units_worth(count, most):
    """Every demand of so many units, each worth a whole number up to `most`, falling."""
    every = combinations_with_replacement(range(most, -1, -1), count)
    return [Wish(values) for values in every]


def families():
    """(members, units each, most worth, room): each is gone through whole."""
    small = [(2, 3, 3, 3), (2, 3, 3, 4), (3, 2, 3, 2), (3, 2, 3, 3), (3, 2, 3, 4)]
    return [*small, (2, 3, 5, 4), (3, 2, 4, 3), (3, 2, 4, 5), (4, 2, 2, 4)] if LONG else small


def markets(members, wishes):
    """Every market of them, up to the order of all but the first."""
    for first in wishes:
        for others in combinations_with_replacement(wishes, members - 1):
            yield [first, *others]


def best_sum(wishes, floor, room):
    """The most that units sold above the floor can be worth: a knapsack, no auction."""
    best = [0] * (room + 1)
    for wish in wishes:
        best = [
            max(
                best[left - units] + wish.worth(units) - floor * units
                for units in range(min(left, len(wish.values)) + 1)
            )
            for left in range(room + 1)
        ]
    return best[room]


@pytest.mark.parametrize("family", families(), ids=str)
@pytest.mark.parametrize("floor", [0, 1])
def test_units_are_sold_as_by_vickrey_clarke_and_groves(family, floor):
    members, count, most, room = family
    for wishes in markets(members, units_worth(count, most)):
        sold = bought(wishes, floor, room)
        gains = [
            wish.worth(units) - floor * units for wish, (units, _) in zip(wishes, sold, strict=True)
        ]
        assert sum(gains) == best_sum(wishes, floor, room), wishes
        for seat, (units, payment) in enumerate(sold):
            alone = best_sum([*wishes[:seat], *wishes[seat + 1 :]], floor, room)
            others = sum(gains) - gains[seat]
            assert payment == floor * units + alone - others, (wishes, seat)


@pytest.mark.parametrize("family", families(), ids=str)
def test_no_lie_about_units_pays(family):
    members, count, most, room = family
    lies = units_worth(count, most + 1)
    for wishes in markets(members, units_worth(count, most)):
        honest = gain(wishes[0], *bought(wishes, 1, room)[0])
        assert honest >= 0
        for lie in lies:
            assert gain(wishes[0], *bought([lie, *wishes[1:]], 1, room)[0]) <= honest, (wishes, lie)


@pytest.mark.parametrize("family", families() if LONG else [(2, 2, 3, 3), (3, 2, 2, 3)], ids=str)
def test_no_false_name_for_units_pays_be_it_silent_in_the_end_or_not(family):
    members, count, most, room = family
    names = units_worth(count, most + LONG)
    for wishes in markets(members, units_worth(count, most)):
        honest = gain(wishes[0], *bought(wishes, 1, room)[0])
        for one, other in product(names, repeat=2):
            for out in ((), (1,)):
                (n, paid), (more, also), *_ = bought([one, other, *wishes[1:]], 1, room, out=out)
                assert gain(wishes[0], n + more, paid + also) <= honest, (wishes, one, other, out)


def lot_wishes(most, sizes=(1, 2, 3)):
    return [lot_of(size, each) for size in sizes for each in range(1, most + 1)]


@pytest.mark.parametrize("members", [2, 3, *([4] if LONG else [])])
@pytest.mark.parametrize("room", [2, 4])
def test_no_lie_and_no_false_name_for_lots_pays(members, room):
    wishes_of = lot_wishes(3)
    lies = lot_wishes(4, (1, 2, 3, 4))
    for wishes in markets(members, wishes_of):
        sold = bought(wishes, 1, room, lots=True)
        assert sum(units for units, _ in sold) <= room
        assert all(units in (0, wish.lot) for wish, (units, _) in zip(wishes, sold, strict=True))
        honest = gain(wishes[0], *sold[0])
        assert honest >= 0
        for lie in lies:
            told = bought([lie, *wishes[1:]], 1, room, lots=True)[0]
            assert gain(wishes[0], *told) <= honest, (wishes, lie)
        if members > 2 and not LONG:
            continue
        for one, other in product(lies, repeat=2):
            for out in ((), (1,)):
                told = bought([one, other, *wishes[1:]], 1, room, lots=True, out=out)
                (n, paid), (more, also), *_ = told
                assert gain(wishes[0], n + more, paid + also) <= honest, (wishes, one, other, out)


@pytest.mark.parametrize("lots", [False, True])
def test_what_a_seat_gains_is_the_best_of_its_menu(lots):
    floor, room = 1, 4
    wishes_of = lot_wishes(3) if lots else units_worth(3, 3)
    for wishes in markets(3, wishes_of):
        sold = bought(wishes, floor, room, lots)
        for seat, wish in enumerate(wishes):
            rest = [curve_of(each, floor) for each in (*wishes[:seat], *wishes[seat + 1 :])]
            prices = [
                each.price for each in menu(together(rest), floor, room) for _ in range(each.units)
            ]
            assert len(prices) == room
            best = 0
            for units in range(1, room + 1):
                cost = units * prices[units - 1] if lots else sum(prices[:units])
                best = max(best, wish.worth(units) - cost)
            assert gain(wish, *sold[seat]) == best, (wishes, seat)


def test_what_nobody_gives_up_is_on_no_menu():
    others = Curve(3, (Exit(5, 2),))
    assert menu(others, 1, 7) == (Exit(1, 2), Exit(5, 2))
    assert menu(Curve(9), 1, 7) == ()


def test_with_room_for_all_everything_sells_at_the_floor():
    wishes = [Wish((9, 8)), Wish((7,))]
    assert bought(wishes, 3, 3) == [(2, 6), (1, 3)]
    assert points(together(curve_of(each, 3) for each in wishes), 3, 3)[-1].wanted == 3


def test_the_papers_data_as_lots_of_all_there_is_and_as_shares_of_it():
    """Margins 55, 155 and 185 and a cost of 10; 600 units to sell, of which each could use all."""
    whole = [Curve(0, (Exit(margin, 600),)) for margin in (55, 155)]
    everyone = [*whole, Curve(600)]
    sold = outcome(together(everyone), everyone, range(3), 10, 600, lots=False)
    assert (sold.price, sold.units, sold.payments) == (155, (0, 0, 600), (0, 0, 93_000))
    caps = [Curve(0, (Exit(margin, 200),)) for margin in (55, 155, 185)]
    sold = outcome(together(caps), caps, range(3), 10, 300, lots=False)
    assert (sold.price, sold.units) == (155, (0, 100, 200))
    assert sold.payments == (0, 100 * 55, 100 * 55 + 100 * 155)


def test_what_is_left_over_goes_in_order_to_those_who_gave_up_last():
    curves = [Curve(0, (Exit(5, 2),)), Curve(0, (Exit(5, 2),)), Curve(0, (Exit(4, 3),))]
    assert outcome(together(curves), curves, [1, 0, 2], 1, 3, lots=False).units == (1, 2, 0)
    assert outcome(together(curves), curves, [0, 1, 2], 1, 3, lots=False).units == (2, 1, 0)
    assert outcome(together(curves), curves, [0, 1, 2], 1, 3, lots=True).units == (2, 0, 0)
    assert outcome(together(curves), curves, [1, 2], 1, 3, lots=True).units == (0, 2, 0)


def test_a_payment_is_at_most_two_trades_at_whole_prices():
    for units in range(30):
        for payment in range(units and 200):
            trades = in_trades(units, payment)
            assert len(trades) <= 2
            assert sum(n for n, _ in trades) == units
            assert sum(n * price for n, price in trades) == payment
            assert all(n > 0 for n, _ in trades)


@pytest.mark.parametrize("seats", [1, 128, 129, 1_000, 4_096, 100_000])
def test_a_seat_can_always_leave_in_part_and_whole(seats):
    assert 2 <= most_exits(seats) <= 64
    assert most_exits(seats) == 2 or seats * most_exits(seats) <= 8_192


def test_the_largest_close_is_a_letter():
    exits = tuple(Exit(2**100 + at, 2**63) for at in range(8_192))
    numbers = dict.fromkeys(("sum", "moving", "paid", "price"), 2**100)
    zero = bytes(32)
    close = Close(
        supplier=Key.derive("s").address,
        session=zero,
        previous=zero,
        tree=zero,
        awarded=2**63,
        dropped=(),
        exits=exits,
        **numbers,
    )
    assert len(encode(Envelope(close, bytes(65)))) < LARGEST
