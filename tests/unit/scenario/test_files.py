import json
import sys
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from importlib import resources
from pathlib import Path

import pytest

from fabmarket.scenario import (
    TABLE_1,
    Alternative,
    Currency,
    FjspOptions,
    InvalidScenario,
    MalformedFjsp,
    MalformedText,
    Scenario,
    Work,
    paper_market,
    parse_fjsp,
    parse_scenario,
    slotted,
)
from fabmarket.scenario.schema import FjspTable

SCENARIOS = Path(__file__).parents[3] / "scenarios"

MARKET = """
concept = "balanced"
[[demanders]]
name = "press shop"
[[demanders.sub_tasks]]
name = "stamp"
alternatives = [{ resource = "press", quantity = 8, benefit = "40.05", cost = 5 }]
[[suppliers]]
name = "owner of the press"
resource = "press"
unit = "hour"
maintenance = 7.25
attested = [10, 0]
"""
SHOP = "1 1\n1 1 0 5\n"
FJSP = '[fjsp]\nfile = "shop.txt"\n'


def no_file(file: str) -> str:
    raise AssertionError(f"{file} is not to be read")


def read(text: str, name: str = "market.toml", seed: int = 1) -> Scenario:
    return parse_scenario(text, name, seed, no_file)


def read_shop(text: str, seed: int = 1) -> Scenario:
    return parse_scenario(text, "dir/roomy.toml", seed, {"shop.txt": SHOP}.__getitem__)


def changed(old: str, new: str) -> str:
    assert old in MARKET
    return MARKET.replace(old, new)


def refused(run: Callable[[], Scenario]) -> str:
    with pytest.raises((InvalidScenario, MalformedText)) as caught:
        run()
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_an_explicit_file_with_defaults() -> None:
    market = read(MARKET)
    assert (market.name, market.title, market.negotiation) == ("market", "market", "session")
    assert market.currency == Currency("CR", 2)
    assert (market.operators, market.threshold, market.release_rounds) == (3, 2, 3)
    assert (market.slot_length, market.tampered_copies) == (3600, 0)
    task = market.demanders[0].sub_tasks[0]
    assert (task.slot, task.divisible) == (0, False)
    assert task.alternatives == (Alternative("press", 8, 4005, 500),)
    supplier = market.suppliers[0]
    assert (supplier.maintenance, supplier.a, supplier.b) == (725, 80, 20)
    assert supplier.listed == supplier.attested == (10, 0)


@pytest.mark.parametrize(("operators", "threshold"), [(1, 1), (2, 2), (4, 3), (5, 3)])
def test_the_threshold_is_a_majority_unless_the_file_says_more(
    operators: int, threshold: int
) -> None:
    given = f"operators = {operators}\n"
    assert read(given + MARKET).threshold == threshold
    assert read_shop(given + FJSP).threshold == threshold
    assert read(f"{given}threshold = {operators}\n{MARKET}").threshold == operators
    problem = refused(lambda: read(f"{given}threshold = {operators // 2}\n{MARKET}"))
    assert "threshold: " in problem


def test_json_says_the_same_as_toml_and_its_decimals_are_exact() -> None:
    supplier = {"name": "owner of the press", "resource": "press", "unit": "hour"}
    supplier |= {"maintenance": 7.25, "attested": [10, 0], "a": 0.8, "b": 0.2}
    alternative = {"resource": "press", "quantity": 8, "benefit": 40.05, "cost": 5}
    task = {"name": "stamp", "alternatives": [alternative]}
    demander = {"name": "press shop", "sub_tasks": [task]}
    text = json.dumps({"demanders": [demander], "suppliers": [supplier]})
    from_json, from_toml = read(text, "market.json"), read(MARKET)
    assert from_json.demanders == from_toml.demanders
    assert from_json.suppliers == from_toml.suppliers


def test_the_paper_market_has_the_papers_numbers() -> None:
    market = paper_market(1)
    assert market == paper_market(2)
    assert market.concept == "demanders-lead"
    tasks = [demander.sub_tasks for demander in market.demanders]
    values = [(t.alternatives[0].benefit, t.alternatives[0].cost) for (t,) in tasks]
    assert values == [(100, 45), (200, 45), (200, 15)]
    assert all(t.divisible and t.alternatives[0].quantity is None for (t,) in tasks)
    (supplier,) = market.suppliers
    assert (supplier.a, supplier.b, supplier.maintenance) == (Fraction(4, 5), Fraction(1, 5), 10)
    assert (supplier.attested, supplier.listed) == ((600,), (600,))


def test_the_shipped_paper_file_is_the_one_in_the_package() -> None:
    assert (SCENARIOS / "paper.toml").is_symlink()
    from_file = read((SCENARIOS / "paper.toml").read_text(), "paper.toml")
    assert from_file.verification_tests == ()
    assert replace(from_file, verification_tests=TABLE_1) == paper_market(1)


@pytest.mark.parametrize("file", sorted(SCENARIOS.glob("*.toml")), ids=lambda file: file.name)
def test_every_shipped_scenario_is_a_market(file: Path) -> None:
    def read_companion(name: str) -> str:
        return (SCENARIOS / name).read_text()

    market = parse_scenario(file.read_text(), file.name, 1, read_companion)
    assert market.description
    assert market.source
    assert f"`{file.name}`" in (SCENARIOS / "README.md").read_text()


def test_the_cloud_scenario_has_rivals_and_a_demand_below_every_cost() -> None:
    market = read((SCENARIOS / "cloud-hours.toml").read_text())
    resources = [supplier.resource for supplier in market.suppliers]
    assert sorted(resources) == ["cpu-hour", "gpu-hour", "gpu-hour"]
    hopeless = [
        task
        for demander in market.demanders
        for task in demander.sub_tasks
        if all(
            alternative.benefit - alternative.cost < supplier.maintenance
            for alternative in task.alternatives
            for supplier in market.suppliers
            if supplier.resource == alternative.resource
        )
    ]
    assert [task.name for task in hopeless] == ["search"]


def test_an_fjsp_table_takes_the_defaults_of_the_market_builder() -> None:
    built = slotted(parse_fjsp(SHOP, "shop.txt"), 3, "shop.txt")
    market = read_shop(FJSP, seed=3)
    assert market.name == "roomy"
    assert (market.demanders, market.suppliers) == (built.demanders, built.suppliers)
    assert (market.concept, market.draws) == ("clock", built.draws)
    table = FjspTable(file="x")
    for key in ("benefit", "cost", "maintenance"):
        assert [n * 100 for n in getattr(table, key)] == list(getattr(FjspOptions, key))
    assert table.capacity_factor == Decimal(1)


def test_an_fjsp_table_and_the_rules_beside_it_are_followed() -> None:
    rules = 'title = "T"\nconcept = "simultaneous"\nslot_length = 60\n[currency]\ndecimals = 0\n'
    table = 'capacity_factor = 2.5\nbenefit = [70, 70]\ncost = [9, 9]\nmaintenance = ["4", 4]\n'
    market = read_shop(rules + FJSP + table)
    assert (market.title, market.concept, market.slot_length) == ("T", "simultaneous", 60)
    product = market.demanders[0].product
    assert product is not None
    assert (product.operations[0].alternatives, product.value) == ((Work("machine-0", 5),), 61 * 5)
    assert (market.suppliers[0].attested, market.suppliers[0].maintenance) == ((13,) * 3, 4)


def test_a_malformed_companion_keeps_its_own_place() -> None:
    with pytest.raises(MalformedFjsp, match=r"^bad\.txt:1:2: "):
        parse_scenario('[fjsp]\nfile = "bad.txt"', "x.toml", 1, lambda _: "1")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fjsp = 3", "fjsp: 3 is not a table; write its keys and values"),
        ("[fjsp]", "fjsp.file: the key is missing; add it"),
        ('[fjsp]\nfile = ""', "fjsp.file: '' is not a relative path"),
        ('[fjsp]\nfile = "a\\u0000"', r"fjsp.file: 'a\x00' is not a relative path"),
        ('[fjsp]\nfile = "/etc/x"', "fjsp.file: '/etc/x' is not a relative path"),
        (FJSP + "cost = [1]", "roomy.toml: fjsp.cost: [1] is too short; write [lowest, highest]"),
        (FJSP + "cost = [1, 2, 3]", "fjsp.cost: [1, 2, 3] is too long; write [lowest, highest]"),
        (FJSP + "cost = [2, 1]", "dir/roomy.toml: fjsp.cost: [2, 1] is no range"),
        (FJSP + "benefit = [-1, 1]", "fjsp.benefit.0: -1 is negative; amounts are >= 0"),
        (FJSP + "benefit = [0.001, 1]", "fjsp.benefit.0: 0.001 has more than 2 decimals; round"),
        (FJSP + "capacity_factor = 0", "fjsp.capacity_factor: 0 is not above 0"),
        (FJSP + "capacity_factor = inf", "fjsp.capacity_factor: Infinity is not a number"),
        (
            'negotiation = "bargaining"\n' + FJSP,
            "toml: negotiation: 'bargaining' is over sub-tasks",
        ),
        (FJSP + "[[suppliers]]" + MARKET.split("[[suppliers]]")[1], "fjsp: the instance already"),
    ],
)
def test_a_faulty_fjsp_table_is_refused(text: str, message: str) -> None:
    found = refused(lambda: read_shop(text))
    assert message in found


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("a = 1\nb = = 2\n", "m.toml", "m.toml:2:5: Invalid value; correct the TOML"),
        ("a = [1,\n2", "m.toml", "m.toml:2:2: "),
        ('{"a": 1,}', "m.json", "m.json:1:"),
        ('{"a": 1, "a": 2}', "m.json", "m.json: the key 'a' stands twice"),
        ("a = " + "9" * 5000, "m.toml", "m.toml: a whole number has thousands of"),
        ("[" * 100_000, "m.json", "m.json:1: nested more than 50 deep; c"),
        ("[]", "m.json", "m.json: [] is not a table"),
        (MARKET, "m.yaml", "m.yaml: '.yaml' is not a scenario file's; use .toml or .json"),
        (MARKET, "market", "market: no suffix is not a scenario file's"),
        ("", "m.toml", "m.toml: demanders: there are none; add at least one"),
    ],
)
def test_text_that_is_no_scenario_file_is_refused(text: str, name: str, message: str) -> None:
    assert refused(lambda: read(text, name)).startswith(message)


def test_deep_nesting_is_refused_when_python_would_let_the_stack_overflow() -> None:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000_000)  # as py-evm does, only more so
    try:
        for name in ("m.json", "m.toml"):
            text = ("a = " if name == "m.toml" else "") + "[" * 200_000
            assert "nested more than 50 deep" in refused(lambda: read(text, name))  # noqa: B023
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("quantity = 8", "quantity = true", "alternatives.0.quantity: True is not a whole number"),
        ("quantity = 8", "quantity = 8.0", "alternatives.0.quantity: 8.0 is not a whole number"),
        ("cost = 5", "cost = 'five'", "alternatives.0.cost: 'five' is not a number; write one"),
        ("cost = 5", "cost = true", "alternatives.0.cost: True is not a number"),
        ("cost = 5", "cost = nan", "alternatives.0.cost: NaN is not a number"),
        ("cost = 5", "cost = 1e-90", "alternatives.0.cost: 1E-90 has too many digits"),
        ("cost = 5", "cost = 1e900", "alternatives.0.cost: 1E+900 has too many digits"),
        ("cost = 5", "cost = -0.5", "alternatives.0.cost: -0.5 is negative; amounts are >= 0"),
        ("40.05", "40.055", "alternatives.0.benefit: 40.055 has more than 2 decimals; round it"),
        ("attested =", "atested =", "suppliers.0: 'atested' is not a key here; the keys are name"),
        ('unit = "hour"\n', "", "suppliers.0.unit: the key is missing; add it"),
        ('unit = "hour"', "unit = 3", "suppliers.0.unit: 3 is not text; write it in quotes"),
        ("[10, 0]", '"10"', "suppliers.0.attested: '10' is not a list"),
        ("[10, 0]", '["10"]', "suppliers.0.attested.0: '10' is not a whole number"),
        ('name = "stamp"', 'name = "stamp"\ndivisible = "no"', "divisible: 'no' is neither true"),
        ('concept = "balanced"', "title = 1979-05-27", "title: datetime.date(1979, 5, 27) is not"),
        ('concept = "balanced"', "money = 3", "'money' is not a key here; the keys are title"),
        ('concept = "balanced"', "currency.decimals = 19", "currency.decimals: 19 is not possible"),
        ('concept = "balanced"', "currency.decimals = -1", "currency.decimals: -1 is not possible"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_with_its_path(
    old: str, new: str, message: str
) -> None:
    found = refused(lambda: read(changed(old, new)))
    assert found.startswith("market.toml: ")
    assert message in found


def test_the_sample_game_is_the_one_the_package_ships() -> None:
    shipped = resources.files("fabmarket.scenario").joinpath("game.csv").read_text("utf-8")
    assert (SCENARIOS / "game.csv").read_text("utf-8") == shipped
    (supplier,) = paper_market(1).suppliers
    ways = [task.alternatives[0] for each in paper_market(1).demanders for task in each.sub_tasks]
    rows = [f"{way.benefit},{way.cost}" for way in ways]
    numbers = [f"# supplier_cost = {supplier.maintenance}", "# a = 0.8", "# b = 0.2"]
    assert shipped.splitlines()[1:] == [*numbers, "benefit,cost", *rows]
