"""Masked sessions in the market: who comes together, what is bought, what ends one early."""

from dataclasses import replace

import pytest

from fabmarket.identity import digest
from fabmarket.identity.codec import decode, encode
from fabmarket.market.masked import (
    Dispute,
    Inquiry,
    MaskedAbort,
    MaskedClose,
    MaskedQuote,
    MaskedReply,
    SeatRequest,
    Unmasking,
)
from fabmarket.market.messages import (
    Close,
    MaskedOpening,
    Offer,
    Opening,
    Reply,
    Selection,
)
from fabmarket.market.units import name_to_bytes32
from fabmarket.negotiation import demander
from fabmarket.negotiation.course import member_of
from fabmarket.negotiation.masked.hosted import LIED, SILENT
from fabmarket.negotiation.moves import News, Send
from fabmarket.negotiation.supplier.masked_selling import open_masked_session
from fabmarket.negotiation.wants import (
    BROKEN_OFF,
    DROPPED,
    ONLY_OPEN,
    SAT_MASKED,
    TOO_FEW,
)
from tests.unit.negotiation.wire import RHYTHM, Wire, deaf

MILL = name_to_bytes32("mill")
CLOCK = {"concept": "clock", "step": 4}


def market(wire, margins=(100, 80, 60), units=30, least=3, rounds=2, policy=(), **terms):
    """One supplier of masked sessions, and a demander for each margin."""
    wire.seller = wire.supplier("s", least=least, **terms)
    given = dict(policy)
    wire.buyers = [
        wire.demander(f"d{at}", wire.want(f"t{at}", (MILL, units, margin)), rounds=rounds, **given)
        for at, margin in enumerate(margins)
    ]
    return wire


def traded(wire):
    """(demander, units, payment) of what was settled."""
    sold = {}
    for event in wire.settled:
        units, paid = sold.get(event.demander, (0, 0))
        sold[event.demander] = units + event.quantity, paid + event.payment
    return sold


def room(wire):
    return wire.states[wire.seller].shelves[wire.listing(wire.seller, 0)].room


@pytest.mark.parametrize(
    "terms",
    [
        {},
        {"concept": "simultaneous"},
        {**CLOCK, "room": 40, "maintenance": 60},
        {**CLOCK, "room": 40, "lots": True, "maintenance": 60},
    ],
    ids=["balanced", "simultaneous", "clock", "lots"],
)
def test_a_masked_market_s_trades_are_the_open_one_s(terms):
    margins = (117, 75, 93, 60)  # all quoted by a clock from 60 on
    masked, clear = market(Wire(), margins, **terms), market(Wire(), margins, least=0, **terms)
    for wire in (masked, clear):
        wire.round()
        assert wire.ignored == wire.postponed == []
    assert traded(masked) == traded(clear)
    assert traded(masked)
    assert room(masked) == room(clear)
    assert len(masked.heard(MaskedClose)) == len(clear.heard(Close)) == 1
    assert masked.heard(Reply) == masked.heard(Opening) == []


def test_nothing_that_a_member_gets_names_another_s_account(wire):
    market(wire).round()
    for buyer in wire.buyers:
        others = {each for each in wire.buyers if each != buyer}
        got = [(message, places) for message, to, places in wire.sent if to == buyer]
        assert any(isinstance(message, MaskedClose) for message, _ in got)
        assert not any(other in repr(each) for other in others for each in got)
        assert not any(other[2:].lower() in repr(each).lower() for other in others for each in got)


def test_replies_are_masked_and_opened_to_the_supplier_alone(wire):
    market(wire).round()
    to_seller = [(message, to) for message, to, _ in wire.sent if to == wire.seller]
    replies = [message for message, _ in to_seller if isinstance(message, MaskedReply)]
    assert len(replies) == 3 * sum(not each.final for each in wire.heard(MaskedQuote))
    assert all(min(it.answer.first, it.answer.second) > 2**128 for it in replies)
    assert len(wire.heard(Unmasking)) == 3
    opened = [to for message, to, _ in wire.sent if isinstance(message, Unmasking)]
    assert set(opened) == {wire.seller}


def test_too_few_sit_in_an_open_session_if_they_allow_it(wire):
    market(wire, (100, 80))
    shy = wire.demander("shy", wire.want("t", (MILL, 30, 90)), open=False, least=4, rounds=3)
    wire.round()
    assert wire.heard(MaskedOpening) == []
    (opening,) = wire.heard(Opening)
    assert opening.seats == 2
    assert wire.attempts(shy) == [TOO_FEW]
    assert wire.states_of(shy) == ["open"]
    assert all(wire.states_of(buyer) == ["served"] for buyer in wire.buyers)


def test_who_asks_for_too_large_a_roster_does_not_keep_the_others_from_theirs(wire):
    market(wire)
    vast = wire.demander("vast", wire.want("t", (MILL, 30, 90)), least=1000)
    wire.round()
    (opening,) = wire.heard(MaskedOpening)
    assert opening.seats == 3
    assert wire.attempts(vast) == [TOO_FEW]


def test_several_seats_of_one_account_count_once(wire):
    wire.seller = wire.supplier("s", least=3)
    wants = [wire.want(f"t{at}", (MILL, 10, 90)) for at in range(4)]
    wire.buyers = [wire.demander("a", *wants), wire.demander("b", wire.want("u", (MILL, 10, 80)))]
    wire.round()
    assert wire.heard(MaskedOpening) == []
    assert len(wire.heard(Opening)) == 1


def test_one_account_may_have_two_seats_among_enough_others(wire):
    market(wire)
    twice = wire.demander("twice", wire.want("a", (MILL, 9, 90)), wire.want("b", (MILL, 8, 70)))
    wire.round()
    (opening,) = wire.heard(MaskedOpening)
    assert opening.seats == 5
    assert wire.states_of(twice) == ["served", "served"]
    assert wire.ignored == []


def test_an_owner_that_wants_no_open_session_takes_no_open_offer(wire):
    wire.seller = wire.supplier("s")
    shy = wire.demander("shy", wire.want("t", (MILL, 30, 90)), open=False)
    wire.round()
    assert wire.heard(Selection) == []
    assert (wire.states_of(shy), wire.attempts(shy)) == (["unserved"], [ONLY_OPEN])


@pytest.mark.parametrize("clock", [{}, {**CLOCK, "room": 40}])
def test_a_silent_member_breaks_it_off_and_the_next_session_is_open(wire, clock):
    market(wire, rounds=3, **clock)
    wire.until("choose")
    lazy = wire.buyers[1]
    wire.steps[lazy] = deaf
    wire.open()
    wire.pump()
    wire.time_up()
    wire.pump()
    (abort,) = wire.heard(MaskedAbort)
    assert (abort.reason, len(abort.seats)) == (SILENT, 1)
    assert room(wire) == clock.get("room", 100)
    state = wire.states[wire.seller]
    assert state.unsigned[lazy].count == 1
    assert (wire.seller, News.of("broken", slot="0", reason=SILENT)) in wire.told
    others = [buyer for buyer in wire.buyers if buyer != lazy]
    assert [wire.attempts(buyer) for buyer in others] == [[BROKEN_OFF]] * 2
    wire.end()
    wire.steps[lazy] = demander.step
    wire.round()
    assert [each.terms.least for each in wire.heard(Offer)][-1] == 0
    assert len(wire.heard(MaskedOpening)) == len(wire.heard(Opening)) == 1
    assert wire.states_of(wire.buyers[0]) == ["served"]


def test_a_silent_supplier_opens_its_listing_too(wire):
    market(wire, rounds=3)
    wire.until("choose")
    wire.steps[wire.buyers[0]] = deaf
    wire.open()
    wire.pump()
    wire.end(wire.seller)  # in one step from the round to the end
    assert wire.listing(wire.seller, 0) in wire.states[wire.seller].opened


def test_who_answered_sits_in_no_second_masked_session_of_a_listing(wire):
    market(wire, rounds=3)
    wire.until("choose")
    wire.steps[wire.buyers[1]] = deaf
    wire.open()
    wire.pump()
    wire.time_up()
    wire.pump()
    wire.end()
    state = wire.states[wire.seller]
    wire.states[wire.seller] = replace(state, opened=state.opened.discard(abort_listing(wire)))
    wire.steps[wire.buyers[1]] = demander.step
    wire.until("choose")
    choosers = {each.demander for each in wire.heard(Selection)[3:]}
    assert choosers <= {wire.buyers[1]}
    for buyer in (wire.buyers[0], wire.buyers[2]):
        assert wire.attempts(buyer) == [BROKEN_OFF, SAT_MASKED]


def abort_listing(wire):
    return wire.listing(wire.seller, 0)


def test_an_opening_of_a_second_masked_session_is_refused_by_name(wire):
    """Whatever the supplier says: two sums with and without a seat would tell its answer."""
    market(wire)
    wire.until("choose")
    buyer = wire.buyers[0]
    state = wire.states[buyer]
    listing = wire.listing(wire.seller, 0)
    wire.states[buyer] = replace(state, masked=state.masked.insert(listing, 10**9))
    wire.open()
    wire.pump()
    assert wire.reasons(buyer) == ["second masked session of one listing"]


def test_two_masked_sessions_of_a_listing_cannot_open_before_either_is_answered(wire):
    """Two wants of one demander, each in a roster of its own, and the openings before the quotes:
    both sessions were answered.
    """
    wire.seller = wire.supplier("s", least=3)
    for at in range(3):
        wire.demander(f"d{at}", *(wire.want(f"{it}{at}", (MILL, 10, 90)) for it in "ab"), least=3)
    wire.until("choose")
    state, listing = wire.states[wire.seller], wire.listing(wire.seller, 0)
    chosen = state.pending[listing].values()
    sent = []
    for want in (b"a", b"b"):
        some = [each for each in chosen if each[1].sub_task.startswith(want)]
        members = tuple(member_of(it, key, at) for at, (key, it) in enumerate(some))
        cards = tuple(it.masked[0].card for _, it in some)
        terms = replace(state.terms, capacity=100)
        _, outputs = open_masked_session(state, listing, wire.beat, terms, members, cards)
        sent += [each for each in outputs if isinstance(each, Send)]
    wire.steps[wire.seller] = deaf
    wire.open()
    for each in sorted(sent, key=lambda each: not isinstance(each.message, MaskedOpening)):
        wire.say(each.message, each.to, *each.places)
    wire.pump()
    first, _ = wire.heard(MaskedOpening)
    answered = {each.session for each in wire.heard(MaskedReply)}
    assert answered == {digest(wire.domain, first)}
    assert [reason for _, reason in wire.ignored] == ["second masked session of one listing"] * 3


def test_who_does_not_open_its_answer_gets_nothing_and_is_noted(wire):
    market(wire)
    wire.until("choose")
    shut = wire.buyers[0]

    def never_opens(state, given):
        message = getattr(given, "message", None)
        if isinstance(message, MaskedQuote) and message.final:
            return state, ()
        return demander.step(state, given)

    wire.steps[shut] = never_opens
    wire.open()
    wire.pump()
    wire.steps[shut] = demander.step
    assert wire.heard(MaskedClose) == []
    wire.time_up()
    wire.pump()
    (close,) = wire.heard(MaskedClose)
    assert len(close.dropped) == 1
    wire.settle()
    assert shut not in traded(wire)
    assert len(traded(wire)) == 2
    assert wire.states[wire.seller].unsigned[shut].count == 1


def test_the_dropped_are_told(wire):
    market(wire)
    wire.until("choose")
    shut = wire.buyers[0]
    wire.open(*wire.states)
    held = []
    while wire.queue:
        to, received = wire.queue.popleft()
        if isinstance(received.message, Unmasking) and received.message.demander == shut:
            held.append((to, received))
        elif to in wire.states:
            wire.give(to, received)
    wire.time_up()
    wire.pump()
    assert len(held) == 1
    assert wire.attempts(shut) == [DROPPED]


def test_a_liar_is_named_and_noted(wire):
    market(wire, rounds=3)
    wire.until("choose")
    liar = wire.buyers[2]

    def lies(state, given):
        state, outputs = demander.step(state, given)
        return state, tuple(map(lied, outputs))

    def lied(output):
        message = getattr(output, "message", None)
        if not isinstance(message, MaskedReply):
            return output
        answer = replace(message.answer, first=message.answer.first ^ 1)
        return replace(output, message=replace(message, answer=answer))

    wire.steps[liar] = lies
    wire.open()
    wire.pump()
    assert [each.rounds for each in wire.heard(Inquiry)] == [()]
    assert wire.heard(Dispute) == []
    (abort,) = wire.heard(MaskedAbort)
    assert (abort.reason, len(abort.seats)) == (LIED, 1)
    assert list(wire.states[wire.seller].unsigned) == [liar]
    assert wire.listing(wire.seller, 0) in wire.states[wire.seller].opened


def test_a_selection_needs_a_card_for_a_masked_session_and_none_for_an_open_one(wire):
    market(wire)
    wire.until("publish")
    wire.choose(*wire.buyers)
    sent = [received.message for _, received in wire.queue]
    wire.queue.clear()
    first, second = sent[0], sent[1]
    (request,), (other,) = first.masked, second.masked
    lies = {
        replace(first, masked=()): "selection that misstates whether the session is masked",
        replace(first, masked=(request, other)): "selection that misstates whether the session is "
        "masked",
        replace(
            first, masked=(SeatRequest(replace(request.card, consent=bytes(65)), 3, True),)
        ): "selection with a card that its one-time key has not signed",
        replace(
            first, masked=(SeatRequest(replace(request.card, mask_key=bytes(33)), 3, True),)
        ): "selection with a card that its one-time key has not signed",
    }
    for lie, words in lies.items():
        wire.say(lie, wire.seller)
        wire.pump()
        assert wire.reasons(wire.seller)[-1] == words
    wire.say(first, wire.seller)
    wire.pump()
    wire.say(replace(second, masked=(request,)), wire.seller)
    wire.pump()
    assert wire.reasons(wire.seller)[-1] == "selection under a one-time key that has a seat"


def test_an_open_session_where_only_a_masked_one_will_do_is_refused(wire):
    market(wire, (100, 80), policy={"open": False})
    wire.until("choose")
    chosen = wire.states[wire.seller].pending
    listing = wire.listing(wire.seller, 0)
    queue = chosen[listing]
    for offer, (_, selection) in queue.items():
        (request,) = selection.masked
        queue = queue.insert(
            offer,
            (
                digest(wire.domain, selection),
                replace(selection, masked=(replace(request, open=True),)),
            ),
        )
    state = wire.states[wire.seller]
    wire.states[wire.seller] = replace(state, pending=chosen.insert(listing, queue))
    wire.open()
    wire.pump()
    words = "open session where we asked for a masked one"
    assert all(words in wire.reasons(buyer) for buyer in wire.buyers)


def test_a_masked_market_starts_no_session_late(wire):
    market(wire)
    wire.until("choose")
    wire.tick(wire.beat + RHYTHM.period)
    wire.pump()
    assert wire.heard(MaskedOpening) == []


def test_all_that_is_known_can_be_written_down_at_any_time(wire):
    market(wire)
    wire.until("choose")
    wire.open()
    while wire.queue:
        to, received = wire.queue.popleft()
        wire.give(to, received)
        state = wire.states[to]
        assert decode(type(state), encode(state)) == state
    assert len(wire.heard(MaskedClose)) == 1
