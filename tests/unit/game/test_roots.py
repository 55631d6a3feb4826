"""The price equation's root: compiled loops, NumPy and bisection must find the same number."""

import importlib.util
import sys
from math import inf

import numpy as np
import pytest

from fabmarket.game import Game, Unsupported, equilibrium_price, fast, kernels, solve
from fabmarket.game.closed_forms.root import Requirement, lowest_root, required, uncapped_root
from fabmarket.game.pivoting import Demand, capped_root

needs_numba = pytest.mark.skipif(not fast.can_compile(), reason="numba is not installed")

REQUIREMENTS = {
    "no supply": Requirement(),
    "supply": Requirement(start=10.0),
    "supply cap": Requirement(start=10.0, full=60.0),
    "offset": Requirement(offset=-5.0),
    "scarce": Requirement(offset=40.0, slope=0.0),
    "coupled": Requirement(slope=0.0, start=10.0, full=200.0, steep=4.0),
}


def margins_in(order, m, rng):
    """Margins that make one solver or another work hard."""
    spread = {
        "random": rng.uniform(-50, 200, m),
        "clustered": rng.integers(0, 5, m) * 40.0,
        "equal": np.full(m, 120.0),
        "geometric": np.exp(rng.uniform(-30, 6, m)),
        "one": np.append(rng.uniform(0, 1, m - 1), 1e6),
        "negative": rng.uniform(-20, -1, m),
    }
    if order in spread:
        return spread[order]
    rising = np.sort(rng.uniform(-50, 200, m))
    return rising if order == "rising" else rising[::-1].copy()


ORDERS = ["random", "rising", "falling", "clustered", "equal", "geometric", "one", "negative"]


def bisected(margin, bound, requirement):
    low, high = -1e7, 1e7
    for _ in range(200):
        middle = (low + high) / 2
        asked = np.clip(margin - middle, 0, bound).sum()
        if asked > required(middle, requirement):
            low = middle
        else:
            high = middle
    return high


@pytest.mark.parametrize("requirement", REQUIREMENTS.values(), ids=REQUIREMENTS)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("m", [1, 7, 1000])
def test_without_caps_all_ways_agree(order, m, requirement):
    rng = np.random.default_rng(m)
    margin = margins_in(order, m, rng)
    cost = rng.uniform(0, 30, m) if order == "random" else np.maximum(-margin, 0.0)
    benefit = margin + cost
    margin, bound = benefit - cost, np.full(m, inf)
    found = kernels.uncapped_root(benefit, cost, requirement)
    assert found == pytest.approx(lowest_root(margin, bound, requirement), rel=1e-12, abs=1e-12)
    assert found == pytest.approx(uncapped_root(margin, requirement), rel=1e-12, abs=1e-12)
    if order != "negative" or requirement.slope > 0:  # else the lowest root is at -infinity
        assert found == pytest.approx(bisected(margin, bound, requirement), rel=1e-9, abs=1e-7)


@pytest.mark.parametrize("requirement", REQUIREMENTS.values(), ids=REQUIREMENTS)
@pytest.mark.parametrize("order", [order for order in ORDERS if order != "negative"])
@pytest.mark.parametrize("caps", ["some", "tiny", "coarse"])
@pytest.mark.parametrize("m", [1, 7, 300, 5000])
def test_with_caps_all_ways_agree(order, caps, m, requirement):
    rng = np.random.default_rng(m)
    margin = margins_in(order, m, rng)
    cap = {
        "some": np.where(rng.uniform(size=m) < 0.5, inf, rng.uniform(0, 40, m)),
        "tiny": rng.uniform(0, 400 / m, m) + (np.arange(m) == 0) * 500,
        "coarse": rng.integers(0, 4, m) * 10.0 + (np.arange(m) == 0) * 50,
    }[caps]
    cost = np.maximum(-margin, 0.0)
    found = capped_root(Demand(margin + cost, cost, cap, 0.5), requirement)
    bound = 0.5 * cap
    assert found == pytest.approx(lowest_root(margin, bound, requirement), rel=1e-12, abs=1e-11)
    if requirement.slope > 0 or bound.sum() > requirement.offset:  # else it is at -infinity
        assert found == pytest.approx(bisected(margin, bound, requirement), rel=1e-9, abs=1e-6)


def test_where_the_sample_misleads_the_root_is_still_found():
    # Every second demander is sampled, and only those that are not can buy.
    m = 2 * 2048
    margin = np.where(np.arange(m) % 2 == 0, 1.0, 100.0 + np.arange(m) * 1e-6)
    cap = np.full(m, 0.02)
    requirement = Requirement(start=10.0)
    found = capped_root(Demand(margin, np.zeros(m), cap, 1.0), requirement)
    assert found == pytest.approx(lowest_root(margin, cap, requirement), rel=1e-12)
    assert found == pytest.approx((2048 * 0.02 + 10) / 2, rel=1e-12)


def test_where_a_step_from_the_sample_falls_short_the_root_is_still_found():
    # The sampled half asks for next to nothing. From its price many leave at once, few stay.
    m = 2 * 2048
    kind = np.arange(m) % 4
    margin = np.where(kind == 1, 5.5, 100.0)
    cap = np.select([kind == 1, kind == 3], [10.0, 0.1], 1e-6)
    requirement = Requirement(start=10.0)
    found = capped_root(Demand(margin, np.zeros(m), cap, 1.0), requirement)
    assert found == pytest.approx((1024 * 0.1 + 2048 * 1e-6 + 10) / 2, rel=1e-12)


def test_where_nobody_wants_to_buy_the_price_is_nothing():
    cost = np.full(5000, 5.0)
    assert (
        capped_root(Demand(np.zeros(5000), cost, np.ones(5000), 1.0), Requirement(start=10.0)) == 0
    )


def test_where_nobody_may_buy_the_lowest_kink_is_the_price():
    margin, cap = np.array([30.0, 20.0]), np.zeros(2)
    level = Requirement(offset=0.0, slope=0.0)
    assert lowest_root(margin, cap, level) == 20
    assert capped_root(Demand(margin, np.zeros(2), cap, 1.0), level) == 20


GAMES = {
    "free": {},
    "caps": {"cap": [3.0, inf, 40.0, 1.0] * 50},
    "supply cap": {"supply_cap": 25.0},
}


@needs_numba
@pytest.mark.parametrize("bounds", GAMES.values(), ids=GAMES)
@pytest.mark.parametrize("concept", ["simultaneous", "supplier-anticipates", "balanced"])
def test_solve_gives_the_same_compiled_or_not(concept, bounds):
    rng = np.random.default_rng(5)
    game = Game(rng.uniform(50, 250, 200), rng.uniform(0, 50, 200), 10, 0.8, 0.2, **bounds)
    plain, quick = solve(game, concept, compiled=False), solve(game, concept, compiled=True)
    assert quick.price == pytest.approx(plain.price, rel=1e-12)
    assert quick.demand == pytest.approx(plain.demand, rel=1e-9, abs=1e-9)
    assert quick.certificate.residual < 1e-11


def test_the_price_alone_is_that_of_solve():
    rng = np.random.default_rng(6)
    m = fast.WORTH_COMPILING
    game = Game(rng.uniform(50, 250, m), rng.uniform(0, 50, m), 10, 0.8, 0.2)
    small = Game(game.benefit[:9], game.cost[:9], 10, 0.8, 0.2)
    assert equilibrium_price(small) == solve(small, "simultaneous").price
    assert equilibrium_price(game) == pytest.approx(
        equilibrium_price(game, compiled=False), rel=1e-12
    )
    with pytest.raises(Unsupported, match="without budgets"):
        equilibrium_price(Game([5.0], [1.0], 1, 1, 1, budget=[3.0]))


@pytest.fixture
def without_numba(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    fast.can_compile.cache_clear()
    yield
    fast.can_compile.cache_clear()


@pytest.mark.usefixtures("without_numba")
def test_without_numba_solve_takes_numpy_unless_told_not_to():
    rng = np.random.default_rng(6)
    m = fast.WORTH_COMPILING
    game = Game(rng.uniform(50, 250, m), rng.uniform(0, 50, m), 10, 0.8, 0.2)
    assert equilibrium_price(game) == equilibrium_price(game, compiled=False)
    with pytest.raises(
        Unsupported, match=r"needs numba; run .* -m pip install 'fabmarket\[fast\]'"
    ):
        solve(game, "simultaneous", compiled=True)


@pytest.mark.usefixtures("without_numba")
def test_without_numba_the_loops_are_plain_python():
    spec = importlib.util.spec_from_file_location("plain_kernels", kernels.__file__)
    plain = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(plain)
    assert not plain.COMPILED
    benefit, cost = np.array([100.0, 200.0, 200.0]), np.array([45.0, 45.0, 15.0])
    assert plain.uncapped_root(benefit, cost, Requirement(start=10.0)) == 87.5
    assert plain.compiled(abs) is abs


def test_loops_that_cannot_be_kept_are_compiled_all_the_same(monkeypatch):
    class NoPlace:
        """As numba where no folder can be written."""

        @staticmethod
        def njit(cache=False, **_):
            if cache:
                raise RuntimeError("cannot cache function: no locator available")
            return lambda function: function

    monkeypatch.setattr(kernels, "numba", NoPlace)
    assert kernels.compiled(abs) is abs
