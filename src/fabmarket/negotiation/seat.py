"""A session as its member follows it: own answers, the public sums, the price that must follow.

A member gets its own path, not all answers. It holds the supplier to what it can see: that each of
its answers is counted in the root, among no more leaves than seats that count, that the sums are
the root's, that price, supply and outcome follow from them (`negotiation.course`), that what is
awarded to it is what it must be. That the others' answers are what they said, each of them checks
for itself; the order of the awards where room is short shows in the supplier's transcript alone.

A clock's close says what was given up at which price, by all seats together. The marks in the roots
bind the supplier to it (`course.mark`), and with its own answers a member works out from it what it
has locked in, and for how much.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from fabmarket.identity import ZERO_BYTES32, struct_hash
from fabmarket.market.masked import MaskedClose
from fabmarket.market.messages import (
    Close,
    Exit,
    Member,
    Opening,
    Place,
    PriceTerms,
    Quote,
    Reply,
)
from fabmarket.market.sums import BadPath, Node, climb, leaf
from fabmarket.market.units import MICRO
from fabmarket.negotiation.clinching import Curve, held, most_exits, points
from fabmarket.negotiation.course import (
    CLOCK,
    Course,
    InvalidMove,
    TooEarly,
    after,
    best_exits,
    best_reply,
    binding,
    check_terms,
    first,
    least_price,
    mark,
    movement,
    supply_at,
)


class SecondWord(InvalidMove):
    """The supplier signed two messages for one place in the session: both together prove it."""


@dataclass(frozen=True)
class Own:
    """An own answer: to which price, how much (micro-units, a clock's units), its digest."""

    price: int
    quantity: int
    moving: int
    digest: bytes
    exits: tuple[Exit, ...] = ()


@dataclass(frozen=True)
class Seat:
    """One seat of this member, for one want. `answers` are in order.

    It may cost `budget` base units at most. `dropped`: the supplier says that it was silent.
    `awarded` are units, for `payment` base units in all.
    """

    want: bytes
    index: int
    member: Member
    budget: int = 0
    answers: tuple[Own, ...] = ()
    dropped: bool = False
    awarded: int = 0
    payment: int = 0


@dataclass(frozen=True)
class Heard:
    """What a word says of the answers to a price: their sums, and whether somebody was silent."""

    price: int
    sum: int
    moving: int
    silent: bool


@dataclass(frozen=True)
class Seated:
    """A session in which this member has seats. `gone` are the seats that no longer count."""

    id: bytes
    opening: Opening
    course: Course
    seats: tuple[Seat, ...]
    heard: tuple[Heard, ...] = ()
    gone: frozenset[int] = frozenset()
    quotes: int = 0
    last: Quote | None = None
    last_digest: bytes = b""
    close: Close | None = None
    transcript: bytes = b""

    @property
    def price(self) -> int:
        """The last price quoted."""
        return self.last.price if self.last else 0

    @property
    def over(self) -> bool:
        """Whether nothing more will come: closed, or all seats of this member are dropped."""
        return self.close is not None or all(seat.dropped for seat in self.seats)


def check_roster(opening: Opening, seats: Sequence[Seat], places: Sequence[Place]) -> None:
    """Raise InvalidMove unless the opening's roster holds these seats at their places."""
    for seat, place in zip(seats, places, strict=True):
        own = leaf(seat.index, struct_hash(seat.member))
        root = _root(own, place.seat, opening.seats, place.path)
        if root != Node(opening.roster, ()) or place.payment:
            raise InvalidMove("we are not in the roster")


def take_seats(opening: Opening, digest: bytes, seats: Sequence[Seat]) -> Seated:
    """Return the session that an opening starts for these seats, or InvalidMove."""
    check_terms(opening.terms, [(it.member.quantity, it.member.divisible) for it in seats])
    return Seated(digest, opening, first(opening.terms), tuple(seats), last_digest=digest)


def follow(seated: Seated, word: Quote | Close, digest: bytes, places: Sequence[Place]) -> Seated:
    """Return the session after a word of the supplier whose signature has been checked.

    Raises InvalidMove for what does not follow, SecondWord for what contradicts a word before, and
    TooEarly for what is ahead of its turn.
    """
    if (word.session, word.supplier) != (seated.id, seated.opening.supplier):
        raise InvalidMove("word of another session")
    _require_turn(seated, word)
    if isinstance(word, Quote) and not seated.quotes:
        if word != _first_quote(seated) or places:
            raise InvalidMove("the first quote is another than the terms say")
        return replace(seated, quotes=1, last=word, last_digest=digest)
    seated = _counted(seated, word, places)
    answers = seated.opening.seats - len(seated.gone)
    heard = Heard(seated.price, word.sum, word.moving, bool(word.dropped))
    course = after(seated.course, word.sum, word.moving, answers)
    seated = replace(seated, course=course, heard=(*seated.heard, heard))
    if isinstance(word, Close):
        _check_close(seated, word)
        return replace(seated, close=word, transcript=digest)
    supply = supply_at(course.terms, course.price, word.sum)
    is_over = course.failed or course.settled_on is not None
    if is_over or (word.price, word.supply) != (course.price, supply):
        raise InvalidMove("the quote does not follow from the replies")
    return replace(seated, quotes=seated.quotes + 1, last=word, last_digest=digest)


def answer(seated: Seated, seat: Seat, margin: int) -> Reply:
    """Return a member's answer to the last quote, from its private margin (base units a unit)."""
    quantity, exits = wish(seated.opening.terms, seat, margin, seated.price)
    if exits:
        exits = _within_bounds(seated, seat, exits, seat.answers[-1])
        quantity = seat.answers[-1].quantity - sum(each.units for each in exits)
    member = seat.member
    return Reply(member.demander, seated.id, seat.index, seated.last_digest, quantity, exits)


def wish(terms: PriceTerms, seat: Seat, margin: int, price: int) -> tuple[int, tuple[Exit, ...]]:
    """Return what a seat wants at a price, and what it gives up since its answer before."""
    member = seat.member
    if terms.concept != CLOCK:
        return best_reply(terms, member, margin, price, seat.budget), ()
    if not seat.answers:
        most = min(member.quantity, terms.capacity)
        affordable = min(most, seat.budget // price)
        return affordable if margin >= price and (affordable == most or not terms.lots) else 0, ()
    before = seat.answers[-1]
    if not before.quantity:
        return 0, ()
    exits = best_exits(terms, before.quantity, margin, (before.price, price), seat.budget)
    return before.quantity - sum(each.units for each in exits), exits


def _within_bounds(
    seated: Seated, seat: Seat, exits: tuple[Exit, ...], before: Own
) -> tuple[Exit, ...]:
    """These exits, if another may still follow them where units stay; else all leave at once."""
    left = most_exits(seated.opening.seats) - sum(len(own.exits) for own in seat.answers)
    stays = before.quantity > sum(each.units for each in exits)
    return exits if len(exits) + stays <= left else (Exit(before.price, before.quantity),)


def answered(seated: Seated, said: Reply, digest: bytes) -> Seated:
    """Return the session after an own answer to the last quote."""
    seats = list(seated.seats)
    for place, seat in enumerate(seats):
        if seat.index == said.seat:
            moving = movement(seated.opening.terms, seat.member, said)
            own = Own(seated.price, said.quantity, moving, digest, said.exits)
            seats[place] = replace(seat, answers=(*seat.answers, own))
    return replace(seated, seats=tuple(seats))


def _require_turn(seated: Seated, word: Quote | Close) -> None:
    if seated.close is not None:
        if isinstance(word, Quote) and word.round >= seated.quotes:
            raise InvalidMove("the session is closed")  # and contradicts no word before
        raise SecondWord("the session is closed")
    if isinstance(word, Quote):
        if word.round < seated.quotes:
            raise SecondWord("second quote for one round")
        if word.round > seated.quotes:
            raise TooEarly("quote that is ahead of its turn")
        if word.previous != seated.last_digest:
            raise SecondWord("quote that follows another than we got")
    elif word.previous != seated.last_digest:
        raise TooEarly("close that follows a quote we have not got")
    elif not seated.quotes:
        raise InvalidMove("a close before any quote")


def _counted(seated: Seated, word: Quote | Close, places: Sequence[Place]) -> Seated:
    """Hold the roots against our last answers; note who is dropped, and what is given to us."""
    given = (word.awarded, word.paid) if isinstance(word, Close) else (0, 0)
    root = Node(word.tree, (word.sum, word.moving, *given))
    gone = seated.gone | set(word.dropped)
    seats = seated.opening.seats
    if len(gone) != len(seated.gone) + len(word.dropped) or any(at >= seats for at in gone):
        raise InvalidMove("a seat is dropped twice, or is none")
    by_seat = {place.seat: place for place in places}
    ours = {seat.index for seat in seated.seats} - gone
    if len(by_seat) < len(places) or not by_seat.keys() <= ours:
        raise InvalidMove("places that are not our seats'")
    own = []
    for seat in seated.seats:
        if seat.index in gone:
            own.append(replace(seat, dropped=True))
            continue
        place = by_seat.get(seat.index)
        is_ours = place is not None and place.selection == seat.member.selection
        if place is None or not is_ours or len(seat.answers) != seated.quotes:
            raise InvalidMove("our answer is not counted")
        last = seat.answers[-1]
        given = place.value, place.payment
        node = leaf(seat.index, last.digest, last.quantity, last.moving, *given)
        rank = seat.index - sum(at < seat.index for at in gone)
        if _root(node, rank, seats - len(gone), place.path) != root:
            raise InvalidMove("our answer is not counted")
        own.append(replace(seat, awarded=place.value, payment=place.payment))
    return replace(seated, seats=tuple(own), gone=gone)


def _root(node: Node, rank: int, count: int, path: Sequence[Node]) -> Node:
    try:
        return climb(node, rank, count, path)
    except BadPath as error:
        raise InvalidMove(str(error)) from error


def _first_quote(seated: Seated) -> Quote:
    opening, price = seated.opening, seated.course.price
    supply = supply_at(opening.terms, price, 0)
    nothing = (ZERO_BYTES32, 0, 0, ())
    return Quote(opening.supplier, seated.id, 0, seated.id, *nothing, price, supply)


def _check_close(seated: Seated, close: Close) -> None:
    """No more is awarded than there is, and to us what the answers say."""
    course, terms = seated.course, seated.opening.terms
    if course.failed:
        if (close.price, close.awarded, close.paid, close.exits) != (0, 0, 0, ()):
            raise InvalidMove("something is sold where no price was found")
        return
    if course.settled_on is None:
        raise InvalidMove("a close where the search for a price goes on")
    if close.awarded > terms.capacity:
        raise InvalidMove("more is awarded than there is")
    present = [seat for seat in seated.seats if not seat.dropped]
    if terms.concept == CLOCK:
        _check_exits(seated, close)
        everyone = Curve(close.sum, close.exits)
        is_fair = all(is_clinched(terms, seat, everyone, close.price) for seat in present)
    else:
        check_payment(course, close)
        is_fair = all(is_due(course, seat, close.awarded) for seat in present)
    if not is_fair:
        raise InvalidMove("the award does not follow from the answers")


def check_payment(course: Course, close: Close | MaskedClose) -> None:
    """Raise InvalidMove unless all that is sold costs the price that was found."""
    if close.price != course.settled_on or (isinstance(close, Close) and close.exits):
        raise InvalidMove("a close at another price than was found")
    if close.paid != close.awarded * close.price:
        raise InvalidMove("a payment that is not price times units")


def _check_exits(seated: Seated, close: Close) -> None:
    """Within each step as many units left as the sums fell, and the marks say at which prices."""
    prices = [each.price for each in close.exits]
    floor, last = seated.heard[0].price, seated.heard[-1].price
    if prices != sorted(set(prices)) or any(not floor <= each < last for each in prices):
        raise InvalidMove("exits out of order or outside the clock's prices")
    for before, here in pairwise(seated.heard):
        left = [each for each in close.exits if before.price <= each.price < here.price]
        if sum(each.units for each in left) != before.sum - here.sum:
            raise InvalidMove("exits that are not what the sums fell by")
        unsaid, rest = divmod(
            mark(seated.id, left) - here.moving, mark(seated.id, [Exit(before.price, 1)])
        )
        if rest or unsaid < 0 or (unsaid and not here.silent):
            raise InvalidMove("exits at other prices than were answered")


def is_clinched(terms: PriceTerms, seat: Seat, everyone: Curve, price: int) -> bool:
    """Whether a seat gets what it locked in, and of what it gave up last at most that.

    `price` is said to be that at which the clock stopped.
    """
    path = points(everyone, least_price(terms), terms.capacity)
    said = tuple(each for own in seat.answers for each in own.exits)
    hold = held(Curve(seat.answers[-1].quantity, said), path, terms.capacity, lots=terms.lots)
    more = seat.awarded - hold.units
    fits = more in (0, hold.open) if terms.lots else 0 <= more <= hold.open
    is_paid = seat.payment == hold.payment + more * price
    return price == path[-1].price and fits and is_paid


def is_due(course: Course, seat: Seat, awarded: int) -> bool:
    """Whether a seat gets no less than its reply at the price found, where room is not short.

    `awarded` are the units of all seats.
    """
    reply = binding(course, {own.price: own.quantity for own in seat.answers})
    limit, left = seat.member.quantity, course.terms.capacity - awarded
    if seat.payment != seat.awarded * (course.settled_on or 0) or (not reply and seat.awarded):
        return False
    if seat.member.divisible:
        return seat.awarded <= limit and (seat.awarded >= reply // MICRO or not left)
    return seat.awarded == limit or (not seat.awarded and (not reply or left < limit))
