"""One participant as a running thing: its step, its journal, its outbox, what it can prove."""

from fabmarket.node.evidence import (
    BadEvidence,
    Evidence,
    Fork,
    NoEvidence,
    Replayed,
    evidence_of,
    forks,
    replay,
)
from fabmarket.node.journal import Journal
from fabmarket.node.outbox import Outbox
from fabmarket.node.participant import Answer, Heard, Participant

__all__ = [
    "Answer",
    "BadEvidence",
    "Evidence",
    "Fork",
    "Heard",
    "Journal",
    "NoEvidence",
    "Outbox",
    "Participant",
    "Replayed",
    "evidence_of",
    "forks",
    "replay",
]
