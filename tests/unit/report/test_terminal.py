import io

import pytest
from rich.console import Console

from fabmarket.report import print_summary, summary_tables


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
        "Messages ignored 1 of 31",
        "Audit passed, 11 values",
        "3 OverReported ✓ OverReported(m1, 20, 10) 0x3b6b…0360",
        "S 0 115 115 275 525 3 ≤ 0.0001 FMC",
        "no price pays: the market is above what the sub-task is worth 1",
    ):
        assert line in lines
    assert any(line.startswith("MRD3 demander") and line.endswith("-20,125") for line in lines)
    assert any(line.startswith("MRS supplier") and line.endswith("+31,625") for line in lines)
    assert f"Report: {tmp_path / 'report.html'}" in text


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
