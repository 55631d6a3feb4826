"""Attacks that read one answer: a rival's off the paths, the supplier's off what it is sent."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from fabmarket.market.masked import MaskedQuote
from fabmarket.market.messages import Close, Exit, Place, PriceTerms, Quote
from fabmarket.market.sums import Numbers, beside
from fabmarket.negotiation.course import CLOCK, mark
from fabmarket.negotiation.hosting import Hosted
from fabmarket.negotiation.masked.cards import most_wanted
from fabmarket.negotiation.masked.hosted import MaskedHosted
from fabmarket.node import evidence_of
from fabmarket.simulation.leakage.rows import Leak
from fabmarket.simulation.leakage.seats import (
    blind_answer,
    blind_margin,
    honest,
    margin_at,
    sessions_of,
)
from fabmarket.simulation.outcome import Outcome

_MOST_PRICES = 100_000
"""Prices of a clock's step that are tried to find an exit's."""


@dataclass(frozen=True)
class Seen:
    """A number that may be an answer: to which price, how much, and the number beside it."""

    price: int
    quantity: int
    moving: int


Try = tuple[object, object]
"""What an attack names, and what is true."""


def share(tries: Sequence[Try]) -> float:
    """Return how many of some tries name what is true; 0 of none."""
    return sum(named == truth for named, truth in tries) / max(1, len(tries))


# A rival, off its paths


def rival_answers(protected: Outcome, bare: Outcome) -> Leak | None:
    """A rival reads its neighbours' answers off its paths.

    A path's lowest node is most often one neighbour's leaf, with its numbers in clear unless they
    are masked.
    """
    given, open_ones = list(_read(protected)), list(_read(bare))
    if not given or not open_ones:
        return None
    vain = sum(not any(each.true) for each in given) / len(given)
    return Leak(
        viewer="a rival",
        attack="reads its neighbours' answers off its paths",
        sought="what a rival wants, price by price",
        tries=len(given),
        success=share([(each.named, each.true) for each in given]),
        guessing=max(vain, *(1 / (1 + most_wanted(it.terms, it.terms.capacity)) for it in given)),
        control=share([(each.named, each.true) for each in open_ones]),
        note=_still_open(protected),
    )


def rival_margins(protected: Outcome, bare: Outcome) -> Leak | None:
    """A rival solves c = p + s·y for the answers that it reads off its paths.

    Tried on neighbours whose answer moves at a price quoted: of the others even the true answer
    tells bounds alone. Of a clock on those that give up units: the mark beside these in a leaf
    tells up to which price they were wanted.
    """
    given, open_ones = _solved(protected), _solved(bare)
    if not given or not open_ones:
        return None
    return Leak(
        viewer="a rival",
        attack="solves c = p + s·y for them, where they move",
        sought="what a unit is worth to a rival",
        tries=len(given),
        success=share(given),
        guessing=blind_margin(protected),
        control=share(open_ones),
        note=_still_open(protected),
    )


def margins_in_open(outcome: Outcome) -> float:
    """Return how often a rival solves a neighbour's margin in a run, where its answer moves."""
    return share(_solved(outcome))


@dataclass(frozen=True)
class _Read:
    """What a member sees of a neighbour, and the truth: its answers, and what a unit is worth to it
    if they tell.
    """

    session: bytes
    terms: PriceTerms
    seen: tuple[Seen, ...]
    true: tuple[int, ...]
    margin: int | None

    @property
    def named(self) -> tuple[int, ...]:
        return tuple(each.quantity for each in self.seen)


def _read(outcome: Outcome) -> Iterator[_Read]:
    for talk, margins in sessions_of(outcome):
        terms, prices = talk.opening.terms, _prices(talk)
        kept = [
            honest(terms, member, margin, prices)
            for member, margin in zip(talk.members, margins, strict=True)
        ]
        for viewer in range(len(margins)):
            for seat, seen in _neighbours(outcome, talk, viewer).items():
                tells = any(own.moving or own.exits for own in kept[seat])
                true = tuple(own.quantity for own in kept[seat])
                margin = margins[seat] if tells else None
                yield _Read(talk.id, terms, tuple(seen), true, margin)


def _solved(outcome: Outcome) -> list[Try]:
    return [(_margin_read(each), each.margin) for each in _read(outcome) if each.margin is not None]


def _neighbours(
    outcome: Outcome, talk: Hosted | MaskedHosted, viewer: int
) -> dict[int, list[Seen]]:
    """What a member's own journal shows of other single seats, by seat."""
    account = outcome.journals[talk.members[viewer].demander]
    seats = len(talk.members)
    seen: dict[int, list[Seen]] = {}
    price = 0
    for envelope in evidence_of(account, talk.id).envelopes:
        word = envelope.message
        if not isinstance(word, Quote | Close | MaskedQuote):
            continue
        if isinstance(word, Quote | Close) and word.dropped:
            return {}  # the places of those that are left are others
        for seat, numbers in _single(_place_of(envelope.places, viewer), seats):
            seen.setdefault(seat, []).append(Seen(price, *numbers[:2]))
        price = word.price
    return seen


def _place_of(places: Sequence[Place], seat: int) -> Sequence[Place]:
    return [place for place in places if place.seat == seat]


def _single(places: Sequence[Place], seats: int) -> Iterator[tuple[int, Numbers]]:
    """The nodes of a path that are one seat's leaf, with that seat."""
    for place in places:
        for leaves, node in zip(beside(place.seat, seats), place.path, strict=True):
            if len(leaves) == 1:
                yield leaves.start, node.sums


def _margin_read(read: _Read) -> int | None:
    return _exit_read(read) if read.terms.concept == CLOCK else _solve(read.terms, read.seen)


def _solve(terms: PriceTerms, seen: Sequence[Seen]) -> int | None:
    """The margin that follows from the last number that says that it moves, or from the last."""
    last = [each for each in seen if each.moving == 1] or seen
    return margin_at(terms, last[-1].price, last[-1].quantity)


def _exit_read(read: _Read) -> int | None:
    """The last price up to which a seat wanted units that it gave up, as their mark tells."""
    last = None
    for before, here in pairwise(read.seen):
        units = before.quantity - here.quantity
        if units > 0 and here.price - before.price <= _MOST_PRICES:
            tried = range(before.price, here.price)
            last = next(
                (at for at in tried if mark(read.session, [Exit(at, units)]) == here.moving), last
            )
    return last


# The supplier, off what it is sent


def forwarded(protected: Outcome, bare: Outcome) -> Leak | None:
    """The supplier takes the numbers that it is sent for answers, before the price is found."""
    given, open_ones = _sent_before_the_end(protected), _sent_before_the_end(bare)
    if not given or not open_ones:
        return None
    return Leak(
        viewer="the supplier, alone, before the end",
        attack="takes the numbers that it is sent for answers",
        sought="what a member answers at a price",
        tries=len(given),
        success=share([(named, truth) for named, truth, _ in given]),
        guessing=blind_answer([(most, truth) for _, truth, most in given]),
        control=share([(named, truth) for named, truth, _ in open_ones]),
        note=_still_open(protected),
    )


def sent_in_open(outcome: Outcome) -> float:
    """Return how often the supplier has a member's answer from what it is sent."""
    return share([(named, truth) for named, truth, _ in _sent_before_the_end(outcome)])


def _sent_before_the_end(outcome: Outcome) -> list[tuple[int, int, int]]:
    """What each number but the last of a seat says, what was answered, and the most it can be."""
    found = []
    for talk, margins in sessions_of(outcome):
        terms, prices = talk.opening.terms, _prices(talk)
        for seat, (member, margin) in enumerate(zip(talk.members, margins, strict=True)):
            said = _numbers(talk, seat)
            true = honest(terms, member, margin, prices[: len(said)])
            most = most_wanted(terms, member.quantity)
            pairs = list(zip(said, (own.quantity for own in true), strict=True))
            found += [(named, truth, most) for named, truth in pairs[:-1]]
    return found


def _numbers(talk: Hosted | MaskedHosted, seat: int) -> list[int]:
    """What a seat's answers say to the supplier that reads them as they come."""
    if isinstance(talk, MaskedHosted):
        return [each.answers[seat].answer.first for each in talk.rounds[: len(talk.heard)]]
    return [each.answers[seat].quantity for each in talk.rounds if seat in each.answers]


def opened(protected: Outcome, bare: Outcome) -> Leak | None:
    """The supplier solves c = p + s·y for what is opened to it once the price is found.

    This is not hidden: an award follows from the answer at the price found, and who moves with the
    price has said with it what a unit is worth. Of a clock it takes the price up to which a seat
    wanted what it gave up last.
    """
    given, open_ones = _opened_margins(protected), _opened_margins(bare)
    if not given or not share(open_ones):
        return None
    return Leak(
        viewer="the supplier, alone",
        attack="solves what is opened to it at the end",
        sought="what a unit is worth to a member",
        tries=len(given),
        success=share(given),
        guessing=blind_margin(protected),
        control=share(open_ones),
        note="not hidden: awards are made from it",
    )


def opened_in_open(outcome: Outcome) -> float:
    """Return how often the supplier has a member's margin from its answers, of an open run."""
    return share(_opened_margins(outcome))


def _opened_margins(outcome: Outcome) -> list[Try]:
    tries: list[Try] = []
    for talk, margins in sessions_of(outcome):
        terms = talk.opening.terms
        for seat, margin in enumerate(margins):
            seen = _shown(talk, seat)
            if terms.concept == CLOCK:
                exits = _exits(talk, seat, seen)
                tries.append((max(exits, default=None), margin))
            else:
                moving = [each for each in seen if each.moving == 1]
                tries.append((_solve(terms, moving) if moving else None, margin))
    return tries


def _shown(talk: Hosted | MaskedHosted, seat: int) -> list[Seen]:
    """The answers of a seat that its supplier has in clear in the end."""
    if isinstance(talk, Hosted):
        said = [(each.quote.price, each.answers.get(seat)) for each in talk.rounds]
        return [Seen(price, it.quantity, it.moving) for price, it in said if it is not None]
    word = talk.unmasked.get(seat)
    said_then = () if word is None else word.answers
    return [Seen(talk.heard[it.round].price, it.first, it.second) for it in said_then]


def _exits(talk: Hosted | MaskedHosted, seat: int, seen: Sequence[Seen]) -> list[int]:
    """The prices up to which a seat of a clock wanted what it gave up."""
    if isinstance(talk, Hosted):
        answers = [each.answers[seat] for each in talk.rounds if seat in each.answers]
        return [each.price for answer in answers for each in answer.exits]
    return [before.price for before, here in pairwise(seen) if before.quantity > here.quantity]


def _prices(talk: Hosted | MaskedHosted) -> list[int]:
    """The prices that were quoted for an answer."""
    if isinstance(talk, MaskedHosted):
        return [each.price for each in talk.heard]
    return [each.quote.price for each in talk.rounds]


def _still_open(outcome: Outcome) -> str:
    """What must be said of a run in which not all sessions came to be masked."""
    kinds = [isinstance(talk, MaskedHosted) for talk, _ in sessions_of(outcome)]
    return "" if all(kinds) else f"{kinds.count(False)} of {len(kinds)} sessions were open"
