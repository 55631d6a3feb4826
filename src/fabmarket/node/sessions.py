"""Which words belong together: of a session or a bid, with its trades, or of a net batch."""

from fabmarket.identity import Domain, digest
from fabmarket.identity.codec import decode
from fabmarket.market import messages, products
from fabmarket.market.cycles import Consent, Counted, Proposal
from fabmarket.market.masked import MaskedMessage
from fabmarket.market.messages import Close, MaskedOpening, Message, Opening, Quote, Reply
from fabmarket.market.products import Bid, Booked, Confirm, Countersigned, Release, SealedBid
from fabmarket.market.trade import Trade
from fabmarket.market.usage import Receipt, Usage
from fabmarket.node.journal import Journal


def session_of(message: Message, message_digest: bytes, journal: Journal) -> bytes | None:
    """Return the session, bid or net batch that a message belongs to, None if it is of none."""
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
        case Counted() | Consent():
            return message.batch
        case Proposal():
            domain = journal.about("domain")
            return None if domain is None else digest(decode(Domain, domain), message.cycle.batch)
        case _:
            return message.session if isinstance(message, MaskedMessage) else None


def _bid_of(trade: Trade, journal: Journal) -> bytes | None:
    """The bid that a trade of a product was booked by, if we have heard of it."""
    return trade.transcript if journal.talk(trade.transcript) else None
