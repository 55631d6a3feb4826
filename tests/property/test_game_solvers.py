"""The solvers of the game room against independent ones: fractions, QP solvers, brute force."""

from fractions import Fraction
from itertools import product
from math import inf

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from fabmarket.game import CONCEPTS, Game, NoEquilibrium, fast, solve, verify
from fabmarket.game.batch import Batch
from fabmarket.game.closed_forms.root import Requirement, lowest_root
from fabmarket.game.lots import solve_lots
from fabmarket.game.suppliers import SupplierGame, solve_suppliers
from tests.oracles.exact import ExactGame, solve_exact

margins = st.lists(st.integers(-30, 60), min_size=1, max_size=6)
weights = st.fractions(Fraction(1, 10), 3, max_denominator=10)
bounds = st.one_of(st.none(), st.fractions(0, 40, max_denominator=4))
COMPILED = [False, True] if fast.can_compile() else [False]


def split(values):
    """Margins as benefit and cost, both >= 0."""
    return [max(c, 0) for c in values], [max(-c, 0) for c in values]


@st.composite
def exact_games(draw, concepts=CONCEPTS):
    """(game, concept, coupled) that the concept offers."""
    concept = draw(st.sampled_from(concepts))
    margin = draw(margins)
    cap = supply_cap = None
    if concept not in {"demanders-lead", "paper-literal"}:
        caps = st.lists(bounds, min_size=len(margin), max_size=len(margin))
        cap, supply_cap = draw(st.one_of(st.none(), caps)), draw(bounds)
    a, b = draw(weights), draw(weights)
    if concept == "balanced":
        a += b
    start = draw(st.integers(0, 40))
    game = ExactGame(*split(margin), start, a, b, cap=cap, supply_cap=supply_cap)
    return game, concept, concept == "simultaneous" and draw(st.booleans())


@settings(max_examples=300)
@given(exact_games(), st.sampled_from(COMPILED))
def test_floats_agree_with_fractions(drawn, compiled):
    game, concept, coupled = drawn
    try:
        exact = solve_exact(game, concept, coupled=coupled)
    except NoEquilibrium:
        with pytest.raises(NoEquilibrium):
            solve(game.rounded, concept, coupled=coupled, compiled=compiled)
        return
    # An equilibrium on the very edge of there being one may be lost by rounding, nothing else.
    found = solve(game.rounded, concept, coupled=coupled, compiled=compiled)
    numbers = [exact.price, exact.supply, exact.multiplier, exact.supplier_profit, *exact.demand]
    stated = [found.price, found.supply, found.multiplier, found.supplier_profit, *found.demand]
    assert stated == pytest.approx([float(x) for x in numbers], rel=1e-10, abs=1e-10)
    assert found.note.startswith("two equilibria") == exact.note.startswith("two equilibria")
    if concept != "paper-literal":
        assert found.certificate.max_unilateral_gain < 1e-8
        assert found.certificate.residual < 1e-10


@given(exact_games(["simultaneous"]))
def test_the_exact_equilibrium_leaves_nobody_a_gain(drawn):
    game, concept, coupled = drawn
    try:
        exact = solve_exact(game, concept, coupled=coupled)
    except NoEquilibrium:
        assume(False)
    price, total = exact.price, exact.total_demand
    assert price == game.a * total - game.b * exact.supply
    assert exact.multiplier >= 0
    assert not coupled or total <= exact.supply
    assert exact.multiplier == 0 or total == exact.supply
    worth = price + exact.multiplier
    for c, u, v in zip(game.margin, game.cap, exact.demand, strict=True):
        slope = c - worth - game.a * v
        assert slope <= 0 if v == 0 and u != 0 else slope >= 0 or u == 0
        assert slope == 0 or v in {0, u}
    slope = worth - game.supplier_cost - game.b * exact.supply
    assert slope == 0 or (slope < 0 and exact.supply == 0) or exact.supply == game.supply_cap


def quadratic_program(game):
    """The potential of "simultaneous" as a QP, in x = (v, z) with z = -bw/a a Cournot seller's
    negative quantity: minimise a/2 |x|^2 + a/2 (sum x)^2 - c.v - d_s z.
    """
    m = len(game.margin)
    matrix = game.a * (np.eye(m + 1) + np.ones((m + 1, m + 1)))
    linear = -np.append(game.margin, game.supplier_cost)
    lower = np.append(np.zeros(m), -game.b / game.a * min(game.supply_cap, 1e4))
    upper = np.append(np.minimum(game.cap, 1e4), 0.0)
    return matrix, linear, lower, upper


def by_piqp(game):
    piqp = pytest.importorskip("piqp", reason="piqp is not installed (extra bench)")
    matrix, linear, lower, upper = quadratic_program(game)
    solver = piqp.DenseSolver()
    solver.settings.eps_abs = solver.settings.eps_rel = 1e-11
    solver.setup(P=matrix, c=linear, x_l=lower, x_u=upper)
    solver.solve()
    return solver.result.x


def by_clarabel(game):
    clarabel = pytest.importorskip("clarabel", reason="clarabel is not installed (extra bench)")
    sparse = pytest.importorskip("scipy.sparse", reason="scipy is not installed (extra bench)")
    matrix, linear, lower, upper = quadratic_program(game)
    n = len(linear)
    settings_ = clarabel.DefaultSettings()
    settings_.verbose = False
    settings_.tol_gap_abs = settings_.tol_gap_rel = settings_.tol_feas = 1e-11
    rows = sparse.csc_matrix(np.vstack([np.eye(n), -np.eye(n)]))
    solver = clarabel.DefaultSolver(
        sparse.csc_matrix(np.triu(matrix)),
        linear,
        rows,
        np.concatenate([upper, -lower]),
        [clarabel.NonnegativeConeT(2 * n)],
        settings_,
    )
    return np.array(solver.solve().x)


@pytest.mark.parametrize("method", [by_piqp, by_clarabel])
@pytest.mark.parametrize("seed", range(6))
def test_a_qp_solver_finds_the_same_equilibrium(method, seed):
    rng = np.random.default_rng(seed)
    m = 2 + 4 * seed
    cap = rng.choice([inf, 5.0, 20.0], m) if seed % 2 else None
    game = Game(
        rng.uniform(0, 100, m),
        rng.uniform(0, 40, m),
        rng.uniform(0, 20),
        rng.uniform(0.5, 2),
        rng.uniform(0.2, 2),
        cap=cap,
        supply_cap=inf if seed < 3 else 15.0,
    )
    x = method(game)
    found = solve(game, "simultaneous")
    assert x[:-1] == pytest.approx(found.demand, rel=1e-5, abs=1e-5)
    assert -game.a / game.b * x[-1] == pytest.approx(found.supply, rel=1e-5, abs=1e-5)


@given(
    st.lists(st.tuples(st.integers(-20, 60), bounds, bounds), min_size=1, max_size=5),
    st.integers(0, 40),
    weights,
    weights,
    bounds,
)
@example([(10, None, Fraction(0))], 5, Fraction(1), Fraction(1), None)
def test_with_budgets_the_price_is_where_bisection_finds_it(demanders, start, a, b, supply_cap):
    margin = [c for c, _, _ in demanders]
    cap = np.array([inf if u is None else float(u) for _, u, _ in demanders])
    budget = np.array([inf if money is None else 10 * float(money) for _, _, money in demanders])
    most = inf if supply_cap is None else supply_cap
    game = Game(*split(margin), start, a, b, cap=cap, supply_cap=most, budget=budget)
    found = solve(game, "simultaneous")
    low, high = 0.0, 100.0
    for _ in range(80):
        price = (low + high) / 2
        demand = np.minimum(np.clip((game.margin - price) / game.a, 0, cap), budget / price)
        supply = min(max((price - start) / game.b, 0), game.supply_cap)
        if game.a * demand.sum() - game.b * supply > price:
            low = price
        else:
            high = price
    assert found.price == pytest.approx(high, rel=1e-9, abs=1e-9)
    assert found.certificate.max_unilateral_gain < 1e-7
    assert found.certificate.residual < 1e-9


@settings(max_examples=60)
@given(
    st.lists(st.integers(0, 20), min_size=1, max_size=3),
    st.integers(0, 8),
    st.integers(1, 5),
    st.integers(1, 5),
    st.sampled_from([0.5, 1, 2]),
    st.sampled_from([2.0, 3.5, inf]),
)
def test_whole_lots_are_an_equilibrium_among_whole_lots(margin, start, a, b, lot, most):
    game = Game(*split(margin), start, a, b, cap=[most] * len(margin), supply_cap=most)
    found = solve_lots(game, lot)
    total = found.total_demand
    for j, own in enumerate(margin):
        others = total - found.demand[j]
        best = max(
            v * (own - a * (others + v) + b * found.supply)
            for v in np.arange(0, min(most, 30) + 1e-9, lot)
        )
        assert best <= found.demander_profit[j] + 1e-9
    best = max(w * (a * total - b * w - start) for w in np.arange(0, min(most, 99) + 1e-9, lot))
    assert best <= found.supplier_profit + 1e-9
    assert found.certificate.max_unilateral_gain < 1e-9
    assert found.certificate.residual < 1e-12


@st.composite
def supplier_games(draw):
    margin = draw(st.lists(st.integers(0, 60), min_size=1, max_size=4))
    costs = draw(st.lists(st.integers(0, 50), min_size=1, max_size=3))
    return SupplierGame(*split(margin), costs, float(draw(weights)), float(draw(weights)))


@settings(max_examples=100)
@given(
    supplier_games(), st.sampled_from(["simultaneous", "demanders-lead", "supplier-anticipates"])
)
def test_with_several_suppliers_nobody_gains_on_a_grid(game, concept):
    try:
        found = solve_suppliers(game, concept)
    except NoEquilibrium:
        return
    side, start = game.demand, game.supplier_cost
    total, supplied = found.demand.sum(), found.supply.sum()

    def price_of(asked):
        if concept != "demanders-lead":
            return side.a * asked - side.b * supplied
        return price_answered(side.a * asked, start)

    for j, own in enumerate(side.margin):
        others = total - found.demand[j]
        grid = np.linspace(0, 2 * found.demand[j] + 40, 101)
        best = max(v * (own - price_of(others + v)) for v in grid)
        assert best <= found.demander_profit[j] + 1e-9 * (1 + abs(best))
    for i, cost in enumerate(start):
        grid = np.linspace(0, 2 * found.supply[i] + 40, 101)
        best = -inf
        for w in grid:
            offered = side.b * (supplied - found.supply[i] + w)
            if concept == "supplier-anticipates":
                price = lowest_root(side.margin, side.cap, Requirement(offset=offered))
            else:
                price = side.a * total - offered
            best = max(best, w * (price - cost))
        assert best <= found.supplier_profit[i] + 1e-6 * (1 + abs(best))


def price_answered(weighted, start):
    """The price after the suppliers have answered a total: q + sum (q - d)+ = aS, by bisection."""
    low, high = -1.0, weighted + 1.0
    for _ in range(60):
        price = (low + high) / 2
        if price + np.maximum(price - start, 0).sum() > weighted:
            high = price
        else:
            low = price
    return low


@given(exact_games(["simultaneous"]))
def test_a_batch_of_one_is_the_game(drawn):
    game = drawn[0].rounded
    many = Batch(
        [game.benefit, game.benefit[::-1]],
        [game.cost, game.cost[::-1]],
        game.supplier_cost,
        game.a,
        game.b,
        cap=[game.cap, game.cap[::-1]],
        supply_cap=game.supply_cap,
    )
    price = many.prices()
    expected = solve(game, "simultaneous").price
    assert price == pytest.approx([expected, expected], rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(("a", "b"), list(product([0.5, 1, 2], repeat=2)))
def test_a_literal_answer_is_never_better_than_the_true_one(a, b):
    rng = np.random.default_rng(int(10 * a + b))
    for _ in range(20):
        game = Game(rng.uniform(30, 60, 4), rng.uniform(0, 30, 4), rng.uniform(0, 10), a, b)
        literal, true = solve(game, "paper-literal"), solve(game, "supplier-anticipates")
        if literal.demand.min() >= 0 <= literal.supply:
            assert literal.supplier_profit <= true.supplier_profit * (1 + 1e-12)
            gain = true.supplier_profit - literal.supplier_profit
            assert verify(game, literal).gains[-1] == pytest.approx(gain, rel=1e-9, abs=1e-9)
        else:
            assert literal.certificate.residual > 0
