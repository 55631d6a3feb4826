"""Whatever a stranger signs, in whatever state: a step answers with an output and never an error.

Messages are true ones with one or two fields changed, at every moment of a market's cycle.
"""

from dataclasses import fields, replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fabmarket.identity import digest
from fabmarket.identity.typed_data import BadValue
from fabmarket.market.products import Answer, Bid, Countersigned
from fabmarket.market.units import name_to_bytes32
from fabmarket.negotiation.moves import Ignored, Postponed, Received
from fabmarket.node.signing import signed_word
from tests.unit.negotiation.trap import OTHER_SEAT, STRANGER, Trap
from tests.unit.negotiation.wire import HELD, Wire

MILL, LATHE = name_to_bytes32("mill"), name_to_bytes32("lathe")
NUMBERS = (0, 1, 2, 2**16, 2**32 - 1, 2**64 - 2, 2**64 - 1, 2**128 - 1, 2**256 - 1)
WORDS = ("", "balanced", "simultaneous", "demanders-lead", "bargaining", "accept", "withdraw")


def changed(value, rng, known):
    """Something else of the same type; `known` are digests that mean something here."""
    match value:
        case bool():
            return not value
        case int():
            return max(0, rng.choice((*NUMBERS, value - 1, value + 1, value + 60)))
        case bytes():
            return rng.choice(known)
        case str() if value.startswith("0x"):
            return rng.choice((STRANGER.address, value))
        case str():
            return rng.choice(WORDS)
        case () if rng.random() < 0.5:
            return rng.choice(((0,), (1, 1), (2**32 - 1,)))
        case (first, *rest):
            one = changed(first, rng, known)
            return rng.choice(((), (*value, first), (one, *rest)))
        case ():
            return ()
        case _:
            name = rng.choice([each.name for each in fields(value)])
            return replace(value, **{name: changed(getattr(value, name), rng, known)})


def mutated(message, places, rng, known):
    """A message and places, of which one or two things differ from what is true."""
    for _ in range(rng.choice((1, 1, 2))):
        if places and rng.random() < 0.4:
            at = rng.randrange(len(places))
            other = changed(places[at], rng, known)
            places = rng.choice((places[:at], (*places, other), (*places[:at], other)))
        else:
            message = changed(message, rng, known)
    return message, places


def try_on(wire, address, message, places, rng, known):
    """Give a participant a changed message on the side: its state is not touched."""
    message, places = mutated(message, places, rng, known)
    try:
        message = resigned(wire, message)
        message_digest = digest(wire.domain, message)
        for place in places:
            digest(wire.domain, place)
    except BadValue:
        return  # no such message can be signed or decoded
    state, outputs = wire.steps[address](
        wire.states[address], Received(message, message_digest, b"s", tuple(places))
    )
    if any(isinstance(output, Ignored | Postponed) for output in outputs):
        assert len(outputs) == 1
        assert state == wire.states[address]
    for output in outputs:
        if getattr(output, "message", None) is not None:
            digest(wire.domain, output.message)


@pytest.mark.parametrize("concept", ["balanced", "simultaneous", "bargaining"])
@settings(max_examples=25)
@given(rng=st.randoms(use_true_random=False))
def test_no_message_breaks_a_participant(concept, rng):
    wire = Wire()
    wire.supplier("s", 50, concept=concept)
    wire.supplier("t", 20, concept=concept, maintenance=8, delivery=HELD, money=10**6)
    wire.demander("a", wire.want("one", (MILL, 12, 90)), wire.want("two", (MILL, 7, 60)))
    wire.demander("b", wire.want("one", (MILL, 30, 80), divisible=False))
    known = [b"x" * 32, bytes(32)]

    def pump():
        while wire.queue:
            to, received = wire.queue.popleft()
            known.append(received.digest)
            for _ in range(3):
                try_on(wire, to, received.message, received.places, rng, known[-8:])
            wire.give(to, received)
            try_on(wire, to, received.message, received.places, rng, known[-8:])

    wire.pump = pump
    wire.round()
    assert wire.settled
    assert wire.ignored == []


def resigned(wire, message):
    """A changed word of products with what its author would sign beside it."""
    key = wire.keys.get(message.author)
    match message:
        case Bid() | Countersigned():
            unsigned = replace(message, consent=b"")
        case Answer():
            unsigned = replace(message, signed=replace(message.signed, consent=b""))
        case _:
            return message
    return message if key is None else signed_word(key, wire.domain, unsigned)


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32))
def test_no_word_of_a_product_breaks_a_participant(seed):
    """Three products for the room of two, so that there are rivals, denials and moves."""
    wire, rng = Wire(), Random(seed)
    wire.supplier("mill", 5, slots=range(2), maintenance=10)
    wire.supplier("lathe", 10, resource=LATHE, slots=range(3), maintenance=20)
    steps = [(MILL, 5)], [(LATHE, 5)]
    for name, value in (("a", 1_000), ("b", 990), ("c", 980)):
        wire.buyer(name, wire.product(f"part {name}", *steps, value=value, slots=(0, 3), due=3))
    known = [b"x" * 32, bytes(32)]

    def pump():
        while wire.queue:
            to, received = wire.queue.popleft()
            known.append(received.digest)
            for _ in range(2):
                try_on(wire, to, received.message, (), rng, known[-8:])
            wire.give(to, received)
            try_on(wire, to, received.message, (), rng, known[-8:])

    wire.pump = pump
    wire.rounds()
    assert len(wire.settled) == 4
    assert wire.ignored == []


@pytest.mark.parametrize("whole", [False, True])
@settings(max_examples=40)
@given(rng=st.randoms(use_true_random=False))
def test_no_word_of_a_session_breaks_a_member_with_two_seats(whole, rng):
    """Here a supplier shows places of its own making, of other seats and of other rounds."""
    wants = Wire.want("one", (MILL, 10, 100), divisible=not whole), Wire.want("two", (MILL, 9, 80))
    twin, told = two_seats(*wants), []
    while twin.hosted.close is None:
        told.append(twin.due())
        twin.advance()
    market = two_seats(*wants)
    while market.hosted.close is None:
        for _ in range(8):
            message, *_ = rng.choice(told)
            _, *places = rng.choice(told)
            last = market.talk.last_digest
            if rng.random() < 0.7:
                message = replace(message, previous=last)
            known = [bytes(32), last, digest(market.domain, message)]
            try_on(market, market.honest, message, tuple(places), rng, known)
        market.advance()
    for message, *places in told:
        try_on(market, market.honest, message, tuple(places), rng, known)


def two_seats(*wants):
    """A session of three, of which the honest demander has the first and the last seat."""
    market = Trap(*wants, room=25)
    market.greed = 5
    market.host(market.seat(0), OTHER_SEAT, market.seat(1))
    return market
