"""Who signed two different things where the protocol lets it say one."""

from collections.abc import Iterable
from dataclasses import dataclass

from fabmarket.market.masked import (
    MaskedAbort,
    MaskedClose,
    MaskedQuote,
    MaskedReply,
    Unmasking,
)
from fabmarket.market.messages import Close, Counter, Message, Quote, Reply
from fabmarket.market.products import Answer, Booked, Confirm
from fabmarket.market.usage import Receipt, Usage
from fabmarket.node.checking import BadEvidence, checked
from fabmarket.node.evidence import Evidence
from fabmarket.node.replay import Replayed


@dataclass(frozen=True)
class Fork:
    """Two messages of one author for one place, by their digests."""

    author: str
    place: str
    first: bytes
    second: bytes


def forks(files: Iterable[Evidence]) -> list[Fork]:
    """Return every place at which somebody signed two different messages, in the files together.

    A place is a quote's round or the close of a session, a seat's answer to a quote, or a turn in a
    bargain, the number of a report on what is used, or the answer to one; of a bid for a product
    its confirmation, and a supplier's answer to it or booking of it. A supplier that names a bid as
    failed behind another has also said what it answers to that one.
    """
    said_at: dict[tuple[str, bytes, str], bytes] = {}
    found: dict[Fork, None] = {}
    held: dict[tuple[str, bytes], bytes] = {}
    failed: dict[tuple[str, bytes], bytes] = {}
    for evidence in files:
        for envelope in evidence.envelopes:
            place = _place(envelope.message)
            if place is None:
                continue
            try:
                key = checked(evidence.domain, envelope)
            except BadEvidence:
                continue  # nobody signed it
            author = envelope.message.author
            if isinstance(envelope.message, Answer):
                grant = envelope.message.signed.grant
                if grant.held:
                    held[author, grant.bid] = key
                    failed.setdefault((author, grant.rival), key)
            first = said_at.setdefault((author, *place), key)
            if first != key:
                found[Fork(author, place[1], first, key)] = None
    for (author, bid), first in failed.items():
        if (author, bid) in held:
            found[Fork(author, "a bid that failed and was held", first, held[author, bid])] = None
    return list(found)


def reopened(shown: Iterable[Replayed]) -> list[Fork]:
    """Return every selection that its supplier gave a seat in two sessions, of files that hold."""
    opened: dict[bytes, bytes] = {}
    found: dict[Fork, None] = {}
    for each in shown:
        for member in each.members:
            first = opened.setdefault(member.selection, each.talk.id)
            if first != each.talk.id:
                place = f"the session of selection 0x{member.selection.hex()}"
                found[Fork(each.talk.opening.supplier, place, first, each.talk.id)] = None
    return list(found)


def _place(message: Message) -> tuple[bytes, str] | None:
    match message:
        case Quote() | MaskedQuote():
            return message.session, f"quote {message.round}"
        case Close() | MaskedClose() | MaskedAbort():
            return message.session, "close"
        case Reply():
            seat = f"the answer of seat {message.seat}"
            return message.session, f"{seat} to quote 0x{message.quote.hex()}"
        case MaskedReply():
            seat = f"the answer of seat {message.answer.seat}"
            return message.session, f"{seat} to quote 0x{message.answer.quote.hex()}"
        case Unmasking():
            return message.session, f"what seat {message.seat} opened"
        case Counter():
            return message.session, f"counter {message.sequence}"
        case Usage():
            return message.trade, f"report {message.sequence}"
        case Receipt():
            return message.trade, f"the answer to report 0x{message.usage.hex()}"
        case Answer():
            return message.signed.grant.bid, "the answer to a bid"
        case Confirm():
            return message.bid, "the confirmation of a bid"
        case Booked():
            return message.bid, "the booking of a bid"
        case _:
            return None
