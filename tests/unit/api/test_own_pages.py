"""The owner's pages without a script: each answers, and its forms order what they say."""

import re
from contextlib import closing, nullcontext
from html import unescape

import httpx
import pytest
from markupsafe import escape

from fabmarket.api.own.forms import BadForm, said_in
from fabmarket.api.own.pages import links_of
from fabmarket.api.served import Currency
from fabmarket.identity import keccak
from fabmarket.identity.codec import encode
from fabmarket.ledger import Ledger
from fabmarket.ledger.store import Block
from fabmarket.market.exchange import Dispute, List, RaiseEpoch
from fabmarket.negotiation.duties import Ask, Endorse, Judge
from fabmarket.negotiation.moves import Ordered
from fabmarket.negotiation.orders import (
    AddProduct,
    AddWant,
    AgreeSplit,
    DropWant,
    PayIn,
    ReportUsage,
)
from fabmarket.node.locking import locked
from fabmarket.node.owner import Owner
from fabmarket.node.participant import Outcome
from fabmarket.node.settings import EVENTS, FILE
from fabmarket.report.wording import escaped
from tests.unit.api.desk import column
from tests.unit.node.council import DOMAIN, ORIGIN, TOKEN

HOSTILE = "<script>alert(1)</script>\u202e'\"&"


def pages_of(browser):
    return [each.href for each in links_of(browser.office.folder)]


@pytest.mark.parametrize(
    ("name", "role"), [("sam", "supplier"), ("bea", "demander"), ("ada", "operator")]
)
def test_every_page_answers_in_an_empty_market_and_in_one_with_a_dispute(
    council, enter, name, role
):
    browser = enter(council, name)
    for path in pages_of(browser):
        browser.page(path)
        assert f'href="{path}"' in browser.page("/")
    trade = f"0x{council.disputed().hex()}"
    browser.office.bring()
    for path in pages_of(browser):
        browser.page(path)
    if role != "operator":
        assert trade in browser.page("/own/trades")
        assert "Do something" in browser.page(f"/own/trades/{trade}")
    else:
        assert trade in browser.page("/own/disputes")
    browser.page("/own/orders/99", status=404)
    browser.page(f"/own/sessions/{trade}", status=404 if role == "operator" else 422)


def test_a_stranger_is_led_to_the_entry_and_orders_nothing(council, enter):
    browser = enter(council, "bea")
    stranger = httpx.Client(base_url=browser.client.base_url)
    with stranger:
        for path in [*pages_of(browser), "/own/orders/1", f"/own/files/0x{'0' * 64}"]:
            answer = stranger.get(path)
            assert (path, answer.status_code) == (path, 303)
            assert answer.headers["location"] == "/enter"
        own = {"Origin": browser.origin}
        said = {"verb": "deposit", "amount": "1"}
        assert stranger.post("/own/orders", data=said, headers=own).status_code == 303
        assert "api-token" in stranger.get("/enter").text
        shown = {"Origin": "https://evil.example"}
        assert browser.client.post("/own/orders", data=said, headers=shown).status_code == 403
        assert browser.client.post("/own/orders", data=said).status_code == 403
    assert browser.office.orders() == []


def test_a_demander_places_wants_products_and_money_by_forms(council, enter):
    bea = enter(council, "bea")
    token = Owner(bea.office.folder).token
    assert bea.ordered("/own/orders", "deposit", amount="12.5") == PayIn(token, 1250)
    asked = {"resource": "mill", "slot": "2", "quantity": "3", "benefit": "0.90"}
    refused = bea.send("/own/wants", "want", name=HOSTILE, **asked)
    assert (refused.status_code, "is no name" in refused.text) == (422, True)
    assert "\u202e" not in refused.text
    name = HOSTILE.replace("\u202e", "")
    want = bea.ordered("/own/wants", "want", name=name, **asked)
    assert isinstance(want, AddWant)
    assert (want.name, want.want.choices[0].quantity, want.want.choices[0].margin) == (name, 3, 90)
    listed = bea.page("/own/orders")
    assert "&lt;script&gt;alert(1)" in listed
    assert "<script>alert" not in listed
    assert "\u202e" not in listed
    steps = {"name-1": "mill", "resource-1": "mill", "quantity-1": "2", "name-2": "drill"}
    steps |= {"resource-2": "drill", "quantity-2": "1"}
    said = {"name": "part", "value": "500", "lateness": "1", "due": "3", "last": "6", **steps}
    product = bea.ordered("/own/products", "product", **said)
    assert isinstance(product, AddProduct)
    assert (product.operations, product.product.value) == (("mill", "drill"), 50_000)
    assert bea.ordered("/own/orders", "cancel") == RaiseEpoch(token)


def test_parties_and_operators_send_the_forms_of_a_trade(council, enter):
    key = council.escrowed()
    council.wait(ORIGIN + 10 - council.now)
    trade, page = f"0x{key.hex()}", f"/own/trades/0x{key.hex()}"
    sam, bea = enter(council, "sam"), enter(council, "bea")
    assert sam.ordered(page, "report", units="2", note="half") == ReportUsage(key, 2, None, "half")
    delivery = sam.ordered(page, "deliver")
    assert delivery.quantity == 3
    split = bea.ordered(page, "split", to_demander="0.50", days="2")
    assert isinstance(split, AgreeSplit)
    assert split.to_demander == 50
    council.people["sam"].order(delivery)
    council.carry()
    bea.office.bring()
    sent = bea.client.post(
        f"{page}/dispute",
        files={"evidence": ("crack.png", b"photo")},
        headers={"Origin": bea.origin},
    )
    assert sent.status_code == 303
    dispute = bea.office.orders()[-1]
    assert isinstance(dispute, Dispute)
    assert dispute.evidence == keccak(b"photo")
    council.people["bea"].order(dispute)
    council.carry()
    council.mine()
    ada = enter(council, "ada")
    shares = {"payment_share": "62.5", "bond_share": "100", "deposit_share": "0"}
    ruling = ada.ordered("/own/disputes", "rule", trade=trade, **shares)
    assert ruling == Judge(key, 6_250, 10_000, 0)


def tile(text, title):
    return re.search(f"<dt>{title}</dt><dd>([^<]*)", text)[1]


@pytest.mark.parametrize("name", ["sam", "bea"])
def test_what_is_mine_in_escrow_adds_up_to_the_figure_above(council, enter, name):
    council.escrowed()
    browser = enter(council, name)
    settings = browser.office.folder / FILE
    other = f'token = "{DOMAIN.verifying_contract}"'
    settings.write_text(settings.read_text().replace(other, f'token = "{TOKEN}"'))
    text = browser.page("/own")
    shares = [int(each.removesuffix(" base units")) for each in column(text, "Yours in escrow")]
    assert f"{sum(shares)} base units" == tile(text, "Yours in escrow")
    assert sum(shares) > 0


def test_a_ledger_of_an_agent_is_live_while_the_agent_runs(council, enter):
    bea = enter(council, "bea")
    asked = {"file": "the agent does not run", "agent": "by the agent whose directory it is in"}
    for state, said in asked.items():
        with locked(bea.office.folder) if state == "agent" else nullcontext():
            status = bea.client.get("/v1/status").json()
            assert (status["state"], status["lag"] is None) == (state, state == "file")
            assert said in bea.page("/")


def test_what_cannot_be_done_with_a_trade_now_is_folded_away(council, enter):
    key = council.escrowed()
    sam = enter(council, "sam")
    now, _, later = sam.page(f"/own/trades/0x{key.hex()}").partition("<summary>Not now")
    verbs = [set(re.findall('name="verb" value="([a-z]+)"', each)) for each in (now, later)]
    assert verbs == [{"report", "refund", "split", "void"}, {"deliver", "expire", "execute"}]


def test_a_supplier_lists_and_asks_by_forms_and_an_operator_signs(council, enter):
    council.registered()
    key = council.asked(10, 12, first_slot=1)
    sam, ada = enter(council, "sam"), enter(council, "ada")
    asked = sam.ordered("/own/capacity", "ask", slot="3", quantities="10, 0 7")
    assert isinstance(asked, Ask)
    assert (asked.first_slot, asked.quantities) == (3, (10, 0, 7))
    assert isinstance(sam.ordered("/own/capacity", "list", slot="3", quantity="5"), List)
    assert ada.ordered("/own/requests", "attest") == Endorse((key,))


def test_a_form_that_is_sent_twice_is_one_order_and_filled_in_anew_another(council, enter):
    bea = enter(council, "bea")
    hidden = bea._hidden(bea.page("/own/orders"), "deposit")
    sent = [
        bea.client.post(
            "/own/orders", data={**hidden, "amount": amount}, headers={"Origin": bea.origin}
        )
        for amount in ("7", "7", "8")
    ]
    places = [each.headers["location"] for each in sent]
    assert places == ["/own/orders/1", "/own/orders/1", "/own/orders/2"]


def form_of(text, verb):
    return next(
        each
        for each in re.findall("<form.*?</form>", text, re.DOTALL)
        if f'name="verb" value="{verb}"' in each
    )


def test_what_a_form_says_wrongly_is_told_in_its_words_and_the_form_is_kept(council, enter):
    bea = enter(council, "bea")
    for verb, page, fields, field, problem in (
        ("deposit", "/own/orders", {"amount": "1.234"}, "amount", "at most 2 decimals"),
        ("deposit", "/own/orders", {"amount": "-1"}, "amount", "is no amount"),
        ("deposit", "/own/orders", {"amount": "12,50"}, "amount", "without commas, with a point"),
        ("withdraw", "/own/orders", {"amount": "1", "to": "0x12"}, "", "is no address"),
        ("want", "/own/wants", {**WANT, "benefit": "9,5"}, "benefit", "Worth of a unit"),
        ("want", "/own/wants", {**WANT, "slot": "x"}, "slot", "is no whole number"),
        ("want", "/own/wants", {**WANT, "resource": "", "name": HOSTILE}, "resource", "fill this"),
        ("product", "/own/products", {"name": "a", "name-1": "b"}, "resource-1", "1. Resource"),
        ("product", "/own/products", {**PRODUCT, "quantity-3": "0"}, "quantity-3", "3. Units"),
    ):
        answer = bea.send(page, verb, **fields)
        assert (fields, answer.status_code) == (fields, 422)
        assert "Nothing was ordered" in answer.text
        assert problem in answer.text
        form = form_of(answer.text, verb)
        for name, value in fields.items():
            kept = f'value="{escape(escaped(value))}"'
            assert kept in form or name == "slot", (name, value)
        assert ("aria-invalid" in form) == (field != "")
        if field:
            assert re.search(f'name="{field}"[^>]* aria-describedby="wrong-{field}"', form)
            assert f'id="wrong-{field}"' in form
    assert bea.office.orders() == []
    assert isinstance(bea.ordered("/own/wants", "want", **WANT), AddWant)
    gone = bea.client.post(
        "/own/orders", data={"verb": "cancel", "want": "a"}, headers={"Origin": bea.origin}
    )
    assert gone.status_code == 303
    assert isinstance(bea.office.orders()[-1], DropWant)


def test_regression_what_is_refused_later_is_told_in_the_words_of_the_form_as_well(council, enter):
    """`wants.0.name: 'g h' is no name`: a path of the inside, and a blank that nobody saw."""
    bea = enter(council, "bea")
    for verb, page, fields, field, word, problem in (
        ("want", "/own/wants", {**WANT, "name": "g  h"}, "name", "What you call it", "g  h"),
        ("want", "/own/wants", {**WANT, "resource": "ä"}, "resource", "Resource", "is no resource"),
        ("want", "/own/wants", {**WANT, "cost": "20"}, "benefit", "Worth of a unit", "from 20.00 "),
        ("product", "/own/products", {**PRODUCT, "name": "a  b"}, "name", "What you call", "a  b"),
        ("product", "/own/products", {**PRODUCT, "name-3": "c  d"}, "name-3", "3. Oper", "c  d"),
        (
            "product",
            "/own/products",
            {**PRODUCT, "due": "9"},
            "due",
            "Due with slot",
            "from 0 to 6",
        ),
        ("product", "/own/products", {**PRODUCT, "last": "0"}, "last", "Last slot", "leaves fewer"),
    ):
        answer = bea.send(page, verb, **fields)
        assert (fields, answer.status_code) == (fields, 422)
        (alert,) = re.findall('role="alert">(.*?)</div>', answer.text, re.DOTALL)
        assert f"{word}" in alert
        assert problem in unescape(alert)
        assert not re.search("wants?[.]|product[.]|alternatives|operations[.]", alert)
        assert f'id="wrong-{field}"' in form_of(answer.text, verb)
    assert bea.office.orders() == []


def test_regression_a_note_of_one_order_stands_beside_no_other(council, enter):
    """What nobody sells of an old want stood above every later one."""
    bea = enter(council, "bea")
    for name, resource in (("old", "misspelt"), ("new", "milling")):
        bea.ordered("/own/wants", "want", **{**WANT, "name": name, "resource": resource})
        order = bea.office.orders()[-1]
        participant = council.people["bea"]
        participant.order(order, participant.journal.place(encode(Ordered(order))))
        bea.office.bring()
    before, _, text = bea.page("/own/wants").partition("<tbody>")
    old, new = re.findall("<tr>.*?</tr>", text.partition("</tbody>")[0], re.DOTALL)
    note = "Nobody has <bdi>misspelt</bdi> for sale now"
    assert ("Nobody has" in before, note in old) == (False, True)
    assert "misspelt" not in new
    assert note in bea.page("/own/orders/1")
    assert "misspelt" not in bea.page("/own/orders/2")


WANT = {"name": "a", "resource": "mill", "slot": "1", "benefit": "9"}
PRODUCT = {"name": "axle", "value": "9", "last": "6", "name-1": "b", "resource-1": "mill"}
PRODUCT |= {"quantity-1": "1", "name-3": "c", "resource-3": "mill", "quantity-3": "1"}


def test_what_nobody_sells_is_said_at_once_and_ordered_all_the_same(council, enter):
    bea = enter(council, "bea")
    (sold, *_) = [
        each["name"]
        for each in bea.client.get("/v1/listings?is_open=true").json()["rows"]
        if f'<option value="{each["name"]}">' in bea.page("/own/wants")
    ]
    for name, is_known in (("misspelt", False), (sold, True)):
        answer = bea.send("/own/wants", "want", **{**WANT, "resource": name})
        assert answer.status_code == 303
        assert ("for sale now. Is that" in bea.page(answer.headers["location"])) != is_known


def test_a_form_begins_with_the_next_slot_and_marks_the_one_that_runs(council, enter):
    bea = enter(council, "bea")
    with closing(Ledger(bea.office.folder / EVENTS)) as store:
        store.append(Block(council.blocks + 1, bytes(31) + b"x", bytes(32), ORIGIN + 10, ()))
    options = re.findall(
        '<option value="(\\d+)" title[^>]*?( selected)?>([^<]*)', bea.page("/own/wants")
    )
    assert [(slot, "runs now" in text) for slot, _, text in options[:3]] == [
        ("0", True),
        ("1", False),
        ("2", False),
    ]
    assert [slot for slot, chosen, _ in options if chosen] == ["1"]


def test_an_order_that_the_agent_only_noted_is_taken_and_what_it_is_about_stands_beside(
    council, enter
):
    bea = enter(council, "bea")
    number = 0
    for name in ("late", "early"):
        participant = council.people["bea"]
        bea.ordered("/own/wants", "want", **{**WANT, "name": name})
        order = bea.office.orders()[-1]
        number = participant.journal.place(encode(Ordered(order)))
        assert participant.order(order, number) == Outcome("done")
        bea.office.bring()
    text = bea.page("/own/orders")
    assert column(text, "Order is") == 2 * ["<span>✓ taken</span>"]
    assert column(text, "What it is about is") == 2 * ['<span class="muted">… open</span>']
    assert "✓ done" not in bea.page(f"/own/orders/{number}")


def test_amounts_are_read_exactly_in_every_currency():
    for text, decimals, units in (
        ("12.50", 2, "1250"),
        ("0.000001", 6, "1"),
        ("340282366920938463463374607431768211455", 0, "340282366920938463463374607431768211455"),
    ):
        said = said_in({"verb": "deposit", "amount": text}, Currency("X", decimals))
        assert said["amount"] == units
    for text in ("1,5", "1e3", "٣", " - ", "1.", ".5", "0x1"):
        with pytest.raises(BadForm, match="amount"):
            said_in({"verb": "deposit", "amount": text}, Currency("X", 2))


def test_own_pages_say_where_their_forms_come_from_and_stay_in_no_cache(council, enter):
    bea = enter(council, "bea")
    for path in ("/own", "/enter"):
        headers = bea.client.get(path).headers
        assert headers["referrer-policy"] == "same-origin"  # else a browser sends Origin: null
        assert headers["cache-control"] == "no-store"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
