"""What a step, which has no key, needs of it: signatures where it left them empty."""

from dataclasses import replace

from fabmarket.identity import Domain, Key, digest
from fabmarket.market.cycles import Consent
from fabmarket.market.exchange import (
    Move,
    Rule,
    Settle,
    SettleBatch,
    SettleBundle,
    SettleEscrow,
    SettleEscrowBatch,
    SettleEscrowBundle,
    SettleLate,
    SignedTrade,
    Split,
)
from fabmarket.market.messages import Message, SplitOffer
from fabmarket.market.oversight import Endorsement, Verdict
from fabmarket.market.products import Answer, Bid, Countersigned
from fabmarket.negotiation.moves import Submit
from fabmarket.negotiation.orders import Allow


def signed_word(key: Key, domain: Domain, message: Message) -> Message:
    """Return a message with what its author signs beside it."""
    match message:
        case Endorsement(_, attestation, b""):
            return replace(message, signature=key.sign(attestation))
        case SplitOffer(consent=b""):
            return replace(message, consent=key.sign(digest(domain, message.split)))
        case Verdict(_, ruling, b""):
            return replace(message, signature=key.sign(digest(domain, ruling)))
        case Bid(terms, b""):
            return replace(message, consent=key.sign(digest(domain, terms)))
        case Countersigned(consent=b""):
            return replace(message, consent=key.sign(message.trade))
        case Consent(consent=b""):
            return replace(message, consent=key.sign(message.batch))
        case Answer(signed) if signed.consent == b"":
            consent = key.sign(digest(domain, signed.grant))
            return replace(message, signed=replace(signed, consent=consent))
        case _:
            return message


def signed_move(key: Key, domain: Domain, submit: Submit) -> Move | Allow:
    """Return a move with our signature of its trades, its ruling or its split."""

    def whole(signed: SignedTrade) -> SignedTrade:
        if signed.demander and signed.supplier:
            return signed
        own = key.sign(digest(domain, signed.trade))
        return SignedTrade(signed.trade, signed.demander or own, signed.supplier or own)

    match submit.move:
        case Rule(_, ruling, signatures) as move:
            own = key.sign(digest(domain, ruling))
            filled = (
                replace(each, signature=own) if each.signature == b"" else each
                for each in signatures
            )
            return replace(move, signatures=tuple(filled))
        case Settle(signed):
            return Settle(whole(signed))
        case SettleEscrow(signed):
            return SettleEscrow(whole(signed))
        case (
            SettleBatch()
            | SettleBundle()
            | SettleLate()
            | SettleEscrowBatch()
            | SettleEscrowBundle()
        ) as move:
            return replace(move, trades=tuple(map(whole, move.trades)))
        case Split() as split if submit.consent is not None:
            own = key.sign(digest(domain, submit.consent))
            return replace(split, demander=split.demander or own, supplier=split.supplier or own)
        case move:
            return move
