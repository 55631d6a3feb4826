"""One participant as a running thing: its step, its journal, its outbox, what it can prove."""

from fabmarket.node.bidding import ShownBid, replay_bid
from fabmarket.node.checking import BadEvidence
from fabmarket.node.evidence import Evidence, NoEvidence, evidence_of
from fabmarket.node.forks import Fork, forks, reopened
from fabmarket.node.journal import Journal
from fabmarket.node.outbox import Outbox
from fabmarket.node.participant import Answer, Heard, Participant
from fabmarket.node.replay import Replayed, Unheard, awards_of, replay
from fabmarket.node.settlements import Settlement

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
    "Settlement",
    "ShownBid",
    "Unheard",
    "awards_of",
    "evidence_of",
    "forks",
    "reopened",
    "replay",
    "replay_bid",
]
