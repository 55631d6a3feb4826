"""A real browser, and a real server for it to look at."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.seeing import showing

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="module")  # its event loop and its process are no other test's
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not there: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that shows a market of 240 trades."""
    with showing(tmp_path_factory.mktemp("usual"), 240) as address:
        yield address
