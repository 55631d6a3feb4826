"""How fast each dynamic reaches the equilibrium, and which ones cannot."""

from itertools import islice
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fabmarket.game import Game, InvalidGame, Unsupported, solve
from fabmarket.game.dynamics import (
    DYNAMICS,
    AggregateNewton,
    Anderson,
    DivergenceWarning,
    Diverges,
    Dynamic,
    Extragradient,
    GaussSeidel,
    Gradient,
    Jacobi,
    JacobiThenSupplier,
    Nesterov,
    Play,
    Relaxed,
    Tatonnement,
    perturb,
    start_at,
)
from fabmarket.game.dynamics.state import Interior

ALWAYS = [GaussSeidel(), Relaxed(), Gradient(), Nesterov(), Anderson(), Tatonnement()]
ALWAYS.append(AggregateNewton())


def paper(**bounds):
    return Game([100, 200, 200], [45, 45, 15], 10, 0.8, 0.2, **bounds)


def named(dynamics):
    return [pytest.param(one, id=type(one).__name__) for one in dynamics]


# Rounds until max(max|v - v*| / max v*, |w - w*| / w*) stays at most 1e-2, 1e-3, 1e-6, 1e-9 on
# the paper's market from v = (100, 100, 100), w = 200.
@pytest.mark.parametrize(
    ("dynamic", "counts"),
    [
        (GaussSeidel(), [5, 7, 13, 20]),
        (JacobiThenSupplier(), [4, 8, 18, 28]),
        (Relaxed(), [9, 15, 32, 49]),
        (Gradient(), [9, 15, 32, 49]),
        (Extragradient(), [31, 44, 84, 124]),
        (Nesterov(), [9, 14, 26, 39]),
        (Tatonnement(0.1), [10, 15, 28, 42]),
        (Tatonnement(0.05), [23, 33, 64, 95]),
        (Anderson(), [4, 4, 4, 4]),
        (AggregateNewton(), [3, 3, 3, 3]),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_rounds_on_the_papers_market(dynamic, counts):
    game = paper()
    play = Play(game, dynamic, start_at(game, 100, 200))
    for _ in islice(play, 140):
        pass
    assert [play.rounds_to(tolerance) for tolerance in (1e-2, 1e-3, 1e-6, 1e-9)] == counts


def test_gauss_seidel_counts_three_rounds_relative_to_the_largest_quantity():
    game = paper()
    play = Play(game, GaussSeidel(), start_at(game, 100, 200))
    list(islice(play, 25))
    largest = play.equilibrium.supply
    errors = [
        max(np.abs(s.demand - play.equilibrium.demand).max(), abs(s.supply - largest)) / largest
        for s in play.history
    ]
    firsts = [next(r for r, e in enumerate(errors) if e <= t) for t in (1e-2, 1e-3, 1e-6, 1e-9)]
    assert firsts == [3, 6, 13, 20]


def test_full_jacobi_ends_in_a_cycle_of_two_on_the_papers_market():
    game = paper()
    with pytest.raises(Diverges, match=r"jacobi .* radius is 1 with 3 parties"):
        Play(game, Jacobi())
    with pytest.warns(DivergenceWarning, match="radius is 1"):
        play = Play(game, Jacobi(), start_at(game, 100, 200), allow_divergence=True)
    list(islice(play, 200))
    assert play.errors[-1] > 0.1
    np.testing.assert_allclose(play.history[-1].demand, play.history[-3].demand, rtol=1e-9)
    assert play.history[-1].supply == pytest.approx(play.history[-3].supply, rel=1e-9)
    assert play.rounds_to(1e-2) is None


def test_full_jacobi_grows_out_of_range_with_many_demanders():
    game = Game([100] * 400, [10] * 400, 1, 1, 1)
    with pytest.warns(DivergenceWarning):
        play = Play(game, Jacobi(), start_at(game, 1, 1), allow_divergence=True)
    with pytest.raises(Diverges, match="left the range of numbers in round"):
        list(islice(play, 2000))
    assert np.isfinite(play.errors).all()


def test_full_jacobi_converges_with_two_parties():
    play = Play(Game([50], [5], 2, 1, 3), Jacobi())
    assert play.radius == 0.5
    assert play.until(1e-9, 60) is not None


def _round_matrix(dynamic, demanders):
    """One round as a matrix on the free parties, found by playing it on unit vectors.

    Everybody is free in this game, so a round is affine and differences of rounds are the matrix.
    """
    worth = 1000.0
    game = Game([worth] * demanders, [0] * demanders, 10, 2.0, 0.5)
    centre = solve(game, "simultaneous")

    def after(quantities):
        start = start_at(game, quantities[:demanders], quantities[demanders])
        state = next(dynamic.rounds(game, start))
        return np.append(state.demand, state.supply)

    here = np.append(centre.demand, centre.supply)
    base = after(here)
    columns = [(after(here + step) - base) / 1e-3 for step in np.eye(demanders + 1) * 1e-3]
    return np.array(columns).T


@pytest.mark.parametrize("demanders", [1, 2, 3, 5, 8])
@pytest.mark.parametrize(
    "dynamic",
    named([GaussSeidel(), Jacobi(), JacobiThenSupplier(), Relaxed(0.3), Gradient(0.2)])
    + named([Extragradient(0.15)]),
)
def test_the_spectral_radius_is_that_of_a_round(dynamic, demanders):
    matrix = _round_matrix(dynamic, demanders)
    game = Game([1000.0] * demanders, [0] * demanders, 10, 2.0, 0.5)
    expected = np.abs(np.linalg.eigvals(matrix)).max()
    assert dynamic.radius(game, Interior(demanders, True)) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    "dynamic", named([GaussSeidel(), Relaxed(), Gradient(), Extragradient(), Nesterov()])
)
def test_the_error_shrinks_by_the_radius_a_round(dynamic):
    game = paper()
    play = Play(game, dynamic, start_at(game, 100, 200))
    list(islice(play, 24))
    rate = (play.errors[24] / play.errors[8]) ** (1 / 16)
    assert rate == pytest.approx(play.radius, abs=0.05)


def test_tatonnement_shrinks_by_its_radius_a_round():
    play = Play(paper(), Tatonnement(0.05), start_at(paper(), 100, 200))
    list(islice(play, 40))
    assert play.radius == pytest.approx(0.8)
    assert play.errors[40] / play.errors[39] == pytest.approx(0.8, rel=1e-6)


def test_radii_where_nobody_or_only_one_is_free():
    game = paper()
    for dynamic in (GaussSeidel(), Jacobi(), JacobiThenSupplier(), Relaxed(), Nesterov()):
        assert dynamic.radius(game, Interior(0, False)) == 0
    assert JacobiThenSupplier().radius(game, Interior(1, False)) == 0
    assert JacobiThenSupplier().radius(game, Interior(5, False)) == 2
    assert JacobiThenSupplier().radius(game, Interior(6, True)) == 1
    assert Jacobi().radius(game, Interior(1, False)) == 0


@pytest.mark.parametrize(
    ("dynamic", "remedy"),
    [
        (JacobiThenSupplier(), "relaxed"),
        (Relaxed(0.6), "below 4/"),
        (Gradient(0.6), "below 4/"),
        (Extragradient(), "below 2/"),
        (Tatonnement(0.3), "below 2/"),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_dynamic_that_cannot_converge_is_refused_with_a_remedy(dynamic, remedy):
    game = Game([100] * 6, [5] * 6, 1, 0.8, 0.2)
    with pytest.raises(Diverges, match=rf"spectral radius .* with 7 parties .*{remedy}"):
        Play(game, dynamic)


def test_extragradient_at_exactly_one_over_l_stands_still_if_all_are_free():
    game = Game([100, 110], [5, 5], 1, 0.8, 0.2)
    with pytest.warns(DivergenceWarning):
        play = Play(game, Extragradient(), start_at(game, 60, 0), allow_divergence=True)
    list(islice(play, 300))
    assert play.errors[-1] > 0.05
    assert Play(game, Extragradient(0.45), start_at(game, 60, 0)).until(1e-6, 300) is not None


numbers = st.integers(0, 60)
games = st.builds(
    lambda people, supplier_cost, a, b, supply_cap: Game(
        [worth for worth, _, _ in people],
        [cost for _, cost, _ in people],
        supplier_cost,
        a,
        b,
        cap=[cap for *_, cap in people],
        supply_cap=supply_cap,
    ),
    st.lists(
        st.tuples(numbers, st.integers(0, 20), st.sampled_from([0, 1, 7.5, 40, inf])),
        min_size=1,
        max_size=6,
    ),
    st.integers(0, 30),
    st.sampled_from([0.25, 1, 3]),
    st.sampled_from([0.1, 1, 4]),
    st.sampled_from([0, 2, 35, inf]),
)


@settings(max_examples=60)
@given(game=games)
@pytest.mark.parametrize("dynamic", named(ALWAYS))
def test_those_that_always_converge_do_so_from_nothing_in_any_game(dynamic, game):
    play = Play(game, dynamic)
    found = play.until(1e-7, 1500)
    assert found is not None
    state = play.history[-1]
    assert (state.demand >= 0).all()
    assert (state.demand <= game.cap).all()
    assert 0 <= state.supply <= game.supply_cap


@settings(max_examples=60)
@given(game=games, price=st.integers(0, 100))
def test_newton_ends_exactly_after_few_rounds_from_any_price(game, price):
    start = start_at(game, 0.0, 0.0)
    play = Play(game, AggregateNewton(), type(start)(start.demand, start.supply, float(price)))
    assert play.until(1e-12, 40) is not None


def test_newton_goes_to_the_middle_where_a_step_leaves_what_it_has_enclosed():
    game = Game([18, 23, 12], [0, 0, 0], 4, 1, 1, cap=[8, 7, 8])
    start = start_at(game, 0.0, 0.0)
    play = Play(game, AggregateNewton(), type(start)(start.demand, start.supply, 2.0))
    assert play.until(1e-12, 40) is not None
    prices = [state.price for state in play.history]
    middles = [(one + other) / 2 for one in prices for other in prices if one < other]
    assert any(price in middles for price in prices)
    assert prices[-1] == pytest.approx(10.25)


def test_history_starts_with_the_start_and_keeps_every_round():
    game = paper()
    start = start_at(game, [1, 2, 3], 4)
    play = Play(game, GaussSeidel(), start)
    first, second = next(play), next(play)
    assert play.history == [start, first, second]
    assert len(play.errors) == 3
    assert start.price == pytest.approx(0.8 * 6 - 0.2 * 4)
    assert start.demand.tolist() == [1, 2, 3]


def test_a_play_begins_with_nothing_unless_told():
    begun = Play(paper(), GaussSeidel()).history[0]
    assert (begun.demand.tolist(), begun.supply, begun.price) == ([0, 0, 0], 0, 0)


def test_profits_of_a_state():
    game = paper()
    demanders, supplier = start_at(game, [0, 100, 50], 200).profits(game)
    assert demanders.tolist() == pytest.approx([0, 100 * (155 - 80), 50 * (185 - 80)])
    assert supplier == pytest.approx(200 * 70)


def test_until_stops_at_its_limit():
    play = Play(paper(), Tatonnement(0.001))
    assert play.until(1e-9, 5) is None
    assert len(play.history) == 6


def test_errors_are_in_units_where_the_equilibrium_is_nothing():
    game = Game([5], [9], 3, 1, 1)
    play = Play(game, GaussSeidel(), start_at(game, 2, 6))
    assert play.errors == [6]
    assert play.until(0, 5) == 2


@pytest.mark.parametrize(
    ("demand", "supply", "message"),
    [
        ([1, 2], 0, "2 demands to start from for 3 demanders"),
        ([1, -2, 0], 0, r"demand\[1\] starts at -2"),
        ([1, 2, float("nan")], 0, r"demand\[2\] starts at nan"),
        ([1, 2, 9], 0, r"demand\[2\] starts at 9.0; give a number in \[0, 8.0\]"),
        (1, -1, "supply starts at -1"),
        (1, 51, r"supply starts at 51; give a number in \[0, 50.0\]"),
    ],
)
def test_a_start_must_fit_the_game(demand, supply, message):
    with pytest.raises(InvalidGame, match=message):
        start_at(paper(cap=[8, 8, 8], supply_cap=50), demand, supply)


@pytest.mark.parametrize("kind", [Relaxed, Gradient, Extragradient, Tatonnement])
@pytest.mark.parametrize("step", [0, -1, float("nan"), inf])
def test_a_step_must_be_positive_and_finite(kind, step):
    with pytest.raises(InvalidGame, match=r"step is .*; give a"):
        kind(step)


def test_relaxed_goes_no_further_than_the_best_response():
    with pytest.raises(InvalidGame, match=r"step is 1.5; give a number in \(0, 1\]"):
        Relaxed(1.5)


def test_every_dynamic_is_listed_by_its_name_with_its_condition():
    assert len(DYNAMICS) == 10
    for name, kind in DYNAMICS.items():
        assert kind.name == name
        assert kind.condition


def test_the_third_demander_raises_its_demand_by_a_fifth():
    """q 87.5 -> 107 -> 97.25 and back; only a raise that lasts would pay."""
    game = paper()
    play = perturb(game, GaussSeidel(), 2, 20)
    list(islice(play, 25))
    raised, answered = play.history[:2]
    assert [raised.price, answered.price] == pytest.approx([107, 97.25])
    before, supplier_before = play.equilibrium.demander_profit, play.equilibrium.supplier_profit

    def change(state):
        demanders, supplier = state.profits(game)
        percent = [100 * (demanders[j] / before[j] - 1) for j in (1, 2)]
        return [round(x, 1) for x in [*percent, 100 * (supplier / supplier_before - 1)]]

    assert change(raised) == [-28.9, -4.0, 25.2]
    assert change(answered) == [-14.4, 8.0, 26.7]
    assert raised.demand[0] == answered.demand[0] == 0
    # The supplier's answer counts as the first round.
    assert [play.rounds_to(1e-3), play.rounds_to(1e-9)] == [7, 20]


def test_a_raise_is_answered_within_the_supply_cap():
    play = perturb(paper(supply_cap=400), GaussSeidel(), 2, 20)
    assert play.history[1].supply == 400


@pytest.mark.parametrize(
    ("who", "percent", "message"),
    [
        (3, 20, r"no demander 3; give an index in 0..2"),
        (-1, 20, "no demander -1"),
        (0, 20, "demander 0 demands nothing at equilibrium"),
        (2, -101, "the raise is -101 %"),
        (2, float("nan"), "the raise is nan %"),
    ],
)
def test_a_raise_must_make_sense(who, percent, message):
    with pytest.raises(InvalidGame, match=message):
        perturb(paper(), GaussSeidel(), who, percent)


def test_a_raise_stops_at_the_cap():
    with pytest.raises(InvalidGame, match=r"demand\[2\] starts at 146.25; give .* 130"):
        perturb(paper(cap=[130, 130, 130]), GaussSeidel(), 2, 20)


def test_budgets_are_refused():
    game = Game([10, 20], [0, 0], 1, 1, 1, budget=[inf, 30])
    with pytest.raises(Unsupported, match=r"without budgets; budget\[1\] is 30.0"):
        Play(game, GaussSeidel())


def test_a_dynamic_of_ones_own_says_what_a_round_does():
    class Idle(Dynamic):
        name = "idle"
        condition = "never"

        def radius(self, game, free):
            return None

    game = Game([100, 200, 200], [45, 45, 15], 10, 0.8, 0.2)
    with pytest.raises(NotImplementedError):
        next(Play(game, Idle()))
