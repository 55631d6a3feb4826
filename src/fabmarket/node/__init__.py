"""One participant as a running thing: its step, its journal, its outbox, what it can prove."""

from fabmarket.node.evidence import Evidence, Fork, Replayed, evidence_of, forks, replay
from fabmarket.node.journal import Journal
from fabmarket.node.outbox import Outbox
from fabmarket.node.participant import Answer, Heard, Participant

__all__ = [
    "Answer",
    "Evidence",
    "Fork",
    "Heard",
    "Journal",
    "Outbox",
    "Participant",
    "Replayed",
    "evidence_of",
    "forks",
    "replay",
]
