"""A session as its member follows it: own answers, the public sums, the price that must follow.

A member gets its own path, not all answers. It holds the supplier to what it can see: that each of
its answers is counted in the root, among no more leaves than seats that count, that the sums are
the root's, that price, supply and outcome follow from them (`negotiation.course`), that what is due
and awarded to it is no less than it must be. That the others' answers are what they said, each of
them checks for itself; the order of the awards where room is short shows in the supplier's
transcript alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fabmarket.identity import ZERO_BYTES32, struct_hash
from fabmarket.market.messages import Claim, Close, Member, Opening, Place, Quote, Reply
from fabmarket.market.sums import BadPath, Node, climb, leaf
from fabmarket.market.units import MICRO
from fabmarket.negotiation.course import (
    Course,
    InvalidMove,
    TooEarly,
    after,
    best_claim,
    best_reply,
    check_terms,
    first,
    is_moving,
    supply_at,
)


class SecondWord(InvalidMove):
    """The supplier signed two messages for one place in the session: both together prove it."""


@dataclass(frozen=True)
class Own:
    """An own answer: to which price, how much (micro-units, or units of a claim), its digest."""

    price: int
    quantity: int
    digest: bytes
    moving: bool = False


@dataclass(frozen=True)
class Seat:
    """One seat of this member, for one want. `answers` are in order; the last may be a claim.

    `dropped`: the supplier says that it was silent. `due` and `awarded` are units.
    """

    want: bytes
    index: int
    member: Member
    answers: tuple[Own, ...] = ()
    dropped: bool = False
    due: int = 0
    awarded: int = 0


@dataclass(frozen=True)
class Seated:
    """A session in which this member has seats. `gone` are the seats that no longer count."""

    id: bytes
    opening: Opening
    course: Course
    seats: tuple[Seat, ...]
    gone: frozenset[int] = frozenset()
    quotes: int = 0
    last: Quote | None = None
    last_digest: bytes = b""
    close: Close | None = None
    transcript: bytes = b""

    @property
    def final(self) -> bool:
        """Whether claims are due, or were."""
        return self.last is not None and self.last.final

    @property
    def over(self) -> bool:
        """Whether nothing more will come: closed, or all seats of this member are dropped."""
        return self.close is not None or all(seat.dropped for seat in self.seats)


def check_roster(opening: Opening, seats: Sequence[Seat], places: Sequence[Place]) -> None:
    """Raise InvalidMove unless the opening's roster holds these seats at their places."""
    for seat, place in zip(seats, places, strict=True):
        own = leaf(seat.index, struct_hash(seat.member))
        if _root(own, place.seat, opening.seats, place.path) != Node(opening.roster, ()):
            raise InvalidMove("we are not in the roster")


def take_seats(opening: Opening, digest: bytes, seats: Sequence[Seat]) -> Seated:
    """Return the session that an opening starts for these seats, or InvalidMove."""
    check_terms(opening.terms, [seat.member.quantity for seat in seats])
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
    final = seated.final
    seated = _counted(seated, word, places)
    if not final:
        answers = seated.opening.seats - len(seated.gone)
        course = after(seated.course, word.sum, word.moving, answers)
        seated = replace(seated, course=course)
    if isinstance(word, Close):
        _check_close(seated, word)
        return replace(seated, close=word, transcript=digest)
    if final or not _follows(seated, word):
        raise InvalidMove("the quote does not follow from the replies")
    return replace(seated, quotes=seated.quotes + 1, last=word, last_digest=digest)


def answer(seated: Seated, seat: Seat, margin: int) -> Reply | Claim:
    """Return a member's answer to the last quote, from its private margin (base units a unit)."""
    me, quote = seat.member.demander, seated.last_digest
    price = seated.last.price if seated.last else 0
    if seated.final:
        units, surplus = best_claim(seat.due, margin, price)
        return Claim(me, seated.id, seat.index, quote, units, surplus)
    micro = best_reply(seated.opening.terms, seat.member, margin, price)
    return Reply(me, seated.id, seat.index, quote, micro)


def answered(seated: Seated, said: Reply | Claim, digest: bytes) -> Seated:
    """Return the session after an own answer to the last quote."""
    price = seated.last.price if seated.last else 0
    seats = list(seated.seats)
    for place, seat in enumerate(seats):
        if seat.index == said.seat:
            moving = isinstance(said, Reply) and is_moving(seat.member, said.quantity)
            own = Own(price, said.quantity, digest, moving)
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
    given = word.due if isinstance(word, Quote) else word.awarded
    root = Node(word.tree, (word.sum, word.moving, given))
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
            own.append(replace(seat, dropped=True, due=0))
            continue
        place = by_seat.get(seat.index)
        is_ours = place is not None and place.selection == seat.member.selection
        if place is None or not is_ours or len(seat.answers) != seated.quotes:
            raise InvalidMove("our answer is not counted")
        last = seat.answers[-1]
        node = leaf(seat.index, last.digest, last.quantity, int(last.moving), place.value)
        rank = seat.index - sum(at < seat.index for at in gone)
        if _root(node, rank, seats - len(gone), place.path) != root:
            raise InvalidMove("our answer is not counted")
        if isinstance(word, Quote):
            own.append(replace(seat, due=place.value))
        else:
            own.append(replace(seat, awarded=place.value))
    return replace(seated, seats=tuple(own), gone=gone)


def _root(node: Node, rank: int, count: int, path: Sequence[Node]) -> Node:
    try:
        return climb(node, rank, count, path)
    except BadPath as error:
        raise InvalidMove(str(error)) from error


def _first_quote(seated: Seated) -> Quote:
    opening, price = seated.opening, seated.course.price
    supply = supply_at(opening.terms, price, 0)
    nothing = (ZERO_BYTES32, 0, 0, 0, ())
    return Quote(opening.supplier, seated.id, 0, seated.id, *nothing, price, supply, final=False)


def _follows(seated: Seated, quote: Quote) -> bool:
    """Whether price, supply and what is due follow from the sums."""
    course = seated.course
    final = course.settled_on is not None
    price = course.price if course.settled_on is None else course.settled_on
    supply = supply_at(course.terms, price, quote.sum)
    if course.failed or (quote.price, quote.supply, quote.final) != (price, supply, final):
        return False
    return all(seat.dropped or _is_due(seat, price, final=final) for seat in seated.seats)


def _is_due(seat: Seat, price: int, *, final: bool) -> bool:
    """Whether what is due to us is no less than our reply at the price."""
    if not final:
        return seat.due == 0
    if not seat.member.divisible:
        return seat.due == seat.member.quantity
    reply = next(own for own in reversed(seat.answers) if own.price == price)
    return reply.quantity // MICRO <= seat.due <= seat.member.quantity


def _check_close(seated: Seated, close: Close) -> None:
    """No more is awarded than there is, and to us what we claimed where room is not short."""
    last, capacity = seated.last, seated.opening.terms.capacity
    if last is None or close.price != last.price:
        raise InvalidMove("a close at another price than quoted")
    if not last.final:
        if not seated.course.failed or close.awarded:
            raise InvalidMove("a close where the search for a price goes on")
        return
    if close.moving or close.awarded > capacity:
        raise InvalidMove("more is awarded than there is")
    for seat in seated.seats:
        claimed = 0 if seat.dropped else seat.answers[-1].quantity
        cut = seat.awarded < claimed
        is_part = cut and seat.awarded > 0 and not seat.member.divisible
        if seat.awarded > claimed or is_part or (cut and close.sum <= capacity):
            raise InvalidMove("the award does not follow from the claims")
