"""What a supplier works out alone of its masked session: answers that nobody opened to it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product

from rpds import HashTrieMap

from fabmarket.negotiation.course import CLOCK
from fabmarket.negotiation.masked.cards import most_wanted
from fabmarket.negotiation.masked.hosted import MaskedHosted
from fabmarket.negotiation.masked.sums import Heard
from fabmarket.simulation.leakage.answers import Try, opened_in_open, sent_in_open, share
from fabmarket.simulation.leakage.rows import Leak
from fabmarket.simulation.leakage.seats import (
    blind_answer,
    blind_margin,
    honest,
    margin_at,
    rooms_of,
)
from fabmarket.simulation.outcome import Outcome

_MOST_CASES = 10_000
"""Ways in which seats may have answered a round that are gone through."""


def fitted(protected: Outcome, bare: Outcome) -> Leak | None:
    """The supplier finds the one way, if it is one, in which the members' limits fit the sums.

    Before anything is opened. Each wants nothing, all that it can use, or moves, and as many move
    as K says; what one round tells another may use. Of a clock, in which a seat most often wants
    all or nothing, a few limits have just one part that adds up to a sum.
    """
    tries = _inferred(protected, at_the_end=False)
    if not tries:
        return None
    return Leak(
        viewer="the supplier, alone, before the end",
        attack="fits the limits that it knows to the sums",
        sought="what a member answers at a price",
        tries=len(tries),
        success=share([(named, truth) for named, truth, _ in tries]),
        guessing=blind_answer([(most, truth) for _, truth, most in tries]),
        control=sent_in_open(bare),
    )


def worked_back(protected: Outcome, bare: Outcome) -> Leak | None:
    """The supplier works back from what is opened, the sums, and how much each seat can use.

    Who moves at the price found has told its margin, and so its answers to all prices; who takes
    all that it can use there took it at all lower prices too, and who wants nothing wants nothing
    at higher ones. What is left of a round's sums is that of the others: of one it is the answer,
    of a few it goes on as `fitted` does. So few losers hide little from their supplier, and one
    hides nothing.
    """
    tries = _inferred(protected, at_the_end=True)
    if not tries:
        return None
    return Leak(
        viewer="the supplier, alone",
        attack="works back from the sums, limits, what is opened",
        sought="what a member answers at a price it does not open",
        tries=len(tries),
        success=share([(named, truth) for named, truth, _ in tries]),
        guessing=blind_answer([(most, truth) for _, truth, most in tries]),
        control=sent_in_open(bare),
        note="not hidden: it knows sums and limits",
    )


def _inferred(outcome: Outcome, *, at_the_end: bool) -> list[tuple[int | None, int, int]]:
    """What is inferred of each answer that is not opened, what it was, and the most it can be.

    Not at the end: of all answers but the last, before anything is opened.
    """
    tries = []
    for room in rooms_of(outcome):
        hosted, last = room.hosted, len(room.hosted.heard) - 1
        view = hosted if at_the_end else replace(hosted, unmasked=HashTrieMap())
        named = Inferred(view).all()
        for seat, sat in enumerate(room.seats):
            word = view.unmasked.get(seat)
            told = {each.round for each in word.answers} if word else {last}
            tries += [
                (named[at][seat], own.quantity, room.most(seat))
                for at, own in enumerate(sat.answers)
                if at not in told
            ]
    return tries


def margins_worked_back(protected: Outcome, bare: Outcome) -> Leak | None:
    """The supplier solves c = p + s·y for all that it works back.

    A game's alone: of a clock whose units leave at its quotes a margin has bounds.
    """
    control = opened_in_open(bare)
    if not control or protected.scenario.concept == CLOCK:
        return None
    tries: list[Try] = []
    for room in rooms_of(protected):
        inferred = Inferred(room.hosted)
        inferred.all()
        tries += [(inferred.margins.get(at), sat.margin) for at, sat in enumerate(room.seats)]
    if not tries:
        return None
    return Leak(
        viewer="the supplier, alone",
        attack="solves c = p + s·y for what it works back",
        sought="what a unit is worth to a member",
        tries=len(tries),
        success=share(tries),
        guessing=blind_margin(protected),
        control=control,
        note="not hidden: it knows sums and limits",
    )


Answers = list[list[int | None]]
"""By round and seat what is known to have been answered."""


class Inferred:
    """What follows from a supplier's view of a session, whose search for a price is over."""

    def __init__(self, hosted: MaskedHosted) -> None:
        self.members, self.terms = hosted.members, hosted.opening.terms
        self.heard: Sequence[Heard] = hosted.heard
        self.prices = [each.price for each in hosted.heard]
        self.most = [most_wanted(self.terms, member.quantity) for member in hosted.members]
        self.known: Answers = [[None] * len(hosted.members) for _ in hosted.heard]
        self.margins: dict[int, int] = {}
        for seat, word in hosted.unmasked.items():
            for each in word.answers:
                self._learn(each.round, seat, each.first)

    def all(self) -> Answers:
        """Go on until nothing new follows."""
        before = -1
        while before != (now := sum(each is not None for row in self.known for each in row)):
            before = now
            for at in range(len(self.heard)):
                for seat, quantity in self._fitting(at):
                    self._learn(at, seat, quantity)
        return self.known

    def _learn(self, at: int, seat: int, quantity: int) -> None:
        """Take an answer in, and what it says of the same seat's others."""
        self.known[at][seat] = quantity
        price, most = self.prices[at], self.most[seat]
        if self._moves(quantity, most):
            self._solve(seat, price, quantity)
        for other, there in enumerate(self.prices):
            if (quantity == most and there < price) or (not quantity and there > price):
                self.known[other][seat] = quantity

    def _solve(self, seat: int, price: int, quantity: int) -> None:
        margin = margin_at(self.terms, price, quantity)
        if margin is None:
            return
        self.margins[seat] = margin
        for other, own in enumerate(honest(self.terms, self.members[seat], margin, self.prices)):
            self.known[other][seat] = own.quantity

    def _moves(self, quantity: int, most: int) -> bool:
        return self.terms.concept != CLOCK and 0 < quantity < most

    def _fitting(self, at: int) -> Iterator[tuple[int, int]]:
        """The answers that are the same in all ways in which a round's sums come about."""
        given, heard = self.known[at], self.heard[at]
        open_seats = [seat for seat, each in enumerate(given) if each is None]
        known = [(each, self.most[seat]) for seat, each in enumerate(given) if each is not None]
        rest = heard.first - sum(each for each, _ in known)
        moving = heard.second - sum(self._moves(*each) for each in known)
        ways = list(self._ways(open_seats, rest, moving))
        for place, seat in enumerate(open_seats):
            found = {way[place] for way in ways}
            if len(found) == 1 and (quantity := found.pop()) is not None:
                yield seat, quantity

    def _ways(
        self, seats: Sequence[int], rest: int, moving: int
    ) -> Iterator[tuple[int | None, ...]]:
        """How these seats can have answered together; None for one of several that move."""
        if len(seats) == 1:
            yield (rest,)
            return
        if rest == 0:
            yield (0,) * len(seats)
            return
        states = (0, 1) if moving == 0 else (0, 1, None)
        if len(states) ** len(seats) > _MOST_CASES:
            return
        for way in product(states, repeat=len(seats)):
            if way.count(None) != moving:
                continue
            most = [self.most[seat] for seat in seats]
            said = [None if each is None else each * it for each, it in zip(way, most, strict=True)]
            left = rest - sum(each or 0 for each in said)
            free = sum(it for each, it in zip(said, most, strict=True) if each is None)
            if moving == 0 and left == 0:
                yield tuple(said)
            elif 0 < left < free:
                yield tuple(left if each is None and moving == 1 else each for each in said)
