"""The verdicts, and the page that tells them."""

import json
import re
from html.parser import HTMLParser

import pytest

from fabmarket.paper.claim import FAILS, HOLDS, NOT_IDENTIFIED, VERDICTS
from fabmarket.paper.figures import CAPTIONS
from fabmarket.paper.page import SECTIONS, letters, numeric
from fabmarket.paper.reproduction import reproduce
from fabmarket.paper.writing import render_files

FROZEN = {
    "curve": FAILS,
    "signature": FAILS,
    "anonymity": FAILS,
    "single-point": HOLDS,
    "tampering": HOLDS,
    "trust-cost": NOT_IDENTIFIED,
    "equations": FAILS,
    "theorem-1-proof": FAILS,
    "nash-exists": HOLDS,
    "stackelberg": FAILS,
    "eq-19-optimum": FAILS,
    "table-1": HOLDS,
    "reaches-equilibrium": HOLDS,
    "faster": NOT_IDENTIFIED,
    "load": NOT_IDENTIFIED,
    "cost": NOT_IDENTIFIED,
    "balance": FAILS,
    "table-2": NOT_IDENTIFIED,
    "raise-price": HOLDS,
    "raise-supplier": HOLDS,
    "raise-pays": FAILS,
    "raise-others-cut": FAILS,
    "raise-returns": HOLDS,
    "fair": NOT_IDENTIFIED,
}
VOID = {"meta", "link", "br", "img", "input", "hr"}
SHAPES = {"path", "use", "rect", "circle", "line"}


class Page(HTMLParser):
    """Ids, links and text of a page; fails on tags that do not match."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.links, self.text, self.graphics = [], [], [], [], 0
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if "id" in given:
            self.ids.append(given["id"])
        if tag == "a":
            self.links.append(given["href"])
        self.graphics += tag == "svg"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        given = dict(attrs)
        if "id" in given:
            self.ids.append(given["id"])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def files(reproduced):
    return render_files(reproduced)


@pytest.fixture(scope="module")
def parsed(files):
    return Page(files["paper.html"].decode())


def test_verdicts(by_id):
    assert {name: claim["verdict"] for name, claim in by_id.items()} == FROZEN


def test_verdicts_are_counted(reproduced):
    counts = {verdict: list(FROZEN.values()).count(verdict) for verdict in VERDICTS}
    assert reproduced["verdicts"] == counts


def test_every_claim_says_everything(by_id):
    for claim in by_id.values():
        for key in ("title", "place", "words", "reason", "got", "how"):
            assert claim[key], (claim["id"], key)
        for table in claim["tables"]:
            assert {len(row) for row in table["rows"]} == {len(table["columns"])}


def test_the_page_names_every_claim_once(parsed):
    for name in FROZEN:
        assert parsed.ids.count(name) == 1
        assert f"#{name}" in parsed.links
    assert sorted(one for _, _, ids in SECTIONS for one in ids) == sorted(FROZEN)


def test_identifiers_are_unique_and_links_lead_somewhere(parsed):
    assert len(parsed.ids) == len(set(parsed.ids))
    assert {link[1:] for link in parsed.links} <= set(parsed.ids)


def test_the_page_needs_nothing_else(files):
    text = files["paper.html"].decode()
    assert not re.search(r'(src|href)="(?!#)', text)
    assert "default-src 'none'" in text


def test_every_figure_belongs_to_a_claim_and_is_drawn_once(files, by_id, parsed):
    shown = [name for claim in by_id.values() for name in claim["figures"]]
    assert sorted(shown) == sorted(CAPTIONS)
    assert parsed.graphics == len(CAPTIONS)
    for name in CAPTIONS:
        assert files[f"figures/{name}.png"].startswith(b"\x89PNG")
        assert files[f"figures/{name}.svg"].startswith(b"<?xml")


def test_the_page_shows_hashes_and_numbers(files, numbers):
    text = files["paper.html"].decode()
    gas = f"{numbers['baseline']['chain']['gas']:,}"
    for one in numbers["verification"]["tests"]:
        assert one["transaction"] in text
    for number in ("39,382.8", "40,041.7", "57.1 %", "87.5", gas):
        assert number in text, number


def test_table_1_on_chain(numbers):
    tests = numbers["verification"]["tests"]
    assert [one["status"] for one in tests] == [1, 0, 0, 0]
    assert [one["outcome"] for one in tests] == [
        "accepted",
        "NotAttested",
        "OverReported",
        "NotAttested",
    ]
    assert [one["listed"] for one in tests] == [30, 0, 0, 0]
    assert len({one["transaction"] for one in tests}) == 4


def test_the_numbers_are_all_in_the_json(files, reproduced):
    assert json.loads(files["paper.json"]) == json.loads(json.dumps(reproduced))


def test_a_second_run_differs_in_its_seconds_only(reproduced):
    told = []
    again = reproduce(quick=True, told=lambda *step: told.append(step))
    first, second = (
        json.dumps({**facts, "timing": None}, sort_keys=True) for facts in (reproduced, again)
    )
    assert first == second
    assert render_files({**again, "timing": reproduced["timing"]}) == render_files(reproduced)
    assert [done for _, done, _ in told] == list(range(9))
    assert told[-1] == ("Done", 8, 8)


def test_letters_have_their_index_below_and_markup_is_text():
    assert letters("v_dj < L_TD") == "v<sub>dj</sub> &lt; L<sub>TD</sub>"
    assert letters("1e-3 and (s, r)") == "1e-3 and (s, r)"


def test_columns_of_numbers_are_told_from_columns_of_words():
    rows = [["a", "1,234.5", "−3.2 %", "1 / 2", "7"], ["b", "–", "2.0e-01", "x", "7" * 40]]
    assert numeric({"rows": rows}) == [False, True, True, False, False]
