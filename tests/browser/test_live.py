"""A page that stays open: news come by themselves, to the eighth tab and after an outage too."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect
from sqlalchemy import Engine, text

from tests.browser.market import fill, trade_more
from tests.browser.seeing import Seen, shown
from tests.filled_ledger import empty
from tests.serving import serving


class Show:
    """A ledger that grows, and its server, which can be ended and begun again."""

    def __init__(self, at: Path) -> None:
        self.engine: Engine = empty(at / "ledger.sqlite")
        fill(self.engine, 120)
        self._running = ExitStack()
        self._port = 0
        self.begin()

    def begin(self) -> None:
        client = self._running.enter_context(serving(shown(self.engine), self._port))
        self.address = str(client.base_url).rstrip("/")
        self._port = client.base_url.port or 0

    def end(self) -> None:
        self._running.close()


@pytest.fixture
def show(tmp_path: Path) -> Iterator[Show]:
    show = Show(tmp_path)
    yield show
    show.end()
    show.engine.dispose()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    yield context
    context.close()
    expect.set_options(timeout=None)


def listens(seen: Seen) -> None:
    """Wait until the server has told the page its first news."""
    expect(seen.page.locator("html")).to_have_attribute("data-stream", "up")


def test_a_new_trade_comes_in_and_nothing_else_moves(show: Show, context: BrowserContext) -> None:
    seen = Seen(context, show.address)
    seen.go("/")
    listens(seen)
    table = seen.page.get_by_text("The same as a table").first
    table.click()
    link = seen.page.locator("nav.side a", has_text="Overview")
    held = seen.page.get_by_role("link", name="All trades")
    held.focus()
    seen.page.evaluate("scrollTo(0, 400)")
    trade = trade_more(show.engine)
    expect(seen.page.locator(f"tr[id='{trade}']")).to_be_visible()
    expect(seen.page.get_by_role("link", name="All trades")).to_be_focused()
    assert seen.page.evaluate("scrollY") == 400
    assert seen.page.locator("details").first.evaluate("details => details.open")
    expect(link).to_have_attribute("aria-current", "page")
    assert seen.wrong == []


def test_a_filter_that_is_being_written_stays(show: Show, context: BrowserContext) -> None:
    seen = Seen(context, show.address)
    seen.go("/trades")
    listens(seen)
    seen.page.get_by_label("Resource").fill("mill")
    trade = trade_more(show.engine)
    expect(seen.page.locator(f"tr[id='{trade}']")).to_be_visible()
    expect(seen.page.get_by_label("Resource")).to_have_value("mill")
    expect(seen.page.get_by_label("Resource")).to_be_focused()


def test_eight_tabs_share_one_connection(show: Show, context: BrowserContext) -> None:
    tabs = [Seen(context, show.address) for _ in range(8)]
    for tab in tabs:
        tab.go("/trades")
        listens(tab)
    trade = trade_more(show.engine)
    for tab in tabs:
        tab.page.bring_to_front()
        expect(tab.page.locator(f"tr[id='{trade}']")).to_be_visible()
        assert tab.wrong == []


def test_a_server_that_goes_is_told_of_and_comes_back_by_itself(
    show: Show, context: BrowserContext
) -> None:
    seen = Seen(context, show.address)
    seen.go("/trades")
    listens(seen)
    banner = seen.page.locator("#away")
    expect(banner).to_be_hidden()
    show.end()
    expect(banner).to_contain_text("No answer from the server since")
    missed = trade_more(show.engine)
    show.begin()
    expect(banner).to_be_hidden()
    expect(seen.page.locator(f"tr[id='{missed}']")).to_be_visible()


@contextmanager
def unreadable(engine: Engine, table: str) -> Iterator[None]:
    """While this lasts, pages that read the table cannot be had."""
    away = text(f"ALTER TABLE {table} RENAME TO away")
    back = text(f"ALTER TABLE away RENAME TO {table}")
    with engine.begin() as connection:
        connection.execute(away)
    yield
    with engine.begin() as connection:
        connection.execute(back)


def test_regression_a_page_that_cannot_be_had_again_says_so_until_it_can(
    show: Show, context: BrowserContext
) -> None:
    seen = Seen(context, show.address)
    seen.go("/trades")
    listens(seen)
    banner = seen.page.locator("#away")
    with unreadable(show.engine, "resource"):
        trade = trade_more(show.engine)
        expect(banner).to_contain_text("could not be brought up to date: the server answers 503")
    expect(banner).to_be_hidden()
    expect(seen.page.locator(f"tr[id='{trade}']")).to_be_visible()


def test_regression_no_figure_of_another_game_stands_where_a_game_has_no_answer(
    show: Show, context: BrowserContext
) -> None:
    seen = Seen(context, show.address)
    seen.go("/explorer")
    result = seen.page.locator("#result")
    cost = seen.page.get_by_label("cost of a unit to the supplier")
    expect(result).to_contain_text("certified")
    with unreadable(show.engine, "market"):
        cost.fill("50")
        expect(result.get_by_role("alert")).to_contain_text("the server answers 503")
        expect(result).not_to_contain_text("certified")
        expect(result).not_to_contain_text("87.5")
    cost.fill("51")
    expect(result).to_contain_text("certified")
    show.end()
    cost.fill("52")
    expect(result.get_by_role("alert")).to_contain_text("the server does not answer")
    expect(result).not_to_contain_text("certified")
    show.begin()
    cost.fill("53")
    expect(result).to_contain_text("certified")


def test_a_page_that_was_opened_before_the_outage_can_still_be_read(
    show: Show, context: BrowserContext
) -> None:
    seen = Seen(context, show.address)
    seen.go("/")
    listens(seen)
    show.end()
    expect(seen.page.locator("#away")).to_be_visible()
    seen.page.get_by_text("The same as a table").first.click()
    expect(seen.page.locator(".chart table").first).to_be_visible()
    show.begin()
    expect(seen.page.locator("#away")).to_be_hidden()
