"""The ledger: the follower of the chain, its events and what follows from them in a database, and
the audit that replays the twin over them.
"""

from fabmarket.ledger.audit import Audit, Check, Difference, NoMarket, Surplus, audit, audit_log
from fabmarket.ledger.database import LedgerBusy, LedgerError
from fabmarket.ledger.follower import Follower
from fabmarket.ledger.ledger import Ledger
from fabmarket.ledger.store import Block, Entry, EventLog
from fabmarket.ledger.trace import NoTrade, Signer, Step, Trace, trace, trace_ledger

__all__ = [
    "Audit",
    "Block",
    "Check",
    "Difference",
    "Entry",
    "EventLog",
    "Follower",
    "Ledger",
    "LedgerBusy",
    "LedgerError",
    "NoMarket",
    "NoTrade",
    "Signer",
    "Step",
    "Surplus",
    "Trace",
    "audit",
    "audit_log",
    "trace",
    "trace_ledger",
]
