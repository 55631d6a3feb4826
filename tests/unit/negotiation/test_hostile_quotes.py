"""A hostile supplier in a session: its words are held against sums, places and the rule."""

from dataclasses import replace

import pytest

from fabmarket.identity import digest
from fabmarket.market.messages import Close, Exit, Reply
from fabmarket.market.sums import leaf, tree_of
from fabmarket.market.trade import Trade
from fabmarket.market.units import name_to_bytes32
from fabmarket.negotiation.course import supply_at
from fabmarket.negotiation.hosting import addressed, next_word
from fabmarket.negotiation.wants import DROPPED
from tests.unit.negotiation.trap import OTHER_SEAT, STRANGER

MILL = name_to_bytes32("mill")
WORDS = "the quote does not follow from the replies"
NOT_COUNTED = "our answer is not counted"


def in_rounds(trap, rounds, *, others=1):
    """A trap whose session of one seat of ours and others' has gone on for so many rounds."""
    market = trap(trap.want("task", (MILL, None, 100)), concept="simultaneous")
    crowd = [replace(OTHER_SEAT, selection=bytes([at]) * 32) for at in range(others)]
    market.greed = 2
    market.host(market.seat(), *crowd)
    for _ in range(rounds):
        market.advance()
    return market


WRONG_QUOTES = {
    "price": lambda quote: replace(quote, price=quote.price + 1),
    "supply": lambda quote: replace(quote, supply=quote.supply + 1),
}
WRONG_SUMS = {
    "sum": lambda quote: replace(quote, sum=quote.sum + 1),
    "smaller sum": lambda quote: replace(quote, sum=max(0, quote.sum - 1)),
    "moving": lambda quote: replace(quote, moving=quote.moving + 1),
    "tree": lambda quote: replace(quote, tree=b"x" * 32),
}


@pytest.mark.parametrize("wrong", [*WRONG_QUOTES.values(), *WRONG_SUMS.values()])
def test_a_wrong_first_quote_is_refused(trap, wrong):
    market = in_rounds(trap, 0)
    quote, *places = market.due()
    if wrong(quote) != quote:
        words = market.tempt(wrong(quote), *places)
        assert words == "the first quote is another than the terms say"
    assert market.tempt(quote, *places) is None


@pytest.mark.parametrize("rounds", [1, 2])
@pytest.mark.parametrize("wrong", WRONG_QUOTES.values(), ids=WRONG_QUOTES.keys())
def test_a_wrong_quote_is_refused(trap, wrong, rounds):
    market = in_rounds(trap, rounds)
    quote, *places = market.due()
    assert market.tempt(wrong(quote), *places) == WORDS
    assert market.tempt(quote, *places) is None


@pytest.mark.parametrize("rounds", [1, 2])
@pytest.mark.parametrize("wrong", WRONG_SUMS.values(), ids=WRONG_SUMS.keys())
def test_sums_that_are_not_the_tree_s_are_refused(trap, wrong, rounds):
    market = in_rounds(trap, rounds)
    quote, *places = market.due()
    assert market.tempt(wrong(quote), *places) == NOT_COUNTED
    assert market.tempt(quote, *places) is None


def with_answers(market, change, *, time_up=False):
    """What follows if the supplier alters what it heard: whole, with a tree of its own."""
    hosted = market.hosted
    last = hosted.rounds[-1]
    altered = replace(last, answers=change(last.answers))
    hosted = replace(hosted, rounds=(*hosted.rounds[:-1], altered))
    word = next_word(hosted, time_up=time_up)
    return word.message, *dict(addressed(hosted, word))[market.honest]


def test_a_supplier_that_counts_another_answer_than_ours_is_refused(trap):
    """Everything follows from its sums, but our answer is not what it counted."""
    market = in_rounds(trap, 1)
    for more in (-1, 1, 10**9):

        def altered(answers, more=more):
            own = answers[0]
            return answers.insert(0, replace(own, quantity=own.quantity + more))

        assert market.tempt(*with_answers(market, altered)) == NOT_COUNTED
    forged = with_answers(
        market, lambda answers: answers.insert(0, replace(answers[0], digest=b"x" * 32))
    )
    assert market.tempt(*forged) == NOT_COUNTED


def test_a_member_left_out_of_the_tree_but_not_named_as_dropped_sees_it(trap):
    """The price would be found without its demand, and it would pay what the others made."""
    market = in_rounds(trap, 1, others=6)
    quote, *places = with_answers(market, lambda answers: answers.remove(0), time_up=True)
    assert quote.dropped == (0,)
    assert market.tempt(replace(quote, dropped=()), *places) == NOT_COUNTED


def test_a_word_without_our_place_or_with_another_s_is_refused(trap):
    market = in_rounds(trap, 1, others=3)
    quote, place = market.due()
    word = next_word(market.hosted)
    other = dict(addressed(market.hosted, word))[STRANGER.address][0]
    for shown in ((), (replace(place, path=other.path),)):
        assert market.tempt(quote, *shown) == NOT_COUNTED
    for shown in ((other,), (place, other), (place, place)):
        assert market.tempt(quote, *shown) == "places that are not our seats'"
    ours = replace(other, seat=0)
    assert market.tempt(quote, ours) == NOT_COUNTED
    for wrong in (
        replace(place, value=place.value + 1),
        replace(place, path=tuple(reversed(place.path))),
    ):
        assert market.tempt(quote, wrong) == NOT_COUNTED
    for path in (place.path[:-1], (*place.path, place.path[0]), ()):
        assert market.tempt(quote, replace(place, path=path)).startswith("a path of")
    assert market.tempt(quote, place) is None


def test_whoever_is_dropped_although_it_answered_leaves_and_signs_nothing(trap):
    """It cannot prove here that it answered in time; it loses the session and nothing else."""
    market = in_rounds(trap, 1, others=6)
    dropped = with_answers(market, lambda answers: answers.remove(0), time_up=True)
    replies = len(market.heard(Reply))
    assert market.tempt(*dropped) is None
    (want,) = market.wants(market.honest)
    assert (want.state, want.attempts[-1].reason) == ("open", DROPPED)
    assert len(market.heard(Reply)) == replies
    later = replace(dropped[0], round=2, previous=digest(market.domain, dropped[0]), dropped=())
    market.tempt(later)
    assert len(market.heard(Reply)) == replies
    assert market.heard(Trade) == []


def test_one_of_our_two_seats_is_dropped_and_the_other_goes_on(trap):
    wants = trap.want("one", (MILL, 10, 100)), trap.want("two", (MILL, 20, 100))
    market = trap(*wants, room=50)
    market.host()
    market.advance()
    hosted = market.hosted
    last = hosted.rounds[-1]
    rounds = (*hosted.rounds[:-1], replace(last, answers=last.answers.remove(0)))
    market.hosted = replace(hosted, rounds=rounds)
    market.advance(time_up=True)
    while market.hosted.close is None:
        market.advance()
    gone, kept = (seat.want for seat in market.talk.seats)
    wants = market.states[market.honest].wants
    assert (wants[gone].state, wants[gone].attempts[-1].reason) == ("open", DROPPED)
    assert wants[kept].state == "agreed"
    assert len(market.heard(Trade)) == 1


@pytest.mark.parametrize("dropped", [(2,), (2**32 - 1,), (1, 1)], ids=str)
def test_a_seat_that_is_none_or_dropped_twice_is_refused(trap, dropped):
    market = in_rounds(trap, 1)
    quote, *places = market.due()
    words = market.tempt(replace(quote, dropped=dropped), *places)
    assert words == "a seat is dropped twice, or is none"


def test_a_seat_dropped_again_is_refused(trap):
    market = in_rounds(trap, 1)
    silent = with_answers(market, lambda answers: answers.remove(1), time_up=True)
    assert silent[0].dropped == (1,)
    assert market.tempt(*silent) is None
    again = replace(silent[0], round=2, previous=digest(market.domain, silent[0]))
    assert market.tempt(again, *silent[1:]) == "a seat is dropped twice, or is none"


def test_two_quotes_for_one_round_are_a_proof(trap):
    """A supplier that tells each member another price is shown by any two of its words."""
    market = in_rounds(trap, 2)
    told = market.hosted.rounds[-1].quote
    other = replace(told, price=told.price + 1)
    assert market.tempt(other) == "second quote for one round"
    assert market.proofs == [(market.honest, other)]
    fork = replace(market.due()[0], previous=digest(market.domain, other))
    assert market.tempt(fork) == "quote that follows another than we got"
    assert market.proofs == [(market.honest, other), (market.honest, fork)]
    assert market.tempt(*market.due()) is None


def test_what_merely_does_not_follow_is_no_proof(trap):
    market = in_rounds(trap, 1)
    quote, *places = market.due()
    market.tempt(replace(quote, price=quote.price + 1), *places)
    market.tempt(replace(quote, sum=quote.sum + 1), *places)
    assert len(market.ignored) == 2
    assert market.proofs == []


def test_a_quote_by_somebody_else_is_refused(trap):
    market = in_rounds(trap, 0)
    other = market.supplier("other")
    quote, *places = market.due()
    assert market.tempt(replace(quote, supplier=other), *places) == "word of another session"


def test_a_quote_sent_again_is_not_answered_again(trap):
    market = in_rounds(trap, 0)
    first, *places = market.due()
    market.advance()
    assert market.tempt(first, *places) == "second quote for one round"
    assert len([each for each in market.said if isinstance(each, Reply)]) == 1


# A hostile supplier: what is awarded


FAIR = "the award does not follow from the answers"


def retold(market, given, *, others_move=None, **changes):
    """The next word with other units given to the seats, and a tree that holds them.

    With `others_move` all but our seat are said to have moved, or not.
    """
    word, _ = market.due()
    price = word.price if isinstance(word, Close) else 0
    last = market.hosted.rounds[-1]
    leaves = []
    for at, units in enumerate(given):
        own = last.answers[at]
        moving = own.moving if at == 0 or others_move is None else int(others_move)
        leaves.append(leaf(at, own.digest, own.quantity, moving, units, units * price))
    root, paths = tree_of(leaves)
    totals = {"awarded": root.sums[2], "paid": root.sums[3]} if isinstance(word, Close) else {}
    place = replace(market.due()[1], value=given[0], payment=given[0] * price, path=paths[0])
    return replace(word, tree=root.hash, moving=root.sums[1], **totals, **changes), place


def last_word(trap, *, divisible=True, room=100, greed=5):
    """A trap where the close is due; ours is 10 units, the other seat's as its greed."""
    market = trap(trap.want("task", (MILL, 10, 100), divisible=divisible), room=room)
    market.greed = greed
    market.host(market.seat(), OTHER_SEAT)
    market.to_the_close()
    return market


def test_units_awarded_before_a_price_is_found_are_refused(trap):
    market = in_rounds(trap, 1)
    assert market.tempt(*retold(market, (3, 0))) == NOT_COUNTED


def test_awards_that_do_not_follow_are_refused_and_the_true_one_signed_once(trap):
    market = last_word(trap)
    true = market.due()
    assert retold(market, (10, 5)) == true
    assert (true[0].awarded, true[0].paid) == (15, 15 * true[0].price)
    assert (true[1].value, true[1].payment) == (10, 10 * true[0].price)
    for given in ((11, 5), (9, 5), (0, 5), (80, 5)):
        assert market.tempt(*retold(market, given)) == FAIR
    more = market.tempt(*retold(market, (10, 91)))
    assert more == "more is awarded than there is"
    for wrong in (
        replace(true[0], sum=true[0].sum + 1),
        replace(true[0], awarded=13),
        replace(true[0], paid=13),
        replace(true[0], moving=1),
        replace(true[0], tree=b"x" * 32),
    ):
        assert market.tempt(wrong, true[1]) == NOT_COUNTED
    dearer = replace(true[0], price=true[0].price + 1)
    assert market.tempt(dearer, true[1]) == "a close at another price than was found"
    exits = replace(true[0], exits=(Exit(1, 1),))
    assert market.tempt(exits, true[1]) == "a close at another price than was found"
    assert market.heard(Trade) == []
    assert market.tempt(*true) is None
    (trade,) = market.heard(Trade)
    assert (trade.quantity, trade.unit_price) == (10, true[0].price)
    assert trade.unit_price < 100
    assert market.tempt(*true) == "the session is closed"
    assert len(market.heard(Trade)) == 1


def test_a_payment_that_is_not_units_at_the_price_is_refused(trap):
    market = last_word(trap)
    close, place = market.due()
    own, other = (market.hosted.rounds[-1].answers[at] for at in range(2))
    for ours, theirs, words in (
        (close.price * 10 + 1, close.price * 5, "a payment that is not price times units"),
        (close.price * 10 + 1, close.price * 5 - 1, FAIR),
    ):
        leaves = (
            leaf(0, own.digest, own.quantity, own.moving, 10, ours),
            leaf(1, other.digest, other.quantity, other.moving, 5, theirs),
        )
        root, paths = tree_of(leaves)
        lie = replace(close, tree=root.hash, paid=root.sums[3])
        assert market.tempt(lie, replace(place, payment=ours, path=paths[0])) == words


def test_an_award_is_cut_only_where_the_answers_exceed_the_room(trap):
    market = last_word(trap, divisible=False, room=12)
    assert market.due()[0].awarded == 12
    assert market.tempt(*retold(market, (11, 1))) == FAIR
    assert market.tempt(*retold(market, (10, 3))) == "more is awarded than there is"
    assert market.tempt(*retold(market, (0, 2))) == FAIR
    assert market.tempt(*retold(market, (0, 3))) is None


def test_regression_a_part_of_what_is_bought_whole_or_not_at_all_is_no_award(trap):
    """Where room was short the demander signed for a part that is of no use to it."""
    market = last_word(trap, divisible=False, room=12)
    assert market.tempt(*retold(market, (7, 5))) == FAIR
    assert market.tempt(*retold(market, (10, 2))) is None
    assert [trade.quantity for trade in market.heard(Trade)] == [10]


def test_a_close_while_the_price_is_searched_is_refused(trap):
    market = in_rounds(trap, 1)
    quote, place = market.due()
    last = market.hosted.rounds[-1]
    early = Close(
        supplier=market.seller,
        session=quote.session,
        previous=last.digest,
        tree=quote.tree,
        sum=quote.sum,
        moving=quote.moving,
        awarded=0,
        paid=0,
        dropped=(),
        price=last.quote.price,
    )
    assert market.tempt(early, place) == "a close where the search for a price goes on"
    assert market.tempt(replace(early, awarded=2), place) == NOT_COUNTED
    stranger = replace(early, session=bytes(32))
    assert market.tempt(stranger) == "word of a session that we have no opening of"


def test_awards_where_no_price_was_found_are_refused(trap):
    market = trap(trap.want("task", (MILL, None, 60)), concept="simultaneous", maintenance=50)
    market.host(market.seat(), OTHER_SEAT)
    while not isinstance(market.due()[0], Close):
        market.advance()
    words = "something is sold where no price was found"
    assert market.tempt(*retold(market, (0, 3))) == words
    assert market.tempt(*retold(market, (3, 0))) == words
    assert market.tempt(*retold(market, (0, 0), price=7)) == words
    assert market.tempt(*market.due()) is None
    assert market.heard(Trade) == []


def test_regression_a_close_instead_of_the_first_quote_is_refused(trap):
    """With a place in its tree it was an error nobody caught: there was no answer to look up."""
    market = in_rounds(trap, 0)
    session = market.hosted.id
    nothing = (bytes(32), 0, 0, 0, 0, ())
    close = Close(market.seller, session, session, *nothing, 10)
    _, place = market.opening(market.seat(), OTHER_SEAT)
    for shown in ((replace(place, value=0),), ()):
        assert market.tempt(close, *shown) == "a close before any quote"


def test_a_quote_where_the_price_is_found_is_refused(trap):
    market = last_word(trap)
    close, place = market.due()
    last = market.hosted.rounds[-1]
    again = replace(
        last.quote,
        round=len(market.hosted.rounds),
        previous=last.digest,
        tree=retold(market, (0, 0))[0].tree,
        sum=close.sum,
        moving=close.moving,
        supply=supply_at(market.hosted.opening.terms, close.price, close.sum),
    )
    shown = replace(retold(market, (0, 0))[1], value=0, payment=0)
    replies = len(market.heard(Reply))
    assert market.tempt(again, shown) == WORDS
    assert market.tempt(again, place) == NOT_COUNTED
    assert len(market.heard(Reply)) == replies
