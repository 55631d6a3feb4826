import io

from rich.console import Console

from fabmarket.report.leakage import controls_in_words, hidden, leakage_groups, leakage_in_words
from fabmarket.report.page import page
from fabmarket.report.terminal import print_summary
from fabmarket.report.writing import render_files


def leak(**changes):
    return {
        "viewer": "a rival",
        "attack": "reads its <neighbours>",
        "sought": "what they want",
        "tries": 40,
        "success": 0.0,
        "guessing": 0.1,
        "control": 1.0,
        "note": "",
        "unlike": "",
        **changes,
    }


def private(facts, *rows, **changes):
    return {**facts, "leakage": [*rows], **changes}


def test_a_run_without_attacks_says_nothing_of_them(paper_facts):
    assert leakage_in_words(paper_facts) == []
    assert "learned" not in page(paper_facts, render_figures(paper_facts))


def render_figures(facts):
    files = render_files(facts)
    return {name[8:-4]: text for name, text in files.items() if name.endswith(".svg")}


def test_what_luck_explains_counts_as_hidden_and_what_nearly_all_find_does_not():
    assert hidden(leak()) == "yes"
    assert hidden(leak(success=0.2)) == "yes"
    assert hidden(leak(success=0.5)) == "partly"
    assert hidden(leak(success=0.95)) == "no"
    assert hidden(leak(success=0.01, guessing=0.0)) == "partly"


def test_regression_what_all_can_guess_or_is_told_does_not_count_as_hidden():
    """Where everybody bought, "who bought" was found by nobody and called hidden."""
    assert hidden(leak(success=0.0, guessing=1.0)) == "guessed"
    assert hidden(leak(success=1.0, guessing=1.0)) == "guessed"
    assert hidden(leak(success=0.62, guessing=0.87)) == "guessed"
    assert hidden(leak(success=0.0, note="not hidden: it is told")) == "no"
    assert hidden(leak(success=1.0, guessing=0.9, tries=800)) == "no"


def test_regression_a_few_tries_do_not_show_that_something_is_hidden():
    for found in (0.0, 0.6):
        assert hidden(leak(success=found, guessing=0.2, tries=5)) == "few tries"
    assert hidden(leak(success=1.0, guessing=0.0, tries=2)) == "no"


def test_small_shares_are_not_shown_as_none(paper_facts):
    rows = leakage_groups(private(paper_facts, leak(success=0.001, guessing=0.0, control=0.999)))
    assert rows[0][1][0][4:] == ("< 1 %", "0 %", "> 99 %")


def test_the_terminal_and_the_page_show_every_viewer_once(paper_facts):
    rows = leak(), leak(attack="adds up", unlike="all but one"), leak(viewer="the supplier")
    facts = private(paper_facts, *rows)
    out = io.StringIO()
    print_summary(facts, Console(file=out, width=140))
    assert out.getvalue().count("a rival") == 1
    shown = page(facts, render_figures(facts))
    assert shown.count(">a rival</th>") == 1
    assert "&lt;neighbours&gt;" in shown
    assert controls_in_words(facts) == ["a rival, adds up: all but one"]


def test_where_a_market_is_too_small_is_said(paper_facts, bargaining_facts):
    said = " ".join(leakage_in_words(private(paper_facts, leak(note="2 of 3 were open"))))
    assert "1 of 1 session had too few seats" in said
    assert "A rival, reads its <neighbours>: 2 of 3 were open." in said
    assert "settled by themselves" in said
    assert "there is nobody to hide among" in " ".join(
        leakage_in_words(private(bargaining_facts, leak()))
    )
    plain, why = leak(note="not hidden"), leak(note="not hidden: it must be told")
    said = leakage_in_words(private(paper_facts, plain, why))
    assert [each for each in said if "not hidden" in each] == [
        "A rival, reads its <neighbours>: not hidden: it must be told."
    ]
