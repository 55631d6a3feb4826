"""The best lie of a session: what a seat would have gained at most by another answer of its own.

The others' answers are as given. What a unit is worth to a seat is told by who knows it; for all
others it is what the seat's own answers say, and then a lie is one about that.

- A clock is exact: what the others gave up is the seat's menu (`clinching.menu`), from which it
  could have had anything, and nothing else.
- In a game's session an answer moves the price. For each whole price at which the session could
  have ended, the others' answers bound what the seat could have had there. The most promising of
  these ends are played, by the code that a session runs, until no other promises more: then that
  is exact, and where the work would be too much, a least gain. Where the others were not asked,
  they answer as their worth says.

A bargain has no such rule, and a member of a game's session does not know what the others would
have answered at other prices: nothing is stated for them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import ceil
from typing import Literal

from fabmarket.market.messages import Exit, PriceTerms
from fabmarket.market.units import MICRO, floor_int
from fabmarket.negotiation.clinching import Curve, menu, together
from fabmarket.negotiation.course import CLOCK, best_reply, least_price, rule_of
from fabmarket.negotiation.hosting import Hosted, curve_of
from fabmarket.negotiation.playing import play
from fabmarket.negotiation.seat import Seated

LARGEST = 1_000
"""Seats of a session; of larger ones no lie is worked out."""
MOST_SEATS = 50
"""So many seats of a game's session are looked at, those to which a unit is worth most."""
MOST_REPLAYS = 20
"""Other answers of a seat that are played, two for each end."""
MOST_REPLIES = 10_000
"""Replies of all seats in what is played of one session, about."""
FEW_PRICES = 256
"""So many prices are all looked at; of more, those around the best of a grid."""
_GRID = 64


@dataclass(frozen=True)
class BestLie:
    """The seat that gains most, None if none gains; by how much, base units; how that is known.

    `bound`: there is no better lie of one seat, or there may be one.
    """

    seat: int | None
    gain: int
    method: Literal["menu", "replay"]
    bound: Literal["exact", "at least"]


def best_lie(session: Hosted, worth: Sequence[int] | None = None) -> BestLie | None:
    """Return the best lie of a session; None for one that is not over, has more than `LARGEST`
    seats, or was left by all.

    `worth` is what a unit is worth to each seat, base units. Seats that fell silent gave no answer
    that could be another: they are not looked at.
    """
    seats = len(session.members)
    if session.close is None or seats > LARGEST or len(session.dropped) == seats:
        return None
    if session.opening.terms.concept == CLOCK:
        return _in_clock(session, worth)
    return _Replays(session, worth).best()


def best_own_lie(seated: Seated) -> BestLie | None:
    """Return the best lie of a member's own seats, as far as it can know: None but for a clock."""
    terms, close = seated.opening.terms, seated.close
    if close is None or terms.concept != CLOCK:
        return None
    everyone = Curve(close.sum, close.exits)
    found = []
    for seat in seated.seats:
        if not seat.dropped:
            exits = tuple(each for own in seat.answers for each in own.exits)
            own = Curve(seat.answers[-1].quantity, exits)
            last = seat.answers[-1].price
            case = _Case(own, _said(own, last), last, seat.awarded, seat.payment)
            found.append((seat.index, _by_menu(terms, everyone, case)))
    return _largest(found) if found else None


# Clocks


def _in_clock(session: Hosted, worth: Sequence[int] | None) -> BestLie:
    terms = session.opening.terms
    curves = [curve_of(session, seat) for seat in range(len(session.members))]
    everyone = together(curves)
    last = session.rounds[-1].quote.price
    found = []
    for seat, (member, own) in enumerate(zip(session.members, curves, strict=True)):
        if seat not in session.dropped:
            values = _said(own, last)
            if worth is not None:
                values = (Exit(worth[seat], min(member.quantity, terms.capacity)),)
            case = _Case(own, values, last, session.awards[seat], session.payments[seat])
            found.append((seat, _by_menu(terms, everyone, case)))
    return _largest(found)


@dataclass(frozen=True)
class _Case:
    """A seat of a clock: its answers, what its units are worth, by rising worth; the last price
    that it was asked; the units it got and what they cost.
    """

    own: Curve
    worth: tuple[Exit, ...]
    last: int
    units: int
    payment: int


def _said(own: Curve, last: int) -> tuple[Exit, ...]:
    """What a seat's units are worth as it answered: what it kept at least the last price quoted."""
    return (*own.exits, Exit(last, own.stays))


def _by_menu(terms: PriceTerms, everyone: Curve, case: _Case) -> tuple[int, bool]:
    """What a seat could have gained beyond what it did, and whether its menu says so for sure.

    A unit that is not on the menu costs more than the last price.
    """
    offers = menu(_without(everyone, case.own), least_price(terms), terms.capacity)
    gained = _highest(case.worth, case.units) - case.payment
    most, missed = (_lot if terms.lots else _units)(case.worth, offers)
    return max(0, most - gained), missed <= case.last


def _highest(worth: Sequence[Exit], units: int) -> int:
    """What so many units are worth, those that are worth most."""
    total = 0
    for each in reversed(worth):
        taken = min(units, each.units)
        total += taken * each.price
        units -= taken
    return total


def _units(worth: Sequence[Exit], offers: Sequence[Exit]) -> tuple[int, int]:
    """The most that units are worth beyond their prices; the worth of one that is not offered."""
    wanted, gain = [each for each in worth if each.units], 0
    for offer in offers:
        left = offer.units
        while left and wanted:
            best = wanted.pop()
            taken = min(left, best.units)
            gain += taken * max(0, best.price - offer.price)
            left -= taken
            if best.units > taken:
                wanted.append(Exit(best.price, best.units - taken))
    return gain, wanted[-1].price if wanted else 0


def _lot(worth: Sequence[Exit], offers: Sequence[Exit]) -> tuple[int, int]:
    """As `_units`, of a lot: all its units are worth the same."""
    units = sum(each.units for each in worth)
    each, free = max(one.price for one in worth if one.units) if units else 0, 0
    for offer in offers:
        free += offer.units
        if free >= units:
            return max(0, units * (each - offer.price)), 0
    return 0, each


def _without(everyone: Curve, own: Curve) -> Curve:
    """What all but one seat want."""
    gone = {each.price: each.units for each in own.exits}
    exits = (Exit(each.price, each.units - gone.get(each.price, 0)) for each in everyone.exits)
    return Curve(everyone.stays - own.stays, tuple(each for each in exits if each.units))


def _largest(found: Sequence[tuple[int, tuple[int, bool]]]) -> BestLie:
    seat, (gain, _) = max(found, key=lambda each: each[1][0])
    is_sure = all(sure for _, (_, sure) in found)
    return BestLie(seat if gain else None, gain, "menu", "exact" if is_sure else "at least")


# Sessions of a game


@dataclass(frozen=True)
class _End:
    """A price at which a session could end for a seat; what it gains there at most, beyond what it
    did.
    """

    promise: int
    place: int
    price: int


class _Replays:
    """A session of a game, played again with other answers of one seat.

    A seat's place is its number among those that count to the end.
    """

    def __init__(self, session: Hosted, worth: Sequence[int] | None) -> None:
        self.terms, self.rule = session.opening.terms, rule_of(session.opening.terms)
        self.slope = Fraction(self.rule.slope)
        self.step = ceil(MICRO / self.slope)
        self.seats = [at for at in range(len(session.members)) if at not in session.dropped]
        self.members = [session.members[at] for at in self.seats]
        self.said = [
            {each.quote.price: each.answers[at].quantity for each in session.rounds}
            for at in self.seats
        ]
        settled = session.course.settled_on
        price = session.rounds[-1].quote.price if settled is None else settled
        # A reply was rounded down.
        self.worth = [
            price + ceil(self.slope * Fraction(replies[price], MICRO))
            if worth is None
            else worth[at]
            for at, replies in zip(self.seats, self.said, strict=True)
        ]
        self.gained = [
            own * session.awards[at] - session.payments[at]
            for at, own in zip(self.seats, self.worth, strict=True)
        ]
        self.floor = least_price(self.terms)
        self.replies = 0
        self.target = cache(self._target)
        self.excess = cache(self._excess)

    def best(self) -> BestLie:
        """Play the most promising ends until no other promises more than was found."""
        ends: list[_End] = []
        places = sorted(range(len(self.seats)), key=lambda place: -self.worth[place])[:MOST_SEATS]
        is_all = len(places) == len(self.seats)
        for place in places:
            prices = self._prices(place)
            is_all &= len(prices) >= self.worth[place] - self.floor
            found = (_End(self._promise(place, price), place, price) for price in prices)
            ends.extend(end for end in found if end.promise > 0)
        ends.sort(key=lambda end: (-end.promise, end.place, end.price))
        gain, seat = 0, None
        left = dict.fromkeys(range(len(self.seats)), MOST_REPLAYS)
        for end in ends:
            if end.promise <= gain or self.replies > MOST_REPLIES:
                break
            for lie in self._lies(end) if left[end.place] > 0 else ():
                left[end.place] -= 1
                found_gain = self._played(end.place, lie)
                if found_gain > gain:
                    gain, seat = found_gain, self.seats[end.place]
        is_sure = is_all and all(end.promise <= gain for end in ends[:1])
        return BestLie(seat, gain, "replay", "exact" if is_sure else "at least")

    def _prices(self, place: int) -> range:
        """Prices below what a unit is worth: all, or the few around the best of a grid."""
        low, high = self.floor, self.worth[place]
        while high - low > FEW_PRICES:
            step = (high - low) // _GRID + 1
            top = max(range(low, high, step), key=lambda price: self._promise(place, price))
            low, high = max(low, top - step), min(high, top + step)
        return range(low, high)

    def _promise(self, place: int, price: int) -> int:
        """What a seat gains at most, beyond what it did, if the session ends at a price.

        There either all that is wanted meets its target, or at the next price less is wanted and
        the reply counts for little more than there (`course.binding`).
        """
        member, seats, room = self.members[place], len(self.seats), self.terms.capacity * MICRO
        ends = (self._left(place, price), 0), (self._left(place, price + 1), self.step)
        left = max((left + more + seats for left, more in ends if left + seats >= 0), default=0)
        if self.rule.concept == "balanced":
            if price == self.floor:  # all that there is may be shared
                left = room
            elif member.divisible and self.target(price) + seats * (self.step + 1) >= room:
                left += MICRO  # the unit that rounding may leave over
        most = min(member.quantity, self.terms.capacity)
        units = min(most, max(0, left) // MICRO) if member.divisible else most * (left > 0)
        return (self.worth[place] - price) * units - self.gained[place]

    def _left(self, place: int, price: int) -> int:
        """What the others leave a seat of the target at a price, micro-units."""
        return self._reply(place, price) - self.excess(price)

    def _excess(self, price: int) -> int:
        """What all want above the target of a price, micro-units."""
        return sum(self._reply(place, price) for place in range(len(self.seats))) - self.target(
            price
        )

    def _target(self, price: int) -> int:
        return floor_int(self.rule.total_at(Fraction(price)) * MICRO)

    def _reply(self, place: int, price: int) -> int:
        """What a seat answered, or would have, as `best_reply` says, in less time."""
        said = self.said[place].get(price)
        if said is not None:
            return said
        margin = (self.worth[place] - price) * self.slope.denominator * MICRO
        return min(max(0, margin // self.slope.numerator), self.members[place].quantity * MICRO)

    def _lies(self, end: _End) -> tuple[Fraction, Fraction]:
        """The worths to answer as for that end: demand meets its target there, or just misses it at
        the next price.
        """
        here, above = end.price, end.price + 1
        meets = here + self.slope * Fraction(self._left(end.place, here), MICRO)
        short = self._left(end.place, above) - len(self.seats) - 1
        return meets, above + self.slope * Fraction(short, MICRO)

    def _played(self, liar: int, lie: Fraction) -> int:
        """What a seat gains beyond what it did if it answers as if a unit were worth so much."""

        def answer(place: int, price: int) -> int:
            self.replies += 1
            if place == liar:
                return best_reply(self.terms, self.members[liar], lie, price)
            return self._reply(place, price)

        sold = play(self.terms, self.members, answer).awards
        return self.worth[liar] * sold.units[liar] - sold.payments[liar] - self.gained[liar]
