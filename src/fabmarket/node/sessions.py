"""Which words belong together: those of a session, or of a bid for a product, and its trades."""

from fabmarket.market import messages, products
from fabmarket.market.masked import MaskedMessage
from fabmarket.market.messages import Close, MaskedOpening, Message, Opening, Quote, Reply
from fabmarket.market.products import Bid, Booked, Confirm, Countersigned, Release, SealedBid
from fabmarket.market.trade import Trade
from fabmarket.market.usage import Receipt, Usage
from fabmarket.node.journal import Journal


def session_of(message: Message, message_digest: bytes, journal: Journal) -> bytes | None:
    """Return the session or bid that a message belongs to, None if it belongs to none."""
    match message:
        case Opening() | MaskedOpening():
            return message_digest
        case Quote() | Reply() | Close() | messages.Counter():
            return message.session
        case SealedBid() | Confirm() | Booked() | Release():
            return message.bid
        case Bid():
            return message.terms.id
        case products.Answer():
            return message.signed.grant.bid
        case Trade():
            return journal.session_of(message.transcript) or _bid_of(message, journal)
        case Countersigned():
            return journal.session_of(message.trade)
        case Usage() | Receipt():
            return journal.session_of(message.trade)
        case _:
            return message.session if isinstance(message, MaskedMessage) else None


def _bid_of(trade: Trade, journal: Journal) -> bytes | None:
    """The bid that a trade of a product was booked by, if we have heard of it."""
    return trade.transcript if journal.talk(trade.transcript) else None
