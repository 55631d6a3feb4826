"""`fabmarket demo --private` as a user runs it, and the page that quotes its figures."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "explanation" / "privacy.md").read_text("utf-8")
RUNS = {
    "three": (),
    "district": ("--scenario", str(ROOT / "scenarios" / "district.toml")),
}


@pytest.fixture(scope="module")
def leakage(fabmarket):
    found = {}
    for name, arguments in RUNS.items():
        facts = fabmarket("demo", "--private", "--json", *arguments).facts
        assert facts["audit"]["ok"]
        found[name] = {(each["viewer"], each["attack"]): each for each in facts["leakage"]}
    return found


def test_the_page_quotes_the_runs_that_it_names(leakage):
    """The figures of docs/explanation/privacy.md are those of the two commands above them."""
    expected = []
    for viewer, attack in dict.fromkeys((*leakage["three"], *leakage["district"])):
        rows = [leakage[name].get((viewer, attack)) for name in RUNS]
        sought = next(row for row in rows if row)["sought"]
        cells = " | ".join(
            f"{100 * row['success']:.0f} % ({100 * row['guessing']:.0f} %)" if row else "–"
            for row in rows
        )
        expected.append(f"| {viewer}: {attack} | {sought} | {cells} |")
    table = PAGE.split("| who, and how |")[1].split("\n\n")[0].splitlines()[2:]
    assert table == expected


def test_every_wall_stands_in_the_district(leakage):
    rows = leakage["district"]
    for viewer, attack in (
        ("a rival", "reads its neighbours' answers off its paths"),
        ("whoever watches the links", "reads the letters"),
        ("whoever reads the chain", "fits what accounts paid to what listings sold"),
    ):
        assert rows[viewer, attack]["success"] == 0
        assert rows[viewer, attack]["control"] == 1
    alone = rows["whoever reads the chain", "reads the trades that settled by themselves"]
    assert (alone["success"] < 0.1, alone["control"]) == (True, 1)  # of who paid least prices


def test_the_papers_market_says_that_it_is_too_small(fabmarket, tmp_path):
    said = fabmarket("demo", "--private", "--out", tmp_path / "out").stdout
    assert "Who learned what in this run" in said
    assert "2 of 2 trades settled by themselves, for all to read" in said
    assert "The smallest masked session had 3 seats" in said


def test_a_private_run_nets_or_is_refused(fabmarket):
    refused = fabmarket("demo", "--private", "--settle", "batch")
    assert refused.code == 2
    assert "--private nets trades; leave --settle batch out" in refused.stderr
