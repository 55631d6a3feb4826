"""The follower of the chain, the event store, and the audit that replays the twin over it."""

from fabmarket.ledger.audit import Audit, Check, Surplus, audit
from fabmarket.ledger.follower import Follower
from fabmarket.ledger.store import Block, Entry, EventStore, LedgerError

__all__ = [
    "Audit",
    "Block",
    "Check",
    "Entry",
    "EventStore",
    "Follower",
    "LedgerError",
    "Surplus",
    "audit",
]
