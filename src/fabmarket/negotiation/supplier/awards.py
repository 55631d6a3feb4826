"""What a supplier promises when a session is closed, whichever kind it was."""

from dataclasses import replace

from fabmarket.negotiation.clinching import in_trades
from fabmarket.negotiation.course import CLOCK
from fabmarket.negotiation.hosting import Hosted
from fabmarket.negotiation.masked.hosted import MaskedHosted
from fabmarket.negotiation.moves import News, Tell
from fabmarket.negotiation.supplier.state import Award, SupplierState, Talk, promising


def result(state: SupplierState, hosted: Hosted | MaskedHosted) -> Tell:
    """Return what our owner hears of a session that is over."""
    facts = {
        "slot": state.shelves[hosted.opening.listing].slot,
        "units": sum(hosted.awards),
        "room": hosted.opening.terms.capacity,
        "payment": sum(hosted.payments),
        "price": hosted.price or "no price",
        "quotes": hosted.quotes,
    }
    return Tell(News.of("priced", **{name: str(value) for name, value in facts.items()}))


def award(
    state: SupplierState, talk: Talk, hosted: Hosted | MaskedHosted
) -> tuple[SupplierState, Talk]:
    """Promise what was awarded, and no longer all that there was; note the price found."""
    opening, awards = hosted.opening, state.awards
    if opening.terms.concept != CLOCK:
        state = replace(state, found=hosted.price or state.found)
    given = zip(hosted.members, hosted.awards, hosted.payments, strict=bool(hosted.awards))
    for member, units, payment in given:
        trades = in_trades(units, payment)
        for sold in trades:
            halved = len(trades) == 2
            key = (hosted.transcript, member.demander, *sold, member.supplier_nonce, halved)
            new = Award(opening.listing, *sold, opening.ends, opening.slot_end, seats=0)
            known = awards.get(key, new)
            awards = awards.insert(key, replace(known, seats=known.seats + 1))
    state = promising(state, opening.listing, sum(hosted.awards) - talk.promised)
    return replace(state, awards=awards), replace(talk, promised=0)
