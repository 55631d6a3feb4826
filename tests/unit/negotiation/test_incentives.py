"""The benchmark of incentives has the signs that the pages claim and the figures that they show."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = ROOT / "docs" / "explanation"
GAMES = ("demanders-lead", "balanced", "simultaneous")
ALONE = ("lie", "false_names")


@pytest.fixture(scope="module")
def measured():
    command = [sys.executable, str(ROOT / "benchmarks" / "incentives.py"), "--quick", "--json"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return json.loads(ran.stdout)


@pytest.fixture(scope="module")
def rows(measured):
    return {(row["market"], row["rule"]): row for row in measured["sessions"]}


def test_by_the_clock_nobody_gains_alone_and_all_units_go_where_they_are_worth_most(rows):
    for market in ("paper", "scarce", "random"):
        row = rows[market, "clock of units"]
        assert [row[what]["gain"] for what in ALONE] == [0, 0]
        assert row["welfare"] == 1
        assert row["weights"] is None
    lots = rows["shop", "clock of lots"]
    assert [lots[what]["gain"] for what in ALONE] == [0, 0]


def test_lots_that_pose_as_divisible_are_no_truth_worth_telling(rows):
    assert rows["shop", "clock of units"]["lie"]["gain"] > 0


@pytest.mark.parametrize("rule", GAMES)
def test_in_the_games_sessions_lies_names_and_weights_pay(rows, rule):
    row = rows["paper", rule]
    assert min(row[what]["gain"] for what in (*ALONE, "coalition", "weights")) > 0
    assert row["welfare"] < 0.5


def test_two_demanders_together_gain_by_the_clock_and_a_supplier_that_knows_all(rows):
    row = rows["paper", "clock of units"]
    assert row["coalition"] == {"gain": 60_000, "honest": 18_000}
    assert row["shill"]["gain"] == row["reserve"]["gain"] > 0


def test_what_is_not_sold_has_no_row(rows):
    assert ("scarce", "demanders-lead") not in rows  # which has no caps
    assert ("paper", "clock of lots") not in rows  # a part of the units is of use to all


def test_in_the_products_rounds_a_shill_that_wins_loses_and_a_ghost_costs_all(measured):
    gains = {order["what"]: order["gain"] for order in measured["products"]}
    assert gains["a shill just above, which does not buy"] < 0
    ghost, again = (
        gains["welfare, with a ghost"],
        gains["welfare, with a ghost, its room offered again"],
    )
    assert ghost < 0
    assert ghost <= again


def test_the_economists_page_has_the_figures_of_the_papers_markets(rows):
    page = (PAGES / "truthfulness.md").read_text("utf-8")
    for market in ("paper", "scarce"):
        for (name, rule), row in rows.items():
            if name == market:
                assert f"| {market} | {rule} | {told(row)} |" in page, rule


def told(row):
    tries = (row[name] for name in ("lie", "false_names", "coalition", "weights", "reserve"))
    shares = [share(each) for each in (*tries, row["shill"])]
    first = [f"{row['rounds']:.0f}", f"{100 * row['welfare']:.0f}", f"{100 * row['profit']:.0f}"]
    return " | ".join([*first, *shares])


def share(tried):
    if tried is None:
        return "–"
    return f"{100 * tried['gain'] / tried['honest']:+.1f} %" if tried["gain"] else "0"
