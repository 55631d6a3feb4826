"""The search for a session's price, as everybody can follow it from the public sums.

A round: the supplier quotes a price; every member answers the quantity it would hold if that were
the market's price (`PriceRule.demand_at`); the sum says whether the price is too low or too high,
and the next quote is one Newton step on the aggregate, kept between the prices known to be too low
and too high. Prices are integers, so a session ends; ROUND_LIMIT stops hostile members.

The supplier and every member run `after` on the same three numbers, so a price that does not follow
from the sums shows at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from math import inf

from fabmarket.errors import Refused
from fabmarket.game import PriceRule, kept
from fabmarket.market.messages import Member, PriceTerms, Selection
from fabmarket.market.units import MICRO, NO_LIMIT, floor_int

ROUND_LIMIT = 200
_TOP_PRICE = 2**127


class Unacceptable(Refused):
    """A message that this participant must not act on; the reason is counted."""


class InvalidMove(Refused):
    """The message is not a legal move here; nothing has changed."""


class TooEarly(Refused):
    """The message belongs to what has not arrived yet; sent again later it may fit."""


@dataclass(frozen=True)
class Course:
    """How far the search has come: `price` is the last one quoted, `rounds` how many were.

    `low` is known to be too low a price, `high` to be high enough; `high_clears`: demand just meets
    its target there. `settled_on` is the price that was found; `failed`: there is none.
    """

    terms: PriceTerms
    price: int
    rounds: int = 1
    low: int | None = None
    high: int | None = None
    high_clears: bool = False
    settled_on: int | None = None
    failed: bool = False


@lru_cache(maxsize=1024)
def rule_of(terms: PriceTerms) -> PriceRule:
    """Return the exact rule that the terms describe; InvalidMove if they describe none.

    The listing's capacity is the supply cap W where the concept has one.
    """
    capped = terms.concept != "demanders-lead"
    try:
        return PriceRule(
            concept=terms.concept,
            a=Fraction(terms.demand_weight, MICRO),
            b=Fraction(terms.supply_weight, MICRO),
            supplier_cost=Fraction(terms.maintenance),
            supply_cap=Fraction(terms.capacity) if capped else inf,
        )
    except Refused as error:
        raise InvalidMove(f"terms without a price rule: {error}") from error


def check_terms(terms: PriceTerms, quantities: Iterable[int]) -> None:
    """Raise InvalidMove unless a session under these terms can serve demands of these units."""
    rule = rule_of(terms)
    if rule.concept == "demanders-lead" and any(units != NO_LIMIT for units in quantities):
        raise InvalidMove("demanders-lead is for demands without a limit")


def member_of(selection: Selection, digest: bytes, supplier_nonce: int) -> Member:
    """Return the seat that a signed selection asks for."""
    return Member(
        demander=selection.demander,
        selection=digest,
        sub_task=selection.sub_task,
        quantity=selection.quantity,
        divisible=selection.divisible,
        supplier_nonce=supplier_nonce,
    )


def limit_of(member: Member) -> Fraction | float:
    """Return the most units a member can use, inf for no limit."""
    return inf if member.quantity == NO_LIMIT else Fraction(member.quantity)


def is_moving(member: Member, reply: int) -> bool:
    """Return whether a reply, micro-units, is one that moves with the price."""
    return reply > 0 and (member.quantity == NO_LIMIT or reply < member.quantity * MICRO)


def first(terms: PriceTerms) -> Course:
    """Return the course at its first quote."""
    return Course(terms, _lowest_price(terms))


def after(course: Course, total: int, moving: int, answers: int) -> Course:
    """Return the course after a round: at its next price, settled on one, or failed.

    Where the listing's capacity binds, a whole interval of prices can clear the market; the course
    settles on the lowest of them. Elsewhere a price that clears is the only one.

    Args:
        course: at the price quoted.
        total: the sum of the replies, micro-units.
        moving: how many of them move with the price (`is_moving`).
        answers: how many there are.
    """
    if answers == 0:
        return replace(course, failed=True)
    rule, price = rule_of(course.terms), course.price
    excess = _excess(course, total, answers)
    at_floor = price == _lowest_price(course.terms) and rule.concept == "balanced"
    if (excess <= 0 and at_floor) or (excess == 0 and _clears_once(rule, price, moving)):
        return replace(course, settled_on=price)
    if excess > 0:
        course = replace(course, low=price)
    else:
        course = replace(course, high=price, high_clears=excess == 0)
    if course.low is not None and course.high is not None and course.high - course.low <= 1:
        return replace(course, settled_on=course.high if course.high_clears else course.low)
    following = _next_price(course, total, moving, answers)
    if following is None or course.rounds >= ROUND_LIMIT:
        return replace(course, failed=True)
    return replace(course, price=following, rounds=course.rounds + 1)


def supply_at(terms: PriceTerms, price: int, total: int) -> int:
    """Return the supplier's quantity at a price and a sum, micro-units, rounded down."""
    return floor_int(rule_of(terms).supply_at(Fraction(price), Fraction(total, MICRO)) * MICRO)


def best_reply(terms: PriceTerms, member: Member, margin: int, price: int) -> int:
    """Return a member's demand at a quoted price, micro-units, rounded down.

    `margin` is its private benefit less production cost, base units per unit.
    """
    wanted = rule_of(terms).demand_at(Fraction(margin), limit_of(member), Fraction(price))
    return min(floor_int(wanted * MICRO), member.quantity * MICRO)


def best_claim(due: int, margin: int, price: int) -> tuple[int, int]:
    """Return (units, surplus in base units) that a member claims of what is due to it."""
    gain = margin - price
    return (due, gain * due) if gain > 0 else (0, 0)


def _lowest_price(terms: PriceTerms) -> int:
    """Return the first price announced: the maintenance cost, and something, as no trade is free"""
    return max(terms.maintenance, 1)


def _excess(course: Course, total: int, answers: int) -> int:
    """Micro-units by which demand exceeds the total that its price implies.

    Replies are rounded down, so within one micro-unit a member the two are equal.
    """
    target = floor_int(rule_of(course.terms).total_at(Fraction(course.price)) * MICRO)
    excess = total - target
    return 0 if abs(excess) <= answers else excess


def _clears_once(rule: PriceRule, price: int, moving: int) -> bool:
    """Whether no lower price than a clearing one clears too: demand or its target moves there."""
    here = Fraction(price)
    return moving > 0 or rule.total_at(here) > rule.total_at(max(here - 1, rule.floor))


def _next_price(course: Course, total: int, moving: int, answers: int) -> int | None:
    """Return the next price to try, strictly inside the bracket; None if there is no supply."""
    low, high = course.low, course.high
    if low is None:  # even at the maintenance cost demand is too small to draw supply
        return None
    step = rule_of(course.terms).next_price(
        Fraction(course.price), Fraction(total, MICRO), moving=moving, members=answers
    )
    newton = floor_int(step)
    if high is None:
        price = max(newton, low + 1)
        return price if price < _TOP_PRICE else None
    # Whole prices make steps short, so every third round halves the bracket whatever Newton says.
    return floor_int(kept(newton if course.rounds % 3 else low, low, high))
