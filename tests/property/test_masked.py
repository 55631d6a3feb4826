"""Masked sessions come out as open ones do, and take no word that they should not.

FABMARKET_FUZZ=long compares 2,000 markets instead of 100.
"""

import os
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fabmarket.identity import digest
from fabmarket.identity.masks import ORDER
from fabmarket.market.masked import MaskedClose
from fabmarket.negotiation.course import InvalidMove, TooEarly
from fabmarket.negotiation.masked.hosted import SILENT
from fabmarket.negotiation.masked.hosting import hear, hear_unmasking, next_word
from fabmarket.negotiation.masked.seat import follow, unmask
from fabmarket.negotiation.seat import SecondWord
from tests.property import sessions
from tests.property.masked_sessions import (
    DOMAIN,
    masked_markets,
    opened,
    played,
    searched,
    secret_of,
)

MARKETS = 2_000 if os.environ.get("FABMARKET_FUZZ") == "long" else 100


@settings(max_examples=MARKETS)
@given(masked_markets())
def test_prices_awards_and_payments_are_the_open_session_s(market):
    """If that needs no more rounds than a masked session has; else no price is found."""
    is_same(*market)


def is_same(terms, members, margins):
    hidden = played(terms, members, margins).hosted
    open_one = sessions.played(terms, members, margins).hosted
    if len(open_one.rounds) > hidden.opening.round_limit:
        assert (hidden.price, hidden.course.failed, hidden.awards) == (None, True, ())
        return False
    assert hidden.price == open_one.price
    nothing = (0,) * len(members)
    assert (hidden.awards or nothing) == open_one.awards
    assert (hidden.payments or nothing) == open_one.payments
    assert [each.price for each in hidden.heard] == [each.quote.price for each in open_one.rounds]
    return True


def altered(data, message):
    """The message with one field changed to something else of its type."""
    field = data.draw(st.sampled_from([each.name for each in fields(message)]))
    value = getattr(message, field)
    if isinstance(value, bool):
        wrong = not value
    elif isinstance(value, int):
        wrong = value + data.draw(st.sampled_from((1, 10**9)))
    elif isinstance(value, tuple):
        wrong = (99,)
    elif isinstance(value, bytes):
        wrong = b"x" * 32
    else:
        wrong = sessions.TOKEN
    return replace(message, **{field: wrong})


@settings(max_examples=60)
@given(masked_markets(), st.data())
def test_members_accept_nothing_but_what_follows(market, data):
    """At every turn any change of the supplier's message is refused, and the true one taken."""
    terms, members, margins = market
    room = opened(terms, members)
    while True:
        word, _, places = room.due()
        at = data.draw(st.integers(0, len(members) - 1))
        own = places[sessions.DEMANDERS[at]]
        with pytest.raises((InvalidMove, TooEarly)):
            follow(room.seats[at], altered(data, word.message), b"w" * 32, own)
        message = room.say()
        if room.hosted.over:
            return
        for seat, margin in enumerate(margins):
            if message.final:
                room.unmask(seat)
            else:
                room.take(seat, margin)


@settings(max_examples=60)
@given(masked_markets(), st.data())
def test_members_accept_no_place_but_their_own(market, data):
    """A value, a seat or a path that is another's or altered is refused wherever a tree is."""
    terms, members, margins = market
    room = opened(terms, members)
    while True:
        word, key, places = room.due()
        at = data.draw(st.integers(0, len(members) - 1))
        shown = places[sessions.DEMANDERS[at]]
        if shown:
            (place,) = shown
            (other,) = places[sessions.DEMANDERS[(at + 1) % len(members)]]
            first, *rest = place.path
            place_of_sum = data.draw(st.integers(0, len(first.sums) - 1))
            sums = list(first.sums)
            sums[place_of_sum] ^= 1
            lies = [
                (),
                (replace(place, path=(*place.path, first, first)),),
                (replace(place, path=()),),
                (replace(place, path=(replace(first, sums=tuple(sums)), *rest)),),
                (replace(place, path=(replace(first, sums=()), *rest)),),
                (replace(place, seat=place.seat + 1),),
                (other,),
                (replace(other, seat=at),),
                (place, place),
            ]
            if isinstance(word.message, MaskedClose):
                lies += [(replace(place, value=place.value + 1),)]
                lies += [(replace(place, payment=place.payment + 1),)]
            with pytest.raises(InvalidMove):
                follow(room.seats[at], word.message, key, data.draw(st.sampled_from(lies)))
        message = room.say()
        if room.hosted.over:
            return
        for seat, margin in enumerate(margins):
            if message.final:
                room.unmask(seat)
            else:
                room.take(seat, margin)


@settings(max_examples=40)
@given(masked_markets(), st.data())
def test_two_words_for_one_place_are_a_proof(market, data):
    terms, members, margins = market
    room = opened(terms, members)
    while not room.hosted.over:
        at = data.draw(st.integers(0, len(members) - 1))
        _, _, places = room.due()
        message = room.say()
        own = places[sessions.DEMANDERS[at]]
        if isinstance(message, MaskedClose):
            with pytest.raises(SecondWord):
                follow(room.seats[at], replace(message, price=message.price + 1), b"w" * 32, own)
            return
        other = replace(message, price=message.price + 1)
        with pytest.raises(SecondWord):
            follow(room.seats[at], other, b"w" * 32, own)
        ahead = replace(message, round=message.round + 2)
        if not room.hosted.over:
            with pytest.raises(TooEarly):
                follow(room.seats[at], ahead, b"w" * 32, own)
        for seat, margin in enumerate(margins):
            if message.final and message.price:
                room.unmask(seat)
            elif not message.final:
                room.take(seat, margin)


@settings(max_examples=40)
@given(masked_markets(), st.data())
def test_no_answer_counts_that_is_another_s_or_comes_twice(market, data):
    terms, members, margins = market
    room = opened(terms, members)
    while not (message := room.say()).final:
        for at, margin in enumerate(margins):
            room.seats[at], reply = room.answer_of(at, margin)
            lies = [
                replace(reply, demander=sessions.DEMANDERS[(at + 1) % len(members)]),
                replace(reply, answer=replace(reply.answer, seat=(at + 1) % len(members))),
                replace(reply, answer=replace(reply.answer, first=ORDER)),
                replace(reply, answer=replace(reply.answer, commitment=b"\x05" * 33)),
                replace(reply, answer=replace(reply.answer, quote=bytes(32))),
            ]
            for lie in lies:
                with pytest.raises(InvalidMove):
                    hear(room.hosted, lie, digest(DOMAIN, lie.answer))
            room.hear(reply)
            with pytest.raises(InvalidMove):
                room.hear(reply)
    if not message.price:
        return
    for at in range(len(members)):
        room.seats[at], word = unmask(room.seats[at], 0, secret_of(at))
        shown = data.draw(st.sampled_from(word.answers))
        first = shown.first + data.draw(st.sampled_from((1, 10**6)))
        wrong = tuple(
            replace(each, first=first) if each == shown else each for each in word.answers
        )
        lies = [replace(word, answers=wrong), replace(word, answers=word.answers[1:])]
        for lie in [*lies, replace(word, demander=SOMEBODY), replace(word, quote=bytes(32))]:
            with pytest.raises(InvalidMove):
                hear_unmasking(room.hosted, lie)
        room.hosted = hear_unmasking(room.hosted, word)
        with pytest.raises(InvalidMove):
            hear_unmasking(room.hosted, word)


SOMEBODY = sessions.TOKEN


@settings(max_examples=40)
@given(masked_markets(), st.randoms(use_true_random=False))
def test_who_does_not_open_its_answers_gets_nothing_and_stops_nobody(market, rng):
    terms, members, margins = market
    room = opened(terms, members)
    final = searched(room, margins)
    if not final.price:
        return
    open_ones = [at for at in range(len(members)) if rng.random() < 0.6]
    for at in open_ones:
        room.unmask(at)
    close = room.due(time_up=True)[0].message if len(open_ones) < len(members) else None
    room.say(time_up=True)
    assert close is None or isinstance(close, MaskedClose)
    for at, seat in enumerate(room.seats):
        if at not in open_ones:
            assert seat.seats[0].dropped
            assert (room.hosted.awards[at], room.hosted.payments[at]) == (0, 0)
        assert seat.seats[0].awarded == room.hosted.awards[at]
        assert room.hosted.payments[at] <= max(0, room.hosted.awards[at] * margins[at])
    assert sum(room.hosted.awards) == room.hosted.close.awarded <= terms.capacity


@settings(max_examples=40)
@given(masked_markets(), st.data())
def test_a_silent_seat_breaks_the_session_off(market, data):
    terms, members, margins = market
    room = opened(terms, members)
    lazy = data.draw(st.integers(0, len(members) - 1))
    room.say()
    for at, margin in enumerate(margins):
        if at != lazy:
            room.take(at, margin)
    assert next_word(room.hosted) is None
    abort = room.say(time_up=True)
    assert (abort.reason, abort.seats) == (SILENT, (lazy,))
    assert room.hosted.over
    assert all(seat.over for seat in room.seats)
    assert next_word(room.hosted, time_up=True) is None
