"""Which answers a seat opens to the supplier once a price is found, and whether it opens those."""

from collections.abc import Sequence
from dataclasses import replace

from fabmarket.identity.masks import ORDER, commitment
from fabmarket.identity.proofs import RANGE_BITS
from fabmarket.market.masked import MaskedAnswer, Opened, Unmasking
from fabmarket.market.messages import Member
from fabmarket.negotiation.course import CLOCK, Course, InvalidMove, binding_prices, moves
from fabmarket.negotiation.masked.cards import most_wanted


def opened_rounds(
    course: Course, prices: Sequence[int], quantities: Sequence[int]
) -> tuple[int, ...]:
    """Return the rounds whose answers a seat opens: no more than its award hangs on.

    In a clock whoever wanted nothing at the quote before the last has nothing coming and shows just
    that; of anyone else all answers count. `quantities` are of the last two rounds, at least.
    """
    if course.terms.concept != CLOCK:
        return tuple(sorted(prices.index(price) for price in binding_prices(course)))
    last = max(0, len(prices) - 2)
    return tuple(range(0 if any(quantities[-2:]) else last, len(prices)))


def most_opened(course: Course, prices: Sequence[int], word: Unmasking) -> Unmasking:
    """Return what a seat opens with the largest numbers, and as many rounds as any seat opens."""
    rounds = opened_rounds(course, prices, [1])
    most = tuple(Opened(each, (1 << RANGE_BITS) - 1, 1, ORDER - 1) for each in rounds)
    return replace(word, answers=most, award_blind=ORDER - 1)


def check_opened(
    course: Course,
    prices: Sequence[int],
    given: Sequence[MaskedAnswer],
    member: Member,
    word: Unmasking,
) -> None:
    """Raise InvalidMove unless a seat opens what its award hangs on, and honest answers.

    Args:
        course: with the price that was found.
        prices: those quoted, by round.
        given: the seat's masked answers to them.
        member: whose seat it is.
        word: what it opens.
    """
    quantities = [each.first for each in word.answers]
    due = opened_rounds(course, prices, quantities)
    if tuple(each.round for each in word.answers) != due:
        raise InvalidMove("other answers are opened than the award hangs on")
    terms = course.terms
    most, is_clock = most_wanted(terms, member.quantity), terms.concept == CLOCK
    numbers = [each for it in word.answers for each in (it.first, it.second, it.blind)]
    numbers = [each for it in word.answers for each in (it.first, it.second, it.blind)]
    if max(word.award_blind, *numbers) >= ORDER:
        raise InvalidMove("a number beyond the group's order")
    for each in word.answers:
        if commitment(each.first, each.second, each.blind) != given[each.round].commitment:
            raise InvalidMove("an opening that does not open what was committed to")
        if each.first > most:
            raise InvalidMove(f"{each.first} exceeds the demand of {member.quantity} units")
        if each.second != (0 if is_clock else moves(member, each.first)):
            raise InvalidMove("an answer that misstates whether it moves")
        if terms.lots and each.first not in (0, most):
            raise InvalidMove("a lot leaves whole")
    rising = sorted((prices[each.round], each.first) for each in word.answers)
    if [first for _, first in rising] != sorted(quantities, reverse=True):
        raise InvalidMove("a demand that rises with the price")
