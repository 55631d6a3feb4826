import io
from pathlib import Path

import pytest
from rich.console import Console

from fabmarket.report import print_summary, summary_tables
from fabmarket.report.wording import (
    COVERED,
    NOT_ALL_SOLD,
    READ_MORE,
    money,
)

ROOT = Path(__file__).parents[3]


def printed(facts, out=None) -> str:
    console = Console(file=io.StringIO(), width=140)
    print_summary(facts, console, out)
    return console.file.getvalue()


def test_the_papers_market(paper_facts, tmp_path):
    text = printed(paper_facts, tmp_path)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    for line in (
        "Sub-tasks 3",
        "Trades 2",
        "Paid 31,625 FMC",
        "Messages ignored 1 of 31 deliveries",
        "Audit passed, 11 values",
        "3 OverReported ✓ m1: 20 reported, 10 attested 0x3b6b…0360",
        "S 0 115 115 275 525 3 ≤ 1.8e-12 FMC 1,901 FMC",
        "0 S MRD2 100 units 115 11,500",
        "0 S MRD3 175 units 115 20,125",
        "no price pays: the market is above what the sub-task is worth 1",
    ):
        assert line in lines
    assert any(line.startswith("MRD3 demander") and line.endswith("−20,125") for line in lines)
    assert any(line.startswith("MRS supplier") and line.endswith("+31,625") for line in lines)
    assert f"Report: {tmp_path / 'report.html'}" in text
    assert f"Browse: fabmarket serve {tmp_path}" in text


def test_what_a_certificate_covers_and_what_a_lie_earns_is_said_below_the_gains(paper_facts):
    said = " ".join(printed(paper_facts).split())
    assert f"Gain left: {COVERED}" in said
    assert (ROOT / READ_MORE).is_file()


def test_the_best_lie_of_the_run_is_said_below_the_tables(paper_facts, bargaining_facts):
    said = " ".join(printed(paper_facts).split())
    assert "Best lie: in 1 of 1 session one pays, most in S, slot 0: 1,901 FMC." in said
    assert "Best lie" not in printed(bargaining_facts)


def test_525_supply_is_explained_where_275_are_sold(paper_facts, job_shop_facts):
    assert NOT_ALL_SOLD in " ".join(printed(paper_facts).split())
    assert "would offer" not in printed(job_shop_facts)


def test_trades_are_sorted_by_slot_resource_and_demander_and_bounded(job_shop_facts):
    names = {one["address"]: one["name"] for one in job_shop_facts["participants"]}
    expected = sorted(
        (one["slot"], int(one["resource"][8:]), int(names[one["demander"]][4:]))
        for one in job_shop_facts["trades"]
    )
    job_shop_facts["trades"].reverse()
    _, _, below = printed(job_shop_facts).partition("Trades (FMC)")
    rows = [line.split() for line in below.splitlines()]
    shown = [(int(one[0]), int(one[1][8:]), int(one[3])) for one in rows if one[2:3] == ["job"]]
    assert shown == expected[:12]
    more = len(job_shop_facts["trades"]) - 12
    assert f"... and {more} more in report.html" in printed(job_shop_facts)


def test_a_session_that_found_no_price_shows_none(paper_facts):
    paper_facts["equilibria"][0]["negotiated_price"] = None
    assert "S 0 115 – 275 525" in " ".join(printed(paper_facts).split())


def test_what_was_assumed_of_the_input_is_said_in_a_line_each(empty_facts):
    empty_facts["scenario"]["notes"] = ["Machines are read as counted from 1: " + "x" * 200, "Two."]
    lines = printed(empty_facts).splitlines()
    assert [line for line in lines if line.startswith("Note:")] == [
        "Note:   Machines are read as counted from 1: " + "x" * 200,
        "Note:   Two.",
    ]


def test_an_empty_run_has_only_the_headline(empty_facts):
    assert len(summary_tables(empty_facts)) == 1
    assert "Report:" not in printed(empty_facts)


def test_long_tables_are_cut_and_say_so(job_shop_facts):
    text = printed(job_shop_facts)
    assert f"... and {len(job_shop_facts['equilibria']) - 12} more in report.html" in text
    assert f"... and {len(job_shop_facts['accounts']) - 12} more in report.html" in text
    assert max(table.row_count for table in summary_tables(job_shop_facts)) == 12


def test_names_are_not_markup(paper_facts):
    paper_facts["participants"][0]["name"] = "[red]MRD1[/]"
    paper_facts["scenario"]["title"] = "[bold"
    text = printed(paper_facts)
    assert "[red]MRD1[/]" in text
    assert "[bold" in text


@pytest.mark.parametrize("place", ["audit", "test"])
def test_what_went_wrong_is_said(place, paper_facts):
    if place == "audit":
        paper_facts["audit"]["ok"] = paper_facts["audit"]["checks"][0]["ok"] = False
    else:
        paper_facts["verification_tests"][0]["passed"] = False
    assert {"audit": "FAILED, 1 of 3 checks", "test": "accepted ✗"}[place] in printed(paper_facts)


@pytest.mark.parametrize("columns", [20, 40, 60, 70, 80, 100])
def test_no_number_of_a_table_is_cut_at_any_width(paper_facts, columns):
    for one in paper_facts["accounts"]:
        one["before"] += 10**9
        one["after"] += 10**9
    for one in paper_facts["participants"]:
        one["name"] += " of a rather long name"
    console = Console(width=columns, file=io.StringIO())
    print_summary(paper_facts, console)
    said = console.file.getvalue()
    for one in paper_facts["accounts"]:
        for amount in (one["before"], one["after"]):
            assert money(amount, paper_facts["scenario"]["currency"], symbol=False) in said


def test_a_clock_says_what_was_wanted_where_it_stopped_and_what_was_paid(clock_facts, paper_facts):
    lie = {"seat": None, "gain": 0, "method": "menu", "bound": "exact"}
    clock_facts["sessions"][0]["certificate"]["best_lie_in_this_session"] = lie
    lines = [" ".join(line.split()) for line in printed(clock_facts).splitlines()]
    assert "Clocks (FMC, prices per unit)" in lines
    assert "S 0 3 110 60 60 35 1,925 0" in lines
    assert any(line.startswith("Note: Best lie: 0 in 1 session, exactly.") for line in lines)
    assert "Clocks" not in printed(paper_facts)


def test_products_and_machines_have_tables_of_their_own(products_facts):
    lines = [" ".join(line.split()) for line in printed(products_facts).splitlines()]
    for line in (
        "Products 2 of 4 products complete, 1 on time",
        "Paid for unfinished products 1.20 FMC",
        "job 1 on time 1 1 3.00 48.00 50.00",
        "job 2 1 slot late 3 2 1.40 48.00 50.00",
        "job 3 bought in part – 3 1.20 rest 48.00 50.00",
        "job 4 not bought – 3 0.00 48.00 50.00",
        "job 3: machine-0 broke down",
        "job 4: no room is left",
        "machine-0 owner of machine-0 40 minutes 14 35 % 0.20 FMC",
    ):
        assert line in lines
