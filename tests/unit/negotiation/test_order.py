"""Messages that come early, late, twice, or in any order between their senders."""

import random

import pytest

from fabmarket.market.messages import Close, Demand, Opening, Refusal, Reply, Selection
from fabmarket.market.units import name_to_bytes32
from fabmarket.negotiation.wants import NO_ANSWER
from tests.unit.negotiation.wire import RHYTHM, Wire

MILL = name_to_bytes32("mill")


def test_a_quote_before_its_opening_waits_and_fits_when_sent_again(trap):
    market = trap()
    opening, *places = market.opening()
    later = trap()
    later.host()
    quote = later.due()
    assert market.tempt(*quote) == "word of a session that we have no opening of"
    assert market.ignored == []
    assert market.tempt(opening, *places) is None
    assert market.tempt(*quote) is None
    assert [reply.session for reply in market.heard(Reply)] == [later.hosted.id]


def test_words_ahead_of_their_turn_wait(trap):
    """The second quote and the close arrive before the first quote."""
    ahead = trap()
    ahead.host()
    words = []
    while ahead.hosted.close is None:
        words.append(ahead.due())
        ahead.advance()
    market = trap()
    market.host()
    for word in reversed(words[1:]):
        reason = market.tempt(*word)
        assert reason in (
            "quote that is ahead of its turn",
            "close that follows a quote we have not got",
        )
    assert (market.ignored, len(market.postponed)) == ([], len(words) - 1)
    for word in words:
        assert market.tempt(*word) is None
    assert market.states_of(market.honest) == ["agreed"]


def test_a_word_of_a_supplier_that_nobody_waits_for_does_not_wait(trap):
    market = trap()
    stranger = market.supplier("stranger")
    market.host()
    quote, *places = market.due()
    words = market.tempt(quote.__class__(**{**vars(quote), "supplier": stranger}), *places)
    assert words == "word of another session"
    other = quote.__class__(**{**vars(quote), "supplier": stranger, "session": b"x" * 32})
    assert market.tempt(other, *places) == "message of a session we have no seat in"
    assert market.postponed == []


def crowd(wire, concept="balanced"):
    wire.supplier("s", 60, concept=concept, maintenance=10)
    wire.supplier("t", 40, concept=concept, maintenance=12)
    return [
        wire.demander(
            f"d{number}",
            wire.want("one", (MILL, 7 + number, 90 + number)),
            wire.want("two", (MILL, 3, 50)),
        )
        for number in range(4)
    ]


def settled(wire):
    """What was traded, whatever the messages that led to it."""
    return sorted(
        (sale.demander, sale.listing, sale.quantity, sale.unit_price) for sale in wire.settled
    )


def in_any_order(wire, rng):
    """Deliver everything, any letter next; what has to wait is sent again."""
    while wire.queue:
        at = rng.randrange(len(wire.queue))
        to, received = wire.queue[at]
        del wire.queue[at]
        waiting = len(wire.postponed)
        wire.give(to, received)
        if len(wire.postponed) > waiting:
            wire.queue.append((to, received))


@pytest.mark.parametrize("concept", ["balanced", "simultaneous", "bargaining"])
@pytest.mark.parametrize("seed", range(3))
def test_the_same_trades_in_whatever_order_letters_come(concept, seed):
    straight, mixed = Wire(), Wire()
    crowd(straight, concept)
    crowd(mixed, concept)
    rng = random.Random(seed)
    mixed.pump = lambda: in_any_order(mixed, rng)
    for wire in (straight, mixed):
        wire.round()
        wire.round()
    assert settled(mixed) == settled(straight) != []
    assert mixed.ignored == mixed.refused == []


def test_the_same_trades_if_every_letter_comes_twice(wire):
    """The node drops what it knows; a step that gets it again changes nothing either."""
    single = Wire()
    crowd(single)
    crowd(wire)

    def twice():
        while wire.queue:
            to, received = wire.queue.popleft()
            wire.give(to, received)
            before, sent = wire.states[to], len(wire.sent)
            wire.give(to, received)
            assert wire.states[to] == before
            assert len(wire.sent) == sent or isinstance(received.message, Demand)

    wire.pump = twice
    for each in (single, wire):
        each.round()
    assert settled(wire) == settled(single) != []


def test_a_selection_that_comes_after_the_beat_takes_no_seat(wire):
    seller = wire.supplier("s")
    buyer = wire.demander("d", wire.want("task", (MILL, 5, 60)))
    wire.until("publish")
    wire.choose()
    (late,) = wire.queue
    wire.queue.clear()
    wire.open()
    wire.give(*late)
    assert isinstance(late[1].message, Selection)
    assert wire.reasons(seller) == ["selection of an offer we did not make to its sender"]
    wire.tick(wire.beat + 1)
    assert wire.heard(Opening) == []
    wire.end()
    assert wire.attempts(buyer) == [NO_ANSWER]


def test_a_demander_that_wakes_up_after_the_beat_publishes_for_the_next(wire):
    wire.supplier("s")
    buyer = wire.demander("d", wire.want("task", (MILL, 5, 60)))
    wire.until("publish")
    missed = wire.beat
    wire.tick(missed)
    wire.pump()
    assert wire.heard(Selection) == []
    assert wire.states_of(buyer) == ["open"]
    wire.round()
    assert [demand.opens for demand in wire.heard(Demand)] == [missed, missed + RHYTHM.period]
    assert wire.states_of(buyer) == ["served"]


def test_a_supplier_that_wakes_up_within_the_period_opens_late_and_ends_in_time(wire):
    wire.supplier("s")
    buyer = wire.demander("d", wire.want("task", (MILL, 5, 60)))
    wire.until("choose")
    wire.tick(wire.beat + 20)
    wire.pump()
    (opening,) = wire.heard(Opening)
    assert opening.ends == RHYTHM.ends(wire.beat)
    assert wire.states_of(buyer) == ["agreed"]


@pytest.mark.parametrize("concept", ["balanced", "bargaining"])
def test_regression_a_supplier_that_slept_through_the_period_opens_nothing(wire, concept):
    """It opened a session that was over, and held its units back for it until the next tick."""
    seller = wire.supplier("s", concept=concept)
    wire.demander("d", wire.want("task", (MILL, 5, 60)))
    wire.until("choose")
    wire.end(seller)
    assert wire.heard(Opening) == wire.heard(Refusal) == []
    state = wire.states[seller]
    assert [len(each) for each in (state.talks, state.pending, state.offers)] == [0, 0, 0]
    assert state.shelves[wire.listing(seller, 0)].promised == 0


def test_a_trade_that_comes_before_others_close_is_settled(wire):
    """Members hear the close one after the other; whoever signs first waits for nobody."""
    seller = wire.supplier("s")
    for name in "abc":
        wire.demander(name, wire.want("task", (MILL, 5, 60)))
    wire.until("choose")
    wire.open()
    held = []
    while wire.queue:
        to, received = wire.queue.popleft()
        if isinstance(received.message, Close) and len(held) < 2:
            held.append((to, received))
        else:
            wire.give(to, received)
    assert len(wire.trades()) == 1
    wire.queue.extend(held)
    wire.pump()
    wire.settle()
    assert (len(wire.settled), wire.refused) == (3, [])
    assert wire.states[seller].shelves[wire.listing(seller, 0)].room == 85
