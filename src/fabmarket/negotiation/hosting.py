"""A session as its supplier hosts it: all answers, the sums over them, and what must be said next.

Members answer the supplier alone. Each quote carries the root of a sum tree over the answers to the
one before (`market.sums`), and each member gets its own path: it sees that its answer is counted,
and follows sum and price by itself (`negotiation.seat`). A member that is silent when its round is
over is dropped. `next_word` and `hear` are all that a supplier does in a session, and whoever has
its transcript runs the same two to check it.

When a price is found, the supplier closes with what the answers are awarded (`awarding`).
"""

from __future__ import annotations  # HashTrieMap takes no parameters when it runs

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from rpds import HashTrieMap

from fabmarket.identity import ZERO_BYTES32, struct_hash
from fabmarket.market.messages import Close, Exit, Member, Opening, Place, Quote, Reply
from fabmarket.market.sums import Node, leaf, tree_of
from fabmarket.market.units import MICRO
from fabmarket.negotiation.awarding import Awards, by_answers, by_clock, nothing
from fabmarket.negotiation.clinching import Curve, most_exits, together
from fabmarket.negotiation.course import (
    CLOCK,
    Course,
    InvalidMove,
    after,
    binding,
    check_terms,
    first,
    movement,
    supply_at,
)

_NOTHING = Node(ZERO_BYTES32, (0, 0, 0, 0))
"""The root over no answers."""


@dataclass(frozen=True)
class Answer:
    """What a seat answered, micro-units (a clock's: units), and the reply's digest."""

    quantity: int
    moving: int
    digest: bytes
    exits: tuple[Exit, ...] = ()


@dataclass(frozen=True)
class Round:
    """A quote and the answers to it by seat."""

    quote: Quote
    digest: bytes
    answers: HashTrieMap[int, Answer] = field(default_factory=HashTrieMap)


@dataclass(frozen=True)
class Hosted:
    """Everything that has been said. Seats in `dropped` no longer count."""

    id: bytes
    opening: Opening
    members: tuple[Member, ...]
    course: Course
    rounds: tuple[Round, ...] = ()
    dropped: frozenset[int] = frozenset()
    close: Close | None = None
    awards: tuple[int, ...] = ()
    payments: tuple[int, ...] = ()
    transcript: bytes = b""

    @property
    def price(self) -> int | None:
        """The price that was found, None if there is none."""
        return self.close.price or None if self.close else None

    @property
    def quotes(self) -> int:
        """How many prices were quoted."""
        return len(self.rounds)

    @property
    def silent(self) -> tuple[int, ...]:
        """The seats that count and have not answered the last quote."""
        answers = self.rounds[-1].answers
        everyone = range(len(self.members))
        return tuple(at for at in everyone if at not in answers and at not in self.dropped)

    @property
    def waits(self) -> bool:
        """Whether an answer is missing, in constant time."""
        return len(self.rounds[-1].answers) + len(self.dropped) < len(self.members)


@dataclass(frozen=True)
class Word:
    """What the supplier must say next, and what follows from it.

    `awards` are what a close gives to each seat, `leaves` those of the message's tree.
    """

    message: Quote | Close
    course: Course
    awards: Awards
    leaves: tuple[Node, ...] = ()


def roster_of(members: Sequence[Member]) -> tuple[Node, tuple[tuple[Node, ...], ...]]:
    """Return the root over the members that an opening signs, and each seat's path."""
    return tree_of([leaf(at, struct_hash(member)) for at, member in enumerate(members)])


def host(opening: Opening, digest: bytes, members: tuple[Member, ...]) -> Hosted:
    """Return the session that an opening starts, or InvalidMove."""
    if not members or len(members) != opening.seats:
        raise InvalidMove(f"{len(members)} members for {opening.seats} seats")
    if len({member.selection for member in members}) < len(members):
        raise InvalidMove("a selection has two seats")
    if roster_of(members)[0].hash != opening.roster:
        raise InvalidMove("the roster is another")
    check_terms(opening.terms, [(each.quantity, each.divisible) for each in members])
    return Hosted(digest, opening, members, first(opening.terms))


def hear(hosted: Hosted, answer: Reply, digest: bytes) -> Hosted:
    """Return the session after a member's answer whose signature has been checked.

    Raises InvalidMove for what is no answer to the last quote.
    """
    if hosted.close is not None:
        raise InvalidMove("the session is closed")
    last = hosted.rounds[-1] if hosted.rounds else None
    if last is None or (answer.session, answer.quote) != (hosted.id, last.digest):
        raise InvalidMove("answer to another quote than the last")
    if answer.seat >= len(hosted.members):
        raise InvalidMove(f"there is no seat {answer.seat}")
    if hosted.members[answer.seat].demander != answer.demander:
        raise InvalidMove(f"seat {answer.seat} is somebody else's")
    if answer.seat in hosted.dropped:
        raise InvalidMove(f"seat {answer.seat} was silent and no longer counts")
    if answer.seat in last.answers:
        raise InvalidMove("this seat has answered")
    if hosted.opening.terms.concept == CLOCK:
        _check_exits(hosted, last, answer)
    else:
        _check_reply(hosted, last, answer)
    moving = movement(hosted.opening.terms, hosted.members[answer.seat], answer)
    heard = Answer(answer.quantity, moving, digest, answer.exits)
    answered = replace(last, answers=last.answers.insert(answer.seat, heard))
    return replace(hosted, rounds=(*hosted.rounds[:-1], answered))


def next_word(hosted: Hosted, *, time_up: bool = False) -> Word | None:
    """Return what the supplier must say next, or None while members may answer.

    `time_up`: the round is over, and whoever is silent is dropped.
    """
    if hosted.close is not None:
        return None
    seats = len(hosted.members)
    if not hosted.rounds:
        return Word(_first_quote(hosted), hosted.course, nothing(seats))
    if hosted.waits and not time_up:
        return None
    last = hosted.rounds[-1]
    answers = last.answers.values()
    total, moving = (sum(each.quantity for each in answers), sum(each.moving for each in answers))
    course = after(hosted.course, total, moving, len(last.answers))
    if course.failed:
        return _close(hosted, course, nothing(seats))
    return _quote(hosted, course) if course.settled_on is None else _sold(hosted, course)


def said(hosted: Hosted, word: Word, digest: bytes) -> Hosted:
    """Return the session after the supplier said what was due."""
    dropped = hosted.dropped | set(word.message.dropped)
    hosted = replace(hosted, dropped=dropped, course=word.course)
    if isinstance(word.message, Close):
        units, payments = word.awards.units, word.awards.payments
        closed = replace(hosted, close=word.message, transcript=digest)
        return replace(closed, awards=units, payments=payments)
    return replace(hosted, rounds=(*hosted.rounds, Round(word.message, digest)))


def curve_of(hosted: Hosted, seat: int) -> Curve:
    """Return what a seat of a clock answered so far.

    What it wanted when it fell silent is as if it had given it up at the last price it answered.
    """
    exits: list[Exit] = []
    stays = price = 0
    for each in hosted.rounds:
        answer = each.answers.get(seat)
        if answer is None:
            gone = (Exit(price, stays),) if stays else ()
            return Curve(0, (*exits, *gone))
        exits.extend(answer.exits)
        price, stays = each.quote.price, answer.quantity
    return Curve(stays, tuple(exits))


def addressed(hosted: Hosted, word: Word) -> Iterator[tuple[str, tuple[Place, ...]]]:
    """Yield who is to get a word, before it is said, and the places of its own seats to send along.

    Whoever it drops gets it too, and sees that.
    """
    paths = iter(tree_of(word.leaves)[1] if word.leaves else ())
    by_demander: dict[str, list[Place]] = {}
    for at, member in enumerate(hosted.members):
        if at in hosted.dropped:
            continue
        places = by_demander.setdefault(member.demander, [])
        if word.leaves and at not in word.message.dropped:
            given = word.awards.units[at], word.awards.payments[at]
            places.append(Place(at, member.selection, *given, next(paths)))
    for demander, own in by_demander.items():
        yield demander, tuple(own)


def seated(members: Sequence[Member]) -> Iterator[tuple[str, tuple[Place, ...]]]:
    """Yield who is to get the opening, and the places of its own seats to send along."""
    _, paths = roster_of(members)
    by_demander: dict[str, list[Place]] = {}
    for at, member in enumerate(members):
        place = Place(at, member.selection, member.supplier_nonce, 0, paths[at])
        by_demander.setdefault(member.demander, []).append(place)
    for demander, own in by_demander.items():
        yield demander, tuple(own)


def _first_quote(hosted: Hosted) -> Quote:
    return Quote(
        supplier=hosted.opening.supplier,
        session=hosted.id,
        round=0,
        previous=hosted.id,
        tree=ZERO_BYTES32,
        sum=0,
        moving=0,
        dropped=(),
        price=hosted.course.price,
        supply=supply_at(hosted.opening.terms, hosted.course.price, 0),
    )


def _quote(hosted: Hosted, course: Course) -> Word:
    last = hosted.rounds[-1]
    nobody = nothing(len(hosted.members))
    leaves, root = _counted(last, nobody)
    total, moving, _, _ = root.sums
    quote = Quote(
        supplier=hosted.opening.supplier,
        session=hosted.id,
        round=len(hosted.rounds),
        previous=last.digest,
        tree=root.hash,
        sum=total,
        moving=moving,
        dropped=hosted.silent,
        price=course.price,
        supply=supply_at(hosted.opening.terms, course.price, total),
    )
    return Word(quote, course, nobody, leaves)


def _sold(hosted: Hosted, course: Course) -> Word:
    """The close of a session whose price is found."""
    terms, members = hosted.opening.terms, hosted.members
    gone = hosted.dropped | set(hosted.silent)
    if terms.concept == CLOCK:
        curves = [curve_of(hosted, at) for at in range(len(members))]
        everyone = together(curves)
        awards = by_clock(terms, members, everyone, curves, gone)
        return _close(hosted, course, awards, everyone.exits)
    replies = {
        at: binding(course, {one.quote.price: one.answers[at].quantity for one in hosted.rounds})
        for at in range(len(members))
        if at not in gone
    }
    return _close(hosted, course, by_answers(terms, members, course.settled_on or 0, replies))


def _close(hosted: Hosted, course: Course, awards: Awards, exits: tuple[Exit, ...] = ()) -> Word:
    last = hosted.rounds[-1]
    leaves, root = _counted(last, awards)
    total, moving, awarded, paid = root.sums
    close = Close(
        supplier=hosted.opening.supplier,
        session=hosted.id,
        previous=last.digest,
        tree=root.hash,
        sum=total,
        moving=moving,
        awarded=awarded,
        paid=paid,
        dropped=hosted.silent,
        price=awards.price,
        exits=exits,
    )
    return Word(close, course, awards, leaves)


def _counted(last: Round, awards: Awards) -> tuple[tuple[Node, ...], Node]:
    """The leaves of a round's answers, by seat, and their root: answered, moving, awarded, paid.

    A dropped seat has no leaf: nobody would look whether it is empty.
    """
    leaves = tuple(
        leaf(at, each.digest, each.quantity, each.moving, awards.units[at], awards.payments[at])
        for at, each in sorted(last.answers.items())
    )
    return leaves, tree_of(leaves)[0] if leaves else _NOTHING


def _check_reply(hosted: Hosted, last: Round, reply: Reply) -> None:
    limit = hosted.members[reply.seat].quantity
    if reply.exits:
        raise InvalidMove("exits where no clock goes up")
    if reply.quantity > limit * MICRO:  # NO_LIMIT too: more could never be bought
        raise InvalidMove(f"{reply.quantity} micro-units exceed the demand of {limit} units")
    for earlier in hosted.rounds[:-1]:
        rise = earlier.answers[reply.seat].quantity - reply.quantity
        step = last.quote.price - earlier.quote.price
        if rise * step < 0:
            raise InvalidMove("a demand that rises with the price")


def _check_exits(hosted: Hosted, last: Round, reply: Reply) -> None:
    """A clock's reply: no unit comes back, and each that goes has its price within the step."""
    terms, member = hosted.opening.terms, hosted.members[reply.seat]
    most = most_exits(len(hosted.members))
    before_these = sum(len(each.answers[reply.seat].exits) for each in hosted.rounds[:-1])
    if before_these + len(reply.exits) > most:
        raise InvalidMove(f"more than {most} exits of one seat")
    given_up = sum(each.units for each in reply.exits)
    if len(hosted.rounds) == 1:
        low, before = last.quote.price, min(member.quantity, terms.capacity)
        if given_up or reply.quantity > before:
            raise InvalidMove(f"{reply.quantity} units exceed the demand of {before} units")
    else:
        earlier = hosted.rounds[-2]
        low, before = earlier.quote.price, earlier.answers[reply.seat].quantity
        if reply.quantity + given_up != before:
            raise InvalidMove(f"{reply.quantity} units and exits of {given_up} are not {before}")
    prices = [each.price for each in reply.exits]
    if prices != sorted(set(prices)) or any(not low <= each < last.quote.price for each in prices):
        raise InvalidMove("an exit outside the step or out of order")
    if any(each.units == 0 for each in reply.exits):
        raise InvalidMove("an exit of nothing")
    if terms.lots and reply.quantity not in (0, before):
        raise InvalidMove("a lot leaves whole")
