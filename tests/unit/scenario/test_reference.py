import re
from pathlib import Path

import pytest

from fabmarket.market.units import LARGEST_AMOUNT, LARGEST_QUANTITY
from fabmarket.scenario import (
    LARGEST_SCENARIO,
    MARKET_CONCEPTS,
    NEGOTIATIONS,
    InvalidScenario,
    MalformedFjsp,
    MalformedText,
    checks,
    parse_fjsp,
    parse_scenario,
)
from fabmarket.scenario.deposits import USUAL_DEPOSIT
from fabmarket.scenario.schema import (
    AlternativeTable,
    BreakdownTable,
    CurrencyTable,
    DeliveryTable,
    DemanderTable,
    FjspTable,
    OperationTable,
    ScenarioFile,
    SubTaskTable,
    SupplierTable,
    WorkTable,
)

ROOT = Path(__file__).parents[3]
REFERENCE = (ROOT / "docs/reference/scenario-files.md").read_text()


@pytest.mark.parametrize(
    ("heading", "table"),
    [
        ("## Top level", ScenarioFile),
        ("## `currency`", CurrencyTable),
        ("## `demanders`", DemanderTable),
        ("### `demanders.sub_tasks`", SubTaskTable),
        ("### `demanders.sub_tasks.alternatives`", AlternativeTable),
        ("### `demanders.operations`", OperationTable),
        ("### `demanders.operations.alternatives`", WorkTable),
        ("## `suppliers`", SupplierTable),
        ("## `delivery`", DeliveryTable),
        ("## `breakdowns`", BreakdownTable),
        ("## `fjsp`", FjspTable),
    ],
)
def test_the_reference_lists_exactly_the_keys_of_each_table(
    heading: str, table: type[ScenarioFile]
) -> None:
    section = REFERENCE.split(f"\n{heading}\n")[1].split("\n#")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == list(table.model_fields)


def test_the_reference_names_every_concept_and_negotiation() -> None:
    for name in MARKET_CONCEPTS + NEGOTIATIONS:
        assert f'`"{name}"`' in REFERENCE


def test_the_examples_of_the_reference_are_markets() -> None:
    def read_companion(name: str) -> str:
        return (ROOT / "scenarios" / name).read_text()

    examples = re.findall(r"```(toml|json)\n(.*?)```", REFERENCE, re.DOTALL)
    markets = [parse_scenario(text, f"x.{kind}", 1, read_companion) for kind, text in examples]
    assert markets[0].demanders == markets[1].demanders
    assert markets[0].suppliers == markets[1].suppliers
    assert len(markets[2].demanders) == 10
    assert len(markets[3].breakdowns) == 1


def test_the_errors_of_the_reference_are_those_that_are_raised() -> None:
    with pytest.raises(MalformedFjsp) as malformed:
        parse_fjsp("2 1\n1 1 0 5\n2 1 0 5 1 3 9\n", "shop.txt")
    assert f"    {malformed.value}\n" in REFERENCE
    example = REFERENCE.split("```toml\n")[1].split("```")[0]
    for text in (
        example.replace("attested = [10, 12]", "attested = [10, 12, -5]"),
        "threshold = 4\n" + example,
        "a = 1\nb = = 2",
    ):
        with pytest.raises((InvalidScenario, MalformedText)) as invalid:
            parse_scenario(text, "market.toml", 1, str)
        assert f"    {invalid.value}\n" in REFERENCE


def test_the_limits_of_the_reference_are_those_that_are_checked() -> None:
    section = REFERENCE.split("\n## Limits\n")[1].split("\n## ")[0]
    for limit in (
        f"{checks.LONGEST_CALENDAR:,} seconds",
        f"{checks.MOST_SLOTS_EACH:,} slots",
        f"{checks.MOST_SLOTS:,} slots",
        f"{checks.MOST_SUB_TASKS:,}",
        f"{checks.MOST_OPERATORS}",
        f"{checks.MOST_LINES}",
        f"{LARGEST_SCENARIO // 2**20} MiB",
    ):
        assert f"| {limit} |" in section
    assert checks.LATEST_ORIGIN == 2**33
    assert LARGEST_AMOUNT == 2**128 - 1
    assert LARGEST_QUANTITY == 2**64 - 2
    assert USUAL_DEPOSIT == 10**6
    assert f"at most {checks.LONGEST_CALENDAR:,} |" in REFERENCE
    assert f"1 to {checks.MOST_OPERATORS} |" in REFERENCE
