"""A masked session as its supplier hosts it: masked answers, their sums, and what is said next.

The supplier sees what it forwards: numbers under pads, of which only the sums over all seats mean
anything. It cannot go on without a seat: the pads would not cancel, and a second run with fewer
seats would tell what the missing one said. So a silent seat ends the session (`MaskedAbort`).

When the price is found each seat opens to the supplier alone what its award hangs on
(`opened_rounds`), and the supplier awards by the rules of an open session (`awarding`). A seat that
does not open its answers gets nothing, as one that is dropped there.
"""

from __future__ import annotations  # HashTrieMap takes no parameters when it runs

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from fabmarket.identity import ZERO_BYTES32, Domain, digest
from fabmarket.identity.masks import ORDER, BadPoint, check_point, commitment, seat_address
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
    SeatWord,
    Unmasking,
)
from fabmarket.market.masked_sums import answer_leaf, award_leaf, is_opened, masked_added
from fabmarket.market.messages import Exit, MaskedOpening, Member, Place
from fabmarket.market.sums import Node, tree_of
from fabmarket.negotiation.awarding import Awards, by_answers, by_clock, nothing
from fabmarket.negotiation.clinching import Curve
from fabmarket.negotiation.course import CLOCK, Course, InvalidMove, binding, check_terms
from fabmarket.negotiation.masked.blame import Words
from fabmarket.negotiation.masked.cards import cap_sum_of, check_opening
from fabmarket.negotiation.masked.hosted import (
    SILENT,
    Masked,
    MaskedDue,
    MaskedHosted,
    MaskedRound,
)
from fabmarket.negotiation.masked.inquiring import (
    broken_off,
    follow_inquiry,
    hear_pads,
    hear_pair,
    hear_proofs,
    inquire,
    require_seat,
)
from fabmarket.negotiation.masked.opening import check_opened
from fabmarket.negotiation.masked.sums import (
    Heard,
    begin,
    curve_of_sums,
    due,
    follow_sums,
    impossible,
)


def host(
    opening: MaskedOpening, digest: bytes, members: tuple[Member, ...], domain: Domain
) -> MaskedHosted:
    """Return the session that an opening starts, or InvalidMove."""
    if len(members) != opening.seats:
        raise InvalidMove(f"{len(members)} members for {opening.seats} seats")
    if len({member.selection for member in members}) < len(members):
        raise InvalidMove("a selection has two seats")
    demands = [(each.quantity, each.divisible) for each in members]
    check_terms(opening.terms, demands)
    check_opening(opening, domain, demands)
    if opening.cap_sum != cap_sum_of(opening.terms, members):
        raise InvalidMove("the sum of what all seats can want is another")
    signers = tuple(seat_address(card.mask_key) for card in opening.cards)
    return MaskedHosted(digest, opening, members, signers, begin(opening))


def seated(members: Sequence[Member]) -> Iterator[tuple[str, tuple[Place, ...]]]:
    """Yield who is to get the opening, and the places of its own seats to send along.

    By account, here as in `addressed`: letters that left in the order of the seats would tell
    whoever watches the links, and knows the roster, whose seat is whose.
    """
    by_demander: dict[str, list[Place]] = {}
    for at, member in enumerate(members):
        place = Place(at, member.selection, member.supplier_nonce, 0, ())
        by_demander.setdefault(member.demander, []).append(place)
    for demander, own in sorted(by_demander.items()):
        yield demander, tuple(own)


def hear(hosted: MaskedHosted, reply: MaskedReply, answer_digest: bytes) -> MaskedHosted:
    """Return the session after a member's answer whose signature has been checked.

    `answer_digest` is that of the answer inside. Raises InvalidMove for what is no answer to the
    last quote.
    """
    said = reply.answer
    last = _open_round(hosted)
    if (said.session, said.quote) != (hosted.id, last.digest):
        raise InvalidMove("answer to another quote than the last")
    require_seat(hosted, said.seat, reply.demander)
    if said.seat in last.answers:
        raise InvalidMove("this seat has answered")
    if max(said.first, said.second, said.blind) >= ORDER:
        raise InvalidMove("a number beyond the group's order")
    try:
        check_point(said.commitment)
    except BadPoint as error:
        raise InvalidMove(str(error)) from error
    answers = last.answers.insert(said.seat, Masked(said, answer_digest))
    return replace(hosted, rounds=(*hosted.rounds[:-1], replace(last, answers=answers)))


def hear_unmasking(hosted: MaskedHosted, word: Unmasking) -> MaskedHosted:
    """Return the session after a member opened its answers, its signature checked.

    Raises InvalidMove for what does not open them, or opens what no member could have answered.
    """
    if hosted.over or not hosted.is_searched:
        raise InvalidMove("answers are opened once, when the price is found")
    if (word.session, word.quote) != (hosted.id, hosted.rounds[-1].digest):
        raise InvalidMove("answer to another quote than the last")
    require_seat(hosted, word.seat, word.demander)
    if word.seat in hosted.unmasked:
        raise InvalidMove("this seat has opened its answers")
    prices = [each.price for each in hosted.heard]
    given = [each.answers[word.seat].answer for each in hosted.rounds[:-1]]
    check_opened(hosted.course, prices, given, hosted.members[word.seat], word)
    return replace(hosted, unmasked=hosted.unmasked.insert(word.seat, word))


def heard(hosted: MaskedHosted, word: SeatWord, domain: Domain) -> MaskedHosted:
    """Return the session after any word of a member, its account's signature checked.

    InvalidMove for one that is not its turn.
    """
    match word:
        case MaskedReply():
            return hear(hosted, word, digest(domain, word.answer))
        case Unmasking():
            return hear_unmasking(hosted, word)
        case PadsShown():
            return hear_pads(hosted, word, domain)
        case PairShown():
            return hear_pair(hosted, word, domain)
        case AnswersProved():
            return hear_proofs(hosted, word)


def next_word(hosted: MaskedHosted, *, time_up: bool = False) -> MaskedDue | None:
    """Return what the supplier must say next, or None while members may answer.

    `time_up`: the round is over; a seat that is silent ends the search, and later gets nothing.
    """
    if hosted.over:
        return None
    if not hosted.rounds:
        return MaskedDue(_quote(hosted, hosted.course, ZERO_BYTES32, (0, 0, 0)), hosted.course)
    if hosted.waits and not time_up:
        return None
    if hosted.is_searched:
        return _close(hosted)
    if hosted.waits and not (hosted.inquiry and hosted.inquiry.pairs):  # one point is enough
        return broken_off(hosted, SILENT, hosted.silent)
    if hosted.inquiry is not None:
        return follow_inquiry(hosted)
    last = hosted.rounds[-1]
    leaves = tuple(_leaf(at, each) for at, each in sorted(last.answers.items()))
    root, paths = tree_of(leaves, masked_added)
    first, second, blind = root.sums[:3]
    if not is_opened(root, first, second, blind):
        return inquire(hosted, ())
    heard = Heard(last.quote.price, first, second)
    wrong = impossible(hosted.opening, hosted.heard, heard)
    if wrong is not None:
        return inquire(hosted, wrong.rounds)
    course = follow_sums(hosted.course, hosted.opening, heard)
    message = _quote(hosted, course, root.hash, (first, second, blind))
    return MaskedDue(message, course, heard, paths=paths)


def said(hosted: MaskedHosted, word: MaskedDue, digest: bytes) -> MaskedHosted:
    """Return the session after the supplier said what was due."""
    if word.heard is not None:
        hosted = replace(hosted, heard=(*hosted.heard, word.heard), course=word.course)
    match word.message:
        case MaskedAbort() as abort:
            return replace(hosted, abort=abort)
        case Inquiry() as inquiry:
            return replace(hosted, inquiry=Words(inquiry.rounds))
        case Dispute() as dispute:
            words = hosted.inquiry or Words(())
            disputed = tuple(each.seat for each in dispute.pads)
            return replace(hosted, inquiry=replace(words, disputed=disputed))
        case MaskedClose() as close:
            awards = word.awards or nothing(len(hosted.members))
            hosted = replace(hosted, close=close, transcript=digest)
            return replace(hosted, awards=awards.units, payments=awards.payments)
        case MaskedQuote() as quote:
            return replace(hosted, rounds=(*hosted.rounds, MaskedRound(quote, digest)))


def addressed(hosted: MaskedHosted, word: MaskedDue) -> Iterator[tuple[str, tuple[Place, ...]]]:
    """Yield who is to get a word, before it is said, and the places of its own seats to send along.

    Whoever it drops gets it too, and sees that.
    """
    paths = iter(word.paths)
    gone = word.message.dropped if isinstance(word.message, MaskedClose) else ()
    by_demander: dict[str, list[Place]] = {}
    for at, member in enumerate(hosted.members):
        places = by_demander.setdefault(member.demander, [])
        if word.paths and at not in gone:
            given = (word.awards.units[at], word.awards.payments[at]) if word.awards else (0, 0)
            places.append(Place(at, member.selection, *given, next(paths)))
    for demander, own in sorted(by_demander.items()):
        yield demander, tuple(own)


def _open_round(hosted: MaskedHosted) -> MaskedRound:
    if hosted.over or not hosted.rounds or hosted.is_searched or hosted.inquiry:
        raise InvalidMove("the session is closed")
    return hosted.rounds[-1]


def _leaf(seat: int, masked: Masked) -> Node:
    it = masked.answer
    return answer_leaf(seat, masked.digest, (it.first, it.second, it.blind), it.commitment)


def _quote(
    hosted: MaskedHosted, course: Course, tree: bytes, sums: tuple[int, int, int]
) -> MaskedQuote:
    last = hosted.rounds[-1].digest if hosted.rounds else hosted.id
    price, final = due(course)
    place = hosted.opening.supplier, hosted.id, len(hosted.rounds), last
    return MaskedQuote(*place, tree, *sums, price, final)


def _close(hosted: MaskedHosted) -> MaskedDue:
    awards = _awarded(hosted)
    last = hosted.rounds[-2].answers
    leaves, units, payments, blinds = [], 0, 0, 0
    for at, word in sorted(hosted.unmasked.items()):
        given = awards.units[at], awards.payments[at]
        hidden = commitment(*given, word.award_blind)
        leaves.append(award_leaf(at, last[at].digest, hidden))
        units, payments = units + given[0], payments + given[1]
        blinds += word.award_blind
    root, paths = tree_of(leaves, masked_added) if leaves else (Node(ZERO_BYTES32, ()), ())
    message = MaskedClose(
        supplier=hosted.opening.supplier,
        session=hosted.id,
        previous=hosted.rounds[-1].digest,
        tree=root.hash,
        awarded=units,
        paid=payments,
        blind=blinds % ORDER,
        dropped=hosted.silent,
        price=awards.price,
    )
    return MaskedDue(message, hosted.course, awards=awards, paths=paths)


def _awarded(hosted: MaskedHosted) -> Awards:
    """What the opened answers are awarded, by the rules of an open session."""
    terms, members, course = hosted.opening.terms, hosted.members, hosted.course
    if terms.concept == CLOCK:
        curves = [_curve(hosted, at) for at in range(len(members))]
        gone = frozenset(hosted.silent)
        return by_clock(terms, members, curve_of_sums(hosted.heard), curves, gone)
    replies = {
        at: binding(course, {hosted.heard[it.round].price: it.first for it in word.answers})
        for at, word in hosted.unmasked.items()
    }
    return by_answers(terms, members, course.settled_on or 0, replies)


def _curve(hosted: MaskedHosted, seat: int) -> Curve:
    """What a seat of a clock opened: each unit was wanted up to the quote before it was missing."""
    word = hosted.unmasked.get(seat)
    if word is None:
        return Curve(0)
    said = [(hosted.heard[each.round].price, each.first) for each in word.answers]
    falls = ((price, units - later) for (price, units), (_, later) in pairwise(said))
    return Curve(said[-1][1], tuple(Exit(price, units) for price, units in falls if units))
