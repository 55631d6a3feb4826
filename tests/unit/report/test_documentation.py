import re
from pathlib import Path

import pytest

import fabmarket.report
from fabmarket.report.writing import FIGURES

TEXT = (Path(__file__).parents[3] / "docs" / "reference" / "report.md").read_text("utf-8")
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


@pytest.mark.parametrize("run", ["paper_facts", "bargaining_facts"])
def test_every_key_is_documented(run, request):
    documented = {word for quoted in re.findall(r"`([^`]+)`", TEXT) for word in quoted.split(".")}
    names = {word.strip("[]*") for word in documented}
    assert keys(request.getfixturevalue(run)) <= names


def test_every_figure_and_every_public_name_is_documented():
    assert all(f"figures/{name}." in TEXT for name in FIGURES)
    assert all(f"`{name}" in TEXT for name in fabmarket.report.__all__)
