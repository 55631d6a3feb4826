"""A supplier's masked sessions, from the roster to the close or to the word that breaks one off."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from fabmarket.identity import digest
from fabmarket.market.masked import Card, SeatWord
from fabmarket.market.messages import MaskedOpening, Member, PriceTerms
from fabmarket.negotiation.bargaining import Bargain
from fabmarket.negotiation.course import Unacceptable
from fabmarket.negotiation.hosting import Hosted
from fabmarket.negotiation.masked.cards import cap_sum_of, round_limit_of
from fabmarket.negotiation.masked.hosted import MaskedHosted
from fabmarket.negotiation.masked.hosting import (
    addressed,
    heard,
    host,
    next_word,
    said,
    seated,
)
from fabmarket.negotiation.moves import News, Output, Send, Tell
from fabmarket.negotiation.supplier.awards import award, result
from fabmarket.negotiation.supplier.state import (
    Step,
    SupplierState,
    Talk,
    left_unsigned,
    promising,
)


def open_masked_session(
    state: SupplierState,
    listing: bytes,
    opens: int,
    terms: PriceTerms,
    members: tuple[Member, ...],
    cards: tuple[Card, ...],
) -> Step:
    """Open a masked session of these members, each under its card."""
    shelf = state.shelves[listing]
    opening = MaskedOpening(
        supplier=state.address,
        listing=listing,
        slot_start=shelf.start,
        slot_end=shelf.end,
        terms=terms,
        delivery=state.delivery,
        cards=cards,
        cap_sum=cap_sum_of(terms, members),
        round_limit=round_limit_of(terms),
        round_time=state.rhythm.quarter,
        ends=state.rhythm.ends(opens),
    )
    hosted = host(opening, digest(state.domain, opening), members, state.domain)
    opened = tuple(Send(opening, to, opening.ends, places) for to, places in seated(members))
    state = promising(state, listing, terms.capacity)
    talk = Talk(hosted, terms.capacity, state.now)
    state, sent = speak_masked(state, talk, hosted)
    return state, (*opened, *sent)


def speak_masked(
    state: SupplierState, talk: Talk, hosted: MaskedHosted, *, time_up: bool = False
) -> Step:
    """Say what is due in a masked session, if anything is, and take it as said."""
    word = next_word(hosted, time_up=time_up)
    if word is None:
        talk = replace(talk, hosted=hosted)
        return replace(state, talks=state.talks.insert(hosted.id, talk)), ()
    ends = hosted.opening.ends
    sent = tuple(Send(word.message, to, ends, places) for to, places in addressed(hosted, word))
    hosted = said(hosted, word, digest(state.domain, word.message))
    talk = replace(talk, hosted=hosted, since=state.now)
    told: tuple[Output, ...] = ()
    if hosted.over:
        state, talk = award(state, talk, hosted)
        state, told = _concluded(state, hosted)
    return replace(state, talks=state.talks.insert(hosted.id, talk)), (*sent, *told)


def take_masked(state: SupplierState, word: SeatWord) -> Step:
    """Hear a member; speak once all have said what they owe."""
    talk, hosted = _hosted(state, word.session)
    return speak_masked(state, talk, heard(hosted, word, state.domain))


def unfinished(state: SupplierState, hosted: Hosted | MaskedHosted | Bargain) -> SupplierState:
    """Return the state once a session's time is over: who sat in a masked one in vain sits in no
    second one, so its listing is offered open.
    """
    if not isinstance(hosted, MaskedHosted) or hosted.over:
        return state
    return replace(state, opened=state.opened.insert(hosted.opening.listing))


def _hosted(state: SupplierState, session: bytes) -> tuple[Talk, MaskedHosted]:
    talk = state.talks.get(session)
    if talk is None or not isinstance(talk.hosted, MaskedHosted):
        raise Unacceptable("message of a session we do not host")
    return talk, talk.hosted


def _concluded(state: SupplierState, hosted: MaskedHosted) -> Step:
    """Tell how it ended. Who was silent, or did not open its answers, left an award unsigned.

    A listing whose session was broken off, or had too few rounds to find a price, is offered open
    from now on: whoever sat there sits in no second masked session of it.
    """
    if hosted.abort is None:
        if hosted.course.failed and not hosted.course.lacks_supply:
            state = replace(state, opened=state.opened.insert(hosted.opening.listing))
        state, told = _left(state, hosted, hosted.dropped)
        return state, (result(state, hosted), *told)
    listing = hosted.opening.listing
    state = replace(state, opened=state.opened.insert(listing))
    state, told = _left(state, hosted, hosted.abort.seats)
    facts = {"slot": str(state.shelves[listing].slot), "reason": hosted.abort.reason}
    return state, (Tell(News.of("broken", **facts)), *told)


def _left(state: SupplierState, hosted: MaskedHosted, seats: Iterable[int]) -> Step:
    accounts = Counter(hosted.members[at].demander for at in seats)
    ends = hosted.opening.ends
    return left_unsigned(state, {(account, ends): count for account, count in accounts.items()})
