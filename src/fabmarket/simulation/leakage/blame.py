"""Attacks on what seats show when the supplier asks who lied, though nobody did."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain

from fabmarket.errors import Bug
from fabmarket.identity import digest
from fabmarket.identity.masks import G, inverse, pair_key_of, product, times
from fabmarket.market.masked import (
    AnswersProved,
    Dispute,
    Inquiry,
    MaskedAnswer,
    PadsShown,
    PairShown,
)
from fabmarket.market.messages import PriceTerms
from fabmarket.market.units import MICRO, floor_int
from fabmarket.negotiation.course import CLOCK, limit_of, rule_of
from fabmarket.negotiation.masked.asked import to_dispute, to_inquiry
from fabmarket.negotiation.masked.blame import pads_of
from fabmarket.negotiation.masked.seat import MaskedSeated, follow
from fabmarket.simulation.leakage.answers import Try, share
from fabmarket.simulation.leakage.rows import Leak
from fabmarket.simulation.leakage.seats import Room, blind_answer, rooms_of, unmasked
from fabmarket.simulation.outcome import Outcome

_ACCUSED = 5
"""Seats of a session that are accused, one after the other."""
_TRIED = 200
"""Answers that are tried against what is shown."""


def accused(protected: Outcome, bare: Outcome) -> Leak | None:
    """The supplier, and with it all who read its evidence, accuse an honest seat.

    It is asked for its pads in one world and for proofs in another, and the supplier's own seat
    disputes the pad that they share. The attack takes that one pad off the seat's answer, and tries
    likely answers against the commitments that were shown: nothing but their blinds stands
    against that. The control is blame as it must not be: all the seat's pads in clear.
    """
    tries: list[Try] = []
    alone: list[Try] = []
    truths = []
    for room in rooms_of(protected):
        at = len(room.hosted.heard) - 1
        for seat in room.some(_ACCUSED):
            said, true = room.number(at, seat), room.seats[seat].answers[at].quantity
            shown = shown_by(room, seat)
            likely = _likely(room, seat)
            tries.append((guessed(said, shown, room.most(seat), likely), true))
            alone.append((unmasked(said, _all_pads(room, seat)), true))
            truths.append((room.most(seat), true))
    if not tries:
        return None
    return Leak(
        viewer="the supplier, and who reads its evidence",
        attack="accuses an honest seat, and reads what it shows",
        sought="what the accused seat answered",
        tries=len(tries),
        success=share(tries),
        guessing=blind_answer(truths),
        control=share(alone),
        unlike="its pads themselves are shown",
    )


@dataclass(frozen=True)
class Shown:
    """What an accused seat says: commitments to its pads, one shared point, proofs."""

    pads: PadsShown
    pair: PairShown
    proofs: AnswersProved


def shown_by(room: Room, seat: int) -> Shown:
    """What an honest seat says to both inquiries and to a dispute that a lie of the next makes."""
    sat = room.seats[seat]
    last = sat.answered[-1]
    words = []
    for rounds in ((), (len(last.quoted) - 1,)):
        asked = _asked(last, rounds)
        words.append((asked, to_inquiry(asked, 0, room.domain, sat.secret)))
    (asked, pads), (_, proofs) = words
    if not isinstance(pads, PadsShown) or not isinstance(proofs, AnswersProved):
        raise Bug("an inquiry is answered with something else")
    dispute = _dispute(room, pads, (seat + 1) % len(room.seats))
    asked = follow(asked, dispute, digest(room.domain, dispute), ())
    pair = to_dispute(asked, 0, dispute, room.domain, sat.secret)
    if pair is None:
        raise Bug("a dispute about somebody else")
    return Shown(pads, pair, proofs)


def _asked(last: MaskedSeated, rounds: tuple[int, ...]) -> MaskedSeated:
    inquiry = Inquiry(last.opening.supplier, last.id, last.last_digest, rounds)
    return follow(last, inquiry, bytes(32), ())


def _dispute(room: Room, pads: PadsShown, liar: int) -> Dispute:
    """A dispute over the pad of which the supplier's own seat, the liar, says something else."""
    sat, seat = room.seats[liar], pads.pads.seat
    last = sat.answered[-1]
    word = pads_of(sat.pair_keys, last.id, liar, last.last_digest)
    false = list(word.commitments)
    false[seat] = product([false[seat], G])
    word = replace(word, commitments=tuple(false))
    consent = sat.key.sign(digest(room.domain, word))
    place = last.opening.supplier, last.id, last.last_digest
    return Dispute(*place, (pads.pads, word), (pads.consent, consent))


def guessed(said: MaskedAnswer, shown: Shown, most: int, likely: Iterable[int]) -> int | None:
    """What the attack says that the seat answered; None for nothing."""
    pair = shown.pair.pair
    rest = unmasked(said, {pair.other: pair_key_of(pair.point)})
    if rest <= most:
        return rest
    commitments = shown.pads.pads.commitments
    parts = [
        each if said.seat < at else inverse(each)
        for at, each in enumerate(commitments)
        if at != said.seat
    ]
    hidden = product(parts)
    wanted = shown.proofs.proofs[0].wanted
    for quantity in likely:
        if times(G, said.first - quantity) == hidden or times(G, quantity) == wanted:
            return quantity
    return None


def _likely(room: Room, seat: int) -> Iterable[int]:
    """Answers that the supplier thinks likely: nothing, all, and those of whole margins."""
    member, price = room.hosted.members[seat], room.hosted.heard[-1].price
    return chain((0, room.most(seat)), _between(room.terms, limit_of(member), price))


def _between(terms: PriceTerms, limit: Fraction | float, price: int) -> Iterable[int]:
    if terms.concept == CLOCK:
        return range(1, _TRIED)
    rule = rule_of(terms)
    margins = range(price + 1, price + _TRIED)
    return (
        floor_int(rule.demand_at(Fraction(margin), limit, Fraction(price)) * MICRO)
        for margin in margins
    )


def _all_pads(room: Room, seat: int) -> Mapping[int, bytes]:
    """What makes all pads of a seat."""
    return {at: key for at, key in enumerate(room.seats[seat].pair_keys) if at != seat}
