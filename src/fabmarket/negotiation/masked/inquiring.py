"""How a supplier finds out who lied in a masked session (`blame`): its questions, their answers.

It asks once, of the last round. Whatever comes of it, the session is broken off.
"""

from dataclasses import replace

from fabmarket.identity import Domain, digest, is_by
from fabmarket.market.masked import (
    AnswersProved,
    Dispute,
    Inquiry,
    MaskedAbort,
    Pads,
    PadsShown,
    Pair,
    PairShown,
)
from fabmarket.negotiation.course import InvalidMove
from fabmarket.negotiation.masked.blame import (
    Words,
    check_pads,
    first_dispute,
    is_consistent,
    is_proved,
    liars_of,
)
from fabmarket.negotiation.masked.cards import most_wanted
from fabmarket.negotiation.masked.hosted import LIED, MaskedDue, MaskedHosted


def inquire(hosted: MaskedHosted, rounds: tuple[int, ...]) -> MaskedDue:
    """Return the question to all seats: for their pads, or for proofs of these rounds."""
    return MaskedDue(Inquiry(*_place(hosted), rounds), hosted.course)


def broken_off(hosted: MaskedHosted, reason: str, seats: tuple[int, ...]) -> MaskedDue:
    """Return the word that ends the session."""
    return MaskedDue(MaskedAbort(*_place(hosted), reason, seats), hosted.course)


def follow_inquiry(hosted: MaskedHosted) -> MaskedDue:
    """Return what follows once all who were asked have said something."""
    words = _asked(hosted)
    if words.rounds:
        liars = tuple(sorted(at for at, is_true in words.proved.items() if not is_true))
        return broken_off(hosted, LIED, liars)
    if words.disputed:
        return broken_off(hosted, LIED, liars_of(hosted.opening.cards, words))
    shown = [words.pads[at] for at in range(len(hosted.members))]
    answers = hosted.rounds[-1].answers
    liars = tuple(
        at for at, (pads, _) in enumerate(shown) if not is_consistent(answers[at].answer, pads)
    )
    if liars:
        return broken_off(hosted, LIED, liars)
    disputed = first_dispute([pads for pads, _ in shown])
    pads = tuple(shown[at][0] for at in disputed)
    consents = tuple(shown[at][1] for at in disputed)
    return MaskedDue(Dispute(*_place(hosted), pads, consents), hosted.course)


def hear_pads(hosted: MaskedHosted, word: PadsShown, domain: Domain) -> MaskedHosted:
    """Return the session after a seat showed commitments to its pads, its account's signature
    checked. InvalidMove for what was not asked.
    """
    words = _asked(hosted)
    if words.rounds or words.disputed:
        raise InvalidMove("an answer to another inquiry")
    pads = word.pads
    _check_word(hosted, word.demander, pads, word.consent, domain)
    if pads.seat in words.pads:
        raise InvalidMove("this seat has answered")
    check_pads(pads, len(hosted.members))
    shown = words.pads.insert(pads.seat, (pads, word.consent))
    return replace(hosted, inquiry=replace(words, pads=shown))


def hear_pair(hosted: MaskedHosted, word: PairShown, domain: Domain) -> MaskedHosted:
    """Return the session after a seat opened the point that it shares with the one it disputes."""
    words, pair = _asked(hosted), word.pair
    _check_word(hosted, word.demander, pair, word.consent, domain)
    if tuple(sorted((pair.seat, pair.other))) != words.disputed or pair.seat == pair.other:
        raise InvalidMove("an answer to another inquiry")
    if pair.seat in words.pairs:
        raise InvalidMove("this seat has answered")
    pairs = words.pairs.insert(pair.seat, pair)
    return replace(hosted, inquiry=replace(words, pairs=pairs))


def hear_proofs(hosted: MaskedHosted, word: AnswersProved) -> MaskedHosted:
    """Return the session after a seat proved that its answers were possible, or failed to."""
    words = _asked(hosted)
    if not words.rounds or tuple(each.round for each in word.proofs) != words.rounds:
        raise InvalidMove("an answer to another inquiry")
    if (word.session, word.quote) != (hosted.id, hosted.rounds[-1].digest):
        raise InvalidMove("answer to another quote than the last")
    require_seat(hosted, word.seat, word.demander)
    if word.seat in words.proved:
        raise InvalidMove("this seat has answered")
    given = [hosted.rounds[at].answers[word.seat].answer for at in words.rounds]
    terms = hosted.opening.terms
    most = most_wanted(terms, hosted.members[word.seat].quantity)
    proved = words.proved.insert(word.seat, is_proved(terms, given, most, word))
    return replace(hosted, inquiry=replace(words, proved=proved))


def require_seat(hosted: MaskedHosted, seat: int, demander: str) -> None:
    """Raise InvalidMove unless the seat is this account's."""
    if seat >= len(hosted.members):
        raise InvalidMove(f"there is no seat {seat}")
    if hosted.members[seat].demander != demander:
        raise InvalidMove(f"seat {seat} is somebody else's")


def _asked(hosted: MaskedHosted) -> Words:
    if hosted.inquiry is None or hosted.over:
        raise InvalidMove("an answer to no inquiry")
    return hosted.inquiry


def _check_word(
    hosted: MaskedHosted, demander: str, word: Pads | Pair, consent: bytes, domain: Domain
) -> None:
    if (word.session, word.quote) != (hosted.id, hosted.rounds[-1].digest):
        raise InvalidMove("answer to another quote than the last")
    require_seat(hosted, word.seat, demander)
    if not is_by(hosted.signers[word.seat], digest(domain, word), consent):
        raise InvalidMove("a word that its one-time key has not signed")


def _place(hosted: MaskedHosted) -> tuple[str, bytes, bytes]:
    return hosted.opening.supplier, hosted.id, hosted.rounds[-1].digest
