"""A hostile demander makes no honest supplier act wrongly, crash, loop or give away."""

from dataclasses import replace

import pytest

from fabmarket.identity import Key, digest
from fabmarket.market.exchange import Settle, SignedTrade
from fabmarket.market.messages import (
    Alternative,
    Close,
    Counter,
    Demand,
    Exit,
    Offer,
    Opening,
    Quote,
    Reply,
    Selection,
    SubTask,
)
from fabmarket.market.trade import Escrow, Trade, nonce_of
from fabmarket.market.units import NO_LIMIT, name_to_bytes32
from fabmarket.negotiation.moves import Received, Submit
from tests.unit.negotiation.wire import RHYTHM, deaf

MILL = name_to_bytes32("mill")
STRANGER = Key.derive("stranger")


@pytest.fixture
def shop(wire):
    """An honest supplier, and a demander that the test plays by hand."""
    wire.seller = wire.supplier("honest", 100)
    wire.buyer = wire.demander("hostile")
    wire.steps[wire.buyer] = deaf
    return wire


def ask(market, *alternatives, divisible=True, **changes):
    """Send a demand; return the offers it draws."""
    task = SubTask(b"t" * 32, 100_000, 101_000, divisible, alternatives)
    beat = RHYTHM.opens_after(market.now)
    demand = Demand(market.buyer, 0, RHYTHM.offers_until(beat), beat, (task,))
    before = len(market.heard(Offer))
    market.say(replace(demand, **changes), market.seller)
    market.pump()
    return market.heard(Offer)[before:]


def select(market, taken, **changes):
    selection = Selection(
        demander=market.buyer,
        offer=digest(market.domain, taken),
        sub_task=taken.sub_task,
        listing=taken.listing,
        quantity=taken.quantity,
        divisible=True,
    )
    market.say(replace(selection, **changes), market.seller)
    market.pump()


def test_a_demand_out_of_date_or_at_no_slot_draws_no_offer(shop):
    assert len(ask(shop, Alternative(MILL, 5))) == 1
    gone = shop.beat - RHYTHM.period
    past = {"offers_until": RHYTHM.offers_until(gone), "opens": gone}
    assert ask(shop, Alternative(MILL, 5), **past) == []
    shop.choose(shop.seller)
    due = {"offers_until": shop.now, "opens": shop.beat}
    assert ask(shop, Alternative(MILL, 5), **due) == []
    assert shop.reasons(shop.seller) == ["demand out of date"] * 2
    for start, end in ((0, 1_000), (100_000, 100_999), (100_001, 101_001), (2**64 - 1, 2**64 - 1)):
        task = SubTask(b"t" * 32, start, end, True, (Alternative(MILL, 5),))
        assert ask(shop, sub_tasks=(task,)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"opens": RHYTHM.origin + RHYTHM.period + 1},
        {"offers_until": RHYTHM.origin + RHYTHM.period},
        {"opens": RHYTHM.origin + 3 * RHYTHM.period},
    ],
    ids=str,
)
def test_a_demand_out_of_the_market_s_rhythm_draws_no_offer(shop, change):
    """Its session would open beside everybody else's, for one demander alone."""
    assert ask(shop, Alternative(MILL, 5), **change) == []
    assert shop.reasons(shop.seller) == ["demand out of the market's rhythm"]


def test_regression_a_demand_between_two_beats_draws_no_offer(shop):
    """Its two times fitted each other, and its session opened at a moment of its own choice."""
    opens = shop.beat + RHYTHM.period // 2
    between = {"offers_until": RHYTHM.offers_until(opens), "opens": opens}
    assert ask(shop, Alternative(MILL, 5), **between) == []
    assert shop.reasons(shop.seller) == ["demand out of the market's rhythm"]


def test_regression_a_demand_for_a_beat_far_off_leaves_nothing_behind(shop):
    """The offers to it were kept until that beat."""
    for beats in (2, 3, 10**9):
        opens = shop.beat + beats * RHYTHM.period
        ask(shop, Alternative(MILL, 5), opens=opens, offers_until=RHYTHM.offers_until(opens))
    assert shop.reasons(shop.seller) == ["demand for a beat that is far off"] * 3
    opens = shop.beat + RHYTHM.period
    later = {"opens": opens, "offers_until": RHYTHM.offers_until(opens)}
    assert len(ask(shop, Alternative(MILL, 5), **later)) == 1
    assert len(shop.states[shop.seller].offers) == 1


def test_regression_a_demand_for_the_end_of_time_draws_no_offer(shop):
    """Such a slot has no listing id (40 bits of seconds): an error nobody caught."""
    for time in (2**40, 2**63):
        start = time // 1_000 * 1_000
        task = SubTask(b"t" * 32, start, start + 1_000, True, (Alternative(MILL, 5),))
        assert ask(shop, sub_tasks=(task,)) == []


def test_regression_a_demand_for_nothing_draws_no_offer(shop):
    """The trade it led to could only fail, at the supplier's cost."""
    assert ask(shop, Alternative(MILL, 0)) == []


def test_regression_an_absurd_quantity_is_priced_at_what_there_is(wire):
    """The offer's price did not fit its type."""
    wire.seller = wire.supplier("dear", 100, a=10**30, b=1)
    wire.buyer = wire.demander("hostile")
    (offer,) = ask(wire, Alternative(MILL, 2**64 - 2))
    assert offer.unit_price == 100 * 10**24
    assert ask(wire, Alternative(MILL, 2**64 - 2), divisible=False) == []


def test_regression_a_limit_under_demanders_lead_is_refused_before_the_session(wire):
    """The supplier's second quote was an error nobody caught."""
    wire.seller = wire.supplier("s", concept="demanders-lead")
    wire.buyer = wire.demander("hostile")
    wire.steps[wire.buyer] = deaf
    assert ask(wire, Alternative(MILL, 5)) == []
    (offer,) = ask(wire, Alternative(MILL, NO_LIMIT))
    select(wire, offer)
    assert wire.reasons(wire.seller) == ["selection with a limit, which these terms do not allow"]
    select(wire, offer, quantity=NO_LIMIT)
    wire.open(wire.seller)
    assert len(wire.heard(Opening)) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"offer": bytes(32)}, "did not make"),
        ({"listing": bytes(32)}, "misstates"),
        ({"sub_task": bytes(32)}, "misstates"),
        ({"quantity": 6}, "another quantity"),
        ({"quantity": 0}, "another quantity"),
    ],
    ids=str,
)
def test_a_selection_of_something_else_is_refused(shop, change, words):
    (offer,) = ask(shop, Alternative(MILL, 5))
    select(shop, offer, **change)
    assert words in shop.reasons(shop.seller)[-1]


def test_an_offer_is_taken_up_once_by_its_addressee_and_in_time(shop):
    (offer,) = ask(shop, Alternative(MILL, 5))
    other = shop.demander("other")
    select(shop, offer, demander=other)
    assert "did not make to its sender" in shop.reasons(shop.seller)[-1]
    select(shop, offer)
    select(shop, offer)
    assert shop.reasons(shop.seller)[-1] == "offer already taken up"
    assert len(shop.reasons(shop.seller)) == 2
    (late,) = ask(shop, Alternative(MILL, 6))
    shop.open(shop.seller)
    select(shop, late)
    assert "did not make to its sender" in shop.reasons(shop.seller)[-1]
    assert [opening.seats for opening in shop.heard(Opening)] == [1]


def open_to(market, *quantities, divisible=True):
    """Let the hostile demander take seats in one session; return its opening."""
    for index, quantity in enumerate(quantities):
        task = SubTask(
            bytes([index]) * 32, 100_000, 101_000, divisible, (Alternative(MILL, quantity),)
        )
        (offer,) = ask(market, sub_tasks=(task,))
        select(market, offer, quantity=quantity, divisible=divisible)
    market.open(market.seller)
    market.pump()
    return market.heard(Opening)[-1]


def answer(market, kind, seat, quantity, *more):
    """Answer the last quote in a seat, with whatever quantity."""
    quote = market.heard(Quote)[-1]
    quote_digest = digest(market.domain, quote)
    market.say(
        kind(market.buyer, quote.session, seat, quote_digest, quantity, *more), market.seller
    )
    market.pump()


def test_illegal_replies_are_refused(shop):
    open_to(shop, 5, 5)
    answer(shop, Reply, 0, 5_000_001)
    assert "exceed the demand of 5 units" in shop.reasons(shop.seller)[-1]
    answer(shop, Reply, 2, 1)
    assert shop.reasons(shop.seller)[-1] == "there is no seat 2"
    answer(shop, Reply, 0, 1, (Exit(1, 1),))
    assert shop.reasons(shop.seller)[-1] == "exits where no clock goes up"
    answer(shop, Reply, 0, 5_000_000)
    answer(shop, Reply, 0, 4_000_000)
    assert "this seat has answered" in shop.reasons(shop.seller)[-1]
    thief = shop.demander("thief")
    quote = shop.heard(Quote)[-1]
    stolen = Reply(thief, quote.session, 1, digest(shop.domain, quote), 1)
    shop.say(stolen, shop.seller)
    shop.pump()
    assert shop.reasons(shop.seller)[-1] == "seat 1 is somebody else's"
    shop.say(replace(stolen, demander=shop.buyer, quote=bytes(32)), shop.seller)
    shop.pump()
    assert shop.reasons(shop.seller)[-1] == "answer to another quote than the last"


def test_a_seat_that_was_silent_answers_no_more(shop):
    """Its demand was left out of the price; let in again it would upset the sums."""
    open_to(shop, 50, 50)
    answer(shop, Reply, 0, 40_000_000)
    shop.time_up(shop.seller)
    assert shop.heard(Quote)[-1].dropped == (1,)
    answer(shop, Reply, 1, 5_000_000)
    assert shop.reasons(shop.seller) == ["seat 1 was silent and no longer counts"]
    answer(shop, Reply, 0, 40_000_000)
    assert shop.heard(Quote)[-1].sum == 40_000_000


def test_an_answer_to_an_earlier_quote_is_refused(shop):
    open_to(shop, 50)
    earlier = digest(shop.domain, shop.heard(Quote)[-1])
    answer(shop, Reply, 0, 40_000_000)
    late = Reply(shop.buyer, shop.heard(Quote)[-1].session, 0, earlier, 30_000_000)
    shop.say(late, shop.seller)
    shop.pump()
    assert shop.reasons(shop.seller) == ["answer to another quote than the last"]


def test_answers_after_the_close_and_in_sessions_of_nobody_are_refused(shop):
    agreed(shop, 5)
    answer(shop, Reply, 0, 5)
    assert shop.reasons(shop.seller) == ["the session is closed"]
    quote = shop.heard(Quote)[-1]
    shop.say(Reply(shop.buyer, bytes(32), 0, digest(shop.domain, quote), 1), shop.seller)
    shop.pump()
    assert shop.reasons(shop.seller)[-1] == "message of a session we do not host"


def test_a_demand_that_rises_with_the_price_is_refused(shop):
    open_to(shop, 50)
    answer(shop, Reply, 0, 40_000_000)
    first, second = shop.heard(Quote)
    assert second.price > first.price
    answer(shop, Reply, 0, 40_000_001)
    assert shop.reasons(shop.seller)[-1] == "a demand that rises with the price"


def test_regression_replies_without_a_limit_cannot_overflow_the_announced_sum(shop):
    """Two replies of 2^256 - 1 made a sum that did not fit the next quote."""
    open_to(shop, NO_LIMIT, NO_LIMIT)
    answer(shop, Reply, 0, 2**256 - 1)
    assert "exceed the demand" in shop.reasons(shop.seller)[-1]
    for seat in (0, 1):
        answer(shop, Reply, seat, NO_LIMIT * 10**6)
    assert shop.heard(Quote)[-1].sum == 2 * NO_LIMIT * 10**6


@pytest.mark.parametrize("greed", [NO_LIMIT * 10**6, 10**30, 7])
def test_constant_replies_end_the_session_within_its_limit(shop, greed):
    """A member that asks for the same at any price; the session closes, and nobody crashes."""
    open_to(shop, NO_LIMIT)
    for _ in range(210):
        if shop.heard(Close):
            break
        answer(shop, Reply, 0, min(greed, NO_LIMIT * 10**6))
    assert len(shop.heard(Quote)) <= 201
    assert shop.heard(Close)


def agreed(market, *quantities):
    """Play a session to its close with replies that leave room; return the trades due."""
    open_to(market, *quantities)
    while not market.heard(Close):
        for seat, quantity in enumerate(quantities):
            answer(market, Reply, seat, quantity * 10**6)
    close = market.heard(Close)[-1]
    opening = market.heard(Opening)[-1]
    transcript = digest(market.domain, close)
    return [
        Trade(
            opening.listing,
            market.buyer,
            market.token,
            quantity,
            close.price,
            market.now + 60,
            nonce,
            place.value,
            transcript=transcript,
        )
        for nonce, (quantity, place) in enumerate(
            zip(market.awards(close), market.places(opening).values(), strict=True)
        )
    ]


def test_an_indivisible_sub_task_is_bound_by_its_answer(shop):
    """It answered 0 at every quote, and claimed all of itself in the end."""
    open_to(shop, 5, divisible=False)
    answer(shop, Reply, 0, 0)
    assert shop.awards(shop.heard(Close)[-1]) == (0,)


def test_an_indivisible_sub_task_that_answers_is_awarded_whole(shop):
    open_to(shop, 5, divisible=False)
    while not shop.heard(Close):
        answer(shop, Reply, 0, 4_000_000)
    assert shop.awards(shop.heard(Close)[-1]) == (5,)


ALTERED = {
    "cheaper": {"unit_price": 1},
    "more": {"quantity": 9},
    "other listing": {"listing": bytes(32)},
    "other token": {"token": STRANGER.address},
    "other talk": {"transcript": bytes(32)},
    "listing epoch": {"listing_epoch": 1},
    "other nonce of the supplier": {"supplier_nonce": 0},
    "part of a product": {"bundle": b"b" * 32},
    "escrow": {"escrow": Escrow(deliver_by=1)},
    "out of date": {"valid_until": 50_000},
    "valid past the slot": {"valid_until": 101_001},
}


@pytest.mark.parametrize("change", ALTERED.values(), ids=ALTERED.keys())
def test_a_trade_on_other_terms_is_not_countersigned(shop, change):
    (trade,) = agreed(shop, 5)
    shop.say(replace(trade, **change), shop.seller)
    shop.pump()
    assert shop.reasons(shop.seller)[-1].startswith("trade ")
    assert shop.submits == []
    shop.say(trade, shop.seller)
    shop.pump()
    assert shop.trades() == [trade]


def test_a_trade_of_the_demander_s_next_epoch_is_countersigned(shop):
    (trade,) = agreed(shop, 5)
    later = replace(trade, nonce=nonce_of(1, 0))
    shop.say(later, shop.seller)
    shop.pump()
    assert shop.trades() == [later]


def test_a_trade_is_submitted_once_for_every_seat_it_was_agreed_for(shop):
    first, second = agreed(shop, 5, 5)
    shop.say(first, shop.seller)
    shop.say(first, shop.seller)
    shop.pump()
    assert shop.reasons(shop.seller) == ["trade that was already submitted"]
    shop.say(second, shop.seller)
    shop.say(replace(second, nonce=9), shop.seller)
    shop.pump()
    assert shop.reasons(shop.seller) == ["trade that was already submitted"] * 2
    assert shop.trades() == [first, second]


def test_a_trade_by_somebody_else_is_not_countersigned(shop):
    (trade,) = agreed(shop, 5)
    thief = shop.demander("thief")
    shop.say(replace(trade, demander=thief), shop.seller)
    shop.pump()
    assert shop.reasons(shop.seller) == ["trade that was not agreed"]


def test_a_signed_trade_comes_too_late_after_the_session(shop):
    (trade,) = agreed(shop, 5)
    shop.end(shop.seller)
    shop.say(trade, shop.seller)
    shop.pump()
    assert shop.reasons(shop.seller) == ["trade that was not agreed"]
    assert shop.states[shop.seller].shelves[trade.listing].room == 100


def test_outputs_of_a_step_are_what_the_node_can_carry_out(shop):
    (trade,) = agreed(shop, 5)
    signature = shop.keys[shop.buyer].sign(digest(shop.domain, trade))
    state, outputs = shop.steps[shop.seller](
        shop.states[shop.seller], Received(trade, digest(shop.domain, trade), signature)
    )
    assert outputs == (Submit(Settle(SignedTrade(trade, signature, b""))),)
    assert state != shop.states[shop.seller]


# In a bargain


@pytest.fixture
def bargain(wire):
    """A bargain that an honest supplier has opened to a demander played by the test."""
    wire.seller = wire.supplier("honest", 10, concept="bargaining", maintenance=40)
    wire.buyer = wire.demander("hostile")
    wire.steps[wire.buyer] = deaf
    wire.opening = open_to(wire, 6)
    return wire


def bid(market, **changes):
    """Say a first bid, changed; return what the supplier refuses it for, or None."""
    session = digest(market.domain, market.opening)
    usual = {"sender": market.buyer, "session": session, "sequence": 0, "previous": session}
    terms = {"unit_price": 50, "quantity": 6, "reason": "propose"}
    before = len(market.reasons(market.seller))
    market.say(Counter(**{**usual, **terms, **changes}), market.seller)
    market.pump()
    return next(iter(market.reasons(market.seller)[before:]), None)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sequence": 1}, "does not chain"),
        ({"previous": bytes(32)}, "does not chain"),
        ({"quantity": 7}, "does not chain"),
        ({"reason": "accept"}, "acceptance at 50, not at the None proposed"),
        ({"reason": "hurry"}, "unknown reason"),
        ({"session": bytes(32)}, "counter in a session we do not host"),
    ],
    ids=str,
)
def test_an_illegal_bid_is_refused_and_a_true_one_answered(bargain, change, words):
    assert words in bid(bargain, **change)
    assert bid(bargain) is None
    assert bid(bargain) == "the counter does not chain to the one before"
    assert len([each for each in bargain.heard(Counter) if each.sender == bargain.seller]) == 1


def test_a_bid_by_somebody_else_is_refused(bargain):
    assert bid(bargain, sender=bargain.demander("thief")) == "out of turn"


def test_a_bidder_that_walks_away_gets_nothing_and_holds_nothing_back(bargain):
    assert bid(bargain, reason="withdraw", unit_price=0) is None
    assert bargain.states[bargain.seller].shelves[bargain.opening.listing].room == 10
    assert bid(bargain) == "the bargain is over"


def test_a_reply_in_a_bargain_is_refused(bargain):
    session = digest(bargain.domain, bargain.opening)
    bargain.say(Reply(bargain.buyer, session, 0, session, 1), bargain.seller)
    bargain.pump()
    assert bargain.reasons(bargain.seller) == ["message of a session we do not host"]


def test_a_bid_in_a_session_is_refused(shop):
    shop.opening = open_to(shop, 6)
    assert bid(shop) == "counter in a session we do not host"
