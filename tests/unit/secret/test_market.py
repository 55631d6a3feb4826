"""The grid: whole numbers, and the price that those find who see all answers."""

import random
from fractions import Fraction
from math import inf

import pytest

from fabmarket.game import Game, PriceRule, solve
from fabmarket.secret.market import MOST, PROBES, TOP, Market, NotSecret

CONCEPTS = ("simultaneous", "demanders-lead", "balanced")
TICK = Fraction(1, 1000)


def drawn(draw: random.Random, concept: str):
    """A market with its lines, and the same as a game; every number a decimal of two places."""

    def decimal(low: float, high: float) -> Fraction:
        return Fraction(round(100 * draw.uniform(low, high)), 100)

    members = draw.randint(3, 12)
    margins = [decimal(0, 400) for _ in range(members)]
    capped = concept != "demanders-lead" and draw.random() < 0.7
    caps = [decimal(1, 90) if capped else inf for _ in range(members)]
    supply = inf
    if concept != "demanders-lead" and draw.random() < 0.5:
        # As much as all together can use: a whole stretch of prices clears the market.
        supply = sum(caps) if capped and draw.random() < 0.3 else decimal(5, 400)
    a, b = decimal(0.5, 2), decimal(0.1, 0.4)
    cost = decimal(0, 60)
    market = Market(PriceRule(concept, a, b, cost, supply), TICK)
    game = Game(margins, [0] * members, cost, a, b, cap=caps, supply_cap=supply)
    lines = [market.line(*one) for one in zip(margins, caps, strict=True)]
    return market, lines, game


def searched(market, lines):
    """The price's index and the signs, of a search in which everybody sees all answers."""
    search, signs = market.search(), []
    index = next(search)
    while True:
        signs.append(sum(line.answer(index) for line in lines) > market.there(index))
        try:
            index = search.send(signs[-1])
        except StopIteration as found:
            return found.value, signs


@pytest.mark.parametrize("concept", CONCEPTS)
def test_the_search_finds_the_price_of_those_who_see_all_lines(concept):
    draw = random.Random(7)
    above = 0
    for _ in range(200):
        market, lines, _ = drawn(draw, concept)
        index, signs = searched(market, lines)
        assert len(signs) == PROBES
        assert index == market.index_of(market.open_price(lines))
        above += index > 0
    assert above > 100


@pytest.mark.parametrize("concept", CONCEPTS)
def test_the_open_price_is_that_of_the_certified_equilibrium(concept):
    draw = random.Random(8)
    compared = 0
    for _ in range(100):
        market, lines, game = drawn(draw, concept)
        found = market.open_price(lines)
        if found == market.rule.floor:
            continue  # where the concepts have no supply, or share
        # Margins are rounded down to a part of a tick.
        assert float(found) == pytest.approx(solve(game, concept).price, abs=1e-6)
        compared += 1
    assert compared > 50


def test_everybody_works_out_its_own_quantity_from_the_price():
    market = Market(PriceRule("simultaneous", Fraction("0.8"), Fraction("0.2"), 10), TICK)
    lines = [
        market.line(Fraction(margin), cap) for margin, cap in ((55, inf), (155, 20), (185, inf))
    ]
    index = market.index_of(Fraction("87.5"))
    assert market.price(index) == Fraction("87.5")
    assert [market.quantity(one, index) for one in lines] == [0, 20, Fraction("121.875")]


def test_regression_one_price_of_many_that_clear_is_the_lowest():
    """All that is for sale is all that is wanted, from a price of 30 up to one of 90."""
    rule = PriceRule("balanced", Fraction(2), Fraction(1), 0, 30)
    market = Market(rule, TICK)
    lines = [market.line(Fraction(100), Fraction(10)) for _ in range(3)]
    assert market.open_price(lines) == 30
    assert market.price(searched(market, lines)[0]) == 30


def test_the_most_members_at_the_top_of_the_grid_stay_within_the_bits():
    market = Market(PriceRule("simultaneous", 1, 1, 0), Fraction(1))
    line = market.line(Fraction(TOP), inf)
    assert MOST * line.answer(0) < 2**46
    high = Market(PriceRule("simultaneous", 1, 1, 10**30), TICK)
    assert high.there(0) == 2**46


def test_what_cannot_be_searched_is_refused():
    rule = PriceRule("simultaneous", 1, 1, 10)
    with pytest.raises(NotSecret, match="a tick of 0; give one above 0"):
        Market(rule, Fraction(0))
    market = Market(rule, TICK)
    assert market.line(market.price(TOP), inf).margin
    with pytest.raises(NotSecret, match=r"a margin of 2000 above .* 1058\.58; give a larger tick"):
        market.line(Fraction(2000), inf)


def test_the_terms_say_all_of_a_market():
    for cap in (Fraction(1, 3), inf):
        market = Market(PriceRule("balanced", Fraction(2, 3), Fraction(1, 7), 10, cap), TICK)
        assert Market.of(market.terms()) == market
