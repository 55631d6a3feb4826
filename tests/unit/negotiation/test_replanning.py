"""What was bought of a product and will not be delivered is bought anew; the rest stays."""

from dataclasses import replace

import pytest

from fabmarket.market.events import Released, Settled
from fabmarket.market.exchange import RefundUncovered
from fabmarket.market.messages import SplitOffer
from fabmarket.market.products import Countersigned
from fabmarket.negotiation.policy import Policy
from fabmarket.negotiation.products import reasons
from tests.unit.negotiation.wire import HELD, LATHE, LENGTH, MILL, ORIGIN, RHYTHM, Wire

SLOTS = range(6)


@pytest.fixture
def shop(wire):
    """A mill and a lathe that deliver first, 10 units a slot, at 10 and 20 a unit."""
    terms = {"slots": SLOTS, "delivery": HELD, "money": 10_000}
    wire.mill = wire.supplier("mill", 10, maintenance=10, **terms)
    wire.lathe = wire.supplier("lathe", 10, resource=LATHE, maintenance=20, **terms)
    return wire


def bought(shop, value=1_000, slots=(0, 6), **other):
    """The buyer of a product that is milled and then turned, once it is bought."""
    steps = [(MILL, 5)], [(LATHE, 5)]
    product = Wire.product("part", *steps, value=value, slots=slots, due=6, **other)
    buyer = shop.buyer("b", product)
    shop.rounds()
    assert shop.purchases(buyer)["part"].state == "bought"
    return buyer


def breaks_down(shop, slot, left=0):
    shop.attests(shop.lathe, LATHE, slot, left)
    shop.settle()


def gives_back(shop):
    state = shop.states[shop.lathe]
    shop.states[shop.lathe] = replace(state, policy=Policy(refund_uncovered=True))


def places(shop, buyer):
    return [step.slot.listing for step in shop.purchases(buyer)["part"].chain.steps]


def test_what_a_supplier_gives_back_is_bought_elsewhere_and_the_rest_stays(shop):
    buyer = bought(shop)
    gives_back(shop)
    before = shop.states[buyer].purse.balance
    breaks_down(shop, 1)
    refund = next(each for each in shop.settled if isinstance(each, Released))
    penalty = 100 * 1_000 // 10_000 * 5_000 // 10_000  # half of a bond of a tenth
    assert refund.to_demander == 100 + 5 + penalty
    assert shop.states[buyer].purse.balance == before + refund.to_demander
    purchase = shop.purchases(buyer)["part"]
    assert (purchase.state, purchase.reason, purchase.lost) == ("open", reasons.TAKEN_BACK, {1})
    shop.rounds()
    purchase = shop.purchases(buyer)["part"]
    assert (purchase.state, purchase.lost, purchase.paid) == ("bought", frozenset(), 150)
    assert places(shop, buyer) == [
        shop.listing(shop.mill, 0, MILL),
        shop.listing(shop.lathe, 2, LATHE),
    ]
    assert sum(isinstance(each, Settled) for each in shop.settled) == 3


def test_what_its_supplier_does_not_give_back_is_taken_back_a_beat_later(shop):
    buyer = bought(shop)
    breaks_down(shop, 1)
    assert shop.purchases(buyer)["part"].state == "bought"
    shop.tick(shop.now + RHYTHM.period)
    (submit,) = shop.submits
    assert (submit[0], type(submit[1])) == (buyer, RefundUncovered)
    shop.settle()
    assert shop.purchases(buyer)["part"].lost == {1}
    shop.rounds()
    assert places(shop, buyer)[1] == shop.listing(shop.lathe, 2, LATHE)


def test_what_is_attested_again_within_the_beat_is_not_taken_back(shop):
    buyer = bought(shop)
    breaks_down(shop, 1)
    breaks_down(shop, 1, left=10)
    shop.tick(shop.now + RHYTHM.period)
    assert shop.submits == []
    assert shop.purchases(buyer)["part"].state == "bought"


def test_where_no_place_is_left_between_its_neighbours_the_later_steps_are_bought_anew(shop):
    """The first step goes down, and before the second is no other place for it."""
    buyer = bought(shop)
    mill = shop.states[shop.mill]
    shop.states[shop.mill] = replace(mill, policy=Policy(refund_uncovered=True))
    shop.attests(shop.mill, MILL, 0, 0)
    shop.settle()
    shop.rounds()
    assert shop.purchases(buyer)["part"].state == "bought"
    assert places(shop, buyer) == [
        shop.listing(shop.mill, 1, MILL),
        shop.listing(shop.lathe, 2, LATHE),
    ]


def test_what_cannot_be_bought_anew_is_said(shop):
    buyer = bought(shop, slots=(0, 2))
    gives_back(shop)
    breaks_down(shop, 1)
    shop.rounds(3)
    purchase = shop.purchases(buyer)["part"]
    both = f"{reasons.TAKEN_BACK}; {reasons.NO_CHAIN}"
    assert (purchase.state, purchase.reason) == ("unbought", both)
    assert (purchase.lost, purchase.paid) == ({1}, 50)


def test_a_supplier_gives_back_no_more_than_it_must(shop):
    """Of two trades of five units, one is covered by what is left."""
    first, second = (
        bought(shop),
        shop.buyer(
            "c", Wire.product("other", [(MILL, 5)], [(LATHE, 5)], value=1_000, slots=(0, 6), due=6)
        ),
    )
    shop.rounds()
    gives_back(shop)
    breaks_down(shop, 1, left=5)
    found = shop.purchases(first, second)
    assert sorted(each.state for each in found.values()) == ["bought", "open"]


def test_a_second_loss_while_the_first_is_bought_anew_is_bought_too(shop):
    buyer = bought(shop)
    gives_back(shop)
    breaks_down(shop, 1)
    mill = shop.states[shop.mill]
    shop.states[shop.mill] = replace(mill, policy=Policy(refund_uncovered=True))
    say = shop.say

    def losing(message, to, *places):
        if isinstance(message, Countersigned):
            shop.say = say
            shop.attests(shop.mill, MILL, 0, 0)
        say(message, to, *places)

    shop.say = losing
    shop.rounds(3)
    purchase = shop.purchases(buyer)["part"]
    assert (purchase.state, purchase.lost) == ("bought", frozenset())
    assert places(shop, buyer)[0] != shop.listing(shop.mill, 0, MILL)


def accepts(shop, supplier, **policy):
    state = shop.states[supplier]
    changed = Policy(refund_uncovered=True, accept_returns=True, **policy)
    shop.states[supplier] = replace(state, policy=changed)


def test_what_is_bought_of_a_product_that_is_given_up_goes_back(shop):
    """The lathe is down for good; the mill takes its slot back, as it can sell it again."""
    buyer = bought(shop, slots=(0, 2))
    accepts(shop, shop.mill)
    gives_back(shop)
    free = shop.states[shop.mill].free
    breaks_down(shop, 1)
    shop.rounds(3)
    shop.settle()
    purchase = shop.purchases(buyer)["part"]
    assert (purchase.state, purchase.lost, purchase.left) == ("unbought", {0, 1}, ())
    assert {at for at, _ in purchase.returned} == {0, 1}
    assert purchase.paid == 0
    penalty = 100 * 1_000 // 10_000 * 5_000 // 10_000
    assert shop.states[buyer].free == 10**12 + penalty
    assert shop.states[shop.mill].free == free + 5 + 2  # bond and deposit of 50


def test_what_a_new_plan_has_no_use_for_goes_back(shop):
    buyer = bought(shop)
    for supplier in (shop.mill, shop.lathe):
        accepts(shop, supplier)
    shop.attests(shop.mill, MILL, 0, 0)
    shop.settle()
    shop.rounds()
    shop.tick(shop.now + 1)
    shop.pump()
    shop.settle()
    purchase = shop.purchases(buyer)["part"]
    assert (purchase.state, purchase.lost, purchase.left) == ("bought", frozenset(), ())
    assert sorted(at for at, _ in purchase.returned) == [0, 1]
    assert purchase.paid == 150


def test_a_supplier_that_does_not_say_so_takes_nothing_back(shop):
    buyer = bought(shop, slots=(0, 2))
    gives_back(shop)
    breaks_down(shop, 1)
    shop.rounds(3)
    shop.settle()
    assert shop.purchases(buyer)["part"].lost == {1}
    (offer,) = (each for each in shop.said if isinstance(each, SplitOffer))
    assert (offer.party, offer.split.to_supplier, offer.split.to_demander) == (buyer, 7, 52)


def test_what_begins_too_soon_to_be_sold_again_is_not_offered(shop):
    buyer = bought(shop, slots=(0, 2))
    accepts(shop, shop.mill)
    gives_back(shop)
    breaks_down(shop, 1)
    shop.tick(ORIGIN - 1_000)
    shop.tick(ORIGIN + 2 * LENGTH)
    assert shop.purchases(buyer)["part"].state == "unbought"
    assert not [each for each in shop.said if isinstance(each, SplitOffer)]


def test_what_is_of_no_more_use_and_is_not_delivered_either_is_paid_for_no_more(shop):
    """The lathe takes nothing back, and then is down in the slot that nobody needs any more."""
    buyer = bought(shop)
    mill = shop.states[shop.mill]
    shop.states[shop.mill] = replace(mill, policy=Policy(refund_uncovered=True))
    gives_back(shop)
    shop.attests(shop.mill, MILL, 0, 0)
    shop.settle()
    shop.rounds()
    purchase = shop.purchases(buyer)["part"]
    assert (len(purchase.left), purchase.paid) == (1, 250)
    breaks_down(shop, 1)
    purchase = shop.purchases(buyer)["part"]
    assert (purchase.state, purchase.left, purchase.paid) == ("bought", (), 150)
    assert sorted(at for at, _ in purchase.returned) == [0, 1]


def test_what_stays_keeps_its_price_and_costs_nothing_more_through_two_breakdowns(shop):
    buyer = bought(shop)
    gives_back(shop)
    for slot in (1, 2):
        breaks_down(shop, slot)
        shop.rounds()
    purchase = shop.purchases(buyer)["part"]
    assert places(shop, buyer)[1] == shop.listing(shop.lathe, 3, LATHE)
    assert [step.slot.price for step in purchase.chain.steps] == [10, 20]
    assert (purchase.state, purchase.paid, purchase.least) == ("bought", 150, 100)


def test_regression_a_beginning_that_is_bought_already_is_no_bid_that_was_not_held(shop):
    """The last step is down for good, and what stays is worth its share: nothing can be bid for."""
    steps = [(MILL, 5)], [(MILL, 5)], [(LATHE, 5)]
    product = Wire.product("part", *steps, value=1_000, slots=(0, 6), due=6, partial=True)
    buyer = shop.buyer("b", product)
    shop.rounds()
    gives_back(shop)
    for slot in SLOTS:
        breaks_down(shop, slot)
    shop.rounds(3)
    purchase = shop.purchases(buyer)["part"]
    both = f"{reasons.TAKEN_BACK}; {reasons.NO_CHAIN}"
    assert (purchase.state, purchase.reason, purchase.least) == ("unbought", both, 0)
    assert (purchase.lost, purchase.paid) == ({2}, 100)


def test_a_rest_that_is_worth_less_than_it_costs_is_not_bought_beside_the_beginning(shop):
    """The last third is worth 55, and costs 100 once the cheap lathe is down."""
    cheap = {"resource": LATHE, "slots": SLOTS, "delivery": HELD, "money": 10_000}
    other = shop.supplier("cheap lathe", 10, maintenance=5, **cheap)
    steps = [(MILL, 5)], [(MILL, 5)], [(LATHE, 5)]
    product = Wire.product("part", *steps, value=165, slots=(0, 6), due=6, partial=True)
    buyer = shop.buyer("b", product)
    shop.rounds()
    assert len(shop.purchases(buyer)["part"].trades) == 3
    state = shop.states[other]
    shop.states[other] = replace(state, policy=Policy(refund_uncovered=True))
    for slot in SLOTS:
        shop.attests(other, LATHE, slot, 0)
    shop.settle()
    shop.rounds(3)
    purchase = shop.purchases(buyer)["part"]
    both = f"{reasons.TAKEN_BACK}; {reasons.NOT_WORTH}"
    assert (purchase.state, purchase.reason, purchase.least) == ("unbought", both, 100)
