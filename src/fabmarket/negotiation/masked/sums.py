"""What the public sums of a masked session say, the same for its supplier and each member."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from fabmarket.market.messages import Exit, MaskedOpening
from fabmarket.negotiation.clinching import Curve
from fabmarket.negotiation.course import CLOCK, Course, after, first


@dataclass(frozen=True)
class Heard:
    """The sums of the answers to a price: what is wanted, and how many answers move with it."""

    price: int
    first: int
    second: int


def begin(opening: MaskedOpening) -> Course:
    """Return the course of a masked session at its first quote."""
    return replace(first(opening.terms), limit=opening.round_limit)


def follow_sums(course: Course, opening: MaskedOpening, heard: Heard) -> Course:
    """Return the course after a round whose sums can be."""
    return after(course, heard.first, heard.second, opening.seats)


@dataclass(frozen=True)
class Impossible:
    """Why no honest answers have such sums, and the rounds to ask about, the lower price first."""

    reason: str
    rounds: tuple[int, ...]


def impossible(opening: MaskedOpening, before: Sequence[Heard], heard: Heard) -> Impossible | None:
    """Return what is impossible about the sums of a round; None if seats can have answered so."""
    last = len(before)
    if heard.first > opening.cap_sum:
        return Impossible("a sum above what all seats can want", (last,))
    if heard.second > (0 if opening.terms.concept == CLOCK else opening.seats):
        return Impossible("more answers that move than seats", (last,))
    for at, each in enumerate(before):
        if (each.first - heard.first) * (heard.price - each.price) < 0:
            rounds = (at, last) if each.price < heard.price else (last, at)
            return Impossible("a sum that rises with the price", rounds)
    return None


def due(course: Course) -> tuple[int, bool]:
    """Return the price that a quote must say next, and whether it is the final one."""
    if course.failed:
        return 0, True
    return (course.price, False) if course.settled_on is None else (course.settled_on, True)


def exits_between(heard: Sequence[Heard]) -> tuple[Exit, ...]:
    """Return what all seats of a clock gave up together, at the quotes that they last wanted it.

    In a masked session units leave at prices that were quoted, so the sums say all of it.
    """
    falls = ((before.price, before.first - here.first) for before, here in pairwise(heard))
    return tuple(Exit(price, units) for price, units in falls if units)


def curve_of_sums(heard: Sequence[Heard]) -> Curve:
    """Return what all seats of a clock wanted together."""
    return Curve(heard[-1].first, exits_between(heard))
