"""What a member says when the supplier of a masked session asks who lied (`blame`)."""

from fabmarket.identity import Domain, digest, is_by
from fabmarket.identity.masks import seat_address
from fabmarket.market.masked import (
    AnswersProved,
    Dispute,
    PadsShown,
    PairShown,
    SeatWord,
)
from fabmarket.negotiation.course import InvalidMove
from fabmarket.negotiation.masked.blame import (
    check_pads,
    context_of,
    falling_of,
    pads_of,
    pair_of,
    proof_of,
)
from fabmarket.negotiation.masked.cards import key_of, most_wanted
from fabmarket.negotiation.masked.seat import MaskedSeated, opened_of


def to_inquiry(seated: MaskedSeated, at: int, domain: Domain, secret: bytes) -> SeatWord:
    """Return what the seat at this place of ours says to the inquiry."""
    rounds = () if seated.inquiry is None else seated.inquiry.rounds
    if rounds:
        return _proved(seated, at, rounds, secret)
    seat, mask = seated.seats[at], seated.masks[at]
    pads = pads_of(mask.pair_keys, seated.id, seat.index, seated.last_digest)
    consent = key_of(secret, mask.offer).sign(digest(domain, pads))
    return PadsShown(seat.member.demander, pads, consent)


def to_dispute(
    seated: MaskedSeated, at: int, dispute: Dispute, domain: Domain, secret: bytes
) -> PairShown | None:
    """Return the point that the seat at this place of ours shares with the one whose word on their
    pad is another; None if the dispute is not about ours.

    InvalidMove where there is none: then nothing must be opened.
    """
    seat, mask = seated.seats[at], seated.masks[at]
    seats = [each.seat for each in dispute.pads]
    if len(seats) != 2 or len(set(seats)) != 2 or len(dispute.consents) != 2:
        raise InvalidMove("a dispute of others than two seats")
    if seat.index not in seats:
        return None
    theirs, consent = next(
        each
        for each in zip(dispute.pads, dispute.consents, strict=True)
        if each[0].seat != seat.index
    )
    cards = seated.opening.cards
    if theirs.seat >= len(cards) or (theirs.session, theirs.quote) != (
        seated.id,
        seated.last_digest,
    ):
        raise InvalidMove("a dispute about another session or quote")
    other = cards[theirs.seat].mask_key
    if not is_by(seat_address(other), digest(domain, theirs), consent):
        raise InvalidMove("a word that its one-time key has not signed")
    check_pads(theirs, len(cards))
    mine = pads_of(mask.pair_keys, seated.id, seat.index, seated.last_digest)
    key = key_of(secret, mask.offer)
    pair = pair_of(key, mine, theirs, other, secret)
    return PairShown(seat.member.demander, pair, key.sign(digest(domain, pair)))


def _proved(seated: MaskedSeated, at: int, rounds: tuple[int, ...], secret: bytes) -> AnswersProved:
    terms, seat = seated.opening.terms, seated.seats[at]
    most = most_wanted(terms, seat.member.quantity)
    proofs, shown = [], []
    for number in rounds:
        opened = opened_of(seated, at, number, secret)
        context = context_of(seated.id, seat.index, seated.quoted[number])
        proof, blind = proof_of(terms, opened, most, context, secret)
        proofs.append(proof)
        shown.append((opened.first, blind))
    falling = b""
    if len(shown) == 2:
        context = context_of(seated.id, seat.index, seated.last_digest)
        falling = falling_of(shown[0], shown[1], context, secret)
    place = seat.member.demander, seated.id, seat.index, seated.last_digest
    return AnswersProved(*place, tuple(proofs), falling)
