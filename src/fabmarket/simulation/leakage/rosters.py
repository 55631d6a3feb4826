"""Attacks of a supplier that says two things: two rosters of a listing, two quotes in a round."""

from collections import Counter
from dataclasses import replace

from fabmarket.errors import Bug
from fabmarket.identity import digest
from fabmarket.identity.codec import decode, encode
from fabmarket.identity.masks import ORDER, MaskKey, number
from fabmarket.market.masked import Card, MaskedQuote, SeatRequest, SeatText
from fabmarket.market.masked_sums import answer_leaf, masked_added
from fabmarket.market.messages import MaskedOpening, Place
from fabmarket.market.sums import tree_of
from fabmarket.negotiation import demander
from fabmarket.negotiation.demander import DemanderState
from fabmarket.negotiation.masked.hosting import seated
from fabmarket.negotiation.masked.seat import MaskedSeated, Sitting, answer, follow, take_seats
from fabmarket.node import Answer, Journal, Participant
from fabmarket.node.envelope import Envelope, seal
from fabmarket.simulation.leakage.answers import Try, share
from fabmarket.simulation.leakage.rows import Leak
from fabmarket.simulation.leakage.seats import Room, Sat, blind_answer, rooms_of, unmasked
from fabmarket.simulation.outcome import Outcome

_VICTIMS = 3
"""Seats of a session that are left out, one after the other."""


# Two rosters


def two_rosters(protected: Outcome, bare: Outcome) -> Leak | None:
    """The supplier opens a second masked session of a listing, a seat of its own in place of one.

    The others' cards hold for it too. If they answered it, its first sum and the first one's, at
    the same price, would differ by the one that is left out, and by what the supplier's own seat
    says. It is sent to the participants as they are, from their journals; the control are their
    seats without the rule by which they refuse it.
    """
    tries: list[Try] = []
    alone: list[Try] = []
    truths, words = [], Counter[str]()
    for room in rooms_of(protected):
        members = _participants(protected, room)
        for victim in room.some(_VICTIMS):
            own = MaskKey(number(room.hosted.id, b"the supplier's own", bytes([victim])))
            opening = _without(room, victim, own)
            refused = _refusals(protected, room, opening, victim, members)
            words.update(refused)
            named = _left_out(room, opening, victim, own)
            true = room.seats[victim].answers[0].quantity
            tries.append((None if refused else named, true))
            alone.append((named, true))
            truths.append((room.most(victim), true))
    if not tries:
        return None
    reasons = ", ".join(sorted(words))
    return Leak(
        viewer="the supplier",
        attack="opens a second session without one, and subtracts",
        sought="what the one left out wants",
        tries=len(tries),
        success=share(tries),
        guessing=blind_answer(truths),
        control=share(alone),
        note=f"refused: {reasons}",
        unlike="members without that rule",
    )


Members = dict[str, Participant[DemanderState]]


def _participants(outcome: Outcome, room: Room) -> Members:
    """A copy of each member as it stands at the end of the run."""
    members = {}
    for party in outcome.parties.demanders:
        if party.address in {member.demander for member in room.hosted.members}:
            journal = Journal.restored(outcome.journals[party.address].dump())
            kept = journal.about("state")
            if kept is None:
                raise Bug("a member without a state")
            state = decode(DemanderState, kept)
            members[party.address] = Participant(
                party.key, room.domain, demander.step, state, journal
            )
    return members


def _without(room: Room, victim: int, own: MaskKey) -> MaskedOpening:
    """The opening with a seat of the supplier's own in the place of one, as large a demand."""
    first = room.hosted.opening
    text = SeatText(first.supplier, first.listing, first.ends, own.public)
    cards = list(first.cards)
    cards[victim] = Card(own.public, own.sign(digest(room.domain, text)))
    return replace(first, cards=tuple(cards))


def _refusals(
    outcome: Outcome, room: Room, opening: MaskedOpening, victim: int, members: Members
) -> list[str]:
    """Why members do not take the opening that the supplier has signed; nothing of who does."""
    (supplier,) = (it for it in outcome.parties.suppliers if it.address == opening.supplier)
    _, signature = seal(supplier.key, room.domain, opening)
    refused = []
    for address, places in seated(room.hosted.members):
        own = tuple(place for place in places if place.seat != victim)
        if own:
            heard = members[address].receive(encode(Envelope(opening, signature, own)))
            if heard.answer is not Answer.TAKEN:
                refused.append(heard.reason)
    return refused


def _left_out(room: Room, opening: MaskedOpening, victim: int, own: MaskKey) -> int:
    """What the supplier says that a seat wants which is in the first roster and not the second."""
    others = [sat for seat, sat in enumerate(room.seats) if seat != victim]
    begun = _taken(room, opening, others[0])
    key = begun.id
    quote = MaskedQuote(
        opening.supplier, key, 0, key, bytes(32), 0, 0, 0, begun.course.price, final=False
    )
    second = 0
    for sat in others:
        (mask,), (seat,) = sat.asked[0].masks, sat.asked[0].seats
        keys = list(sat.pair_keys)
        keys[victim] = sat.key.pair_key(own.public)
        mask = replace(mask, pair_keys=tuple(keys))
        at = replace(begun, seats=(seat,), masks=(mask,))
        at = follow(at, quote, digest(room.domain, quote), ())
        _, reply = answer(at, 0, sat.margin, room.domain, sat.secret)
        shared = {victim: own.pair_key(sat.key.public)}
        second += unmasked(reply.answer, shared)  # the pads with its own seat it knows
    return (room.hosted.heard[0].first - second) % ORDER


def _taken(room: Room, opening: MaskedOpening, sat: Sat) -> MaskedSeated:
    """The session that a seat takes part in, with everything checked but whether it is a second."""
    (seat,) = sat.asked[0].seats
    request = SeatRequest(opening.cards[seat.index], opening.terms.least, open=False)
    return take_seats(opening, digest(room.domain, opening), room.domain, [Sitting(seat, request)])


# Two quotes


def two_quotes(protected: Outcome, bare: Outcome) -> Leak | None:
    """The supplier shows one half of the roster another quote of a round than the other half.

    Both have the sums and the price that must follow, and another root: of a leaf that is not its
    own a member checks no more than that it is counted. So both halves answer; but their pads are
    made of different words. The control is the sum of the same answers to one quote.
    """
    tries: list[Try] = []
    alone: list[Try] = []
    for room in rooms_of(protected):
        everyone = range(len(room.seats))
        for at in range(1, len(room.hosted.heard)):
            half = len(room.seats) // 2
            to_one = [room.number(at, seat).first for seat in everyone]
            to_two = to_one[:half] + _answers_to_another(room, at, half)
            true = room.hosted.heard[at].first
            tries.append((sum(to_two) % ORDER, true))
            alone.append((sum(to_one) % ORDER, true))
    if not tries:
        return None
    return Leak(
        viewer="the supplier",
        attack="shows two halves two quotes, and adds up",
        sought="what all want together",
        tries=len(tries),
        success=share(tries),
        guessing=0.0,
        control=share(alone),
        unlike="one quote for both, so that the pads cancel",
    )


def _answers_to_another(room: Room, at: int, half: int) -> list[int]:
    """The numbers with which the second half answers its own quote of a round."""
    leaves = []
    for seat, masked in sorted(room.hosted.rounds[at - 1].answers.items()):
        said = masked.answer
        shown = masked.digest if seat else bytes(32)  # seat 0 is in the other half
        numbers = said.first, said.second, said.blind
        leaves.append(answer_leaf(seat, shown, numbers, said.commitment))
    root, paths = tree_of(leaves, masked_added)
    quote = replace(room.hosted.rounds[at].quote, tree=root.hash)
    key, given = digest(room.domain, quote), []
    for seat, sat in enumerate(room.seats[half:], start=half):
        selection = room.hosted.members[seat].selection
        own = (Place(seat, selection, 0, 0, paths[seat]),)
        heard = follow(sat.answered[at - 1], quote, key, own)
        _, reply = answer(heard, 0, sat.margin, room.domain, sat.secret)
        given.append(reply.answer.first)
    return given
