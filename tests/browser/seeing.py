"""A market on a real server, and a page of it that complains."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import BrowserContext, Page
from sqlalchemy import Engine

from fabmarket.api.served import Currency, Served
from tests.browser.market import TOKEN, USUAL, fill
from tests.filled_ledger import empty
from tests.serving import serving


@contextmanager
def showing(at: Path, trades: int, names: Sequence[str | bytes] = USUAL) -> Iterator[str]:
    """The address of a server that shows a market of so many trades; 0 for an empty ledger."""
    engine = empty(at / "ledger.sqlite")
    if trades:
        fill(engine, trades, names)
    with serving(shown(engine)) as client:
        yield str(client.base_url).rstrip("/")
    engine.dispose()


def shown(engine: Engine) -> Served:
    """A ledger as the dashboard is given it in tests: amounts in EUR, no limit in the way."""
    euros = {TOKEN: Currency("EUR", 2)}
    return Served(engine, currencies=euros, rate=10_000, burst=10_000)


def in_utc(page: Page) -> list[str]:
    """The times that a page, its charts and its choices still tell in UTC once its scripts ran."""
    return re.findall(
        "[0-9:]{5,8} UTC",
        page.evaluate(
            """() => {
              const body = document.body.cloneNode(true);
              for (const pointed of body.querySelectorAll("svg title")) pointed.remove();
              return body.textContent;
            }"""
        ),
    )


class Seen:
    """A page that complains of whatever its console says and of what it loads from elsewhere."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.page: Page = context.new_page()
        self.address = address
        self.wrong: list[str] = []
        self.page.on("console", lambda said: self._said(said.type, said.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", lambda request: self._asked(request.url))

    def go(self, path: str) -> None:
        """Open a page of the server and wait until its scripts ran."""
        self.page.goto(self.address + path)

    def _said(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.wrong.append(text)

    def _asked(self, url: str) -> None:
        if not url.startswith((self.address, "data:", "blob:")):
            self.wrong.append(f"asks for {url}")
