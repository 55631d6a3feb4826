"""The dashboard in a real browser: main paths, by mouse, by keyboard and without scripts."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.market import HOSTILE, NOW
from tests.browser.seeing import Seen, in_utc, showing

LISTS = {
    "Overview": "/",
    "Order book": "/book",
    "Calendar": "/calendar",
    "Products": "/products",
    "Trades": "/trades",
    "Accounts": "/accounts",
    "Attestations": "/attestations",
    "Escrows and disputes": "/disputes",
    "Net cycles": "/cycles",
    "Audit": "/audit",
    "Equilibrium": "/explorer",
}


@pytest.fixture
def seen(browser: Browser, usual: str) -> Iterator[Seen]:
    """A page of a desk, which must not have complained when the test is over."""
    context = browser.new_context(
        viewport={"width": 1400, "height": 900}, timezone_id="Asia/Tokyo", locale="en-GB"
    )
    context.set_default_timeout(60_000)
    page = Seen(context, usual)
    yield page
    assert page.wrong == []
    context.close()


@pytest.fixture
def phone(browser: Browser, usual: str) -> Iterator[Seen]:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    context.set_default_timeout(60_000)
    page = Seen(context, usual)
    yield page
    assert page.wrong == []
    context.close()


def test_every_page_is_reached_by_the_navigation(seen: Seen) -> None:
    seen.go("/")
    for title, path in LISTS.items():
        seen.page.get_by_role("navigation", name="Pages").get_by_role("link", name=title).click()
        seen.page.wait_for_url(f"{seen.address}{path}")
        current = seen.page.locator("nav.side a[aria-current]")
        expect(current).to_have_text(title)
        expect(seen.page.locator("h1")).to_have_count(1)


def test_what_the_words_mean_is_reached_from_the_foot_of_each_page(seen: Seen) -> None:
    seen.go("/disputes")
    seen.page.get_by_role("link", name="What the words mean").click()
    seen.page.wait_for_url("**/words")
    for word in ("attested", "escrow", "bond", "net cycle", "reorganisation"):
        expect(seen.page.get_by_role("term").get_by_text(word, exact=True)).to_be_visible()


def test_on_a_phone_the_menu_opens_and_leads_on(phone: Seen) -> None:
    phone.go("/")
    link = phone.page.get_by_role("link", name="Order book")
    expect(link).to_be_hidden()
    phone.page.get_by_role("button", name="Menu").tap()
    link.tap()
    phone.page.wait_for_url("**/book")
    expect(phone.page.get_by_role("heading", level=1)).to_have_text("Order book")


@pytest.mark.parametrize("path", [*LISTS.values(), "/words"])
def test_nothing_is_wider_than_a_phone(path: str, phone: Seen) -> None:
    phone.go(path)
    assert phone.page.evaluate("document.documentElement.scrollWidth") == 390


@pytest.mark.parametrize(
    ("path", "decisive"),
    [("/disputes", "State"), ("/book", "Sold"), ("/trades", "Payment"), ("/products", "Stands")],
)
def test_a_wide_table_shows_every_figure_on_a_phone(path: str, decisive: str, phone: Seen) -> None:
    # A regression: what matters stood to the right, out of sight.
    phone.go(path)
    table = phone.page.locator("table.cards").first
    cells = table.locator(f'tbody tr [data-label="{decisive}"]')
    assert cells.count() > 0
    box = cells.first.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    inner, outer = table.evaluate("it => [it.scrollWidth, it.parentElement.clientWidth]")
    assert inner <= outer


def test_a_cell_of_the_calendar_leads_to_its_trades_and_one_of_them_to_its_life(seen: Seen) -> None:
    seen.go("/calendar")
    cell = seen.page.locator(".calendar td:not(.h0) a").first
    sold = int(cell.locator("b").inner_text())
    cell.click()
    seen.page.wait_for_url("**/trades?listing=0x*")
    quantities = seen.page.locator("#rows tbody tr td:nth-child(4)").all_inner_texts()
    assert sum(int(each.split()[0]) for each in quantities) == sold
    seen.page.locator("#rows tbody tr td:last-child a").first.click()
    seen.page.wait_for_url("**/trades/0x*")
    expect(seen.page.locator(".steps li").first).to_contain_text("Settled")


def test_the_calendar_goes_back_and_forth_in_time(seen: Seen) -> None:
    seen.go("/calendar")
    first = seen.page.locator(".calendar thead th").nth(1)
    now = first.inner_text()
    seen.page.get_by_role("link", name="Later").click()
    expect(first).not_to_have_text(now)
    seen.page.get_by_role("link", name="Earlier").click()
    expect(first).to_have_text(now)


def test_trades_are_filtered_and_paged(seen: Seen) -> None:
    seen.go("/trades")
    seen.page.get_by_label("Resource").fill("milling")
    seen.page.get_by_role("button", name="Filter").click()
    names = seen.page.locator("#rows tbody th")
    expect(names.first).to_have_text("milling")
    assert set(names.all_inner_texts()) == {"milling"}
    seen.page.get_by_role("link", name="Show all").click()
    first = seen.page.locator("#rows tbody tr").first.get_attribute("id")
    seen.page.get_by_role("link", name="Next page").click()
    seen.page.wait_for_url("**cursor=**")
    assert seen.page.locator("#rows tbody tr").first.get_attribute("id") != first
    seen.page.get_by_role("link", name="First page").click()
    seen.page.wait_for_url(f"{seen.address}/trades")
    assert seen.page.locator("#rows tbody tr").first.get_attribute("id") == first


def test_a_bar_of_the_gantt_chart_leads_to_its_trade(seen: Seen) -> None:
    seen.go("/products")
    bars = seen.page.locator(".gantt .strip a")
    assert bars.count() == seen.page.locator("#plan tbody tr:not(.group)").count() > 10
    bars.first.click()
    seen.page.wait_for_url("**/trades/0x*")


def test_times_are_in_the_readers_zone_and_say_utc(seen: Seen) -> None:
    seen.go("/")
    time = seen.page.locator("#health time")
    assert NOW % 86_400 == 10 * 3_600
    expect(time).to_have_text(re.compile(" 19:00:00$"))
    assert (time.get_attribute("title") or "").endswith("10:00:00 UTC")
    expect(seen.page.locator("#zone")).to_have_text("Asia/Tokyo")


def test_regression_no_page_tells_a_time_in_utc_beside_the_readers(seen: Seen) -> None:
    seen.go("/disputes?state=disputed")
    disputed = seen.page.locator("tbody th a").first.get_attribute("href") or ""
    for path in (*LISTS.values(), "/book?name=milling", disputed):
        seen.go(path)
        assert in_utc(seen.page) == [], path
    expect(seen.page.get_by_text("It may be executed from")).to_be_visible()


def test_regression_what_is_beyond_the_year_has_its_year(seen: Seen) -> None:
    seen.go("/calendar?since=99999999999")
    span = seen.page.locator("nav.pages .muted time")
    expect(span.first).to_have_text(re.compile("^16 Nov 5138 18:46$"))
    seen.go("/calendar")
    expect(span.first).to_have_text(re.compile("^[0-9]+ [A-Z][a-z]+ [0-9:]{5}$"))


def test_an_address_is_short_to_the_eye_and_whole_when_copied(seen: Seen) -> None:
    seen.go("/accounts")
    code = seen.page.locator("tbody code.hash").first
    whole = code.get_attribute("title") or ""
    assert re.fullmatch("0x[0-9a-fA-F]{40}", whole)
    assert (
        code.evaluate(
            """code => {
          getSelection().selectAllChildren(code);
          return getSelection().toString();
        }"""
        )
        == whole
    )
    assert code.evaluate("code => code.getBoundingClientRect().width") < 120


def test_the_theme_is_switched_and_remembered(seen: Seen) -> None:
    seen.go("/")
    background = "getComputedStyle(document.body).backgroundColor"
    light = seen.page.evaluate(background)
    button = seen.page.get_by_role("button", name="Theme")
    button.click()
    expect(button).to_have_text("Theme: light")
    button.click()
    expect(button).to_have_text("Theme: dark")
    dark = seen.page.evaluate(background)
    assert dark != light
    seen.go("/book")
    assert seen.page.evaluate(background) == dark
    expect(seen.page.get_by_role("button", name="Theme")).to_have_text("Theme: dark")


def test_the_keyboard_reaches_everything(seen: Seen) -> None:
    seen.go("/trades")
    seen.page.keyboard.press("Tab")
    skip = seen.page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    seen.page.keyboard.press("Enter")
    expect(seen.page.locator("main")).to_be_focused()
    reached = []
    for _ in range(20):
        seen.page.keyboard.press("Tab")
        reached.append(
            seen.page.evaluate(
                """() => {
                  const held = document.activeElement;
                  const seen = getComputedStyle(held);
                  return [held.closest("main") !== null, held.tagName, seen.outlineStyle];
                }"""
            )
        )
    assert all(inside for inside, _, _ in reached[:8])
    assert {tag for _, tag, _ in reached} >= {"INPUT", "BUTTON", "A", "DIV"}
    assert all(outline != "none" for _, tag, outline in reached if tag in ("A", "DIV", "BUTTON"))


def test_the_explorer_answers_while_a_slider_moves(seen: Seen) -> None:
    seen.go("/explorer")
    price = seen.page.locator("#result dd").first
    expect(price).to_have_text("87.5")
    curve = seen.page.locator("#result .wide .l0").first
    drawn = curve.get_attribute("d") or ""
    seen.page.get_by_label("cost of a unit to the supplier").fill("50")
    expect(price).to_have_text("97.5")
    assert drawn
    seen.page.get_by_label("benefit of a unit").last.fill("150")
    expect(curve).not_to_have_attribute("d", drawn)
    seen.page.get_by_role("slider", name="demanders:").fill("5")
    expect(seen.page.get_by_role("group", name="Demander 5")).to_be_visible()
    expect(seen.page.locator("#result tbody").last.locator("tr")).to_have_count(5)
    seen.page.get_by_label("Concept").select_option("balanced")
    expect(seen.page.locator("#result")).to_contain_text("delivers exactly what is ordered")
    assert "concept=balanced" in seen.page.url
    seen.page.reload()
    expect(seen.page.get_by_role("group", name="Demander 5")).to_be_visible()


def test_everything_works_without_scripts(browser: Browser, usual: str) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    context.set_default_timeout(60_000)
    seen = Seen(context, usual)
    seen.go("/")
    seen.page.get_by_role("button", name="Menu").click()
    seen.page.get_by_role("link", name="Trades", exact=True).click()
    expect(seen.page.locator("#rows tbody tr")).to_have_count(50)
    expect(seen.page.locator("#health time")).to_have_text(re.compile("10:00:00 UTC$"))
    seen.page.get_by_role("link", name="Next page").click()
    seen.page.wait_for_url("**cursor=**")
    seen.go("/explorer?concept=demanders-lead")
    expect(seen.page.locator("#result dd").first).to_have_text("115")
    seen.page.get_by_label("Concept").select_option("simultaneous")
    seen.page.get_by_role("button", name="Solve").click()
    expect(seen.page.locator("#result dd").first).to_have_text("87.5")
    expect(seen.page.get_by_role("button", name="Theme")).to_be_hidden()
    assert seen.wrong == []
    context.close()


def test_ten_thousand_trades_are_paged_and_light(browser: Browser, tmp_path: Path) -> None:
    with showing(tmp_path, 10_000) as address:
        context = browser.new_context()
        context.set_default_timeout(60_000)
        seen = Seen(context, address)
        seen.go("/")
        expect(seen.page.locator(".keys dd").first).to_have_text("10,000")
        for path in ("/", "/trades", "/calendar", "/disputes"):
            seen.go(path)
            assert seen.page.evaluate("document.querySelectorAll('*').length") < 5_000, path
            size = seen.page.evaluate(
                "performance.getEntriesByType('navigation')[0].decodedBodySize"
            )
            assert size < 200_000, path
        assert seen.wrong == []
        context.close()


def test_names_of_strangers_do_nothing_and_hold_the_layout(
    browser: Browser, tmp_path: Path
) -> None:
    with showing(tmp_path, 60, HOSTILE) as address:
        context = browser.new_context(viewport={"width": 390, "height": 844})
        context.set_default_timeout(60_000)
        seen = Seen(context, address)
        seen.page.on("dialog", lambda dialog: seen.wrong.append(f"dialog {dialog.message}"))
        for path in LISTS.values():
            seen.go(path)
            assert seen.page.evaluate("document.documentElement.scrollWidth") == 390, path
        seen.go("/calendar")
        text = seen.page.locator("main").inner_text()
        assert "<img src=x onerror=alert(1)>" in text
        seen.page.locator(".calendar td:not(.h0) a").first.click()
        seen.page.wait_for_url("**/trades?listing=*")
        assert seen.wrong == []
        context.close()
