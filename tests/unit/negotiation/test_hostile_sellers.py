"""Whole products before a demander: what a supplier's lies are paid, and that most are not."""

from dataclasses import replace

import pytest

from fabmarket.identity import ZERO_BYTES32
from fabmarket.market.delivery import INSTANT
from fabmarket.market.events import Settled
from fabmarket.market.exchange import RaiseListingEpoch
from fabmarket.market.products import (
    MOST_WARES,
    Answer,
    Booked,
    Countersigned,
    Rival,
    SignedGrant,
)
from fabmarket.negotiation.products import reasons
from fabmarket.node.signing import signed_word
from tests.unit.negotiation.enemy import FIRST, Enemy, pass_to
from tests.unit.negotiation.wire import HELD, LATHE, MILL, RHYTHM, Wire, deaf, turned

SLOTS = range(5)


def lying(wire, who, kind, lie):
    """Have a supplier say something else, or nothing, where it would say a message of a kind."""
    say, told = wire.say, []

    def lied(message, to, *places):
        if not isinstance(message, kind) or message.author != who:
            say(message, to, *places)
            return
        told.append(message)
        for each in lie(message):
            say(each, to, *places)

    wire.say = lied
    return told


def another_lathe(wire):
    return wire.supplier("second lathe", 10, resource=LATHE, slots=SLOTS, maintenance=30)


@pytest.mark.parametrize("kind", [Answer, Booked])
def test_who_is_silent_after_a_bid_is_left_out_of_the_cycle(shop, kind):
    """Each beat it would cost the product another bid, though a dearer supplier is at hand."""
    other = another_lathe(shop)
    buyer = shop.buyer("b", turned())
    told = lying(shop, shop.lathe, kind, lambda _: ())
    shop.rounds()
    assert len(told) == 1
    assert shop.purchases(buyer)["part"].state == "bought"
    assert [shop.seller_of(each) for each in shop.settled] == [shop.mill, other]


def test_who_denies_without_proof_is_left_out_of_the_cycle(shop):
    """In each beat and cycle it kept all products from a dearer supplier that has room."""
    other = another_lathe(shop)
    shop.buyer("b", turned())

    def denied(answer):
        grant = replace(answer.signed.grant, held=False, rival=ZERO_BYTES32, rate=0)
        return (Answer(SignedGrant(grant, b""), ()),)

    told = lying(shop, shop.lathe, Answer, denied)
    shop.rounds()
    assert len(told) == 1
    assert [shop.seller_of(each) for each in shop.settled] == [shop.mill, other]


def test_who_shows_bids_that_left_room_has_not_proved_its_denial(shop):
    """Another bid goes before, and 8 of 10 units are enough for both."""
    sybil = Enemy(shop, "sybil")
    sybil.need()
    buyer = shop.buyer("b", turned())
    pass_to(shop, FIRST, 1)
    bid = sybil.bid(3, rate=1_000)
    sybil.seal(bid)
    pass_to(shop, FIRST, 2)
    sybil.say(bid)

    def denied(answer):
        if answer.signed.grant.bid == bid.terms.id:
            return (answer,)
        own = signed_word(shop.keys[sybil.address], shop.domain, bid)
        grant = replace(answer.signed.grant, held=False, rival=ZERO_BYTES32, rate=0)
        return (Answer(SignedGrant(grant, b""), (Rival(bid.terms, own.consent, bid.lines),)),)

    lying(shop, shop.mill, Answer, denied)
    pass_to(shop, FIRST, 3)
    standing = shop.states[buyer].buyers[turned().id].standing
    assert (standing.denied, standing.unproved) == (frozenset(), {shop.mill})


def test_who_voids_what_it_countersigned_is_left_out_from_then_on(shop):
    """The bundle fails in every cycle, and a dearer lathe is at hand."""
    other = another_lathe(shop)
    buyer = shop.buyer("b", turned(), cycles=2)
    epochs = []

    def voiding(word):
        epochs.append(word)
        shop.submits.extend((shop.lathe, RaiseListingEpoch(LATHE, slot)) for slot in SLOTS)
        return (word,)

    lying(shop, shop.lathe, Countersigned, voiding)
    shop.rounds()
    shop.tick(shop.now + 1_000)
    assert shop.purchases(buyer)["part"].shunned == {shop.lathe}
    shop.rounds()
    assert len(epochs) == 1
    assert shop.purchases(buyer)["part"].state == "bought"
    sold = [shop.seller_of(each) for each in shop.settled if isinstance(each, Settled)]
    assert sold == [shop.mill, other]


@pytest.mark.parametrize("kind", [Answer, Booked])
def test_a_buyer_that_heard_nobody_asks_all_again(shop, kind):
    """It was cut off itself for a beat: nobody has to be left out for that."""
    buyer = shop.buyer("b", turned())
    say = shop.say
    lost = []

    def losing(message, to, *places):
        if isinstance(message, kind) and len(lost) < 2:
            lost.append(message)
        else:
            say(message, to, *places)

    shop.say = losing
    shop.rounds()
    assert len(lost) == 2
    assert shop.purchases(buyer)["part"].state == "bought"


def test_who_was_silent_is_asked_again_in_the_next_cycle(shop):
    buyer = shop.buyer("b", turned(), cycles=2)
    told = lying(shop, shop.lathe, Answer, lambda word: () if len(told) == 1 else (word,))
    shop.rounds()
    purchase = shop.purchases(buyer)["part"]
    assert (purchase.state, purchase.reason) == ("open", reasons.NOT_HELD)
    shop.rounds()
    assert shop.purchases(buyer)["part"].state == "bought"


def dearer(booked):
    lines = tuple(replace(line, unit_price=line.unit_price + 1) for line in booked.lines)
    return (replace(booked, lines=lines),)


def test_who_books_at_another_price_is_not_paid(shop):
    other = another_lathe(shop)
    buyer = shop.buyer("b", turned())
    lying(shop, shop.lathe, Booked, dearer)
    shop.rounds()
    assert shop.reasons(buyer) == ["booking on other terms than granted"]
    assert [shop.seller_of(each) for each in shop.settled] == [shop.mill, other]


def test_who_countersigns_with_another_signature_is_not_paid(shop):
    buyer = shop.buyer("b", turned())
    wrong = shop.keys[shop.mill].sign(bytes(32))
    lying(shop, shop.lathe, Countersigned, lambda word: (replace(word, consent=wrong),))
    shop.rounds()
    assert shop.reasons(buyer) == ["signature that is not the supplier's"]
    assert not shop.settled
    shop.tick(shop.now + 1_000)
    purchase = shop.purchases(buyer)["part"]
    assert (purchase.reason, purchase.shunned) == (reasons.NOT_SIGNED, {shop.lathe})


def test_who_signs_twice_is_heard_once(shop):
    buyer = shop.buyer("b", turned())
    lying(shop, shop.lathe, Countersigned, lambda word: (word, replace(word, consent=b"x" * 65)))
    shop.rounds()
    assert len(shop.settled) == 2
    assert len(shop.reasons(buyer)) == 1


@pytest.fixture
def told(shop):
    """The honest buyer has heard the lathe's first list; from then on the test speaks for it."""
    shop.buying_one = shop.buyer("b", turned())
    pass_to(shop, RHYTHM.origin, 0)
    shop.steps[shop.lathe] = deaf
    shop.list = shop.states[shop.buying_one].buyers[turned().id].lists[shop.lathe]
    pass_to(shop, RHYTHM.origin + RHYTHM.period, 0)
    return shop


def heard(shop, made):
    """Why the buyer refuses a list, or None."""
    before = len(shop.ignored)
    shop.say(made, shop.buying_one)
    shop.pump()
    return shop.ignored[before][1] if len(shop.ignored) > before else None


def test_prices_do_not_change_within_a_beat(told):
    made = replace(told.list, at=told.now)
    assert heard(told, made) is None
    wares = tuple(replace(each, price=each.price + 1) for each in made.wares)
    assert heard(told, replace(made, wares=wares)) == "price list that is out of date"
    assert heard(told, replace(made, at=told.now - 1)) == "price list of no beat"


def test_terms_of_delivery_do_not_change_within_a_cycle(told):
    """A bid is made on some terms, and its trades would be signed on others."""
    made = replace(told.list, at=told.now, delivery=HELD)
    reason = "price list on other terms of delivery than before in the cycle"
    assert heard(told, made) == reason
    assert told.states[told.buying_one].buyers[turned().id].lists[told.lathe].delivery == INSTANT


def test_a_longer_list_of_the_same_beat_is_heard_if_it_says_the_same_prices(told):
    made = replace(told.list, at=told.now)
    first, second, *_ = made.wares
    assert heard(told, replace(made, wares=(first,))) is None
    changed = replace(first, price=first.price - 1)
    assert heard(told, replace(made, wares=(changed, second))) == "price list that is out of date"
    assert heard(told, replace(made, wares=(first, second))) is None


def test_capacity_that_is_not_on_chain_is_not_planned_with(told):
    first, *rest = told.list.wares
    reason = "price list with capacity that is not listed on chain for that time"
    for change in ({"listing": bytes(32)}, {"start": first.start - 1}, {"end": first.end + 1}):
        wares = (replace(first, **change), *rest)
        assert heard(told, replace(told.list, at=told.now, wares=wares)) == reason


def test_a_price_list_is_bounded_and_names_each_listing_once(told):
    first = told.list.wares[0]
    many = tuple(
        replace(first, listing=number.to_bytes(32, "big")) for number in range(MOST_WARES + 1)
    )
    assert heard(told, replace(told.list, at=told.now, wares=(first, first))) == (
        "price list with a listing twice"
    )
    assert heard(told, replace(told.list, at=told.now, wares=many)) == (
        f"price list of more than {MOST_WARES} listings"
    )


def test_more_rivals_than_one_are_not_looked_at(shop):
    buyer = shop.buyer("b", turned())
    enemy = Enemy(shop, "rival")
    pass_to(shop, FIRST, 1)
    bid = enemy.bid(5)

    def many(answer):
        grant = replace(answer.signed.grant, rival=bid.terms.id, rate=bid.terms.rate)
        rival = Rival(bid.terms, bytes(65), bid.lines)
        return (Answer(SignedGrant(grant, b""), 1_000 * (rival,)),)

    lying(shop, shop.mill, Answer, many)
    shop.rounds()
    assert shop.reasons(buyer) == ["rival without its signed bid"]
    assert not shop.settled


def test_a_grant_after_a_denial_is_not_heard(shop):
    buyer = shop.buyer("b", turned())

    def denied(answer):
        grant = replace(answer.signed.grant, held=False)
        return replace(answer, signed=SignedGrant(grant, b"")), answer

    lying(shop, shop.lathe, Answer, denied)
    shop.rounds()
    assert set(shop.reasons(buyer)) == {"answer that is not due"}
    assert not shop.settled


def false_rival(shop, rate):
    """The mill's own bid under another name, of all that is left and a unit more, at this rate."""
    sybil = Enemy(shop, "sybil")
    sybil.need()
    pass_to(shop, FIRST, 1)
    bid = sybil.bid(6, rate=rate)
    sybil.seal(bid)
    pass_to(shop, FIRST, 2)
    sybil.say(bid)
    shop.rounds_go_on()
    return sybil


@pytest.mark.parametrize(("rate", "premium"), [(0, 0), (40, 40), (80, 80)])
def test_a_false_rival_costs_its_victim_the_rate_it_names(shop, rate, premium):
    """It is worth 1,000 and costs 150, 10 units of it, and so 85 a unit beyond: never more."""
    buyer = shop.buyer("b", turned(slots=(0, 2), due=2))
    shop.rounds_go_on = lambda: _to_the_end(shop)
    false_rival(shop, rate)
    purchase = shop.purchases(buyer)["part"]
    assert purchase.state == "bought"
    assert purchase.chain.price == 150 + 5 * premium


def test_a_false_rival_above_its_victim_is_left_with_the_room(shop):
    buyer = shop.buyer("b", turned(slots=(0, 2), due=2))
    shop.rounds_go_on = lambda: pass_to(shop, FIRST, 3)
    sybil = false_rival(shop, 86)
    assert sybil.answers()[0].signed.grant.held
    honest = shop.states[buyer].buyers[turned().id].standing
    assert honest.denied == {shop.mill}


@pytest.mark.parametrize("places", ["later", "elsewhere"])
def test_a_false_rival_takes_nothing_of_who_finds_another_place(shop, places):
    """To make room all is offered at the reserve again, and a move may cost no more.

    Where the premium was booked it stays: the dearer mill asks 11.
    """
    if places == "elsewhere":
        shop.supplier("second mill", 10, slots=SLOTS, maintenance=11)
    buyer = shop.buyer("b", turned(slots=(0, 2 if places == "elsewhere" else 5), due=2))
    shop.rounds_go_on = lambda: _to_the_end(shop)
    false_rival(shop, 80)
    chain = shop.purchases(buyer)["part"].chain
    assert chain.price == (155 if places == "elsewhere" else 150)


def _to_the_end(shop):
    for now in range(shop.now + RHYTHM.quarter, FIRST + 18 * RHYTHM.period, RHYTHM.quarter):
        shop.tick(now)
        shop.pump()
        shop.settle()


def test_who_buys_of_itself_pays_itself_and_has_sold_its_room(wire):
    """By a second account of its owner: no unit is made by it, and no money."""
    mill = wire.supplier("mill", 5, slots=(0,), maintenance=10)
    own = wire.buyer("mill's own", Wire.product("own", [(MILL, 5)], value=1_000))
    other = wire.buyer("other", Wire.product("other", [(MILL, 5)], value=900))
    before = wire.held(mill) + wire.held(own) + wire.held(other)
    wire.rounds()
    found = wire.purchases(own, other)
    assert (found["own"].state, found["other"].state) == ("bought", "unbought")
    assert wire.held(mill) + wire.held(own) + wire.held(other) == before
    assert [each.quantity for each in wire.settled] == [5]
