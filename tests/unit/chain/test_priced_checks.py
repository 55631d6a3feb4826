"""The checks that benchmarks/checks.py prices stand in the contracts as they are."""

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SOURCES = ROOT / "contracts" / "src"


@pytest.fixture
def checks(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("checks")


def test_every_snippet_stands_once_in_its_file(checks):
    listed = checks.read()
    assert len({each.name for each in listed}) == len(listed) > 40
    for each in listed:
        changed = checks.without(each, SOURCES)
        assert changed, each.name
        assert all(text != (SOURCES / file).read_text() for file, text in changed.items())


@pytest.mark.parametrize(("snippet", "times"), [("no such code", "0"), ("return", r"\d\d")])
def test_a_snippet_that_is_gone_or_not_alone_names_its_check(checks, snippet, times):
    stale = checks.Check("a check", ["list"], [{"file": "ResourceEscrow.sol", "snippet": snippet}])
    with pytest.raises(SystemExit, match=rf"a check: '{snippet}' stands {times} times in contract"):
        checks.without(stale, SOURCES)
