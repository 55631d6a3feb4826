"""Where a search starts is of no matter to what it finds, and a search that creeps still ends.

FABMARKET_FUZZ=long goes through 4,000 markets instead of 150.
"""

import os
from dataclasses import replace
from fractions import Fraction

from hypothesis import example, given, settings
from hypothesis import strategies as st

from fabmarket.market.messages import Member, PriceTerms
from fabmarket.market.units import MICRO, NO_LIMIT, floor_int
from fabmarket.negotiation.course import best_reply, least_price, rule_of
from fabmarket.negotiation.masked.cards import FEW_ROUNDS
from fabmarket.negotiation.playing import play
from tests.property.sessions import DEMANDERS, GAMES, RICH, TOKEN, markets, played

MARKETS = 4_000 if os.environ.get("FABMARKET_FUZZ") == "long" else 150
HIGHEST = 2**127 - 1


@st.composite
def funded_markets(draw):
    """A market of a game, with what each member may spend: all, or what the whole room is worth."""
    terms, members, margins = draw(markets(GAMES))
    budgets = [
        min(member.quantity, terms.capacity) * max(0, margin) if draw(st.booleans()) else RICH
        for member, margin in zip(members, margins, strict=True)
    ]
    return terms, members, margins, budgets


def searched(terms, members, margins, budgets):
    """What a session sells after how many quotes."""

    def answer(seat, price):
        return best_reply(terms, members[seat], margins[seat], price, budgets[seat])

    return play(terms, members, answer)


def excess(market, price):
    """Micro-units by which all want more than the price implies; 0 within rounding."""
    terms, members, margins, budgets = market
    given = zip(members, margins, budgets, strict=True)
    total = sum(best_reply(terms, member, *own, price, rich) for member, *own, rich in given)
    found = total - floor_int(rule_of(terms).total_at(Fraction(price)) * MICRO)
    return 0 if abs(found) <= len(members) else found


def scanned(market):
    """The price that all answers to all prices give: the lowest that clears, else the last that is
    too low; 0 if none is, but that a balanced market sells at its least price.
    """
    terms = market[0]
    price = least_price(terms)
    if excess(market, price) < 0:
        return price if terms.concept == "balanced" else 0
    while excess(market, price) > 0:
        price += 1
    return price if excess(market, price) == 0 else price - 1


CREEPING = (
    PriceTerms("balanced", 2_172_961, 993_905, 59, 1, TOKEN),
    tuple(
        Member(DEMANDERS[at], bytes([at]) * 32, bytes([at]) * 32, units, bool(at), at)
        for at, units in enumerate((4, NO_LIMIT))
    ),
    [125, 289],
    [125, 289],
)
"""Both want more than the one unit there is: their answers are their budgets over the price."""


@settings(max_examples=MARKETS)
@given(funded_markets(), st.data())
@example(CREEPING, None)
def test_a_warm_search_finds_what_a_cold_one_does(market, data):
    """Starts: near the price, anywhere, so high that nobody wants anything, and above all prices.

    Where several prices clear within rounding, either may be found.
    """
    terms, *rest = market
    cold, least = searched(*market), least_price(terms)
    near = max(least, cold.awards.price)
    starts = [least, near, near + 1, max(least, near - 1), 2 * near, 10**9, HIGHEST]
    if data is not None:
        starts.append(data.draw(st.integers(least, least + 400)))
    for start in starts:
        warm = searched(replace(terms, start=start), *rest)
        if warm.awards.price != cold.awards.price:
            assert excess(market, warm.awards.price) == excess(market, cold.awards.price) == 0
        else:
            assert warm.awards == cold.awards


@settings(max_examples=MARKETS // 5)
@given(markets(GAMES), st.integers(0, 400))
def test_signed_sessions_come_out_alike_wherever_they_start(market, above):
    """The supplier and every seat follow it, and trade as in a session without a start."""
    terms, members, margins = market
    cold = played(*market).hosted
    start = least_price(terms) + above
    warm = played(replace(terms, start=start), members, margins).hosted
    assert warm.rounds[0].quote.price == start
    if warm.price == cold.price:
        assert (warm.awards, warm.payments) == (cold.awards, cold.payments)
        assert warm.course.lacks_supply == cold.course.lacks_supply
    else:
        rich = [RICH] * len(members)
        assert excess((*market, rich), warm.price) == excess((*market, rich), cold.price) == 0


@settings(max_examples=MARKETS)
@given(funded_markets())
@example(CREEPING)
def test_the_price_is_what_a_scan_of_all_prices_finds_in_few_rounds(market):
    """Also where budgets bound the answers, on which Newton's steps are short and crept."""
    found, due = searched(*market), scanned(market)
    assert found.rounds <= FEW_ROUNDS
    if found.awards.price != due:
        assert found.awards.price == 0 or excess(market, found.awards.price) == 0
        assert due == 0 or excess(market, due) == 0


def test_where_a_base_unit_is_fine_several_prices_clear_and_each_search_takes_its_first():
    """Of 10^18 base units a coin: both prices are right to a part in a million."""
    terms = PriceTerms("balanced", 2 * 10**24, 10**24, 10**18, 50, TOKEN)
    members = tuple(
        Member(DEMANDERS[at], bytes([at]) * 32, bytes([at]) * 32, 20, True, at) for at in range(3)
    )
    margins = [31 * 10**18 + 7, 24 * 10**18 + 5, 19 * 10**18 + 3]
    market = (terms, members, margins, [RICH] * 3)
    cold = searched(*market).awards
    warm = searched(replace(terms, start=cold.price + cold.price // 20), *market[1:]).awards
    assert warm.price != cold.price
    assert excess(market, warm.price) == excess(market, cold.price) == 0
    assert abs(warm.price - cold.price) * 10**5 < cold.price
    assert warm.units == cold.units
