"""Undocumented means failing: docs/reference/game.md and docs/explanation/derivations.md."""

import ast
import doctest
import inspect
import random
import re
from dataclasses import fields, is_dataclass
from fractions import Fraction
from importlib import import_module
from math import inf, sqrt
from pathlib import Path

import numpy as np
import pytest

from fabmarket.game import Game, NoEquilibrium, equilibrium_price, solve, verify
from fabmarket.game import __all__ as front
from fabmarket.game import dynamics as playing
from fabmarket.game.certificate import certificate_of
from fabmarket.game.dynamics import DYNAMICS, GaussSeidel, perturb
from fabmarket.game.lots import solve_lots
from fabmarket.game.model import Outcome
from fabmarket.game.suppliers import SupplierGame, solve_suppliers
from tests.oracles.exact import ExactGame, solve_exact

DOCS = Path(__file__).parents[3] / "docs"
REFERENCE = DOCS / "reference" / "game.md"
DERIVATIONS = DOCS / "explanation" / "derivations.md"
MODULES = ("lots", "mechanisms", "suppliers", "batch")


def sections(page, level):
    """Title -> text of the sections of one level, code fences not mistaken for headings."""
    parts = re.split(rf"(?m)^{'#' * level} (.+)\n", page.read_text("utf-8"))
    return {title: re.split(r"(?m)^#{1,3} ", text)[0] for title, text in _pairs(parts[1:])}


def _pairs(items):
    return zip(items[::2], items[1::2], strict=True)


def _public():
    """Every public name of the room with what it stands for."""
    room = import_module("fabmarket.game")
    names = {name: getattr(room, name) for name in front}
    names |= {name: getattr(playing, name) for name in playing.__all__}
    for part in MODULES:
        module = import_module(f"fabmarket.game.{part}")
        for name, value in vars(module).items():
            own = getattr(value, "__module__", None) == module.__name__
            if own and not name.startswith("_"):
                names[name] = value
    mechanisms = import_module("fabmarket.game.mechanisms")
    return names | {name: getattr(mechanisms, name) for name in ("MECHANISMS", "RULES")}


PUBLIC = _public()
ENTRIES = sections(REFERENCE, 3)


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_has_its_entry(name):
    assert name in ENTRIES


def test_an_entry_is_a_public_name():
    assert set(ENTRIES) - set(PUBLIC) == {"The dynamics"}


def _stated(name):
    """The signature that opens an entry, as parsed arguments; None if it opens with none."""
    opened = re.match(rf"\s*`{name}(\(.*?\))`", ENTRIES[name])
    return opened and ast.parse(f"def stated{opened[1]}: ...").body[0].args


@pytest.mark.parametrize("name", [n for n, value in PUBLIC.items() if callable(value)])
def test_an_entry_states_the_signature(name):
    stated = _stated(name)
    if stated is None:
        assert inspect.isclass(PUBLIC[name]), "a function needs its signature"
        return
    real = inspect.signature(PUBLIC[name]).parameters.values()
    assert [one.arg for one in (*stated.args, *stated.kwonlyargs)] == [one.name for one in real]
    keyword = [one.name for one in real if one.kind is one.KEYWORD_ONLY]
    assert [one.arg for one in stated.kwonlyargs] == keyword
    given = [*stated.defaults, *filter(None, stated.kw_defaults)]
    defaults = [one.default for one in real if one.default is not one.empty]
    assert len(given) == len(defaults)
    for shown, default in zip(given, defaults, strict=True):
        text = ast.unparse(shown)
        assert text == "..." or {"RULES": str(PUBLIC["RULES"])}.get(text, text) == repr(default)


def _members(kind):
    if is_dataclass(kind):
        yield from (one.name for one in fields(kind))
    for name, value in vars(kind).items():
        if not name.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
            yield name


CLASSES = {n: v for n, v in PUBLIC.items() if inspect.isclass(v) and v not in DYNAMICS.values()}


@pytest.mark.parametrize(
    ("name", "member"), [(n, one) for n, kind in CLASSES.items() for one in _members(kind)]
)
def test_an_entry_names_every_member(name, member):
    assert re.search(rf"`{member}\b", ENTRIES[name])


@pytest.mark.parametrize("name", DYNAMICS)
def test_a_dynamic_has_its_row(name):
    assert f"| `{name}` | `{DYNAMICS[name].__name__}(" in ENTRIES["The dynamics"]


def test_the_examples_run_and_show_what_comes_out():
    blocks = re.findall(r"```python\n(....)", REFERENCE.read_text("utf-8"))
    assert set(blocks) == {">>> "}
    failed, tried = doctest.testfile(
        str(REFERENCE), module_relative=False, optionflags=doctest.ELLIPSIS, encoding="utf-8"
    )
    assert tried > 60
    assert failed == 0


def test_the_code_that_derivations_end_in_exists():
    text = DERIVATIONS.read_text("utf-8")
    ends = re.findall(r"(?m)^Code(?: †)?: ((?:.+\n)+)", text)
    assert len(ends) == len(sections(DERIVATIONS, 2)) - 1, "each section but the notation has one"
    for end in ends:
        places = re.findall(r"`([\w/]+)\.py`\s\(([^)]+)\)", end)
        assert len(places) == end.count(".py")
        for path, names in places:
            module = import_module("fabmarket.game." + path.replace("/", "."))
            for name in re.findall(r"`([\w.]+)`", names):
                found = module
                for part in name.split("."):
                    found = getattr(found, part)


def test_equations_are_numbered_in_order_and_only_those_are_cited():
    derivations, reference = (page.read_text("utf-8") for page in (DERIVATIONS, REFERENCE))
    tags = [int(tag) for tag in re.findall(r"\\tag\{(\d+)\}", derivations)]
    assert tags == list(range(1, len(tags) + 1))
    # The paper's own equations are cited as "equation (19)" or "paper's (19)".
    cited = re.findall(r"(?<!equation )(?<!paper's )\((\d+)\)", reference)
    prose = re.sub(r"```math.*?```|\$[^$]*\$", "", derivations, flags=re.DOTALL)
    cited += re.findall(r"(?<!equation )\((\d+)\)", prose)
    assert {int(number) for number in cited} <= set(tags)
    assert len(set(cited)) > len(tags) / 2


def _anchors(page):
    titles = re.findall(r"(?m)^#+ (.+)$", page.read_text("utf-8"))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


ROOM = Path(import_module("fabmarket.game").__file__).parent
EXAMPLES = ["Game", "solve", "equilibrium_price", "verify", "PriceRule", "kept", "solve_lots"]
EXAMPLES += ["solve_suppliers", "clear", "best_lie", "compare", "perturb", "Play"]


@pytest.mark.parametrize("path", sorted(ROOM.rglob("*.py")), ids=lambda path: path.stem)
def test_the_examples_of_docstrings_run(path):
    name = ".".join(path.relative_to(ROOM.parents[1]).with_suffix("").parts)
    assert doctest.testmod(import_module(name.removesuffix(".__init__"))).failed == 0


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_a_researcher_calls_has_an_example(name):
    assert ">>>" in inspect.getdoc(PUBLIC[name])


@pytest.mark.parametrize("page", [REFERENCE, DERIVATIONS], ids=lambda page: page.parent.name)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8"))
    assert links
    for link in links:
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_file(), link
        assert not anchor or anchor in _anchors(target), link


# The formulas of the sections marked †, as the page has them, against the code; in Fractions, and
# compared with ==, where there is an exact solver.


def _sums(numbers):
    """C_0 .. C_m."""
    sums = [Fraction(0)]
    for number in sorted(numbers, reverse=True):
        sums.append(sums[-1] + number)
    return sums


def _exact_games(seed, count, bounds=""):
    """Small games with ties and margins around d_s; `bounds` names what they have."""
    draw = random.Random(seed)
    for _ in range(count):
        m, high, start = draw.randint(1, 6), draw.choice([5, 20, 60]), draw.randint(0, 20)
        cap = [draw.choice([None, Fraction(draw.randint(0, 40), 3)]) for _ in range(m)]
        yield ExactGame(
            [start * draw.randint(0, 1) + draw.randint(0, high) for _ in range(m)],
            [draw.randint(0, high // 3) for _ in range(m)],
            start,
            Fraction(draw.randint(1, 9), draw.randint(1, 4)),
            Fraction(draw.randint(1, 9), draw.randint(1, 9)),
            cap=cap if "cap" in bounds else None,
            supply_cap=Fraction(draw.randint(0, 60), 3) if "W" in bounds else None,
        )


def _alone(game):
    return max(total / (k + 1) for k, total in enumerate(_sums(game.margin)))


def without_demand_caps():
    for game in (*_exact_games(1, 150), *_exact_games(2, 150, "W")):
        sums, start = list(enumerate(_sums(game.margin))), game.supplier_cost
        price = max((total + start) / (k + 2) for k, total in sums)
        if game.supply_cap is None:
            assert min(_alone(game), price) == (price if price >= start else _alone(game))
        else:
            sold_out = max((total - game.b * game.supply_cap) / (k + 1) for k, total in sums)
            price = max(price, sold_out)
        assert solve_exact(game, "simultaneous").price == min(_alone(game), price)


def demanders_lead():
    seen = set()
    for game in _exact_games(3, 3000):
        start, top = game.supplier_cost, max(game.margin)
        sums = enumerate(_sums(game.margin))
        above, below = max((c + start / 2) / (k + 1) for k, c in sums), _alone(game)
        with_supply = above > start and top - start <= (4 + 2 * sqrt(2)) * (above - start)
        without = below <= start and top - below <= (3 + 2 * sqrt(2)) * (start - below)
        seen.add((with_supply, without))
        if not (with_supply or without):
            with pytest.raises(NoEquilibrium):
                solve_exact(game, "demanders-lead")
            continue
        found = solve_exact(game, "demanders-lead")
        assert found.price == (above if with_supply else below)
        assert ("two equilibria" in found.note) == (with_supply and without)
        if with_supply:
            assert found.demand == tuple(2 * max(c - above, 0) / game.a for c in game.margin)
            spare = found.total_demand - max(found.demand) >= start / game.a
            assert spare == (top - start <= 2 * (above - start))
            assert not (spare and without)
    assert len(seen) == 4


def supplier_anticipates():
    for game in _exact_games(4, 300):
        start, found = game.supplier_cost, solve_exact(game, "supplier-anticipates")
        sums = list(enumerate(_sums(game.margin)))
        worth, k, total = max((max(c - (k + 1) * start, 0) ** 2 / (k + 1), k, c) for k, c in sums)
        assert found.supplier_profit == worth / (4 * game.b)
        if worth == 0:
            assert (found.supply, found.price) == (0, _alone(game))
        else:
            assert found.supply == (total - (k + 1) * start) / (2 * game.b)
            assert found.price == (total / (k + 1) + start) / 2
            agrees = solve_exact(game, "paper-literal").price == found.price
            assert agrees == (k == len(game.margin))


def paper_literal():
    for game in _exact_games(5, 200):
        m, total = len(game.margin), sum(game.margin)
        found = solve(game.rounded, "paper-literal")
        assert found.price == pytest.approx(float((total / (m + 1) + game.supplier_cost) / 2))
        supply = (total - (m + 1) * game.supplier_cost) / (2 * game.b)
        assert found.supply == pytest.approx(float(supply), abs=1e-9)
        if supply < 0 or min(found.demand) < -1e-9:
            assert found.certificate.residual > 1e-9


def balanced():
    for game in _exact_games(6, 400):
        start, slope = game.supplier_cost, game.a - game.b
        if slope <= 0:
            continue
        found = solve_exact(game, "balanced")
        assert found.price == max(_alone(game), start)
        over = [max(c - start, 0) for c in game.margin]
        if _alone(game) < start and sum(over):
            assert found.demand == tuple(start / slope * one / sum(over) for one in over)
    for game in _exact_games(7, 400, "cap W"):
        slope = game.a - game.b
        if slope > 0:
            found = solve_exact(game, "balanced")
            for c, cap, v in zip(game.margin, game.cap, found.demand, strict=True):
                least = min(max(c - found.price, 0) / slope, inf if cap is None else cap)
                assert v == least or (v > least and found.price == game.supplier_cost)


def coupling():
    seen = set()
    for game in _exact_games(8, 600):
        free, start = solve_exact(game, "simultaneous"), game.supplier_cost
        if free.total_demand <= free.supply:
            continue
        ratio = [(game.b * c + game.a * start) / (game.a + game.b * k)
                 for k, c in enumerate(_sums(game.margin))]  # fmt: skip
        traded = (max(ratio) - start) / game.b
        price = (game.a - game.b) * traded
        seen.add((traded > 0, price >= start))
        if traded > 0 and price < start:
            with pytest.raises(NoEquilibrium):
                solve_exact(game, "simultaneous", coupled=True)
            continue
        found = solve_exact(game, "simultaneous", coupled=True)
        assert found.total_demand == found.supply == traded
        assert found.multiplier > 0
        if traded > 0:
            assert found.price == price
            assert found.multiplier == max(ratio) - price
    assert {(True, True), (True, False), (False, False)} <= seen


def _drawn(seed, count):
    """Rounded games with caps and W now and then, and the generator to draw more from."""
    draw = np.random.default_rng(seed)
    for _ in range(count):
        m = int(draw.integers(1, 6))
        cap = np.where(draw.random(m) < 0.4, draw.random(m) * 40, inf)
        game = Game(20 + draw.random(m) * 50, draw.random(m) * 10, draw.random() * 20,
                    *(0.2 + draw.random(2) * 3), cap=cap,
                    supply_cap=draw.choice([inf, draw.random() * 60]))  # fmt: skip
        yield game, draw


def budgets():
    for game, draw in _drawn(9, 100):
        money = np.where(draw.random(game.cap.size) < 0.6, draw.random(game.cap.size) * 60, inf)
        poor = Game(game.benefit, game.cost, game.supplier_cost, game.a, game.b, cap=game.cap,
                    supply_cap=game.supply_cap, budget=money)  # fmt: skip
        found = solve(poor, "simultaneous")
        assert found.price <= equilibrium_price(game) * (1 + 1e-12)
        wanted = np.clip((game.margin - found.price) / game.a, 0, game.cap)
        assert found.demand == pytest.approx(np.minimum(wanted, money / found.price))
        assert found.certificate.max_unilateral_gain < 1e-7


def several_suppliers():
    draw = random.Random(10)
    for _ in range(100):
        margin = [Fraction(draw.randint(5, 60)) for _ in range(draw.randint(1, 5))]
        cost = [Fraction(draw.randint(0, 30)) for _ in range(draw.randint(1, 4))]
        game = SupplierGame(margin, [0] * len(margin), cost, 1.5, 0.7)
        sums = _sums(margin)
        costs = [-total for total in _sums(-one for one in cost)]
        price = max(
            min((c + d) / (k + n + 1) for n, d in enumerate(costs)) for k, c in enumerate(sums)
        )
        assert solve_suppliers(game, "simultaneous").price == pytest.approx(float(price))
        for concept in ("demanders-lead", "supplier-anticipates"):
            try:
                found = solve_suppliers(game, concept)
            except NoEquilibrium:
                continue
            k, n = np.count_nonzero(found.demand), np.count_nonzero(found.supply)
            first = concept == "demanders-lead"
            price = (sums[k] + costs[n] / (n + 1)) / (k + 1)
            if not first:
                price = (sums[k] / (k + 1) + costs[n]) / (n + 1)
            assert found.price == pytest.approx(float(price))
            over = np.maximum(game.demand.margin - found.price, 0)
            assert found.demand == pytest.approx((n + 1 if first else 1) * over / 1.5)
            over = np.maximum(found.price - game.supplier_cost, 0)
            assert found.supply == pytest.approx((1 if first else k + 1) * over / 0.7)


def whole_lots():
    for exact in _exact_games(11, 150):
        game = exact.rounded
        for lot in (0.25, 3.0):
            found = solve_lots(game, lot)
            assert found.certificate.max_unilateral_gain < 1e-9
            *demanders, supplier = verify(game, found).gains
            assert max(demanders) <= game.a * lot**2 / 4 + 1e-9
            assert supplier <= game.b * lot**2 / 4 + 1e-9


def certificates():
    for game, draw in _drawn(12, 600):
        best, a, b, m = solve(game, "simultaneous"), game.a, game.b, game.cap.size
        size = 10 ** draw.uniform(-3, 1.5)
        v = np.clip(best.demand + size * draw.normal(size=m), 0, game.cap)
        w = float(np.clip(best.supply + size * draw.normal(), 0, game.supply_cap))
        q = a * v.sum() - b * w + draw.choice([0, size])
        stated = certificate_of(game, "simultaneous", Outcome(q, v, w))
        off = a * np.abs(v - np.clip((game.margin - q) / a, 0, game.cap))
        supply = min(max((q - game.supplier_cost) / b, 0), game.supply_cap)
        supplier, rule = b * abs(w - supply), abs(q - a * v.sum() + b * w)
        error = abs(q - best.price)
        assert error <= off.sum() + supplier + rule + 1e-9
        assert (np.abs(v - best.demand) <= (off + error) / a + 1e-9).all()
        assert abs(w - best.supply) <= (supplier + error) / b + 1e-9
        largest = max(abs(q), a * v.sum(), b * w, game.supplier_cost)
        assert error <= (m + 2) * largest * stated.residual + 1e-9
        if rule < 1e-12:
            assert (off <= 2 * np.sqrt(a * stated.gains[:-1]) + 1e-5).all()
            assert supplier <= 2 * sqrt(b * stated.gains[-1]) + 1e-5


def raise_and_echo():
    tried = 0
    for game, draw in _drawn(13, 60):
        game = Game(game.benefit, game.cost, game.supplier_cost, game.a, game.b)  # noqa: PLW2901
        best, share = solve(game, "simultaneous"), draw.random()
        if best.supply == 0:
            continue
        tried += 1
        j = int(np.argmax(best.demand))
        buyers = (best.demand > 0) & (np.arange(best.demand.size) != j)
        play = perturb(game, GaussSeidel(), j, 100 * share)
        more = share * best.demand[j]
        push = game.a * more / (best.price - game.supplier_cost)
        for state, own, part, supplier in (
            (play.history[0], 1 - share**2, 1, 1 + push),
            (play.history[1], 1 + share / 2 - share**2 / 2, 1 / 2, (1 + push / 2) ** 2),
        ):
            profits, earned = state.profits(game)
            assert state.price == pytest.approx(best.price + part * game.a * more)
            assert profits[j] == pytest.approx(own * best.demander_profit[j])
            others = best.demander_profit[buyers] * (1 - part * more / best.demand[buyers])
            assert profits[buyers] == pytest.approx(others)
            assert earned == pytest.approx(supplier * best.supplier_profit)
    assert tried > 20


FORMULAS = {
    "`simultaneous` without demand caps": without_demand_caps,
    "`demanders-lead`": demanders_lead,
    "`supplier-anticipates`": supplier_anticipates,
    "`paper-literal`": paper_literal,
    "`balanced`": balanced,
    "Coupling: S ≤ w": coupling,
    "Budgets": budgets,
    "Several suppliers": several_suppliers,
    "Whole lots": whole_lots,
    "What a certificate proves": certificates,
    "A raise, and its echo": raise_and_echo,
}


def test_every_marked_section_is_checked():
    marked = [title for title, text in sections(DERIVATIONS, 2).items() if "\nCode †: " in text]
    assert marked == list(FORMULAS)


@pytest.mark.parametrize("title", FORMULAS)
def test_the_formulas_of_a_section_hold(title):
    FORMULAS[title]()
