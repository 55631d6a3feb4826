"""The follower of the chain, the event store, and the audit that replays the twin over it."""

from fabmarket.ledger.audit import Audit, Check, Difference, NoMarket, Surplus, audit, audit_log
from fabmarket.ledger.follower import Follower
from fabmarket.ledger.store import Block, Entry, EventStore, LedgerError

__all__ = [
    "Audit",
    "Block",
    "Check",
    "Difference",
    "Entry",
    "EventStore",
    "Follower",
    "LedgerError",
    "NoMarket",
    "Surplus",
    "audit",
    "audit_log",
]
