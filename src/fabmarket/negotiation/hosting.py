"""A session as its supplier hosts it: all answers, the sums over them, and what must be said next.

Members answer the supplier alone. Each quote carries the root of a sum tree over the answers to the
one before (`market.sums`), and each member gets its own path: it sees that its answer is counted,
and follows sum and price by itself (`negotiation.seat`). A member that is silent when its round is
over is dropped. `next_word` and `hear` are all that a supplier does in a session, and whoever has
its transcript runs the same two to check it.

When a price is found the members claim integer quantities and the supplier awards what there is
room for, the larger surplus first.
"""

from __future__ import annotations  # HashTrieMap takes no parameters when it runs

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction

from rpds import HashTrieMap

from fabmarket.identity import ZERO_BYTES32, struct_hash
from fabmarket.market.messages import Claim, Close, Member, Opening, Place, Quote, Reply
from fabmarket.market.sums import Node, leaf, tree_of
from fabmarket.market.units import MICRO, floor_int
from fabmarket.negotiation.course import (
    Course,
    InvalidMove,
    after,
    check_terms,
    first,
    is_moving,
    limit_of,
    rule_of,
    supply_at,
)

_NOTHING = Node(ZERO_BYTES32, (0, 0, 0))
"""The root over no answers."""


@dataclass(frozen=True)
class Answer:
    """What a seat answered, micro-units in a reply, units in a claim, and the message's digest."""

    quantity: int
    digest: bytes
    surplus: int = 0


@dataclass(frozen=True)
class Round:
    """A quote and the answers to it by seat; the units `due` to each seat if the quote is final."""

    quote: Quote
    digest: bytes
    answers: HashTrieMap[int, Answer] = field(default_factory=HashTrieMap)
    due: tuple[int, ...] = ()


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
    transcript: bytes = b""

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

    `given` are the units due or awarded to each seat, `leaves` those of the message's tree.
    """

    message: Quote | Close
    course: Course
    given: tuple[int, ...] = ()
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
    check_terms(opening.terms, [member.quantity for member in members])
    return Hosted(digest, opening, members, first(opening.terms))


def hear(hosted: Hosted, answer: Reply | Claim, digest: bytes) -> Hosted:
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
    if isinstance(answer, Reply):
        _check_reply(hosted, last, answer)
        heard = Answer(answer.quantity, digest)
    else:
        _check_claim(hosted, last, answer)
        heard = Answer(answer.quantity, digest, answer.surplus)
    answered = replace(last, answers=last.answers.insert(answer.seat, heard))
    return replace(hosted, rounds=(*hosted.rounds[:-1], answered))


def next_word(hosted: Hosted, *, time_up: bool = False) -> Word | None:
    """Return what the supplier must say next, or None while members may answer.

    `time_up`: the round is over, and whoever is silent is dropped.
    """
    if hosted.close is not None:
        return None
    if not hosted.rounds:
        return Word(_first_quote(hosted), hosted.course)
    if hosted.waits and not time_up:
        return None
    last = hosted.rounds[-1]
    if last.quote.final:
        return _close(hosted, hosted.course, _awards(hosted, last))
    replies = last.answers.items()
    total = sum(answer.quantity for _, answer in replies)
    moving = sum(is_moving(hosted.members[at], answer.quantity) for at, answer in replies)
    course = after(hosted.course, total, moving, len(last.answers))
    if course.failed:
        return _close(hosted, course, (0,) * len(hosted.members))
    return _quote(hosted, course)


def said(hosted: Hosted, word: Word, digest: bytes) -> Hosted:
    """Return the session after the supplier said what was due."""
    dropped = hosted.dropped | set(word.message.dropped)
    hosted = replace(hosted, dropped=dropped, course=word.course)
    if isinstance(word.message, Close):
        return replace(hosted, close=word.message, awards=word.given, transcript=digest)
    due = word.given if word.message.final else ()
    return replace(hosted, rounds=(*hosted.rounds, Round(word.message, digest, due=due)))


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
            places.append(Place(at, member.selection, word.given[at], next(paths)))
    for demander, own in by_demander.items():
        yield demander, tuple(own)


def seated(members: Sequence[Member]) -> Iterator[tuple[str, tuple[Place, ...]]]:
    """Yield who is to get the opening, and the places of its own seats to send along."""
    _, paths = roster_of(members)
    by_demander: dict[str, list[Place]] = {}
    for at, member in enumerate(members):
        place = Place(at, member.selection, member.supplier_nonce, paths[at])
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
        due=0,
        dropped=(),
        price=hosted.course.price,
        supply=supply_at(hosted.opening.terms, hosted.course.price, 0),
        final=False,
    )


def _quote(hosted: Hosted, course: Course) -> Word:
    last, settled = hosted.rounds[-1], course.settled_on
    price = course.price if settled is None else settled
    nothing = (0,) * len(hosted.members)
    given = nothing if settled is None else _due(hosted, settled)
    leaves, root = _counted(hosted, last, given)
    total, moving, due = root.sums
    quote = Quote(
        supplier=hosted.opening.supplier,
        session=hosted.id,
        round=len(hosted.rounds),
        previous=last.digest,
        tree=root.hash,
        sum=total,
        moving=moving,
        due=due,
        dropped=hosted.silent,
        price=price,
        supply=supply_at(hosted.opening.terms, price, total),
        final=settled is not None,
    )
    return Word(quote, course, given, leaves)


def _close(hosted: Hosted, course: Course, awards: tuple[int, ...]) -> Word:
    last = hosted.rounds[-1]
    leaves, root = _counted(hosted, last, awards)
    total, moving, awarded = root.sums
    close = Close(
        supplier=hosted.opening.supplier,
        session=hosted.id,
        previous=last.digest,
        tree=root.hash,
        sum=total,
        moving=moving,
        awarded=awarded,
        dropped=hosted.silent,
        price=last.quote.price,
    )
    return Word(close, course, awards, leaves)


def _counted(hosted: Hosted, last: Round, given: Sequence[int]) -> tuple[tuple[Node, ...], Node]:
    """The leaves of a round's answers, by seat, and their root: answered, moving, given.

    A dropped seat has no leaf: nobody would look whether it is empty.
    """
    leaves = []
    for at, answer in sorted(last.answers.items()):
        moving = not last.quote.final and is_moving(hosted.members[at], answer.quantity)
        leaves.append(leaf(at, answer.digest, answer.quantity, int(moving), given[at]))
    return tuple(leaves), tree_of(leaves)[0] if leaves else _NOTHING


def _check_reply(hosted: Hosted, last: Round, reply: Reply) -> None:
    if last.quote.final:
        raise InvalidMove("claims are due")
    limit = hosted.members[reply.seat].quantity
    if reply.quantity > limit * MICRO:  # NO_LIMIT too: more could never be claimed
        raise InvalidMove(f"{reply.quantity} micro-units exceed the demand of {limit} units")
    for earlier in hosted.rounds[:-1]:
        rise = earlier.answers[reply.seat].quantity - reply.quantity
        step = last.quote.price - earlier.quote.price
        if rise * step < 0:
            raise InvalidMove("a demand that rises with the price")


def _check_claim(hosted: Hosted, last: Round, claim: Claim) -> None:
    if not last.quote.final:
        raise InvalidMove("replies are due")
    allowed = last.due[claim.seat]
    whole = not hosted.members[claim.seat].divisible
    if claim.quantity > allowed or (whole and claim.quantity not in (0, allowed)):
        raise InvalidMove(f"claim of {claim.quantity} units where {allowed} are due")


def _due(hosted: Hosted, price: int) -> tuple[int, ...]:
    """The most units that each seat may claim at the settled price; 0 if it is dropped.

    An indivisible sub-task may claim all of itself. A divisible one may claim its last reply at
    that price, rounded down; where the floor price left supply over, the shares are scaled up
    (`floor_shares`). Where "balanced" sells the whole capacity, the units that rounding down leaves
    of it go one each to the largest remainders, ties by hash: so that all of it is sold.
    """
    gone = hosted.dropped | set(hosted.silent)
    at_price = next(each for each in reversed(hosted.rounds) if each.quote.price == price)
    answers = [
        None if at in gone else at_price.answers.get(at) for at in range(len(hosted.members))
    ]
    replies = [Fraction(answer.quantity if answer else 0, MICRO) for answer in answers]
    units = _shared(hosted, price, replies)
    return tuple(
        0 if at in gone else units[at] if member.divisible else member.quantity
        for at, member in enumerate(hosted.members)
    )


def _shared(hosted: Hosted, price: int, replies: Sequence[Fraction]) -> list[int]:
    """The replies at the settled price as units; under "balanced" all that there is to sell."""
    rule, members = rule_of(hosted.opening.terms), hosted.members
    if rule.concept != "balanced":
        return list(map(floor_int, replies))
    target = rule.total_at(Fraction(price))
    shares: Sequence[float | Fraction] = replies
    if price == rule.floor and sum(replies) < target:
        shares = rule.floor_shares(replies, [limit_of(each) for each in members], target)
    units = [floor_int(share) for share in shares]
    capacity = hosted.opening.terms.capacity
    left = capacity - sum(units)
    if left > 0 and capacity - sum(shares) <= Fraction(len(members), MICRO):
        open_seats = [
            at
            for at, each in enumerate(members)
            if each.divisible and units[at] < each.quantity and shares[at] > 0
        ]
        open_seats.sort(key=lambda at: (units[at] - shares[at], members[at].selection))
        for at in open_seats[:left]:
            units[at] += 1
    return units


def _awards(hosted: Hosted, last: Round) -> tuple[int, ...]:
    """Award the claims while room is left: larger surplus first, ties by hash."""
    room, members = hosted.opening.terms.capacity, hosted.members
    awards = [0] * len(members)
    claims = sorted(
        last.answers.items(), key=lambda item: (-item[1].surplus, members[item[0]].selection)
    )
    for at, claim in claims:
        if claim.quantity <= room:
            awards[at] = claim.quantity
        elif members[at].divisible:
            awards[at] = room
        room -= awards[at]
    return tuple(awards)
