"""Own negotiations as a journal keeps them: which there were, and one of them round by round."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from fabmarket.identity.codec import decode
from fabmarket.ledger.queries.forms import Digits
from fabmarket.market.masked import MaskedClose, Unmasking
from fabmarket.market.messages import Close, Counter, MaskedOpening, Opening
from fabmarket.market.units import MICRO
from fabmarket.negotiation.bargaining import Bargain
from fabmarket.negotiation.course import CLOCK
from fabmarket.negotiation.hosting import Hosted
from fabmarket.negotiation.lies import BestLie, best_lie, best_own_lie
from fabmarket.negotiation.masked.hosted import MaskedHosted
from fabmarket.negotiation.masked.seat import MaskedSeated
from fabmarket.negotiation.seat import Seated
from fabmarket.node.envelope import Envelope
from fabmarket.node.evidence import Evidence, evidence_of
from fabmarket.node.journal import Journal
from fabmarket.node.replay import Replayed, Talk, awards_of, replay

Quoted: TypeAlias = Hosted | MaskedHosted | Seated | MaskedSeated


@dataclass(frozen=True)
class SessionStatus:
    """A session in which we hosted (`role` supplier) or sat (member); `ended` with this `price`.

    The price is in base units a unit, 0 where none was found or it is not over. Slot times are
    seconds of chain time. `rounds` are quotes, of a bargain counters.
    """

    session: str
    role: str
    supplier: str
    listing: str
    concept: str
    masked: bool
    seats: int
    slot_start: int
    slot_end: int
    rounds: int
    ended: bool
    price: Digits
    trades: tuple[str, ...]


@dataclass(frozen=True)
class AnswerStatus:
    """What a seat would hold at the price quoted, micro-units; `own`: it is ours, for `want`."""

    seat: int
    quantity: Digits
    own: bool
    want: str


@dataclass(frozen=True)
class RoundStatus:
    """A price that was quoted, base units a unit, and what was answered as far as we heard it.

    `sum`: of all answers, micro-units, None where we do not know. Of a masked session those answers
    are shown that were opened at its end. In a bargain the price is what `by` proposed.
    """

    round: int
    price: Digits
    sum: Digits | None
    by: str
    answers: tuple[AnswerStatus, ...]


@dataclass(frozen=True)
class AwardStatus:
    """Units that somebody was awarded, at base units each."""

    demander: str
    units: Digits
    price: Digits


@dataclass(frozen=True)
class Negotiated:
    """A session played again from our journal: every signature, sum, price and award holds.

    `outcome` is under way, agreed or no trade. `lie`: by how much a seat would have gained at most
    with another answer (see `fabmarket verify`), as far as the journal tells; None where not.
    """

    session: SessionStatus
    capacity: Digits
    least: Digits
    rounds: tuple[RoundStatus, ...]
    outcome: str
    awards: tuple[AwardStatus, ...]
    settled: tuple[str, ...]
    lie: BestLie | None


def sessions_of(journal: Journal, address: str, found: Sequence[bytes]) -> list[SessionStatus]:
    """Return how these sessions of ours stand, by what was said in them."""
    return [_session(journal, address, each) for each in found]


def _session(journal: Journal, address: str, session: bytes) -> SessionStatus:
    words = [decode(Envelope, text).message for text in journal.talk(session)]
    opening = next(each for each in words if isinstance(each, Opening | MaskedOpening))
    closes = [each for each in words if isinstance(each, Close | MaskedClose)]
    counters = [each for each in words if isinstance(each, Counter)]
    price, ended = (closes[-1].price, True) if closes else (0, False)
    if counters and counters[-1].reason != "propose":
        ended = True
        price = counters[-1].unit_price if counters[-1].reason == "accept" else 0
    quotes = sum(type(each).__name__ in ("Quote", "MaskedQuote") for each in words)
    trades = [key for key in journal.trades() if journal.session_of(key) == session]
    return SessionStatus(
        session=f"0x{session.hex()}",
        role="supplier" if opening.supplier == address else "member",
        supplier=opening.supplier,
        listing=f"0x{opening.listing.hex()}",
        concept=opening.terms.concept,
        masked=isinstance(opening, MaskedOpening),
        seats=opening.seats,
        slot_start=opening.slot_start,
        slot_end=opening.slot_end,
        rounds=len(counters) or quotes,
        ended=ended,
        price=price,
        trades=tuple(f"0x{key.hex()}" for key in trades),
    )


def negotiated(
    journal: Journal, address: str, session: bytes, names: Mapping[bytes, str]
) -> Negotiated:
    """Return a session round by round. NoEvidence if there is none, BadEvidence if it breaks.

    `names` are the owner's of what it wants, by id.
    """
    evidence = evidence_of(journal, session)
    shown = replay(evidence)
    talk, opening = shown.talk, shown.talk.opening
    is_masked = isinstance(talk, MaskedHosted | MaskedSeated)
    answers = _opened(evidence) if is_masked else _answers(talk)
    wants = {} if isinstance(talk, Hosted | MaskedHosted | Bargain) else _wants(talk, names)
    return Negotiated(
        session=_session(journal, address, session),
        capacity=opening.terms.capacity,
        least=opening.terms.maintenance,
        rounds=_bargained(talk) if isinstance(talk, Bargain) else _quoted(talk, answers, wants),
        outcome=shown.outcome,
        awards=tuple(
            AwardStatus(each.demander, each.units, each.price) for each in awards_of(talk)
        ),
        settled=tuple(f"0x{each.event.trade.hex()}" for each in shown.settlements),
        lie=lie_in(shown),
    )


def lie_in(shown: Replayed) -> BestLie | None:
    """The best other answer of a seat, counted with what its own answers say a unit is worth."""
    match shown.talk:
        case Hosted() as hosted:
            return best_lie(hosted)
        case Seated() as seated:
            return best_own_lie(seated)
        case _:
            return None


def _bargained(talk: Bargain) -> tuple[RoundStatus, ...]:
    return tuple(
        RoundStatus(at, each.unit_price, None, each.sender, ())
        for at, each in enumerate(talk.counters)
    )


def _quoted(
    talk: Quoted, answers: Mapping[tuple[int, int], int], wants: Mapping[int, str]
) -> tuple[RoundStatus, ...]:
    """The rounds of a session; `answers` by round and seat, of our own seats what they are for."""
    scale = MICRO if talk.opening.terms.concept == CLOCK else 1
    prices, sums = _heard(talk)
    return tuple(
        RoundStatus(
            at,
            price,
            sums[at] * scale if at < len(sums) else None,
            talk.opening.supplier,
            tuple(
                AnswerStatus(seat, said * scale, seat in wants, wants.get(seat, ""))
                for (to, seat), said in sorted(answers.items())
                if to == at
            ),
        )
        for at, price in enumerate(prices)
    )


def _heard(talk: Quoted) -> tuple[list[int], list[int]]:
    """The prices that were quoted, and the sums of the answers as far as they are known."""
    match talk:
        case Hosted():
            prices = [each.quote.price for each in talk.rounds]
            sums = [sum(it.quantity for it in each.answers.values()) for each in talk.rounds]
            return prices, sums if talk.close is not None else sums[:-1]
        case MaskedHosted():
            prices = [each.quote.price for each in talk.rounds if not each.quote.final]
            return prices, [each.first for each in talk.heard]
        case MaskedSeated():
            prices = [each.price for each in talk.heard]
            is_open = talk.last is not None and not talk.is_searched
            return [*prices, *[talk.price] * is_open], [each.first for each in talk.heard]
        case Seated():
            prices = [each.price for each in talk.heard]
            is_open = talk.last is not None and talk.close is None
            return [*prices, *[talk.price] * is_open], [each.sum for each in talk.heard]


def _answers(talk: Talk) -> dict[tuple[int, int], int]:
    """What was answered, by round and seat: all of it to a supplier, else our own."""
    match talk:
        case Hosted():
            return {
                (at, seat): answer.quantity
                for at, each in enumerate(talk.rounds)
                for seat, answer in each.answers.items()
            }
        case Seated():
            return {
                (at, seat.index): answer.quantity
                for seat in talk.seats
                for at, answer in enumerate(seat.answers)
            }
        case _:
            return {}


def _opened(evidence: Evidence) -> dict[tuple[int, int], int]:
    """Of a masked session what seats opened at its end: the journal keeps the rest under pads."""
    words = (each.message for each in evidence.envelopes)
    return {
        (opened.round, word.seat): opened.first
        for word in words
        if isinstance(word, Unmasking)
        for opened in word.answers
    }


def _wants(talk: Seated | MaskedSeated, names: Mapping[bytes, str]) -> dict[int, str]:
    """For what each of our seats is."""
    ids = {seat.index: seat.member.sub_task for seat in talk.seats}
    return {seat: names.get(it, f"0x{it.hex()}") for seat, it in ids.items()}
