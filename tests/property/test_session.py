"""Signed rounds against the solved game: random markets, honest, lazy and hostile members.

The supplier hosts, and every member follows from its own seat.
"""

from dataclasses import fields, replace

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from fabmarket.identity import keccak
from fabmarket.market.messages import Close, Exit, Member, Place, PriceTerms, Reply
from fabmarket.market.sums import leaf, tree_of
from fabmarket.market.units import MICRO, NO_LIMIT
from fabmarket.negotiation.course import ROUND_LIMIT, InvalidMove, TooEarly, rule_of
from fabmarket.negotiation.hosting import hear, host, next_word
from fabmarket.negotiation.seat import SecondWord, follow
from tests.property.sessions import (
    DEMANDERS,
    GAMES,
    TOKEN,
    digest_of,
    markets,
    opened,
    played,
    solved,
)


def test_a_session_is_hosted_for_the_members_of_its_roster_alone():
    terms = PriceTerms("simultaneous", 1, 1, 10, 100, TOKEN)
    ada, bob = (Member(DEMANDERS[i], bytes([i]) * 32, bytes(32), 5, True, i) for i in range(2))
    opening = opened(terms, (ada, bob)).hosted.opening
    for others, words in (
        ((bob, ada), "the roster is another"),
        ((ada, replace(bob, quantity=6)), "the roster is another"),
        ((ada,), "1 members for 2 seats"),
        ((), "0 members for 2 seats"),
        ((ada, ada), "a selection has two seats"),
    ):
        with pytest.raises(InvalidMove, match=words):
            host(opening, bytes(32), others)


def fills(session, price):
    """Whether the replies at a price are nothing or all of a limit, and add up to the capacity."""
    last = next(each for each in reversed(session.rounds) if each.quote.price == price)
    replies = [last.answers[at].quantity for at in range(len(session.members))]
    limits = [member.quantity * MICRO for member in session.members]
    whole = all(reply in (0, limit) for reply, limit in zip(replies, limits, strict=True))
    return whole and sum(replies) == session.opening.terms.capacity * MICRO


FILLED = (
    PriceTerms("balanced", 557_406, 366_738, 0, 102, TOKEN),
    tuple(
        Member(DEMANDERS[at], bytes([at]) * 32, bytes([at]) * 32, units, False, at)
        for at, units in enumerate((1, 54, 13, 34))
    ),
    [25, 32, 24, 32],
)
"""Limits that add up to the capacity: from 20 to 21.52 every price clears."""


@settings(max_examples=400)
@given(markets(GAMES))
@example(FILLED)
def test_a_session_reaches_the_solved_price_within_one_base_unit(market):
    terms, members, _ = market
    equilibrium = solved(*market)
    room = played(*market)
    session = room.hosted
    assert len(session.rounds) < ROUND_LIMIT
    close = session.close
    if room.settled_on is None:
        # No supply: the price at which demand and supply meet is not above the maintenance cost.
        assert terms.concept != "balanced"
        assert equilibrium.price <= terms.maintenance + 1
        assert session.awards == (0,) * len(members)
        assert close.awarded == 0
        return
    assert close.price == room.settled_on >= max(terms.maintenance, 1)
    if equilibrium.total_demand <= len(members) / MICRO or equilibrium.price < terms.maintenance:
        return
    if terms.concept == "balanced" and fills(session, close.price):
        # Where limits fill the capacity a range of prices clears; the session takes the lowest.
        assert close.price <= equilibrium.price + 1
    else:
        assert abs(close.price - equilibrium.price) <= 1
    slope = rule_of(terms).slope
    for seat, member in enumerate(members):
        if member.divisible:
            units = session.awards[seat]
            is_cut = close.awarded == terms.capacity and units < equilibrium.demand[seat]
            assert is_cut or abs(units - equilibrium.demand[seat]) <= 1 + 1 / slope + 1e-6


@settings(max_examples=300)
@given(markets())
@example(
    (
        PriceTerms("balanced", 1_000_000, 500_000, 0, 10**6, TOKEN),
        (Member(DEMANDERS[0], bytes(32), bytes(32), 5, False, 0),),
        [1],
    )
)
def test_nobody_gets_more_than_it_wants_or_pays_more_than_it_is_worth(market):
    terms, members, margins = market
    session = played(*market).hosted
    close, awards, payments = session.close, session.awards, session.payments
    assert sum(awards) == close.awarded <= terms.capacity
    assert sum(payments) == close.paid
    least = max(terms.maintenance, 1)
    for award, payment, member, margin in zip(awards, payments, members, margins, strict=True):
        assert 0 <= award <= member.quantity
        assert award * least <= payment <= max(0, award * margin)
        assert (member.divisible and not terms.lots) or award in (0, member.quantity)
        if terms.concept in GAMES:
            assert payment == award * close.price
            assert award == 0 or close.price < margin


@settings(max_examples=150)
@given(markets(GAMES))
def test_short_of_room_larger_answers_come_first(market):
    terms, members, _ = market
    room = played(*market)
    session, awards = room.hosted, room.hosted.awards
    if room.settled_on is None or terms.concept == "balanced":
        return
    price = room.settled_on
    last = next(each for each in reversed(session.rounds) if each.quote.price == price)
    left = terms.capacity
    for at, reply in sorted(
        last.answers.items(), key=lambda item: (-item[1].quantity, members[item[0]].selection)
    ):
        due = reply.quantity // MICRO
        if not members[at].divisible:
            due = members[at].quantity if reply.quantity else 0
        best = min(due, left) if members[at].divisible or due <= left else 0
        assert awards[at] == best
        left -= best


@settings(max_examples=150)
@given(st.integers(20, 120), st.integers(1, 40), st.integers(0, 60), st.integers(1, 5))
def test_where_capacity_binds_the_price_is_the_lowest_that_clears(margin, cap, room, count):
    """Members who all want `cap` at any price below `margin`: the whole interval clears."""
    assume(room >= count * cap)
    terms = PriceTerms("balanced", 1_000_000, 999_999, 10, room, TOKEN)
    members = tuple(
        Member(DEMANDERS[i], bytes([i]) * 32, bytes([i]) * 32, cap, True, 0) for i in range(count)
    )
    session = played(terms, members, [margin] * count)
    assert session.settled_on == 10
    assert session.hosted.awards == (cap,) * count


def test_an_interval_of_clearing_prices_gives_its_lowest():
    """Capacity 10, two members of 5 each worth 100, one of 5 worth 40: from 40 on it clears."""
    terms = PriceTerms("balanced", 1_000_000, 999_999, 10, 10, TOKEN)
    members = tuple(
        Member(DEMANDERS[i], bytes([i]) * 32, bytes([i]) * 32, 5, True, 0) for i in range(3)
    )
    session = played(terms, members, [100, 100, 40])
    assert session.settled_on == 40
    assert session.hosted.awards == (5, 5, 0)


def test_supply_left_over_at_the_floor_is_shared_in_proportion_and_all_of_a_scarce_one_sold():
    """S = d_s/(a - b) = 60/0.5 = 120 units; (c - d_s)+ is 10, 20, 0."""
    terms = PriceTerms("balanced", 1_000_000, 500_000, 60, 10**6, TOKEN)
    members = tuple(
        Member(DEMANDERS[i], bytes([i]) * 32, bytes([i]) * 32, NO_LIMIT, True, 0) for i in range(3)
    )
    session = played(terms, members, [70, 80, 60])
    assert session.settled_on == 60
    assert session.hosted.awards == (40, 80, 0)
    shared = played(replace(terms, capacity=100), members, [70, 80, 60])
    assert shared.hosted.awards == (33, 67, 0)


ALTERED = {bytes: b"x" * 32, str: DEMANDERS[0]}


@settings(max_examples=150)
@given(markets(), st.data())
def test_members_accept_nothing_but_what_follows(market, data):
    """At every turn any change of the supplier's message is refused, and the true one taken."""
    terms, members, margins = market
    room = opened(terms, members)
    while True:
        word, _, places = room.due()
        message = word.message
        field = data.draw(st.sampled_from([each.name for each in fields(message)]))
        value = getattr(message, field)
        if isinstance(value, bool):
            wrong = not value
        elif isinstance(value, int):
            wrong = value + data.draw(st.sampled_from((-1, 1, 10**9)))
        elif isinstance(value, tuple):
            wrong = (99,) if field == "dropped" else (*value[1:], Exit(10**12, 1))
        else:
            wrong = ALTERED[type(value)]
        at = data.draw(st.integers(0, len(members) - 1))
        altered = replace(message, **{field: wrong})
        with pytest.raises((InvalidMove, TooEarly)):
            follow(room.seats[at], altered, b"w" * 32, places[DEMANDERS[at]])
        room.say()
        if isinstance(message, Close):
            return
        for at, margin in enumerate(margins):
            mine = room.answer_of(at, margin)
            room.take(at, mine)
            with pytest.raises(InvalidMove):
                hear(room.hosted, mine, digest_of(mine))


@settings(max_examples=150)
@given(markets(), st.data())
def test_members_accept_no_place_but_their_own(market, data):
    """A value, a seat or a path that is another's or altered is refused wherever a tree is."""
    terms, members, margins = market
    room = opened(terms, members)
    while True:
        word, key, places = room.due()
        at = data.draw(st.integers(0, len(members) - 1))
        shown = places[DEMANDERS[at]]
        if shown:
            (place,) = shown
            other = places[DEMANDERS[(at + 1) % len(members)]][0]
            lies: list[tuple[Place, ...]] = [
                (),
                (replace(place, value=place.value + 1),),
                (replace(place, payment=place.payment + 1),),
                (replace(place, path=(*place.path, *place.path[-1:], *place.path[-1:])),),
                (replace(place, seat=place.seat + 1),),
            ]
            if place.path[:1]:
                first, *rest = place.path
                sums = (first.sums[0] + 1, *first.sums[1:])
                lies.append((replace(place, path=(replace(first, sums=sums), *rest)),))
                lies.append((replace(place, path=()),))
            if other.seat != at:
                lies += [(other,), (replace(other, seat=at),)]
            lie = data.draw(st.sampled_from(lies))
            if lie != shown:
                with pytest.raises(InvalidMove):
                    follow(room.seats[at], word.message, key, lie)
        if isinstance(room.say(), Close):
            return
        for at, margin in enumerate(margins):
            room.take(at, room.answer_of(at, margin))


@settings(max_examples=150)
@given(markets(), st.randoms(use_true_random=False))
def test_the_silent_are_dropped_and_the_others_reach_their_own_price(market, rng):
    """Whoever says nothing from its first round on leaves the price as if it were not there."""
    terms, members, margins = market
    lazy = {at for at in range(len(members)) if rng.random() < 0.4}
    room = opened(terms, members)
    room.say()
    for at, margin in enumerate(margins):
        if at not in lazy:
            room.take(at, room.answer_of(at, margin))
    while not isinstance(message := room.say(time_up=True), Close):
        for at in room.present:
            room.take(at, room.answer_of(at, margins[at]))
        assert next_word(room.hosted) is not None
    assert room.hosted.dropped == lazy
    for at in lazy:
        assert room.seats[at].over
        assert room.seats[at].seats[0].dropped
        assert room.hosted.awards[at] == 0
    if len(lazy) == len(members):
        assert (message.sum, message.awarded, room.settled_on) == (0, 0, None)
        return
    kept = [at for at in range(len(members)) if at not in lazy]
    alone = played(terms, *reseated(members, margins, kept))
    assert room.settled_on == alone.settled_on
    assert [room.hosted.awards[at] for at in kept] == list(alone.hosted.awards)


def reseated(members, margins, kept):
    """Only these members, with the seats and names of a session of their own."""
    seats = tuple(replace(members[at], demander=DEMANDERS[i]) for i, at in enumerate(kept))
    return seats, [margins[at] for at in kept]


@settings(max_examples=100)
@given(markets(), st.randoms(use_true_random=False))
def test_members_that_fall_silent_at_any_time_stop_nobody(market, rng):
    terms, members, margins = market
    room = opened(terms, members)
    while not isinstance(room.say(time_up=bool(room.hosted.rounds)), Close):
        for at in room.present:
            if rng.random() < 0.9:
                room.take(at, room.answer_of(at, margins[at]))
    awards, payments = room.hosted.awards, room.hosted.payments
    assert sum(awards) == room.hosted.close.awarded <= terms.capacity
    for at, (award, margin) in enumerate(zip(awards, margins, strict=True)):
        assert award == 0 or at not in room.hosted.dropped
        assert payments[at] <= max(0, award * margin)
    for at in room.present:
        assert room.seats[at].seats[0].awarded == awards[at]


@settings(max_examples=100)
@given(markets(), st.data())
def test_two_words_for_one_place_are_a_proof(market, data):
    """Once a member has taken a quote, every other one for that round shows its supplier."""
    terms, members, margins = market
    room = opened(terms, members)
    while True:
        at = data.draw(st.integers(0, len(members) - 1))
        before = room.seats[at]
        _, _, places = room.due()
        message = room.say()
        other = replace(message, price=message.price + 1)
        with pytest.raises(SecondWord):
            follow(room.seats[at], other, b"w" * 32, places[DEMANDERS[at]])
        if isinstance(message, Close):
            return
        ahead = replace(message, round=message.round + 1)
        with pytest.raises(TooEarly):
            follow(before, ahead, b"w" * 32, places[DEMANDERS[at]])
        for seat, margin in enumerate(margins):
            room.take(seat, room.answer_of(seat, margin))


@settings(max_examples=60)
@given(markets(), st.randoms(use_true_random=False))
def test_hostile_replies_end_within_the_round_limit(market, rng):
    """Members answer anything legal: no error but InvalidMove, an end, and all can follow it."""
    terms, members, _ = market
    room = opened(terms, members)
    while not isinstance(room.say(), Close):
        for at, member in enumerate(members):
            hostile_answer(room, at, member, rng)
    assert len(room.hosted.rounds) <= ROUND_LIMIT + 1
    assert sum(room.hosted.awards) <= terms.capacity


def hostile_answer(room, seat, member, rng):
    last, session = room.hosted.rounds[-1], room.hosted.id
    about = (member.demander, session, seat, last.digest)
    limit = member.quantity
    if room.hosted.opening.terms.concept == "clock":
        moves = [Reply(*about, *each) for each in wild_exits(room.hosted, seat, rng)]
    else:
        past = [each.answers[seat].quantity for each in room.hosted.rounds[:-1]]
        tries = [limit * MICRO + 1, rng.randrange(limit * MICRO + 1), limit * MICRO, *past, 0]
        rng.shuffle(tries)
        moves = [Reply(*about, n) for n in tries]
    for move in moves:
        try:
            return room.take(seat, move)
        except InvalidMove:
            continue
    raise AssertionError("a seat without a legal answer")


def wild_exits(hosted, seat, rng):
    """What a seat of a clock may try, illegal answers first."""
    if len(hosted.rounds) == 1:
        most = min(hosted.members[seat].quantity, hosted.opening.terms.capacity)
        yield most + 1, ()
        yield rng.choice((0, most, rng.randrange(most + 1))), ()
        yield most, ()
        return
    before, low = hosted.rounds[-2].answers[seat].quantity, hosted.rounds[-2].quote.price
    high = hosted.rounds[-1].quote.price
    gone = rng.randrange(before + 1)
    yield before + 1, ()
    yield before - gone, (Exit(high, gone),)
    yield before - gone, (Exit(low, gone), Exit(low, 0))
    split = rng.randrange(gone + 1)
    exits = [Exit(low, split), Exit(high - 1, gone - split)]
    if low == high - 1:
        exits = [Exit(low, gone)]
    yield before - gone, tuple(each for each in exits if each.units)
    yield before, ()


def test_a_member_that_never_settles_meets_the_round_limit():
    """It asks for all there is just below a price it lets rise, and for nothing above."""
    terms = PriceTerms("balanced", 10**12, 1, 1, NO_LIMIT, TOKEN)
    member = Member(DEMANDERS[0], bytes(32), bytes(32), NO_LIMIT, True, 0)
    room = opened(terms, (member,))
    secret = 3**50
    while not isinstance(quote := room.say(), Close):
        last = room.hosted.rounds[-1].digest
        micro = NO_LIMIT * MICRO if quote.price < secret else 0
        room.take(0, Reply(member.demander, room.hosted.id, 0, last, micro))
    assert 50 < len(room.hosted.rounds) <= ROUND_LIMIT + 1


@settings(max_examples=200)
@given(
    st.integers(1, 400),
    st.lists(st.integers(1, 9), min_size=1, max_size=6),
    st.integers(0, 9),
    st.integers(0, 9),
    st.integers(1, 10**6),
)
def test_capacity_that_binds_is_sold_to_the_last_unit(capacity, digits, scale, cheap, slope):
    # Margins of up to 1e9 against slopes from 1e-6: coarse prices and a steep demand.
    margins = [10**6 + digit * 10**scale for digit in digits]
    terms = PriceTerms("balanced", slope + 7, 7, 10**cheap // 10**4, capacity, TOKEN)
    members = tuple(
        Member(DEMANDERS[at], keccak(bytes([at])), bytes([at]) * 32, NO_LIMIT, True, 0)
        for at in range(len(margins))
    )
    equilibrium = solved(terms, members, margins)
    session = played(terms, members, margins)
    bound = equilibrium.price > terms.maintenance + 2 and equilibrium.supply == capacity
    assume(bound and max(margins) > session.hosted.close.price)
    assert equilibrium.total_demand == capacity
    assert sum(session.hosted.awards) == capacity
    assert all(each.quote.supply <= capacity * MICRO for each in session.hosted.rounds)


@pytest.mark.parametrize("count", range(2, 7))
def test_regression_no_leaf_is_left_for_a_seat_that_was_dropped(count):
    """The supplier answered in its name, and the price rose: of those who count one sees it."""
    terms = PriceTerms("simultaneous", 1_000_000, 500_000, 10, 10**6, TOKEN)
    members = tuple(
        Member(DEMANDERS[at], bytes([at]) * 32, bytes([at]) * 32, NO_LIMIT, True, at)
        for at in range(count)
    )
    for silent in range(count):
        room = opened(terms, members)
        room.say()
        for at in range(count):
            if at != silent:
                room.take(at, room.answer_of(at, 200))
        word, _, _ = room.due(time_up=True)
        for at in range(count):
            leaves = (*word.leaves[:at], leaf(silent, bytes(32), 0, 0, 0, 0), *word.leaves[at:])
            root, paths = tree_of(leaves)
            quote = replace(word.message, tree=root.hash)
            seen = 0
            for seat in (seat for seat in range(count) if seat != silent):
                rank = seat - (seat > silent)
                path = paths[rank + (rank >= at)]
                place = Place(seat, members[seat].selection, 0, 0, path)
                try:
                    follow(room.seats[seat], quote, digest_of(quote), (place,))
                except InvalidMove:
                    seen += 1
            assert seen
        room.say(time_up=True)
