"""A supplier's next search for a price starts where its last one ended."""

from dataclasses import replace

import pytest

from fabmarket.market.masked import MaskedClose
from fabmarket.market.messages import Close, Offer, Opening, PriceTerms
from fabmarket.market.units import NO_LIMIT
from fabmarket.negotiation.course import InvalidMove, check_terms
from fabmarket.negotiation.moves import News
from tests.property.sessions import GAMES, TOKEN
from tests.unit.negotiation.wire import MILL, RHYTHM, Wire, deaf


def starts(wire):
    """By beat, where the sessions offered for it start."""
    found = {}
    for offer in wire.heard(Offer):
        found.setdefault(offer.opens, set()).add(offer.terms.start)
    return [found[beat] for beat in sorted(found)]


def market(wire, slots=2, margins=(100, 80, 60), **terms):
    """One supplier of so many slots, and a demander for each margin with a want in slot 0."""
    wire.seller = wire.supplier("s", slots=range(slots), **terms)
    for at, margin in enumerate(margins):
        wire.demander(f"d{at}", wire.want(f"t{at}", (MILL, 30, margin)))
    return wire


@pytest.mark.parametrize(("least", "closes"), [(0, Close), (3, MaskedClose)])
def test_the_next_session_starts_at_the_price_that_was_found(least, closes):
    """Of another slot too; it sells what a supplier without a past sells, after fewer quotes."""
    warm = market(Wire(), least=least)
    warm.round()
    (first,) = warm.heard(closes)
    assert first.price > 11
    cold = Wire()
    cold.seller = cold.supplier("s", slots=range(2), least=least)
    for wire in (warm, cold):
        for at, margin in enumerate((98, 83, 61)):
            want = wire.want(f"n{at}", (MILL, 30, margin), slot=1)
            wire.demander(f"n{at}", want)
        wire.round()
    assert starts(warm) == [{0}, {first.price}]
    assert starts(cold) == [{0}]
    assert warm.heard(closes)[-1].price == cold.heard(closes)[-1].price
    assert warm.awards(warm.heard(closes)[-1]) == cold.awards(cold.heard(closes)[-1])
    quotes = [
        int(dict(told.facts)["quotes"])
        for wire in (warm, cold)
        for _, told in wire.told
        if isinstance(told, News) and told.line == "priced"
    ]
    assert quotes[1] < quotes[2]
    assert warm.ignored == warm.postponed == []


def test_offers_for_one_beat_have_one_start_whatever_is_sold_meanwhile():
    """Else those who take them up would sit in two sessions, the second of them sold out."""
    wire = market(Wire())
    wire.until("choose")
    lazy = next(address for address in wire.states if address != wire.seller)
    wire.steps[lazy] = deaf
    wire.open()
    wire.pump()
    early, late = (
        wire.demander(name, wire.want(name, (MILL, 30, 90), slot=1)) for name in ("early", "late")
    )
    now = wire.beat + RHYTHM.period // 2
    wire.tick(now, early)
    wire.pump()
    wire.tick(now + 1, wire.seller)
    wire.pump()
    assert len(wire.heard(Close)) == 1
    wire.tick(now + 2, late)
    wire.pump()
    assert wire.states[wire.seller].found == wire.heard(Close)[0].price
    wire.round()
    assert starts(wire) == [{0}, {0}]
    assert wire.heard(Opening)[-1].seats == 2
    assert wire.states_of(early) == wire.states_of(late) == ["served"]


def test_what_was_fixed_for_a_beat_is_forgotten_with_it():
    wire = market(Wire())
    wire.until("choose")
    assert len(wire.states[wire.seller].starts) == 1
    wire.open()
    assert not wire.states[wire.seller].starts


@pytest.mark.parametrize("terms", [{"concept": "clock", "step": 4}, {"concept": "bargaining"}])
def test_a_clock_and_a_bargain_start_nowhere(terms):
    wire = market(Wire(), slots=1, margins=(100, 80, 60), room=200, **terms)
    wire.round()
    assert wire.settled
    wire.demander("again", wire.want("t", (MILL, 30, 90)))
    wire.round()
    assert starts(wire) == [{0}, {0}]


def test_a_bargain_with_a_start_is_refused():
    wire = market(Wire(), slots=1, concept="bargaining")
    wire.publish()
    wire.pump()
    offer = wire.heard(Offer)[0]
    (buyer,) = (to for message, to, _ in wire.sent if message == offer)
    wire.say(replace(offer, terms=replace(offer.terms, start=20)), buyer)
    wire.pump()
    assert "offer of a bargain that starts at a price" in wire.reasons(buyer)


@pytest.mark.parametrize("concept", GAMES)
def test_a_start_is_a_price_that_can_be(concept):
    terms = PriceTerms(concept, 800_000, 200_000, 10, 100, TOKEN)
    for start in (0, 10, 11, 2**127 - 1):
        check_terms(replace(terms, start=start), [(NO_LIMIT, True)])
    for start in (1, 9, 2**127):
        with pytest.raises(InvalidMove, match=f"a search that starts at {start}, where no price"):
            check_terms(replace(terms, start=start), [(NO_LIMIT, True)])


def test_a_clock_with_a_start_is_refused():
    terms = PriceTerms("clock", 0, 0, 10, 100, TOKEN, step=4, start=10)
    with pytest.raises(InvalidMove, match="a clock starts at its least price"):
        check_terms(terms, [(5, True)])
