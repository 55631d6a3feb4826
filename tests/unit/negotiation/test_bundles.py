"""Whole products bought by participants in rounds: what is signed, and what settles."""

from dataclasses import replace

import pytest

from fabmarket.market.events import Escrowed, Settled
from fabmarket.market.exchange import Unlist
from fabmarket.market.products import Booked, Countersigned, Need, Release
from fabmarket.market.rounds import Rounds
from fabmarket.market.trade import Trade
from fabmarket.negotiation.policy import Policy
from fabmarket.negotiation.products import reasons
from fabmarket.negotiation.products.purchase import Purchase
from fabmarket.negotiation.supplier.state import Unsigned
from tests.unit.negotiation.wire import HELD, LATHE, LENGTH, MILL, ORIGIN, RHYTHM, Wire, turned

SLOTS = range(5)


def test_a_product_is_bought_whole_in_one_bundle(shop):
    buyer = shop.buyer("b", turned())
    shop.rounds()
    purchase = shop.purchases(buyer)["part"]
    assert (purchase.state, purchase.reason) == ("bought", "")
    paid = [(each.listing, each.quantity, each.payment) for each in shop.settled]
    assert paid == [
        (shop.listing(shop.mill, 0, MILL), 5, 50),
        (shop.listing(shop.lathe, 1, LATHE), 5, 100),
    ]
    assert purchase.trades == tuple(each.trade for each in shop.settled)
    assert shop.states[buyer].free == 10**12 - 150
    assert not shop.ignored
    for supplier in (shop.mill, shop.lathe):
        state = shop.states[supplier]
        assert sum(shelf.promised for shelf in state.shelves.values()) == 0
        assert sum(shelf.available for shelf in state.shelves.values()) == 45


def test_its_bundle_is_in_escrow_where_its_suppliers_deliver_first(wire):
    wire.supplier("mill", 10, slots=SLOTS, delivery=HELD, money=1_000)
    wire.supplier("lathe", 10, resource=LATHE, slots=SLOTS, delivery=HELD, money=1_000)
    buyer = wire.buyer("b", turned())
    wire.rounds()
    assert wire.purchases(buyer)["part"].state == "bought"
    assert [type(each) for each in wire.settled] == 2 * [Settled, Escrowed]
    assert wire.states[buyer].free == 10**12 - 100 - 4  # deposits of 5 % beside, rounded down


def test_what_is_paid_at_once_and_what_on_delivery_make_no_bundle(wire):
    """The mill would be cheaper where it delivers first, but the lathe is paid at once."""
    mill = wire.supplier("mill", 10, slots=SLOTS, maintenance=10)
    wire.supplier("cheap mill", 10, slots=SLOTS, maintenance=1, delivery=HELD, money=1_000)
    wire.supplier("lathe", 10, resource=LATHE, slots=SLOTS, maintenance=20)
    buyer = wire.buyer("b", turned())
    wire.rounds()
    assert wire.purchases(buyer)["part"].state == "bought"
    assert {wire.seller_of(each) for each in wire.settled} >= {mill}
    assert len(wire.settled) == 2


@pytest.mark.parametrize("kind", [Booked, Countersigned, Trade])
def test_nothing_is_paid_where_one_word_is_lost(shop, kind):
    """Of two suppliers one is not heard, or does not hear, at one step of many."""
    buyer = shop.buyer("b", turned())
    lost = []
    say = shop.say

    def losing(message, to, *places):
        if isinstance(message, kind) and shop.lathe in (to, getattr(message, "supplier", "")):
            lost.append(message)
        else:
            say(message, to, *places)

    shop.say = losing
    shop.rounds()
    assert lost
    assert shop.settled == []
    shop.tick(shop.now + 2_000)  # what was signed is out of date
    purchase = shop.purchases(buyer)["part"]
    assert purchase.state == "unbought"
    assert purchase.reason == (reasons.NOT_HELD if kind is Booked else reasons.NOT_SIGNED)
    assert shop.states[buyer].free == 10**12
    for supplier in (shop.mill, shop.lathe):
        shelves = shop.states[supplier].shelves.values()
        assert sum(shelf.promised for shelf in shelves) == 0


def test_who_did_not_sign_is_left_out_of_the_next_cycle(shop):
    other = shop.supplier("second lathe", 10, resource=LATHE, slots=SLOTS, maintenance=30)
    buyer = shop.buyer("b", turned(), cycles=3)
    say = shop.say

    def losing(message, to, *places):
        if not isinstance(message, Countersigned) or message.supplier != shop.lathe:
            say(message, to, *places)

    shop.say = losing
    shop.rounds(3)
    assert shop.purchases(buyer)["part"].state == "bought"
    assert [shop.seller_of(each) for each in shop.settled] == [shop.mill, other]


def test_who_leaves_what_was_booked_unsigned_is_counted(shop):
    buyer = shop.buyer("b", turned())
    mill = shop.states[shop.mill]
    shop.states[shop.mill] = replace(mill, policy=Policy(refuse_unsigned=10**6))
    say = shop.say
    shop.say = lambda message, to, *places: (
        None if isinstance(message, Trade) else say(message, to, *places)
    )
    shop.rounds()
    shop.tick(shop.now + RHYTHM.period)
    assert shop.states[shop.mill].unsigned[buyer].count == 1
    cycle = Rounds(RHYTHM).at(shop.now).opened
    shop.say(Need(buyer, bytes(32), cycle, MILL, ORIGIN, ORIGIN + LENGTH), shop.mill)
    shop.pump()
    assert (shop.mill, "need of somebody who left an award of ours unsigned") in shop.ignored


@pytest.mark.parametrize(
    ("product", "reason", "least"),
    [
        (turned(value=150), reasons.NOT_WORTH, 150),
        (turned(slots=(0, 1)), reasons.NO_CHAIN, 0),
        (Wire.product("part", [(MILL, 11)], value=1_000), reasons.NO_CHAIN, 0),
        (turned(slots=(7, 9), due=9), reasons.NO_CHAIN, 0),
        (Wire.product("part", [(b"drill".ljust(32, b"\0"), 5)], value=9), reasons.NO_LISTS, 0),
        (turned(value=200, due=1, lateness=60), reasons.NOT_WORTH, 210),
        (turned(value=98, partial=True), reasons.NOT_WORTH, 150),
        (turned(value=98, slots=(0, 1), partial=True), reasons.NOT_WORTH, 0),
    ],
)
def test_the_owner_hears_why_a_product_was_not_bought(shop, product, reason, least):
    buyer = shop.buyer("b", product)
    shop.rounds()
    purchase = shop.purchases(buyer)["part"]
    assert (purchase.state, purchase.reason, purchase.least) == ("unbought", reason, least)
    assert shop.told[-1] == (buyer, purchase)
    assert shop.settled == []


def test_what_a_product_that_is_bought_would_have_cost_without_rivals_is_told(wire):
    """Both want the early slot, which either alone had at 10; one gets the dear one."""
    wire.supplier("mill", 5, slots=(0,), maintenance=10)
    wire.supplier("dear mill", 5, slots=(1,), maintenance=30)
    one = wire.buyer("one", Wire.product("first", [(MILL, 5)], value=900))
    two = wire.buyer("two", Wire.product("second", [(MILL, 5)], value=800))
    wire.rounds()
    found = wire.purchases(one, two)
    assert {(each.state, each.least) for each in found.values()} == {("bought", 50)}
    assert min(each.paid for each in found.values()) > 50


def test_regression_money_that_reaches_without_rivals_only_is_what_is_missing(wire):
    """What is left at 30 is worth it, and costs more than the account has: nothing was bid."""
    wire.supplier("mill", 5, slots=(0,), maintenance=10)
    wire.supplier("dear mill", 5, slots=(1,), maintenance=30)
    rich = wire.buyer("rich", Wire.product("first", [(MILL, 5)], value=900))
    wire.rounds()
    poor = wire.buyer("poor", Wire.product("second", [(MILL, 5)], value=800), money=149)
    wire.rounds()
    assert wire.purchases(rich)["first"].state == "bought"
    found = wire.purchases(poor)["second"]
    assert (found.state, found.reason, found.least) == ("unbought", reasons.NO_MONEY_FOR_IT, 50)


def test_regression_what_only_both_kinds_of_payment_would_make_is_no_chain(wire):
    """The mill delivers first and the lathe is paid at once: no bid was made that was not held."""
    wire.supplier("mill", 10, slots=SLOTS, delivery=HELD, money=1_000)
    wire.supplier("lathe", 10, resource=LATHE, slots=SLOTS)
    buyer = wire.buyer("b", turned())
    wire.rounds()
    purchase = wire.purchases(buyer)["part"]
    assert (purchase.state, purchase.reason, purchase.least) == ("unbought", reasons.NO_CHAIN, 0)


def test_of_two_for_one_place_the_owner_of_the_other_hears_that_it_was_outbid(wire):
    wire.supplier("mill", 5, slots=(0,), maintenance=10)
    poor = wire.buyer("poor", Wire.product("small", [(MILL, 5)], value=100))
    rich = wire.buyer("rich", Wire.product("large", [(MILL, 5)], value=200))
    wire.rounds()
    found = wire.purchases(poor, rich)
    assert (found["small"].state, found["small"].reason) == ("unbought", reasons.NO_ROOM_LEFT)
    assert found["large"].state == "bought"


def test_no_more_is_bid_than_account_and_budget_hold(shop):
    """Two products of one account: the first takes what the second would need."""
    short = shop.buyer("short", turned("one"), turned("two"), money=200)
    bound = shop.buyer("bound", turned("three"), turned("four"), policy=Policy(budget=160))
    shop.rounds()
    found = shop.purchases(short, bound)
    assert [found[name].state for name in ("one", "two")].count("bought") == 1
    assert [found[name].state for name in ("three", "four")].count("bought") == 1
    for each in found.values():
        assert each.state == "bought" or each.reason == reasons.NO_MONEY_FOR_IT
    assert shop.states[short].free >= 0
    assert shop.states[bound].spent.amount <= 160


def test_what_may_cost_more_waits_for_approval(shop):
    buyer = shop.buyer("b", turned(), policy=Policy(approve_above=999), cycles=1)
    shop.rounds()
    assert shop.purchases(buyer)["part"].state == "open"
    state = shop.states[buyer]
    approved = state.approved.insert(turned().id)
    shop.states[buyer] = replace(state, approved=approved)
    shop.rounds()
    assert shop.purchases(buyer)["part"].state == "bought"


def test_a_part_of_a_product_is_bought_only_where_its_owner_wants_that(shop):
    shop.does(shop.lathe, Unlist(LATHE, 1, 10))
    for slot in (0, 2, 3, 4):
        shop.does(shop.lathe, Unlist(LATHE, slot, 10))
    whole = shop.buyer("whole", turned("whole"))
    partial = shop.buyer("partial", turned("partial", partial=True))
    shop.rounds()
    found = shop.purchases(whole, partial)
    assert found["whole"].state == "unbought"
    assert found["partial"].state == "bought"
    assert len(found["partial"].trades) == 1


def test_sessions_and_rounds_sell_nothing_twice(shop):
    """All of the mill's first slot goes to a want in a session while a product is bid for."""
    buyer = shop.buyer("b", Wire.product("part", [(MILL, 10)], value=1_000, slots=(0, 1)))
    shop.demander("d", shop.want("all", (MILL, 10, 50), divisible=False))
    shop.rounds()
    sold = sum(each.quantity for each in shop.settled)
    assert sold == 10
    assert shop.states[shop.mill].shelves[shop.listing(shop.mill, 0)].promised == 0
    assert shop.purchases(buyer)["part"].state == "unbought"


def test_a_trade_of_a_product_says_what_was_booked(shop):
    """Another price, another bundle, no bundle: the supplier signs nothing of that."""
    shop.buyer("b", turned())
    say = shop.say

    def altered(message, to, *places):
        if isinstance(message, Trade) and to == shop.mill:
            say(replace(message, unit_price=message.unit_price - 1), to)
            say(replace(message, quantity=4), to)
            say(replace(message, bundle=bytes(32)), to)
            say(replace(message, supplier_nonce=message.supplier_nonce - 1), to)
        say(message, to, *places)
        if isinstance(message, Trade) and to == shop.mill:
            say(replace(message, nonce=message.nonce + 40), to)

    shop.say = altered
    shop.rounds()
    refused = [reason for address, reason in shop.ignored if address == shop.mill]
    assert refused == 4 * ["trade on other terms than agreed"] + ["trade that was already signed"]
    assert len(shop.settled) == 2


@pytest.mark.parametrize(("beats_before", "counted"), [(2, 1), (1, 0)])
def test_what_is_given_up_when_it_should_be_signed_is_counted(shop, beats_before, counted):
    """But for what was booked in the last beat: not all may have booked it."""
    buyer = shop.buyer("b", turned())
    rounds = Rounds(RHYTHM)
    signing = RHYTHM.origin + rounds.length - RHYTHM.period
    for now in range(RHYTHM.origin, signing, RHYTHM.quarter):
        shop.tick(now)
        shop.pump()
    state = shop.states[shop.mill]
    ((bid, hold),) = state.seller.booked.items()
    at = signing - beats_before * RHYTHM.period
    booked = state.seller.booked.insert(bid, replace(hold, grant=replace(hold.grant, beat=at)))
    shop.states[shop.mill] = replace(state, seller=replace(state.seller, booked=booked))
    shop.tick(signing, shop.mill)
    shop.say(Release(buyer, bid), shop.mill)
    shop.pump()
    assert shop.states[shop.mill].seller.booked.get(bid) is None
    assert shop.states[shop.mill].unsigned.get(buyer, Unsigned(0, 0)).count == counted


def test_what_a_product_would_cost_without_the_others_is_told_by_what_was_listed(wire):
    """The first takes all of the slots at 10; that alone they would have cost 50 is told.

    Units that their owner takes off, or that are attested no more, nobody could have had.
    """
    mill = wire.supplier("mill", 5, slots=(0, 1, 2), maintenance=10)
    dear = wire.supplier("dear mill", 5, slots=(3,), maintenance=30)
    rich = wire.buyer("rich", *(Wire.product(name, [(MILL, 5)], value=900) for name in "xyz"))
    wire.rounds()
    assert {each.state for each in wire.purchases(rich).values()} == {"bought"}
    late = wire.buyer("late", Wire.product("late", [(MILL, 5)], value=100))

    def told():
        wire.rounds()
        purchase = wire.purchases(late)["late"]
        again = Purchase(purchase.product, 1)
        purchases = wire.states[late].purchases.insert(purchase.product.id, again)
        wire.states[late] = replace(wire.states[late], purchases=purchases)
        return purchase.reason, purchase.least

    assert told() == (reasons.NO_ROOM_LEFT, 50)
    for slot in (0, 1, 2):
        wire.attests(mill, MILL, slot, 4)
    assert told() == (reasons.NOT_WORTH, 150)
    wire.does(dear, Unlist(MILL, 3, 1))
    assert told() == (reasons.NO_CHAIN, 0)
