"""How both parties to a trade in escrow agree, owner to owner, to divide all that it holds.

Each owner says the same division; whoever comes second has both signatures, and submits them. Heard
is only the other party of a trade that is open, and kept is the last that it offered.
"""

from __future__ import annotations  # HashTrieMap takes no parameters when it runs

from dataclasses import dataclass, field, replace
from typing import TypeAlias

from rpds import HashTrieMap

from fabmarket.identity import Domain, digest, is_by
from fabmarket.market.events import Escrowed, Event, Released, SplitsVoided
from fabmarket.market.exchange import Split
from fabmarket.market.messages import SplitOffer
from fabmarket.market.trade import Split as SplitTerms
from fabmarket.market.trade import Trade
from fabmarket.negotiation.course import Unacceptable
from fabmarket.negotiation.moves import Output, Send, Submit
from fabmarket.negotiation.orders import AgreeSplit
from fabmarket.negotiation.progress import Progress


@dataclass(frozen=True)
class OpenEscrow:
    """A trade of ours in escrow, its other party, and the divisions that each offered last.

    `nonce` is that of the splits that are signed now, `progress` what was said of the delivery.
    """

    trade: Trade
    other: str
    nonce: int = 0
    own: SplitTerms | None = None
    theirs: SplitOffer | None = None
    progress: Progress = field(default=Progress())


Escrows: TypeAlias = "HashTrieMap[bytes, OpenEscrow]"
Talked: TypeAlias = "tuple[Escrows, tuple[Output, ...]]"


def followed(escrows: Escrows, event: Event, account: str, supplier: str | None) -> Escrows:
    """Return the open escrows of an account after an event.

    `supplier` is whose the listing of an `Escrowed` is, None if that is not known.
    """
    match event:
        case Escrowed(trade=name) if supplier and account in (supplier, event.terms.demander):
            other = event.terms.demander if account == supplier else supplier
            return escrows.insert(name, OpenEscrow(event.terms, other))
        case SplitsVoided(trade=name) if name in escrows:
            voided = replace(escrows[name], nonce=event.split_nonce, own=None, theirs=None)
            return escrows.insert(name, voided)
        case Released(trade=name, closed=True) if name in escrows:
            return escrows.remove(name)
        case _:
            return escrows


def hear(escrows: Escrows, domain: Domain, offer: SplitOffer, now: int) -> Talked:
    """Note what the other party offers; Unacceptable if it cannot hold.

    Where both have offered the same before either heard of it, the supplier submits.
    """
    terms = offer.split
    escrow = escrows.get(terms.trade)
    if escrow is None or offer.party != escrow.other:
        raise Unacceptable("split of a trade that we have not in escrow with its author")
    if terms.nonce != escrow.nonce:
        raise Unacceptable("split under another nonce than the trade's")
    if terms.deadline <= now:
        raise Unacceptable("split out of date")
    if not is_by(offer.party, digest(domain, terms), offer.consent):
        raise Unacceptable("split that its author has not signed")
    escrows = escrows.insert(terms.trade, replace(escrow, theirs=offer))
    is_both = escrow.own is not None and _is_same(escrow.own, terms) and escrow.own.deadline > now
    if is_both and escrow.trade.demander == offer.party:
        return escrows, (_agreed(escrow.trade, offer),)
    return escrows, ()


def agree(escrows: Escrows, account: str, order: AgreeSplit, now: int) -> Talked:
    """Offer a division, or submit it where the other party has offered the same."""
    escrow = escrows.get(order.trade)
    if escrow is None:
        raise Unacceptable("there is no such trade of ours in escrow")
    if order.deadline <= now:
        raise Unacceptable("its deadline has passed; give a later one")
    shares = (order.to_supplier, order.to_demander)
    own = SplitTerms(order.trade, *shares, order.deadline, escrow.nonce)
    escrows = escrows.insert(order.trade, replace(escrow, own=own))
    theirs = escrow.theirs
    if theirs is not None and _is_same(theirs.split, own) and theirs.split.deadline > now:
        return escrows, (_agreed(escrow.trade, theirs),)
    offer = SplitOffer(account, own, b"")
    return escrows, (Send(offer, escrow.other, order.deadline),)


def _is_same(one: SplitTerms, other: SplitTerms) -> bool:
    return (one.to_supplier, one.to_demander) == (other.to_supplier, other.to_demander)


def _agreed(trade: Trade, theirs: SplitOffer) -> Submit:
    """Submit what the other has signed; our own signature is filled in."""
    terms = theirs.split
    shares = (terms.to_supplier, terms.to_demander, terms.deadline)
    sides = (theirs.consent, b"") if theirs.party == trade.demander else (b"", theirs.consent)
    return Submit(Split(trade, *shares, *sides), terms)
