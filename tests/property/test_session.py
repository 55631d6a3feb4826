"""Signed rounds against the solved game: random markets, honest, lazy and hostile members."""

from dataclasses import replace
from math import inf

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from fabmarket.game import Game, NoEquilibrium, solve
from fabmarket.identity import Key, keccak
from fabmarket.market.messages import Claim, Close, Member, Opening, PriceTerms, Quote, Reply
from fabmarket.market.units import MICRO, NO_LIMIT
from fabmarket.negotiation.bargaining import (
    PROPOSALS,
    Bargain,
    Position,
    follow_counter,
    respond,
)
from fabmarket.negotiation.session import (
    ROUND_LIMIT,
    InvalidMove,
    best_claim,
    best_reply,
    due,
    entitlement,
    follow,
    open_session,
)

SUPPLIER = Key.derive("session", "supplier").address
DEMANDERS = [Key.derive("session", str(i)).address for i in range(6)]
quantities = st.one_of(st.just(NO_LIMIT), st.integers(0, 80))


@st.composite
def markets(draw):
    """(terms, members, margins): coarse numbers, so that ties and kinks are common."""
    concept = draw(st.sampled_from(("balanced", "simultaneous", "demanders-lead")))
    margins = draw(st.lists(st.integers(-20, 300), min_size=1, max_size=6))
    a, b = (draw(st.integers(100_000, 3_000_000)) for _ in range(2))
    if concept == "balanced":
        a += b
    terms = PriceTerms(
        concept=concept,
        demand_weight=a,
        supply_weight=b,
        maintenance=draw(st.integers(0, 60)),
        capacity=draw(st.one_of(st.integers(0, 150), st.just(10**6))),
    )
    members = []
    for index in range(len(margins)):
        units = NO_LIMIT if concept == "demanders-lead" else draw(quantities)
        members.append(
            Member(
                demander=DEMANDERS[index],
                selection=keccak(bytes([index, draw(st.integers(0, 1))])),
                sub_task=bytes([index]) * 32,
                quantity=units,
                divisible=units == NO_LIMIT or draw(st.booleans()),
                supplier_nonce=index,
            )
        )
    return terms, tuple(members), margins


def solved(terms, members, margins):
    """The equilibrium, or pass the market over if it has none."""
    limited = terms.concept != "demanders-lead"
    game = Game(
        np.array([float(max(c, 0)) for c in margins]),
        np.array([float(max(-c, 0)) for c in margins]),
        float(terms.maintenance),
        terms.demand_weight / MICRO,
        terms.supply_weight / MICRO,
        cap=np.array([inf if m.quantity == NO_LIMIT else float(m.quantity) for m in members]),
        supply_cap=float(terms.capacity) if limited else inf,
    )
    try:
        return solve(game, terms.concept)
    except NoEquilibrium:
        assume(False)


def digest_of(message):
    return keccak(repr(message).encode())


def opened(terms, members):
    opening = Opening(SUPPLIER, b"l" * 32, 10**6, terms, members)
    return open_session(opening, digest_of(opening))


def answers(session, margins):
    """What honest members say to the last quote, in the order of their seats."""
    quote, key = session.rounds[-1].quote, session.rounds[-1].digest
    for seat, (member, margin) in enumerate(zip(session.opening.members, margins, strict=True)):
        if quote.final:
            units, surplus = best_claim(session, seat, margin)
            yield Claim(member.demander, session.id, seat, key, units, surplus)
        else:
            micro = best_reply(session, seat, margin)
            yield Reply(member.demander, session.id, seat, key, micro)


def played(terms, members, margins):
    """A session between honest parties, from its opening to its close."""
    session = opened(terms, members)
    while (message := due(session)) is not None:
        session = follow(session, message, digest_of(message))
        if isinstance(message, Close):
            return session
        for answer in answers(session, margins):
            session = follow(session, answer, digest_of(answer))
    raise AssertionError("nobody knows what comes next")


@settings(max_examples=400)
@given(markets())
def test_a_session_reaches_the_solved_price_within_one_base_unit(market):
    terms, members, _ = market
    equilibrium = solved(*market)
    session = played(*market)
    assert len(session.rounds) < ROUND_LIMIT
    close = session.close
    if session.settled_on is None:
        # No supply: the price at which demand and supply meet is not above the maintenance cost.
        assert terms.concept != "balanced"
        assert equilibrium.price <= terms.maintenance + 1
        assert close.awards == (0,) * len(members)
        return
    assert close.price == session.settled_on >= max(terms.maintenance, 1)
    if equilibrium.total_demand <= len(members) / MICRO or equilibrium.price < terms.maintenance:
        return
    assert abs(close.price - equilibrium.price) <= 1
    slope = session.rule.slope
    for seat, member in enumerate(members):
        if member.divisible:
            units = entitlement(session, seat)
            assert abs(units - equilibrium.demand[seat]) <= 1 + 1 / slope + 1e-6


@settings(max_examples=300)
@given(markets())
@example(
    (
        PriceTerms("balanced", 1_000_000, 500_000, 0, 10**6),
        (Member(DEMANDERS[0], bytes(32), bytes(32), 5, False, 0),),
        [1],
    )
)
def test_nobody_gets_more_than_it_claimed_or_pays_more_than_it_is_worth(market):
    terms, members, margins = market
    session = played(*market)
    close = session.close
    assert sum(close.awards) <= terms.capacity
    for award, member, margin in zip(close.awards, members, margins, strict=True):
        assert 0 <= award <= member.quantity
        assert award == 0 or 0 < close.price < margin
        assert member.divisible or award in (0, member.quantity)
    claims = session.claims if session.settled_on is not None else ()
    room = terms.capacity
    for claim in sorted(claims, key=lambda c: (-c.surplus, members[c.seat].selection)):
        best = min(claim.quantity, room)
        if not members[claim.seat].divisible and claim.quantity > room:
            best = 0
        assert close.awards[claim.seat] == best
        room -= best


@settings(max_examples=150)
@given(st.integers(20, 120), st.integers(1, 40), st.integers(0, 60), st.integers(1, 5))
def test_where_capacity_binds_the_price_is_the_lowest_that_clears(margin, cap, room, count):
    """Members who all want `cap` at any price below `margin`: the whole interval clears."""
    assume(room >= count * cap)
    terms = PriceTerms("balanced", 1_000_000, 999_999, 10, room)
    members = tuple(
        Member(DEMANDERS[i], bytes([i]) * 32, bytes([i]) * 32, cap, True, 0) for i in range(count)
    )
    session = played(terms, members, [margin] * count)
    assert session.settled_on == 10
    assert session.close.awards == (cap,) * count


def test_an_interval_of_clearing_prices_gives_its_lowest():
    """Capacity 10, two members of 5 each worth 100, one of 5 worth 40: from 40 on it clears."""
    terms = PriceTerms("balanced", 1_000_000, 999_999, 10, 10)
    members = tuple(
        Member(DEMANDERS[i], bytes([i]) * 32, bytes([i]) * 32, 5, True, 0) for i in range(3)
    )
    session = played(terms, members, [100, 100, 40])
    assert session.settled_on == 40
    assert session.close.awards == (5, 5, 0)


def test_supply_left_over_at_the_floor_is_shared_in_proportion_and_all_of_a_scarce_one_sold():
    """S = d_s/(a - b) = 60/0.5 = 120 units; (c - d_s)+ is 10, 20, 0."""
    terms = PriceTerms("balanced", 1_000_000, 500_000, 60, 10**6)
    members = tuple(
        Member(DEMANDERS[i], bytes([i]) * 32, bytes([i]) * 32, NO_LIMIT, True, 0) for i in range(3)
    )
    session = played(terms, members, [70, 80, 60])
    assert session.settled_on == 60
    assert session.close.awards == (40, 80, 0)
    shared = played(replace(terms, capacity=100), members, [70, 80, 60])
    assert shared.close.awards == (33, 67, 0)


@settings(max_examples=150)
@given(markets(), st.data())
def test_members_accept_nothing_but_what_follows(market, data):
    """At every turn any change of the supplier's message is refused, and the true one taken."""
    session = opened(*market[:2])
    while (message := due(session)) is not None:
        changes = {
            Quote: ("round", "previous", "price", "sum", "supply", "final", "supplier", "session"),
            Close: ("previous", "price", "awards", "supplier", "session"),
        }[type(message)]
        field = data.draw(st.sampled_from(changes))
        value = getattr(message, field)
        if field == "awards":
            seat = data.draw(st.integers(0, len(value) - 1))
            wrong = (*value[:seat], value[seat] + 1, *value[seat + 1 :])
        elif isinstance(value, bool):
            wrong = not value
        elif isinstance(value, int):
            wrong = value + data.draw(st.sampled_from((-1, 1, 10**9)))
        else:
            wrong = DEMANDERS[0] if field == "supplier" else b"x" * 32
        with pytest.raises(InvalidMove):
            follow(session, replace(message, **{field: wrong}), b"w" * 32)
        session = follow(session, message, digest_of(message))
        if isinstance(message, Close):
            return
        for answer in answers(session, market[2]):
            session = follow(session, answer, digest_of(answer))
            with pytest.raises(InvalidMove):
                follow(session, answer, digest_of(answer))


@settings(max_examples=60)
@given(markets(), st.randoms(use_true_random=False))
def test_hostile_replies_end_within_the_round_limit(market, rng):
    """Members answer anything legal: no error but InvalidMove, and an end."""
    terms, members, _ = market
    session = opened(terms, members)
    while (message := due(session)) is not None:
        session = follow(session, message, digest_of(message))
        if isinstance(message, Close):
            break
        for seat, member in enumerate(members):
            session = hostile_answer(session, seat, member, rng)
    assert session.close is not None
    assert len(session.rounds) <= ROUND_LIMIT + 1
    assert sum(session.close.awards) <= terms.capacity


def hostile_answer(session, seat, member, rng):
    last = session.rounds[-1]
    limit = member.quantity
    if last.quote.final:
        tries = [entitlement(session, seat), 0]
        surplus = rng.choice((0, 2**256 - 1))
        moves = [Claim(member.demander, session.id, seat, last.digest, n, surplus) for n in tries]
    else:
        past = [each.replies[seat] for each in session.rounds[:-1]]
        tries = [limit * MICRO + 1, rng.randrange(limit * MICRO + 1), limit * MICRO, *past, 0]
        rng.shuffle(tries)
        moves = [Reply(member.demander, session.id, seat, last.digest, n) for n in tries]
    for move in moves:
        try:
            return follow(session, move, digest_of(move))
        except InvalidMove:
            continue
    raise AssertionError("a seat without a legal answer")


def test_a_member_that_never_settles_meets_the_round_limit():
    """It asks for all there is just below a price it lets rise, and for nothing above."""
    terms = PriceTerms("balanced", 10**12, 1, 1, NO_LIMIT)
    member = Member(DEMANDERS[0], bytes(32), bytes(32), NO_LIMIT, True, 0)
    session = opened(terms, (member,))
    secret = 3**78
    while not isinstance(message := due(session), Close):
        session = follow(session, message, digest_of(message))
        last = session.rounds[-1]
        if last.quote.final:
            answer = Claim(member.demander, session.id, 0, last.digest, 0, 0)
        else:
            micro = NO_LIMIT * MICRO if last.quote.price < secret else 0
            answer = Reply(member.demander, session.id, 0, last.digest, micro)
        session = follow(session, answer, digest_of(answer))
    assert 50 < len(session.rounds) <= ROUND_LIMIT + 1


positions = st.builds(Position, st.integers(0, 400), st.integers(0, 400))


def struck(buyer, seller):
    member = Member(DEMANDERS[0], bytes(32), bytes(32), 5, True, 0)
    opening = Opening(SUPPLIER, bytes(32), 1, PriceTerms("bargaining", 0, 0, 0, 5), (member,))
    bargain = Bargain(opening, digest_of(opening))
    while bargain.outcome is None:
        me = bargain.turn_of
        counter = respond(bargain, me, buyer if me == DEMANDERS[0] else seller)
        bargain = follow_counter(bargain, counter, digest_of(counter))
    return bargain


@settings(max_examples=300)
@given(st.integers(1, 400), st.integers(1, 400), st.integers(0, 400), st.integers(0, 400))
def test_a_bargain_ends_in_a_deal_exactly_if_the_reserves_leave_room(bid, worth, ask, cost):
    bid, ask = min(bid, worth), max(ask, cost)
    bargain = struck(Position(bid, worth), Position(ask, cost))
    assert len(bargain.counters) <= 2 * PROPOSALS + 2
    if worth >= cost:
        assert max(cost, 1) <= bargain.outcome <= worth
    else:
        assert bargain.outcome == 0
    for counter in bargain.counters:
        if counter.reason == "propose":
            mine = counter.sender == DEMANDERS[0]
            assert bid <= counter.unit_price <= worth if mine else cost <= counter.unit_price <= ask


@given(positions)
def test_a_position_moves_from_its_first_price_to_its_reserve_and_never_back(position):
    path = [position.proposal(turn) for turn in range(PROPOSALS + 3)]
    assert path[0] == position.first
    assert path[PROPOSALS - 1 :] == [position.reserve] * 4
    assert path in (sorted(path), sorted(path, reverse=True))


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
    terms = PriceTerms("balanced", slope + 7, 7, 10**cheap // 10**4, capacity)
    members = tuple(
        Member(DEMANDERS[at], keccak(bytes([at])), bytes([at]) * 32, NO_LIMIT, True, 0)
        for at in range(len(margins))
    )
    equilibrium = solved(terms, members, margins)
    session = played(terms, members, margins)
    bound = equilibrium.price > terms.maintenance + 2 and equilibrium.supply == capacity
    assume(bound and max(margins) > session.close.price)
    assert equilibrium.total_demand == capacity
    assert sum(session.close.awards) == capacity
    assert all(each.quote.supply <= capacity * MICRO for each in session.rounds)
