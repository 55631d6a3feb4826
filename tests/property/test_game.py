"""The game room against brute force: bisection, grids of deviations, exact sessions."""

from fractions import Fraction
from math import inf

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from fabmarket.game import CONCEPTS, Game, NoEquilibrium, PriceRule, kept, solve, verify

# The paper's equation (19) is offered too, but its answer is no equilibrium.
EQUILIBRIA = tuple(concept for concept in CONCEPTS if concept != "paper-literal")
# Coarse numbers on purpose: they make ties, equal costs, zero demand and exact kinks common.
margins = st.lists(st.integers(-30, 60), min_size=1, max_size=6)
weights = st.fractions(Fraction(1, 10), 3, max_denominator=10)
bounds = st.one_of(st.none(), st.fractions(0, 40, max_denominator=4))


@st.composite
def markets(draw, most=6, concepts=EQUILIBRIA):
    """(concept, margins, caps, supply cap, a, b, supplier's cost), all offered by the concept."""
    concept = draw(st.sampled_from(concepts))
    margin = draw(margins.filter(lambda values: len(values) <= most))
    caps, supply_cap = [None] * len(margin), None
    if concept != "demanders-lead":
        caps = draw(
            st.one_of(st.just(caps), st.lists(bounds, min_size=len(margin), max_size=len(margin)))
        )
        supply_cap = draw(bounds)
    a, b = draw(weights), draw(weights)
    if concept == "balanced":
        a += b
    return concept, margin, caps, supply_cap, a, b, draw(st.integers(0, 40))


def game_of(market):
    _, margin, caps, supply_cap, a, b, start = market
    return Game(
        [max(c, 0) for c in margin],
        [max(-c, 0) for c in margin],
        start,
        a,
        b,
        cap=[inf if cap is None else cap for cap in caps],
        supply_cap=inf if supply_cap is None else supply_cap,
    )


def solved(market):
    """Game and equilibrium; markets in which demanders-lead has none are passed over."""
    game = game_of(market)
    try:
        return game, solve(game, market[0])
    except NoEquilibrium:
        assume(False)


def bisect(function, low, high):
    """The root of a falling function, to about 1e-15 of the interval."""
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) > 0 else (low, middle)
    return low


def asked_at(game, price):
    """What demanders who take the supply as given ask for, in units of price."""
    return np.clip(game.margin - price, 0, game.a * game.cap).sum()


@given(markets())
def test_every_answer_is_certified(market):
    game, found = solved(market)
    slope = game.a - game.b if market[0] == "balanced" else game.a
    size = 1 + np.square(game.margin).max() / slope
    assert found.certificate.max_unilateral_gain <= 1e-11 * size
    assert found.certificate.residual <= 1e-10
    assert found.demand.min() >= 0
    assert (found.demand <= game.cap).all()
    assert 0 <= found.supply <= game.supply_cap * (1 + 1e-12)
    assert found.total_demand == pytest.approx(found.demand.sum())
    assert found.demander_profit.min() >= -1e-9 * size


@given(markets(concepts=["simultaneous"]))
def test_simultaneous_price_is_where_bisection_finds_it(market):
    game, found = solved(market)

    def excess(price):
        offered = np.clip(price - game.supplier_cost, 0, game.b * game.supply_cap)
        return asked_at(game, price) - price - offered

    expected = bisect(excess, 0.0, 100.0)
    assert found.price == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(markets(concepts=["balanced"]))
def test_balanced_price_is_where_bisection_finds_it(market):
    game, found = solved(market)
    slope = game.a - game.b

    def excess(price):
        replies = np.clip((game.margin - price) / slope, 0, game.cap).sum()
        return replies - min(price / slope, game.supply_cap)

    expected = max(bisect(excess, 0.0, 100.0), game.supplier_cost)
    if excess(expected) > -1e-9 and excess(expected + 1e-6) > -1e-9:
        assert found.total_demand == pytest.approx(
            game.supply_cap, abs=1e-9
        )  # any price in a range
    else:
        assert found.price == pytest.approx(expected, rel=1e-7, abs=1e-7)
    assert found.price >= game.supplier_cost
    assert found.supply == found.total_demand
    assert found.unfunded == 0


@given(margins, st.integers(0, 40), weights, weights)
def test_without_caps_the_prices_are_the_largest_of_the_closed_forms(margin, start, a, b):
    totals = np.concatenate([[0], np.cumsum(sorted(margin, reverse=True))])
    k = np.arange(len(totals))
    game = game_of(("", margin, [None] * len(margin), None, a + b, b, start))
    alone = (totals / (k + 1)).max()
    together = ((totals + start) / (k + 2)).max()
    assert solve(game, "simultaneous").price == pytest.approx(
        alone if alone <= start else together, rel=1e-12
    )
    assert solve(game, "balanced").price == pytest.approx(max(alone, start), rel=1e-12)
    best = (np.maximum(totals - (k + 1) * start, 0) ** 2 / (k + 1)).max() / (4 * game.b)
    assert solve(game, "supplier-anticipates").supplier_profit == pytest.approx(
        best, rel=1e-9, abs=1e-9
    )


def price_after(concept, game, total, supply):
    """The price when demanders ask for this total, the supplier doing what the concept says."""
    if concept == "balanced":
        return max((game.a - game.b) * total, game.supplier_cost)
    if concept == "demanders-lead":
        supply = max(game.a * total - game.supplier_cost, 0) / (2 * game.b)
    return game.a * total - game.b * supply


@settings(max_examples=60)
@given(markets(most=3))
def test_no_demander_gains_on_a_grid_of_quantities(market):
    game, found = solved(market)
    concept = market[0]
    if concept == "balanced":  # with supply scarce the premium has to be part of the price
        assume(found.total_demand < game.supply_cap * (1 - 1e-9))
    for j, margin in enumerate(game.margin):
        others = found.total_demand - found.demand[j]
        most = min(game.cap[j], 2 * found.demand[j] + 40)
        best = max(
            v * (margin - price_after(concept, game, others + v, found.supply))
            for v in np.linspace(0, most, 301)
        )
        assert best <= found.demander_profit[j] + 1e-9 * (1 + abs(best))


@settings(max_examples=60)
@given(markets(most=3, concepts=["simultaneous", "supplier-anticipates", "demanders-lead"]))
def test_no_supplier_gains_on_a_grid_of_supplies(market):
    game, found = solved(market)
    anticipates = market[0] == "supplier-anticipates"
    for w in np.linspace(0, min(game.supply_cap, 2 * found.supply + 40), 101):
        price = game.a * found.total_demand - game.b * w
        if anticipates:
            floor = -game.b * w - 1
            price = bisect(lambda p, w=w: asked_at(game, p) - p - game.b * w, floor, 100.0)
        best = w * (price - game.supplier_cost)
        assert best <= found.supplier_profit + 1e-9 * (1 + abs(best))


def crossing_gain(margin, demand, price, start):
    """The most anyone gains by taking the total across the threshold alone, a = 1, on a grid."""
    gains = [-inf]
    for own, v in zip(margin, demand, strict=True):
        tried = np.linspace(0, 60, 6001)
        totals = demand.sum() - v + tried
        above = totals > start
        profits = tried * (own - np.where(above, (totals + start) / 2, totals))
        gains.extend(profits[above != (price > start)] - v * (own - price))
    return max(gains)


@settings(max_examples=200)
@given(margins, st.integers(0, 40))
@example([11, 25, 16, 12], 15)
@example([11, 11], 8)
def test_demanders_lead_tells_which_candidates_survive(margin, start):
    totals = np.concatenate([[0], np.cumsum(sorted(margin, reverse=True))])
    k = np.arange(len(totals))
    with_supply = ((totals + start / 2) / (k + 1)).max()
    without = (totals / (k + 1)).max()
    game = game_of(("", margin, [None] * len(margin), None, 1, 1, start))
    kept = []
    for price, weight in ((with_supply, 2), (without, 1)):
        if (price > start) == (weight == 2):
            demand = weight * np.maximum(game.margin - price, 0)
            gain = crossing_gain(game.margin, demand, price, start)
            assume(not 0 < abs(gain) < 1e-2)  # finer than the grid can tell
            if gain <= 0:
                kept.append(price)
    if not kept:
        with pytest.raises(NoEquilibrium):
            solve(game, "demanders-lead")
        return
    found = solve(game, "demanders-lead")
    assert found.price == pytest.approx(kept[0], rel=1e-12)
    assert found.note.startswith("two equilibria") == (len(kept) == 2)


def session(rule, margin, caps, price, *, remember):
    """The prices announced until the rule repeats one, and the last replies."""
    announced, low, high = [price], -inf, inf
    while True:
        replies = [rule.demand_at(c, cap, price) for c, cap in zip(margin, caps, strict=True)]
        moving = sum(0 < reply < cap for reply, cap in zip(replies, caps, strict=True))
        step = rule.next_price(price, sum(replies), moving=moving, members=len(replies))
        if step == price:
            return announced, replies
        if remember:
            low, high = (price, high) if step > price else (low, price)
        price = kept(step, low, high)
        announced.append(price)
        assert len(announced) < 400, "the session goes on and on"


starts = st.one_of(
    st.just(Fraction(0)), st.fractions(0, 100, max_denominator=3), st.integers(0, 10**6)
)


@settings(max_examples=300)
@given(markets(concepts=["simultaneous", "demanders-lead", "balanced"]), starts)
def test_a_session_reaches_the_equilibrium_exactly(market, above):
    concept, margin, given_caps, given_cap, a, b, start = market
    caps = [inf if cap is None else cap for cap in given_caps]
    supply_cap = inf if given_cap is None else given_cap
    rule = PriceRule(concept, a, b, start, supply_cap)
    announced, replies = session(rule, margin, caps, rule.floor + above, remember=True)
    price, total = announced[-1], sum(replies)
    m = len(margin)
    if all(cap == inf for cap in caps):
        assert len(announced) - 1 <= m + (1 if supply_cap == inf else 2)
        plain, _ = session(rule, margin, caps, rule.floor + above, remember=False)
        assert plain == announced
    else:
        # One step for each piece or kink of G, and at most 64 halvings for numbers of this size.
        assert len(announced) - 1 <= 4 * m + 3 + 64
    short = total < rule.total_at(price)
    assert price == rule.floor if short else total == rule.total_at(price)
    if concept == "balanced" and short:
        replies = rule.floor_shares(replies, caps, rule.total_at(price))
        total = sum(replies)
    _, found = solved(market)
    if concept != "balanced" and (short or found.supply == 0 or found.note.startswith("two")):
        assert not short or found.supply == 0
        return
    assert [float(v) for v in replies] == pytest.approx(found.demand.tolist(), rel=1e-9, abs=1e-9)
    assert float(rule.supply_at(price, total)) == pytest.approx(found.supply, rel=1e-9, abs=1e-9)
    if total != supply_cap:  # where caps fill W exactly, a whole range of prices is right
        assert float(price) == pytest.approx(found.price, rel=1e-9)


@given(
    st.lists(st.tuples(st.integers(0, 20), bounds), min_size=1, max_size=6),
    st.fractions(0, 60, max_denominator=6),
)
def test_floor_shares_are_one_factor_cut_off_at_the_caps(demanders, target):
    caps = [inf if cap is None else cap for _, cap in demanders]
    replies = [min(Fraction(r), cap) for (r, _), cap in zip(demanders, caps, strict=True)]
    shares = PriceRule("balanced", 2, 1, 9).floor_shares(replies, caps, target)
    room = sum(cap for r, cap in zip(replies, caps, strict=True) if r > 0)
    assert sum(shares) == min(target, room)
    factors = [s / r for s, r, cap in zip(shares, replies, caps, strict=True) if r > 0 and s != cap]
    assert len(set(factors)) <= 1
    for share, reply, cap in zip(shares, replies, caps, strict=True):
        assert share == 0 if reply == 0 else share <= cap
        if factors and reply > 0 and share == cap:
            assert share <= factors[0] * reply


@settings(max_examples=60)
@given(markets(most=3), st.integers(0, 3), st.sampled_from([0.9, 1.1]))
def test_a_changed_answer_is_caught(market, who, factor):
    game, found = solved(market)
    changed = found.demand.copy()
    who %= len(changed)
    assume(changed[who] > 1e-3)
    changed[who] *= factor
    altered = verify(
        game,
        type(found)(**{**vars(found), "demand": changed}),
    )
    assert altered.residual > 1e-9
