"""The event store and the audit that replays the twin over it."""

from fabmarket.ledger.audit import Check, audit
from fabmarket.ledger.store import EventStore, LedgerError

__all__ = ["Check", "EventStore", "LedgerError", "audit"]
