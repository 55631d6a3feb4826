"""How far a delivery has come, as its parties and whoever checks their words follow it."""

from __future__ import annotations  # HashTrieMap takes no parameters when it runs

from dataclasses import dataclass, field, replace

from rpds import HashTrieMap

from fabmarket.market.trade import Trade
from fabmarket.market.usage import LONGEST_NOTE, MOST_REPORTS, Receipt, Usage
from fabmarket.negotiation.course import Unacceptable
from fabmarket.negotiation.seat import SecondWord


@dataclass(frozen=True)
class Said:
    """A report, and whether it was accepted; None while it is not answered."""

    sequence: int
    units: int
    at: int
    accepted: bool | None = None


@dataclass(frozen=True)
class Progress:
    """All reports on a trade by digest; `last` is that of the last, `agreed` of the last accepted.

    Both are empty where there is none.
    """

    said: HashTrieMap[bytes, Said] = field(default_factory=HashTrieMap)
    last: bytes = b""
    agreed: bytes = b""

    @property
    def newest(self) -> Said | None:
        """The last report."""
        return self.said.get(self.last)

    @property
    def accepted(self) -> Said | None:
        """The last report that the demander has accepted."""
        return self.said.get(self.agreed)


def reported(progress: Progress, trade: Trade, usage: Usage, digest: bytes) -> Progress:
    """Return the progress after one more report. Unacceptable if it cannot come after the others.

    SecondWord if it contradicts one of them: both together prove it.
    """
    newest = progress.newest or Said(-1, 0, trade.escrow.deliver_from)
    if usage.sequence <= newest.sequence:
        if any(each.sequence == usage.sequence for each in progress.said.values()):
            raise SecondWord("second report of one number")
        raise Unacceptable("report that comes after a later one")
    if usage.sequence >= MOST_REPORTS:
        raise Unacceptable(f"more than {MOST_REPORTS} reports on one trade")
    if usage.units < newest.units:
        raise Unacceptable("report of fewer units than before")
    if usage.units > trade.quantity:
        raise Unacceptable("report of more units than were sold")
    if not newest.at <= usage.at < trade.escrow.decide_by:
        raise Unacceptable("report of a time before the last or outside the trade's life")
    _check_note(usage.note)
    said = Said(usage.sequence, usage.units, usage.at)
    return replace(progress, said=progress.said.insert(digest, said), last=digest)


def answered(progress: Progress, receipt: Receipt) -> Progress:
    """Return the progress after an answer to a report. SecondWord if that has another."""
    said = progress.said.get(receipt.usage)
    if said is None:
        raise Unacceptable("answer to no report on this trade")
    if said.accepted is not None:
        raise SecondWord("second answer to one report")
    _check_note(receipt.note)
    said = replace(said, accepted=receipt.accepted)
    progress = replace(progress, said=progress.said.insert(receipt.usage, said))
    before = progress.accepted
    if not receipt.accepted or (before is not None and before.sequence > said.sequence):
        return progress
    return replace(progress, agreed=receipt.usage)


def _check_note(note: str) -> None:
    if len(note) > LONGEST_NOTE:
        raise Unacceptable(f"a note has at most {LONGEST_NOTE} characters")
