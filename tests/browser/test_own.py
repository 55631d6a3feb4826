"""The owner's pages in a real browser: entering, ordering, and what nobody should stumble over."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from fabmarket.api.own.pages import links_of
from fabmarket.api.served import Currency
from fabmarket.identity.codec import encode
from fabmarket.ledger import Ledger
from fabmarket.negotiation.moves import Ordered
from fabmarket.negotiation.orders import AddWant, PayIn, ReportUsage
from fabmarket.node.entry import entry_of
from fabmarket.node.journal import Journal
from fabmarket.node.ordered import buying
from fabmarket.node.owner import Owner
from fabmarket.node.settings import EVENTS, JOURNAL, WantTable, WayTable
from tests.browser.seeing import Seen, in_utc, shown
from tests.serving import serving
from tests.street import PATIENCE, PROGRAM
from tests.unit.node.council import ORIGIN, Council
from tests.unit.node.office import Office

_ALL = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
_COLOURS = {"resultTypes": ["violations"], "runOnly": ["color-contrast"]}


@pytest.fixture(scope="module")
def trade(council: Council) -> str:
    """A trade in escrow of which something is reported."""
    key = council.escrowed()
    council.wait(ORIGIN + 10 - council.now)
    council.people["sam"].order(ReportUsage(key, 1, None, "first pallet"))
    council.asked(600, first_slot=4)
    council.carry()
    return f"0x{key.hex()}"


@pytest.fixture(scope="module")
def council() -> Council:
    return Council()


@contextmanager
def serving_of(office: Office) -> Iterator[str]:
    """The address of a server of an agent's directory, with the ledger that lies in it."""
    money = {Owner(office.folder).token: Currency("CR", 2)}
    with closing(Ledger.reading(office.folder / EVENTS)) as ledger:
        served = replace(shown(ledger.engine), agent=office.folder, currencies=money)
        with serving(served) as client:
            yield str(client.base_url).rstrip("/")


def entered(browser: Browser, office: Office, address: str, **options: object) -> Seen:
    """A page of whoever opened the address that `serve` prints."""
    seen = Seen(browser.new_context(**options), address)
    seen.page.goto(entry_of(address, office.folder))
    seen.page.wait_for_url(f"{address}/own")
    return seen


@pytest.mark.parametrize("name", ["bea", "sam", "ada"])
def test_axe_finds_nothing_serious_on_any_page_of_an_owner(
    name: str, browser: Browser, council: Council, trade: str, tmp_path: Path
) -> None:
    office = Office(council, tmp_path / name, name)
    given(office)
    with serving_of(office) as address:
        seen = entered(browser, office, address, bypass_csp=True)  # axe puts itself into the page
        seen.page.set_default_timeout(60_000)
        more = ["/own/orders/1"] if name == "ada" else ["/own/orders/1", f"/own/trades/{trade}"]
        for path in [*(each.href for each in links_of(office.folder)), *more, "/enter"]:
            seen.go(path)
            for width, theme, rules in (
                (1400, "light", _ALL),
                (390, "dark", _ALL),
                (1400, "dark", _COLOURS),
                (390, "light", _COLOURS),
            ):
                seen.page.set_viewport_size({"width": width, "height": 900})
                seen.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
                found = Axe().run(seen.page, options=rules).response["violations"]
                serious = [each for each in found if each["impact"] in ("serious", "critical")]
                told = [(each["id"], each["nodes"][0]["html"]) for each in serious]
                assert told == [], (path, width, theme)
                whole = seen.page.evaluate("document.documentElement.scrollWidth")
                assert whole <= width, (path, width)
        assert seen.wrong == []


def given(office: Office) -> None:
    """An order, and of a demander a want that waits for approval, where two buttons stand."""
    with closing(Journal(office.folder / JOURNAL)) as journal:
        for at in (1, 2) if office.name == "bea" else ():
            want = WantTable(
                name=f"want {at}",
                slot=at,
                alternatives=[WayTable(resource="mill", quantity=3, benefit=90, cost=0)],
            )
            order = buying.wanted(Owner(office.folder), want)
            participant = office.council.people[office.name]
            number = participant.journal.place(encode(Ordered(order)))
            participant.order(order, number)
        journal.place(encode(Ordered(PayIn(Owner(office.folder).token, 5))))
    if office.name == "bea":
        office.bring()


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kolkata"])
def test_regression_a_slot_to_choose_begins_when_the_rest_of_the_page_says(
    zone: str, browser: Browser, council: Council, tmp_path: Path
) -> None:
    office = Office(council, tmp_path / "bea", "bea")
    given(office)
    with serving_of(office) as address:
        seen = entered(browser, office, address, timezone_id=zone)
        seen.go("/own/wants")
        (begins,) = seen.page.locator("#rows tr").filter(has_text="want 2").locator("time").all()
        (option,) = seen.page.locator("select[name=slot] option[value='2']").all()
        chosen = option.text_content() or ""
        assert chosen == f"2, {begins.text_content()}"
        assert option.get_attribute("title") == begins.get_attribute("title")
        for path in (each.href for each in links_of(office.folder)):
            seen.go(path)
            assert in_utc(seen.page) == [], path
        plain = entered_without_scripts(browser, office, address)
        plain.goto(f"{address}/own/wants")
        unplaced = plain.locator("select[name=slot] option[value='2']").text_content() or ""
        assert unplaced.endswith(" UTC")
        assert unplaced != f"{chosen} UTC"
        assert seen.wrong == []


def entered_without_scripts(browser: Browser, office: Office, address: str) -> Page:
    """A page of whoever typed the token in, in a browser that runs no script."""
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(f"{address}/enter")
    page.get_by_label("Token").fill(entry_of(address, office.folder).partition("#")[2])
    page.keyboard.press("Enter")
    page.wait_for_url("**/own")
    return page


def test_a_second_tab_learns_what_can_be_done_now_and_keeps_what_was_typed(
    browser: Browser, tmp_path: Path
) -> None:
    # A regression: the words went on by the live stream, the forms stayed.
    council = Council()
    key = council.escrowed()
    office = Office(council, tmp_path / "sam", "sam")
    with serving_of(office) as address:
        seen = entered(browser, office, address)
        page = seen.page
        seen.go(f"/own/trades/0x{key.hex()}")
        page.get_by_label("Units used so far").fill("2")
        page.get_by_label("Note").fill("half of it")
        deliver = page.get_by_role("button", name="State delivery")
        expect(deliver).to_be_hidden()  # before its slot begins
        council.wait(ORIGIN + 10 - council.now)
        office.bring()
        page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
        expect(deliver).to_be_visible(timeout=PATIENCE * 1000)
        expect(page.get_by_label("Units used so far")).to_have_value("2")
        expect(page.get_by_label("Note")).to_have_value("half of it")


def test_regression_blanks_that_are_wrong_can_be_seen(
    browser: Browser, council: Council, tmp_path: Path
) -> None:
    office = Office(council, tmp_path / "bea", "bea")
    with serving_of(office) as address:
        page = entered(browser, office, address).page
        page.goto(f"{address}/own/wants")
        for label, text in (
            ("What you call it", "g  h"),
            ("Resource", "mill"),
            ("Worth of a unit", "9"),
        ):
            page.get_by_label(label).fill(text)
        page.get_by_role("button", name="Place the want").click()
        assert "'g  h' is no name" in page.locator("[role=alert]").inner_text()
        assert "'g  h' is no name" in page.locator("#wrong-name").inner_text()


def test_regression_a_page_whose_owner_is_to_enter_again_says_that_it_is_old(
    browser: Browser, council: Council, tmp_path: Path
) -> None:
    office = Office(council, tmp_path / "bea", "bea")
    with serving_of(office) as address:
        seen = entered(browser, office, address)
        seen.page.context.clear_cookies()
        seen.page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
        expect(seen.page.locator("#away")).to_contain_text("asked to enter again")


@pytest.mark.parametrize("scripts", [True, False])
def test_a_want_is_placed_with_the_keyboard_alone(
    scripts: bool, browser: Browser, tmp_path: Path
) -> None:
    office = Office(Council(), tmp_path / "bea", "bea")
    with serving_of(office) as address:
        token = entry_of(address, office.folder).partition("#")[2]
        seen = Seen(browser.new_context(java_script_enabled=scripts), address)
        page = seen.page
        seen.go("/own/wants")
        page.wait_for_url("**/enter")
        page.get_by_label("Token").fill(token)
        page.keyboard.press("Enter")
        page.wait_for_url("**/own")
        assert token not in page.content()
        assert token not in page.url
        seen.go("/own/wants")
        page.get_by_label("What you call it").focus()
        page.keyboard.type("by hand")
        for text in ("mill", "2", "3", "90"):
            page.keyboard.press("Tab")
            page.keyboard.type(text)
        page.keyboard.press("Enter")
        page.wait_for_url("**/own/orders/1")
        expect(page.get_by_role("heading", name="Order 1: want")).to_be_visible()
        expect(page.get_by_role("status").filter(has_text="waiting")).to_be_visible()
        page.go_back()
        page.get_by_role("link", name="Orders", exact=True).click()
        expect(page.get_by_role("row").filter(has_text="by hand")).to_be_visible()
        (order,) = office.orders()
        assert isinstance(order, AddWant)
        assert (order.name, order.want.choices[0].quantity) == ("by hand", 3)
        assert seen.wrong == []


def test_the_token_leaves_the_address_and_another_opens_nothing(
    browser: Browser, tmp_path: Path
) -> None:
    office = Office(Council(), tmp_path / "bea", "bea")
    with serving_of(office) as address:
        seen = entered(browser, office, address)
        seen.page.go_back()
        assert "#" not in seen.page.url
        seen.go("/own")
        seen.page.get_by_role("button", name="Leave").click()
        seen.page.wait_for_url(f"{address}/")
        seen.go("/own")
        seen.page.wait_for_url("**/enter")
        stranger = browser.new_context().new_page()
        stranger.goto(f"{address}/enter#{'x' * 43}")
        expect(stranger.get_by_text("this is not the agent's token")).to_be_visible()


def command(*arguments: object) -> str:
    """A command in a process of its own, and what it prints."""
    ran = subprocess.run(  # noqa: S603
        [sys.executable, "-c", PROGRAM, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.slow
@pytest.mark.usefixtures("needs_anvil")
def test_a_visitor_orders_in_the_browser_and_watches_it_through_to_a_settled_trade(
    browser: Browser, tmp_path: Path
) -> None:
    root = tmp_path / "market"
    try:
        facts = json.loads(command("up", root, "--suppliers", 1, "--demanders", 1, "--json"))
        dashboard = facts["dashboard"]
        seen = Seen(browser.new_context(), dashboard["url"])
        page = seen.page
        page.goto(dashboard["entry"])
        page.wait_for_url("**/own")
        page.get_by_role("link", name="Wants").click()
        page.get_by_label("What you call it").fill("from the browser")
        page.get_by_label("Resource").fill("milling")
        page.get_by_label("Slot").select_option(index=1)
        page.get_by_label("Units, else as many as pay").fill("7")
        page.get_by_label("Worth of a unit").fill("90")
        page.get_by_role("button", name="Place the want").click()
        page.wait_for_url("**/own/orders/*")
        watched(page, "taken")
        watched(page, "served")  # the page was not loaded again
        expect(page.locator("#now tbody a[href^='/own/sessions/0x']")).to_be_visible()
        page.locator("#now tbody a[href^='/own/trades/0x']").click()
        page.wait_for_url("**/own/trades/0x*")
        expect(page.get_by_text("0 of 7 units as reported")).to_be_visible()
        page.get_by_role("link", name="the chain says of it").click()
        page.wait_for_url("**/trades/0x*")
        expect(page.get_by_text("Settled").first).to_be_visible()
        page.get_by_role("link", name="Negotiations").click()
        page.locator("#rows tbody th a").first.click()
        expect(page.get_by_role("heading", name="Round by round")).to_be_visible()
        expect(page.locator("#now")).to_contain_text("7 units at")
        assert seen.wrong == []
    finally:
        command("down", root, "--remove", "--json")
    assert not root.exists()


def watched(page: Page, what: str) -> None:
    """Wait until the page says so by itself."""
    expect(page.locator("#now")).to_contain_text(what, timeout=PATIENCE * 1000)
