"""What an owner reads of the products that its agent buys."""

from dataclasses import replace

import pytest

from fabmarket.api.own.pictures import fate
from fabmarket.api.own.pictures import plan as gantt_of
from fabmarket.identity import digest
from fabmarket.market.exchange import EscrowState
from fabmarket.market.rounds import Rounds
from fabmarket.market.trade import Trade
from fabmarket.market.units import name_to_bytes32
from fabmarket.negotiation.policy import Policy
from fabmarket.negotiation.products import reasons
from fabmarket.negotiation.purse import Purse
from fabmarket.node.escrows import Seen
from fabmarket.node.planned import plans_in
from fabmarket.node.products import StepStatus, products_of
from fabmarket.node.roles import names_of
from fabmarket.node.todo import todo_of
from tests.unit.negotiation.wire import HELD, ORIGIN, RHYTHM, Wire

MILL, LATHE = name_to_bytes32("mill"), name_to_bytes32("lathe")
PART = Wire.product("part", [(MILL, 5)], [(LATHE, 4)], value=1_000)
NAMES = names_of(PART.id, "bracket", ("milling", "turning"))
QUARTERS = Rounds(RHYTHM).length // RHYTHM.quarter
SIGNS_AT = RHYTHM.origin + 27 * RHYTHM.period + RHYTHM.quarter


class Shop(Wire):
    """A mill and a lathe; the buyer's product is read quarter by quarter."""

    def __init__(self):
        super().__init__()
        self.mill = self.supplier("mill", 10, slots=range(5), maintenance=10)
        self.lathe = self.supplier("lathe", 10, resource=LATHE, slots=range(5), maintenance=20)

    def until(self, quarter):
        while self.now < RHYTHM.origin + quarter * RHYTHM.quarter:
            self.tick(max(self.now, RHYTHM.origin - RHYTHM.quarter) + RHYTHM.quarter)
            self.pump()
            self.settle()

    def pass_to(self, time):
        while self.now < time:
            self.tick(self.now + RHYTHM.quarter - (self.now - RHYTHM.origin) % RHYTHM.quarter)
            self.pump()
            self.settle()

    def read(self, buyer):
        (found,) = products_of(self.states[buyer], NAMES)
        return found


@pytest.fixture
def shop():
    return Shop()


def test_a_product_is_followed_from_its_plan_to_its_trades(shop):
    buyer = shop.buyer("b", PART, cycles=3)
    state = shop.states[buyer]
    (waiting,) = products_of(replace(state, now=RHYTHM.origin - 1), NAMES)
    assert (waiting.name, waiting.state, waiting.phase, waiting.beats) == ("bracket", "open", "", 0)
    shop.until(1)
    planned = shop.read(buyer)
    assert (planned.state, planned.phase, planned.beat, planned.beats) == ("open", "prices", 1, 28)
    assert (planned.signs_at, planned.cycles, planned.chain) == (SIGNS_AT, 3, ())
    shop.until(42)
    bid = shop.read(buyer)
    assert (bid.state, bid.phase, bid.beat, bid.payment) == ("bid for", "holds", 11, 130)
    shop.until(43)
    booked = shop.read(buyer)
    assert (booked.state, booked.bundle) == ("booked", "")
    steps = (
        StepStatus("milling", shop.mill, 0, 5, 10, ""),
        StepStatus("turning", shop.lathe, 1, 4, 20, ""),
    )
    assert booked.chain == bid.chain == steps
    shop.until(QUARTERS)
    bought = shop.read(buyer)
    assert (bought.state, bought.reason, bought.phase, bought.payment) == ("bought", "", "", 130)
    trades = [f"0x{each.trade.hex()}" for each in shop.settled]
    assert bought.chain == tuple(
        replace(step, trade=trade) for step, trade in zip(steps, trades, strict=True)
    )
    bundle = shop.purchases(buyer)["part"].bundle
    assert bought.bundle == f"0x{bundle.hex()}"


def test_one_that_is_signed_shows_what_it_waits_for(shop):
    buyer = shop.buyer("b", PART)
    say = shop.say
    sent = []

    def losing(message, *rest):
        if isinstance(message, Trade):
            sent.append(message)
        else:
            say(message, *rest)

    shop.say = losing
    shop.until(QUARTERS)
    signed = shop.read(buyer)
    assert signed.state == "signed"
    found = {each.trade for each in signed.chain}
    assert found == {f"0x{digest(shop.domain, each).hex()}" for each in sent}
    shop.tick(shop.now + 2_000)
    over = shop.read(buyer)
    assert (over.state, over.reason, over.chain) == ("unbought", reasons.NOT_SIGNED, ())
    assert (over.payment, over.bundle) == (0, "")


def test_one_that_was_tried_in_vain_says_why_and_what_it_would_have_cost(shop):
    poor = Wire.product("part", [(MILL, 5)], [(LATHE, 4)], value=130)
    buyer = shop.buyer("b", poor, cycles=2)
    shop.until(QUARTERS - 3)
    tried = shop.read(buyer)
    assert (tried.state, tried.reason, tried.least) == ("open", reasons.NOT_WORTH, 130)
    assert (tried.cycles, tried.phase) == (1, "")


@pytest.fixture
def broken():
    """The buyer of a product whose turning is lost; a mill and a lathe deliver first."""
    shop = Shop.__new__(Shop)
    Wire.__init__(shop)
    terms = {"slots": range(6), "delivery": HELD, "money": 10_000}
    shop.mill = shop.supplier("mill", 10, maintenance=10, **terms)
    shop.lathe = shop.supplier("lathe", 10, resource=LATHE, maintenance=20, **terms)
    product = Wire.product("part", [(MILL, 5)], [(LATHE, 4)], value=1_000, slots=(0, 6), due=6)
    buyer = shop.buyer("b", product)
    shop.rounds()
    shop.whole = shop.read(buyer)
    shop.attests(shop.lathe, LATHE, 1, 0)
    shop.tick(shop.now + RHYTHM.period)
    shop.settle()
    return shop, buyer


def test_what_was_bought_and_will_not_be_delivered_is_shown_until_it_is_bought_anew(broken):
    shop, buyer = broken
    milled, turned = shop.whole.chain
    assert (shop.whole.payment, shop.whole.least) == (130, 130)
    found = shop.read(buyer)
    assert (found.state, found.reason) == ("open", reasons.TAKEN_BACK)
    assert (found.lost, found.payment, found.least) == (("turning",), 50, 0)
    assert found.chain == (milled, replace(turned, lost=True))
    shop.rounds()
    anew = shop.read(buyer)
    assert (anew.state, anew.lost, anew.payment) == ("bought", (), 130)
    assert (anew.least, anew.rest, shop.whole.rest) == (80, True, False)
    assert anew.chain[0] == milled
    assert (anew.chain[1].slot, anew.chain[1].unit_price) == (2, 20)
    assert anew.chain[1].trade not in ("", turned.trade)
    assert anew.bundle != shop.whole.bundle


def test_regression_what_is_not_delivered_in_time_or_disputed_is_said_of_each_operation(broken):
    """The chain's own page said so, the owner's that it was to be delivered."""
    shop, buyer = broken
    trade = bytes.fromhex(shop.whole.chain[0].trade[2:])
    deliver_by = shop.exchange.escrows[trade].escrow.deliver_by
    funded = shop.exchange.held[trade]
    disputed = replace(funded, state=EscrowState.DISPUTED)
    for time, held, state, mark, words in (
        (shop.now, funded, "bought", "", "to be delivered"),
        (deliver_by - 1, funded, "bought", "waits", "slot over"),
        (deliver_by, funded, "overdue", "late", "delivery not stated in time"),
        (deliver_by, disputed, "disputed", "late", "disputed"),
    ):
        exchange = replace(shop.exchange, held=shop.exchange.held.insert(trade, held))
        (plan,) = plans_in(shop.states[buyer], NAMES, Seen(exchange, 1, time))
        milling, turning = plan.operations
        assert (milling.state, milling.late, turning.state) == (state, False, "lost")
        assert fate(milling, time)[0] == mark
        assert words in fate(milling, time)[1]
        drawn = gantt_of([plan], time)
        assert drawn is not None
        assert f"bought, {words}" in drawn.svg
        assert ('class="state late"' in drawn.svg) == (mark == "late")


def test_regression_while_a_product_is_bought_anew_its_price_and_its_steps_say_what_is_so(broken):
    """What stays had the price 0, what was booked anew was lost, its price stood for the whole."""
    shop, buyer = broken
    milled = shop.whole.chain[0]
    rounds = Rounds(RHYTHM)
    shop.pass_to(rounds.at(shop.now).opened + 11 * RHYTHM.period)
    booked = shop.read(buyer)
    turning = StepStatus("turning", shop.lathe, 2, 4, 20, "")
    assert (booked.state, booked.lost, booked.payment) == ("booked", ("turning",), 130)
    assert booked.chain == (milled, turning)
    say = shop.say
    shop.say = lambda message, *rest: None if isinstance(message, Trade) else say(message, *rest)
    shop.pass_to(rounds.at(shop.now).opened + rounds.length - RHYTHM.quarter)
    signed = shop.read(buyer)
    assert (signed.state, signed.lost, signed.payment) == ("signed", ("turning",), 130)
    assert signed.chain == (milled, replace(turning, trade=signed.chain[1].trade))
    shop.tick(shop.now + 2_000)
    again = shop.read(buyer)
    assert (again.state, again.payment, again.chain[0]) == ("open", 50, milled)
    assert again.chain[1].lost


# What is to be done


def test_what_a_product_waits_for_is_said_with_its_remedy(shop):
    grinding = Wire.product("part", [(MILL, 5)], [(b"saw".ljust(32, b"\0"), 4)], value=1_000)
    buyer = shop.buyer("b", grinding, policy=Policy(approve_above=999))
    assert todo_of(shop.exchange, shop.states[buyer], NAMES) == (
        "bracket is worth more than policy.approve_above: fabmarket approve --product bracket",
        "bracket / turning: nobody sells saw: wait, or correct and order it anew",
    )


def test_money_is_asked_for_when_it_is_known_that_there_is_too_little(shop):
    buyer = shop.buyer("b", PART, cycles=3, money=129)
    shop.until(QUARTERS - 3)
    assert todo_of(shop.exchange, shop.states[buyer], NAMES) == (
        "bracket would cost 1 base units more than are free: fabmarket deposit",
    )
    empty = replace(shop.states[buyer], purse=Purse())
    assert "the account has no money to buy with: fabmarket deposit" in todo_of(
        shop.exchange, empty, NAMES
    )


def test_regression_no_money_is_asked_for_what_is_not_worth_it(shop):
    poor = Wire.product("part", [(MILL, 5)], [(LATHE, 4)], value=120)
    buyer = shop.buyer("b", poor, cycles=3, money=125)
    shop.until(QUARTERS - 3)
    assert shop.read(buyer).reason == reasons.NOT_WORTH
    assert todo_of(shop.exchange, shop.states[buyer], NAMES) == ()


def test_a_product_that_is_wanted_is_something_to_buy_and_one_that_is_bought_is_not(shop):
    buyer = shop.buyer("b", PART)
    shop.until(1)
    assert todo_of(shop.exchange, shop.states[buyer], NAMES) == ()
    shop.until(QUARTERS)
    assert shop.read(buyer).state == "bought"
    assert todo_of(shop.exchange, shop.states[buyer], NAMES) == (
        "nothing is wanted: fabmarket want, or fabmarket product",
    )


def test_suppliers_promise_what_is_booked(shop):
    """So their stock shows it, and sessions do not offer it."""
    shop.buyer("b", PART)
    shop.until(43)
    for supplier, units in ((shop.mill, 5), (shop.lathe, 4)):
        shelves = shop.states[supplier].shelves.values()
        assert sum(shelf.promised for shelf in shelves) == units
    assert {shelf.start for shelf in shop.states[shop.mill].shelves.values() if shelf.promised} == {
        ORIGIN
    }
