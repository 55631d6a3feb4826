import json
import re
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from jinja2 import UndefinedError

from fabmarket.report import summary_tables
from fabmarket.report.reading import People, by_place
from fabmarket.report.wording import IN_THE_GAME, LIES, NOT_IN_THE_NEGOTIATION, READ_MORE
from fabmarket.report.writing import render_files

RUNS = (
    "paper_facts",
    "empty_facts",
    "job_shop_facts",
    "bargaining_facts",
    "clock_facts",
    "products_facts",
)
VOID = {"meta", "br", "path", "use", "rect", "image"}


class Reader(HTMLParser):
    """Collects what a browser would make of a page, and complains about unbalanced tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def words(self) -> str:
        return " ".join(self.text.split())


@cache
def html(record: str) -> str:
    return render_files(json.loads(record))["report.html"].decode()


def told(facts) -> Reader:
    return Reader(html(json.dumps(facts)))


@pytest.mark.parametrize("run", RUNS)
def test_a_page_is_well_formed_has_unique_identifiers_and_one_heading_order(run, request):
    reader = told(request.getfixturevalue(run))
    identifiers = [attrs["id"] for _, attrs in reader.tags if "id" in attrs]
    assert len(identifiers) == len(set(identifiers))
    headings = [int(tag[1]) for tag, _ in reader.tags if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(headings))
    targets = {attrs["href"] for tag, attrs in reader.tags if tag == "a"}
    assert targets <= {f"#{one}" for one in identifiers}
    assert all(attrs.get("aria-label") for tag, attrs in reader.tags if tag == "svg")


@pytest.mark.parametrize("run", RUNS)
def test_a_page_loads_and_runs_nothing(run, request):
    text = html(json.dumps(request.getfixturevalue(run)))
    reader = Reader(text)
    assert "://" not in text
    assert not {tag for tag, _ in reader.tags} & {"script", "link", "iframe", "img", "object"}
    assert not [name for _, attrs in reader.tags for name in attrs if name.startswith("on")]
    assert not re.search(r"url\((?!#)|@import|src=", text)


@pytest.mark.parametrize("run", ["paper_facts", "job_shop_facts", "products_facts"])
def test_every_transaction_trade_and_participant_can_be_found(run, request):
    facts = request.getfixturevalue(run)
    reader = told(facts)
    for one in facts["trades"]:
        assert one["transaction"] in reader.text
        assert one["id"] in reader.text
    for one in facts["verification_tests"]:
        assert one["transaction"] in reader.text
    titles = {attrs.get("title") for _, attrs in reader.tags}
    assert {one["address"] for one in facts["participants"]} <= titles
    for one in facts["unserved"]:
        assert one["subtask"] in reader.text


def test_the_papers_market_in_words(paper_facts):
    words = told(paper_facts).words()
    for sentence in (
        "✓ In order. 2 trades moved 275 units for 31,625 FMC. 1 of 3 sub-tasks stayed unserved",
        "MRS announces a price for S in slot 0, and each of 3 demanders answers",
        "the equilibrium price is 115 FMC per unit; the negotiation settled on 115 FMC after 3",
        f"Nobody gains more than 1.8e-12 FMC {IN_THE_GAME}. Tried: each demander",
        f"{NOT_IN_THE_NEGOTIATION} More: {READ_MORE}.",
        f"Best lie: in 1 of 1 session one pays, most in S, slot 0: 1,901 FMC. {LIES}",
        "The conditions of the equilibrium hold exactly.",
        "Demanders: −31,625 FMC. Suppliers: +31,625 FMC. Payments in the trades above: 31,625 FMC.",
        "11,500",
        "20,125",
        "refused: OverReported ✓ as expected m1: 20 reported, 10 attested",
        "mined as failed",
        "1 ignored: bad signature",
        "2 of 3 operators must sign",
        "fabmarket demo --seed 7",
        "amounts in whole FMC",
    ):
        assert sentence in words


def test_a_session_that_found_no_price_settled_on_none(paper_facts):
    """The page said that it settled on the last price quoted."""
    paper_facts["equilibria"][0]["negotiated_price"] = None
    assert "the negotiation found no price in 3 rounds." in told(paper_facts).words()


def test_page_and_terminal_say_the_same_of_an_equilibrium(job_shop_facts):
    table = next(one for one in summary_tables(job_shop_facts) if "Equilibria" in str(one.title))
    cells = [str(next(iter(column.cells))) for column in table.columns]
    resource, slot, price, negotiated, demand, supply, rounds, left, lie = cells
    first = by_place(job_shop_facts, "equilibria")[0]
    seller = People(job_shop_facts).name(first["supplier"])
    row = [resource, slot, seller, "balanced", price, negotiated, demand, supply, rounds]
    row += [left, lie]
    assert "".join(row).replace(" ", "") in told(job_shop_facts).words().replace(" ", "")


def test_what_was_ignored_is_counted_among_deliveries(paper_facts):
    """Three ignored deliveries of one message were "3 of 32" messages sent."""
    paper_facts["messages"] |= {"sent": 32, "delivered": 96, "ignored": 3}
    words = told(paper_facts).words()
    assert "Messages ignored3 of 96 deliveries" in words
    assert "32 messages sent, to one or several receivers each: 96 deliveries, of which 3" in words


def test_page_and_terminal_give_the_same_reason_for_a_refused_report(paper_facts):
    page, terminal = told(paper_facts).words(), summary_tables(paper_facts)[1]
    for reason in terminal.columns[2].cells:
        assert str(reason) in page


def test_quantities_of_one_unit_are_said_in_it(job_shop_facts):
    units = job_shop_facts["units_traded"]
    assert f"trades moved {units:,} minutes for" in told(job_shop_facts).words()


def test_every_wide_table_shows_that_it_scrolls(job_shop_facts):
    """On a phone the columns beyond the edge were not to be guessed at."""
    text = html(json.dumps(job_shop_facts))
    assert re.search(r"\.scroll \{[^}]*linear-gradient[^}]*local", text)
    for before in re.findall(r"(.{20})<table", text, re.DOTALL):
        assert before.endswith('">\n'), before
    assert text.count("<table") == text.count('<div class="scroll" tabindex="0"')


def test_a_run_in_which_nothing_happened_says_so(empty_facts):
    words = told(empty_facts).words()
    for sentence in (
        "Nothing was traded.",
        "No demander took part.",
        "No negotiation took place.",
        "No equilibrium was computed in this run.",
        "There are no accounts.",
        "No sub-task was asked for.",
    ):
        assert sentence in words


def test_the_large_run_keeps_long_lists_folded(job_shop_facts):
    reader = told(job_shop_facts)
    assert [attrs for tag, attrs in reader.tags if tag == "details" and "open" in attrs] == []
    assert f"All {len(job_shop_facts['sessions'])} negotiations" in reader.words()
    assert "the 30 that moved most" in reader.words()


def test_bargaining_is_told_as_two_sides(bargaining_facts):
    words = told(bargaining_facts).words()
    assert "one bilateral bargaining: MRS sells S in slot 0 to MRD2" in words
    assert "prices were bargained between two sides at a time" in words


def test_a_failed_audit_is_the_first_thing_said(paper_facts):
    paper_facts["audit"]["ok"] = paper_facts["audit"]["checks"][0]["ok"] = False
    words = told(paper_facts).words()
    assert "✗ Not in order." in words
    assert "do not rely on these figures" in words
    assert "FAILED, 1 of 3 checks" in words
    assert "In order. 2" not in words.replace("Not in order. 2", "")


def test_a_verification_test_that_went_wrong_is_named(paper_facts):
    paper_facts["verification_tests"][2] |= {"outcome": "accepted", "passed": False, "status": 1}
    words = told(paper_facts).words()
    assert "✗ Not in order." in words
    assert "Verification test 3 did not behave as expected." in words
    assert "✗ expected OverReported" in words


def test_text_from_outside_is_never_markup(paper_facts):
    attack = "\"><script>alert(1)</script><img src=x onerror='alert(2)'>"

    def poisoned(value):
        if isinstance(value, dict):
            return {key: poisoned(one) for key, one in value.items()}
        if isinstance(value, list):
            return [poisoned(one) for one in value]
        return value + attack if isinstance(value, str) else value

    safe = {"kind", "role", "concept", "by", "outcome", "expected", "negotiation"}
    before = {tag for tag, _ in told(paper_facts).tags}
    for key in ("participants", "sessions", "equilibria", "trades", "unserved", "accounts"):
        for one in paper_facts[key]:
            one |= {name: poisoned(value) for name, value in one.items() if name not in safe}
    for name in ("title", "description", "source", "draws", "name"):
        paper_facts["scenario"][name] += attack
    paper_facts["scenario"]["notes"].append(attack)
    paper_facts["scenario"]["currency"]["symbol"] += attack
    paper_facts["command"].append(attack)
    paper_facts["chain"]["client"] += attack
    paper_facts["messages"]["ignored_reasons"][attack] = 1
    paper_facts["audit"]["checks"][0]["detail"] = attack
    paper_facts["verification_tests"][1]["error"] = attack
    reader = told(paper_facts)
    assert {tag for tag, _ in reader.tags} == before
    assert reader.text.count("<script>alert(1)</script>") > 30
    assert not [name for _, attrs in reader.tags for name in attrs if name.startswith("on")]


def test_a_fact_the_page_needs_cannot_be_silently_missing(paper_facts):
    del paper_facts["chain"]["client"]
    with pytest.raises(UndefinedError, match="client"):
        render_files(paper_facts)


def test_gas_of_a_transaction_with_several_trades_is_said_to_be_theirs_together(job_shop_facts):
    alone = told(job_shop_facts).words()
    assert not re.search(r"gas for \d+ trades", alone)
    first, second, *_ = job_shop_facts["trades"]
    for key in ("transaction", "block", "gas"):
        second[key] = first[key]
    together = told(job_shop_facts).words()
    assert together.count("gas for 2 trades") == 2


def test_a_clock_says_what_it_sold_and_what_each_seat_pays(clock_facts):
    words = told(clock_facts).words()
    assert "MRS sells 60 units of S in slot 0 by a clock, unit by unit." in words
    assert "until what is wanted fits: at 35 FMC per unit." in words
    assert "Bought, units 0 5 55 60 For, FMC 0 135 1,790 1,925" in words
    labels = [attrs.get("aria-label") for tag, attrs in told(clock_facts).tags if tag == "svg"]
    assert any("60 of 60 units sold for 1,925 FMC in all" in label for label in labels)


def test_a_clock_of_lots_says_that_they_are_whole(clock_facts):
    clock_facts["sessions"][0]["clock"]["lots"] = True
    words = told(clock_facts).words()
    assert "by a clock, each demand whole or not at all." in words
    assert "A lot pays that price for each of its units." in words


def test_each_product_is_told_bought_whole_or_why_not(products_facts):
    words = told(products_facts).words()
    for sentence in (
        "2 of 4 products complete, 1 on time; 1.20 FMC paid for unfinished ones.",
        "The last bought operation ends 40 min after slot 0 begins.",
        "1 slot late 3 2 1.40 1.00 48.00 50.00 op 1: machine-0, slot 0, op 2: machine-1, slot 3",
        "bought in part – 3 1.20 0.00 rest 48.00 50.00 machine-0 broke down",
        "op 2: machine-0, slot 2 (not delivered, refunded)",
        "1 trade came to nothing, and the payment came back.",
        "who could not deliver paid penalties beside",
        "0.20 1.60 came back",
        "not bought – 3 0.00 0.00 48.00 50.00 no room is left",
        "machine-1 owner of machine-1 40 minutes 14 35 % 0.20 2.80",
    ):
        assert sentence.replace(" ", "") in words.replace(" ", "")
    assert "No negotiation took place." not in words


def test_the_chart_keeps_its_size_on_the_page_and_styles_nothing_else(products_facts):
    text = html(json.dumps(products_facts))
    chart = text[text.index('<div class="chart"') :]
    svg = next(attrs for tag, attrs in told(products_facts).tags if tag == "svg")
    assert float(svg["width"]) > 300
    assert chart.index("svg:root{") < chart.index("</svg>")


def test_a_page_without_products_has_no_chart(paper_facts):
    assert '<div class="chart"' not in html(json.dumps(paper_facts))
