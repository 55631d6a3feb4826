"""What a session awards once its price is found: by the answers alone, nobody is asked again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from fabmarket.market.messages import Member, PriceTerms
from fabmarket.market.units import MICRO, floor_int
from fabmarket.negotiation import clinching
from fabmarket.negotiation.clinching import Curve
from fabmarket.negotiation.course import least_price, limit_of, rule_of


@dataclass(frozen=True)
class Awards:
    """Units and payment, base units, of each seat, and the price; for a clock, where it stopped."""

    price: int
    units: tuple[int, ...]
    payments: tuple[int, ...]


def nothing(seats: int) -> Awards:
    """Return that no seat gets anything, at no price."""
    return Awards(0, (0,) * seats, (0,) * seats)


def by_clock(
    terms: PriceTerms,
    members: Sequence[Member],
    everyone: Curve,
    curves: Sequence[Curve],
    gone: frozenset[int],
) -> Awards:
    """Return what a clock sells that has stopped. Who is gone counts, and buys nothing.

    `everyone` is what all seats answered together, gone or not.
    """
    present = (at for at in range(len(members)) if at not in gone)
    order = sorted(present, key=lambda at: members[at].selection)
    floor, room = least_price(terms), terms.capacity
    sold = clinching.outcome(everyone, curves, order, floor, room, lots=terms.lots)
    return Awards(sold.price, sold.units, sold.payments)


def by_answers(
    terms: PriceTerms, members: Sequence[Member], price: int, replies: Mapping[int, int]
) -> Awards:
    """Return what the replies at the price that was found, micro-units by seat, are awarded.

    A divisible sub-task gets its reply, rounded down to units, an indivisible one all of itself if
    it answered above 0. Where room is short the larger replies come first, ties by hash.
    """
    units = _shared(terms, members, price, replies)
    awards, room = [0] * len(members), terms.capacity
    for at in sorted(replies, key=lambda at: (-replies[at], members[at].selection)):
        due = units[at] if members[at].divisible else members[at].quantity * (replies[at] > 0)
        if due <= room:
            awards[at] = due
        elif members[at].divisible:
            awards[at] = room
        room -= awards[at]
    return Awards(price, tuple(awards), tuple(each * price for each in awards))


def _shared(
    terms: PriceTerms, members: Sequence[Member], price: int, replies: Mapping[int, int]
) -> list[int]:
    """The replies as units; under "balanced" all that there is to sell.

    Where the floor price leaves supply over, the shares are scaled up (`floor_shares`). Where the
    whole capacity is sold, the units that rounding down leaves of it go one each to the largest
    remainders, ties by hash: so that all of it is sold.
    """
    rule = rule_of(terms)
    shares: Sequence[float | Fraction] = [
        Fraction(replies.get(at, 0), MICRO) for at in range(len(members))
    ]
    if rule.concept != "balanced":
        return list(map(floor_int, shares))
    target = rule.total_at(Fraction(price))
    if price == rule.floor and sum(shares) < target:
        shares = rule.floor_shares(shares, [limit_of(each) for each in members], target)
    units = [floor_int(share) for share in shares]
    left = terms.capacity - sum(units)
    if left > 0 and terms.capacity - sum(shares) <= Fraction(len(members), MICRO):
        open_seats = [
            at
            for at, each in enumerate(members)
            if each.divisible and units[at] < each.quantity and shares[at] > 0
        ]
        open_seats.sort(key=lambda at: (units[at] - shares[at], members[at].selection))
        for at in open_seats[:left]:
            units[at] += 1
    return units
