"""What a clock sells to whom and for how much, from the answers to its rising quotes.

Ausubel's ascending auction ("An Efficient Ascending-Bid Auction for Multiple Objects", American
Economic Review 94(5), 2004): a seat locks in a unit as soon as the others leave room for it, at the
last price at which they did not. What a seat pays is so fixed by the others' answers alone: `menu`.
Lots, which leave whole, are won by deferred acceptance: whoever is still in when all that is wanted
fits gets its lot, all at the price at which it began to fit.

Units are whole, prices base units per unit; nothing is rounded.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fabmarket.market.messages import Exit

_MOST_OF_ALL = 8192
"""Exits of a session, of about 60 bytes each in a close."""
_MOST_OF_ONE = 64


@dataclass(frozen=True)
class Curve:
    """What a seat wants at each price, or several together: `stays` units were not given up.

    `exits` are by rising price, each price once: the last at which so many units were still wanted.
    """

    stays: int
    exits: tuple[Exit, ...] = ()

    @property
    def most(self) -> int:
        """The units wanted at the first quote."""
        return self.stays + sum(each.units for each in self.exits)

    def above(self, price: int) -> int:
        """Return the units that are wanted at every price above one, as far as it was asked."""
        return self.stays + sum(each.units for each in self.exits if each.price > price)


@dataclass(frozen=True)
class Point:
    """A price at which something was given up, the first of all the floor; what is wanted then."""

    price: int
    wanted: int


@dataclass(frozen=True)
class Held:
    """Units locked in, what they cost, and the units given up last, of which some may be left."""

    units: int
    payment: int
    open: int


@dataclass(frozen=True)
class Outcome:
    """The price at which the clock stopped; units and payment, base units, of each seat."""

    price: int
    units: tuple[int, ...]
    payments: tuple[int, ...]


def together(curves: Iterable[Curve]) -> Curve:
    """Return what several seats want together."""
    stays, exits = 0, Counter[int]()
    for curve in curves:
        stays += curve.stays
        for each in curve.exits:
            exits[each.price] += each.units
    return Curve(stays, tuple(Exit(price, units) for price, units in sorted(exits.items())))


def points(everyone: Curve, floor: int, room: int) -> tuple[Point, ...]:
    """Return the points from the floor to the first at which what is wanted fits the room.

    At the last one it does not fit, if it never did.
    """
    found = [Point(floor, everyone.most)]
    for each in everyone.exits:
        if found[-1].wanted <= room:
            break
        found.append(Point(each.price, found[-1].wanted - each.units))
    return tuple(found)


def held(own: Curve, path: Sequence[Point], room: int, *, lots: bool) -> Held:
    """Return what a seat holds at the end of a path that it and the others took together."""
    units = payment = before = gone = 0
    wanted = own.most
    for place, point in enumerate(path):
        before = wanted
        while place and gone < len(own.exits) and own.exits[gone].price <= point.price:
            wanted -= own.exits[gone].units
            gone += 1
        free = max(0, room - (point.wanted - wanted))
        locked = min(wanted, free) if not lots or wanted <= free else 0
        if locked > units:
            payment += (locked - units) * point.price
            units = locked
    return Held(units, payment, max(0, before - units))


def outcome(
    everyone: Curve,
    curves: Sequence[Curve],
    order: Sequence[int],
    floor: int,
    room: int,
    *,
    lots: bool,
) -> Outcome:
    """Return what a clock that has stopped sells to each seat.

    Args:
        everyone: what all seats answered together.
        curves: what each seat answered; only those in `order` count.
        order: the seats that can buy; the units that rounding a price leaves over go to those that
            gave up last, at that price, in this order.
        floor: the least price, that of the first quote.
        room: the units there are.
        lots: whether a seat gets all that it wants or nothing.
    """
    path = points(everyone, floor, room)
    price = path[-1].price
    units, payments = [0] * len(curves), [0] * len(curves)
    holds = {seat: held(curves[seat], path, room, lots=lots) for seat in order}
    left = room - sum(each.units for each in holds.values())
    for seat in order:
        hold = holds[seat]
        more = min(hold.open, left) if not lots or hold.open <= left else 0
        units[seat], payments[seat] = hold.units + more, hold.payment + more * price
        left -= more
    return Outcome(price, tuple(units), tuple(payments))


def menu(others: Curve, floor: int, room: int) -> tuple[Exit, ...]:
    """Return what a seat could have had as the others answered: (price, units), by rising price.

    Units that they never gave up are not on it. A lot costs for each unit what its last one does.
    """
    found, free = [], 0
    wanted = others.most
    for each in (Exit(floor, 0), *others.exits):
        wanted -= each.units
        more = room - wanted - free
        if more > 0:
            found.append(Exit(each.price, more))
            free += more
    return tuple(found)


def most_exits(seats: int) -> int:
    """Return how many exits a seat may state in a session of so many seats.

    So that all of them together fit a close, which lists them, and a close a letter.
    """
    return max(2, min(_MOST_OF_ONE, _MOST_OF_ALL // seats))


def in_trades(units: int, payment: int) -> tuple[tuple[int, int], ...]:
    """Return a payment as at most two trades, (units, whole price), that add up to it exactly."""
    if not units:
        return ()
    price, more = divmod(payment, units)
    trades = ((units - more, price), (more, price + 1))
    return tuple(each for each in trades if each[0])
