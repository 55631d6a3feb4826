"""Who said what of how far a delivery has come, and what the other answered: from a journal."""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from fabmarket.identity.codec import decode
from fabmarket.market.usage import Receipt, Usage
from fabmarket.node.envelope import Envelope
from fabmarket.node.journal import Journal
from fabmarket.node.settings import JOURNAL


@dataclass(frozen=True)
class Report:
    """A report that was sent or heard, its digest, and the first answer to it."""

    digest: bytes
    usage: Usage
    receipt: Receipt | None


def reports_of(folder: Path) -> list[Report]:
    """Return all reports in an agent's journal, in order of arrival, those of closed trades too."""
    with closing(Journal.reading(folder / JOURNAL)) as journal:
        said = [
            (key, decode(Envelope, text).message) for key, text in journal.said("Usage", "Receipt")
        ]
    answers: dict[bytes, Receipt] = {}
    for _, word in said:
        if isinstance(word, Receipt):
            answers.setdefault(word.usage, word)
    return [Report(key, word, answers.get(key)) for key, word in said if isinstance(word, Usage)]
