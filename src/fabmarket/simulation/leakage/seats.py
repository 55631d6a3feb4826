"""What members of a run's sessions kept to themselves: their margins, and their masked seats.

A demonstration runs all members and so knows it. Attacks are scored against it; a row says what of
it an attacker is given.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from math import ceil

from fabmarket.errors import Bug
from fabmarket.identity import Domain, digest
from fabmarket.identity.masks import ORDER, MaskKey, pad
from fabmarket.market.masked import Card, MaskedAnswer, MaskedQuote, MaskedReply
from fabmarket.market.messages import Member, Place, PriceTerms, Selection
from fabmarket.market.units import MICRO
from fabmarket.negotiation.course import CLOCK, moves, rule_of
from fabmarket.negotiation.drawing import drawn
from fabmarket.negotiation.hosting import Hosted
from fabmarket.negotiation.masked.cards import key_of, most_wanted
from fabmarket.negotiation.masked.hosted import MaskedHosted
from fabmarket.negotiation.masked.seat import (
    MaskedSeated,
    Sitting,
    answer,
    follow,
    sit_down,
    take_seats,
)
from fabmarket.negotiation.seat import Own, Seat, wish
from fabmarket.node import evidence_of
from fabmarket.scenario import deposit_of
from fabmarket.simulation.outcome import Outcome

ROOMS = 8
"""Masked sessions of a run whose seats are rebuilt: enough to measure, and soon done."""
_MOST_DRAWS = 1000
"""Far more than a demander draws in a run: one for each beat at which it sits masked."""


@dataclass(frozen=True)
class Sat:
    """A seat of a masked session as its member had it.

    `asked` is its session as it had heard each quote, `answered` as it had then answered. A unit is
    worth `margin` to it, base units; its one-time key follows from `secret` and `offer`.
    """

    margin: int
    secret: bytes
    offer: bytes
    asked: tuple[MaskedSeated, ...]
    answered: tuple[MaskedSeated, ...]

    @property
    def key(self) -> MaskKey:
        """Its one-time key."""
        return key_of(self.secret, self.offer)

    @property
    def pair_keys(self) -> tuple[bytes, ...]:
        """What it shares with each other seat, by seat."""
        return self.asked[0].masks[0].pair_keys

    @property
    def answers(self) -> tuple[Own, ...]:
        """What it answered under its pads."""
        return self.answered[-1].seats[0].answers


@dataclass(frozen=True)
class Room:
    """A masked session with the supplier's view of it and all its seats, in order."""

    hosted: MaskedHosted
    domain: Domain
    seats: tuple[Sat, ...]

    @property
    def terms(self) -> PriceTerms:
        """The terms of its price."""
        return self.hosted.opening.terms

    def number(self, at: int, seat: int) -> MaskedAnswer:
        """Return the masked answer of a seat in a round, as all see it who forward it."""
        return self.hosted.rounds[at].answers[seat].answer

    def most(self, seat: int) -> int:
        """Return the most that a seat can answer."""
        return most_wanted(self.terms, self.hosted.members[seat].quantity)

    def some(self, most: int) -> list[int]:
        """Return at most so many seats, spread over the roster."""
        count = len(self.seats)
        return sorted({at * count // min(count, most) for at in range(min(count, most))})


def sessions_of(outcome: Outcome) -> Iterator[tuple[Hosted | MaskedHosted, list[int]]]:
    """Yield each session that is no bargain, from its supplier, with its seats' margins."""
    for shown in outcome.talks:
        talk = shown.talk
        if isinstance(talk, Hosted | MaskedHosted):
            resource = outcome.listed[talk.opening.listing].resource
            wants = [outcome.wants[member.sub_task][1] for member in talk.members]
            yield talk, [want.choice(resource).margin for want in wants]


@lru_cache(maxsize=2)
def rooms_of(outcome: Outcome) -> tuple[Room, ...]:
    """Return the run's first ROOMS masked sessions in which all answered a quote.

    Their seats are built anew from the members' journals and secrets, by the code that sat there,
    and have answered the same.
    """
    rooms: list[Room] = []
    for talk, margins in sessions_of(outcome):
        if isinstance(talk, MaskedHosted) and talk.heard and len(rooms) < ROOMS:
            rooms.append(_room(outcome, talk, margins))
    return tuple(rooms)


def honest(
    terms: PriceTerms, member: Member, margin: int, prices: Sequence[int]
) -> tuple[Own, ...]:
    """Return what a seat of this margin, and with money enough, answers to these prices."""
    seat = Seat(member.sub_task, 0, member, worth(terms, member, margin))
    for price in prices:
        wanted, exits = wish(terms, seat, margin, price)
        moving = 0 if terms.concept == CLOCK else int(moves(member, wanted))
        own = Own(price, wanted, moving, b"", exits)
        seat = replace(seat, answers=(*seat.answers, own))
    return seat.answers


def worth(terms: PriceTerms, member: Member, margin: int) -> int:
    """Return what all that a seat can get is worth to it, base units; in a run it has as much."""
    return min(member.quantity, terms.capacity) * margin


def margin_at(terms: PriceTerms, price: int, quantity: int) -> int | None:
    """Return the least whole margin at which an answer that moves is so many micro-units.

    It solves c = p + s·y, y rounded down to micro-units. None if no whole margin answers so.
    """
    slope = Fraction(rule_of(terms).slope)
    least = ceil(price + slope * Fraction(quantity, MICRO))
    return least if least < price + slope * Fraction(quantity + 1, MICRO) else None


def unmasked(said: MaskedAnswer, pair_keys: Mapping[int, bytes]) -> int:
    """Return the first number of a masked answer without the pads that these pair keys make."""
    first = said.first
    for other, pair_key in pair_keys.items():
        share = pad(pair_key, said.quote)[0]
        first -= share if said.seat < other else -share
    return first % ORDER


def blind_margin(outcome: Outcome) -> float:
    """Return how often who knows no more than the chain names a margin: any from 1 up to what is
    deposited is as good.
    """
    return 1 / deposit_of(outcome.scenario)


def blind_answer(truths: Sequence[tuple[int, int]]) -> float:
    """Return how often one word for all hits answers: "nothing", or "as much as I can".

    Each is the most that could be answered, and what was.
    """
    nothing = sum(not quantity for _, quantity in truths)
    everything = sum(quantity == most for most, quantity in truths)
    return max(nothing, everything) / max(1, len(truths))


def _room(outcome: Outcome, hosted: MaskedHosted, margins: Sequence[int]) -> Room:
    domain = outcome.market.domain
    seats: list[Sat] = []
    told = {
        address: _told(outcome, address, hosted.id)
        for address in {member.demander for member in hosted.members}
    }
    for at, margin in enumerate(margins):
        member = hosted.members[at]
        chosen, quotes = told[member.demander]
        selection = chosen[member.selection]
        seat = Seat(member.sub_task, at, member, worth(hosted.opening.terms, member, margin))
        secret = _secret(outcome, member.demander, hosted.opening.cards[at], selection.offer)
        if seats:  # the opening is checked once, not by each
            begun = replace(seats[0].asked[0], seats=(seat,), quoted=(), last=None)
        else:
            ours = [Sitting(seat, request) for request in selection.masked]
            begun = take_seats(hosted.opening, hosted.id, domain, ours)
        begun = sit_down(begun, secret, [selection.offer])
        seats.append(
            _played(hosted, domain, Sat(margin, secret, selection.offer, (), ()), begun, quotes)
        )
    return Room(hosted, domain, tuple(seats))


def _secret(outcome: Outcome, demander: str, card: Card, offer: bytes) -> bytes:
    """What a member's one-time key was made of, which it has forgotten: drawn once more."""
    (party,) = (each for each in outcome.parties.demanders if each.address == demander)
    source = party.source(outcome.market.domain)
    for _ in range(_MOST_DRAWS):
        secret, source = drawn(source)
        if key_of(secret, offer).public == card.mask_key:
            return secret
    raise Bug("a card of another source than its member's")


Told = tuple[dict[bytes, Selection], list[tuple[MaskedQuote, tuple[Place, ...]]]]
"""A member's selections by digest, and the quotes that it got, with its places."""


def _told(outcome: Outcome, address: str, session: bytes) -> Told:
    evidence = evidence_of(outcome.journals[address], session)
    chosen, quotes = {}, []
    for each in evidence.envelopes:
        match each.message:
            case Selection() as selection:
                chosen[digest(evidence.domain, selection)] = selection
            case MaskedQuote() as quote:
                quotes.append((quote, each.places))
    return chosen, quotes


def _played(
    hosted: MaskedHosted,
    domain: Domain,
    sat: Sat,
    seated: MaskedSeated,
    quotes: Sequence[tuple[MaskedQuote, tuple[Place, ...]]],
) -> Sat:
    """The seat once it has answered all quotes of the run, as it did there."""
    (seat,) = seated.seats
    asked, answered = [], []
    for number in range(len(hosted.heard)):
        quote, places = quotes[number]
        own = tuple(place for place in places if place.seat == seat.index)
        seated = follow(seated, quote, hosted.rounds[number].digest, own)
        asked.append(seated)
        seated, reply = answer(seated, 0, sat.margin, domain, sat.secret)
        answered.append(seated)
        _require_same(reply, hosted.rounds[number].answers[seat.index].answer)
    return replace(sat, asked=tuple(asked), answered=tuple(answered))


def _require_same(reply: MaskedReply, said: MaskedAnswer) -> None:
    if reply.answer != said:
        raise Bug(f"seat {said.seat} is built anew and answers something else")
