"""The event store and the audit that replays the twin over it."""

from fabmarket.ledger.audit import Audit, Check, Surplus, audit
from fabmarket.ledger.store import EventStore, LedgerError

__all__ = ["Audit", "Check", "EventStore", "LedgerError", "Surplus", "audit"]
