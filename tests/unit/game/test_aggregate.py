"""The price rule of a session, in exact numbers."""

from fractions import Fraction
from math import inf, nan

import numpy as np
import pytest

from fabmarket.game import InvalidGame, NoEquilibrium, PriceRule, Unsupported, kept

A, B = Fraction(4, 5), Fraction(1, 5)
MARGINS = [55, 155, 185]
FREE = [inf, inf, inf]


def following(rule, price, replies, caps):
    """The next price from what everybody sees: the sum, and how many move with the price."""
    moving = sum(0 < reply < cap for reply, cap in zip(replies, caps, strict=True))
    return rule.next_price(price, sum(replies), moving=moving, members=len(replies))


@pytest.mark.parametrize(
    ("concept", "slope", "price", "demands", "supply"),
    [
        ("simultaneous", A, "175/2", ["0", "675/8", "975/8"], "775/2"),
        ("demanders-lead", A / 2, "115", ["0", "100", "175"], "525"),
        ("balanced", A - B, "340/3", ["0", "625/9", "1075/9"], "1700/9"),
    ],
)
def test_the_papers_market_in_three_announcements(concept, slope, price, demands, supply):
    rule = PriceRule(concept, A, B, 10)
    assert (rule.slope, rule.floor) == (slope, 10)
    announced = [rule.floor]
    for _ in range(2):
        replies = [rule.demand_at(c, inf, announced[-1]) for c in MARGINS]
        announced.append(following(rule, announced[-1], replies, FREE))
    assert announced[-1] == Fraction(price)
    replies = [rule.demand_at(c, inf, announced[-1]) for c in MARGINS]
    assert replies == [Fraction(x) for x in demands]
    assert sum(replies) == rule.total_at(announced[-1])
    assert rule.supply_at(announced[-1], sum(replies)) == Fraction(supply)
    assert following(rule, announced[-1], replies, FREE) == announced[-1]


@pytest.mark.parametrize("kind", [int, float, np.float64, Fraction])
def test_every_kind_of_number_gives_the_same_price(kind):
    rule = PriceRule("balanced", kind(3), kind(1), kind(4), kind(50))
    replies = [rule.demand_at(kind(c), inf, kind(5)) for c in (20, 31)]
    assert following(rule, kind(5), replies, [inf, kind(40)]) == Fraction(17)
    assert rule.total_at(kind(17)) == Fraction(17, 2)
    assert rule.floor_shares([kind(1), kind(3)], [inf, kind(5)], kind(8)) == (3, 5)


def test_whole_numbers_stay_exact():
    rule = PriceRule("demanders-lead", 3, 7, 1)
    assert rule.slope == Fraction(3, 2)
    assert rule.demand_at(8, inf, 3) == Fraction(10, 3)
    assert rule.supply_at(3, 0) == Fraction(2, 7)
    assert isinstance(rule.total_at(3), Fraction)


def test_replies_and_supply_stop_at_their_caps():
    rule = PriceRule("simultaneous", A, B, 10, 100)
    assert rule.demand_at(155, 50, 20) == 50
    assert rule.demand_at(155, 500, 20) == Fraction(675, 4)
    assert rule.demand_at(5, 500, 20) == 0
    assert rule.supply_at(20, 0) == 50
    assert rule.supply_at(200, 0) == 100
    assert rule.total_at(20) == Fraction(30) / A
    assert rule.total_at(200) == Fraction(220) / A
    assert PriceRule("balanced", A, B, 10, 100).total_at(90) == 100


def test_all_demands_zero_at_too_high_a_price_comes_down():
    rule = PriceRule("simultaneous", 1, 1, 2)
    assert following(rule, 100, [0, 0], [inf, inf]) == 2
    scarce = PriceRule("balanced", 2, 1, 2, 5)
    assert following(scarce, 100, [0, 0], [inf, inf]) == 2
    assert following(scarce, 5, [0, 0], [inf, inf]) == 2


def test_the_side_of_a_supply_kink_is_the_side_the_price_moves_to():
    rule = PriceRule("simultaneous", 1, 1, 2, 3)  # T: slope 2 below price 5, 1 above; T(5) = 8
    assert following(rule, 5, [9], [9]) == 6
    assert following(rule, 5, [6], [6]) == 4
    assert following(rule, 4, [8], [8]) == 5


def test_replies_all_full_above_the_supply_raise_the_price_at_least_twofold():
    rule = PriceRule("balanced", 2, 1, 0, 4)
    assert following(rule, 10, [6, 4], [6, 4]) == 20
    assert following(rule, 0, [0, 6], [0, 6]) == 6
    assert following(PriceRule("balanced", 2, 1, 0, 0), 0, [6], [6]) == 6


def test_plain_steps_may_circle_where_caps_bind_and_earlier_rounds_break_the_circle():
    rule = PriceRule("simultaneous", 1, 1, 0)
    margins, caps = [Fraction(21, 5)] * 9, [1] * 9

    def replies(price):
        return [rule.demand_at(c, cap, price) for c, cap in zip(margins, caps, strict=True)]

    assert following(rule, 0, replies(0), caps) == Fraction(9, 2)
    assert following(rule, Fraction(9, 2), replies(Fraction(9, 2)), caps) == 0

    announced, price, low, high = [], Fraction(0), -inf, inf
    while (step := following(rule, price, replies(price), caps)) != price:
        low, high = (price, high) if step > price else (low, price)
        announced.append(price)
        price = kept(step, low, high)
    assert announced == [0, Fraction(9, 2), Fraction(9, 4), Fraction(27, 8)]
    assert price == Fraction(189, 55)
    assert sum(replies(price)) == rule.total_at(price)


def test_a_session_ends_at_the_floor_when_replies_fall_short_there():
    rule = PriceRule("balanced", 2, 1, 9)
    replies = [rule.demand_at(c, inf, 9) for c in (14, 10, 9, 3)]
    assert following(rule, 9, replies, [inf] * 4) == 9
    assert rule.total_at(9) == 9
    shares = rule.floor_shares(replies, [inf] * 4, 9)
    assert shares == (Fraction(15, 2), Fraction(3, 2), 0, 0)


@pytest.mark.parametrize(
    ("caps", "supply_cap", "target", "shares"),
    [
        ([inf, inf, inf], inf, 12, (6, 4, 2)),
        ([inf, inf, inf], 6, 12, (3, 2, 1)),
        ([4, inf, inf], inf, 12, (4, Fraction(16, 3), Fraction(8, 3))),
        ([4, 5, inf], inf, 12, (4, 5, 3)),
        ([4, 5, 2], inf, 12, (4, 5, 2)),
        ([4, 5, 2], 11, 12, (4, 5, 2)),
        ([6, 4, 2], inf, 12, (6, 4, 2)),
        ([3, 2, inf], inf, 5, (Fraction(5, 2), Fraction(5, 3), Fraction(5, 6))),
    ],
)
def test_floor_shares_fill_the_caps_in_proportion(caps, supply_cap, target, shares):
    rule = PriceRule("balanced", 2, 1, 12, supply_cap)
    assert rule.floor_shares([3, 2, 1], caps, target) == shares


def test_a_tiny_float_reply_beside_a_full_one_gets_what_is_left():
    rule = PriceRule("balanced", 2.0, 1.0, 9.0)
    assert rule.floor_shares([1.0, 1e-20], [3.0, inf], 9.0) == (3, 6)
    assert rule.floor_shares([1.0, 1e-20], [3.0, 2.0], 9.0) == (3, 2)


def test_nothing_is_shared_among_none():
    assert PriceRule("balanced", 2, 1, 9).floor_shares([0, 0], [inf, 4], 9) == (0, 0)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("supplier-anticipates", 1, 1, 0), Unsupported, "no price rule for 'supplier-antic"),
        (("demanders-lead", 1, 1, 0, 5), Unsupported, r"supply cap \(5\)"),
        (("balanced", 1, 1, 0), NoEquilibrium, "needs a > b"),
        (("simultaneous", 0, 1, 0), InvalidGame, "a is 0; give a finite number > 0"),
        (("simultaneous", 1, 0, 0), InvalidGame, "b is 0; give a finite number > 0"),
        (("simultaneous", 1, 1, -1), InvalidGame, "supplier_cost is -1"),
        (("simultaneous", 1, 1, 0, -1), InvalidGame, "supply_cap is -1"),
        (("simultaneous", 1, 1, nan), InvalidGame, "supplier_cost is nan"),
        (("simultaneous", inf, 1, 0), InvalidGame, "a is inf"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        PriceRule(*arguments)
