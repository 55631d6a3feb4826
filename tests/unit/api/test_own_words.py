"""The owner's pages speak of amounts, buttons and prices, not of base units and commands."""

import re
from inspect import getsource

import pytest

from fabmarket.api.own.words import plain
from fabmarket.api.served import Currency
from fabmarket.market.exchange import Deliver, Release
from fabmarket.negotiation.duties import Ask, Endorse, Judge
from fabmarket.node import escrows, owner, prefix, refusals, todo
from fabmarket.node.ordered import buying, capacity, delivering, judging, money
from fabmarket.node.settings import read_settings
from fabmarket.node.status import status_of
from tests.unit.api.desk import column
from tests.unit.node.council import ORIGIN

DAY = 86_400
WANT = {"name": "a", "resource": "mill", "slot": "1", "benefit": "9"}
CR = Currency("CR", 2)


@pytest.fixture
def delivered(council):
    """A delivered trade; returns its digest."""
    key = council.escrowed()
    council.wait(ORIGIN + 10 - council.now)
    assert council.does("sam", Deliver(council.trade(), 3)) is None
    return key


def over(council):
    """The time to dispute is over."""
    council.wait(3 * DAY)


@pytest.mark.parametrize(
    "module",
    [refusals, owner, prefix, todo, escrows, buying, capacity, delivering, judging, money],
)
def test_no_text_of_a_command_or_of_the_contract_reaches_a_page_as_it_is(module):
    for text in re.findall(r'"([^"\n]*(?:fabmarket [a-z]|base units)[^"\n]*)"', getsource(module)):
        filled = re.sub(r"\{[^}]*\}", "1,200", text)
        said = plain(f"{filled} (WrongState)", CR)
        for foreign in ("`", "fabmarket ", "1,200 base units", "WrongState"):
            assert foreign not in said, text
    assert plain("the account has 99,993,850 base units", CR) == "the account has 999,938.50 CR"


def test_giving_a_payment_back_asks_once_more_and_names_its_price(council, delivered, enter):
    sam = enter(council, "sam")
    page = f"/own/trades/0x{delivered.hex()}"
    price = "You give back 3.00 CR; you get your bond and deposit of 0.55 CR back."
    assert price in sam.page(page)
    said = sam.asked(page, "refund")
    assert price in said
    assert "Yes: Give the payment back" in said
    assert sam.office.orders() == []
    assert type(sam.ordered(page, "refund")).__name__ == "Refund"


def test_a_passed_deadline_is_told_and_its_step_stands_first(council, delivered, enter):
    over(council)
    sam = enter(council, "sam")
    page = sam.page(f"/own/trades/0x{delivered.hex()}")
    assert "The time is over: Collect: not disputed in time." in page
    assert "You are paid 3.00 CR of 3.00 CR, and get your bond and deposit of 0.55 CR" in page
    verbs = re.findall('name="verb" value="([a-z]+)"', page.partition("<summary>Not now")[0])
    assert (verbs[0], verbs[-1]) == ("expire", "refund")
    assert column(sam.page("/own/trades"), "You can")[0].startswith("Collect: not disputed in time")
    (told, *_) = status_of(sam.office.folder, read_settings(sam.office.folder)).todo
    assert "nobody disputed the delivery in time: collect 355 base units: fabmarket expire" in told
    assert "collect 3.55 CR" in sam.page("/own")
    bea = enter(council, "bea")
    assert "The time is over" not in bea.page(f"/own/trades/0x{delivered.hex()}")


@pytest.mark.parametrize(
    ("verb", "fields", "said"),
    [
        ("accept", {"amount": "1"}, "The supplier is paid 1.00 CR of 3.00 CR."),
        ("accept", {}, "The supplier is paid 3.00 CR of 3.00 CR; you get your deposit of 0.15 CR"),
        ("split", {"to_supplier": "1"}, "the supplier gets 1.00 CR and the buyer 2.70 CR"),
        ("void", {}, "All splits that you offered"),
        ("expire", {}, "until then the other side may still act"),
    ],
)
def test_what_a_buyer_cannot_take_back_names_its_price(
    council, delivered, enter, verb, fields, said
):
    over(council)
    bea = enter(council, "bea")
    assert said in bea.asked(f"/own/trades/0x{delivered.hex()}", verb, **fields)
    assert bea.office.orders() == []


def test_a_trade_of_others_or_a_closed_one_says_so_and_offers_nothing(council, delivered, enter):
    bea = enter(council, "bea")
    page = f"/own/trades/0x{delivered.hex()}"
    assert council.does("bea", Release(council.trade(), 300)) is None
    bea.office.bring()
    closed = bea.page(page)
    assert "the demander" in closed
    assert re.search(r"<dt>State</dt><dd>closed", closed)
    assert 'name="verb"' not in closed
    other = bea.page(f"/own/trades/0x{'ab' * 32}")
    assert "no party to it" in other
    assert 'name="verb"' not in other


def test_an_operator_sees_what_it_signs_and_signs_it_in_two_steps(council, enter):
    council.escrowed(500)
    council.asked(600)
    ada = enter(council, "ada")
    text = ada.page("/own/requests")
    assert column(text, "Attested now") == ["500"]
    assert "600 hours" in text
    assert 'aria-label="Sign: mill, slot 0: 600 units"' in text
    said = ada.asked("/own/requests", "attest")
    assert "600 units, where 500 are attested now." in said
    assert isinstance(ada.ordered("/own/requests", "attest"), Endorse)


def test_a_ruling_says_to_whom_and_how_much_and_each_field_that_is_wrong(council, enter):
    key = council.disputed()
    ada = enter(council, "ada")
    shares = {"payment_share": "33.33", "bond_share": "50", "deposit_share": "0"}
    for wrong, problem in (
        ("33.333", "at most two decimals"),
        ("150", "give at most 100%"),
        ("-1", "is no share"),
        ("x", "is no share"),
    ):
        answer = ada.send("/own/disputes", "rule", **shares | dict.fromkeys(shares, wrong))
        assert answer.status_code == 422
        marked = re.findall('id="wrong-([a-z_]+)"', answer.text)
        assert (wrong, sorted(marked)) == (wrong, sorted(shares))
        assert answer.text.count(problem) >= 6  # of each field, above and beside it
    said = ada.asked("/own/disputes", "rule", **shares)
    assert "0.99 CR of the payment of 3.00 CR, 0.20 CR of its bond of 0.40 CR" in said
    assert "goes the rest: 2.51 CR" in said
    assert ada.ordered("/own/disputes", "rule", **shares) == Judge(key, 3_333, 5_000, 0)
    orders = ada.page("/own/orders")
    assert "33.33% of the payment, 50% of the bond, 0% of the deposits to the supplier" in orders


def test_after_its_time_no_form_to_rule_stands_open(council, enter):
    council.disputed()
    council.wait(40 * DAY)
    text = enter(council, "ada").page("/own/disputes")
    assert "too late:" in text
    assert "is over since" in text
    assert 'value="rule"' not in text


def test_an_order_says_how_far_what_it_is_about_has_come(council, enter):
    council.registered()
    sam = enter(council, "sam")
    asked = sam.ordered("/own/capacity", "ask", slot="4", quantities="600")
    council.people["sam"].order(asked)
    sam.office.bring()
    assert "signed 0 of 2" in sam.page("/own/capacity")
    ordered = sam.ordered("/own/capacity", "ask", slot="4", quantities="600")
    assert isinstance(ordered, Ask)
    assert column(sam.page("/own/orders"), "What it is about is")[0] == (
        '<span class="muted">… signed 0 of 2</span>'
    )
    assert "Least price" in sam.page("/own/capacity")


def test_a_page_of_another_role_says_whose_it_is(council, enter):
    text = enter(council, "ada").page("/own/wants", status=404)
    assert "this page is for the agent of a demander; yours is an operator." in text


def test_an_amount_beyond_all_bounds_is_told_in_the_currency(council, enter):
    answer = enter(council, "bea").send("/own/orders", "deposit", amount="0")
    assert "give an amount from 0.01 CR to" in answer.text
    assert "Input should" not in answer.text


def test_a_want_says_what_it_may_cost(council, enter):
    bea = enter(council, "bea")
    order = bea.ordered("/own/wants", "want", **WANT, quantity="3")
    council.people["bea"].order(order)
    bea.office.bring()
    assert column(bea.page("/own/wants"), "Costs at most") == ["27.00 CR"]
