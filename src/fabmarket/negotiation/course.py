"""The search for a session's price, as everybody can follow it from the public sums.

A round: the supplier quotes a price; every member answers the quantity it would hold if that were
the market's price (`PriceRule.demand_at`); the sum says whether the price is too low or too high,
and the next quote is one Newton step on the aggregate, kept between the prices known to be too low
and too high. Prices are integers, so a session ends; ROUND_LIMIT stops hostile members. An answer
that a budget bounds falls otherwise than Newton expects, so that steps may creep: after PATIENCE
quotes they double until a price is too high, and then mostly halve what is left.

The first price is where the terms say that the search starts. From one that is too high it goes
down; what it finds is what a search from the least price does.

A clock only goes up, from the least price, until what is wanted fits the capacity (`clinching`).

The supplier and every member run `after` on the same three numbers, so a price that does not follow
from the sums shows at once.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from math import ceil, inf, isqrt

from fabmarket.errors import Refused
from fabmarket.game import PriceRule
from fabmarket.identity import keccak
from fabmarket.market.messages import Exit, Member, PriceTerms, Reply, Selection
from fabmarket.market.units import MICRO, NO_LIMIT, floor_int

CLOCK = "clock"
ROUND_LIMIT = 200
PATIENCE = 8
"""Quotes after which Newton's steps are trusted less."""
FEWEST = 3
"""Seats of a masked session at least: of two each knows the other's answer."""
LARGEST = 2**48 // MICRO
"""Units that a seat of a masked session can want at most: it may have to prove that it wants no
more, with 48 bits of micro-units.
"""
NO_BUDGET = 2**256 - 1
"""Base units; no demand costs more."""
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
    its target there. `settled_on` is the price that was found; `failed`: there is none, which is
    so after `limit` rounds.
    """

    terms: PriceTerms
    price: int
    rounds: int = 1
    low: int | None = None
    high: int | None = None
    high_clears: bool = False
    settled_on: int | None = None
    failed: bool = False
    limit: int = ROUND_LIMIT

    @property
    def lacks_supply(self) -> bool:
        """Whether there is no price because even at the least one too little is wanted to draw any.

        Else there was none within the rounds.
        """
        return self.failed and self.high == least_price(self.terms)


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


def check_terms(terms: PriceTerms, demands: Sequence[tuple[int, bool]]) -> None:
    """Raise InvalidMove unless a session under these terms can serve these demands.

    Each is its units and whether it is divisible.
    """
    if terms.least and terms.least < FEWEST:
        raise InvalidMove(f"a masked session of less than {FEWEST} seats hides nothing")
    if terms.least and any(LARGEST < units != NO_LIMIT for units, _ in demands):
        raise InvalidMove(f"a demand of more than {LARGEST} units in a masked session")
    if terms.concept == CLOCK:
        if not terms.step:
            raise InvalidMove("terms without a price rule: a clock's step is above 0")
        if terms.start:
            raise InvalidMove("a clock starts at its least price")
        for units, divisible in demands:
            if terms.lots and units > terms.capacity:
                raise InvalidMove(f"a lot of {units} units where there are {terms.capacity}")
            if not terms.lots and not divisible:
                raise InvalidMove("a clock that sells units is for divisible demands")
        return
    rule = rule_of(terms)
    if terms.lots or terms.step:
        raise InvalidMove("lots and a step are terms of a clock")
    if terms.start and not least_price(terms) <= terms.start < _TOP_PRICE:
        raise InvalidMove(f"a search that starts at {terms.start}, where no price can be")
    if rule.concept == "demanders-lead" and any(units != NO_LIMIT for units, _ in demands):
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


def movement(terms: PriceTerms, member: Member, reply: Reply) -> int:
    """Return what a reply adds to `moving`: 1 if it moves with the price; a clock's, its mark."""
    if terms.concept == CLOCK:
        return mark(reply.session, reply.exits)
    return int(moves(member, reply.quantity))


def moves(member: Member, quantity: int) -> bool:
    """Whether a reply of so many micro-units would be another at another price nearby."""
    limit = member.quantity
    return quantity > 0 and (limit == NO_LIMIT or quantity < limit * MICRO)


def mark(session: bytes, exits: Iterable[Exit]) -> int:
    """Return a sum that says what was given up at which price, and is the same for the same.

    Marks of several seats add up to the mark of what they gave up together, and there is no way
    known to find other exits with the same one: so a sum tree commits to them.
    """
    return sum(each.units * _weight(session, each.price) for each in exits)


@lru_cache(maxsize=4096)
def _weight(session: bytes, price: int) -> int:
    """160 bits: with units of 64 and seats of 32, marks stay below 256."""
    return int.from_bytes(keccak(session + price.to_bytes(32, "big"))[:20], "big")


def first(terms: PriceTerms) -> Course:
    """Return the course at its first quote."""
    return Course(terms, terms.start or least_price(terms))


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
    if course.terms.concept == CLOCK:
        return _ticked(course, total)
    rule, price = rule_of(course.terms), course.price
    excess = _excess(course, total, answers)
    at_floor = price == least_price(course.terms) and rule.concept == "balanced"
    if (excess <= 0 and at_floor) or (excess == 0 and _clears_once(rule, price, moving)):
        return replace(course, settled_on=price)
    known = course.low
    if excess > 0:
        course = replace(course, low=price)
    else:
        course = replace(course, high=price, high_clears=excess == 0)
    if course.high is not None and course.high - _too_low(course) <= 1:
        if course.low is None:
            return replace(course, failed=True)
        return replace(course, settled_on=course.high if course.high_clears else course.low)
    following = _next_price(course, _newton(course, total, moving, answers), known)
    if following >= _TOP_PRICE or course.rounds >= course.limit:
        return replace(course, failed=True)
    return replace(course, price=following, rounds=course.rounds + 1)


def _too_low(course: Course) -> int:
    """The highest price that cannot be found: one known to be too low, or below the least."""
    return least_price(course.terms) - 1 if course.low is None else course.low


def _ticked(course: Course, wanted: int) -> Course:
    """The clock's next price, or that it stops: all that is wanted, units, fits."""
    price, terms = course.price, course.terms
    if wanted <= terms.capacity:
        return replace(course, settled_on=price)
    following = price + max(1, price // terms.step)
    if course.rounds >= course.limit or following >= _TOP_PRICE:
        return replace(course, failed=True, low=price)
    return replace(course, price=following, rounds=course.rounds + 1, low=price)


def supply_at(terms: PriceTerms, price: int, total: int) -> int:
    """Return the supplier's quantity at a price and a sum, micro-units, rounded down."""
    if terms.concept == CLOCK:
        return terms.capacity * MICRO
    return floor_int(rule_of(terms).supply_at(Fraction(price), Fraction(total, MICRO)) * MICRO)


def binding_prices(course: Course) -> tuple[int, ...]:
    """Return the quoted prices whose replies `binding` asks for."""
    price, high = course.settled_on, course.high
    if price is None:
        return ()
    return (price,) if high is None or price != course.low else (price, high)


def binding(course: Course, replies: Mapping[int, int]) -> int:
    """Return what a seat's replies, by quoted price, come to at the price found, micro-units.

    That price may be one too low, with the next one known to be high enough. There a seat gets no
    more than it wanted at the next, and what a price of one less adds to a best reply (1/slope,
    rounded up): who wants all at the one and nothing at the other fixes the price and overbuys.
    """
    match binding_prices(course):
        case (price,):
            return replies[price]
        case (price, high):
            return min(replies[price], replies[high] + ceil(MICRO / rule_of(course.terms).slope))
        case _:
            return 0


def best_reply(
    terms: PriceTerms, member: Member, margin: int | Fraction, price: int, budget: int = NO_BUDGET
) -> int:
    """Return a member's demand at a quoted price, micro-units, rounded down; no clock's.

    `margin` is its private benefit less production cost, base units per unit, `budget` the most
    that it may spend, base units: what is indivisible and costs more is not wanted.
    """
    if not member.divisible and member.quantity * price > budget:
        return 0
    wanted = rule_of(terms).demand_at(Fraction(margin), limit_of(member), Fraction(price))
    return min(floor_int(wanted * MICRO), member.quantity * MICRO, budget * MICRO // price)


def best_exits(
    terms: PriceTerms, wanted: int, margin: int, prices: tuple[int, int], budget: int
) -> tuple[Exit, ...]:
    """Return what a member gives up between two of a clock's quotes, of so many units `wanted`.

    A unit is wanted up to its margin. Units that the budget is too small for at the second quote
    are given up at the first: a little early, so that few prices need to be named.
    """
    before, price = prices
    if terms.lots:
        last = min(margin, budget // wanted)
        return (Exit(last, wanted),) if last < price else ()
    kept = min(wanted, budget // min(margin, price))
    exits = Counter({before: wanted - kept})
    if margin < price:
        exits[margin] += kept
    return tuple(Exit(last, units) for last, units in sorted(exits.items()) if units)


def least_price(terms: PriceTerms) -> int:
    """Return the lowest price there can be: the maintenance, and something, as no trade is free."""
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


def _newton(course: Course, total: int, moving: int, answers: int) -> int:
    """Return where a Newton step leads, rounded down: not below the least price."""
    step = rule_of(course.terms).next_price(
        Fraction(course.price), Fraction(total, MICRO), moving=moving, members=answers
    )
    return max(floor_int(step), least_price(course.terms))


def _next_price(course: Course, newton: int, known: int | None) -> int:
    """Return the next price to try, strictly inside the bracket.

    `known` was the price known to be too low before this round.
    """
    low, high, rounds = _too_low(course), course.high, course.rounds
    if newton == low:  # rounded down
        newton += 1
    if high is None:
        doubled = low + 2 * (low - known) if known is not None and rounds >= PATIENCE else 0
        return max(newton, low + 1, doubled)
    # Steps from one side leave the other where it is, so every third round goes to the middle, of
    # ratios, as a start may be far off; later two of three do.
    halves = rounds % 3 == 0 or (rounds >= PATIENCE and rounds % 3 == 1)
    return newton if low < newton < high and not halves else isqrt(low * high) + 1
