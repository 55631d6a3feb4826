"""Who lied, where the sums of a masked session are none, found without opening anybody's answer.

- The sums do not open the commitments: each seat shows commitments to its pads. A seat whose answer
  is not its commitment under these pads lied. If all are, two seats say different things of the pad
  that they share: both open the point that makes it, and one of them lied.
- The sums open, and are more than all seats can want, or rise with the price: each seat proves that
  its answers were possible. Who cannot, lied.

Commitments hide what they commit to, the proofs tell nothing else, and what a pair of seats shares
is opened only where one of the two has lied about it, and so could have told it anyway.
"""

from __future__ import annotations  # HashTrieMap takes no parameters when it runs

from collections.abc import Sequence
from dataclasses import dataclass, field

from rpds import HashTrieMap

from fabmarket.errors import Bug
from fabmarket.identity.masks import (
    ORDER,
    BadPoint,
    G,
    H,
    J,
    MaskKey,
    check_point,
    commitment,
    inverse,
    number,
    pad,
    pair_key_of,
    product,
    times,
)
from fabmarket.identity.proofs import (
    is_bit,
    is_equal,
    is_in_range,
    prove_bit,
    prove_equal,
    prove_range,
)
from fabmarket.market.masked import (
    AnswerProof,
    AnswersProved,
    Card,
    MaskedAnswer,
    Opened,
    Pads,
    Pair,
)
from fabmarket.market.messages import PriceTerms
from fabmarket.negotiation.course import CLOCK, InvalidMove


@dataclass(frozen=True)
class Words:
    """What seats said to an inquiry, by seat: with the one-time key's signature, or whether it is
    a proof.

    `disputed` are the two seats whose words on their pad differ, once there are any.
    """

    rounds: tuple[int, ...]
    pads: HashTrieMap[int, tuple[Pads, bytes]] = field(default_factory=HashTrieMap)
    disputed: tuple[int, ...] = ()
    pairs: HashTrieMap[int, Pair] = field(default_factory=HashTrieMap)
    proved: HashTrieMap[int, bool] = field(default_factory=HashTrieMap)


# What a member says


def pads_of(pair_keys: Sequence[bytes], session: bytes, seat: int, quote: bytes) -> Pads:
    """Return a seat's commitments to its pads for a quote."""
    shown = (b"" if at == seat else _pad(key, quote) for at, key in enumerate(pair_keys))
    return Pads(session, seat, quote, tuple(shown))


def pair_of(key: MaskKey, mine: Pads, theirs: Pads, other: bytes, secret: bytes) -> Pair:
    """Return the point that we share with a seat that says something else of our pad.

    InvalidMove where it says the same. `other` is its one-time key, whose signature of `theirs` has
    been checked.
    """
    if theirs.commitments[mine.seat] == mine.commitments[theirs.seat]:
        raise InvalidMove("a dispute over what both say alike")
    place = (mine.session, mine.quote, mine.seat, theirs.seat)
    proof = prove_equal(key.reveal(), other, _context(*place), secret)
    return Pair(*place, key.shared_point(other), proof)


def proof_of(
    terms: PriceTerms, opened: Opened, most: int, context: bytes, secret: bytes
) -> tuple[AnswerProof, int]:
    """Return the proof that an answer was possible, and the blind of what it shows of it.

    `most` is the most that the seat can answer.
    """
    blind = number(secret, b"wanted", context)
    rest = (opened.blind - blind) % ORDER
    wanted = product([times(G, opened.first), times(H, blind)])
    if terms.concept == CLOCK:
        shown = rest.to_bytes(32, "big")
    else:
        shown = prove_bit(J, opened.second, rest, context, secret)
    least = prove_range(opened.first, blind, context + b"least", secret)
    up_to = prove_range(most - opened.first, -blind, context + b"most", secret)
    return AnswerProof(opened.round, wanted, shown, least, up_to), blind


def falling_of(
    cheap: tuple[int, int], dear: tuple[int, int], context: bytes, secret: bytes
) -> bytes:
    """Return the proof that no more was wanted at the higher price; each is (wanted, blind)."""
    return prove_range(cheap[0] - dear[0], cheap[1] - dear[1], context + b"falling", secret)


def context_of(session: bytes, seat: int, quote: bytes) -> bytes:
    """Return what binds a proof to the seat's answer to a quote."""
    return session + seat.to_bytes(4, "big") + quote


# What follows from it


def check_pads(pads: Pads, seats: int) -> None:
    """Raise InvalidMove unless a seat shows one commitment for each other seat."""
    if len(pads.commitments) != seats or pads.commitments[pads.seat]:
        raise InvalidMove("pads that are not with each other seat")
    try:
        for at, each in enumerate(pads.commitments):
            if at != pads.seat:
                check_point(each)
    except BadPoint as error:
        raise InvalidMove(str(error)) from error


def is_consistent(answer: MaskedAnswer, pads: Pads) -> bool:
    """Whether an answer is its commitment under the pads that its seat shows."""
    shares = [
        each if answer.seat < at else inverse(each)
        for at, each in enumerate(pads.commitments)
        if at != answer.seat
    ]
    masked = commitment(answer.first, answer.second, answer.blind)
    return masked == product([answer.commitment, *shares])


def first_dispute(pads: Sequence[Pads]) -> tuple[int, int]:
    """Return the first two seats whose words on their pad differ. `pads` are by seat."""
    for one in pads:
        for other in pads[one.seat + 1 :]:
            if one.commitments[other.seat] != other.commitments[one.seat]:
                return one.seat, other.seat
    raise Bug("pads on which all agree, and which do not cancel")


def liars_of(cards: Sequence[Card], words: Words) -> tuple[int, ...]:
    """Return who lied in a dispute, from the points that were opened: whoever opened another than
    the two keys make, and whoever committed to another pad than that point makes.
    """
    liars: set[int] = set()
    for seat, pair in words.pairs.items():
        place = (pair.session, pair.quote, seat, pair.other)
        keys = cards[seat].mask_key, cards[pair.other].mask_key
        if not is_equal(*keys, pair.point, pair.proof, _context(*place)):
            liars.add(seat)
            continue
        due = _pad(pair_key_of(pair.point), pair.quote)
        for one, other in ((seat, pair.other), (pair.other, seat)):
            if words.pads[one][0].commitments[other] != due:
                liars.add(one)
    return tuple(sorted(liars))


def is_proved(
    terms: PriceTerms, given: Sequence[MaskedAnswer], most: int, word: AnswersProved
) -> bool:
    """Whether a seat proves that its answers were possible; `given` are those asked about, the one
    at the lower price first.
    """
    wanted = []
    for answer, proof in zip(given, word.proofs, strict=True):
        context = context_of(answer.session, answer.seat, answer.quote)
        if not _is_possible(terms, answer, most, proof, context):
            return False
        wanted.append(proof.wanted)
    if len(wanted) < 2:
        return word.falling == b""
    context = context_of(word.session, word.seat, word.quote)
    fall = product([wanted[0], inverse(wanted[1])])
    return is_in_range(fall, word.falling, context + b"falling")


def _is_possible(
    terms: PriceTerms, answer: MaskedAnswer, most: int, proof: AnswerProof, context: bytes
) -> bool:
    try:
        rest = product([answer.commitment, inverse(proof.wanted)])
        up_to = product([times(G, most), inverse(proof.wanted)])
    except BadPoint:
        return False
    if terms.concept == CLOCK:
        is_nothing = len(proof.rest) == 32 and times(H, int.from_bytes(proof.rest, "big")) == rest
    else:
        is_nothing = proof.rest[:33] == rest and is_bit(J, proof.rest, context)
    return (
        is_nothing
        and is_in_range(proof.wanted, proof.least, context + b"least")
        and is_in_range(up_to, proof.most, context + b"most")
    )


def _pad(pair_key: bytes, quote: bytes) -> bytes:
    return commitment(*pad(pair_key, quote))


def _context(session: bytes, quote: bytes, seat: int, other: int) -> bytes:
    return context_of(session, seat, quote) + other.to_bytes(4, "big")
