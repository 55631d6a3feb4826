"""A session's outcome from its terms and answers, without its messages.

It is worked out by the search and the awards of the signed rounds, and comes out as theirs. Nobody
falls silent.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fabmarket.market.messages import Member, PriceTerms
from fabmarket.negotiation.awarding import Awards, by_answers, by_clock, nothing
from fabmarket.negotiation.clinching import Curve, together
from fabmarket.negotiation.course import after, binding, first, moves


@dataclass(frozen=True)
class Played:
    """What is sold after how many quotes; at price 0 nothing, as no price was found."""

    awards: Awards
    rounds: int


def play(terms: PriceTerms, members: Sequence[Member], answer: Callable[[int, int], int]) -> Played:
    """Return what a session sells that is no clock.

    `answer` gives what a seat replies to a price, micro-units.
    """
    course = first(terms)
    said: list[dict[int, int]] = [{} for _ in members]
    while True:
        for seat, replies in enumerate(said):
            replies[course.price] = answer(seat, course.price)
        total = sum(replies[course.price] for replies in said)
        moving = sum(
            moves(member, replies[course.price])
            for member, replies in zip(members, said, strict=True)
        )
        course = after(course, total, moving, len(members))
        if course.failed:
            return Played(nothing(len(members)), course.rounds)
        if course.settled_on is not None:
            found = {seat: binding(course, replies) for seat, replies in enumerate(said)}
            sold = by_answers(terms, members, course.settled_on, found)
            return Played(sold, course.rounds)


def play_clock(terms: PriceTerms, members: Sequence[Member], curves: Sequence[Curve]) -> Played:
    """Return what a clock sells to seats that give up units as their curves say."""
    everyone, course = together(curves), first(terms)
    while not course.failed and course.settled_on is None:
        course = after(course, everyone.above(course.price - 1), 0, len(members))
    if course.failed:
        return Played(nothing(len(members)), course.rounds)
    return Played(by_clock(terms, members, everyone, curves, frozenset()), course.rounds)
