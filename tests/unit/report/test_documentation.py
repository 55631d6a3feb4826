import re
from pathlib import Path

import pytest

import fabmarket.report
from fabmarket.negotiation.products import reasons
from fabmarket.report.writing import FIGURES
from fabmarket.scenario import parse_scenario

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "reference" / "report.md").read_text("utf-8")
PLANT = (ROOT / "docs" / "tutorial" / "plan-a-plant.md").read_text("utf-8")
# Objects whose keys are data, not names of the format.
OPEN = {"gas", "phases", "ignored_reasons", "by_type", "reported", "attested"}


def keys(value) -> set[str]:
    found: set[str] = set()
    if isinstance(value, dict):
        for key, one in value.items():
            found |= {key} | (keys(one) if key not in OPEN else set())
    elif isinstance(value, list):
        for one in value:
            found |= keys(one)
    return found


@pytest.mark.parametrize(
    "run", ["paper_facts", "bargaining_facts", "clock_facts", "products_facts"]
)
def test_every_key_is_documented(run, request):
    documented = {word for quoted in re.findall(r"`([^`]+)`", TEXT) for word in quoted.split(".")}
    names = {word.strip("[]*") for word in documented}
    assert keys(request.getfixturevalue(run)) <= names


def test_every_figure_and_every_public_name_is_documented():
    assert all(f"figures/{name}." in TEXT for name in (*FIGURES, "gantt"))
    assert all(f"`{name}" in TEXT for name in fabmarket.report.__all__)


def test_the_planners_page_explains_every_reason_why_a_product_is_not_bought():
    said = {value for name, value in vars(reasons).items() if name.isupper() and name[0] != "_"}
    assert len(said) > 5
    rows = "\n".join(re.findall(r"^\| (.*?) \|", PLANT, re.MULTILINE))
    assert {reason for reason in said if reason not in rows} == set()


def test_the_planners_page_shows_tables_that_make_a_market():
    supplier, order = re.findall(r"```toml\n(.*?)```", PLANT, re.DOTALL)
    calendar = f"[{', '.join(['240'] * 52)}]"
    owner = re.sub(r"\[240.*?\]", calendar, supplier)
    text = "".join(owner.replace("mill", name) for name in ("mill", "lathe-1", "lathe-2")) + order
    market = parse_scenario(text, "plant.toml", 1, str)
    assert market.demanders[0].product.value == 1200_00
