"""Every page of the dashboard, over markets of all kinds, as a browser without scripts gets it."""

import re
from collections.abc import Iterator, Sequence

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from fabmarket.api.pages import STATIC, Currency, Shell, pages
from fabmarket.ledger import schema
from tests.browser.market import HOSTILE, TOKEN, USUAL, fill

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


def client(trades: int, names: Sequence[str | bytes] = USUAL) -> TestClient:
    engine = create_engine(
        "sqlite://", connect_args={"check_same_thread": False}, poolclass=StaticPool
    )
    schema.METADATA.create_all(engine)
    if trades:
        fill(engine, trades, names)
    app = FastAPI()
    app.routes.append(STATIC)
    app.include_router(pages(Shell(engine.connect, currencies={TOKEN: Currency("EUR", 2)})))
    return TestClient(app)


@pytest.fixture(scope="module")
def usual() -> Iterator[TestClient]:
    with client(120) as market:
        yield market


@pytest.fixture(scope="module")
def hostile() -> Iterator[TestClient]:
    with client(60, HOSTILE) as market:
        yield market


def linked(market: TestClient, start: str) -> list[str]:
    """Every address that a page leads to, with what the detail pages lead to."""
    found = re.findall(r'href="(/[^"#]*)"', market.get(start).text)
    return sorted({each.replace("&amp;", "&") for each in found} - {"/docs"})


@pytest.mark.parametrize("page", LISTS)
def test_every_page_of_a_market_answers_and_so_does_all_that_it_leads_to(
    page: str, usual: TestClient
) -> None:
    assert usual.get(page).status_code == 200
    for address in linked(usual, page):
        assert usual.get(address).status_code == 200, address


@pytest.mark.parametrize("page", LISTS)
def test_pages_of_an_empty_ledger_say_what_to_do(page: str) -> None:
    with client(0) as market:
        answer = market.get(page)
    assert answer.status_code == 200
    assert page in ("/explorer", "/audit") or 'class="empty"' in answer.text


@pytest.mark.parametrize("page", LISTS)
def test_names_of_strangers_are_text_on_every_page(page: str, hostile: TestClient) -> None:
    for address in (page, *linked(hostile, page)):
        answer = hostile.get(address)
        assert answer.status_code == 200, address
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        assert "<script>alert" not in answer.text, address
        assert not re.search("<(img|svg)[^>]*on(error|load)", answer.text), address
        assert "49" not in re.findall("{{7*7}}", answer.text)
        assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08]", answer.text), address


def test_a_hostile_name_finds_its_own_trades(hostile: TestClient) -> None:
    book = hostile.get("/book", params={"name": "<script>alert(1)</script>"})
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in book.text
    assert 'class="empty"' not in book.text


@pytest.mark.parametrize("page", DETAILS)
@pytest.mark.parametrize("digest", ["0" * 64, "nothing", "%2e%2e%2f", "<script>"])
def test_what_is_not_there_is_a_page_that_says_so(
    page: str, digest: str, usual: TestClient
) -> None:
    answer = usual.get(page + digest)
    assert answer.status_code in (404, 422)
    assert answer.status_code == 422 or "There is no" in answer.text or "Not Found" in answer.text


@pytest.mark.parametrize(
    ("page", "field"),
    [
        ("/trades?cursor=x", "cursor"),
        ("/trades?account=0x12", "account"),
        ("/explorer?a=0", "a"),
        ("/explorer?b=nan", "b"),
        ("/explorer?demanders=9", "demanders"),
        ("/calendar?since=-1", "since"),
        ("/disputes?state=open", "state"),
    ],
)
def test_what_cannot_be_shown_names_the_field(page: str, field: str, usual: TestClient) -> None:
    answer = usual.get(page)
    assert answer.status_code == 422
    assert f"{field}" in re.findall('class="empty">(.*?)</div>', answer.text, re.DOTALL)[0]


def test_the_pages_of_a_long_list_show_each_trade_once(usual: TestClient) -> None:
    seen: list[str] = []
    address: str | None = "/trades"
    while address:
        text = usual.get(address).text
        seen += re.findall(r'<tr id="(0x[0-9a-f]{64})"', text)
        following = re.search(r'href="([^"]*)" rel="next"', text)
        address = following.group(1).replace("&amp;", "&") if following else None
    assert len(seen) == len(set(seen))
    assert len(seen) == 120 + 3 + 4 + 3 + 4


def test_the_explorer_finds_the_equilibrium_of_the_paper(usual: TestClient) -> None:
    text = usual.get("/explorer").text
    assert ">87.5<" in text
    assert ">206.25<" in text
    assert "a &lt;= b" in usual.get("/explorer?concept=balanced&a=0.2&b=0.8").text
