"""A masked session played again from its evidence.

A supplier's file holds all masked answers and what seats opened to it: sums, price and awards are
worked out anew. A member's holds its own answers, what it opened itself, and the supplier's words:
that it was counted, that the sums open the commitments, that price and award follow. What others
answered neither shows, but for what the supplier was opened.
"""

from collections.abc import Sequence

from fabmarket.identity import Domain, digest
from fabmarket.market.masked import (
    AnswersProved,
    Dispute,
    Inquiry,
    MaskedAbort,
    MaskedClose,
    MaskedQuote,
    MaskedReply,
    PadsShown,
    PairShown,
    SeatRequest,
    Unmasking,
)
from fabmarket.market.messages import MaskedOpening, Member
from fabmarket.negotiation.course import InvalidMove
from fabmarket.negotiation.masked import hosting, seat
from fabmarket.negotiation.masked.hosted import MaskedHosted
from fabmarket.negotiation.masked.seat import MaskedSeated, Sitting
from fabmarket.negotiation.seat import Seat, SecondWord
from fabmarket.node.checking import Signed, require_places

Unheard = tuple[int, bytes, bytes]
"""A seat, what it opened, and the close that says it did not, by digest."""


def hosted_again(
    opening: MaskedOpening,
    key: bytes,
    domain: Domain,
    members: Sequence[Member],
    signed: Sequence[Signed],
) -> MaskedHosted:
    """Return a session as its supplier's messages show it. InvalidMove where they do not fit."""
    session = hosting.host(opening, key, tuple(members), domain)
    for envelope, its_key in signed:
        match envelope.message:
            case MaskedReply() | Unmasking() | PadsShown() | PairShown() | AnswersProved() as said:
                session = hosting.heard(session, said, domain)
            case MaskedQuote() | MaskedClose() | Inquiry() | Dispute() | MaskedAbort() as word:
                due = hosting.next_word(session, time_up=True)  # or nobody was silent
                if due is None or due.message != word:
                    raise InvalidMove(f"{type(word).__name__} 0x{its_key.hex()} does not follow")
                require_places(envelope, hosting.addressed(session, due))
                session = hosting.said(session, due, its_key)
    return session


def seated_again(
    opening: MaskedOpening,
    key: bytes,
    domain: Domain,
    seats: Sequence[tuple[Seat, SeatRequest]],
    signed: Sequence[Signed],
) -> tuple[MaskedSeated, tuple[Unheard, ...]]:
    """Return a session as a member's messages show it, and its seats that were dropped in spite of
    what they opened. InvalidMove where the messages do not fit.
    """
    session = seat.take_seats(opening, key, domain, [Sitting(*each) for each in seats])
    opened: dict[int, bytes] = {}
    unheard: list[Unheard] = []
    for envelope, its_key in signed:
        match envelope.message:
            case MaskedReply() as reply:
                session = seat.answered(session, reply, digest(domain, reply.answer))
            case Unmasking() as word:
                session = seat.unmasked(session, word)
                opened[word.seat] = its_key
            case MaskedQuote() | MaskedClose() | Inquiry() | Dispute() | MaskedAbort() as said:
                try:
                    session = seat.follow(session, said, its_key, envelope.places)
                except SecondWord:
                    continue  # see `forks`
                if isinstance(said, MaskedClose):
                    gone = (at for at in said.dropped if at in opened)
                    unheard.extend((at, opened[at], its_key) for at in gone)
    return session, tuple(unheard)
