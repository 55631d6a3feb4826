"""What an owner orders of the products that its agent buys."""

import pytest

from fabmarket.identity import keccak
from fabmarket.market.products import Booked, Confirm, Release
from fabmarket.market.rounds import Rounds
from fabmarket.market.trade import Trade
from fabmarket.negotiation.moves import Ordered
from fabmarket.negotiation.orders import AddProduct, AddWant, Approve, DropProduct
from fabmarket.negotiation.policy import Policy
from fabmarket.negotiation.products import reasons
from fabmarket.negotiation.wants import Choice, Want
from tests.unit.negotiation.wire import LENGTH, MILL, ORIGIN, RHYTHM, turned

QUARTERS = Rounds(RHYTHM).length // RHYTHM.quarter
SIGNING = QUARTERS - 4
"""The first quarter of the round in which is signed."""


def quarters(shop, first, last):
    """Of the cycle that begins at the rhythm's origin, quarters of beats from `first` to `last`."""
    for at in range(first, last):
        shop.tick(RHYTHM.origin + at * RHYTHM.quarter)
        shop.pump()
        shop.settle()


def order(shop, buyer, given):
    """Give an order, and return why it was not followed, "" if it was."""
    before = len(shop.ignored)
    shop.give(buyer, Ordered(given))
    return "".join(reason for _, reason in shop.ignored[before:])


def promised(shop):
    return [
        sum(shelf.promised for shelf in shop.states[supplier].shelves.values())
        for supplier in (shop.mill, shop.lathe)
    ]


@pytest.mark.parametrize("since", [0, 45, 60, 90])
def test_a_product_that_is_ordered_in_the_middle_of_a_cycle_is_bought_in_it(shop, since):
    buyer = shop.buyer("b")
    quarters(shop, 0, since)
    assert order(shop, buyer, AddProduct("part", ("mill", "turn"), turned(), 1)) == ""
    quarters(shop, since, QUARTERS)
    assert shop.purchases(buyer)["part"].state == "bought"
    assert len(shop.settled) == 2


def test_one_that_comes_when_the_others_are_signed_is_bought_in_the_next_cycle(shop):
    buyer = shop.buyer("b")
    quarters(shop, 0, SIGNING)
    order(shop, buyer, AddProduct("part", ("mill", "turn"), turned(), 1))
    quarters(shop, SIGNING, QUARTERS)
    assert shop.purchases(buyer)["part"].state == "open"
    quarters(shop, QUARTERS, 2 * QUARTERS)
    assert shop.purchases(buyer)["part"].state == "bought"


def want(name, slot=0):
    start = ORIGIN + slot * LENGTH
    return Want(name, start, start + LENGTH, False, (Choice(MILL, 5, 90),))


def test_one_name_is_one_want_or_product(shop):
    buyer = shop.buyer("b", turned())
    name = turned().id
    said = "there is a want or product of this name already; give another"
    assert order(shop, buyer, AddProduct("part", (), turned(), 1)) == said
    assert order(shop, buyer, AddWant("part", want(name), 1)) == said
    other = want(turned("other").id)
    assert order(shop, buyer, AddWant("other", other, 1)) == ""
    assert order(shop, buyer, AddProduct("other", (), turned("other"), 1)) == said


def test_a_product_whose_last_slot_is_over_is_not_begun(shop):
    buyer = shop.buyer("b")
    shop.tick(ORIGIN + 5 * LENGTH)
    given = AddProduct("part", (), turned(), 1)
    assert order(shop, buyer, given) == "its last slot is over; want it in later ones"


@pytest.mark.parametrize("at", [0, 30, 41, 43, 44, 60, SIGNING, SIGNING + 1])
def test_what_is_cancelled_before_it_is_signed_is_released_and_costs_nothing(shop, at):
    """In every phase: planned, sealed, granted and confirmed, booked, and about to be signed.

    In the round of signing its suppliers count that it was not.
    """
    buyer = shop.buyer("b", turned(), cycles=3)
    quarters(shop, 0, at)
    assert order(shop, buyer, DropProduct(turned().id)) == ""
    shop.pump()
    assert promised(shop) == [0, 0]
    purchase = shop.purchases(buyer)["part"]
    assert (purchase.state, purchase.reason) == ("cancelled", reasons.BY_OWNER)
    assert [told for told in shop.told if told[0] == buyer][-1] == (buyer, purchase)
    assert shop.states[buyer].asked == shop.states[buyer].reserved == 0
    quarters(shop, at, 2 * QUARTERS)
    assert shop.settled == []
    assert shop.purchases(buyer)["part"] == purchase
    counted = [buyer in shop.states[each].unsigned for each in (shop.mill, shop.lathe)]
    assert counted == 2 * [at > SIGNING]


def test_what_is_confirmed_and_not_booked_by_all_is_released_when_it_is_cancelled(shop):
    buyer = shop.buyer("b", turned(), cycles=3)
    say = shop.say

    def losing(message, to, *places):
        if not isinstance(message, Booked) or message.supplier != shop.lathe:
            say(message, to, *places)

    shop.say = losing
    quarters(shop, 0, 44)
    assert shop.heard(Confirm)
    assert shop.states[buyer].buyers[turned().id].held is None
    assert promised(shop) == [5, 5]
    order(shop, buyer, DropProduct(turned().id))
    shop.pump()
    assert shop.heard(Release)
    assert promised(shop) == [0, 0]


def test_what_is_signed_or_over_is_not_cancelled(shop):
    buyer = shop.buyer("b", turned())
    say = shop.say
    shop.say = lambda message, *rest: None if isinstance(message, Trade) else say(message, *rest)
    quarters(shop, 0, QUARTERS)
    purchase = shop.purchases(buyer)["part"]
    assert purchase.state == "signed"
    drop = DropProduct(turned().id)
    assert order(shop, buyer, drop).startswith("it is signed, and may settle until second")
    shop.tick(shop.now + 2_000)
    assert order(shop, buyer, drop) == "it is unbought already"
    assert order(shop, buyer, DropProduct(keccak(b"another"))) == "there is no such product"


def test_what_is_worth_more_than_the_policy_lets_pass_is_bought_once_it_is_approved(shop):
    buyer = shop.buyer("b", turned(), policy=Policy(approve_above=999))
    quarters(shop, 0, 60)
    approve = Approve(turned().id)
    assert order(shop, buyer, approve) == ""
    assert order(shop, buyer, approve) == "it needs no approval"
    assert order(shop, buyer, Approve(keccak(b"x"))) == "there is no such want or product"
    quarters(shop, 60, QUARTERS)
    assert shop.purchases(buyer)["part"].state == "bought"


def test_a_supplier_is_ordered_no_product(shop):
    for given in (AddProduct("part", (), turned(), 1), DropProduct(turned().id)):
        assert order(shop, shop.mill, given) == "only a demander wants something"
