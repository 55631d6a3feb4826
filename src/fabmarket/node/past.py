"""Which of the words that a journal keeps are over, and until when the others are not.

A session is over when it has ended, its slot too, and its trades can settle no more and are not in
escrow; a bid likewise, with its cycle of the rounds; a net batch with its cycle and the last of its
trades that is kept here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fabmarket.identity.codec import decode
from fabmarket.market.cycles import Counted, Cycles, Entering, Entry, Joining, Proposal, Roll
from fabmarket.market.messages import (
    Demand,
    MaskedOpening,
    Message,
    Offer,
    Opening,
    Refusal,
    Selection,
    SplitOffer,
)
from fabmarket.market.oversight import Exhibit
from fabmarket.market.products import Bid, Countersigned, Need, Plan, PriceList, SealedBid
from fabmarket.market.rhythm import Rhythm
from fabmarket.market.rounds import Rounds
from fabmarket.market.trade import Trade
from fabmarket.market.usage import Receipt, Usage
from fabmarket.negotiation.demander import DemanderState
from fabmarket.negotiation.operator import OperatorState
from fabmarket.node.envelope import Envelope
from fabmarket.node.journal import Journal

OPEN = 1 << 64
"""The end of what has none yet."""
FORGOTTEN = "forgotten"
"""Under which name a journal keeps how much of it was forgotten."""


@dataclass(frozen=True)
class Forgotten:
    """How much was forgotten so far, of what was over by `before`, seconds of chain time.

    `sessions` are those and bids.
    """

    before: int = 0
    sessions: int = 0
    trades: int = 0
    messages: int = 0


@dataclass(frozen=True)
class Kept:
    """A session, bid or batch that is not over, and when it will be: None where that is open, as a
    trade is in escrow or a product is still to be bought.
    """

    what: str
    name: bytes
    until: int | None


@dataclass(frozen=True)
class Past:
    """What was over by second `before`: messages, sessions and bids with their trades, batches."""

    before: int
    messages: frozenset[bytes]
    sessions: frozenset[bytes]
    batches: frozenset[bytes]
    trades: frozenset[bytes]
    kept: tuple[Kept, ...]


def forgotten_in(journal: Journal) -> Forgotten:
    """Return how much of a journal was forgotten so far."""
    noted = journal.about(FORGOTTEN)
    return Forgotten() if noted is None else decode(Forgotten, noted)


@dataclass(frozen=True)
class _Word:
    digest: bytes
    session: bytes | None
    envelope: Envelope

    @property
    def message(self) -> Message:
        return self.envelope.message


def past_of(journal: Journal, state: Any, before: int) -> Past:
    """Return what of a journal, whose state this is, was over by a second of chain time."""
    words = [_Word(key, of, decode(Envelope, text)) for key, of, text in journal.messages()]
    ends = _Ends(state, words)
    past = {each.digest for each in words if ends.of(each) <= before}
    kinds = {each.session: kind for each in words if (kind := _BEGINS.get(type(each.message)))}
    over = {key for key, end in ends.talks.items() if end <= before}
    batches = frozenset(key for key in over if key not in kinds)
    trades = (each.digest for each in words if isinstance(each.message, Trade))
    return Past(
        before=before,
        messages=frozenset(past),
        sessions=frozenset(over - batches),
        batches=batches,
        trades=frozenset(each for each in trades if each in past),
        kept=tuple(
            Kept(kinds.get(key, "batch"), key, None if end >= OPEN else end)
            for key, end in ends.talks.items()
            if end > before
        ),
    )


_BEGINS: Mapping[type, str] = {
    Opening: "session",
    MaskedOpening: "session",
    SealedBid: "bid",
    Bid: "bid",
}
"""The messages that show of what kind all are that belong together."""


class _Ends:
    """When each word is over; `talks` are the ends of sessions, bids and batches."""

    def __init__(self, state: Any, words: Iterable[_Word]) -> None:
        self._state = state
        self._rhythm = _rhythm_of(state)
        self.talks: dict[bytes, int] = {}
        self._trades: dict[bytes, int] = {}
        self._offers: dict[bytes, int] = {}
        self._selections: dict[bytes, int] = {}
        for word in words:
            if word.session is not None:
                self._last(self.talks, word.session, self._own(word))
        for word in words:
            match word.message:
                case Trade():
                    own = self.talks[word.session] if word.session else self._own(word)
                    self._trades[word.digest] = own
                case Offer():
                    self._offers[word.digest] = self._own(word)
        for word in words:
            match word.message:
                case Counted(batch=batch, trades=leaves):
                    for leaf in leaves:
                        self._last(self.talks, batch, self._trades.get(leaf.trade, 0))
                case Selection(offer=offer):
                    self._last(self._selections, word.digest, self._offers.get(offer, 0))
                case Opening() | MaskedOpening() if word.session is not None:
                    for place in word.envelope.places:
                        self._last(self._selections, place.selection, self.talks[word.session])
                case _:
                    pass

    @staticmethod
    def _last(ends: dict[bytes, int], key: bytes, end: int) -> None:
        ends[key] = max(ends.get(key, 0), end)

    def of(self, word: _Word) -> int:
        """Return the second at which a word is over; what is not known to end is never."""
        if word.session is not None:
            return self.talks[word.session]
        match word.message:
            case Selection():
                return self._selections[word.digest]
            case Refusal(selection=selection):
                return self._selections.get(selection, 0)
            case SplitOffer(split=split):
                return self._trades.get(split.trade, 0)
            case Exhibit() if isinstance(self._state, OperatorState):
                return OPEN
            case Exhibit() | Usage() | Receipt() | Countersigned() as said:
                return self._trades.get(said.trade, 0)
            case _:
                return self._own(word) or OPEN

    def _own(self, word: _Word) -> int:
        """When a word by itself is over; 0 where it does not say."""
        rhythm = self._rhythm
        match word.message:
            case Opening() | MaskedOpening() as opening:
                return max(opening.ends, opening.slot_end)
            case Trade() as trade:
                is_held = word.digest in self._state.escrows
                return OPEN if is_held else max(trade.valid_until, self._slot_end(trade.listing))
            case Demand() | Offer() as said:
                return rhythm.ends(said.opens)
            case SealedBid(beat=beat):
                return self._rounds_end(beat)
            case Bid(terms=terms):
                is_bought = isinstance(self._state, DemanderState)
                is_open = is_bought and terms.product in self._state.buyers
                return OPEN if is_open else self._rounds_end(terms.beat)
            case Need(cycle=at) | PriceList(at=at) | Plan(at=at):
                return self._rounds_end(at)
            case Joining() | Roll() | Entering() | Entry() | Proposal() as said:
                return Cycles(rhythm).late_from(said.closed)
            case _:
                return 0

    def _rounds_end(self, at: int) -> int:
        rounds = Rounds(self._rhythm)
        return rounds.at(max(at, rounds.rhythm.origin)).opened + rounds.length

    def _slot_end(self, listing: bytes) -> int:
        """Of a listing, which the chain has told of before any trade."""
        known = (
            self._state.listed if isinstance(self._state, DemanderState) else self._state.shelves
        )
        return known[listing].end if listing in known else OPEN


def _rhythm_of(state: Any) -> Rhythm:
    """Of an operator the cycles', where it coordinates: else no word that it keeps has a beat."""
    if not isinstance(state, OperatorState):
        rhythm: Rhythm = state.rhythm
        return rhythm
    return Rhythm(0, 60) if state.net is None else state.net.cycles.rhythm
