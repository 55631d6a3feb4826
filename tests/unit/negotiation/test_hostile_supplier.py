"""A hostile supplier makes no honest demander act wrongly, crash, loop or overpay."""

from dataclasses import replace

import pytest

from fabmarket.market.delivery import INSTANT
from fabmarket.market.events import Listed, ResourceRegistered
from fabmarket.market.messages import (
    Counter,
    Demand,
    Offer,
    PriceTerms,
    Quote,
    Refusal,
    Reply,
    Selection,
)
from fabmarket.market.trade import Trade
from fabmarket.market.units import NO_LIMIT, name_to_bytes32
from fabmarket.negotiation.moves import Recorded
from fabmarket.negotiation.wants import NO_ANSWER, NO_DEAL
from tests.unit.negotiation.trap import OTHER_SEAT, STRANGER
from tests.unit.negotiation.wire import RHYTHM

MILL, LATHE, HOUR = map(name_to_bytes32, ("mill", "lathe", "hour"))


# A hostile supplier: openings


def test_an_honest_opening_is_followed(trap):
    market = trap()
    assert market.tempt(*market.opening(market.seat(), OTHER_SEAT)) is None
    assert [seat.index for seat in market.talk.seats] == [0]


def misstated(market, **changes):
    return market.opening(replace(market.seat(), **changes))


MISSTATED = {
    "larger quantity": lambda market: misstated(market, quantity=1_000),
    "smaller quantity": lambda market: misstated(market, quantity=1),
    "whole or nothing": lambda market: misstated(market, divisible=False),
    "another sub-task": lambda market: misstated(market, sub_task=b"x" * 32),
    "another's seat": lambda market: misstated(market, demander=STRANGER.address),
    "another selection": lambda market: (
        market.opening(OTHER_SEAT, OTHER_SEAT)[0],
        *market.opening(market.seat(), OTHER_SEAT)[1:],
    ),
}
OTHERWISE = {
    "other listing": lambda m: m.opening(listing=m.listing(m.seller, 1)),
    "later end of slot": lambda m: m.opening(slot_end=10**9),
    "other capacity": lambda m: m.opening(terms=replace(m.opening()[0].terms, capacity=1)),
    "dearer": lambda m: m.opening(terms=replace(m.opening()[0].terms, maintenance=99)),
    "other concept": lambda m: m.opening(terms=replace(m.opening()[0].terms, concept="bargaining")),
}


@pytest.mark.parametrize("opening", MISSTATED.values(), ids=MISSTATED.keys())
@pytest.mark.parametrize("concept", ["balanced", "bargaining"])
def test_regression_an_opening_that_misstates_a_selection_is_refused(trap, opening, concept):
    """With a larger quantity the demander bought, and paid for, what it never asked for."""
    market = trap(concept=concept)
    assert market.tempt(*opening(market)) == "we are not in the roster"


@pytest.mark.parametrize("opening", OTHERWISE.values(), ids=OTHERWISE.keys())
def test_regression_an_opening_on_other_terms_or_another_listing_is_refused(trap, opening):
    market = trap()
    assert market.tempt(*opening(market)) == "opening on other terms than the offer's"


def test_an_opening_that_ends_when_the_rhythm_does_not_is_refused(trap):
    """Its trades could settle when the demander has long bought elsewhere."""
    market = trap()
    words = "opening that ends at another time than the market's rhythm says"
    for ends in (RHYTHM.ends(market.beat) + 1, market.now, 2**64 - 1, 0):
        assert market.tempt(*market.opening(ends=ends)) == words


def test_an_opening_whose_rounds_are_too_short_is_refused(trap):
    """Its supplier could drop whom it likes, and call it silent."""
    market = trap()
    words = "opening with rounds too short to answer in"
    for seconds in (0, RHYTHM.quarter - 1):
        assert market.tempt(*market.opening(round_time=seconds)) == words


LIES_ABOUT_PLACES = {
    "another nonce": lambda place, _: replace(place, value=place.value - 1),
    "another's seat": lambda place, _: replace(place, seat=1),
    "path of another seat": lambda place, other: replace(place, path=other.path),
}
NO_WAY = {
    "no path": lambda place: replace(place, path=()),
    "a longer path": lambda place: replace(place, path=place.path * 2),
    "a seat beyond": lambda place: replace(place, seat=2),
    "sums in the path": lambda place: replace(
        place, path=tuple(replace(node, sums=(1,)) for node in place.path)
    ),
}


def with_two_seats(trap):
    wants = trap.want("one", (MILL, 10, 100)), trap.want("two", (MILL, 20, 100))
    market = trap(*wants, room=50)
    return market, market.opening(market.seat(0), market.seat(1))


@pytest.mark.parametrize("lie", LIES_ABOUT_PLACES.values(), ids=LIES_ABOUT_PLACES.keys())
def test_a_place_that_is_not_in_the_roster_is_no_seat(trap, lie):
    market, (opening, *places) = with_two_seats(trap)
    assert market.tempt(opening, lie(*places)) == "we are not in the roster"
    assert market.tempt(opening, *places) is None


@pytest.mark.parametrize("broken", NO_WAY.values(), ids=NO_WAY.keys())
def test_a_place_whose_path_leads_nowhere_is_no_seat(trap, broken):
    market, (opening, place, _) = with_two_seats(trap)
    words = market.tempt(opening, broken(place))
    assert words.startswith(("a path of", "there is no place", "a node of"))


@pytest.mark.parametrize("seats", [0, 1, 3, 2**32 - 1])
def test_another_number_of_seats_than_the_roster_s_is_refused(trap, seats):
    market = trap()
    opening, place = market.opening(market.seat(), OTHER_SEAT)
    words = market.tempt(replace(opening, seats=seats), place)
    assert words.startswith(("a path of", "there is no place"))


def test_regression_a_selection_cannot_have_two_seats_in_one_session(trap):
    """The demander bought twice."""
    market = trap()
    twice = market.opening(market.seat(), market.seat())
    assert market.tempt(*twice) == "second opening for one selection"


def test_regression_a_selection_cannot_have_seats_in_two_sessions(trap):
    market = trap()
    assert market.tempt(*market.opening()) is None
    second = market.opening(market.seat(), OTHER_SEAT)
    assert market.tempt(*second) == "second opening for one selection"


def test_regression_an_opening_sent_again_does_not_start_the_session_anew(trap):
    market = trap()
    market.host()
    market.advance()
    assert market.tempt(*market.opening()) == "second opening for one selection"


def test_an_opening_with_somebody_else_s_selection_only_is_not_ours(trap):
    market = trap()
    assert market.tempt(*market.opening(OTHER_SEAT)) == "opening without a seat of ours"
    forged = replace(OTHER_SEAT, demander=market.honest)
    opening, *places = market.opening(forged)
    assert places == []
    other = replace(market.opening()[1], selection=forged.selection)
    assert market.tempt(opening, other) == "no selection of ours is waiting for this"


def test_another_supplier_cannot_open_on_our_selection(trap):
    market = trap()
    other = market.supplier("other")
    opening = market.opening(supplier=other)
    assert market.tempt(*opening) == "opening on other terms than the offer's"


def test_regression_a_seat_beyond_the_256th_is_a_seat(trap):
    market = trap()
    crowd = [replace(OTHER_SEAT, selection=i.to_bytes(32, "big")) for i in range(300)]
    market.host(*crowd, market.seat())
    market.advance()
    assert market.heard(Reply)[-1].seat == 300


def test_a_bargain_with_three_is_refused(trap):
    market = trap(concept="bargaining")
    opening = market.opening(market.seat(), OTHER_SEAT)
    assert market.tempt(*opening) == "a bargain has two parties"


# A hostile supplier: offers


HOPELESS = {
    "unknown concept": {"concept": "trust-me"},
    "concept without rounds": {"concept": "supplier-anticipates"},
    "no demand weight": {"demand_weight": 0},
    "no supply weight": {"supply_weight": 0},
    "price that falls with demand": {"demand_weight": 1, "supply_weight": 2},
    "no limits allowed": {"concept": "demanders-lead"},
}


def offer_of(market, **changes):
    """The hostile seller's honest offer to the honest demander's current demand, changed."""
    state = market.states[market.honest]
    want = next(iter(state.wants.values()))
    offer = Offer(
        supplier=market.seller,
        demand=state.demand,
        sub_task=want.id,
        listing=market.listing(market.seller, 0),
        resource=MILL,
        slot=0,
        slot_end=want.end,
        quantity=10,
        unit_price=1,
        opens=market.beat,
        terms=PriceTerms("balanced", 1_000_000, 500_000, 10, 100, market.token),
        delivery=INSTANT,
    )
    return replace(offer, **changes)


@pytest.fixture
def published(wire):
    """A demander that has published and waits for offers."""
    wire.seller = wire.supplier("hostile", slots=(0, 1))
    wire.honest = wire.demander("honest", wire.want("task", (MILL, 10, 100)))
    wire.publish()
    wire.queue.clear()
    return wire


def refusal_of(market, message):
    before = market.states[market.honest]
    market.say(message, market.honest)
    market.pump()
    if not market.reasons(market.honest):
        return None
    assert market.states[market.honest] == before
    return market.reasons(market.honest)[-1]


def test_an_honest_offer_is_taken_up(published):
    assert refusal_of(published, offer_of(published)) is None
    published.choose(published.honest)
    assert len(published.heard(Selection)) == 1


@pytest.mark.parametrize("change", HOPELESS.values(), ids=HOPELESS.keys())
def test_regression_terms_without_a_price_are_not_taken_up(published, change):
    """The first quote of such a session was an error nobody caught."""
    terms = replace(offer_of(published).terms, **change)
    words = refusal_of(published, offer_of(published, terms=terms))
    assert words is not None
    assert "without a price rule" in words or "without a limit" in words
    published.choose(published.honest)
    assert published.heard(Selection) == []


def test_regression_capacity_at_another_time_is_not_taken_up(published):
    """The listing was looked up on chain, but not its slot."""
    elsewhere = offer_of(published, listing=published.listing(published.seller, 1), slot=1)
    assert "not listed on chain for that time" in refusal_of(published, elsewhere)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"demand": bytes(32)}, "no demand of ours"),
        ({"sub_task": bytes(32)}, "no demand of ours"),
        ({"resource": LATHE}, "a resource that was not asked for"),
        ({"opens": 50_120}, "another beat than the demand's"),
        ({"slot": 1}, "not listed on chain"),
        ({"listing": bytes(32)}, "not listed on chain for that time"),
        ({"quantity": 9}, "another quantity"),
    ],
    ids=str,
)
def test_an_offer_that_does_not_answer_our_demand_is_refused(published, change, words):
    assert words in refusal_of(published, offer_of(published, **change))


def test_capacity_that_is_not_listed_is_refused(published):
    unlisted = published.listing(published.seller, 2)
    offer = offer_of(published, slot=2, listing=unlisted)
    assert "not listed on chain" in refusal_of(published, offer)


def test_a_listing_of_another_supplier_is_refused(published):
    other = published.supplier("other")
    offer = offer_of(published, listing=published.listing(other, 0))
    assert "not listed on chain for that time" in refusal_of(published, offer)


def test_a_listing_whose_calendar_nobody_registered_is_not_believed(published):
    listing = published.listing(STRANGER.address, 0)
    before = published.states[published.honest]
    published.give(published.honest, Recorded(Listed(listing, STRANGER.address, MILL, 0, 1, 1)))
    assert published.states[published.honest] == before


def test_regression_an_offer_of_nothing_is_refused(published):
    """Whoever has no limit took it up, and bargained for a trade that no chain accepts."""
    published.demander("free", published.want("any", (MILL, None, 100)))
    free = list(published.states)[-1]
    published.publish(free)
    state = published.states[free]
    terms = PriceTerms("bargaining", 0, 0, 10, 100, published.token)
    (want,) = state.in_order()
    offer = offer_of(published, demand=state.demand, sub_task=want.id, quantity=0, terms=terms)
    published.say(offer, free)
    published.pump()
    assert published.reasons(free) == ["offer of another quantity"]


def test_an_offer_that_comes_after_the_choice_is_refused(published):
    published.choose(published.honest)
    assert refusal_of(published, offer_of(published)) == "offer to no demand of ours"


def test_an_offer_sent_again_is_counted_once(published):
    assert refusal_of(published, offer_of(published)) is None
    assert refusal_of(published, offer_of(published)) == "offer received twice"


# A hostile supplier: refusals, and talk that is over


def test_regression_a_refusal_after_the_opening_does_not_free_the_sub_task(trap):
    market = trap()
    market.host()
    selected = market.seat().selection
    assert market.tempt(Refusal(market.seller, selected, "no")) == "refusal after the opening"
    market.to_the_close()
    assert market.tempt(*market.due()) is None
    assert [want.state for want in market.wants(market.honest)] == ["agreed"]


def test_a_refusal_by_the_wrong_supplier_or_of_nothing_is_ignored(trap):
    market = trap()
    other = market.supplier("other")
    selected = market.seat().selection
    assert market.tempt(Refusal(other, selected, "no")) == "refusal by a supplier we did not choose"
    assert market.tempt(Refusal(market.seller, bytes(32), "no")).startswith("no selection")
    assert market.tempt(Refusal(market.seller, selected, "no room")) is None
    assert market.tempt(Refusal(market.seller, selected, "no room")).startswith("no selection")


def test_regression_talk_after_the_session_is_over_binds_nobody(trap):
    market = trap()
    market.host()
    market.to_the_close()
    market.end(market.honest)
    assert market.wants(market.honest)[0].attempts[-1].reason == NO_ANSWER
    assert market.tempt(*market.due()).startswith("message of a session we have no seat in")
    assert market.heard(Trade) == []


def test_regression_a_tiny_price_weight_draws_no_claim_beyond_64_bits(trap):
    """The claim of a demander of great worth did not fit its type, and signing it failed."""
    want = trap.want("task", (MILL, None, 10**24))
    market = trap(want, room=2**63, concept="simultaneous", a=1, b=1, maintenance=1)
    market.host()
    while market.hosted.close is None:
        market.advance()
    assert len(market.hosted.rounds) <= 201
    assert all(reply.quantity <= NO_LIMIT * 10**6 for reply in market.heard(Reply))


# A hostile supplier: in a bargain


def counter(market, **changes):
    """The hostile seller's next proposal, changed."""
    bargain = market.talk.bargain
    fields = {
        "sender": market.seller,
        "session": bargain.id,
        "sequence": len(bargain.counters),
        "previous": bargain.digests[-1] if bargain.digests else bargain.id,
        "unit_price": 95,
        "quantity": 10,
        "reason": "propose",
        **changes,
    }
    return Counter(**fields)


@pytest.fixture
def bargaining(trap):
    market = trap(concept="bargaining", maintenance=40)
    assert market.tempt(*market.opening()) is None
    return market


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sequence": 0}, "does not chain"),
        ({"previous": bytes(32)}, "does not chain"),
        ({"quantity": 11}, "does not chain"),
        ({"reason": "accept"}, "acceptance at 95, not at the 50 proposed"),
        ({"reason": "hurry"}, "unknown reason"),
        ({"session": bytes(32)}, "no seat in"),
    ],
    ids=str,
)
def test_an_illegal_counter_is_refused(bargaining, change, words):
    assert words in bargaining.tempt(counter(bargaining, **change))
    assert len(bargaining.heard(Counter)) == 2


def test_a_quote_in_a_bargain_is_refused(bargaining):
    nothing = (bytes(32), 0, 0, ())
    session = bargaining.talk.bargain.id
    quote = Quote(bargaining.seller, session, 0, session, *nothing, 1, 0)
    assert bargaining.tempt(quote) == "a session's message in a bargain"


def test_a_counter_out_of_turn_is_refused(bargaining):
    assert bargaining.tempt(counter(bargaining)) is None
    mine = counter(bargaining, sender=bargaining.honest)
    assert bargaining.tempt(replace(mine, unit_price=99)) is not None
    other = bargaining.supplier("other")
    assert bargaining.tempt(counter(bargaining, sender=other)) == "out of turn"


def test_a_supplier_that_never_concedes_gets_no_deal(bargaining):
    for _ in range(40):
        if bargaining.heard(Counter)[-1].reason != "propose":
            break
        assert bargaining.tempt(counter(bargaining, unit_price=2**128 - 1)) is None
    assert bargaining.heard(Counter)[-1].reason == "withdraw"
    bids = [
        each.unit_price for each in bargaining.heard(Counter) if each.sender == bargaining.honest
    ]
    assert max(bids) == 100
    bargaining.queue.clear()
    assert bargaining.heard(Trade) == []
    assert bargaining.wants(bargaining.honest)[0].attempts[-1].reason == NO_DEAL


def test_a_supplier_that_walks_away_leaves_no_trade(bargaining):
    assert bargaining.tempt(counter(bargaining, reason="withdraw")) is None
    assert bargaining.wants(bargaining.honest)[0].attempts[-1].reason == NO_DEAL
    assert bargaining.tempt(counter(bargaining, reason="propose")) is not None
    assert bargaining.heard(Trade) == []


def test_what_is_accepted_is_what_was_bid(bargaining):
    assert bargaining.tempt(counter(bargaining, unit_price=50, reason="accept")) is None
    (trade,) = bargaining.heard(Trade)
    assert (trade.unit_price, trade.quantity, trade.demander) == (50, 10, bargaining.honest)


# Whatever anybody says


def test_messages_for_the_other_role_are_counted_and_change_nothing(trap):
    market = trap()
    demand = market.heard(Demand)[0]
    offer = market.heard(Offer)[0]
    for message in (
        market.selections[0],
        Trade(bytes(32), market.honest, market.token, 1, 1, 1, 0),
    ):
        assert "is not for a demander" in market.tempt(message)
    assert "is not for a demander" in market.tempt(demand)
    supplier = market.supplier("honest supplier")
    for message in (offer, Refusal(market.seller, bytes(32), "")):
        market.say(message, supplier)
        market.pump()
        assert "is not for a supplier" in market.reasons(supplier)[-1]


def test_a_resource_is_told_apart_by_supplier_and_name(published):
    """Another supplier's calendar for the same name says nothing about this one's."""
    event = ResourceRegistered(STRANGER.address, MILL, HOUR, 0, 1)
    published.tell(event)
    assert refusal_of(published, offer_of(published)) is None
