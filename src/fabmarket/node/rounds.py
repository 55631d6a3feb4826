"""Own negotiations as a journal keeps them: which there were, and one of them round by round."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch

from fabmarket.identity.codec import decode
from fabmarket.market.digits import Digits
from fabmarket.market.masked import MaskedClose
from fabmarket.market.messages import Close, Counter, MaskedOpening, Opening, OpeningMessage
from fabmarket.market.units import MICRO
from fabmarket.negotiation.bargaining import Bargain
from fabmarket.negotiation.course import CLOCK
from fabmarket.negotiation.hosting import Hosted
from fabmarket.negotiation.lies import BestLie, best_lie, best_own_lie
from fabmarket.negotiation.masked.hosted import MaskedHosted
from fabmarket.negotiation.masked.seat import MaskedSeated
from fabmarket.negotiation.seat import Seat, Seated
from fabmarket.node.envelope import Envelope
from fabmarket.node.evidence import evidence_of
from fabmarket.node.journal import Journal
from fabmarket.node.replay import Replayed, Talk, awards_of, replay


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

    `sum`: of all answers, micro-units, None where we do not know. In a bargain the price is what
    `by` proposed.
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
    shown = replay(evidence_of(journal, session))
    opening, rounds = shown.talk.opening, _rounds(shown.talk, names)
    return Negotiated(
        session=_session(journal, address, session),
        capacity=opening.terms.capacity,
        least=opening.terms.maintenance,
        rounds=rounds,
        outcome=shown.outcome,
        awards=tuple(
            AwardStatus(each.demander, each.units, each.price) for each in awards_of(shown.talk)
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


@singledispatch
def _rounds(talk: Talk, names: Mapping[bytes, str]) -> tuple[RoundStatus, ...]:
    raise NotImplementedError(type(talk).__name__)


@_rounds.register
def _hosted(talk: Hosted, names: Mapping[bytes, str]) -> tuple[RoundStatus, ...]:
    scale = _scale(talk.opening)
    found = []
    for at, each in enumerate(talk.rounds):
        answers = tuple(
            AnswerStatus(seat, answer.quantity * scale, own=False, want="")
            for seat, answer in sorted(each.answers.items())
        )
        total = sum(answer.quantity for answer in answers)
        is_whole = at + 1 < len(talk.rounds) or talk.close is not None
        known = total if is_whole else None
        found.append(RoundStatus(at, each.quote.price, known, talk.opening.supplier, answers))
    return tuple(found)


@_rounds.register
def _masked_hosted(talk: MaskedHosted, names: Mapping[bytes, str]) -> tuple[RoundStatus, ...]:
    prices = [each.quote.price for each in talk.rounds if not each.quote.final]
    return _of_sums(talk.opening, prices, [each.first for each in talk.heard], (), names)


@_rounds.register
def _seated(talk: Seated, names: Mapping[bytes, str]) -> tuple[RoundStatus, ...]:
    prices = [each.price for each in talk.heard]
    if talk.last is not None and talk.close is None:
        prices.append(talk.last.price)
    return _of_sums(talk.opening, prices, [each.sum for each in talk.heard], talk.seats, names)


@_rounds.register
def _masked_seated(talk: MaskedSeated, names: Mapping[bytes, str]) -> tuple[RoundStatus, ...]:
    prices = [each.price for each in talk.heard]
    if talk.last is not None and not talk.is_searched:
        prices.append(talk.last.price)
    return _of_sums(talk.opening, prices, [each.first for each in talk.heard], talk.seats, names)


@_rounds.register
def _bargained(talk: Bargain, names: Mapping[bytes, str]) -> tuple[RoundStatus, ...]:
    return tuple(
        RoundStatus(at, each.unit_price, None, each.sender, ())
        for at, each in enumerate(talk.counters)
    )


def _of_sums(
    opening: OpeningMessage,
    prices: Sequence[int],
    sums: Sequence[int],
    seats: Sequence[Seat],
    names: Mapping[bytes, str],
) -> tuple[RoundStatus, ...]:
    """The rounds of which the sums are known, with the answers of our own seats."""
    scale, found = _scale(opening), []
    for at, price in enumerate(prices):
        answers = tuple(
            AnswerStatus(
                seat.index,
                seat.answers[at].quantity * scale,
                own=True,
                want=names.get(seat.member.sub_task, f"0x{seat.member.sub_task.hex()}"),
            )
            for seat in seats
            if at < len(seat.answers)
        )
        known = sums[at] * scale if at < len(sums) else None
        found.append(RoundStatus(at, price, known, opening.supplier, answers))
    return tuple(found)


def _scale(opening: OpeningMessage) -> int:
    """Micro-units of what is said in an answer: whole units in a clock."""
    return MICRO if opening.terms.concept == CLOCK else 1
