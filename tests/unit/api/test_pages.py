"""Every page of the dashboard, over markets of all kinds, as a browser without scripts gets it."""

import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from urllib.parse import quote

import click
import httpx
import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute
from markupsafe import escape
from sqlalchemy import create_engine

from fabmarket.api import pages
from fabmarket.api.pages import (
    Shell,
    accounts,
    capacity,
    explorer,
    overview,
    products,
    trading,
    words,
)
from fabmarket.api.standing import Standings
from fabmarket.cli.commands import cli
from fabmarket.game import CONCEPTS
from fabmarket.report.wording import escaped
from tests.browser.market import HOSTILE
from tests.browser.seeing import showing, shown

LISTS = (
    "/",
    "/book",
    "/calendar",
    "/products",
    "/trades",
    "/accounts",
    "/attestations",
    "/disputes",
    "/cycles",
    "/audit",
    "/explorer",
)
DETAILS = ("/trades/0x", "/products/0x", "/accounts/0x", "/cycles/0x")


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with showing(tmp_path_factory.mktemp("usual"), 120) as address, asking(address) as client:
        yield client


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    at = tmp_path_factory.mktemp("hostile")
    with showing(at, 60, HOSTILE) as address, asking(address) as client:
        yield client


def asking(address: str) -> httpx.Client:
    return httpx.Client(base_url=address, timeout=30)


def walked(client: httpx.Client) -> dict[str, str]:
    """The text of every page, and of a few that differ by what they are of."""
    found: dict[str, str] = {}
    ahead = list(LISTS)
    while ahead:
        address = ahead.pop()
        kind = re.sub("0x[0-9a-fA-F]+|=[^&]*", "", address)
        alike = [each for each in found if re.sub("0x[0-9a-fA-F]+|=[^&]*", "", each) == kind]
        if address in found or len(alike) >= 6 or address.startswith("/v1/"):
            continue
        answer = client.get(address)
        assert answer.status_code == 200, address
        found[address] = answer.text
        if not address.startswith("/static/"):
            ahead += map(unescape, re.findall(r'(?:href|src)="(/[^"#]*)"', answer.text))
    return found


class _Active(HTMLParser):
    """Collects what a browser would run, or load as a picture."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag in ("img", "iframe", "object", "embed", "style"):
            self.found.append(tag)
        if tag == "script" and not (given.get("src") or "").startswith("/static/"):
            self.found.append("script")
        self.found += [name for name in given if name.startswith("on") or name == "style"]
        self.found += [str(each) for each in given.values() if str(each).startswith("javascript:")]


def active(text: str) -> list[str]:
    """What of a page would run, beside its own scripts."""
    parser = _Active()
    parser.feed(text)
    return parser.found


def test_every_page_of_a_market_answers_and_so_does_all_that_it_leads_to(
    usual: httpx.Client,
) -> None:
    found = walked(usual)
    assert set(LISTS) <= set(found)
    for start in (*DETAILS, "/trades?account=", "/calendar?since=", "/static/live.js"):
        assert any(each.startswith(start) for each in found), start


def test_pages_of_an_empty_ledger_say_what_to_do(tmp_path: Path) -> None:
    with showing(tmp_path, 0) as address, asking(address) as client:
        found = walked(client)
    for page in set(LISTS) - {"/explorer", "/audit"}:
        assert 'class="empty"' in found[page], page


def test_names_of_strangers_are_text_on_every_page(hostile: httpx.Client) -> None:
    for address, text in walked(hostile).items():
        if not address.startswith("/static/"):
            assert active(text) == [], address
            assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08]", text), address


def test_a_hostile_name_finds_its_own_trades(hostile: httpx.Client) -> None:
    book = hostile.get("/book", params={"name": "<script>alert(1)</script>"})
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in book.text
    assert 'class="empty"' not in book.text


@pytest.mark.parametrize("page", DETAILS)
@pytest.mark.parametrize("digest", ["0" * 64, "nothing", "%2e%2e", "<script>"])
def test_what_is_not_there_is_a_page_that_says_so(
    page: str, digest: str, usual: httpx.Client
) -> None:
    answer = usual.get(page + digest)
    assert answer.status_code in (404, 422)
    assert "There is no" in answer.text or "at most" in answer.text
    assert active(answer.text) == []


@pytest.mark.parametrize(
    ("page", "field"),
    [
        ("/trades?cursor=x", "cursor"),
        ("/trades?account=0x12", "account"),
        ("/trades?until=2026-02-30", "until"),
        ("/trades/%00", "digest"),
        ("/accounts/%00", "address"),
        ("/cycles/%00", "batch"),
        ("/explorer?a=0", "a"),
        ("/explorer?b=nan", "b"),
        ("/explorer?demanders=9", "demanders"),
        ("/calendar?since=-1", "since"),
        ("/disputes?state=open", "state"),
    ],
)
def test_what_cannot_be_shown_names_the_field(page: str, field: str, usual: httpx.Client) -> None:
    answer = usual.get(page)
    assert answer.status_code == 422
    assert f"{field}" in re.findall('class="empty">(.*?)</div>', answer.text, re.DOTALL)[0]


@pytest.mark.parametrize(
    ("page", "fields"),
    [
        ("/trades", {"since": "2026-13-45", "until": "yesterday", "name": "milling"}),
        ("/trades", {"since": "20261127", "account": "0x12"}),
        ("/trades", {"since": "٢٠٢٦-١١-٢٧"}),
        ("/book", {"name": "mill\0ing", "supplier": "me", "past": "maybe"}),
        ("/calendar", {"supplier": "0x" + "g" * 40, "length": "a day"}),
        ("/attestations", {"supplier": "0x1", "name": "x" * 300}),
        ("/disputes", {"state": "open"}),
    ],
)
def test_regression_a_filter_that_is_filled_in_wrongly_says_so_beside_the_field(
    page: str, fields: dict[str, str], usual: httpx.Client
) -> None:
    """A day that is none was left out without a word, and all trades were shown as filtered."""
    answer = usual.get(page, params=fields)
    assert answer.status_code == 422
    assert "<table" not in answer.text
    assert "No block yet" not in answer.text
    form = re.findall('<form class="filter".*?</form>', answer.text, re.DOTALL)[0]
    for field, value in fields.items():
        is_wrong = value != "milling"
        (start,) = re.findall(f'<(?:input|select)[^>]* name="{field}"[^>]*>', form)
        assert ('aria-invalid="true"' in start) == is_wrong
        assert (f'id="wrong-{field}"' in form) == is_wrong
        assert start.startswith("<select") or f'value="{escape(escaped(value))}"' in start
    assert active(answer.text) == []


@pytest.mark.parametrize("page", ["/attestations", "/book", "/calendar", "/disputes", "/trades"])
def test_regression_a_filter_that_is_sent_as_it_is_shows_all(
    page: str, usual: httpx.Client
) -> None:
    """The book and the calendar refused what their own forms send for what is left as it was."""
    form = re.findall('<form class="filter".*?</form>', usual.get(page).text, re.DOTALL)[0]
    names = set(re.findall('<(?:input|select)[^>]* name="([a-z]+)"', form))
    assert names
    answer = usual.get(page, params=dict.fromkeys(names, ""))
    assert answer.status_code == 200
    assert "<tbody>" in answer.text


ODD = ("", "0", "-1", "0.5", "1e308", "5e-324", "nan", "true", str(2**64), "2026-13-45", "\0")
ODD += ("9999-12-31", "0001-01-01", "0x" + "f" * 40, "0x" + "f" * 64, "<b>\u202e", "x" * 1_100)


def asked_for() -> dict[str, list[str]]:
    """The parameters of each page of the market."""
    served, router = shown(create_engine("sqlite://")), APIRouter()
    shell = Shell(served, Standings(served))
    for each in (overview, capacity, products, trading, accounts, explorer, words):
        each.add(router, shell)
    return {
        each.path: [
            one.alias for one in (*each.dependant.query_params, *each.dependant.path_params)
        ]
        for each in router.routes
        if isinstance(each, APIRoute)
    }


@pytest.mark.parametrize(("page", "fields"), asked_for().items())
def test_whatever_a_page_is_asked_for_it_answers_or_says_what_is_wrong(
    page: str, fields: list[str], usual: httpx.Client
) -> None:
    for field, odd in product(fields, ODD):
        if f"{{{field}}}" in page:
            answer = usual.get(page.replace(f"{{{field}}}", quote(odd, safe="") or "-"))
        else:
            answer = usual.get(page, params={field: odd})
        assert answer.status_code in (200, 404, 422), (field, odd)
        assert active(answer.text) == [], (field, odd)
        if answer.status_code == 422:
            assert field in answer.text, (field, odd)


def test_the_pages_of_a_long_list_show_each_trade_once(usual: httpx.Client) -> None:
    seen: list[str] = []
    address: str | None = "/trades"
    while address:
        text = usual.get(address).text
        seen += re.findall(r'<tr id="(0x[0-9a-f]{64})"', text)
        following = re.search(r'href="([^"]*)" rel="next"', text)
        address = following.group(1).replace("&amp;", "&") if following else None
    assert len(seen) == len(set(seen))
    assert len(seen) == 120 + 3 + 4 + 3 + 4


def test_the_explorer_finds_the_equilibrium_of_the_paper(usual: httpx.Client) -> None:
    text = usual.get("/explorer").text
    assert ">87.5<" in text
    assert ">206.25<" in text
    none = usual.get("/explorer?concept=balanced&a=0.2&b=0.8").text
    assert "No equilibrium under balanced" in none


def sliders(text: str) -> dict[str, tuple[str, str, str]]:
    """The explorer's sliders: the least, the most and the home value of each."""
    fields = re.findall('<input type="range"[^>]*>', text)
    given = [dict(re.findall('([a-z]+)="([^"]*)"', each)) for each in fields]
    return {each["name"]: (each["min"], each["max"], each["value"]) for each in given}


def test_regression_the_explorer_answers_at_every_corner_of_its_sliders(
    usual: httpx.Client,
) -> None:
    home = sliders(usual.get("/explorer").text)
    assert set(home) == {*"ab", "supplier_cost", "capacity", "demanders", "benefit", "cost"}
    ends = [dict(zip(home, each, strict=True)) for each in product(range(2), repeat=len(home))]
    one_away = [{name: at} for name in home for at in (0, 1)]
    for concept, place in product(CONCEPTS, [{}, *one_away, *ends]):
        said = {name: of[place.get(name, 2)] for name, of in home.items()}
        seats = int(said["demanders"])
        query = {**said, "benefit": [said["benefit"]] * seats, "cost": [said["cost"]] * seats}
        answer = usual.get("/explorer", params={**query, "concept": concept})
        assert answer.status_code == 200, (concept, said)
        assert ">−0<" not in answer.text, (concept, said)


def test_commands_that_pages_name_exist() -> None:
    templates = Path(str(pages.__file__)).parent / "templates"
    named = {
        (words[1], tuple(word for word in words if word.startswith("--")))
        for path in templates.rglob("*.html")
        for line in re.findall(r"fabmarket [a-z]+ [^<{]*", path.read_text("utf-8"))
        if (words := line.split())
    }
    assert len(named) > 5
    for command, options in named:
        found = cli.get_command(click.Context(cli), command)
        assert found is not None, command
        known = {each for param in found.params for each in param.opts}
        assert set(options) <= known, command
