"""All that a supplier knows of a masked session that it hosts."""

from __future__ import annotations  # HashTrieMap takes no parameters when it runs

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rpds import HashTrieMap

from fabmarket.market.masked import (
    MaskedAbort,
    MaskedAnswer,
    MaskedClose,
    MaskedQuote,
    MaskedWord,
    Unmasking,
)
from fabmarket.market.messages import MaskedOpening, Member
from fabmarket.market.sums import Node
from fabmarket.negotiation.awarding import Awards
from fabmarket.negotiation.course import Course
from fabmarket.negotiation.masked.blame import Words
from fabmarket.negotiation.masked.sums import Heard

SILENT = "a seat was silent"
LIED = "a seat lied"


@dataclass(frozen=True)
class Masked:
    """A seat's masked answer, and its digest."""

    answer: MaskedAnswer
    digest: bytes


@dataclass(frozen=True)
class MaskedRound:
    """A quote and the answers to it by seat."""

    quote: MaskedQuote
    digest: bytes
    answers: HashTrieMap[int, Masked] = field(default_factory=HashTrieMap)


@dataclass(frozen=True)
class MaskedHosted:
    """Everything that has been said. `signers` are the addresses of the one-time keys by seat,
    `heard` the sums of the rounds that are over, `unmasked` what seats opened. `inquiry` is what
    was said to find out who lied, where somebody did.
    """

    id: bytes
    opening: MaskedOpening
    members: tuple[Member, ...]
    signers: tuple[str, ...]
    course: Course
    rounds: tuple[MaskedRound, ...] = ()
    heard: tuple[Heard, ...] = ()
    unmasked: HashTrieMap[int, Unmasking] = field(default_factory=HashTrieMap)
    inquiry: Words | None = None
    close: MaskedClose | None = None
    abort: MaskedAbort | None = None
    awards: tuple[int, ...] = ()
    payments: tuple[int, ...] = ()
    transcript: bytes = b""

    @property
    def price(self) -> int | None:
        """The price that was found, None if there is none."""
        return self.close.price if self.close else None

    @property
    def dropped(self) -> frozenset[int]:
        """The seats that did not open their answers."""
        return frozenset(self.close.dropped) if self.close else frozenset()

    @property
    def is_searched(self) -> bool:
        """Whether the search for a price is over."""
        return bool(self.rounds) and self.rounds[-1].quote.final

    @property
    def quotes(self) -> int:
        """How many prices were quoted for an answer."""
        return len(self.rounds) - self.is_searched

    @property
    def over(self) -> bool:
        """Whether nothing more is said."""
        is_vain = self.is_searched and self.rounds[-1].quote.price == 0
        return self.close is not None or self.abort is not None or is_vain

    @property
    def silent(self) -> tuple[int, ...]:
        """The seats that owe a word."""
        owing, said = self._owed
        return tuple(at for at in owing if at not in said)

    @property
    def waits(self) -> bool:
        """Whether a word is missing, in constant time."""
        owing, said = self._owed
        return len(said) < len(owing)

    @property
    def _owed(self) -> tuple[Sequence[int], HashTrieMap[int, Any]]:
        """Who is to say something now, and who has."""
        everyone = range(len(self.members))
        if self.inquiry is None:
            said = self.unmasked if self.is_searched else self.rounds[-1].answers
            return everyone, said
        if self.inquiry.rounds:
            return everyone, self.inquiry.proved
        if self.inquiry.disputed:
            return self.inquiry.disputed, self.inquiry.pairs
        return everyone, self.inquiry.pads


@dataclass(frozen=True)
class MaskedDue:
    """What the supplier must say next, and what follows from it.

    `heard` are the sums of the round that is over, `awards` what a close gives to each seat,
    `paths` those of the leaves in the message's tree, in the order of the seats that count.
    """

    message: MaskedWord
    course: Course
    heard: Heard | None = None
    awards: Awards | None = None
    paths: tuple[tuple[Node, ...], ...] = ()
