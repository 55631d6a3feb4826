"""Axe, the checker of accessibility, over every page: at both widths, light and dark."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.browser.market import USUAL
from tests.browser.seeing import Seen, showing
from tests.browser.test_dashboard import LISTS

ONES = {
    "trade": ("/trades", "#rows tbody td:last-child a"),
    "product": ("/products", "#plan tbody th a"),
    "account": ("/accounts", "#rows tbody th a"),
    "cycle": ("/cycles", "#rows tbody th a"),
}


_ALL = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
"""What is looked at; targets that lie too close are of a newer rule, which axe leaves out."""
_COLOURS = {"resultTypes": ["violations"], "runOnly": ["color-contrast"]}
"""What a theme changes: all else was looked at in this width already."""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A market with few rows: axe looks at each element, and one row is like the other."""
    with showing(tmp_path_factory.mktemp("small"), 20, USUAL[:2]) as address:
        yield address


@pytest.mark.parametrize("path", [*LISTS.values(), "/words", *ONES])
def test_axe_finds_nothing_serious(path: str, browser: Browser, small: str) -> None:
    context = browser.new_context(bypass_csp=True)  # axe puts itself into the page
    context.set_default_timeout(60_000)
    page = Seen(context, small)
    if path in ONES:
        start, link = ONES[path]
        page.go(start)
        page.go(page.page.locator(link).first.get_attribute("href") or "")
    else:
        page.go(path)
    for width, theme, rules in (
        (1400, "light", _ALL),
        (390, "dark", _ALL),
        (1400, "dark", _COLOURS),
        (390, "light", _COLOURS),
    ):
        page.page.set_viewport_size({"width": width, "height": 900})
        page.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        found = Axe().run(page.page, options=rules).response["violations"]
        serious = [each for each in found if each["impact"] in ("serious", "critical")]
        assert [(each["id"], each["nodes"][0]["html"]) for each in serious] == [], (width, theme)
    context.close()
