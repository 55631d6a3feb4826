"""Whole products before a supplier: a demander that lies gets nothing that it has not paid for."""

from dataclasses import replace

import pytest

from fabmarket.identity import Key, struct_hash
from fabmarket.identity.codec import encode
from fabmarket.market.products import (
    MOST_LINES,
    MOST_RIVALS,
    Answer,
    Asked,
    Confirm,
    Part,
    Plan,
    PriceList,
    Release,
    SignedGrant,
)
from fabmarket.negotiation.supplier import custom
from fabmarket.negotiation.supplier.rounds import MOST_PRODUCTS
from fabmarket.node.envelope import LARGEST, Envelope
from tests.unit.negotiation.enemy import FIRST, ONE, TWO, Enemy, pass_to
from tests.unit.negotiation.wire import MILL, RHYTHM, Wire


def test_no_more_bids_are_sealed_than_products_are_needed(enemy):
    """Whoever could seal many would open the one just below the rate that it hears of."""
    bids = [enemy.bid(5, rate=rate) for rate in (10, 20, 30)]
    refused = "more bids sealed than products needed"
    assert [enemy.seal(bid) for bid in bids] == [None, refused, refused]
    assert enemy.seal(bids[0]) is None  # the same again is no other
    (kept,) = enemy.wire.states[enemy.mill].seller.sealed.values()
    assert kept == {bids[0].terms.id}


def test_another_bid_is_opened_than_was_sealed(enemy):
    enemy.seal(enemy.bid(5, rate=10))
    pass_to(enemy.wire, FIRST, 2)
    assert enemy.say(enemy.bid(5, rate=11)) == "bid that was not sealed in time"


def test_one_product_has_one_bid(enemy):
    enemy.need(TWO)
    first, second = enemy.bid(5), enemy.bid(6)
    assert [enemy.seal(bid) for bid in (first, second)] == [None, None]
    pass_to(enemy.wire, FIRST, 2)
    assert [enemy.say(bid) for bid in (first, second)] == [None, "second bid for one product"]


@pytest.mark.parametrize(
    ("bid", "reason"),
    [
        ({"price": 9}, "bid at another price than listed"),
        ({"quantities": (21,)}, "bid for more units than are for sale"),
        ({"quantities": (0,)}, "bid for a listing that is not ours, or for nothing"),
        ({"slot": 7}, "bid for a listing that is not ours, or for nothing"),
        ({"rate": 10**6}, "bid of somebody who has paid in less than it may cost"),
        ({"product": TWO}, "bid for a product whose need we have not heard"),
    ],
)
def test_a_bid_that_its_supplier_could_not_serve_is_refused(enemy, bid, reason):
    bid = {"quantities": (5,), **bid}
    made = enemy.bid(*bid.pop("quantities"), **bid)
    enemy.seal(made)
    pass_to(enemy.wire, FIRST, 2)
    assert enemy.say(made) == reason


def test_no_rate_makes_a_price_that_nobody_can_sign(enemy):
    """Who has bought before is not asked for its deposit, and a price has 128 bits."""
    state = enemy.wire.states[enemy.mill]
    custom = replace(state.custom, buyers=state.custom.buyers.insert(enemy.address))
    enemy.wire.states[enemy.mill] = replace(state, custom=custom)
    enemy.need(TWO)
    bids = [
        enemy.bid(15, rate=2**128 - 10),
        enemy.bid(15, product=TWO, rate=2**128 - 11),
    ]
    for bid in bids:
        enemy.seal(bid)
    pass_to(enemy.wire, FIRST, 2)
    assert enemy.say(bids[0]) == "bid at a rate that no price can hold"
    assert enemy.say(bids[1]) is None
    pass_to(enemy.wire, FIRST, 3)
    assert enemy.answers()[0].signed.grant.held


def test_a_bid_has_a_bounded_number_of_lines(enemy):
    bid = enemy.bid(5)
    parts = bid.terms.parts + tuple(Part(enemy.address, bytes(32)) for _ in range(MOST_LINES))
    bid = replace(bid, terms=replace(bid.terms, parts=parts))
    enemy.seal(bid)
    pass_to(enemy.wire, FIRST, 2)
    assert enemy.say(bid) == f"bid of more than {MOST_LINES} lines"


def test_two_lines_of_one_listing_are_no_bid(enemy):
    bid = enemy.bid(5)
    line = replace(bid.lines[0], salt=ONE)
    parts = (*bid.terms.parts, Part(enemy.mill, struct_hash(line)))
    bid = replace(bid, terms=replace(bid.terms, parts=parts), lines=(*bid.lines, line))
    enemy.seal(bid)
    pass_to(enemy.wire, FIRST, 2)
    assert enemy.say(bid) == "bid with two lines of one listing"


def test_a_plan_asks_for_no_more_than_there_is(enemy):
    """Else one plan, which binds nobody, would make all dearer by half at every beat."""
    wire, listing = enemy.wire, enemy.wire.listing(enemy.mill, 0, MILL)
    pass_to(wire, FIRST + 18 * RHYTHM.period, 0)
    enemy.need()
    plan = Plan(enemy.address, ONE, wire.now, (Asked(listing, 2**63),))
    assert enemy.say(plan) is None
    pass_to(wire, wire.now + RHYTHM.period, 0)
    (ware, *_) = wire.states[enemy.mill].seller.in_order()
    assert ware == listing
    assert wire.states[enemy.mill].seller.price(listing) == 10


@pytest.mark.parametrize(
    ("slots", "reason"),
    [
        ((0, 0), "plan with two lines of one listing"),
        ((9,), "plan with a listing that is not ours"),
        (range(MOST_LINES + 1), f"plan of more than {MOST_LINES} lines"),
    ],
)
def test_a_plan_names_each_listing_once(enemy, slots, reason):
    lines = tuple(Asked(enemy.wire.listing(enemy.mill, slot, MILL), 1) for slot in slots)
    assert enemy.say(Plan(enemy.address, ONE, enemy.wire.now, lines)) == reason


def test_the_needs_of_one_are_bounded(enemy):
    for number in range(1, MOST_PRODUCTS):
        assert enemy.need(number.to_bytes(32, "big")) is None
    assert enemy.need(TWO) == f"more than {MOST_PRODUCTS} products in one cycle"
    assert enemy.need(ONE, slots=(0, 4)) is None  # one that is known may change


def test_who_gives_its_product_the_id_of_another_s_keeps_nobody_out(wire):
    wire.mill = wire.supplier("mill", 5, slots=(0,), maintenance=10)
    part = Wire.product("part", [(MILL, 5)], value=1_000)
    enemy = Enemy(wire)
    assert enemy.need(part.id) is None
    buyer = wire.buyer("honest", part)
    wire.rounds()
    assert wire.purchases(buyer)["part"].state == "bought"


def test_products_of_one_demander_for_other_times_all_hear_the_prices(wire):
    """The second need widens the list within the beat, and nothing changes after it."""
    wire.mill = wire.supplier("mill", 10, slots=range(5), maintenance=10)
    early = Wire.product("early", [(MILL, 5)], value=1_000, slots=(0, 2))
    late = Wire.product("late", [(MILL, 5)], value=1_000, slots=(3, 5))
    buyer = wire.buyer("honest", early, late)
    wire.rounds()
    found = wire.purchases(buyer)
    assert [found[name].state for name in ("early", "late")] == ["bought", "bought"]
    assert not wire.ignored


def test_who_needs_all_times_gets_a_long_list_and_nobody_else_does(enemy):
    """A list is within the time that its receiver needs, whoever else needs what."""
    wire, stranger = enemy.wire, Enemy(enemy.wire, "stranger")
    pass_to(wire, FIRST + 18 * RHYTHM.period, 0)
    assert enemy.need(slots=(0, 1)) is None
    assert stranger.need(TWO, slots=(0, 5)) is None
    lists = {to: len(each.wares) for each, to, _ in wire.sent if isinstance(each, PriceList)}
    assert lists == {enemy.address: 1, stranger.address: 5}


@pytest.fixture
def granted(enemy):
    """The enemy's bid is granted, and not confirmed."""
    enemy.own = enemy.bid(20)
    enemy.seal(enemy.own)
    pass_to(enemy.wire, FIRST, 2)
    assert enemy.say(enemy.own) is None
    pass_to(enemy.wire, FIRST, 3)
    enemy.grant = enemy.answers()[0].signed
    assert enemy.grant.grant.held
    return enemy


def confirming(enemy, *grants):
    return enemy.say(Confirm(enemy.address, enemy.own.terms.id, grants))


def test_grants_that_are_forged_or_another_s_confirm_nothing(granted):
    own, grant = granted.own.terms.id, granted.grant.grant
    better = replace(grant, rival=bytes(32), rate=1)
    forged = SignedGrant(grant, granted.wire.keys[granted.address].sign(own))
    assert confirming(granted) == "confirmation without the grants of all suppliers"
    assert confirming(granted, granted.grant, granted.grant) == (
        "confirmation without the grants of all suppliers"
    )
    assert confirming(granted, SignedGrant(better, b"")) == (
        "confirmation with another grant than ours"
    )
    assert confirming(granted, forged) == (
        "confirmation with a grant that its supplier has not signed"
    )
    stranger = Enemy(granted.wire, "stranger")
    assert stranger.say(Confirm(stranger.address, own, (granted.grant,))) == (
        "confirmation of a bid that we do not hold"
    )
    assert confirming(granted, granted.grant) is None


def test_a_grant_of_another_beat_confirms_nothing(granted):
    pass_to(granted.wire, FIRST + RHYTHM.period, 1)
    assert confirming(granted, granted.grant) == "confirmation of a bid that we do not hold"
    again = granted.bid(20)
    granted.seal(again)
    pass_to(granted.wire, FIRST + RHYTHM.period, 2)
    granted.say(again)
    pass_to(granted.wire, FIRST + RHYTHM.period, 3)
    old = granted.grant
    granted.own = again
    assert confirming(granted, old) == "confirmation with another grant than ours"


def test_nobody_releases_another_s_bid(granted):
    stranger = Enemy(granted.wire, "stranger")
    reason = "release of nothing that is held or booked"
    assert stranger.say(Release(stranger.address, granted.own.terms.id)) == reason
    confirming(granted, granted.grant)
    assert stranger.say(Release(stranger.address, granted.own.terms.id)) == reason
    seller = granted.wire.states[granted.mill].seller
    assert granted.own.terms.id in seller.booked


def test_no_bid_puts_a_line_of_one_supplier_under_the_name_of_another(enemy):
    """The file of a supplier that sold by it could not be read."""
    bid = enemy.bid(5)
    own = bid.terms.parts[0]
    parts = (replace(own, supplier=Key.derive("puppet").address), own)
    bid = replace(bid, terms=replace(bid.terms, parts=parts))
    enemy.seal(bid)
    pass_to(enemy.wire, FIRST, 2)
    assert enemy.say(bid) == "bid with one line under two names"


def test_who_leaves_seals_unopened_seals_one_in_the_next_beats(enemy):
    """Needs are free: with a seal for each, one would be opened when the rates have been heard."""
    for product in (TWO, b"3" * 32, b"4" * 32):
        enemy.need(product)
    sealed = [enemy.bid(5, rate=rate) for rate in range(4)]
    assert [enemy.seal(bid) for bid in sealed] == [None] * 4
    pass_to(enemy.wire, FIRST, 2)
    assert enemy.say(sealed[2]) is None
    pass_to(enemy.wire, FIRST + RHYTHM.period, 1)
    bids = [enemy.bid(5, rate=rate) for rate in range(2)]
    assert [enemy.seal(bid) for bid in bids] == [None, "more bids sealed than products needed"]


def test_no_salt_wins_a_tie(enemy):
    terms = enemy.bid(5).terms
    other = replace(terms, parts=(replace(terms.parts[0], line=b"x" * 32),))
    assert terms.id != other.id
    assert terms.rank == other.rank
    assert terms.rank != replace(terms, beat=terms.beat + RHYTHM.period).rank


def test_needs_that_grow_are_answered_by_a_bounded_number_of_lists(wire):
    """A need costs a letter, and a whole list of prices a hundred times as much."""
    wire.mill = wire.supplier("mill", 20, slots=range(40), maintenance=10)
    enemy = Enemy(wire)
    pass_to(wire, RHYTHM.origin, 0)
    for last in range(1, 41):
        assert enemy.need(slots=(0, last)) is None
    assert len(lists_to(enemy)) == 16
    pass_to(wire, RHYTHM.origin + RHYTHM.period, 0)
    assert len(lists_to(enemy)[-1].wares) == 40


def lists_to(enemy):
    return [m for m, to, _ in enemy.wire.sent if to == enemy.address and isinstance(m, PriceList)]


def test_needs_of_those_who_paid_in_little_give_way(wire, monkeypatch):
    """Eight accounts with a base unit each kept everybody else out of a cycle."""
    monkeypatch.setattr(custom, "MOST_OF_STRANGERS", 6)
    wire.mill = wire.supplier("mill", 20, slots=range(5), maintenance=10)
    pass_to(wire, RHYTHM.origin, 0)
    for name in ("one", "two"):
        poor = Enemy(wire, name, money=3)
        assert [poor.need(bytes([at]) * 32) for at in range(3)] == [None] * 3
    full = "need in a cycle in which others need enough"
    assert Enemy(wire, "three", money=1).need() == full
    honest = Enemy(wire, "honest", money=1_000)
    assert honest.need() is None
    assert len(wire.states[wire.mill].seller.needs) == 6
    assert (honest.address, ONE) in wire.states[wire.mill].seller.needs


def test_an_answer_is_smaller_than_a_letter_however_many_go_before(wire):
    """The largest bids there are, all ahead of one that is denied."""
    room = 2 * (MOST_RIVALS + 1)
    wire.mill = wire.supplier("mill", room, slots=range(MOST_LINES), maintenance=1)
    many = [Enemy(wire, f"enemy {number}") for number in range(MOST_RIVALS + 1)]
    last = Enemy(wire, "last")
    pass_to(wire, RHYTHM.origin, 0)
    for enemy in (*many, last):
        assert enemy.need(slots=(0, MOST_LINES)) is None
    pass_to(wire, FIRST, 1)
    bids = [enemy.bid(*MOST_LINES * [2], rate=9, price=1) for enemy in many]
    bids.append(last.bid(*MOST_LINES * [2], rate=1, price=1))
    for enemy, bid in zip((*many, last), bids, strict=True):
        assert enemy.seal(bid) is None
    pass_to(wire, FIRST, 2)
    for enemy, bid in zip((*many, last), bids, strict=True):
        assert enemy.say(bid) is None
    pass_to(wire, FIRST, 3)
    (answer,) = last.answers()
    assert not answer.signed.grant.held
    assert [len(each.lines) for each in answer.rivals] == MOST_RIVALS * [MOST_LINES]
    largest = max(
        len(encode(Envelope(message, bytes(65))))
        for message, _, _ in wire.sent
        if isinstance(message, Answer)
    )
    assert largest < LARGEST // 2


def test_what_others_plan_and_bid_for_is_nobody_s_who_needs_nothing(enemy):
    stranger = Enemy(enemy.wire, "stranger")
    line = Asked(enemy.wire.listing(enemy.mill, 0, MILL), 1)
    plan = Plan(stranger.address, ONE, enemy.wire.now, (line,))
    assert stranger.say(plan) == "plan of a product whose need we have not heard"
    assert stranger.seal(stranger.bid(5)) == "more bids sealed than products needed"


def test_one_deposit_does_not_back_bids_for_many_products(wire):
    """Of 640 base units 50 are booked and 300 bid for: what may cost 300 more is refused."""
    wire.mill = wire.supplier("mill", 20, slots=range(5), maintenance=10)
    enemy = Enemy(wire, money=640)
    pass_to(wire, RHYTHM.origin, 0)
    products = [bytes([number]) * 32 for number in (1, 2, 3)]
    for product in products:
        assert enemy.need(product) is None
    enemy.booked(enemy.bid(5, product=products[0], rate=50), FIRST)
    pass_to(wire, FIRST + RHYTHM.period, 1)
    second, third = (enemy.bid(5, product=each, rate=50) for each in products[1:])
    assert enemy.seal(second) is enemy.seal(third) is None
    pass_to(wire, FIRST + RHYTHM.period, 2)
    assert enemy.say(second) is None
    assert enemy.say(third) == "bid of somebody who has paid in less than it may cost"


def test_plans_of_who_has_paid_in_too_little_move_no_price(wire):
    wire.mill = wire.supplier("mill", 20, slots=range(5), maintenance=10)
    enemy = Enemy(wire, money=399)
    pass_to(wire, RHYTHM.origin, 0)
    assert enemy.need() is enemy.need(product=TWO) is None
    listings = [wire.listing(wire.mill, slot, MILL) for slot in range(2)]
    one, two = (
        Plan(enemy.address, product, wire.now, (Asked(listing, 20),))
        for product, listing in zip((ONE, TWO), listings, strict=True)
    )
    assert enemy.say(one) is None
    assert enemy.say(two) == "plan of somebody who has paid in less than it costs"
